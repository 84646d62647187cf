"""How long an import takes beside DuckDB's plain copy of the same file into Parquet, and how much memory it needs.

`python -m benchmarks.importing` writes CSV files of invoices with their payments (one row an invoice, 2 % of rows
damaged), imports each in a process of its own, and prints the table that docs/importing.md quotes. Times are for
comparison side by side on one machine (the copy runs before and after the import, the mean counts); checks,
quarantine, open balances and control totals are in them.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def copied(source: Path, folder: Path) -> None:
    """DuckDB's plain copy of the file into Parquet."""
    duckdb.connect(config={"threads": 2}).execute(f"COPY (FROM read_csv('{source}')) TO '{folder}' (FORMAT parquet)")


def imported(source: Path, folder: Path) -> None:
    """The import, as the command line does it."""
    from datetime import date

    from features.importers.run import Options, import_files
    from features.importers.table import read_mapping

    mapping = source.parent / "mapping.toml"
    mapping.write_text(MAPPING)
    import_files(read_mapping(mapping), [source], folder, Options(known_on=date(2024, 1, 1)))


def measured(what: str, source: Path, out: Path) -> tuple[float, float]:
    """Seconds and peak memory (MB) of one job in a process of its own, without the start of Python."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.importing", "--job", what, str(source), str(out)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--job", nargs=3, metavar=("WHAT", "SOURCE", "OUT"))
    given = parser.parse_args()
    if given.job:
        what, source, out = given.job
        import features.importers.run
        import features.importers.table  # noqa: F401  imported before the clock starts

        started = time.perf_counter()
        {"copy": copied, "import": imported}[what](Path(source), Path(out))
        print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = {}
        for label, first, rows in (
            ("half", 0, given.rows // 2),
            ("whole", 0, given.rows),
            ("delta", given.rows, DELTA),
        ):
            write_export(folder / f"{label}.csv", first, rows)
            if label != "delta":
                results[label, "copy"] = measured("copy", folder / f"{label}.csv", folder / f"{label}.parquet")
            out = folder / ("half" if label == "half" else "whole")
            results[label, "import"] = measured("import", folder / f"{label}.csv", out)
        again = measured("copy", folder / "whole.csv", folder / "whole.parquet")
        first = results["whole", "copy"]
        results["whole", "copy"] = ((first[0] + again[0]) / 2, max(first[1], again[1]))
        whole, copy, half, delta = (
            results[k] for k in (("whole", "import"), ("whole", "copy"), ("half", "import"), ("delta", "import"))
        )
        print(f"| {given.rows:,} rows | seconds | peak memory | measured | bar |")
        print("|---|---|---|---|---|")
        print(f"| DuckDB's plain copy, CSV to Parquet | {copy[0]:.1f} | {copy[1]:,.0f} MB | 1 | |")
        print(f"| import | {whole[0]:.1f} | {whole[1]:,.0f} MB | {whole[0] / copy[0]:.1f} × the copy | 4 ×, 2,000 MB |")
        print(
            f"| import of half the rows | {half[0]:.1f} | {half[1]:,.0f} MB | twice the rows take "
            f"{whole[0] / half[0]:.2f} × | 2.2 × |"
        )
        print(
            f"| a delta of {DELTA:,} rows onto them | {delta[0]:.2f} | {delta[1]:,.0f} MB | {delta[0] / whole[0]:.3f} "
            f"of the full import | 0.1 |"
        )


if __name__ == "__main__":
    main()
