"""The open positions of a book on a day as one small frame: items, and what was paid above an invoice's amount."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from ledger.buckets import bucket_numbers
from ledger.known import day
from ledger.ledger import Ledger, LedgerError
from ledger.receivables import by_currency
from ledger.settlement import OPEN, Settlement, dates, last_versions, settle


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

    One row an open item or overpaid invoice, sorted by (customer_id, due_on, invoice_id): customer_id (the owner after
    mergers), invoice_id, issued_on, due_on, currency, amount_cents, open_cents, excess_cents (all in the document's
    currency), reporting_open_cents, reporting_excess_cents, days_past_due (0 where not past due), bucket (place in
    ledger.buckets.BUCKETS), is_disputed.
    """
    s, at = settlement, np.int32(day(as_of))
    entries = np.flatnonzero((s.known_from <= at) & (s.known_until > at))
    version = last_versions(s.version_start, s.version_known_from, entries, at)
    kept = (s.closed_kind[version] == OPEN) | (s.document_excess_cents[version] != 0)
    entries, version = entries[kept], version[kept]
    amount, reported = s.document_amount_cents[entries], s.amount_cents[entries]
    excess = s.document_excess_cents[version]
    rate = np.where(amount == reported, 1.0, reported / np.maximum(amount, 1))
    past_due = np.maximum(at - s.due_on[entries], 0)
    frame = pd.DataFrame({
        "customer_id": s.owners.ids[s.customer[entries]],
        "invoice_id": np.array(s.invoice_ids, dtype=object)[s.invoice[entries]],
        "issued_on": dates(s.issued_on[entries]), "due_on": dates(s.due_on[entries]),
        "currency": ledger.invoices["currency"].to_numpy(dtype=object)[s.row[entries]],
        "amount_cents": amount, "open_cents": s.document_open_cents[version], "excess_cents": excess,
        "reporting_open_cents": s.open_cents[version],
        "reporting_excess_cents": np.rint(excess * rate).astype(np.int64),
        "days_past_due": past_due.astype(np.int64), "bucket": bucket_numbers(past_due),
        "is_disputed": s.is_disputed[version],
    })  # fmt: skip
    return frame.sort_values(["customer_id", "due_on", "invoice_id"], ignore_index=True)
