"""Histories against expert peers: `python -m benchmarks.histories [--customers N] [--each M]` prints time, memory and equality.

Every engine runs in a process of its own, starts from the tables in memory in its own form and ends with the matrix of the
same columns for all customers on the same twelve month ends. Read the ratios, not the seconds; on a machine that others
use at the same time, those of processor seconds (of all threads). Peak memory is the whole process's, reading included. `in_parts` goes from
disk to disk, a part of the customers at a time: its time includes reading the tables and writing the matrix.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.books import AS_OF, write_book
from benchmarks.history_peers import COLUMNS, Clock

if TYPE_CHECKING:
    import pandas as pd

ENGINES = ("ours", "ours_full", "in_parts", "pandas", "polars", "duckdb")
OWN_COLUMNS = ("ours", "in_parts", "pandas", "polars", "duckdb")  # those that give the same columns
PARTS_OF_CUSTOMERS = 2_500


def ours(folder: str, days: list[str], columns: list[str] | None) -> tuple[np.ndarray, Clock, dict[str, float]]:
    """(matrix, time after loading, its parts): settlement, arrays and histories."""
    import pandas as pd

    from features.engine.histories import build
    from features.engine.prepared import prepare
    from ledger.ledger import read_ledger
    from sample.generator import sample

    warm = sample(customers=20, months=12, seed=1).ledger  # what is compiled once a machine is not what is measured
    build(
        warm,
        pd.DataFrame({"customer_id": warm.customers["customer_id"], "as_of": warm.last_known_on}),
        columns,
        is_narrow=columns is not None,
    )
    ledger = read_ledger(folder)
    asked = everyone(ledger, days)
    clock, first = Clock(), Clock()
    prepared = prepare(ledger)
    first.stop()
    second = Clock()
    frame = build(prepared, asked, columns, is_narrow=columns is not None)
    second.stop()
    parts = {"prepare": first.cpu, "build": second.cpu, "columns": frame.shape[1]}
    return frame.to_numpy(), clock.stop(), parts


def everyone(known: Any, days: Sequence[Any]) -> pd.DataFrame:
    """All customers of a ledger or book on each day, by day and id."""
    import pandas as pd

    ids = np.sort(getattr(known, "ledger", known).customers["customer_id"].to_numpy(dtype=object))
    return pd.DataFrame({
        "customer_id": pd.Series(np.tile(ids, len(days)), dtype="str"),
        "as_of": np.repeat(pd.to_datetime(days), len(ids)),
    })  # fmt: skip


def in_parts(folder: str, days: list[str], out: str) -> tuple[np.ndarray, Clock, dict[str, float]]:
    """The same from disk to disk, part by part: reading the tables and writing the matrix is in its time and its memory."""
    import pandas as pd

    from features.engine.partitioned import build_in_turn

    clock, place = Clock(), Path(out + ".parts")
    customers = len(pd.read_parquet(f"{folder}/customers.parquet"))
    build_in_turn(
        Path(folder), [pd.Timestamp(day) for day in days], place, columns=COLUMNS,
        parts=max(1, customers // PARTS_OF_CUSTOMERS), whom=everyone,
    )  # fmt: skip
    clock.stop()
    peak = peak_mb()  # before the parts are gathered again, which is for the comparison only
    matrix = pd.read_parquet(place).sort_values(["as_of", "customer_id"])[COLUMNS].to_numpy()
    return matrix, clock, {"peak_mb": peak}


def peak_mb() -> float:
    """The most memory that this process has held."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def run(engine: str, folder: str, out: str) -> None:
    """One engine in this process; the matrix to `out`, the figures to standard output."""
    from benchmarks import history_peers as peers

    parts: dict[str, float] = {}
    if engine == "in_parts":
        matrix, clock, parts = in_parts(folder, AS_OF, out)
    elif engine.startswith("ours"):
        matrix, clock, parts = ours(folder, AS_OF, None if engine == "ours_full" else COLUMNS)
    else:
        matrix, clock = getattr(peers, f"{engine}_matrix")(folder, AS_OF)
    if engine != "ours_full":
        np.save(out, matrix)
    print(json.dumps({"seconds": clock.seconds, "cpu": clock.cpu, "peak_mb": peak_mb(), **parts}))


def compare(folder: Path, engines: list[str], rounds: int) -> None:
    """Run the engines one after the other, `rounds` times, and print the median of each beside the equality of results."""
    found: dict[str, list[dict[str, float]]] = {engine: [] for engine in engines}
    with tempfile.TemporaryDirectory() as place:
        for _ in range(rounds):
            for engine in engines:
                done = subprocess.run([sys.executable, "-m", "benchmarks.histories", "--run", engine, str(folder), f"{place}/{engine}.npy"],
                                      capture_output=True, text=True, check=True)  # fmt: skip
                found[engine].append(json.loads(done.stdout.splitlines()[-1]))
        matrices = {e: np.load(f"{place}/{e}.npy") for e in engines if e != "ours_full"}
    best = {e: {k: float(np.median([f[k] for f in runs])) for k in runs[0]} for e, runs in found.items()}
    print(
        f"{'engine':<10} {'columns':>7} {'wall s':>8} {'x ours':>7} {'CPU s':>7} {'x ours':>7} {'peak MB':>8} {'largest difference':>19}"
    )
    for engine, figures in best.items():
        wall, cpu = (figures[k] / best["ours"][k] for k in ("seconds", "cpu"))
        difference = f"{_difference(matrices['ours'], matrices[engine]):.1e}" if engine in matrices else ""
        columns = int(figures.get("columns", len(COLUMNS)))
        print(
            f"{engine:<10} {columns:>7} {figures['seconds']:>8.2f} {wall:>7.2f} {figures['cpu']:>7.2f} {cpu:>7.2f} {figures['peak_mb']:>8.0f} {difference:>19}"
        )
    for engine in [e for e in engines if e.startswith("ours")]:
        print(
            f"{engine}: settlement and arrays {best[engine]['prepare']:.2f} CPU s, histories {best[engine]['build']:.2f} CPU s"
        )


def _difference(left: np.ndarray, right: np.ndarray) -> float:
    """The largest relative difference; infinite where one has a value and the other has none."""
    if (np.isnan(left) != np.isnan(right)).any():
        return float("inf")
    return float(np.nanmax(np.abs(left - right) / np.maximum(np.abs(right), 1.0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--each", type=int, default=50, help="invoices a customer")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "tradecredit-benchmarks")
    parser.add_argument("--run", nargs=3, metavar=("ENGINE", "FOLDER", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(*arguments.run)
        return
    folder = arguments.folder / f"{arguments.customers}x{arguments.each}"
    write_book(folder, customers=arguments.customers, invoices_each=arguments.each)
    print(
        f"{arguments.customers * arguments.each:,} invoices, {arguments.customers:,} customers, {len(AS_OF)} as-of dates"
    )
    compare(folder, arguments.engines.split(","), arguments.rounds)


if __name__ == "__main__":
    main()
