"""A book too large for memory: `python -m benchmarks.histories_large [--customers N]` runs it part by part and prints the peak.

The book lies on disk as Parquet (by parts of customers, with industries and countries), its histories are written to disk
as Parquet too; both are deleted afterwards. Time and memory are those of the one process that reads, computes and writes;
`--beside` names smaller books, run the same way first, so that growth can be read off.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.books import AS_OF, write_book
from benchmarks.history_peers import COLUMNS


def run(folder: Path, out: Path) -> None:
    """Compute one book in this process; the figures to standard output."""
    import pandas as pd

    from features.engine.partitioned import build_in_turn

    wall, cpu = time.perf_counter(), time.process_time()
    found = build_in_turn(folder, [pd.Timestamp(day) for day in AS_OF], out, columns=COLUMNS)
    figures = {"rows": found["rows"], "columns": found["columns"], "wall": time.perf_counter() - wall}
    print(json.dumps(figures | {"cpu": time.process_time() - cpu}))


def measured(folder: Path, customers: int, each: int) -> dict[str, float]:
    """Write one book, run it in a process of its own and delete what it wrote."""
    start = time.perf_counter()
    write_book(folder / "book", customers=customers, invoices_each=each, with_peers=True)
    written = time.perf_counter() - start
    size = sum(f.stat().st_size for f in (folder / "book").rglob("*.parquet"))
    out = folder / "histories"
    command = [sys.executable, "-m", "benchmarks.histories_large", "--run", str(folder / "book"), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, used = _waited(process.pid)
    if status:
        raise SystemExit(f"the run over {customers:,} customers ended with status {status}")
    shutil.rmtree(out)
    return json.loads(text.splitlines()[-1]) | {"peak_mb": used.ru_maxrss / 1024, "written": written, "size": size}


def _waited(pid: int) -> tuple[int, int, resource.struct_rusage]:
    import os

    return os.wait4(pid, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=2_000_000)
    parser.add_argument("--each", type=int, default=50, help="invoices a customer")
    parser.add_argument(
        "--beside", default="200000", help="customers of smaller books to run first, with commas; empty: none"
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "tradecredit-benchmarks")
    parser.add_argument("--only-write", action="store_true", help="write the books, to run them later")
    parser.add_argument("--keep", action="store_true", help="leave the books on disk")
    parser.add_argument("--run", nargs=2, metavar=("FOLDER", "OUT"), type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(*arguments.run)
        return
    sizes = [*(int(n) for n in arguments.beside.split(",") if n), arguments.customers]
    places = {n: arguments.folder / f"large-{n}x{arguments.each}" for n in sizes}
    if arguments.only_write:
        for n, place in places.items():
            write_book(place / "book", customers=n, invoices_each=arguments.each, with_peers=True)
        return
    print(f"{'invoices':>12} {'customers':>10} {'prepared MB':>8} {'rows out':>11} {'columns':>7} {'wall s':>8} {'CPU s':>8} "
          f"{'x before':>8} {'peak MB':>8}", flush=True)  # fmt: skip
    before = 0.0
    for n, place in places.items():
        found = measured(place, n, arguments.each)
        growth = f"{found['wall'] / before:.2f}" if before else ""
        print(f"{n * arguments.each:>12,} {n:>10,} {found['size'] / 2**20:>8,.0f} {found['rows']:>11,} {found['columns']:>7} "
              f"{found['wall']:>8.1f} {found['cpu']:>8.1f} {growth:>8} {found['peak_mb']:>8,.0f}", flush=True)  # fmt: skip
        before = found["wall"]
        if not arguments.keep:
            shutil.rmtree(place)


if __name__ == "__main__":
    main()
