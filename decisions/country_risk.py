"""Country and political risk: ratings by publication day, caps and longest terms by rating, transfer holds, exposure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from decisions.policy_files import Policy
from decisions.wording import sentence
from ledger.errors import InputError

NOT_GIVEN = "not given"
ALLOW, HOLD, REFER = "allow", "hold", "refer"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CountryRating(_Part):
    """A country's rating from the day on which it was published."""

    country: str = Field(pattern="^[A-Z]{2}$")
    rating: int
    published_on: date


class TransferHold(_Part):
    """No new deliveries on credit to a country from a day, until a day where one is given."""

    country: str = Field(pattern="^[A-Z]{2}$")
    from_on: date
    until_on: date | None = None
    reason: str


class CountryPolicy(Policy):
    """A file such as decisions/policies/country.toml, where each key is explained."""

    scale: str
    without_rating: Literal["refer", "hold", "allow"]
    stale_after_days: int = Field(ge=1)
    caps: Mapping[str, float]
    terms_days: Mapping[str, int]
    transfer_holds: tuple[TransferHold, ...] = ()
    ratings: tuple[CountryRating, ...] = ()

    def rating_on(self, country: str | None, on: date) -> CountryRating | None:
        """Return the last rating of a country published by a day; None without one. A rating published later is not known."""
        own = [r for r in self.ratings if r.country == country and r.published_on <= on]
        return max(own, key=lambda r: r.published_on) if own else None

    def hold_on(self, country: str | None, on: date) -> TransferHold | None:
        """Return the transfer hold of a country in force on a day, None without one."""
        own = (h for h in self.transfer_holds if h.country == country and h.from_on <= on)
        return next((h for h in own if h.until_on is None or on <= h.until_on), None)

    def cap_of(self, rating: int) -> float:
        """Return the largest exposure of a rating. Raises InputError for a rating that the file gives no cap."""
        if str(rating) not in self.caps:
            raise InputError(
                f"{self.name} {self.version}: no cap for rating {rating}; there are {', '.join(sorted(self.caps))}."
            )
        return self.caps[str(rating)]


def country_finding(
    policy: CountryPolicy,
    country: str | None,
    on: date,
    *,
    exposure: float,
    order: float,
    terms_days: int | None = None,
) -> tuple[str, str, dict[str, Any]]:
    """Return what country risk says of a new delivery on credit: (allow, hold or refer; the code of the sentence that says
    why; its values, see `decisions.wording`).

    exposure : to the whole country now. order : the new amount. terms_days : of the order; None: not looked at.
    """
    hold = policy.hold_on(country, on)
    if hold is not None:
        return HOLD, "country_transfer_hold", {"country": hold.country, "day": hold.from_on, "why": hold.reason}
    if country is None:
        return policy.without_rating, "country_not_given", {}
    rating = policy.rating_on(country, on)
    if rating is None:
        return policy.without_rating, "country_not_rated", {"country": country, "day": on}
    own = {"country": country, "rating": rating.rating}
    cap, total = policy.cap_of(rating.rating), exposure + order
    if total > cap:
        return HOLD, "country_over_cap", {**own, "total": total, "cap": cap}
    longest = policy.terms_days.get(str(rating.rating))
    if longest is not None and terms_days is not None and terms_days > longest:
        return REFER, "country_terms", {**own, "terms": terms_days, "longest": longest}
    return ALLOW, "country_within", {**own, "total": total, "cap": cap}


def country_answer(
    policy: CountryPolicy,
    country: str | None,
    on: date,
    *,
    exposure: float,
    order: float,
    terms_days: int | None = None,
    language: str = "en",
) -> tuple[str, str]:
    """Return what country risk says of a new delivery on credit: (allow, hold or refer; why, in words); see
    `country_finding`."""
    answer, code, values = country_finding(policy, country, on, exposure=exposure, order=order, terms_days=terms_days)
    return answer, sentence(code, values, language)


def exposure_by_country(items: pd.DataFrame, limits: pd.Series, policy: CountryPolicy, on: date) -> pd.DataFrame:
    """Return exposure and limits by country against the caps, the most used first.

    Parameters
    ----------
    items : open items: customer_id, country (NaN: not given), open_amount (reporting currency), days_past_due.
    limits : credit limits by country (reporting currency); a country missing here has none.

    Returns
    -------
    country, rating (NaN: none), published_on, is_stale, exposure, overdue, customers, limits, cap (NaN without a rating),
    used (exposure / cap; NaN without), answer (allow, hold, refer) and why.
    """
    country = items["country"].astype(object).where(items["country"].notna(), NOT_GIVEN)
    grouped = items.assign(
        country=country, overdue=items["open_amount"].where(items["days_past_due"] > 0, 0.0)
    ).groupby("country")
    sums = grouped.agg(
        exposure=("open_amount", "sum"), overdue=("overdue", "sum"), customers=("customer_id", "nunique")
    )
    names = sorted({*sums.index, *limits.index})
    rows = []
    for name in names:
        code = None if name == NOT_GIVEN else name
        exposure = float(sums["exposure"].get(name, 0.0))
        rating = policy.rating_on(code, on)
        cap = np.nan if rating is None else policy.cap_of(rating.rating)
        answer, why = country_answer(policy, code, on, exposure=exposure, order=0.0)
        rows.append({
            "country": name, "rating": np.nan if rating is None else rating.rating, "published_on": pd.NaT if rating is None else pd.Timestamp(rating.published_on),
            "is_stale": rating is not None and (on - rating.published_on).days > policy.stale_after_days, "exposure": exposure,
            "overdue": float(sums["overdue"].get(name, 0.0)), "customers": int(sums["customers"].get(name, 0)),
            "limits": float(limits.get(name, 0.0)), "cap": cap, "used": exposure / cap if cap and not np.isnan(cap) else np.nan,
            "answer": answer, "why": why,
        })  # fmt: skip
    found = pd.DataFrame(rows)
    return (
        found.sort_values(["used", "exposure"], ascending=False, na_position="last", kind="stable", ignore_index=True)
        if len(found)
        else found
    )


def exposure_by_currency(items: pd.DataFrame) -> pd.DataFrame:
    """Return open and overdue amounts (reporting currency) and their share by document currency, the largest first."""
    grouped = items.assign(overdue=items["open_amount"].where(items["days_past_due"] > 0, 0.0)).groupby("currency")
    sums = grouped.agg(
        exposure=("open_amount", "sum"), overdue=("overdue", "sum"), items=("open_amount", "size")
    ).reset_index()
    total = sums["exposure"].sum()
    return sums.assign(share=sums["exposure"] / total if total else np.nan).sort_values(
        "exposure", ascending=False, ignore_index=True
    )
