"""Receivables figures over months as a report with charts."""

from __future__ import annotations

from datetime import date

import pandas as pd

from decisions.report import DATE, DAYS, NUMBER, SHARE, Chart, Column, Report, Table, text
from ledger.currency import reporting_currency
from ledger.ledger import Ledger
from ledger.master import master_on
from ledger.receivables_series import PORTFOLIO, kpi_series

FIGURES = (
    ("credit_sales", "credit sales of the period", "money"), ("opening", "opening receivables", "money"),
    ("closing", "closing receivables", "money"), ("current", "not past due", "money"),
    ("overdue", "overdue (disputed included)", "money"), ("overdue_share", "overdue share", SHARE),
    ("dso", "DSO by balance, days", DAYS), ("dso_count_back", "DSO by count-back, days", DAYS),
    ("best_possible_dso", "best possible DSO, days", DAYS), ("average_days_delinquent", "ADD, days", DAYS),
    ("collection_effectiveness", "CEI, of 100", NUMBER), ("days_beyond_terms_paid", "DBT paid, days", DAYS),
    ("days_beyond_terms_open", "DBT open, days", DAYS), ("turnover", "turnover in the period", NUMBER),
    ("hhi", "HHI of customers", SHARE), ("ten_largest_share", "ten largest customers", SHARE),
    ("largest_group_share", "largest group", SHARE),
)  # fmt: skip


def month_ends_to(as_of: date, months: int) -> list[date]:
    """Return `as_of` and the ends of the months before it, `months` days in all, ascending."""
    first = pd.Timestamp(as_of)
    ends = [first, *(first - pd.offsets.MonthEnd(k) for k in range(1, months))]
    return [end.date() for end in reversed(ends)]


def kpi_report(
    ledger: Ledger, as_of: date, *, command: str, by: str = PORTFOLIO, months: int = 12, days: int = 90
) -> Report:
    """Return the receivables figures of `months` month ends up to `as_of`, for the portfolio or its parts."""
    earliest = ledger.invoices["issued_on"].min()
    ends = [end for end in month_ends_to(as_of, months) if pd.isna(earliest) or pd.Timestamp(end) >= earliest] or [
        as_of
    ]
    series = kpi_series(ledger, ends, by=by, days_in_period=days)
    last = series[series["as_of"] == pd.Timestamp(as_of)]
    currency = reporting_currency(ledger)
    figures = [f for f in FIGURES if f[0] in series]
    tables = [_series_table(series, figures, by, ledger, as_of)]
    if by == PORTFOLIO:
        tables.insert(0, _now(last, figures, currency))
    return Report(
        name="kpi", title="Receivables figures", as_of=as_of, known_to=ledger.last_known_on, command=command,
        currency=currency, tables=tables, charts=_charts(series, by, as_of),
        facts={"days_in_the_period": days},
        notes=[
            f"Each row is of the {days} days up to its day, from what the books held on that day. DSO by count-back takes "
            "the months' sales, latest first, off the balance. DBT paid weighs each allocation of the period by its "
            "amount; DBT open takes 15, 45, 75 and 105 days for the four overdue buckets.",
        ],
    )  # fmt: skip


NARROW = (
    "closing",
    "overdue_share",
    "dso",
    "average_days_delinquent",
    "collection_effectiveness",
    "days_beyond_terms_paid",
)


def _column(name: str, label: str, kind: str) -> Column:
    return Column(name=name, label=label, kind=kind, is_wide=name not in NARROW)


def _now(last: pd.DataFrame, figures: list[tuple[str, str, str]], currency: str | None) -> Table:
    """The figures of the last day, one row a figure, as text of their own unit and as a number."""
    from decisions.report import shown

    row = last.iloc[0] if len(last) else pd.Series(dtype=object)
    frame = pd.DataFrame({
        "figure": [label for _, label, _ in figures], "name": [name for name, _, _ in figures],
        "shown": [shown(row.get(name), kind) for name, _, kind in figures],
        "value": [row.get(name) for name, _, _ in figures],
    })  # fmt: skip
    columns = [
        text("figure", "figure"), Column(name="name", label="name", audience="files"),
        Column(name="shown", label="value", audience="people"), Column(name="value", label="value", kind=NUMBER, audience="files"),
    ]  # fmt: skip
    return Table(
        name="figures",
        title=f"Figures of the last period{f', in {currency}' if currency else ''}",
        columns=columns,
        frame=frame,
    )


def _series_table(
    series: pd.DataFrame, figures: list[tuple[str, str, str]], by: str, ledger: Ledger, as_of: date
) -> Table:
    keys = [] if by == PORTFOLIO else [text("key", by)]
    if by == "customer":
        series = series.assign(name=series["key"].map(master_on(ledger, as_of)["name"]))
        keys.append(text("name", "name"))
    columns = [*keys, Column(name="as_of", label="as of", kind=DATE), *(_column(*f) for f in figures)]
    return Table(name="series", title="By month", columns=columns, frame=series)


def _charts(series: pd.DataFrame, by: str, as_of: date) -> list[Chart]:
    if by == "customer":
        return []
    days = sorted(series["as_of"].unique())
    labels = [pd.Timestamp(d).strftime("%b %y") for d in days]
    if by == PORTFOLIO:
        whole = series.set_index("as_of").reindex(days)
        dso = whole["dso"].iloc[-1]
        return [
            Chart(name="dso", kind="line", unit="days", categories=labels,
                  title=f"DSO is {dso:,.1f} days on {as_of}" if pd.notna(dso) else "DSO over time",
                  series={"DSO by balance": _values(whole["dso"]), "DSO by count-back": _values(whole["dso_count_back"]),
                          "best possible DSO": _values(whole["best_possible_dso"])}),
            Chart(name="beyond_terms", kind="line", unit="days", categories=labels, title="Days beyond terms and days delinquent",
                  series={"DBT paid": _values(whole["days_beyond_terms_paid"]), "DBT open": _values(whole["days_beyond_terms_open"]),
                          "ADD": _values(whole["average_days_delinquent"])}),
            Chart(name="cei", kind="line", unit="of 100", categories=labels, title="Collection effectiveness (CEI)",
                  series={"CEI": _values(whole["collection_effectiveness"])}),
            Chart(name="shares", kind="line", unit="%", categories=labels, title="Overdue share and concentration",
                  series={"overdue share": _values(100 * whole["overdue_share"]),
                          "ten largest customers": _values(100 * whole["ten_largest_share"])}),
        ]  # fmt: skip
    return [
        Chart(name=name, kind="line", unit=unit, categories=labels, title=title, series={
            str(key): _values(own.set_index("as_of")[name].reindex(days) * factor)
            for key, own in list(series.groupby("key"))[:6]
        })
        for name, title, unit, factor in (
            ("dso", f"DSO by {by}", "days", 1.0), ("overdue_share", f"Overdue share by {by}", "%", 100.0),
        )
    ]  # fmt: skip


def _values(column: pd.Series) -> list[float | None]:
    return [None if pd.isna(v) else round(float(v), 4) for v in column]
