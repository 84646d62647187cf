"""`python -m benchmarks.steering_speed [--customers 20000]`: processor seconds of the steering reports on a large plain book,
50 invoices a customer, and of the one DuckDB query that sums open amounts from the same files."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from benchmarks.books import write_book
from cli.output import table
from decisions.collections_policy import CollectionsPolicy, LatePaymentLaw
from decisions.country_risk import CountryPolicy
from decisions.policy_files import read_policy
from decisions.steering.country import country_report
from decisions.steering.worklist import worklist_report
from ledger.ledger import read_ledger
from ledger.settlement import settle

AS_OF = pd.Timestamp("2024-06-30")
QUERY = """
    WITH paid AS (SELECT invoice_id, sum(amount) AS paid FROM read_parquet('{0}/payments.parquet/*.parquet')
                  WHERE booked_on <= DATE '2024-06-30' GROUP BY invoice_id)
    SELECT c.customer_id, sum(i.amount - coalesce(p.paid, 0)), sum(CASE WHEN i.due_on < DATE '2024-06-30' THEN i.amount - coalesce(p.paid, 0) END)
    FROM read_parquet('{0}/invoices.parquet/*.parquet') i JOIN read_parquet('{0}/customers.parquet/*.parquet') c USING (customer_id)
    LEFT JOIN paid p USING (invoice_id) WHERE i.booked_on <= DATE '2024-06-30' AND i.amount - coalesce(p.paid, 0) > 0.005 GROUP BY c.customer_id
"""


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """(result, processor seconds, seconds)."""
    worked, begun = time.process_time(), time.perf_counter()
    found = work()
    return found, time.process_time() - worked, time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    asked = parser.parse_args()
    rules, law = read_policy(CollectionsPolicy, "collections"), read_policy(LatePaymentLaw, "late_payment")
    countries = read_policy(CountryPolicy, "country")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_book(folder, customers=asked.customers, invoices_each=50, with_peers=True)
        small = read_ledger(folder, customers=["C0000000000", "C0000000001"])
        settle(small)  # compiled once, outside of the clock
        _, query, query_wall = timed(lambda: duckdb.sql(QUERY.format(folder)).fetchall())
        book, read, read_wall = timed(lambda: read_ledger(folder))
        rows = [["DuckDB: open and overdue amount a customer, from the files", f"{query:.1f}", f"{query_wall:.1f}", "1.0"],
                ["read and check the ledger", f"{read:.1f}", f"{read_wall:.1f}", f"{read / query:.1f}"]]  # fmt: skip
        works: list[tuple[str, Callable[[], Any]]] = [
            ("report country, after reading", lambda: country_report(book, AS_OF.date(), countries, command="")),
            (
                "report worklist, after reading",
                lambda: worklist_report(book, AS_OF, policy=rules, law=law, command="")[0],
            ),
        ]
        for words, work in works:
            found, spent, wall = timed(work)
            rows.append(
                [
                    f"{words} ({sum(len(t.frame) for t in found.tables):,} rows)",
                    f"{spent:.1f}",
                    f"{wall:.1f}",
                    f"{spent / query:.1f}",
                ]
            )
    print(f"{asked.customers * 50:,} invoices\n")
    print(table(rows, ["", "processor s", "seconds", "x DuckDB"]))


if __name__ == "__main__":
    main()
