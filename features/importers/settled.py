"""What an import settles: how the invoices that it touches stand afterwards, by the one settlement, to the cent.

The rows are read back from the ledger's files. DuckDB gives the invoices numbers and brings what names them; the rules
are those of features/settlement.py over bare arrays, so that a book of millions is settled without being loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.door import quoted
from features.importers.report import CENTS, money
from features.ledger import source_of
from features.order import by_group
from features.settlement import (
    ALL_THAT_IS_LEFT,
    CASH,
    CLOSED_KINDS,
    CREDIT,
    FACTOR,
    SIGNS,
    WRITE_OFF,
    final_states,
)

SLICE = 500_000  # invoices settled at a time: bounds the memory
BACK = ", ".join(quoted(kind) for kind, sign in SIGNS.items() if sign < 0)
NAMED_BY = {"invoices": "applies_to", "payments": "invoice_id", "events": "invoice_id"}


def settle_import(
    connection: duckdb.DuckDBPyConnection, folder: Path, *, is_first: bool, totals: dict[tuple[str, str], int]
) -> list[dict[str, Any]]:
    """One entry a currency: the invoices touched by this import (all of them for the first) by how they stand, and
    what of them is open, overpaid and written off.

    totals : the ledger's control totals, (currency, measure) -> cents; the settlement of a first import must agree.
    Raises RuntimeError where the settlement does not add up to the rows, which would be a mistake of this program.
    """
    current = {
        name: f"(SELECT * FROM {source} WHERE superseded_on IS NULL)"
        for name in NAMED_BY
        if (source := source_of(folder, name)) is not None
    }
    scope = "" if is_first else f" AND invoice_id IN ({_touched(connection)})"
    connection.execute(
        "CREATE TABLE settled_invoices AS SELECT row_number() OVER () - 1 AS n, invoice_id, "
        f"CAST({CENTS} AS BIGINT) AS cents, currency FROM {current['invoices']} WHERE kind = 'invoice'{scope}"
    )
    currencies = [row[0] for row in connection.execute("SELECT DISTINCT currency FROM settled_invoices").fetchall()]
    currencies.sort()
    codes = f"list_position([{', '.join(quoted(c) for c in currencies) or 'NULL'}], currency) - 1"
    invoices = connection.sql(f"SELECT cents, CAST({codes} AS TINYINT) AS currency FROM settled_invoices ORDER BY n")
    amount, currency = _arrays(invoices.to_arrow_table(), "cents", "currency")
    entries = connection.sql(" UNION ALL ".join(_entries(current))).to_arrow_table()
    number, on, cents, kind = _arrays(entries, "n", "day", "cents", "kind")
    order, start = by_group(number, len(amount), on, kind)
    on, cents, kind = on[order], cents[order], kind[order]
    found: list[NDArray[Any]] = [np.empty(len(amount), dtype=np.int64) for _ in range(3)] + [
        np.empty(len(amount), dtype=np.int8)
    ]
    for low in range(0, len(amount), SLICE):
        high = min(low + SLICE, len(amount))
        rows = slice(start[low], start[high])
        states = final_states(amount[low:high], start[low : high + 1] - start[low], on[rows], cents[rows], kind[rows])
        for whole, part in zip(found, states, strict=True):
            whole[low:high] = part
    named = np.where((kind == WRITE_OFF), 0, cents)
    money_in = np.concatenate([[0], np.cumsum(named)])
    allocated = money_in[start[1:]] - money_in[start[:-1]]
    shown = []
    for code, name in enumerate(currencies):
        own = currency == code
        left, excess, written = (int(part[own].sum()) for part in found[:3])
        _reconcile(name, int(amount[own].sum()) - int(allocated[own].sum()), left - excess + written)
        if is_first:
            loose = _loose_credit(connection, current["invoices"], name)
            _reconcile(name, totals[name, "open"], left - excess + written - loose)
        counts = np.bincount(found[3][own], minlength=len(CLOSED_KINDS)).tolist()
        shown.append(
            {"currency": name, "invoices": int(own.sum())}
            | dict(zip(CLOSED_KINDS, counts, strict=True))
            | {"open_amount": money(left), "overpaid": money(excess), "written_off_amount": money(written)}
        )
    return shown


def _touched(connection: duckdb.DuckDBPyConnection) -> str:
    """SQL of the ids of the invoices that the import's new and superseded rows are, or name."""
    present = {row[0] for row in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}
    parts = ["SELECT NULL::VARCHAR WHERE false"]
    for name, column in NAMED_BY.items():
        for rows in (f"new_{name}", f"old_{name}"):
            if rows in present:
                parts.append(f"SELECT {column} FROM {rows} WHERE {column} IS NOT NULL")
                if name == "invoices":
                    parts.append(f"SELECT invoice_id FROM {rows} WHERE kind = 'invoice'")
    return " UNION ".join(parts)


def _entries(current: dict[str, str]) -> list[str]:
    """SQL of all that names a numbered invoice: its number, the day, signed cents, the settlement's kind of entry."""

    def part(name: str, on: str, cents: str, kind: str, where: str) -> str:
        return (
            f"SELECT CAST(n AS INTEGER) AS n, {on} - DATE '1970-01-01' AS day, CAST({cents} AS BIGINT) AS cents, "
            f"CAST({kind} AS TINYINT) AS kind FROM (SELECT r.*, i.n FROM {current[name]} r "
            f"JOIN settled_invoices i ON i.invoice_id = r.{NAMED_BY[name]} WHERE {where})"
        )

    signed = f"CASE WHEN kind IN ({BACK}) THEN -{CENTS} ELSE {CENTS} END"
    sold = f"CASE WHEN kind = 'factoring' THEN {FACTOR} ELSE {CASH} END"
    parts = [
        part("payments", "paid_on", signed, sold, "true"),
        part("invoices", "issued_on", CENTS, str(CREDIT), "r.kind = 'credit_note'"),
    ]
    if "events" in current:
        written = f"coalesce({CENTS}, {ALL_THAT_IS_LEFT})"
        parts.append(part("events", "occurred_on", written, str(WRITE_OFF), "r.kind = 'write_off'"))
    return parts


def _arrays(table: pa.Table, *names: str) -> list[NDArray[Any]]:
    return [table[name].combine_chunks().to_numpy(zero_copy_only=False) for name in names]


def _loose_credit(connection: duckdb.DuckDBPyConnection, invoices: str, currency: str) -> int:
    """Cents of credit notes that name no invoice of the ledger."""
    found = connection.execute(
        f"SELECT coalesce(sum({CENTS}), 0) FROM {invoices} WHERE kind = 'credit_note' AND currency = ? AND (applies_to "
        "IS NULL OR applies_to NOT IN (SELECT invoice_id FROM settled_invoices))",
        [currency],
    ).fetchall()
    return int(found[0][0])


def _reconcile(currency: str, rows: int, settled: int) -> None:
    if rows != settled:
        raise RuntimeError(f"{currency}: the rows leave {rows} cents open, the settlement {settled}")
