"""How long an import takes beside DuckDB's plain copy of the same file into Parquet, and how much memory it needs.

`python -m benchmarks.importing` writes CSV files of invoices with their payments (one row an invoice, 2 % of rows
damaged), imports each in a process of its own, and prints the table that docs/importing.md quotes. Times are for
comparison side by side on one machine (all jobs run in turn, several rounds of them after one that does not count, and
the median of each counts); checks, quarantine, settlement and control totals are in them. Processor seconds stand
beside them: they say what the work costs where other programs take their share of the machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import duckdb

ROWS = 5_000_000
DELTA = 10_000
MAPPING = """
[invoices]
columns.invoice_id = "invoice"
columns.customer_id = "customer"
columns.issued_on = "issued"
columns.due_on = "due"
columns.amount = "amount"
columns.currency = "currency"
columns.payment_terms = "terms"

[payments]
same_rows_as = "invoices"
columns.paid_on = "paid"
"""


def write_export(path: Path, first: int, rows: int) -> None:
    """An export of `rows` invoices from number `first` on; every fiftieth row has a bad date or amount."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"""
        COPY (SELECT 'INV-' || lpad(CAST(i AS VARCHAR), 10, '0') AS invoice, 'C' || lpad(CAST(hash(i) % 50000 AS
            VARCHAR), 6, '0') AS customer,
                DATE '2015-01-01' + CAST(i % 3000 AS INTEGER) AS issued,
                CAST(DATE '2015-01-31' + CAST(i % 3000 AS INTEGER) AS VARCHAR) AS due,
                CASE i % 100 WHEN 7 THEN 'n/a ' ELSE printf('%.2f', (hash(i * 7) % 1000000) / 100.0 + 1) END AS amount,
                    'EUR' AS currency,
                CASE WHEN i % 100 = 57 THEN '2015-02-30' WHEN hash(i * 3) % 10 < 9
                    THEN CAST(DATE '2015-01-20' + CAST(i % 3000 + hash(i) % 60 AS INTEGER) AS VARCHAR) END AS paid,
                'net 30' AS terms, 'order ' || CAST(hash(i * 11) % 1000000 AS VARCHAR) AS reference
            FROM range({first}, {first + rows}) t(i)) TO '{path}' (HEADER)
    """)


def copied(source: Path, folder: Path, step: Callable[[str], None]) -> None:
    """DuckDB's plain copy of the file into Parquet."""
    step("copying")
    duckdb.connect(config={"threads": 2}).execute(f"COPY (FROM read_csv('{source}')) TO '{folder}' (FORMAT parquet)")


def imported(source: Path, folder: Path, step: Callable[[str], None]) -> None:
    """The import, as the command line does it."""
    from datetime import date

    from importing.engine.run import Options, import_files
    from importing.formats.table import read_mapping

    mapping = source.parent / "mapping.toml"
    mapping.write_text(MAPPING)
    import_files(read_mapping(mapping), [source], folder, Options(known_on=date(2024, 1, 1), step=step))


class Cost(NamedTuple):
    """What one job took; for each of its steps, when it began."""

    seconds: float
    processor_seconds: float
    megabytes: float
    began: dict[str, float]


def measured(what: str, source: Path, out: Path) -> Cost:
    """What one job takes in a process of its own, without the start of Python."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.importing", "--job", what, str(source), str(out)],
        check=True,
        capture_output=True,
        text=True,
    )
    return Cost(**json.loads(done.stdout))


def one_round(folder: Path) -> tuple[Cost, Cost, Cost, Cost]:
    """The copy, the import of half the rows, that of all, and a delta onto all."""
    for made in ("half", "whole"):
        shutil.rmtree(folder / made, ignore_errors=True)
    half = measured("import", folder / "half.csv", folder / "half")
    copy = measured("copy", folder / "whole.csv", folder / "whole.parquet")
    whole = measured("import", folder / "whole.csv", folder / "whole")
    return copy, half, whole, measured("import", folder / "delta.csv", folder / "whole")


def middle(costs: list[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        *(statistics.median(figures) for figures in zip(*(cost[:3] for cost in costs), strict=True)),
        {step: statistics.median(cost.began[step] for cost in costs) for step in costs[0].began},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--job", nargs=3, metavar=("WHAT", "SOURCE", "OUT"))
    given = parser.parse_args()
    if given.job:
        what, source, out = given.job
        import numba  # noqa: F401  imported before the clock starts, as all modules are

        import importing.engine.run
        import importing.engine.settled_state
        import importing.formats.table  # noqa: F401

        began: dict[str, float] = {}
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        job = {"copy": copied, "import": imported}[what]
        job(Path(source), Path(out), lambda step: began.update({step: time.perf_counter() - started}))
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(json.dumps(Cost(seconds, processor, after.ru_maxrss / 1024, began)._asdict()))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, first, rows in (
            ("half", 0, given.rows // 2),
            ("whole", 0, given.rows),
            ("delta", given.rows, DELTA),
        ):
            write_export(folder / f"{label}.csv", first, rows)
        rounds = [one_round(folder) for _ in range(given.rounds + 1)][1:]
    copy, half, whole, delta = (middle([costs[i] for costs in rounds]) for i in range(4))
    print(f"| {given.rows:,} rows | seconds | processor seconds | peak memory | measured | in processor time | bar |")
    print("|---|---|---|---|---|---|---|")
    for what, cost, other, words, bar in (
        ("DuckDB's plain copy, CSV to Parquet", copy, copy, "{:.0f}", ""),
        ("import, settled", whole, copy, "{:.2f} × the copy", "4 ×, 2,000 MB"),
        ("import of half the rows", half, whole, "twice the rows take {:.2f} ×", "2.2 ×"),
        (f"a delta of {DELTA:,} rows onto them", delta, whole, "{:.3f} of the full import", "0.1"),
    ):
        ratios = [cost[i] / other[i] if other is not whole or what[0] == "a" else other[i] / cost[i] for i in (0, 1)]
        print(
            f"| {what} | {cost.seconds:.1f} | {cost.processor_seconds:.1f} | {cost.megabytes:,.0f} MB | "
            f"{words.format(ratios[0])} | {ratios[1]:.3f} | {bar} |"
        )
    ends = [*list(whole.began.values())[1:], whole.seconds]
    spans = {step: end - start for (step, start), end in zip(whole.began.items(), ends, strict=True)}
    shares = ", ".join(f"{step} {span / whole.seconds:.0%}" for step, span in spans.items())
    print(f"\nOf the import's time: {shares}.")


if __name__ == "__main__":
    main()
