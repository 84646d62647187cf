"""Settlement: what of each item was open, since when and how it closed, by the day on which the books knew it.

An item has one due date: an invoice, or each instalment of an invoice with several (`ledger/instalments.py`).

Allocation is explicit: a payment, credit note or write-off counts against the invoice that it names. Money that names no
invoice is unapplied, shown per customer and never guessed away. Rules, in the order in which they decide:

1. payments and nettings raise what is allocated, reversals and refunds lower it, credit notes raise it; the invoice is
   settled on the first day from which allocations plus credit notes stay within 0.01 of its amount (event dates).
   A discount that was taken and an exchange difference count as allocations and not as cash; a bill of exchange counts
   as allocated on the day on which it was given (`ledger/bills.py` says which bills have not matured yet);
2. credit notes alone that reach the amount close it as `credited`, a sale to a factor as `factored`, a write-off as
   `written_off` (without an amount: all that is left): closed, but not paid, so without days late; money whose day the
   source does not tell closes it as `undated`: paid, but without days late;
3. what is allocated above the amount is `excess`, a credit of the customer's.

Source: the project's definitions of settlement and lateness.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger import settlement_kernels
from ledger.bills import bill_arrays
from ledger.currency import reporting_cents
from ledger.instalments import item_names, items_of, split_allocations
from ledger.known import NEVER, Days, day, days, is_known, known_from, known_until
from ledger.ledger import TABLES, Ledger
from ledger.owners import Owners, owners
from ledger.settlement_changes import NO_CASH, SIGNS, Cents, Changes, Invoices, Small, at_rows, joined, tolerances
from ledger.settlement_kernels import (
    ALL_THAT_IS_LEFT,
    CASH,
    CREDIT,
    CREDITED,
    DISCOUNT,
    DISPUTE_CLOSED,
    DISPUTE_OPENED,
    FACTOR,
    FACTORED,
    NO_DAY,
    OPEN,
    PAID,
    TOLERANCE,
    UNDATED,
    WRITE_OFF,
    WRITTEN_OFF,
    last_versions,
)
from ledger.sorting import by_group, running
from ledger.text_codes import Codes, Dictionary
from ledger.threads import in_halves

__all__ = [
    "ALL_THAT_IS_LEFT", "CASH", "CLOSED_KINDS", "CREDIT", "CREDITED", "DISCOUNT", "DISPUTE_CLOSED", "DISPUTE_OPENED", "FACTOR",
    "FACTORED", "NO_DAY", "OPEN", "PAID", "SIGNS", "TOLERANCE", "UNDATED", "WRITE_OFF", "WRITTEN_OFF", "Settlement", "dates", "final_states",
    "last_versions", "settle",
]  # fmt: skip


CLOSED_KINDS = ("open", "paid", "credited", "factored", "written_off", "undated")  # by how an item stands


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """Items, their versions, their allocations and unapplied money as arrays; days as int32 since 1970-01-01,
    money as int64 cents of the reporting currency (`document_*` in the invoice's own).

    Items are sorted by (customer, due_on, issued_on, amount); one entry an item and owner. An invoice with instalments has
    one entry an instalment (`number`; 0: the invoice has one due date). An invoice that was corrected, whose instalments were, or whose customer was
    merged has several entries an item, of which at most one counts on any day
    (`known_from <= T < known_until`). An invoice is settled when all its items are. Entry i's versions are `version_start[i]:version_start[i + 1]`, by known day; its
    state on day T is the last with `version_known_from <= T`. `invoice_start[c]:invoice_start[c + 1]` are customer c's.
    """

    owners: Owners
    invoice_start: NDArray[np.int64]
    customer: Codes
    invoice: Codes  # place in invoice_ids
    invoice_names: Dictionary
    number: NDArray[np.int32]  # of the instalment; 0 for an invoice with one due date
    row: NDArray[np.int64]  # place in ledger.invoices
    issued_on: Days
    due_on: Days
    booked_on: Days  # known from, before any merger of customers
    known_from: Days
    known_until: Days
    amount_cents: Cents
    document_amount_cents: Cents
    rate: NDArray[np.float64]  # cents of the reporting currency for one of the document; empty where they are the same
    version_start: NDArray[np.int64]
    version_known_from: Days
    open_cents: Cents
    document_open_cents: Cents
    document_excess_cents: Cents  # allocated above the amount; -1 where a cent within the tolerance was let go
    document_written_off_cents: Cents  # taken by write-offs: neither paid nor open
    credited_cents: Cents
    closed_on: Days  # NEVER while open
    closed_kind: Small
    count_payments: NDArray[np.int16]
    is_disputed: NDArray[np.bool_]
    was_disputed: NDArray[np.bool_]  # in dispute now or before
    allocation_start: NDArray[np.int64]  # per invoice entry
    allocation_on: Days
    allocation_known_from: Days
    allocation_known_until: Days
    allocation_cents: Cents  # signed: reversals and refunds below 0
    allocation_kind: Small  # CASH, CREDIT, FACTOR, DISCOUNT, NO_DAY, WRITE_OFF, DISPUTE_OPENED, DISPUTE_CLOSED
    unapplied_start: NDArray[np.int64]  # per customer
    unapplied_on: Days
    unapplied_booked_on: Days
    unapplied_known_from: Days
    unapplied_known_until: Days
    unapplied_cents: Cents  # signed
    unapplied_currency: NDArray[np.object_]
    unapplied_document_cents: Cents
    bill_start: NDArray[np.int64]  # per customer; see ledger/bills.py
    bill_known_from: Days
    bill_known_until: Days
    bill_matures_on: Days  # NEVER where it is not given
    bill_cents: Cents

    @cached_property
    def invoice_ids(self) -> list[str]:
        """Invoice ids by code."""
        return self.invoice_names.words

    @cached_property
    def has_instalments(self) -> bool:
        """Return whether any invoice has instalments."""
        return bool(self.number.any())

    def item_ids(self, entries: NDArray[np.int64]) -> NDArray[np.object_]:
        """Return the name of each entry's item: the invoice's id, or INVOICE#NUMBER for an instalment."""
        return item_names(np.array(self.invoice_ids, dtype=object)[self.invoice[entries]], self.number[entries])

    def held_on(
        self, at: int | np.int32, among: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the items that the books held at the end of day `at`, and the version of each that counted then.

        Parameters
        ----------
        at : days since 1970-01-01. among : only these entries; None: all.

        Returns
        -------
        (entries, versions), places in the arrays by entry and by version, in the order of `among`.
        """
        if among is None:
            entries = np.flatnonzero(is_known(self.known_from, self.known_until, at))
        else:
            entries = among[is_known(self.known_from[among], self.known_until[among], at)]
        version = last_versions(self.version_start, self.version_known_from, entries, np.int32(at))
        return entries, version

    def open_on(
        self, at: int | np.int32, among: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what `held_on` returns, of the items that were open: the one answer to what is open on a day."""
        entries, version = self.held_on(at, among)
        is_open = self.closed_kind[version] == OPEN
        return entries[is_open], version[is_open]

    def in_reporting(self, document_cents: Cents, entries: NDArray[np.int64]) -> Cents:
        """Return document cents of these entries as cents of the reporting currency, at each invoice's rate."""
        return np.rint(document_cents * self.rate[entries]).astype(np.int64) if len(self.rate) else document_cents

    def at(self, as_of: date | str | pd.Timestamp) -> pd.DataFrame:
        """Return every item as the books held it at the end of day `as_of`, one row an item known by then.

        Columns: customer_id, invoice_id, number (of the instalment, 0 for an invoice with one due date), row (place in ledger.invoices), issued_on, due_on, settled_on, closed_on (NaT
        where not), closed_kind (open, paid, credited, factored, written_off, undated), amount_cents, open_cents,
        document_amount_cents, document_open_cents, document_excess_cents, document_written_off_cents, is_disputed, count_payments,
        days_past_due (of open items, at least 0; -1 for closed ones), days_late (of paid items, signed; NA otherwise).
        """
        at = np.int32(day(as_of))
        entries, version = self.held_on(at)
        closed, kind = self.closed_on[version], self.closed_kind[version]
        paid, due = kind == PAID, self.due_on[entries]
        return pd.DataFrame({
            "customer_id": self.owners.ids[self.customer[entries]],
            "invoice_id": np.array(self.invoice_ids, dtype=object)[self.invoice[entries]],
            "number": self.number[entries].astype(np.int64), "row": self.row[entries],
            "issued_on": dates(self.issued_on[entries]), "due_on": dates(due),
            "settled_on": dates(np.where(paid, closed, NEVER)), "closed_on": dates(closed),
            "closed_kind": np.array(CLOSED_KINDS, dtype=object)[kind],
            "amount_cents": self.amount_cents[entries], "open_cents": self.open_cents[version],
            "document_amount_cents": self.document_amount_cents[entries],
            "document_open_cents": self.document_open_cents[version],
            "document_excess_cents": self.document_excess_cents[version],
            "document_written_off_cents": self.document_written_off_cents[version],
            "is_disputed": self.is_disputed[version], "count_payments": self.count_payments[version],
            "days_past_due": np.where(kind == OPEN, np.maximum(at - due, 0), -1),
            "days_late": pd.array(np.where(paid, closed - due, 0), dtype="Int32").copy(),
        }).assign(days_late=lambda f: f["days_late"].mask(~paid))  # fmt: skip

    def unapplied_at(self, as_of: date | str | pd.Timestamp) -> pd.DataFrame:
        """Money that names no invoice (cash, credit notes) as known at the end of `as_of`, one row a customer and currency.

        Columns: customer_id, currency, unapplied_cents (reporting), document_unapplied_cents.
        """
        at = day(as_of)
        known = is_known(self.unapplied_known_from, self.unapplied_known_until, at)
        customer = np.repeat(np.arange(len(self.owners.ids)), np.diff(self.unapplied_start))
        frame = pd.DataFrame({
            "customer_id": self.owners.ids[customer[known]], "currency": self.unapplied_currency[known],
            "unapplied_cents": self.unapplied_cents[known], "document_unapplied_cents": self.unapplied_document_cents[known],
        })  # fmt: skip
        return frame.groupby(["customer_id", "currency"], as_index=False).sum()


def dates(days: Iterable[int] | Days) -> NDArray[np.datetime64]:
    """Return days since 1970-01-01 as datetime64[s]; NEVER becomes NaT."""
    values = np.asarray(days, dtype=np.int64)
    shown = values.astype("datetime64[D]")
    shown[values == NEVER] = np.datetime64("NaT")
    return shown.astype("datetime64[s]")


def settle(ledger: Ledger) -> Settlement:
    """Return the settlement of a whole ledger. Deterministic, and independent of the order of rows.

    Raises LedgerError where amounts cannot be brought to one currency or mergers of customers run in a circle.
    """
    if ledger.settlement is not None:
        known: Settlement = ledger.settlement()
        return known
    who = owners(ledger)
    table = Invoices.of(ledger)
    names = table.names
    payments = Changes.of_payments(ledger, names)
    items = items_of(ledger, table)
    owner, first, last = who.codes(at_rows(ledger.invoices["customer_id"], table.row)), table.since, table.until
    due_on, issued_on, of_row = table.due_on, table.issued_on, None
    if items is not None:
        of_row, due_on, first, last = items.source, items.due_on, items.since, items.until
        owner, issued_on = owner[of_row], table.issued_on[of_row]
    if who.has_merged:
        source, owner, first, last = who.moved(owner, first, last)
        order, invoice_start = by_group(owner, len(who.ids), due_on[source], issued_on[source])
        item = source[order]
    else:  # every row is its own, and nothing is copied
        order, invoice_start = by_group(owner, len(who.ids), due_on, issued_on)
        item = order
    entry = item if of_row is None else of_row[item]
    invoice, row = names.codes[entry], entry if table.row is None else table.row[entry]
    since, until = first[order], last[order]
    document, reported = table.cents[entry], table.reported[entry] if table.is_foreign else None
    # an invoice's money is carried at its own rate, and so is its instalments'; without foreign money nothing is multiplied
    rate = _NO_RATES if reported is None else np.where(document == reported, 1.0, reported / np.maximum(document, 1))
    number = np.zeros(len(entry), dtype=np.int32)
    if items is not None:
        number, document = items.number[item], items.cents[item]
        reported = (
            None if reported is None else np.where(number > 0, np.rint(document * rate).astype(np.int64), reported)
        )
    tolerance = tolerances(ledger.invoices["currency"], ledger)
    tolerance = tolerance if len(tolerance) == 1 else tolerance[row]
    changes = joined([payments.named(), Changes.of_notes(table, names), Changes.of_events(ledger, names)])
    allocations = _allocations(changes, invoice, rate, len(names))
    if items is not None:
        part = items.below[item], items.above[item], items.whole[item]
        allocations = split_allocations(allocations, since, until, number, part, rate)
    return Settlement(
        owners=who, invoice_start=invoice_start,
        customer=owner[order], invoice=invoice, invoice_names=names, number=number, row=row,
        issued_on=table.issued_on[entry], due_on=due_on[item], booked_on=table.since[entry], known_from=since, known_until=until,
        amount_cents=document if reported is None else reported, document_amount_cents=document,
        rate=rate,
        **_versions(allocations, since, until, document, rate, tolerance),
        **{name: values for name, values in allocations.items() if name != "document_cents"},
        **_unapplied(ledger, who, table, payments), **bill_arrays(ledger, who),
    )  # fmt: skip


def final_states(
    amount: Cents, start: NDArray[np.int64], on: Days, cents: Cents, kind: Small, tolerance: Cents | None = None
) -> tuple[Cents, Cents, Cents, Small]:
    """(open, excess, written off, how closed) of each invoice when all that is given counts: the rules of `settle` over
    bare arrays in document cents, for importers, which have rows by number and a book not yet read.

    start : where each invoice's entries begin (one more than invoices). on, cents, kind : per entry, sorted by
    (invoice, day, kind); cents are signed, kind is CASH, CREDIT, FACTOR, DISCOUNT, NO_DAY or WRITE_OFF. tolerance : by
    invoice; None is TOLERANCE for all.
    """
    count, entries = len(amount), len(on)
    always = np.zeros(max(count, entries), dtype=np.int32), np.full(max(count, entries), NEVER)
    allocations: dict[str, NDArray[Any]] = {
        "allocation_start": start, "allocation_on": on, "allocation_known_from": always[0][:entries],
        "allocation_known_until": always[1][:entries], "allocation_kind": kind, "document_cents": cents,
    }  # fmt: skip
    found = _versions(allocations, always[0][:count], always[1][:count], amount, _NO_RATES, tolerance)
    return (
        found["document_open_cents"], found["document_excess_cents"], found["document_written_off_cents"],
        found["closed_kind"],
    )  # fmt: skip


_NO_RATES = np.zeros(0, dtype=np.float64)


def _allocations(
    changes: Changes, invoice: Codes, rate: NDArray[np.float64], count_ids: int
) -> dict[str, NDArray[Any]]:
    """What changed each invoice entry, by (event day, kind): the Settlement's allocation fields and `document_cents`."""
    order, start = by_group(changes.invoice, count_ids, changes.on, changes.kind)
    where = running(np.diff(start)[invoice])
    n = int(where[-1])
    on, since, until = (np.empty(n, dtype=np.int32) for _ in range(3))
    document, kind = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int8)
    cents = np.empty(n, dtype=np.int64) if len(rate) else document
    in_halves(
        lambda lo, hi: settlement_kernels.spread(
            lo, hi, invoice, rate, (start, order, *changes.columns[1:]), where, (on, since, until, cents, document, kind)
        ), len(invoice),
    )  # fmt: skip
    return {
        "allocation_start": where, "allocation_on": on, "allocation_known_from": since, "allocation_known_until": until,
        "allocation_cents": cents, "allocation_kind": kind, "document_cents": document,
    }  # fmt: skip


def _versions(
    allocations: dict[str, NDArray[Any]],
    since: Days,
    until: Days,
    amount: Cents,
    rate: NDArray[np.float64],
    tolerance: Cents | None = None,
) -> dict[str, NDArray[Any]]:
    """Return the versions of each invoice entry: the Settlement's version fields."""
    tolerance = np.array([TOLERANCE]) if tolerance is None else tolerance
    where, on, first, last, kind = (
        allocations[name]
        for name in (
            "allocation_start", "allocation_on", "allocation_known_from", "allocation_known_until", "allocation_kind",
        )
    )  # fmt: skip
    entries, most = len(since), settlement_kernels.longest(where)
    counts = np.empty(entries, dtype=np.int64)
    in_halves(
        lambda lo, hi: settlement_kernels.count_versions(lo, hi, most, since, until, where, first, last, counts),
        entries,
    )
    start = running(counts)
    n = int(start[-1])
    known, closed_on = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    own_left = np.empty(n, dtype=np.int64)
    left = np.empty(n, dtype=np.int64) if len(rate) else own_left
    excess, given_up, credited = (np.zeros(n, dtype=np.int64) for _ in range(3))
    kinds, payments, disputed = np.empty(n, dtype=np.int8), np.empty(n, dtype=np.int16), np.empty(n, dtype=np.bool_)
    were = np.zeros(n, dtype=np.bool_)
    in_halves(
        lambda lo, hi: settlement_kernels.write_versions(
            lo, hi, most, (since, until, amount, tolerance), rate, (where, on, first, last, allocations["document_cents"], kind), start,
            (known, left, own_left, excess, given_up, credited, closed_on, kinds, payments, disputed, were),
        ), entries,
    )  # fmt: skip
    return {
        "version_start": start, "version_known_from": known, "open_cents": left, "document_open_cents": own_left,
        "document_excess_cents": excess, "document_written_off_cents": given_up, "credited_cents": credited,
        "closed_on": closed_on, "closed_kind": kinds, "count_payments": payments, "is_disputed": disputed,
        "was_disputed": were,
    }  # fmt: skip


_UNAPPLIED = {
    "on": np.int32, "booked_on": np.int32, "known_from": np.int32, "known_until": np.int32, "cents": np.int64,
    "document_cents": np.int64, "currency": object,
}  # fmt: skip


def _unapplied(ledger: Ledger, who: Owners, table: Invoices, payments: Changes) -> dict[str, NDArray[Any]]:
    """Return money that names no invoice that the books hold: cash and credit notes, for the days on which that is so."""
    names, since, until, cash_rows = payments.invoice, payments.since, payments.until, len(payments.invoice)
    is_no_cash = ledger.payments["kind"].isin(NO_CASH).to_numpy()
    if is_no_cash.any():  # a row known for no day is no money of a customer
        since = np.where(is_no_cash, until, since)
    if len(table.notes):
        notes = ledger.invoices.iloc[table.notes]
        names = np.concatenate([names, table.note_applies_to])
        since = np.concatenate([since, known_from(notes, TABLES["invoices"])])
        until = np.concatenate([until, known_until(notes, TABLES["invoices"])])
    row = np.empty(2 * len(names), dtype=np.int64)
    first, last = np.empty(len(row), dtype=np.int32), np.empty(len(row), dtype=np.int32)
    n = settlement_kernels.loose_days(names, since, until, *table.held(), row, first, last)
    if not n:
        return {"unapplied_start": np.zeros(len(who.ids) + 1, dtype=np.int64)} | {
            f"unapplied_{name}": np.zeros(0, dtype=t) for name, t in _UNAPPLIED.items()
        }
    row, first, last = row[:n].copy(), first[:n].copy(), last[:n].copy()
    is_cash = row < cash_rows
    cash, note = ledger.payments.iloc[row[is_cash]], row[~is_cash] - cash_rows
    document, reporting = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    on, code, currency = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32), np.empty(n, dtype=object)
    document[is_cash], document[~is_cash] = payments.cents[row[is_cash]], table.note_cents[note]
    reporting[is_cash], reporting[~is_cash] = document[is_cash], table.note_reported[note]
    if table.is_foreign and len(cash):
        found = reporting_cents(cash["amount"], cash["currency"], cash["paid_on"], ledger)
        reporting[is_cash] = found * np.sign(document[is_cash])
    on[is_cash], code[is_cash] = payments.on[row[is_cash]], who.codes(cash["customer_id"])
    currency[is_cash] = cash["currency"].to_numpy(dtype=object)
    if len(note):
        loose = notes.iloc[note]
        on[~is_cash], code[~is_cash] = days(loose["issued_on"]), who.codes(loose["customer_id"])
        currency[~is_cash] = loose["currency"].to_numpy(dtype=object)
    source, customer, first, last = who.moved(code, first, last)
    order, start = by_group(customer, len(who.ids), on[source])
    source = source[order]
    return {
        "unapplied_start": start, "unapplied_on": on[source], "unapplied_booked_on": since[row][source],
        "unapplied_known_from": first[order], "unapplied_known_until": last[order], "unapplied_cents": reporting[source],
        "unapplied_document_cents": document[source], "unapplied_currency": currency[source],
    }  # fmt: skip
