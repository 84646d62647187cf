"""Histories of one customer, and of a delta: `python -m benchmarks.histories_online` prints medians and what they are made of."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.books import AS_OF, write_book
from features.catalogue import CATALOGUE
from features.engine.histories import build, rows_of
from features.engine.incremental import IncrementalLedger
from features.engine.prepared import prepare
from ledger.known import day
from ledger.ledger import Ledger, read_ledger
from training.default.columns import SELECTED


def timed(what: Callable[[], object], times: int) -> tuple[float, float]:
    """(median, 95th percentile) of milliseconds, after two calls that are not counted."""
    what(), what()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        what()
        taken.append(1000 * (time.perf_counter() - start))
    return float(np.median(taken)), float(np.percentile(taken, 95))


def main() -> None:
    place = Path(tempfile.gettempdir()) / "tradecredit-benchmarks" / "2000x300"
    write_book(place, customers=2000, invoices_each=300)
    ledger = read_ledger(place)
    prepared = prepare(ledger)
    columns = CATALOGUE.columns(level="customer")
    one = np.array([1000], dtype=np.int32), np.array([day(AS_OF[6])], dtype=np.int32)
    asked = pd.DataFrame({"customer_id": [prepared.owners.ids[1000]], "as_of": pd.to_datetime([AS_OF[6]])})
    alone = ledger.of([prepared.owners.ids[1000]])
    rows = [
        ("arrays in, row out", timed(lambda: rows_of(prepared, *one, columns), 500)),
        ("frame in, frame out", timed(lambda: build(prepared, asked), 500)),
        (
            "the same, the default model's columns: what the service asks",
            timed(lambda: build(prepared, asked, SELECTED), 500),
        ),
        ("a ledger of this customer alone: settled, then frame out", timed(lambda: build(alone, asked), 300)),
        ("  of which settled and sorted", timed(lambda: prepare(alone), 300)),
    ]
    print(
        f"one customer of {len(ledger.invoices) // 2000} invoices, {len(columns)} columns, a book of {len(ledger.invoices):,} invoices"
    )
    print(f"{'':<62} {'median ms':>10} {'p95 ms':>8}")
    for name, (median, high) in rows:
        print(f"{name:<62} {median:>10.3f} {high:>8.3f}")
    delta = _delta(ledger, customers=20)
    grown = IncrementalLedger.of(prepared).append(delta)
    everyone = pd.DataFrame(
        {"customer_id": pd.Series(prepared.owners.ids, dtype="str"), "as_of": pd.Timestamp("2024-12-31")}
    )
    whole, _ = timed(lambda: prepare(ledger), 3)
    part, _ = timed(lambda: IncrementalLedger.of(prepared).append(delta), 5)
    snapshot, _ = timed(lambda: grown.build(everyone), 3)
    print(f"a delta of {len(delta.payments)} payments: taken in {part:.0f} ms, the whole book prepared {whole:.0f} ms ({whole / part:.0f} x); "
          f"the next day's {len(everyone):,} snapshots {snapshot:.0f} ms")  # fmt: skip


def _delta(ledger: Ledger, customers: int) -> Ledger:
    """One payment more of each of some customers, booked after all others."""
    some = ledger.payments.drop_duplicates("customer_id").head(customers)
    on = pd.Timestamp("2024-12-30")
    more = some.assign(payment_id="X" + some["payment_id"], paid_on=on, booked_on=on, invoice_id=None)
    tables = {name: frame.iloc[:0] for name, frame in ledger.tables.items()}
    payments = more.astype(ledger.payments.dtypes.to_dict()).reset_index(drop=True)
    return Ledger(tables=tables | {"payments": payments})


if __name__ == "__main__":
    main()
