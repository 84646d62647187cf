"""Time the month's-end reports on a large ledger, next to their central query written by hand in DuckDB.

`python -m benchmarks.month_end` writes a ledger of a million invoices and their payments, runs each report in a process of
its own (reading and checking the files, settlement and writing JSON are in its time) and the central query of each report
in another, over the same Parquet files with two threads. Prints seconds, their ratio and the peak memory of the report.
`--invoices 100000` is the short form.
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


def report_seconds(folder: Path, name: str) -> tuple[float, float]:
    """Return the seconds and the peak memory in MB of one report in a process of its own."""
    program = (
        "import resource, sys; from click.testing import CliRunner; from cli.report import command\n"
        f"r = CliRunner().invoke(command, {[name, str(folder), '--as-of', AS_OF, *REPORTS[name], '--out', str(folder / (name + '.json'))]!r})\n"
        "assert r.exit_code == 0, r.output + repr(r.exception)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return time.perf_counter() - start, int(done.stdout.split()[-1]) / 1024


def query_seconds(folder: Path, name: str) -> float:
    """Return the seconds of a report's central query, written by hand, in a connection of its own."""
    days = [AS_OF]
    if name == "kpi":
        days = [f"2024-{month:02d}-28" for month in range(1, MONTHS + 1)]
    start = time.perf_counter()
    connection = duckdb.connect(config={"threads": THREADS})
    for day in days:
        connection.execute(QUERIES[name].replace("{0}", str(folder)).replace("{day}", day)).fetchall()
    return time.perf_counter() - start


def main() -> None:
    """Print one line a report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=INVOICES)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "ledger"
        write_book(folder, asked.invoices)
        print(f"{asked.invoices:,} invoices, seconds (least of {asked.rounds} rounds)")
        print(f"{'report':<12} {'report':>8} {'query':>8} {'ratio':>7} {'peak MB':>9}")
        for name in REPORTS:
            rounds = [(report_seconds(folder, name), query_seconds(folder, name)) for _ in range(asked.rounds)]
            seconds, query = min(r[0][0] for r in rounds), min(r[1] for r in rounds)
            print(
                f"{name:<12} {seconds:>8.2f} {query:>8.2f} {seconds / query:>7.1f} {max(r[0][1] for r in rounds):>9,.0f}",
                flush=True,
            )
    print(
        f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB; times on a machine that others use too"
    )


if __name__ == "__main__":
    main()
