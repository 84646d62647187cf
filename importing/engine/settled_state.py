"""What an import settles: how the invoices that it touches stand afterwards, by the one settlement, to the cent.

The rows are read back from the ledger's files. DuckDB gives the invoices numbers and brings what names them; the rules
are those of ledger/settlement.py over bare arrays, so that a book of millions is settled without being loaded.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from importing.engine.report import BACK, UNITS, money
from ledger.currency_codes import tolerance_units
from ledger.ledger import source_of
from ledger.settlement import (
    ALL_THAT_IS_LEFT,
    CASH,
    CLOSED_KINDS,
    CREDIT,
    DISCOUNT,
    FACTOR,
    NO_DAY,
    WRITE_OFF,
    final_states,
)
from ledger.settlement_changes import GAIN
from ledger.sorting import by_group
from ledger.validation import quoted

EXCHANGE_DIFFERENCE = "exchange_difference"
SLICE = 500_000  # invoices settled at a time: bounds the memory
NAMED_BY = {"invoices": "applies_to", "payments": "invoice_id", "events": "invoice_id"}


def settle_import(
    connection: duckdb.DuckDBPyConnection, folder: Path, *, is_first: bool, totals: dict[tuple[str, str], int]
) -> list[dict[str, Any]]:
    """Return one entry a currency: the invoices touched by this import (all of them for the first) by how they stand, and
    what of them is open, overpaid, written off, and let go within the tolerance.

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
        f"CREATE TABLE settled_invoices AS SELECT invoice_id, {UNITS} AS cents, currency "
        f"FROM {current['invoices']} WHERE kind = 'invoice'{scope}"
    )  # an invoice's number is its rowid
    currencies = sorted(r[0] for r in connection.execute("SELECT DISTINCT currency FROM settled_invoices").fetchall())
    codes = f"list_position([{', '.join(quoted(c) for c in currencies) or 'NULL'}], currency) - 1"
    invoices = connection.sql(f"SELECT rowid, cents, CAST({codes} AS TINYINT) AS currency FROM settled_invoices")
    number, *columns = _arrays(invoices.to_arrow_table(), "rowid", "cents", "currency")
    amount, currency = (_placed(number, column) for column in columns)
    entries = _sorted_entries(connection, current, len(amount))
    allowed = np.array([tolerance_units(c) for c in currencies], dtype=np.int64)
    sums = _settled(amount, currency, allowed, *entries)
    all_named = not is_first or _all_named(connection, current, int(np.count_nonzero(entries[-1] != WRITE_OFF)))
    shown = []
    for name, own in zip(currencies, sums, strict=True):
        _reconcile(name, own.invoiced - own.allocated, own.left - own.excess + own.written_off)
        if is_first:
            loose = 0 if all_named else _loose(connection, current, name)
            _reconcile(name, totals[name, "open"], own.left - own.excess + own.written_off - loose)
        shown.append(
            {"currency": name, "invoices": sum(own.counts)}
            | dict(zip(CLOSED_KINDS, own.counts, strict=True))
            | {
                "open_amount": money(own.left, name),
                "overpaid": money(own.overpaid, name),
                "written_off_amount": money(own.written_off, name),
                "within_tolerance": money(own.overpaid - own.excess, name),
            }
        )
    return shown


def make_ready() -> None:
    """Load the compiled settlement, which takes a while the first time; run it while other steps run."""
    one, number = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32)
    kind = np.zeros(0, dtype=np.int8)
    _, start = by_group(number, 1, number, kind)
    _settled(one, np.zeros(1, dtype=np.int8), one, start, number, one[:0], kind)


@dataclass(frozen=True, kw_only=True)
class _Sums:
    """What one currency's invoices add up to, in cents, and how many of them stand in each of the CLOSED_KINDS."""

    invoiced: int
    allocated: int
    left: int
    excess: int  # allocated above the amount, less what within the tolerance was let go
    overpaid: int
    written_off: int
    counts: list[int]


def _added(parts: list[_Sums]) -> _Sums:
    return _Sums(
        invoiced=sum(p.invoiced for p in parts),
        allocated=sum(p.allocated for p in parts),
        left=sum(p.left for p in parts),
        excess=sum(p.excess for p in parts),
        overpaid=sum(p.overpaid for p in parts),
        written_off=sum(p.written_off for p in parts),
        counts=[sum(column) for column in zip(*(p.counts for p in parts), strict=True)],
    )


def _sorted_entries(
    connection: duckdb.DuckDBPyConnection, current: dict[str, str], invoices: int
) -> tuple[NDArray[Any], ...]:
    """Return (start, day, cents, kind): all that names an invoice, sorted by invoice, day and kind; invoice i's entries are
    start[i]:start[i + 1]."""
    entries = connection.sql(" UNION ALL ".join(_entries(current))).to_arrow_table()
    number, on, cents, kind = _arrays(entries, "n", "day", "cents", "kind")
    order, start = by_group(number, invoices, on, kind)
    return start, on[order], cents[order], kind[order]


def _settled(
    amount: NDArray[np.int64], currency: NDArray[np.int8], allowed: NDArray[np.int64], start: NDArray[np.int64],
    on: NDArray[np.int32], cents: NDArray[np.int64], kind: NDArray[np.int8],
) -> list[_Sums]:  # fmt: skip
    """Settle the invoices slice by slice, two slices at a time; one entry a currency. allowed : tolerance by currency."""

    def of_slice(low: int) -> list[_Sums]:
        high = min(low + SLICE, len(amount))
        rows, bounds = slice(start[low], start[high]), start[low : high + 1] - start[low]
        left, excess, written, how = final_states(
            amount[low:high], bounds, on[rows], cents[rows], kind[rows], allowed[currency[low:high]]
        )
        running = np.concatenate([[0], np.cumsum(np.where(kind[rows] == WRITE_OFF, 0, cents[rows]))])
        allocated = running[bounds[1:]] - running[bounds[:-1]]
        found = []
        for code in range(len(allowed)):
            mine = currency[low:high] == code
            found.append(
                _Sums(
                    invoiced=int(amount[low:high][mine].sum()),
                    allocated=int(allocated[mine].sum()),
                    left=int(left[mine].sum()),
                    excess=int(excess[mine].sum()),
                    overpaid=int(np.maximum(excess[mine], 0).sum()),
                    written_off=int(written[mine].sum()),
                    counts=np.bincount(how[mine], minlength=len(CLOSED_KINDS)).tolist(),
                )
            )
        return found

    with ThreadPoolExecutor(max_workers=2) as pool:
        slices = list(pool.map(of_slice, range(0, len(amount), SLICE)))
    return [_added([one[code] for one in slices]) for code in range(len(allowed))]


def _touched(connection: duckdb.DuckDBPyConnection) -> str:
    """Return SQL of the ids of the invoices that the import's new and superseded rows are, or name."""
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
            f"SELECT CAST(n AS INTEGER) AS n, CAST({on} - DATE '1970-01-01' AS INTEGER) AS day, CAST({cents} AS BIGINT) AS cents, "
            f"CAST({kind} AS TINYINT) AS kind FROM (SELECT r.*, i.rowid AS n{', i.currency' if name == 'events' else ''} FROM {current[name]} r "
            f"JOIN settled_invoices i ON i.invoice_id = r.{NAMED_BY[name]} WHERE {where})"
        )

    is_gain = f"kind = '{EXCHANGE_DIFFERENCE}' AND method = '{GAIN}'"
    signed = f"CASE WHEN kind IN {BACK} OR ({is_gain}) THEN -{UNITS} ELSE {UNITS} END"
    sold = (
        f"CASE kind WHEN 'factoring' THEN {FACTOR} WHEN 'discount' THEN {DISCOUNT} WHEN '{EXCHANGE_DIFFERENCE}' "
        f"THEN {DISCOUNT} WHEN 'undated' THEN {NO_DAY} ELSE {CASH} END"
    )
    parts = [
        part("payments", "paid_on", signed, sold, "true"),
        part("invoices", "issued_on", UNITS, str(CREDIT), "r.kind = 'credit_note'"),
    ]
    if "events" in current:
        written = f"coalesce({UNITS}, {ALL_THAT_IS_LEFT})"
        parts.append(part("events", "occurred_on", written, str(WRITE_OFF), "r.kind = 'write_off'"))
    return parts


def _arrays(table: pa.Table, *names: str) -> list[NDArray[Any]]:
    return [table[name].combine_chunks().to_numpy(zero_copy_only=False) for name in names]


def _placed(number: NDArray[np.int64], values: NDArray[Any]) -> NDArray[Any]:
    """Return values by their invoices' numbers: several threads may have brought them in another order."""
    placed = np.empty_like(values)
    placed[number] = values
    return placed


def _all_named(connection: duckdb.DuckDBPyConnection, current: dict[str, str], entries: int) -> bool:
    """Whether every credit note and all money that names something is an entry of an invoice: a row names at most one."""
    there = connection.execute(
        f"SELECT (SELECT count(*) FROM {current['payments']} WHERE invoice_id IS NOT NULL) + "
        f"(SELECT count(*) FROM {current['invoices']} WHERE kind = 'credit_note')"
    ).fetchall()
    return int(there[0][0]) == entries


def _loose(connection: duckdb.DuckDBPyConnection, current: dict[str, str], currency: str) -> int:
    """Cents of the customers' credit that the totals take from what is open and no invoice gets: credit notes that name
    none, and money that names what is no invoice (a credit note that was paid back, say)."""
    none = "NOT IN (SELECT invoice_id FROM settled_invoices)"
    signed = f"CASE WHEN kind IN {BACK} THEN -{UNITS} ELSE {UNITS} END"
    found = connection.execute(
        f"SELECT (SELECT coalesce(sum({UNITS}), 0) FROM {current['invoices']} WHERE kind = 'credit_note' AND currency = "
        f"$1 AND (applies_to IS NULL OR applies_to {none})) + (SELECT coalesce(sum({signed}), 0) FROM "
        f"{current['payments']} WHERE currency = $1 AND invoice_id IS NOT NULL AND invoice_id {none})",
        [currency],
    ).fetchall()
    return int(found[0][0])


def _reconcile(currency: str, rows: int, settled: int) -> None:
    if rows != settled:
        raise RuntimeError(f"{currency}: the rows leave {rows} cents open, the settlement {settled}")
