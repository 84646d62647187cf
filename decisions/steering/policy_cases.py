"""The decisions of a past book as cases: what a policy would have seen of each customer at each month end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from decisions.limits import PastDue, Situation
from decisions.needed_limit import needed_limit
from decisions.policy_review import Cases
from decisions.scorer import Scorer
from ledger.accounts import accounts
from ledger.credit_terms import all_terms_on
from ledger.currency import reporting_cents
from ledger.default_status import default_spells
from ledger.known import day

AT_ONCE = 2_000
HEADROOM = 1.2


def policy_cases(
    scorer: Scorer, days: Iterable[date], *, watch: Callable[[Iterable[Any]], Iterable[Any]] = iter
) -> Cases:  # fmt: skip
    """Return one case a customer with a PD, a default or a balance and day: what was known then, and what came after.

    The request of each case is what the customer needed and then used: sales a day × (terms + expected delay) × 1.2 by the
    facts of the day, at least its exposure and what was delivered until the next case, so that what is refused is the policy's. The scorer's models must not know more than the first day did: the caller checks that.
    """
    ledger, settlement = scorer.served.ledger, scorer.served.prepared.settlement
    ends = sorted(days)
    segment = (
        ledger.customers.drop_duplicates("customer_id", keep="last").set_index("customer_id")["segment"].fillna("")
    )
    spells = default_spells(ledger, scorer.default.policy, settlement=settlement)
    sales, parts = _sales_by_day(ledger), []
    situations: list[Situation] = []
    for place, on in enumerate(watch(ends)):
        year = _between(sales, on - timedelta(days=365), on)
        own, made = _of_day(scorer, on, year)
        until = (
            ends[place + 1]
            if place + 1 < len(ends)
            else on + (ends[1] - ends[0] if len(ends) > 1 else timedelta(days=30))
        )
        own["sales"] = _between(sales, on, until).reindex(own["customer_id"]).fillna(0.0).to_numpy()
        later = accounts(settlement, list(own["customer_id"]), day(until)).customers
        own["exposure_next"] = (later["balance"] - later["unapplied"]).clip(lower=0.0).to_numpy()
        parts.append(own)
        used = own["exposure"].to_numpy() + own["sales"].to_numpy()
        situations += [replace(m, requested=max(m.requested, float(u))) for m, u in zip(made, used, strict=True)]
    frame = pd.concat(parts, ignore_index=True)
    frame["segment"] = segment.reindex(frame["customer_id"]).to_numpy(dtype=object)
    return Cases(situations=situations, frame=_with_defaults(frame, spells, settlement))


def _of_day(scorer: Scorer, on: date, sales_12m: pd.Series) -> tuple[pd.DataFrame, list[Situation]]:
    """The customers with something to decide on a day, and their situations."""
    ids = [str(c) for c in scorer.served.ledger.customers["customer_id"]]
    terms = all_terms_on(scorer.served.ledger, on).set_index("customer_id")
    person = scorer.served.ledger.customers.drop_duplicates("customer_id", keep="last").set_index("customer_id")[
        "is_natural_person"
    ]
    rows: list[tuple[Any, ...]] = []
    made: list[Situation] = []
    for start in range(0, len(ids), AT_ONCE):
        scores = scorer.score(ids[start : start + AT_ONCE], on)
        due = _past_due(scores.items)
        chosen = scores.customers[scores.customers["pd"].notna() | (scores.customers["balance"] > 0)]
        for customer_id, row in zip(map(str, chosen.index), chosen.to_dict("records"), strict=True):
            exposure = max(0.0, float(row["balance"] - row["unapplied"]))
            need = needed_limit(
                sales_12m=float(sales_12m.get(customer_id, 0.0)), terms_days=_or(row["next_terms_days"], 30.0),
                expected_delay_days=_or(row["days_late_mean"], 0.0), headroom=HEADROOM,
            ).limit  # fmt: skip
            own: dict[Any, Any] = terms.loc[customer_id].to_dict() if customer_id in terms.index else {}
            insured_limit, insured_share, first_loss = (
                _given(own.get(name)) for name in ("insured_limit", "insured_share", "first_loss")
            )
            extension, natural, current = (
                _given(own.get("maximum_extension_days")),
                person.get(customer_id),
                _given(own.get("credit_limit")),
            )
            made.append(Situation(
                customer_id=customer_id, as_of=on, requested=max(need, exposure, 1.0), balance=float(row["balance"]),
                unapplied=float(row["unapplied"]), past_due=due.get(customer_id, ()), pd=_given(row["pd"]), lgd=scorer.lgd_of(customer_id),
                grade=row["grade"] if isinstance(row["grade"], str) else None,
                special=row["special"] if isinstance(row["special"], str) else None, current_limit=current,
                insured_limit=insured_limit, insured_share=insured_share, first_loss=first_loss,
                maximum_extension_days=None if extension is None else int(extension),
                is_natural_person=None if natural is None or pd.isna(natural) else bool(natural),
            ))  # fmt: skip
            rows.append((customer_id, pd.Timestamp(on), exposure, current))
    return pd.DataFrame(rows, columns=["customer_id", "as_of", "exposure", "current_limit"]), made


def _past_due(items: pd.DataFrame) -> dict[str, tuple[PastDue, ...]]:
    """The undisputed items past due of each customer."""
    late = items[(items["days_past_due"] > 0) & ~items["is_disputed"]]
    found: dict[str, list[PastDue]] = {}
    for customer_id, item_id, amount, days in zip(
        *(late[n].tolist() for n in ("customer_id", "item_id", "open_amount", "days_past_due")), strict=True
    ):
        found.setdefault(str(customer_id), []).append(PastDue(invoice_id=item_id, amount=amount, days=days))
    return {customer_id: tuple(own) for customer_id, own in found.items()}


def _given(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _or(value: Any, other: float) -> float:
    return other if value is None or pd.isna(value) else float(value)


def _sales_by_day(ledger: Any) -> pd.DataFrame:
    own = ledger.invoices[(ledger.invoices["kind"] == "invoice").to_numpy()]
    cents = reporting_cents(own["amount"], own["currency"], own["issued_on"], ledger)
    return pd.DataFrame(
        {
            "customer_id": own["customer_id"].to_numpy(dtype=object),
            "on": own["issued_on"].to_numpy(),
            "amount": cents / 100.0,
        }
    )


def _between(sales: pd.DataFrame, first: date, last: date) -> pd.Series:
    """Invoiced after the first day, up to the last, by customer."""
    inside = (sales["on"] > pd.Timestamp(first)) & (sales["on"] <= pd.Timestamp(last))
    return sales[inside].groupby("customer_id")["amount"].sum()


def _with_defaults(frame: pd.DataFrame, spells: pd.DataFrame, settlement: Any) -> pd.DataFrame:
    """Each case with the customer's first default after it, and the exposure on that day."""
    first = spells.groupby("customer_id")["entered_on"].min() if len(spells) else pd.Series(dtype="datetime64[s]")
    on = pd.to_datetime(frame["customer_id"].map(first))
    on = on.where(on > frame["as_of"])
    ead = {}
    for customer_id, when in {(c, d) for c, d in zip(frame["customer_id"], on, strict=True) if pd.notna(d)}:
        account = accounts(settlement, [customer_id], day(when)).customers.iloc[0]
        ead[customer_id] = max(0.0, float(account["balance"] - account["unapplied"]))
    return frame.assign(default_on=on, ead=np.where(on.notna(), frame["customer_id"].map(ead).fillna(0.0), 0.0))
