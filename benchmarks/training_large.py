"""A default model of a ledger larger than memory: `python -m benchmarks.training_large [--customers 200000 --months 30 --goods 0.1]`.

Writes the sample ledger, then runs the two commands of docs/training.md as a user would, each in a process of its own, and
prints the time and the peak memory of the process (with Dask: of the largest worker). Everything is written to --folder,
which is deleted afterwards unless --keep is given.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from features.engine.partitioned import last_known_on
from sample.generator import write_sample

PROGRAM = "from cli.main import main; main()"


def measured(words: list[str], home: Path) -> tuple[float, float, float]:
    """Run one command of ours; (wall seconds, processor seconds, peak MB of its largest process)."""
    environment = {**os.environ, "TRADECREDIT_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[1])}
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *words], env=environment) as process:
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} ended with status {status}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = used.ru_utime + used.ru_stime
    inner = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, max(spent, inner), used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--months", type=int, default=30)
    parser.add_argument("--goods", type=float, default=0.1, help="Share of the rows without a default that is kept.")
    parser.add_argument("--engine", choices=["in-turn", "dask"], default="in-turn")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "tradecredit-training-large")
    parser.add_argument("--keep", action="store_true", help="Leave the ledger and the histories on disk.")
    chosen = parser.parse_args()
    ledger, histories = chosen.folder / "ledger", chosen.folder / "histories"
    if not ledger.exists():
        write_sample(ledger, customers=chosen.customers, months=chosen.months)
    invoices = pq.ParquetFile(ledger / "invoices.parquet")
    first = pd.Timestamp(invoices.read(columns=["issued_on"]).column(0).to_pandas().min())
    span = [
        "--every",
        "month",
        "--from",
        str((first + pd.Timedelta(days=90)).date()),
        "--to",
        str(last_known_on(ledger)),
    ]
    print(f"{invoices.metadata.num_rows:,} invoices, {chosen.customers:,} customers x {chosen.months} months")
    print(f"{'command':<28} {'wall s':>8} {'CPU s':>8} {'peak MB':>8}", flush=True)
    for name, words in (
        ("features", ["features", str(ledger), *span, "--for-model", "default", "--engine", chosen.engine, "--out", str(histories)]),
        ("train --histories", ["train", str(ledger), "--model", "default", "--histories", str(histories), "--sample-goods", str(chosen.goods)]),
    ):  # fmt: skip
        wall, spent, peak = measured(words, chosen.folder / "home")
        print(f"{name:<28} {wall:>8.0f} {spent:>8.0f} {peak:>8,.0f}", flush=True)
    if not chosen.keep:
        shutil.rmtree(chosen.folder)


if __name__ == "__main__":
    main()
