"""The open positions of a book on a day: items (instalments by their own due dates), overpayments, bills outstanding."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from ledger.bills import bills_outstanding
from ledger.buckets import bucket_numbers
from ledger.currency import document_cents
from ledger.known import day, is_known
from ledger.ledger import Ledger, LedgerError
from ledger.owners import Owners
from ledger.receivables import by_currency
from ledger.settlement import OPEN, Settlement, dates, settle


def settled_parts(ledger: Ledger) -> tuple[list[tuple[Ledger, Settlement]], bool]:
    """Return the ledger settled as a whole, or one part a currency where its currencies have no common rate.

    Returns
    -------
    parts : (ledger, settlement) pairs. has_reporting : whether amounts in the reporting currency mean something.
    """
    try:
        return [(ledger, settle(ledger))], True
    except LedgerError:
        if len(ledger.currencies) < 2:
            raise
        return [(part, settle(part)) for _, part in by_currency(ledger)], False


def positions(ledger: Ledger, settlement: Settlement, as_of: date | pd.Timestamp) -> pd.DataFrame:
    """Return what is open, and what was overpaid, at the end of `as_of`, as the books held it then.

    One row an open or overpaid item, sorted by (customer_id, due_on, invoice_id, number): customer_id (the owner
    after mergers), invoice_id, number (of the instalment, 0 for an invoice with one due date), issued_on, due_on,
    currency, amount_cents (of the item), open_cents, excess_cents (all in the document's currency),
    reporting_open_cents, reporting_excess_cents, days_past_due (0 where not past due), bucket (place in ledger.buckets.BUCKETS),
    is_disputed.
    """
    s, at = settlement, np.int32(day(as_of))
    entries, version = s.held_on(at)
    kept = (s.closed_kind[version] == OPEN) | (s.document_excess_cents[version] > 0)
    entries, version = entries[kept], version[kept]
    excess = np.maximum(s.document_excess_cents[version], 0)  # what was let go within the tolerance is no credit
    frame = pd.DataFrame({
        "customer_id": s.owners.ids[s.customer[entries]],
        "invoice_id": s.invoice_names.texts_at(s.invoice[entries]),
        "number": s.number[entries].astype(np.int64),
        "issued_on": dates(s.issued_on[entries]), "due_on": dates(s.due_on[entries]),
        "currency": ledger.column("invoices", "currency").iloc[s.row[entries]].to_numpy(dtype=object),
        "amount_cents": s.document_amount_cents[entries], "open_cents": s.document_open_cents[version], "excess_cents": excess,
        "reporting_open_cents": s.open_cents[version],
        "reporting_excess_cents": s.in_reporting(excess, entries), "is_disputed": s.is_disputed[version],
    })  # fmt: skip
    past_due = np.maximum(at - s.due_on[entries], 0).astype(np.int64)
    frame = frame.assign(days_past_due=past_due, bucket=bucket_numbers(past_due))
    return frame.sort_values(["customer_id", "due_on", "invoice_id", "number"], ignore_index=True)


def bills_on(ledger: Ledger, parts: list[tuple[Ledger, Settlement]], as_of: date | pd.Timestamp) -> pd.DataFrame:
    """Return the bills that have not matured by `as_of`: exposure, though their invoices are settled.

    One row a bill: customer_id (the owner after mergers), invoice_id, paid_on, matures_on, currency, cents (of the
    document), reporting_cents. In parts of one currency each `reporting_cents` are the part's own.
    """
    frames = []
    for part, settlement in parts:
        if not len(settlement.bill_cents):  # no payment is a bill: none is read
            frames.append(_NO_BILLS)
            continue
        bills = bills_outstanding(part, as_of)
        frames.append(pd.DataFrame({
            "customer_id": owners_on(settlement.owners, bills["customer_id"], as_of), "invoice_id": bills["invoice_id"],
            "paid_on": bills["paid_on"], "matures_on": bills["matures_on"], "currency": bills["currency"].astype(object),
            "cents": document_cents(bills["amount"], bills["currency"], ledger.currencies), "reporting_cents": bills["cents"],
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


_NO_BILLS = pd.DataFrame({
    "customer_id": pd.Series(dtype=object), "invoice_id": pd.Series(dtype="str"),
    "paid_on": pd.Series(dtype="datetime64[s]"), "matures_on": pd.Series(dtype="datetime64[s]"),
    "currency": pd.Series(dtype=object), "cents": pd.Series(dtype="int64"), "reporting_cents": pd.Series(dtype="int64"),
})  # fmt: skip


def owners_on(owners: Owners, customer_ids: pd.Series, as_of: date | pd.Timestamp) -> pd.Series:
    """Return for whom each customer's rows count on a day: itself, or the customer that it was merged into by then."""
    if not owners.has_merged:
        return customer_ids.astype(object)
    at = day(as_of)
    holds = is_known(owners.since, owners.until, at)
    owner_of = pd.Series(owners.ids[owners.owner[holds]], index=owners.ids[owners.member[holds]])
    return customer_ids.astype(object).map(owner_of).astype(object)
