"""The accounts of customers on a day: their open items and balances, as the books held them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.buckets import BUCKETS, bucket_numbers
from ledger.currency import CENTS
from ledger.instalments import item_names
from ledger.known import is_known
from ledger.settlement import OPEN, Settlement, dates

ACTIVE_DAYS = 365  # an invoice within so many days keeps a customer under review


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Accounts on one day.

    items : one row an open item, by customer in the order given: customer_id, invoice_id, number (of the instalment, 0 for
        an invoice with one due date), item_id (the invoice's id, INVOICE#NUMBER for an instalment), row (the invoice's place in ledger.invoices), issued_on, due_on, amount, open_amount (reporting currency), days_past_due, is_disputed.
    customers : one row a customer given, indexed by customer_id: invoices (known by then, open or not),
        days_since_invoice (NaN without one), balance, overdue (all that is past due, disputed items too), arrears (its
        undisputed part), disputed, bills (given for invoices and not matured: settled, and still exposure), exposure
        (balance and bills), unapplied (credits not set against an item), days_past_due (of the oldest undisputed
        item), one column `ageing_BUCKET` a bucket.
    """

    items: pd.DataFrame
    customers: pd.DataFrame


def accounts(settlement: Settlement, customer_ids: list[str], at: int) -> Accounts:
    """Return the accounts of these customers at the end of day `at` (days since 1970-01-01).

    Raises KeyError for a customer that the ledger does not know: whoever asks says so to its user first.
    """
    codes = settlement.owners.index.get_indexer(pd.Index(customer_ids, dtype=object))
    if (codes < 0).any():
        raise KeyError([customer_ids[i] for i in np.flatnonzero(codes < 0)])
    entries, place = _known_entries(settlement, codes, at)
    entries, version = settlement.held_on(at, entries)
    is_open = settlement.closed_kind[version] == OPEN
    invoices = _count_invoices(settlement, entries, place, len(codes))
    last = np.full(len(codes), -(2**31), dtype=np.int64)
    np.maximum.at(last, place, settlement.issued_on[entries])
    entries, version, place = entries[is_open], version[is_open], place[is_open]
    past_due = np.maximum(at - settlement.due_on[entries], 0).astype(np.int64)
    cents, disputed = settlement.open_cents[version], settlement.is_disputed[version]
    invoice_ids = np.array([settlement.invoice_ids[i] for i in settlement.invoice[entries]], dtype=object)
    number = settlement.number[entries]
    items = pd.DataFrame({
        "customer_id": np.array(customer_ids, dtype=object)[place], "invoice_id": invoice_ids,
        "number": number.astype(np.int64), "item_id": item_names(invoice_ids, number), "row": settlement.row[entries],
        "issued_on": dates(settlement.issued_on[entries]), "due_on": dates(settlement.due_on[entries]),
        "amount": settlement.amount_cents[entries] / CENTS, "open_amount": cents / CENTS,
        "days_past_due": past_due, "is_disputed": disputed,
    })  # fmt: skip
    balances, bills = _balances(len(codes), place, cents, past_due, disputed), _bills(settlement, codes, at) / CENTS
    columns = {
        "invoices": invoices, "days_since_invoice": np.where(invoices > 0, at - last, np.nan),
        **balances, "bills": bills, "exposure": balances["balance"] + bills,
        "unapplied": _unapplied(settlement, codes, at) / CENTS,
    }  # fmt: skip
    return Accounts(items=items, customers=pd.DataFrame(columns, index=pd.Index(customer_ids, name="customer_id")))


def _ranges(start: NDArray[np.int64], codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all places in the ranges start[c]:start[c + 1] of some codes, and to which of the codes each belongs."""
    first, lengths = start[codes], start[codes + 1] - start[codes]
    place = np.repeat(np.arange(len(codes)), lengths)
    offset = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(first, lengths) + offset, place


def _known_entries(s: Settlement, codes: NDArray[np.int64], at: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    entries, place = _ranges(s.invoice_start, codes)
    known = is_known(s.known_from[entries], s.known_until[entries], at)
    return entries[known], place[known]


def _count_invoices(
    s: Settlement, entries: NDArray[np.int64], place: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Return how many invoices each customer has: the instalments of one invoice count once."""
    if s.has_instalments:
        invoices = pd.DataFrame({"place": place, "invoice": s.invoice[entries]})
        place = place[~invoices.duplicated().to_numpy()]
    return np.bincount(place, minlength=count)


def _balances(
    count: int,
    place: NDArray[np.int64],
    cents: NDArray[np.int64],
    past_due: NDArray[np.int64],
    disputed: NDArray[np.bool_],
) -> dict[str, NDArray[Any]]:
    """Return the columns of balances, one value a customer: sums of whole cents, so buckets add up exactly."""

    def summed(which: NDArray[np.bool_]) -> NDArray[np.float64]:
        total = np.zeros(count, dtype=np.int64)
        np.add.at(total, place[which], cents[which])
        return total / CENTS

    oldest = np.zeros(count, dtype=np.int64)
    np.maximum.at(oldest, place[~disputed], past_due[~disputed])
    bucket = bucket_numbers(past_due)
    return {
        "balance": summed(np.ones(len(cents), dtype=bool)), "overdue": summed(past_due > 0),
        "arrears": summed((past_due > 0) & ~disputed),
        "disputed": summed(disputed), "days_past_due": oldest,
        **{f"ageing_{name}": summed(bucket == number) for number, name in enumerate(BUCKETS)},
    }  # fmt: skip


def _unapplied(s: Settlement, codes: NDArray[np.int64], at: int) -> NDArray[np.int64]:
    entries, place = _ranges(s.unapplied_start, codes)
    known = is_known(s.unapplied_known_from[entries], s.unapplied_known_until[entries], at)
    total = np.zeros(len(codes), dtype=np.int64)
    np.add.at(total, place[known], s.unapplied_cents[entries[known]])
    return total


def _bills(s: Settlement, codes: NDArray[np.int64], at: int) -> NDArray[np.int64]:
    """Return cents of each customer's bills that the books hold on day `at` and that mature after it."""
    entries, place = _ranges(s.bill_start, codes)
    held = is_known(s.bill_known_from[entries], s.bill_known_until[entries], at) & (s.bill_matures_on[entries] > at)
    total = np.zeros(len(codes), dtype=np.int64)
    np.add.at(total, place[held], s.bill_cents[entries[held]])
    return total


def usual_invoices(settlement: Settlement, customer_ids: list[str], at: int) -> pd.DataFrame:
    """The median amount (reporting currency) and terms (days) of each customer's invoices of the last year, as known on
    day `at`; of all its invoices where the year has none. Indexed by customer_id; NaN for a customer without any."""
    codes = settlement.owners.index.get_indexer(pd.Index(customer_ids, dtype=object))
    entries, place = _known_entries(settlement, codes, at)
    recent = settlement.issued_on[entries] > at - ACTIVE_DAYS
    cents = settlement.amount_cents[entries]
    terms = settlement.due_on[entries] - settlement.issued_on[entries]
    start = np.searchsorted(place, np.arange(len(codes) + 1))
    usual = np.full((len(codes), 2), np.nan)
    for i in np.flatnonzero(np.diff(start)):
        own = slice(start[i], start[i + 1])
        used = recent[own] if recent[own].any() else np.ones(start[i + 1] - start[i], dtype=bool)
        usual[i] = np.median(cents[own][used]) / CENTS, np.median(terms[own][used])
    return pd.DataFrame(
        {"amount": usual[:, 0].round(2), "terms_days": np.floor(usual[:, 1])},
        index=pd.Index(customer_ids, name="customer_id"),
    )
