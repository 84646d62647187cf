"""The ageing as a report: rows with sums, disputes by bucket, open items on request."""

from __future__ import annotations

from datetime import date

import pandas as pd

from decisions.report import DATE, DAYS, FLAG, Chart, Column, Report, Table, count, money, number, text
from ledger.ageing import AMOUNTS, Aged, ageing_by
from ledger.buckets import BUCKETS
from ledger.errors import InputError
from ledger.ledger import Ledger

LABELS = {
    "customer": "customer", "group": "group", "country": "country", "segment": "segment", "industry": "industry",
    "currency": "document currency",
}  # fmt: skip
AMOUNT_LABELS = {
    "current": "not due", "disputed": "disputed", "open": "open (gross)", "unapplied": "unapplied", "overpaid": "overpaid",
    "net": "net", "bills": "bills not matured", "1_30": "1–30", "31_60": "31–60", "61_90": "61–90", "over_90": "> 90",
}  # fmt: skip


def ageing_report(
    ledger: Ledger, as_of: date, *, by: str, command: str, in_reporting: bool = False, with_items: bool = False,
    only: str | None = None,
) -> Report:  # fmt: skip
    """Return the ageing of a ledger on a day as a report.

    Raises InputError where `only` names no row.
    """
    aged = ageing_by(ledger, as_of, by, in_reporting=in_reporting, with_items=with_items or only is not None)
    rows, items, disputes = aged.rows, aged.items, aged.disputes
    if only is not None:
        rows, items = rows[rows["key"] == only], items[items["key"] == only]
        if rows.empty:
            raise InputError(f"--only {only}: no open item, credit or overpayment of this {by} on {as_of}.")
        disputes = disputes.iloc[:0]
    tables = [_table(rows, by)]
    if len(disputes):
        tables.append(_dispute_table(disputes))
    if with_items or only is not None:
        tables.append(_item_table(items, by))
    return Report(
        name="ageing", title=f"Ageing by {LABELS[by]}", as_of=as_of, known_to=ledger.last_known_on, command=command,
        currency=aged.currency, tables=tables, charts=_charts(aged, rows),
        notes=[
            "Buckets hold undisputed items by days past due; disputed items stand in their own column whatever their age. "
            "Open (gross) is the buckets and the disputed items; net is open less unapplied credits and overpayments."
        ],
    )  # fmt: skip


def _table(rows: pd.DataFrame, by: str) -> Table:
    is_one_currency = rows["currency"].nunique() <= 1
    names = [text("name", "name")] if "name" in rows else []
    keys = [text("key", LABELS[by])] if by != "currency" or not (rows["key"] == rows["currency"]).all() else []
    columns = [
        *keys, *names, text("currency", "currency"), number("customers", "customers", "integer"),
        *(money(name, AMOUNT_LABELS.get(name, name), is_summed=is_one_currency) for name in AMOUNTS),
    ]  # fmt: skip
    note = "" if is_one_currency else "Several currencies: no sum over rows."
    return Table(
        name="ageing", title=f"Open balance by days past due and {LABELS[by]}", columns=columns, frame=rows, note=note
    )


def _dispute_table(disputes: pd.DataFrame) -> Table:
    columns = [text("currency", "currency"), text("bucket", "days past due"), count("items", "items"),
               money("disputed", "disputed", is_summed=disputes["currency"].nunique() <= 1)]  # fmt: skip
    return Table(name="disputes", title="Disputed items by days past due", columns=columns, frame=disputes)


def _item_table(items: pd.DataFrame, by: str) -> Table:
    is_one_currency = items["currency"].nunique() <= 1
    columns = [
        text("key", LABELS[by]), text("customer_id", "customer"), text("name", "name"), text("invoice_id", "invoice"),
        number("instalment", "instalment", "integer"),
        Column(name="issued_on", label="issued", kind=DATE), Column(name="due_on", label="due", kind=DATE),
        number("days_past_due", "days past due", DAYS), text("bucket", "bucket"), text("document_currency", "document currency"),
        money("amount", "invoice amount", is_summed=False), text("currency", "currency"),
        money("open", "open", is_summed=is_one_currency), Column(name="is_disputed", label="disputed", kind=FLAG),
    ]  # fmt: skip
    return Table(name="items", title="Open items", columns=columns, frame=items)


def _charts(aged: Aged, rows: pd.DataFrame) -> list[Chart]:
    """One chart a currency of amounts: what is open by bucket, disputed items apart."""
    names = [*BUCKETS, "disputed"]
    charts = []
    for currency, own in rows.groupby("currency"):
        total, arrears = own["open"].sum(), own[list(BUCKETS[1:])].sum().sum()
        share = f"{100 * arrears / total:.1f} % of it is undisputed and past due" if total > 0 else "nothing is open"
        charts.append(Chart(
            name=f"buckets_{currency}", kind="bars", unit=str(currency), categories=[AMOUNT_LABELS.get(n, n) for n in names],
            title=f"{total:,.2f} {currency} are open, {share}", series={"open": [float(own[n].sum()) for n in names]},
        ))  # fmt: skip
    return charts[:4]
