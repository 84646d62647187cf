"""The rows of a ledger that break a rule: all of them at once, with the reason of each, so that one refusal names them.

A ledger written by others is refused with every such row named, or read without them (`read_ledger(…, left_out=[])`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import pandas as pd
import pyarrow as pa

from ledger.contract import REFERENCES, TABLES
from ledger.dated_master import master_known_from

SHOWN = 20  # rows named for each reason
ROW = "odd_row_number"


@dataclass(frozen=True, kw_only=True)
class OddRow:
    """One row that breaks a rule: its table, its place there (0 is the first), its key, and the reason."""

    table: str
    row: int
    key: str
    reason: str


def odd_rows(frames: Mapping[str, pd.DataFrame], *, with_money: bool = False) -> list[OddRow]:
    """Return every row of typed tables that breaks a rule of the contract.

    Parameters
    ----------
    frames : every table by name, with the contract's columns.
    with_money : also amounts that cannot be brought to the reporting currency, and rates of that currency other than 1.
    """
    connection = duckdb.connect()
    for name, frame in frames.items():
        table = pa.Table.from_pandas(frame, preserve_index=False)
        connection.register(name, table.append_column(ROW, pa.array(range(len(frame)), pa.int64())))
    found = [row for name in frames if len(frames[name]) for row in _of_table(connection, name, frames[name])]
    for name, offending, words, _ in REFERENCES:
        if len(frames[name]):
            found += _selected(connection, name, offending, f"{name}.{words}")
    if with_money and len(frames["exchange_rates"]):
        found += [row for name, test, words in money_rules() for row in _selected(connection, name, test, words)]
    distinct = {(row.table, row.row, row.reason): row for row in found}
    return sorted(distinct.values(), key=lambda r: (r.table, r.row, r.reason))


def money_rules(prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (table, SQL of rows, reason) of what no reporting currency can be found for, given relations PREFIX_TABLE.

    The reporting currency is the one whose rates are all or mostly 1, else the one without rates that most invoices are in.
    """
    rates = f"{prefix}exchange_rates"
    ones = f"(SELECT currency FROM {rates} GROUP BY 1 HAVING 2 * count(*) FILTER (rate = 1) >= count(*))"
    yield (
        "exchange_rates", f"rate <> 1 AND currency IN {ones}",
        "exchange_rates.rate: a rate of the reporting currency is 1",
    )  # fmt: skip
    unrated = f"currency NOT IN (SELECT currency FROM {rates})"
    most = f"(SELECT mode(currency ORDER BY currency) FROM {prefix}invoices WHERE {unrated})"
    reporting = f"coalesce((SELECT min(currency) FROM {ones}), {most})"
    for name, on in (("invoices", "issued_on"), ("payments", "paid_on")):
        yield (
            name, f"currency <> {reporting} AND {unrated}",
            f"{name}.currency: exchange_rates has no rate of it",
        )  # fmt: skip
        first = f"(SELECT min(observed_on) FROM {rates} e WHERE e.currency = {prefix}{name}.currency)"
        yield (
            name, f"currency <> {reporting} AND {on} < {first}",
            f"{name}.{on}: exchange_rates has no rate of its currency on or before it",
        )  # fmt: skip


def named(rows: list[OddRow]) -> str:
    """Return one line a reason: how many rows, and the keys of the first SHOWN of them."""
    lines = []
    reasons = sorted({row.reason for row in rows}, key=lambda reason: (-sum(r.reason == reason for r in rows), reason))
    for reason in reasons:
        keys = [row.key for row in rows if row.reason == reason]
        more = f" and {len(keys) - SHOWN:,} more" if len(keys) > SHOWN else ""
        lines.append(f"  {len(keys):,} rows: {reason} ({', '.join(keys[:SHOWN])}{more})")
    return "\n".join(lines)


def _of_table(connection: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame) -> list[OddRow]:
    table, found = TABLES[name], []
    for column, declared in table.columns.items():
        if declared.required:
            found += _selected(connection, name, f"{column} IS NULL", f"{name}.{column} must not be empty")
        if declared.rule != "true":
            broken = f"{column} IS NOT NULL AND NOT ({declared.rule.format(column=column)})"
            found += _selected(connection, name, broken, f"{name}.{column} must be {declared.words}")
    if name == "customers":
        repeated = pd.DataFrame({"id": frame["customer_id"], "since": master_known_from(frame)}).duplicated()
        return found + [
            OddRow(
                table=name,
                row=int(i),
                key=str(frame["customer_id"].iloc[i]),
                reason="customers.customer_id must be unique",
            )
            for i in repeated.to_numpy().nonzero()[0]
        ]
    current = " WHERE superseded_on IS NULL" if "superseded_on" in table.columns else ""
    key = ", ".join(table.key)
    copies = (
        f"{ROW} IN (SELECT {ROW} FROM (SELECT {ROW}, row_number() OVER (PARTITION BY {key} ORDER BY {ROW}) AS nth "
        f"FROM {name}{current}) WHERE nth > 1)"
    )
    return found + _selected(connection, name, copies, f"{name}.{key} must be unique")


def _selected(connection: duckdb.DuckDBPyConnection, name: str, test: str, reason: str) -> list[OddRow]:
    columns = TABLES[name].columns
    parts = [f"CAST({c} AS DATE)" if columns[c].type == "date" else c for c in TABLES[name].key]
    key = f"concat_ws(' ', {', '.join(parts)})"
    rows = connection.execute(f"SELECT {ROW}, {key} FROM {name} WHERE {test} ORDER BY 1").fetchall()
    return [OddRow(table=name, row=row, key=str(k), reason=reason) for row, k in rows]
