"""What would have to change, as ledger rows that somebody can cause, each one scored again; the cheapest first.

Never a past fact and never an agency's grade: the customer pays items, a dispute is settled, the seller takes out cover
or shortens terms. The rows of a lever, appended to the ledger, give what it promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from decisions.customer_view import open_in_own_currency
from decisions.limits import recommend
from decisions.scenarios import scored_variants
from decisions.scorer import Scorer, Scores
from decisions.shared_limits import CountryStop, SharedLimit
from ledger.credit_terms import Terms, terms_on

MOST_ITEMS = 6  # items paid, oldest first, in growing sums
COVER_SHARE = 0.9  # of a new cover, where the customer has none yet
SHORTER_TERMS_DAYS = (30, 14)


@dataclass(frozen=True, kw_only=True)
class Lever:
    """Something that somebody can do, and what the scorer says then.

    code, numbers : its sentence (see serving.pages.texts). rows : table -> the ledger rows that it is.
    amount : money that has to move, in the reporting currency; cover counts with its premium's base, the insured sum.
    pd, grade, limit : after it; limit is the recommendation for the same request, None where there is none.
    """

    code: str
    numbers: Mapping[str, Any]
    rows: Mapping[str, pd.DataFrame]
    amount: float
    pd: float | None
    grade: str | None
    limit: float | None
    days_late_mean: float | None = None


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """All levers tried, those that help first by cost, and what is now."""

    pd: float | None
    grade: str | None
    limit: float | None
    helpful: tuple[Lever, ...]
    tried: int


def levers(
    scorer: Scorer, scores: Scores, requested: float, *, shared: Sequence[SharedLimit] = (),
    country_stop: CountryStop | None = None,
) -> Outlook:  # fmt: skip
    """Return what would lift the grade or the recommended limit of the first customer of some scores.

    shared, country_stop : the caps that the customer shares, and its country policy's objection: no lever moves them.
    A lever is helpful where the grade becomes better or the recommended limit higher. Sorted by amount, then by PD.
    """
    customer_id = str(scores.customers.index[0])
    binds = {"shared": shared, "country_stop": country_stop}
    now = _after(scorer, scores, customer_id, requested, binds)
    terms = terms_on(scorer.served.ledger, customer_id, scores.as_of)
    found = []
    candidates = _candidates(scorer, scores, customer_id, requested, terms)
    there, after, ids = scored_variants(scorer, scores, [rows for _, _, rows, _ in candidates])
    for (code, numbers, rows, amount), copy_id in zip(candidates, ids, strict=True):
        pd_then, grade, limit, delay = _after(there, after, copy_id, requested, binds)
        lever = Lever(
            code=code, numbers=numbers, rows=rows, amount=amount, pd=pd_then, grade=grade, limit=limit, days_late_mean=delay,
        )  # fmt: skip
        better = grade is not None and (now[1] is None or grade < now[1])
        higher = limit is not None and (now[2] is None or limit > now[2])
        if better or higher:
            found.append(lever)
    found.sort(key=lambda lever: (lever.amount, lever.pd if lever.pd is not None else 1.0))
    return Outlook(pd=now[0], grade=now[1], limit=now[2], helpful=tuple(_cheapest(found)), tried=len(candidates))


def _cheapest(found: Sequence[Lever]) -> list[Lever]:
    """Of levers of one kind only those that reach more than a cheaper one."""
    kept: list[Lever] = []
    for lever in found:
        same = [other for other in kept if other.code == lever.code]
        if all((lever.grade or "Z") < (o.grade or "Z") or (lever.limit or 0) > (o.limit or 0) for o in same):
            kept.append(lever)
    return kept


def _after(
    scorer: Scorer, scores: Scores, customer_id: str, requested: float, binds: dict[str, Any]
) -> tuple[float | None, str | None, float | None, float | None]:
    row: Any = scores.customers.loc[customer_id]
    recommendation = recommend(scorer.situation(scores, customer_id, requested, **binds), scorer.limit_policy)
    pd_now = None if np.isnan(row["pd"]) else float(row["pd"])
    delay = row.get("days_late_mean", np.nan)
    grade = row["grade"] if isinstance(row["grade"], str) else None
    return pd_now, grade, recommendation.limit, None if np.isnan(delay) else float(delay)


Candidate = tuple[str, dict[str, Any], dict[str, pd.DataFrame], float]


def _candidates(
    scorer: Scorer, scores: Scores, customer_id: str, requested: float, terms: Terms
) -> list[Candidate]:  # fmt: skip
    items, as_of = scores.items, scores.as_of
    found: list[Candidate] = []
    overdue = items[(items["days_past_due"] > 0).to_numpy() & ~items["is_disputed"].to_numpy(dtype=bool)]
    overdue = overdue.sort_values(["days_past_due", "invoice_id", "number"], ascending=[False, True, True])
    for count in range(1, min(len(overdue), MOST_ITEMS) + 1):
        found.append(pays(scorer, overdue.iloc[:count], customer_id, as_of))
    if len(overdue) > MOST_ITEMS:
        found.append(pays(scorer, overdue, customer_id, as_of))
    disputed = items[items["is_disputed"].to_numpy(dtype=bool)]
    if len(disputed):
        invoices = list(disputed["invoice_id"].unique())  # a dispute is of the invoice, with all its instalments
        rows = pd.DataFrame({
            "event_id": [f"lever-{k}" for k in range(len(invoices))], "customer_id": customer_id,
            "invoice_id": invoices, "occurred_on": pd.Timestamp(as_of), "kind": "dispute_closed",
        })  # fmt: skip
        found.append(("settle_dispute", {"items": ", ".join(invoices)}, {"events": rows}, 0.0))
        both_code, numbers, paid, amount = pays(scorer, disputed, customer_id, as_of)
        found.append((f"settle_and_{both_code}", numbers, {"events": rows, **paid}, amount))
    if requested > (terms.insured_limit or 0.0):
        found.append(cover(requested, customer_id, as_of, terms))
    for days in SHORTER_TERMS_DAYS:
        found.append(shorter_terms(days, customer_id, as_of, terms))
    return found


def pays(scorer: Scorer, items: pd.DataFrame, customer_id: str, as_of: date) -> Candidate:
    """Return the lever that the customer pays some open items in full on `as_of`, each in its own currency."""
    own = open_in_own_currency(scorer, customer_id, as_of)
    keys = list(zip(items["invoice_id"], items["due_on"].dt.date, strict=True))
    rows = pd.DataFrame({
        "payment_id": [f"lever-{k}" for k in range(len(items))], "customer_id": customer_id,
        "invoice_id": list(items["invoice_id"]), "paid_on": pd.Timestamp(as_of), "amount": [own[key][0] for key in keys],
        "currency": [own[key][1] for key in keys], "kind": "payment",
    })  # fmt: skip
    amount = float(items["open_amount"].sum())
    return "pay_items", {"items": ", ".join(items["item_id"]), "amount": amount}, {"payments": rows}, amount


def cover(insured: float, customer_id: str, as_of: date, terms: Terms) -> Candidate:
    """Return the lever that the seller insures the customer up to a sum, the other terms as they are."""
    share = terms.insured_share or COVER_SHARE
    rows = _terms_row(customer_id, as_of, terms, insured_limit=insured, insured_share=share)
    return "add_cover", {"amount": insured, "share": share}, {"credit_terms": rows}, insured


def shorter_terms(days: int, customer_id: str, as_of: date, terms: Terms) -> Candidate:
    """Return the lever that the seller agrees on shorter payment terms from `as_of` on."""
    rows = _terms_row(customer_id, as_of, terms, payment_terms_days=days)
    return "shorter_terms", {"days": days}, {"credit_terms": rows}, 0.0


def _terms_row(customer_id: str, as_of: date, terms: Terms, **changed: float) -> pd.DataFrame:
    own = {
        "credit_limit": terms.credit_limit, "insured_limit": terms.insured_limit, "insured_share": terms.insured_share,
        "first_loss": terms.first_loss, "maximum_extension_days": terms.maximum_extension_days, **changed,
    }  # fmt: skip
    row = {
        "customer_id": customer_id,
        "effective_on": pd.Timestamp(as_of),
        **{k: v for k, v in own.items() if v is not None},
    }
    return pd.DataFrame([row])
