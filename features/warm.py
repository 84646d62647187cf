"""Compile the histories' loops once, at install: `python -m features.warm`."""

from __future__ import annotations

import time

from features.history import build, build_items
from features.snapshots import active
from features.synthetic import sample


def warm() -> float:
    """Build every column on the smallest sample; the seconds that it took (most of them compiling, the first time)."""
    start = time.perf_counter()
    ledger = sample(customers=20, months=12, seed=1).ledger
    last = ledger.last_known_on
    build(ledger, active(ledger, [last]))
    invoices = ledger.invoices[ledger.invoices["kind"] == "invoice"].tail(3)
    build_items(ledger, invoices.assign(as_of=invoices["issued_on"]))
    return time.perf_counter() - start


if __name__ == "__main__":
    print(f"histories compiled in {warm():.0f} s")
