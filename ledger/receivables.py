"""Receivables on a day: the ageing of what is open, and the figures that a credit department is measured by.

All figures come from the one settlement, as the books stood at the end of the day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd

from ledger.buckets import AGEING, BUCKETS
from ledger.currency import CENTS, reporting_cents
from ledger.currency_codes import minor_units
from ledger.known import day, known_on
from ledger.ledger import Ledger
from ledger.settlement import Settlement, settle


def by_currency(ledger: Ledger) -> Iterator[tuple[str, Ledger]]:
    """Return each currency of the ledger with its invoices and payments alone, so that no rate is needed."""
    parted = ("invoices", "payments", "exchange_rates")
    for currency in sorted(ledger.currencies):
        yield currency, Ledger(tables={
            name: frame[frame["currency"] == currency].reset_index(drop=True) if name in parted else frame
            for name, frame in ledger.tables.items()
        })  # fmt: skip


def ageing(ledger: Ledger, as_of: date | pd.Timestamp, *, by_customer: bool = False) -> pd.DataFrame:
    """Return the open balance by days past due, in document currencies, as known at the end of `as_of`.

    One row a currency (and customer): currency, customer_id (with `by_customer`), the buckets by their names, open (the
    buckets' sum), unapplied (money that names no invoice, shown apart), overpaid (allocated above an invoice's amount),
    net (open - unapplied - overpaid). Amounts in currency units, exact to the cent.
    """
    parts = [
        (aged(settle(part), as_of, group="customer_id" if by_customer else None) / max(CENTS, minor_units(currency)))
        .rename_axis("customer_id")
        .reset_index().assign(currency=currency)
        for currency, part in by_currency(ledger)
    ]  # fmt: skip
    if not parts:
        names = [*BUCKETS, "open", "unapplied", "overpaid", "net"]
        return pd.DataFrame(columns=["currency", *names])
    whole = pd.concat(parts, ignore_index=True)
    first = ["currency", "customer_id"] if by_customer else ["currency"]
    whole = whole if by_customer else whole.drop(columns="customer_id")
    return whole[[*first, *(c for c in whole.columns if c not in first)]]


def aged(settlement: Settlement, as_of: date | pd.Timestamp, *, group: str | None = None) -> pd.DataFrame:
    """Return whole cents of one document currency by days past due: the columns of `ageing`, one row, or one a value of
    `group`. What was let go within the tolerance is in none of them."""
    state, loose = settlement.at(as_of), settlement.unapplied_at(as_of)
    of_state = state[group] if group else pd.Series("all", index=state.index)
    of_loose = loose[group] if group else pd.Series("all", index=loose.index)
    is_open = state["closed_kind"] == "open"
    found = {
        bucket.name: state["document_open_cents"]
        .where(is_open & state["days_past_due"].between(bucket.first_day, bucket.last_day), 0).groupby(of_state).sum()
        for bucket in AGEING
    }  # fmt: skip
    found["open"] = state["document_open_cents"].groupby(of_state).sum()
    found["unapplied"] = loose["document_unapplied_cents"].groupby(of_loose).sum()
    found["overpaid"] = state["document_excess_cents"].clip(lower=0).groupby(of_state).sum()
    rows = pd.Index(sorted({*of_state, *of_loose})) if group else pd.Index(["all"])
    frame = pd.DataFrame(found).reindex(rows).fillna(0).astype("int64")
    return frame.assign(net=frame["open"] - frame["unapplied"] - frame["overpaid"])


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A period's receivables figures in the reporting currency; None where the period has nothing to divide by."""

    as_of: date
    days: int
    credit_sales: float
    opening_receivables: float
    closing_receivables: float
    closing_current: float
    dso: float | None
    best_possible_dso: float | None
    average_days_delinquent: float | None
    collection_effectiveness: float | None
    receivables_turnover: float | None


def figures(ledger: Ledger, as_of: date, days: int) -> Figures:
    """DSO, best possible DSO, ADD, CEI and turnover of the `days` days up to and including `as_of`.

    Receivables are what is open at the end of the day before the period and of `as_of`, as the books held it then; credit
    sales are the invoices issued in the period less the credit notes issued in it, as known on `as_of`, at the rates of
    their days. DSO = closing receivables / credit sales x days; best possible DSO takes only what is not past due;
    ADD = DSO - best possible DSO; CEI = 100 (opening + sales - closing) / (opening + sales - closing current);
    turnover = credit sales / the mean of opening and closing receivables.
    Source: the project's definitions of receivables figures. Raises LedgerError for mixed currencies without rates.
    """
    settlement = settle(ledger)
    before = pd.Timestamp(as_of) - pd.Timedelta(days=days)
    opening, closing = settlement.at(before), settlement.at(as_of)
    current = int(closing.loc[closing["days_past_due"] == 0, "open_cents"].sum())
    first, last = int(opening["open_cents"].sum()), int(closing["open_cents"].sum())
    known = known_on(ledger, as_of).invoices
    cents = reporting_cents(known["amount"], known["currency"], known["issued_on"], ledger)
    issued = known["issued_on"].to_numpy().astype("datetime64[D]").astype("int64")
    in_period = (issued > day(before)) & (issued <= day(as_of))
    is_credit = (known["kind"] == "credit_note").to_numpy()
    sales = int(cents[in_period & ~is_credit].sum()) - int(cents[in_period & is_credit].sum())
    dso, best = _over(last * days, sales), _over(current * days, sales)
    return Figures(
        as_of=as_of, days=days, credit_sales=sales / CENTS, opening_receivables=first / CENTS,
        closing_receivables=last / CENTS, closing_current=current / CENTS, dso=dso, best_possible_dso=best,
        average_days_delinquent=None if dso is None or best is None else dso - best,
        collection_effectiveness=_over(100 * (first + sales - last), first + sales - current),
        receivables_turnover=_over(2 * sales, first + last),
    )  # fmt: skip


def _over(amount: int, by: int) -> float | None:
    return amount / by if by > 0 else None
