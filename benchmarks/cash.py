"""Weekly cash forecasts against plain rules on three ledgers, and the time of the band: python -m benchmarks.cash
[speed] [SET …]

SET is one of sample, datarisk, highradius; the real ones need ../shared/data. Every second Sunday the open book is
asked about the next eight weeks, the model knowing only what was known then (fitted again every three months).
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.delay_real import SHARED, imported
from cli.output import table
from decisions.inflow import Dependence, simulated_inflow
from ledger.ledger import Ledger, read_ledger
from sample.generator import write_sample
from training.evaluation.cash_backtest import cash_backtest

SETS = {
    "sample": ("2024-04-01", "2024-11-30"),
    "datarisk": ("2019-08-01", "2020-01-31"),
    "highradius": ("2019-06-01", "2019-11-30"),
}
SOURCES = {"datarisk": ("datarisk", "datarisk"), "highradius": ("highradius", "highradius/invoices.csv")}


def ledger_of(name: str) -> Ledger:
    if name in SOURCES:
        return imported(*SOURCES[name])
    with tempfile.TemporaryDirectory() as place:
        write_sample(Path(place) / "ledger", customers=600, months=36, seed=11)
        return read_ledger(Path(place) / "ledger")


def speed(items: int = 1_000_000, paths: int = 1000) -> None:
    """The band of a million items, beside a plain numpy draw of a hundredth of it."""
    rng = np.random.default_rng(0)
    paid = np.sort(rng.random((items, 13)), axis=1)
    amount, customer = np.round(rng.lognormal(8, 1, items), 2), np.sort(rng.integers(0, items // 50, items))
    shares = Dependence(common=0.02, customer=0.2)
    simulated_inflow(amount[:100], paid[:100], customer[:100], shares, paths=2)
    begun, worked = time.perf_counter(), time.process_time()
    simulated_inflow(amount, paid, customer, shares, paths=paths)
    ours, worked = time.perf_counter() - begun, time.process_time() - worked
    few = items // 100
    begun = time.perf_counter()
    for _ in range(paths):
        period = (rng.random(few)[:, None] > paid[:few]).sum(axis=1)
        np.bincount(period, weights=amount[:few], minlength=14)
    numpy = (time.perf_counter() - begun) * 100
    print(
        f"{items:,} items, {paths:,} paths, 13 weeks: {ours:.0f} s on this machine as it is now, {worked:.0f} s of processor "
        "time on two threads; "
        f"numpy without dependence {numpy / ours:.0f} times as long"
    )


def main(names: list[str]) -> None:
    rows = []
    for name in names:
        if name in SOURCES and not SHARED.exists():
            print(f"{name}: skipped, ../shared/data is not there.")
            continue
        first, last = SETS[name]
        found = cash_backtest(ledger_of(name), pd.Timestamp(first), pd.Timestamp(last)).figures
        rows.append(
            [
                name,
                f"{found['forecast_weeks']:.0f}",
                *(f"{found[f'wape_{f}']:.3f}" for f in ("expected", "due_date", "customer_mean")),
                *(f"{found[f]:+.0%}" for f in ("gain_on_due_date", "gain_on_customer_mean")),
                f"{found['band_coverage']:.1%}",
                f"{found['bias']:+.1%}",
            ]
        )
    if rows:
        print("\nWAPE of weekly inflow of the open book, weeks 1 to 8\n")
        print(
            table(
                rows, ["", "weeks", "ours", "due date", "customer's mean", "gain", "gain", "80 % band covers", "bias"]
            )
        )


if __name__ == "__main__":
    words = sys.argv[1:] or ["speed", *SETS]
    if "speed" in words:
        speed()
    main([word for word in words if word != "speed"])
