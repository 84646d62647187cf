"""How fast the sample generator writes and how much memory it takes, by size: `python -m benchmarks.sample [--large]`.

Each size runs in a process of its own, so that its peak of resident memory is its own. Seconds depend on the machine
and on who else uses it, seconds of processor time less so; what should hold anywhere is that rows a second stay level,
and that memory grows with the largest customer only.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cli.output import table
from sample.generator import write_sample

SIZES = ((200, 48), (3_000, 48), (20_000, 48))
LARGE = ((200_000, 48),)


def measured(customers: int, months: int) -> dict[str, float]:
    """Write one sample and tell its rows, seconds, megabytes on disk and peak resident memory."""
    with tempfile.TemporaryDirectory() as folder:
        began, used = time.perf_counter(), time.process_time()
        rows = write_sample(Path(folder), customers=customers, months=months)
        seconds, used = time.perf_counter() - began, time.process_time() - used
        size = sum(f.stat().st_size for f in Path(folder).iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "customers": customers, "invoices": rows["invoices"], "payments": rows["payments"], "seconds": seconds,
        "cpu_seconds": used, "megabytes": size / 2**20, "peak_megabytes": peak,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also 200,000 customers")
    parser.add_argument("--one", type=int, nargs=2, metavar=("CUSTOMERS", "MONTHS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(*options.one)))
        return
    found = []
    for customers, months in SIZES + (LARGE if options.large else ()):
        command = [sys.executable, "-m", "benchmarks.sample", "--one", str(customers), str(months)]
        found.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    rows = [
        (
            f"{m['customers']:,}", f"{m['invoices']:,}", f"{m['payments']:,}", f"{m['seconds']:.1f}",
            f"{m['cpu_seconds']:.1f}", f"{m['invoices'] / m['cpu_seconds']:,.0f}",
            f"{m['megabytes']:,.0f}", f"{m['peak_megabytes']:,.0f}",
        )
        for m in found
    ]  # fmt: skip
    header = [
        "customers",
        "invoices",
        "payments",
        "seconds",
        "CPU seconds",
        "invoices/CPU s",
        "MB on disk",
        "peak MB",
    ]
    print(table(rows, header))


if __name__ == "__main__":
    main()
