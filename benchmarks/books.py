"""Large plain ledgers for the benchmarks: invoices and payments as Parquet, written customer by customer with bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK = 50_000  # customers written at a time
FIRST_DAY, DAYS = np.datetime64("2021-01-01"), 1460
AS_OF = [
    str(d)
    for d in np.arange(np.datetime64("2024-01"), np.datetime64("2025-01"), dtype="datetime64[M]").astype(
        "datetime64[D]"
    )
    - 1
]


INDUSTRIES, COUNTRIES = ("metal", "retail", "building", "food", "transport"), ("DE", "FR", "PL", "IT")
DIGITS = 10


def write_book(folder: Path, *, customers: int, invoices_each: int, seed: int = 1, with_peers: bool = False) -> None:
    """A ledger of customers x invoices_each invoices: one in ten paid in two parts, one in thirty unpaid, one in five payments
    booked late, lateness with a heavy tail. Deterministic by seed. Amounts are whole cents of one currency.

    with_peers : customers have an industry and a country, so that histories that cross customers have something to cross.
    """
    if (folder / "done").exists():
        return
    for name in ("customers", "invoices", "payments"):
        (folder / f"{name}.parquet").mkdir(parents=True, exist_ok=True)
    for part, start in enumerate(range(0, customers, CHUNK)):
        rng = np.random.default_rng([seed, part])
        count = min(CHUNK, customers - start)
        tables = _chunk(rng, start, count, invoices_each)
        if with_peers:
            for column, values in (("industry", INDUSTRIES), ("country", COUNTRIES)):
                tables["customers"] = tables["customers"].append_column(column, pa.array(rng.choice(values, count)))
        for name, table in tables.items():
            ids = [column for column in table.column_names if column.endswith("_id")]
            pq.write_table(
                table, folder / f"{name}.parquet" / f"part-{part:05d}.parquet", row_group_size=500_000,
                use_dictionary=[column for column in table.column_names if column not in ids],
            )  # fmt: skip
    (folder / "done").write_text("")


def _ids(letter: str, numbers: np.ndarray) -> pa.Array:
    """`letter` and ten digits, written as bytes: an array of texts would take a hundred times as long."""
    text = np.empty((len(numbers), 1 + DIGITS), dtype=np.uint8)
    text[:, 0] = ord(letter)
    rest = numbers.astype(np.int64)
    for place in range(DIGITS, 0, -1):
        text[:, place] = ord("0") + rest % 10
        rest = rest // 10
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * np.int32(1 + DIGITS)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(text))


def _same(word: str, rows: int) -> pa.Array:
    """One word in every row."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int8)), pa.array([word])).cast(pa.string())


def _chunk(rng: np.random.Generator, start: int, customers: int, each: int) -> dict[str, pa.Table]:
    n = customers * each
    customer = np.repeat(np.arange(start, start + customers), each)
    issued = FIRST_DAY + np.sort(rng.integers(0, DAYS, (customers, each)), axis=1).ravel()
    due = issued + rng.choice([14, 30, 45, 60], n)
    cents = np.rint(rng.lognormal(11, 1, n)).astype(np.int64) + 200
    late = np.rint(np.where(rng.random(n) < 0.6, rng.normal(-1, 3, n), rng.exponential(15, n))).astype(np.int64)
    paid = np.maximum(due + late, issued)
    number = start * each + np.arange(n)
    unpaid, parts = rng.random(n) < 1 / 30, rng.random(n) < 0.1
    first = np.where(parts, cents // 2, cents)
    second = np.flatnonzero(parts & ~unpaid)
    one = np.flatnonzero(~unpaid)
    source = np.concatenate([one, second])
    source_paid = np.concatenate([paid[one], paid[second] + rng.integers(1, 40, len(second))])
    amount = np.concatenate([first[one], (cents - first)[second]])
    booked = source_paid + np.where(rng.random(len(source)) < 0.2, rng.integers(1, 15, len(source)), 0)
    order = np.argsort(source, kind="stable")
    source, source_paid, amount, booked = source[order], source_paid[order], amount[order], booked[order]
    same = _same("EUR", n)
    return {
        "customers": pa.table({"customer_id": _ids("C", np.arange(start, start + customers))}),
        "invoices": pa.table({
            "invoice_id": _ids("I", number), "customer_id": _ids("C", customer), "kind": _same("invoice", n),
            "issued_on": issued, "due_on": due, "amount": cents / 100, "currency": same, "booked_on": issued,
        }),
        "payments": pa.table({
            "payment_id": _ids("P", start * each * 2 + np.arange(len(source))), "customer_id": _ids("C", customer[source]),
            "invoice_id": _ids("I", number[source]), "paid_on": source_paid, "amount": amount / 100,
            "currency": _same("EUR", len(source)), "kind": _same("payment", len(source)), "booked_on": booked,
        }),
    }  # fmt: skip
