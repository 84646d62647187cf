"""How much of what was sold entered each ageing bucket and how much of that was lost in the end: roll and loss rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.buckets import BUCKETS
from ledger.currency import document_cents
from ledger.known import day, is_known, known_rows
from ledger.ledger import TABLES, Ledger
from ledger.settlement import CASH, CREDIT, DISCOUNT, FACTOR, Settlement

FIRST_DAYS = (1, 31, 61, 91)  # days past due with which an item enters the buckets after `current`
TOLERANCE_CENTS = 1


@dataclass(frozen=True, kw_only=True)
class LossHistory:
    """Amounts by segment and bucket, whole cents of the reporting currency.

    entered : frame indexed by segment, one column a bucket: amounts that ever entered it. lost : of these, what was lost
    in the end. items, lost_items : how many invoices stand behind a segment, and how many of them lost anything.
    since, until : the due days of the invoices used, both included.
    """

    entered: pd.DataFrame
    lost: pd.DataFrame
    items: pd.Series
    lost_items: pd.Series
    since: date
    until: date


def loss_history(
    ledger: Ledger, settlement: Settlement, as_of: date, segment_of: pd.Series, *, months: int, outcome_days: int
) -> LossHistory:
    """Return what entered each bucket and what was lost of it, as the books held it at the end of `as_of`.

    Parameters
    ----------
    ledger, settlement : the ledger and its settlement.
    as_of : nothing booked later is used.
    segment_of : each customer's segment, by customer_id.
    months : invoices due in so many months are used …
    outcome_days : … the last of them so many days ago: by then a loss counts as final.

    Returns
    -------
    An invoice enters a bucket with what is unpaid on its first day there (payments, credit notes, discounts and sales to
    a factor count by their own days), an instalment as an invoice of its own. Lost is what was written off, and what
    is still open after `outcome_days`, less recoveries that name the invoice (of several instalments the oldest first). Every invoice enters `current` whole.
    """
    s, at = settlement, day(as_of)
    until = at - outcome_days
    since = day((pd.Timestamp(as_of) - pd.DateOffset(months=months)).date()) - outcome_days + 1
    entries, version = s.held_on(at, np.flatnonzero((s.due_on >= since) & (s.due_on <= until)))
    amount = s.amount_cents[entries]
    unpaid = unpaid_after(s, entries, at, FIRST_DAYS)
    written = s.in_reporting(s.document_written_off_cents[version], entries)
    recovered = s.in_reporting(_recovered(ledger, s, at)[entries], entries)
    lost = np.clip(written + s.open_cents[version] - recovered, 0, amount)
    codes, names = pd.factorize(pd.Series(s.owners.ids).map(segment_of).to_numpy(dtype=object), sort=True)
    segment = codes[s.customer[entries]]
    entered = {"current": amount, **dict(zip(BUCKETS[1:], unpaid, strict=True))}
    # a loss belongs to a bucket only where its invoice was ever in it, and never exceeds what entered
    losses = {name: np.minimum(lost, cents) for name, cents in entered.items()}
    is_there = np.bincount(segment[segment >= 0], minlength=len(names)) > 0
    index = pd.Index(names[is_there])

    def by_segment(values: NDArray[np.int64]) -> NDArray[np.int64]:
        sums = np.zeros(len(names) + 1, dtype=np.int64)
        np.add.at(sums, segment, values)  # without a segment (-1): in the last place, and in no row
        return sums[:-1][is_there]

    ones = np.ones(len(entries), dtype=np.int64)
    return LossHistory(
        entered=pd.DataFrame({name: by_segment(cents) for name, cents in entered.items()}, index=index),
        lost=pd.DataFrame({name: by_segment(cents) for name, cents in losses.items()}, index=index),
        items=pd.Series(by_segment(ones), index=index, name="current"),
        lost_items=pd.Series(by_segment((losses["current"] > 0).astype(np.int64)), index=index, name="current"),
        since=_date(since), until=_date(until),
    )  # fmt: skip


def unpaid_after(
    s: Settlement, entries: NDArray[np.int64], at: int, late_days: Sequence[int]
) -> list[NDArray[np.int64]]:
    """Return what of each invoice was unpaid at the end of the day so many days after its due day, one array a number of
    days, in cents of the reporting currency, as known on day `at`.

    Payments, credit notes, discounts and sales to a factor count by their own days; write-offs do not pay.
    """
    first, lengths = s.allocation_start[entries], s.allocation_start[entries + 1] - s.allocation_start[entries]
    place = np.repeat(np.arange(len(entries)), lengths)
    row = np.repeat(first, lengths) + np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    counts = np.isin(s.allocation_kind[row], (CASH, CREDIT, FACTOR, DISCOUNT))
    counts &= is_known(s.allocation_known_from[row], s.allocation_known_until[row], at)
    row, place = row[counts], place[counts]
    late = s.allocation_on[row].astype(np.int64) - s.due_on[entries][place]
    found = []
    for days in late_days:
        in_time = late <= days
        paid = np.zeros(len(entries), dtype=np.int64)
        np.add.at(paid, place[in_time], s.allocation_cents[row[in_time]])
        left = np.clip(s.amount_cents[entries] - paid, 0, s.amount_cents[entries])
        found.append(np.where(left <= TOLERANCE_CENTS, 0, left))
    return found


def _recovered(ledger: Ledger, s: Settlement, at: int) -> NDArray[np.int64]:
    """Return the document cents of each entry that came back after a write-off, by the events that name its invoice."""
    found = np.zeros(len(s.invoice), dtype=np.int64)
    events = ledger.events
    is_used = (events["kind"] == "recovery").to_numpy() & events["amount"].notna().to_numpy()
    is_used &= known_rows(events, TABLES["events"], at)
    own = events[is_used & events["invoice_id"].notna().to_numpy()]
    if own.empty:
        return found
    code = s.invoice_names.look_up(own["invoice_id"])
    total = np.zeros(len(s.invoice_ids) + 1, dtype=np.int64)
    currency = own["invoice_id"].map(ledger.invoices.drop_duplicates("invoice_id").set_index("invoice_id")["currency"])
    has_invoice = currency.notna().to_numpy()
    cents = document_cents(own.loc[has_invoice, "amount"], currency[has_invoice], ledger.currencies)
    np.add.at(total, np.where(code < 0, len(s.invoice_ids), code)[has_invoice], cents)
    entries, version = s.held_on(at)
    found[entries] = total[s.invoice[entries]]
    is_part = (s.number[entries] > 0) & (found[entries] > 0)
    parts, version = entries[is_part], version[is_part]
    if len(parts):  # entries lie by due day: what came back fills what the instalments lost, the oldest first
        lost = pd.Series(s.document_written_off_cents[version] + s.document_open_cents[version])
        before = lost.groupby(s.invoice[parts]).cumsum() - lost
        found[parts] = np.clip(found[parts] - before.to_numpy(), 0, lost.to_numpy())
    return found


def _date(number: int) -> date:
    found: date = pd.Timestamp(np.datetime64(number, "D")).date()
    return found
