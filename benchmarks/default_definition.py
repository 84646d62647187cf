"""Active customers in default by policy: `python -m benchmarks.default_definition [--customers N] [--months M] [--seed S]`.

Two books on their last day: the sample ledger, and a book of habitual late payers (each customer is invoiced every 14 days
and pays each invoice the same number of days late, 0 to 60; one in a hundred stops paying for good). Columns: active
customers, in default, of these without an undisputed item more than 90 days past due, and share of the open balance.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from cli.output import table
from features.engine.snapshots import active
from ledger.accounts import accounts
from ledger.default_status import CRR178, PRIMARY, DefaultPolicy, in_default
from ledger.known import day
from ledger.ledger import Ledger
from ledger.settlement import settle
from sample.generator import sample

EVERY_DAYS, TERMS_DAYS, INVOICES, MOST_LATE, STOPPING_SHARE = 14, 30, 52, 60, 0.01


def habitual_book(customers: int, seed: int) -> Ledger:
    """Return the book of habitual late payers; its truth: only those that stopped paying stay unpaid."""
    random = np.random.default_rng(seed)
    lateness, first = random.integers(0, MOST_LATE + 1, customers), random.integers(0, EVERY_DAYS, customers)
    stops = np.where(random.random(customers) < STOPPING_SHARE, random.integers(20, 40, customers), INVOICES)
    customer, number = np.divmod(np.arange(customers * INVOICES), INVOICES)
    start = np.datetime64("2023-01-02", "D")
    issued = start + first[customer] + number * EVERY_DAYS
    due = issued + TERMS_DAYS
    paid = due + lateness[customer]
    last = start + INVOICES * EVERY_DAYS
    ids = np.char.add("C", customer.astype(str))
    invoice = np.char.add("I", np.arange(len(customer)).astype(str))
    invoices = pd.DataFrame({
        "invoice_id": invoice, "customer_id": ids, "kind": "invoice", "issued_on": issued.astype(str),
        "due_on": due.astype(str), "amount": "1000", "currency": "EUR",
    })  # fmt: skip
    is_paid = (number < stops[customer]) & (paid <= last)
    payments = pd.DataFrame({
        "payment_id": np.char.add("P", invoice[is_paid]), "customer_id": ids[is_paid], "invoice_id": invoice[is_paid],
        "paid_on": paid[is_paid].astype(str), "amount": "1000", "currency": "EUR", "kind": "payment",
    })  # fmt: skip
    known = invoices["customer_id"].drop_duplicates().to_frame()
    return Ledger.from_frames(customers=known, invoices=invoices, payments=payments)


def counted(ledger: Ledger, policy: DefaultPolicy) -> list[str]:
    """Return one row of the table: a book's active customers on its last day by one policy."""
    settlement, as_of = settle(ledger), ledger.last_known_on
    asked = active(ledger, [as_of])
    defaulted = in_default(ledger, asked, policy, settlement=settlement).to_numpy()
    account = accounts(settlement, list(asked["customer_id"].astype(str)), day(as_of))
    items = account.items[~account.items["is_disputed"] & (account.items["days_past_due"] > 90)]
    is_old = account.customers.index.isin(items["customer_id"])
    balance = account.customers["balance"].to_numpy()
    return [
        f"{policy.name} {policy.version}", f"{len(asked):,}", f"{defaulted.sum():,}",
        f"{(defaulted & ~is_old).sum():,}", f"{100 * balance[defaulted].sum() / balance.sum():.1f} %",
    ]  # fmt: skip


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--customers", type=int, default=1000)
    words.add_argument("--months", type=int, default=36)
    words.add_argument("--seed", type=int, default=1)
    given = words.parse_args()
    books = {
        "sample": sample(customers=given.customers, months=given.months, seed=given.seed).ledger,
        "habitual late payers": habitual_book(given.customers, given.seed),
    }
    rows = [[name, *counted(ledger, policy)] for name, ledger in books.items() for policy in (CRR178, PRIMARY)]
    print(table(rows, ["book", "policy", "active", "in default", "nothing over 90 days", "of the balance"]))


if __name__ == "__main__":
    main()
