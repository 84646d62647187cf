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


def write_book(folder: Path, *, customers: int, invoices_each: int, seed: int = 1) -> None:
    """A ledger of customers x invoices_each invoices: one in ten paid in two parts, one in thirty unpaid, one in five payments
    booked late, lateness with a heavy tail. Deterministic by seed. Amounts are whole cents of one currency."""
    if (folder / "done").exists():
        return
    for name in ("customers", "invoices", "payments"):
        (folder / f"{name}.parquet").mkdir(parents=True, exist_ok=True)
    for part, start in enumerate(range(0, customers, CHUNK)):
        rng = np.random.default_rng([seed, part])
        for name, table in _chunk(rng, start, min(CHUNK, customers - start), invoices_each).items():
            pq.write_table(table, folder / f"{name}.parquet" / f"part-{part:05d}.parquet", row_group_size=500_000)
    (folder / "done").write_text("")


def _ids(letter: str, numbers: np.ndarray) -> pa.Array:
    return pa.array(np.char.add(letter, np.char.zfill(numbers.astype(str), 10)))


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
    same = pa.array(np.full(n, "EUR"))
    return {
        "customers": pa.table({"customer_id": _ids("C", np.arange(start, start + customers))}),
        "invoices": pa.table({
            "invoice_id": _ids("I", number), "customer_id": _ids("C", customer), "kind": pa.array(np.full(n, "invoice")),
            "issued_on": issued, "due_on": due, "amount": cents / 100, "currency": same, "booked_on": issued,
        }),
        "payments": pa.table({
            "payment_id": _ids("P", start * each * 2 + np.arange(len(source))), "customer_id": _ids("C", customer[source]),
            "invoice_id": _ids("I", number[source]), "paid_on": source_paid, "amount": amount / 100,
            "currency": pa.array(np.full(len(source), "EUR")), "kind": pa.array(np.full(len(source), "payment")), "booked_on": booked,
        }),
    }  # fmt: skip
