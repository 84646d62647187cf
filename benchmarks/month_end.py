"""Time the month's-end reports on a large ledger, next to their central query written by hand in DuckDB.

`python -m benchmarks.month_end` writes a ledger of a million invoices and their payments. Each report runs in a process of
its own (start of Python, reading, figures and writing JSON are in its time): the first one reads, checks and settles the
ledger and writes the settled state beside it, later ones read that state. The central query of each report runs in a
process of its own, too, over the same Parquet files with two threads. Reports and queries take turns; medians of the
rounds after one that does not count. Processor seconds stand beside the clock's: they say what the work costs where other
programs take their share of the machine. `--invoices 100000` is the short form.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from ledger.settled_state import place_of

INVOICES = 1_000_000
AS_OF = "2024-12-31"
THREADS = 2
REPORTS = {
    "ageing": ["--by", "customer"], "kpi": ["--months", "12"], "provisions": ["--scores", "none"], "cover": ["--scores", "none"],
}  # fmt: skip
SETTLED = """
    WITH i AS (SELECT * FROM '{0}/invoices.parquet' WHERE greatest(issued_on, booked_on) <= DATE '{day}'),
    p AS (SELECT invoice_id, sum(CAST(round(amount * 100) AS BIGINT)) AS paid, max(paid_on) AS last FROM '{0}/payments.parquet'
          WHERE greatest(paid_on, booked_on) <= DATE '{day}' GROUP BY 1),
    s AS (SELECT i.*, CAST(round(i.amount * 100) AS BIGINT) - coalesce(p.paid, 0) AS rest, p.last,
                 greatest(DATE '{day}' - i.due_on, 0) AS late FROM i LEFT JOIN p USING (invoice_id))
"""
AGEING = (
    SETTLED
    + """
    SELECT customer_id, sum(rest) FILTER (WHERE late = 0), sum(rest) FILTER (WHERE late BETWEEN 1 AND 30), sum(rest) FILTER (WHERE late BETWEEN 31 AND 60),
           sum(rest) FILTER (WHERE late BETWEEN 61 AND 90), sum(rest) FILTER (WHERE late > 90), sum(rest)
    FROM s WHERE rest > 1 GROUP BY 1 ORDER BY 7 DESC
"""
)
KPI = (
    SETTLED
    + """
    , q AS (SELECT sum(amount) AS sales FROM i WHERE issued_on > DATE '{day}' - 90)
    SELECT sum(rest), sum(rest) FILTER (WHERE late = 0), (SELECT sales FROM q) FROM s WHERE rest > 1
"""
)
PROVISIONS = """
    WITH i AS (SELECT i.*, c.segment FROM '{0}/invoices.parquet' i JOIN '{0}/customers.parquet' c USING (customer_id)
               WHERE greatest(issued_on, i.booked_on) <= DATE '{day}'),
    p AS (SELECT invoice_id, paid_on, amount FROM '{0}/payments.parquet' WHERE greatest(paid_on, booked_on) <= DATE '{day}'),
    u AS (SELECT i.invoice_id, i.segment, i.amount, DATE '{day}' - i.due_on AS late, coalesce(sum(p.amount), 0) AS paid,
                 coalesce(sum(p.amount) FILTER (WHERE p.paid_on - i.due_on <= 1), 0) AS a, coalesce(sum(p.amount) FILTER (WHERE p.paid_on - i.due_on <= 31), 0) AS b,
                 coalesce(sum(p.amount) FILTER (WHERE p.paid_on - i.due_on <= 61), 0) AS c, coalesce(sum(p.amount) FILTER (WHERE p.paid_on - i.due_on <= 91), 0) AS d
          FROM i LEFT JOIN p USING (invoice_id) GROUP BY ALL)
    SELECT segment, sum(amount) FILTER (WHERE late > 365), sum(amount - a) FILTER (WHERE late > 365), sum(amount - b) FILTER (WHERE late > 365),
           sum(amount - c) FILTER (WHERE late > 365), sum(amount - d) FILTER (WHERE late > 365), sum(amount - paid) FILTER (WHERE late > 365),
           sum(amount - paid) FILTER (WHERE late <= 365) FROM u GROUP BY 1
"""
COVER = (
    SETTLED
    + """
    , o AS (SELECT customer_id, max(issued_on) AS issued, sum(rest) AS open, bool_or(late > 60) AS stops, sum(rest) FILTER (WHERE late > 90) AS lost
            FROM s WHERE rest > 1 GROUP BY 1),
    e AS (SELECT customer_id, count(*) AS paid, max(greatest(last - due_on, 0)) AS latest FROM s
          WHERE rest <= 1 AND last > DATE '{day}' - 365 GROUP BY 1),
    t AS (SELECT customer_id, arg_max(insured_limit, effective_on) AS insured FROM '{0}/credit_terms.parquet' GROUP BY 1)
    SELECT o.*, e.paid, e.latest, t.insured FROM o LEFT JOIN e USING (customer_id) LEFT JOIN t USING (customer_id)
"""
)
QUERIES = {"ageing": AGEING, "kpi": KPI, "provisions": PROVISIONS, "cover": COVER}
MONTHS = 12  # the series asks its central query once a month


def write_book(folder: Path, invoices: int) -> None:
    """Write a ledger: 30-day terms over four years, 96 % paid around the due day, sorted by customer."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(config={"threads": THREADS})
    customers = max(invoices // 50, 10)
    connection.execute(f"""
        CREATE TABLE invoices AS SELECT 'I' || lpad(CAST(i AS VARCHAR), 9, '0') AS invoice_id, 'C' || lpad(CAST(i * {customers} // {invoices} AS VARCHAR), 6, '0') AS customer_id,
            'invoice' AS kind, DATE '2021-01-01' + CAST(hash(i) % 1460 AS INTEGER) AS issued_on, (hash(i * 7) % 1000000) / 100.0 + 1 AS amount, 'EUR' AS currency
        FROM range({invoices}) t(i)
    """)  # fmt: skip
    connection.execute(f"""
        COPY (SELECT *, issued_on + 30 AS due_on, issued_on AS booked_on FROM invoices) TO '{folder}/invoices.parquet' (ROW_GROUP_SIZE 122880);
        COPY (SELECT 'P' || invoice_id AS payment_id, customer_id, invoice_id, least(issued_on + CAST(20 + hash(invoice_id) % 60 AS INTEGER), DATE '2025-03-31') AS paid_on,
                     amount, currency, 'payment' AS kind, issued_on + CAST(21 + hash(invoice_id) % 60 AS INTEGER) AS booked_on
              FROM invoices WHERE hash(invoice_id || 'x') % 100 < 96) TO '{folder}/payments.parquet';
        COPY (SELECT DISTINCT customer_id, customer_id || ' Ltd' AS name, ['DE', 'FR', 'US'][1 + CAST(hash(customer_id) % 3 AS INTEGER)] AS country,
                     ['key', 'medium', 'small'][1 + CAST(hash(customer_id || 's') % 3 AS INTEGER)] AS segment FROM invoices ORDER BY 1) TO '{folder}/customers.parquet';
        COPY (SELECT DISTINCT customer_id, DATE '2021-01-01' AS effective_on, 50000.0 AS credit_limit,
                     CASE WHEN hash(customer_id || 'i') % 2 = 0 THEN 40000.0 END AS insured_limit, 0.9 AS insured_share FROM invoices) TO '{folder}/credit_terms.parquet';
    """)  # fmt: skip


class Cost(NamedTuple):
    """Return what one process took, its start included."""

    seconds: float
    processor_seconds: float
    megabytes: float


def taken(program: str) -> Cost:
    """Return what a Python program takes in a process of its own. Raises CalledProcessError where it fails."""
    ends = "; import resource as r; u = r.getrusage(r.RUSAGE_SELF); print(u.ru_utime + u.ru_stime, u.ru_maxrss)"
    # a machine on which no bytecode may be written would compile the program's modules at each start
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program + ends], capture_output=True, text=True, check=True, env=own)
    processor, peak = done.stdout.split()[-2:]
    return Cost(time.perf_counter() - start, float(processor), int(peak) / 1024)


def report_program(folder: Path, name: str) -> str:
    """Return a program that runs one report as the command line does."""
    words = [name, str(folder), "--as-of", AS_OF, *REPORTS[name], "--out", str(folder / f"{name}.json")]
    return (
        "from click.testing import CliRunner; from cli.report import command; "
        f"done = CliRunner().invoke(command, {words!r}); assert done.exit_code == 0, done.output + repr(done.exception)"
    )


def query_program(folder: Path, name: str) -> str:
    """Return a program that runs a report's central query, written by hand."""
    days = [f"2024-{month:02d}-28" for month in range(1, MONTHS + 1)] if name == "kpi" else [AS_OF]
    queries = [QUERIES[name].replace("{0}", str(folder)).replace("{day}", day) for day in days]
    return (
        f"import duckdb; c = duckdb.connect(config={{'threads': {THREADS}}}); "
        f"rows = [c.execute(q).fetchall() for q in {queries!r}]"
    )


def one_round(folder: Path, name: str) -> tuple[Cost, Cost, Cost]:
    """Return the costs of the query, of the report as the first one, and of the report with the state beside the ledger."""
    shutil.rmtree(place_of(folder), ignore_errors=True)
    query = taken(query_program(folder, name))
    return query, taken(report_program(folder, name)), taken(report_program(folder, name))


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(*(statistics.median(figures) for figures in zip(*costs, strict=True)))


def main() -> None:
    """Print one line a report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=INVOICES)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "ledger"
        write_book(folder, given.invoices)
        print(f"| {given.invoices:,} invoices | query, s | first report, s | later report, s | later / query | in processor "
              "time | first / query | peak of the first | peak of later ones | bar |")  # fmt: skip
        print("|---|---|---|---|---|---|---|---|---|---|")
        for name in REPORTS:
            rounds = [one_round(folder, name) for _ in range(given.rounds + 1)][1:]
            query, first, later = (middle([costs[i] for costs in rounds]) for i in range(3))
            ratio, in_processor = (
                statistics.median(r[2][i] / r[0][i] for r in rounds) for i in (0, 1)
            )  # of each round: what else the machine did then is in both
            print(
                f"| {name} | {query.seconds:.2f} | {first.seconds:.2f} | {later.seconds:.2f} | {ratio:.1f} × | "
                f"{in_processor:.1f} × | {first.seconds / query.seconds:.1f} × | {first.megabytes:,.0f} MB | "
                f"{later.megabytes:,.0f} MB | 3 ×, 2,000 MB |",
                flush=True,
            )
        kept = sum(file.stat().st_size for file in place_of(folder).iterdir()) / 1e6
        tables = sum(file.stat().st_size for file in folder.glob("*.parquet")) / 1e6
    print(f"\nThe settled state takes {kept:,.0f} MB beside tables of {tables:,.0f} MB.")


if __name__ == "__main__":
    main()
