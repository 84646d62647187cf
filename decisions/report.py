"""A report as a value: what a month's-end or risk report holds before it is written anywhere.

The same `Report` is printed on a terminal, written as JSON, CSV, XLSX or HTML (`cli.reports.writing`) and shown on a
page of the workbench, so that all of them hold the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

MONEY, NUMBER, RATIO, INTEGER, SHARE, DAYS, TEXT, DATE, FLAG = (
    "money", "number", "ratio", "integer", "share", "days", "text", "date", "flag"
)  # fmt: skip
KINDS = (MONEY, NUMBER, RATIO, INTEGER, SHARE, DAYS, TEXT, DATE, FLAG)
NUMERIC = (MONEY, NUMBER, RATIO, INTEGER, SHARE, DAYS)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    name : the frame's column, and the name in JSON and CSV.
    label : the words over the column.
    kind : money (two decimals), number (two decimals), ratio (four digits), integer, share (0 to 1, shown in percent), days, text, date, flag.
    is_summed : the last line holds the column's sum. Only for amounts of one currency and for counts.
    audience : all; people (terminal and HTML) or files (JSON, CSV, XLSX) where both need a form of their own.
    is_wide : too much for a terminal; HTML and files hold it.
    """

    name: str
    label: str
    kind: str = TEXT
    is_summed: bool = False
    audience: str = "all"
    is_wide: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"The kind of column {self.name} must be one of {', '.join(KINDS)}. Got {self.kind}.")


def money(name: str, label: str, *, is_summed: bool = True) -> Column:
    """Return a column of amounts, summed in the last line."""
    return Column(name=name, label=label, kind=MONEY, is_summed=is_summed)


def count(name: str, label: str) -> Column:
    """Return a column of counts, summed in the last line."""
    return Column(name=name, label=label, kind=INTEGER, is_summed=True)


def text(name: str, label: str) -> Column:
    """Return a column of text."""
    return Column(name=name, label=label)


def share(name: str, label: str) -> Column:
    """Return a column of shares between 0 and 1, shown in percent."""
    return Column(name=name, label=label, kind=SHARE)


def number(name: str, label: str, kind: str = NUMBER) -> Column:
    """Return a column of numbers without a sum."""
    return Column(name=name, label=label, kind=kind)


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: rows of `frame` under typed columns. A missing value is shown as '–' and is null in JSON.

    name : the key in JSON, the sheet's name in XLSX (at most 31 characters), the suffix of a second CSV file.
    title : a heading for a person.
    command : the command that prints exactly this table, where it is another than the report's own.
    terminal_rows : how many rows the terminal shows; files always hold all of them.
    totals : values of the last line that are no plain sum, by column name.
    """

    name: str
    title: str
    columns: Sequence[Column]
    frame: pd.DataFrame
    note: str = ""
    command: str = ""
    terminal_rows: int = 60
    totals: Mapping[str, Any] = field(default_factory=dict)

    def columns_for(self, audience: str, *, is_narrow: bool = False) -> list[Column]:
        """Return the columns that `people` or `files` get; without the wide ones where `is_narrow`."""
        return [c for c in self.columns if c.audience in ("all", audience) and not (is_narrow and c.is_wide)]

    def total_line(self) -> dict[str, Any] | None:
        """Return the sums of the summed columns (amounts in whole cents, so exact) and `totals`; None without any."""
        summed = {c.name: column_sum(self.frame[c.name], c.kind) for c in self.columns if c.is_summed}
        return {**summed, **self.totals} or None

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as plain Python values: None for missing, ISO text for dates."""
        own = self.columns_for("files")
        columns = [plain_column(self.frame[c.name], c.kind) for c in own]
        names = [c.name for c in own]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart: series over shared categories.

    title : a sentence that says what is to be seen. kind : line, bars or stacked.
    series : name -> values, one a category; None where there is no value.
    """

    name: str
    title: str
    kind: str
    categories: Sequence[str]
    series: Mapping[str, Sequence[float | None]]
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report: what it is of, its tables, charts and notes.

    as_of : the day it is of. known_to : the last day that the ledger knows; rows booked later than `as_of` are not used
        unless a note says so.
    command : the command that gives it again. facts : further words about it, name -> value, shown first.
    warnings : what a reader must know before using a figure (a stale rate, a missing master value, an expired overlay).
    exit_code : 1 where the report says no (a breach, a duty that was missed), else 0.
    """

    name: str
    title: str
    as_of: date
    known_to: date
    command: str
    currency: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    exit_code: int = 0

    def with_command(self, command: str) -> Report:
        """Return the same report with the words of the command that gave it."""
        return replace(self, command=command)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        return {
            "report": self.name, "title": self.title, "as_of": self.as_of.isoformat(),
            "known_to": self.known_to.isoformat(), "currency": self.currency, "command": self.command,
            **{name: plain(value) for name, value in self.facts.items()},
            "warnings": list(self.warnings),
            "tables": {t.name: t.rows() for t in self.tables},
            "totals": {
                t.name: {k: plain(v) for k, v in line.items()}
                for t in self.tables if (line := t.total_line()) is not None
            },
            "charts": {
                c.name: {"categories": list(c.categories), **{k: [plain(x) for x in v] for k, v in c.series.items()}}
                for c in self.charts
            },
            "notes": list(self.notes),
        }  # fmt: skip


def column_sum(values: pd.Series, kind: str) -> float | int:
    """Return the sum of a column; money is summed in whole cents, missing values count as nothing."""
    numbers = pd.to_numeric(values).dropna().to_numpy(dtype=np.float64)
    if kind == MONEY:
        return int(np.rint(numbers * 100).astype(np.int64).sum()) / 100
    total = float(numbers.sum())
    return int(total) if kind == INTEGER else total


def plain(value: Any, kind: str | None = None) -> Any:
    """Return a value as JSON knows it: None for missing, numbers of Python, ISO text for days."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return None
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.bool_ | bool):
        return bool(value)
    if isinstance(value, np.integer | int):
        return int(value)
    if isinstance(value, np.floating | float):
        if kind == MONEY:
            return round(float(value), 2)
        return int(value) if kind in (INTEGER, DAYS) and float(value).is_integer() else float(value)
    return str(value)


def plain_column(values: pd.Series, kind: str) -> list[Any]:
    """Return a column's values as `plain` gives each of them; columns of numbers, flags and texts at once."""
    dtype = values.dtype
    if dtype == "str":
        return list(values.astype(object).where(values.notna(), None))
    if isinstance(dtype, np.dtype) and dtype.kind in "iub":
        return list(values.tolist())
    if isinstance(dtype, np.dtype) and dtype.kind == "f" and kind not in (INTEGER, DAYS):
        numbers = values.to_numpy(dtype=np.float64)
        # what is whole cents already is what round(…, 2) returns; other amounts are rounded one by one, as it rounds
        if kind != MONEY or bool(((np.rint(numbers * 100) / 100 == numbers) | np.isnan(numbers)).all()):
            return [None if value != value else value for value in numbers.tolist()]
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        text = np.datetime_as_string(values.to_numpy().astype("datetime64[D]")).tolist()
        return [None if day == "NaT" else day for day in text]
    return [value if type(value) is str else plain(value, kind) for value in values]


def fact(value: Any) -> str:
    """Return a fact's value as a person reads it: amounts with thousands apart, other numbers as they are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:g}"


def shown(value: Any, kind: str) -> str:
    """Return a value as a person reads it: thousands apart, shares in percent, '–' for missing."""
    known = plain(value, kind)
    if known is None:
        return "–"
    if kind == FLAG:
        return "yes" if known else "no"
    if kind in (MONEY, NUMBER):
        return f"{known:,.2f}"
    if kind == RATIO:
        return f"{known:,.4g}"
    if kind == INTEGER:
        return f"{known:,.0f}"
    if kind == DAYS:
        return f"{known:,}" if isinstance(known, int) else f"{known:,.1f}"
    if kind == SHARE:
        return f"{100 * known:.2f} %"
    return str(known)
