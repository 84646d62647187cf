"""Compile the loops of the histories once, at install: `python -m features.engine.warm`."""

from __future__ import annotations

import time

import pandas as pd

from features.engine.histories import build, build_items
from features.engine.snapshots import active
from ledger.ledger import Ledger


def warm() -> float:
    """Build every column on a ledger of three invoices; return the seconds (nearly all compiling, the first time)."""
    start = time.perf_counter()
    days = ["2024-01-02", "2024-02-01", "2024-03-04"]
    invoices = pd.DataFrame({
        "invoice_id": ["a", "b", "c"], "customer_id": "x", "kind": "invoice", "issued_on": days,
        "due_on": ["2024-02-01", "2024-03-02", "2024-04-03"], "amount": [100.0, 200.0, 300.0], "currency": "EUR",
    })  # fmt: skip
    payments = pd.DataFrame({
        "payment_id": ["p"], "customer_id": "x", "invoice_id": "a", "paid_on": "2024-02-11", "amount": 100.0,
        "currency": "EUR", "kind": "payment",
    })  # fmt: skip
    ledger = Ledger.from_frames(customers=pd.DataFrame({"customer_id": ["x"]}), invoices=invoices, payments=payments)
    build(ledger, active(ledger, [ledger.last_known_on]))
    build_items(ledger, ledger.invoices.assign(as_of=ledger.invoices["issued_on"]))
    return time.perf_counter() - start


if __name__ == "__main__":
    print(f"histories compiled in {warm():.0f} s")
