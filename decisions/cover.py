"""Trade-credit insurance: per invoice what is covered, what must be done by when, what cover is lost and why.

Everything is decided from an invoice's dated facts and the policy, for one day; days are int32 since 1970-01-01 and
`NEVER` for what has not happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from decisions.policy_files import Policy
from ledger.known import NEVER, day

COVERED, OVER_LIMIT, SUSPENDED, LOST, NONE = "covered", "over the limit", "suspended", "lost", "not insured"
REASONS = {  # in the order in which they are looked for; the first that holds is the reason
    "outside_policy_period": "issued outside the policy's period",
    "country_not_covered": "the buyer's country is not covered",
    "buyer_excluded": "the insurer excluded the buyer",
    "terms_too_long": "the payment terms are longer than the policy allows",
    "no_limit": "no limit was in force on the day of issue",
    "shipped_after_stop": "issued while shipments had to be stopped",
    "extended_without_consent": "the due day was put off without the insurer's consent",
    "insolvency_not_reported": "the insolvency was not reported in time",
    "overdue_not_reported": "the overdue item was not reported in time",
    "claim_not_made": "no claim was made in time",
}
FROM_THE_START = ("outside_policy_period", "country_not_covered", "buyer_excluded", "terms_too_long", "no_limit")
DUTIES = {
    "report_insolvency": "report the insolvency", "report_overdue": "report the overdue item", "make_claim": "make the claim",
}  # fmt: skip
Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
MOST = int(NEVER)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Discretionary(_Part):
    """A limit that the insured may set from its own payment experience, and what that experience must be."""

    limit: Amount
    experience_months: Annotated[int, Field(ge=1)]
    fewest_paid_invoices: Days
    longest_days_late: Days


class Countries(_Part):
    """Countries (ISO 3166 alpha-2) without any cover, and without cover of political causes."""

    not_covered: tuple[str, ...] = ()
    without_political: tuple[str, ...] = ()


class Buyer(_Part):
    """One buyer's limit by the policy, or its exclusion."""

    customer_id: str
    limit: Amount = 0.0
    share: Share | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    is_excluded: bool = False


class CoverPolicy(Policy):
    """The terms of a credit-insurance policy; see decisions/policies/cover.toml."""

    insurer: str
    policy_number: str
    valid_from: date
    valid_until: date
    insured_share: Share
    political_insured_share: Share
    first_loss: Amount
    aggregate_first_loss: Amount
    maximum_liability: Amount
    maximum_terms_days: Days
    maximum_extension_days: Days
    smallest_overdue: Amount
    notify_within_days: Days
    report_insolvency_within_days: Days
    claim_waiting_days: Days
    claim_within_days: Days
    premium_share_of_limit: Share
    discretionary: Discretionary
    countries: Countries = Countries()
    buyers: tuple[Buyer, ...] = ()


def evaluate(lives: pd.DataFrame, limits: pd.DataFrame, policy: CoverPolicy, as_of: date | int) -> pd.DataFrame:
    """Return the cover of every invoice of `lives` that is open at the end of `as_of`.

    Parameters
    ----------
    lives : one row an invoice, open or closed: invoice_id, customer_id, country (None: not given), issued_on, due_on,
        settled_on, notified_on, extended_until, conceded_on, claimed_on (day numbers, NEVER where not), insolvent_on (of
        the customer), is_disputed, open_cents, extension_days (the buyer's maximum extension period), unpaid_cents (what was unpaid at its
        end; for an open item what is open).
    limits : one row a limit: customer_id, valid_from, valid_until (day numbers, both included), limit_cents, share,
        kind (insurer, discretionary), is_excluded. Of several in force on a day the one that began last counts.
    policy : the policy. as_of : the day.

    Returns
    -------
    One row an open invoice, by customer, day of issue and id: invoice_id, customer_id, issued_on, due_on, effective_due,
    open_cents, limit_cents, share, limit_kind, status (covered, over the limit, suspended, lost, not insured: never had
    cover), reason (a key of REASONS or empty), within_limit_cents, insured_cents (what the insurer would pay of a total loss, before first
    losses), stop_from, notify_by, insolvency_by, claim_from, claim_by (day numbers; NEVER where the duty does not arise),
    is_notified, is_claimed.
    """
    at = as_of if isinstance(as_of, int) else day(as_of)
    stops = stop_days(lives, policy)
    is_open = (lives["issued_on"] <= at) & (lives["settled_on"] > at) & (lives["open_cents"] > 0)
    book = lives[is_open].sort_values(["customer_id", "issued_on", "invoice_id"], ignore_index=True)
    limit = _limits_on(book, limits)
    dates = _deadlines(book, policy)
    reason = _reason(book, limit, dates, stops, policy, at)
    is_eligible = (reason == "") & ~book["is_disputed"].to_numpy(dtype=bool)
    within = _within_limit(book, limit["limit_cents"].to_numpy(), is_eligible)
    status = np.select(
        [np.isin(reason, FROM_THE_START), reason != "", book["is_disputed"].to_numpy(dtype=bool), within < book["open_cents"].to_numpy()],
        [NONE, LOST, SUSPENDED, OVER_LIMIT], COVERED,
    )  # fmt: skip
    insured = np.floor(within * limit["share"].to_numpy() + 1e-6).astype(np.int64)
    kept = ["invoice_id", "customer_id", "issued_on", "due_on", "open_cents"]
    return pd.concat([
        book[kept], limit,
        pd.DataFrame({"status": status, "reason": reason, "within_limit_cents": within, "insured_cents": insured}),
        pd.DataFrame(dates),
        pd.DataFrame({
            "is_notified": book["notified_on"].to_numpy() <= at, "is_claimed": book["claimed_on"].to_numpy() <= at,
        }),
    ], axis=1)  # fmt: skip


def effective_due(lives: pd.DataFrame) -> NDArray[np.int64]:
    """Return the day that counts as due: the invoice's own, or the later one that the insurer consented to."""
    due, extended = (lives[name].to_numpy(dtype=np.int64) for name in ("due_on", "extended_until"))
    return np.where((extended < MOST) & (extended > due), extended, due)


def stop_days(lives: pd.DataFrame, policy: CoverPolicy) -> pd.DataFrame:
    """Return the stretches in which shipments to a customer must stop: customer_id, first, last (day numbers).

    A stretch begins the day after the maximum extension period of an invoice, or after an insolvency, and lasts until
    the day on which the invoice is settled (an insolvency: for ever).
    """
    first = effective_due(lives) + lives["extension_days"].to_numpy(dtype=np.int64) + 1
    own = pd.DataFrame(
        {"customer_id": lives["customer_id"], "first": first, "last": lives["settled_on"].astype(np.int64)}
    )
    insolvent = lives.loc[lives["insolvent_on"] < MOST, ["customer_id", "insolvent_on"]].drop_duplicates()
    ended = pd.DataFrame(
        {"customer_id": insolvent["customer_id"], "first": insolvent["insolvent_on"].astype(np.int64) + 1, "last": MOST}
    )
    is_material = (lives["unpaid_cents"] >= smallest_cents(policy)).to_numpy()
    both = pd.concat([own[(own["first"] <= own["last"]) & is_material], ended], ignore_index=True)
    return both.sort_values(["customer_id", "first"], ignore_index=True)


def smallest_cents(policy: CoverPolicy) -> int:
    """Return the smallest unpaid amount that counts as overdue to the insurer, in cents of the reporting currency."""
    return round(policy.smallest_overdue * 100)


def _limits_on(book: pd.DataFrame, limits: pd.DataFrame) -> pd.DataFrame:
    """The limit in force on each invoice's day of issue: limit_cents, share, limit_kind, is_excluded; 0 without one."""
    asked = book[["customer_id", "issued_on"]].assign(place=np.arange(len(book)))
    own = asked.merge(limits, on="customer_id", how="inner")
    own = own[(own["valid_from"] <= own["issued_on"]) & (own["valid_until"] >= own["issued_on"])]
    # an insurer's limit comes before our own; of several the one that began last
    own = own.assign(is_own=own["kind"] == "discretionary").sort_values(
        ["place", "is_own", "valid_from"], ascending=[True, False, True], kind="stable"
    )
    last = own.drop_duplicates("place", keep="last").set_index("place").reindex(np.arange(len(book)))
    return pd.DataFrame({
        "limit_cents": last["limit_cents"].fillna(0).astype(np.int64).to_numpy(),
        "share": last["share"].fillna(0.0).to_numpy(dtype=float), "limit_kind": last["kind"].fillna("none").to_numpy(),
        "is_excluded": last["is_excluded"].fillna(False).to_numpy(dtype=bool),
    })  # fmt: skip


def _deadlines(book: pd.DataFrame, policy: CoverPolicy) -> dict[str, NDArray[np.int64]]:
    """Every invoice's dated duties, whether or not they have arisen yet."""
    due, insolvent = effective_due(book), book["insolvent_on"].to_numpy(dtype=np.int64)
    extension = book["extension_days"].to_numpy(dtype=np.int64)
    has_failed = (insolvent < MOST) & (insolvent >= book["issued_on"].to_numpy())
    claim_from = due + policy.claim_waiting_days
    return {
        "effective_due": due, "stop_from": due + extension + 1, "notify_by": due + extension + policy.notify_within_days,
        "insolvency_by": np.where(has_failed, insolvent + policy.report_insolvency_within_days, MOST),
        "claim_from": np.where(has_failed, np.minimum(claim_from, insolvent), claim_from),
        "claim_by": due + policy.claim_within_days,
    }  # fmt: skip


def _reason(
    book: pd.DataFrame, limit: pd.DataFrame, dates: dict[str, NDArray[np.int64]], stops: pd.DataFrame,
    policy: CoverPolicy, at: int,
) -> NDArray[np.object_]:  # fmt: skip
    """The first reason, in the order of REASONS, for which each invoice has no cover; empty for none."""
    issued, due = book["issued_on"].to_numpy(dtype=np.int64), book["due_on"].to_numpy(dtype=np.int64)
    notified, claimed = book["notified_on"].to_numpy(), book["claimed_on"].to_numpy()
    holds = {
        "outside_policy_period": (issued < day(policy.valid_from)) | (issued > day(policy.valid_until)),
        "country_not_covered": book["country"].isin(list(policy.countries.not_covered)).to_numpy(),
        "buyer_excluded": limit["is_excluded"].to_numpy(),
        "terms_too_long": due - issued > policy.maximum_terms_days,
        "no_limit": limit["limit_cents"].to_numpy() <= 0,
        "shipped_after_stop": _shipped_after_stop(book, stops),
        "extended_without_consent": (book["conceded_on"].to_numpy() <= at) & (book["extended_until"].to_numpy() >= MOST),
        "insolvency_not_reported": (at > dates["insolvency_by"]) & (notified > dates["insolvency_by"]),
        "overdue_not_reported": (at > dates["notify_by"]) & (notified > dates["notify_by"])
        & (book["open_cents"].to_numpy() >= smallest_cents(policy)),
        "claim_not_made": (at > dates["claim_by"]) & (claimed > dates["claim_by"]),
    }  # fmt: skip
    found: NDArray[np.object_] = np.select([holds[name] for name in REASONS], list(REASONS), "").astype(object)
    return found


def _shipped_after_stop(book: pd.DataFrame, stops: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each invoice was issued on a day on which shipments to its customer had to be stopped."""
    asked = book[["customer_id", "issued_on"]].assign(place=np.arange(len(book)))
    both = asked.merge(stops, on="customer_id", how="inner")
    hit = both[(both["first"] <= both["issued_on"]) & (both["last"] >= both["issued_on"])]
    found = np.zeros(len(book), dtype=bool)
    found[hit["place"].to_numpy()] = True
    return found


def _within_limit(book: pd.DataFrame, limit: NDArray[np.int64], is_eligible: NDArray[np.bool_]) -> NDArray[np.int64]:
    """What of each invoice stands within its customer's limit: the oldest issues first, as an insurer counts."""
    within = np.zeros(len(book), dtype=np.int64)
    customer, amount = book["customer_id"].to_numpy(), book["open_cents"].to_numpy(dtype=np.int64)
    used, last = 0, None
    for place in np.flatnonzero(is_eligible):
        if customer[place] != last:
            used, last = 0, customer[place]
        within[place] = max(min(amount[place], limit[place] - used), 0)
        used += within[place]
    return within


def duties(evaluated: pd.DataFrame, policy: CoverPolicy, as_of: date) -> pd.DataFrame:
    """Return what must still be done for cover, one row an invoice and duty, the nearest deadline first.

    Columns: customer_id, invoice_id, duty (a key of DUTIES), by (day number), days_left, open_cents, insured_cents.
    Only invoices whose cover is not lost; only duties that have arisen and are not done: an overdue item may be reported
    from the day after its due day, a claim made from the end of the waiting period.
    """
    at = day(as_of)
    book = evaluated[evaluated["reason"] == ""]
    arisen = {
        "report_insolvency": (book["insolvency_by"] < MOST) & ~book["is_notified"],
        "report_overdue": (book["effective_due"] < at)
        & ~book["is_notified"]
        & (book["open_cents"] >= smallest_cents(policy)),
        "make_claim": (book["claim_from"] <= at) & (book["effective_due"] < at) & ~book["is_claimed"],
    }
    ends = {"report_insolvency": "insolvency_by", "report_overdue": "notify_by", "make_claim": "claim_by"}
    parts = [
        book.loc[holds, ["customer_id", "invoice_id", "open_cents", "insured_cents"]].assign(
            duty=duty, by=book.loc[holds, ends[duty]].to_numpy()
        )
        for duty, holds in arisen.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["days_left"] = frame["by"].astype(np.int64) - at
    return frame.sort_values(["by", "customer_id", "invoice_id", "duty"], ignore_index=True)


def net_expected_loss(
    pd_12m: NDArray[np.float64], lgd: NDArray[np.float64] | float, exposure: NDArray[np.float64], insured: NDArray[np.float64],
    first_loss: NDArray[np.float64] | float,
) -> NDArray[np.float64]:  # fmt: skip
    """Return PD · LGD · (exposure − max(0, insured − first loss)) by customer; NaN where the PD is NaN.

    insured : what the insurer would pay of a total loss before the first loss: share · the part within the limit, only
    of invoices whose cover holds. Source: the project's definition of net expected loss.
    """
    paid = np.minimum(np.maximum(0.0, np.asarray(insured) - first_loss), exposure)
    found: NDArray[np.float64] = np.asarray(pd_12m) * lgd * (np.asarray(exposure) - paid)
    return found


@dataclass(frozen=True, kw_only=True)
class Experience:
    """Our own payment experience with a customer over the policy's months; amounts in the reporting currency.

    longest_days_late : of invoices paid in the period and of open items. highest_balance : of a month's end in it.
    """

    customer_id: str
    paid_invoices: int
    longest_days_late: int
    highest_balance: float


def discretionary_limit(experience: Experience, policy: CoverPolicy) -> tuple[float, tuple[str, ...]]:
    """Return the limit that our own payment experience carries, and why it is 0 where it is."""
    terms, why = policy.discretionary, []
    if experience.paid_invoices < terms.fewest_paid_invoices:
        why.append(
            f"{experience.paid_invoices} paid invoices in {terms.experience_months} months, {terms.fewest_paid_invoices} are needed"
        )
    if experience.longest_days_late > terms.longest_days_late:
        why.append(
            f"an item was {experience.longest_days_late} days late, at most {terms.longest_days_late} are allowed"
        )
    if why:
        return 0.0, tuple(why)
    return min(terms.limit, experience.highest_balance), ()


def value_of_more_cover(frame: pd.DataFrame, policy: CoverPolicy) -> pd.DataFrame:
    """Return what insuring the rest of each customer's exposure would save against its premium, the best first.

    Parameters
    ----------
    frame : one row a customer: customer_id, pd, lgd, exposure, uninsured_limit (the exposure outside of limits, for which
        more limit could be had), share.

    Returns
    -------
    customer_id, additional_limit, expected_loss_saved (PD · LGD · share · additional limit, a year), premium (the policy's
    share of the limit), value (saved less premium). Customers without a PD are left out.
    """
    own = frame[(frame["uninsured_limit"] > 0) & frame["pd"].notna()]
    saved = own["pd"] * own["lgd"] * own["share"] * own["uninsured_limit"]
    premium = own["uninsured_limit"] * policy.premium_share_of_limit
    found = pd.DataFrame({
        "customer_id": own["customer_id"], "additional_limit": own["uninsured_limit"], "expected_loss_saved": saved,
        "premium": premium, "value": saved - premium,
    })  # fmt: skip
    return found.sort_values(["value", "customer_id"], ascending=[False, True], ignore_index=True)


def notice(
    kind: str,
    policy: CoverPolicy,
    customer: dict[str, Any],
    items: pd.DataFrame,
    as_of: date,
    currency: str,
    reason: str,
) -> dict[str, Any]:
    """Return one notice to the insurer in the neutral form of docs/cover.md.

    kind : overdue_notice, extension_request, rescheduling_notice or claim. customer : customer_id, name, country.
    items : invoice_id, issued_on, due_on (dates), amount, open, days_past_due.
    """
    rows = [
        {
            "invoice_id": str(row["invoice_id"]), "issued_on": str(row["issued_on"])[:10], "due_on": str(row["due_on"])[:10],
            "amount": round(float(row["amount"]), 2), "open": round(float(row["open"]), 2),
            "days_past_due": int(row["days_past_due"]),
        }
        for row in items.to_dict("records")
    ]  # fmt: skip
    return {
        "kind": kind, "insurer": policy.insurer, "policy_number": policy.policy_number, "reported_on": as_of.isoformat(),
        "buyer": {name: customer.get(name) for name in ("customer_id", "name", "country")}, "currency": currency,
        "reason": reason, "items": rows, "total_open": round(float(items["open"].sum()), 2),
    }  # fmt: skip


def mapped(payload: dict[str, Any], mapping: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a notice under another system's names, one message an item.

    mapping : `fields` gives a path of ours for each of its names ("buyer.name", "item.open"); `values` translates the
    words of some of its fields. See decisions/policies/cover_mapping_allianz_trade.toml.
    """
    messages = []
    for item in payload["items"]:
        source, message = {**payload, "item": item}, {}
        for theirs, ours in mapping["fields"].items():
            value: Any = source
            for part in ours.split("."):
                value = value[part]
            message[theirs] = mapping.get("values", {}).get(theirs, {}).get(value, value)
        messages.append(message)
    return messages
