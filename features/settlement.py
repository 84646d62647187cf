"""Settlement: what of each invoice was open, since when and how it closed, by the day on which the books knew it.

Allocation is explicit: a payment, credit note or write-off counts against the invoice that it names. Money that names no
invoice is unapplied, shown per customer and never guessed away. Rules, in the order in which they decide:

1. payments and nettings raise what is allocated, reversals and refunds lower it, credit notes raise it; the invoice is
   settled on the first day from which allocations plus credit notes stay within 0.01 of its amount (event dates);
2. credit notes alone that reach the amount close it as `credited`, a sale to a factor as `factored`, a write-off as
   `written_off` (without an amount: all that is left): closed, but not paid, so without days late;
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
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from features.currency import CENTS, reporting_cents
from features.known import NEVER, Days, day, known_from, known_until
from features.ledger import TABLES, Ledger
from features.order import by_group
from features.owners import Codes, Owners, encode, looked_up, owners

Cents = NDArray[np.int64]
Small = NDArray[np.int8]

OPEN, PAID, CREDITED, FACTORED, WRITTEN_OFF = range(5)
CLOSED_KINDS = ("open", "paid", "credited", "factored", "written_off")
CASH, CREDIT, FACTOR, WRITE_OFF, DISPUTE_OPENED, DISPUTE_CLOSED = range(6)
TOLERANCE = 1  # cents of the document currency: 0.01
ALL_THAT_IS_LEFT = np.int64(-(2**62))  # a write-off without an amount
SIGNS = {"payment": 1, "netting": 1, "factoring": 1, "reversal": -1, "refund": -1}


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """Invoices, their versions, their allocations and unapplied money as arrays; days as int32 since 1970-01-01,
    money as int64 cents of the reporting currency (`document_*` in the invoice's own).

    Invoices are sorted by (customer, due_on, issued_on, amount); one entry an invoice row and owner, so an invoice that
    was corrected, or whose customer was merged, has several, of which at most one counts on any day
    (`known_from <= T < known_until`). Entry i's versions are `version_start[i]:version_start[i + 1]`, by known day; its
    state on day T is the last with `version_known_from <= T`. `invoice_start[c]:invoice_start[c + 1]` are customer c's.
    """

    owners: Owners
    invoice_start: NDArray[np.int64]
    customer: Codes
    invoice: Codes  # place in invoice_ids
    invoice_names: pa.Array
    row: NDArray[np.int64]  # place in ledger.invoices
    issued_on: Days
    due_on: Days
    booked_on: Days  # known from, before any merger of customers
    known_from: Days
    known_until: Days
    amount_cents: Cents
    document_amount_cents: Cents
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
    allocation_start: NDArray[np.int64]  # per invoice entry
    allocation_on: Days
    allocation_known_from: Days
    allocation_known_until: Days
    allocation_cents: Cents  # signed: reversals and refunds below 0
    allocation_kind: Small  # CASH, CREDIT, FACTOR, WRITE_OFF, DISPUTE_OPENED, DISPUTE_CLOSED
    unapplied_start: NDArray[np.int64]  # per customer
    unapplied_on: Days
    unapplied_booked_on: Days
    unapplied_known_from: Days
    unapplied_known_until: Days
    unapplied_cents: Cents  # signed
    unapplied_currency: NDArray[np.object_]
    unapplied_document_cents: Cents

    @cached_property
    def invoice_ids(self) -> list[str]:
        """Invoice ids by code."""
        return list(self.invoice_names.to_pylist())

    def at(self, as_of: date | str | pd.Timestamp) -> pd.DataFrame:
        """Every invoice as the books held it at the end of day `as_of`, one row an invoice known by then.

        Columns: customer_id, invoice_id, row (place in ledger.invoices), issued_on, due_on, settled_on, closed_on (NaT
        where not), closed_kind (open, paid, credited, factored, written_off), amount_cents, open_cents,
        document_amount_cents, document_open_cents, document_excess_cents, document_written_off_cents, is_disputed, count_payments,
        days_past_due (of open items, at least 0; -1 for closed ones), days_late (of paid items, signed; NA otherwise).
        """
        at = np.int32(day(as_of))
        entries = np.flatnonzero((self.known_from <= at) & (self.known_until > at))
        version = last_versions(self.version_start, self.version_known_from, entries, at)
        closed, kind = self.closed_on[version], self.closed_kind[version]
        paid, due = kind == PAID, self.due_on[entries]
        return pd.DataFrame({
            "customer_id": self.owners.ids[self.customer[entries]],
            "invoice_id": np.array(self.invoice_ids, dtype=object)[self.invoice[entries]],
            "row": self.row[entries],
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
        known = (self.unapplied_known_from <= at) & (self.unapplied_known_until > at)
        customer = np.repeat(np.arange(len(self.owners.ids)), np.diff(self.unapplied_start))
        frame = pd.DataFrame({
            "customer_id": self.owners.ids[customer[known]], "currency": self.unapplied_currency[known],
            "unapplied_cents": self.unapplied_cents[known], "document_unapplied_cents": self.unapplied_document_cents[known],
        })  # fmt: skip
        return frame.groupby(["customer_id", "currency"], as_index=False).sum()


def dates(days: Iterable[int] | Days) -> NDArray[np.datetime64]:
    """Days since 1970-01-01 as datetime64[s]; NEVER becomes NaT."""
    values = np.asarray(days, dtype=np.int64)
    shown = values.astype("datetime64[D]")
    shown[values == NEVER] = np.datetime64("NaT")
    return shown.astype("datetime64[s]")


def settle(ledger: Ledger) -> Settlement:
    """The settlement of a whole ledger. Deterministic, and independent of the order of rows.

    Raises LedgerError where amounts cannot be brought to one currency or mergers of customers run in a circle.
    """
    who = owners(ledger)
    table, payments, events = ledger.invoices, ledger.payments, ledger.events
    (invoice_id, applies_to, paid_id, event_id), names = encode(
        table["invoice_id"], table["applies_to"], payments["invoice_id"], events["invoice_id"]
    )
    is_credit = (table["kind"] == "credit_note").to_numpy()
    cents = _cents(table["amount"])
    reported = reporting_cents(table["amount"], table["currency"], table["issued_on"], ledger)
    since, until = known_from(table, TABLES["invoices"]), known_until(table, TABLES["invoices"])

    is_target = np.zeros(len(names), dtype=bool)
    is_target[invoice_id[~is_credit]] = True
    applied = is_credit & (applies_to >= 0) & is_target[applies_to]
    known = known_from(payments, TABLES["payments"]), known_until(payments, TABLES["payments"])
    entries = _entries(
        ledger, is_target, applied, applies_to, paid_id, event_id, cents, (since, until), known, len(names)
    )

    invoices = np.flatnonzero(~is_credit)
    alive = np.full(len(names), NEVER), np.full(len(names), -NEVER)
    np.minimum.at(alive[0], invoice_id[invoices], since[invoices])
    np.maximum.at(alive[1], invoice_id[invoices], until[invoices])
    source, customer, first, last = who.moved(
        who.codes(table["customer_id"])[invoices], since[invoices], until[invoices]
    )
    row = invoices[source]
    issued_on, due_on = days_of(table["issued_on"])[row], days_of(table["due_on"])[row]
    order, invoice_start = by_group(customer, len(who.ids), due_on, issued_on)
    row, customer, first, last = row[order], customer[order], first[order], last[order]
    rate = np.where(cents[row] == reported[row], 1.0, reported[row] / np.maximum(cents[row], 1))
    counts, versions = _versions(invoice_id[row], first, last, cents[row], rate, *entries)
    allocations = _spread(invoice_id[row], rate, *entries)
    return Settlement(
        owners=who, invoice_start=invoice_start,
        customer=customer, invoice=invoice_id[row], invoice_names=names, row=row,
        issued_on=issued_on[order], due_on=due_on[order], booked_on=since[row], known_from=first, known_until=last,
        amount_cents=reported[row], document_amount_cents=cents[row],
        version_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        **dict(zip(_VERSION_FIELDS, versions, strict=True)), **dict(zip(_ALLOCATION_FIELDS, allocations, strict=True)),
        **_unapplied(ledger, who, is_credit, (paid_id, applies_to), alive, known, reported),
    )  # fmt: skip


def final_states(
    amount: Cents, start: NDArray[np.int64], on: Days, cents: Cents, kind: Small
) -> tuple[Cents, Cents, Cents, Small]:
    """(open, excess, written off, how closed) of each invoice when all that is given counts: the rules of `settle` over
    bare arrays in document cents, for importers, which have rows by number and a book not yet read.

    start : where each invoice's entries begin (one more than invoices). on, cents, kind : per entry, sorted by
    (invoice, day, kind); cents are signed, kind is CASH, CREDIT, FACTOR or WRITE_OFF.
    """
    count, entries = len(amount), len(on)
    always = np.zeros(max(count, entries), dtype=np.int32), np.full(max(count, entries), NEVER)
    _, (_, _, left, excess, written, _, _, kinds, _, _) = _versions(
        np.arange(count, dtype=np.int32), always[0][:count], always[1][:count], amount, np.ones(count), start, on,
        always[0][:entries], always[1][:entries], cents, kind,
    )  # fmt: skip
    return left, excess, written, kinds


_VERSION_FIELDS = (
    "version_known_from", "open_cents", "document_open_cents", "document_excess_cents",
    "document_written_off_cents", "credited_cents", "closed_on",
    "closed_kind", "count_payments", "is_disputed",
)  # fmt: skip
_ALLOCATION_FIELDS = (
    "allocation_start", "allocation_on", "allocation_known_from", "allocation_known_until", "allocation_cents", "allocation_kind",
)  # fmt: skip
Entries = tuple[NDArray[np.int64], Days, Days, Days, Cents, Small]


def days_of(column: pd.Series) -> Days:
    """A column of dates without gaps as int32 days since 1970-01-01."""
    return column.to_numpy().astype("datetime64[D]").astype(np.int32)


def _entries(
    ledger: Ledger, is_target: NDArray[np.bool_], applied: NDArray[np.bool_], applies_to: Codes, paid_id: Codes, event_id: Codes,
    cents: Cents, held: tuple[Days, Days], known: tuple[Days, Days], count_ids: int,
) -> Entries:  # fmt: skip
    """All that changes an invoice, sorted by (invoice id, event day, kind): where each id's entries start, event day,
    known from, known until, signed document cents, kind."""
    payments, events = ledger.payments, ledger.events
    paying = np.flatnonzero((paid_id >= 0) & is_target[paid_id]) if count_ids else np.zeros(0, dtype=np.int64)
    sign, is_sold = (
        looked_up(payments["kind"], SIGNS),
        looked_up(payments["kind"], {k: k == "factoring" for k in SIGNS}),
    )
    credit = np.flatnonzero(applied)
    event_kinds = {"write_off": WRITE_OFF, "dispute_opened": DISPUTE_OPENED, "dispute_closed": DISPUTE_CLOSED}
    is_entry = events["kind"].isin(list(event_kinds)).to_numpy() & (event_id >= 0)
    told = np.flatnonzero(is_entry)[is_target[event_id[is_entry]]] if is_entry.any() else np.zeros(0, dtype=np.int64)
    written = events["amount"].to_numpy(dtype=np.float64)[told] * CENTS
    parts = [
        (paid_id[paying], days_of(payments["paid_on"])[paying], known[0][paying], known[1][paying],
         (_cents(payments["amount"]) * sign)[paying], np.where(is_sold[paying] == 1, FACTOR, CASH).astype(np.int8)),
        (applies_to[credit], days_of(ledger.invoices["issued_on"])[credit], held[0][credit], held[1][credit], cents[credit],
         np.full(len(credit), CREDIT, dtype=np.int8)),
        (event_id[told], days_of(events["occurred_on"])[told], known_from(events, TABLES["events"])[told],
         known_until(events, TABLES["events"])[told],
         np.where(np.isnan(written), ALL_THAT_IS_LEFT, np.rint(np.nan_to_num(written)).astype(np.int64)),
         events["kind"].iloc[told].map(event_kinds).to_numpy(dtype=np.int8)),
    ]  # fmt: skip
    ids, on, first, last, amount, kinds = (np.concatenate(c) for c in zip(*parts, strict=True))
    order, start = by_group(ids, count_ids, on, kinds)
    return start, on[order], first[order], last[order], amount[order], kinds[order].astype(np.int8)


def _unapplied(
    ledger: Ledger, who: Owners, is_credit: NDArray[np.bool_], named: tuple[Codes, Codes], alive: tuple[Days, Days],
    known: tuple[Days, Days], reported: Cents,
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """Money that names no invoice that the books hold: cash and credit notes, for the days on which that is so.

    named : the invoice that each payment, and each row of the invoices table, names (-1: none). alive : per invoice id the
    first day on which the books hold it and the first on which they no longer do (NEVER, and before all days, for none).
    known : the payments' own first and last days.
    """
    table, payments, credit = ledger.invoices, ledger.payments, np.flatnonzero(is_credit)
    names = np.concatenate([named[0], named[1][credit]])
    since = np.concatenate([known[0], known_from(table, TABLES["invoices"])[credit]])
    until = np.concatenate([known[1], known_until(table, TABLES["invoices"])[credit]])
    # before the books hold the invoice that is named, and after they drop it, the money names none
    held_from = np.where(names >= 0, alive[0][names], NEVER) if len(alive[0]) else np.full(len(names), NEVER)
    held_until = np.where(names >= 0, alive[1][names], NEVER) if len(alive[0]) else np.full(len(names), NEVER)
    end_before, start_after = np.minimum(until, held_from), np.maximum(since, np.maximum(held_until, held_from))
    early, late = np.flatnonzero(since < end_before), np.flatnonzero(start_after < until)
    row = np.concatenate([early, late])
    first = np.concatenate([since[early], start_after[late]]).astype(np.int32)
    last = np.concatenate([end_before[early], until[late]]).astype(np.int32)
    is_cash = row < len(payments)
    cash, note = payments.iloc[row[is_cash]], table.iloc[credit[row[~is_cash] - len(payments)]]
    sign = looked_up(cash["kind"], SIGNS)

    def both(of_cash: NDArray[Any], of_note: NDArray[Any]) -> NDArray[Any]:
        joined = np.empty(len(row), dtype=of_cash.dtype)
        joined[is_cash], joined[~is_cash] = of_cash, of_note
        return joined

    document, reporting = (
        both(of_cash * sign, of_note) for of_cash, of_note in (
            (_cents(cash["amount"]), _cents(note["amount"])),
            (reporting_cents(cash["amount"], cash["currency"], cash["paid_on"], ledger), reported[note.index.to_numpy()]),
        )
    )  # fmt: skip
    on = both(days_of(cash["paid_on"]), days_of(note["issued_on"]))
    currency = both(cash["currency"].to_numpy(dtype=object), note["currency"].to_numpy(dtype=object))
    source, customer, first, last = who.moved(
        both(who.codes(cash["customer_id"]), who.codes(note["customer_id"])), first, last
    )
    order, start = by_group(customer, len(who.ids), on[source])
    source = source[order]
    return {
        "unapplied_start": start, "unapplied_on": on[source], "unapplied_booked_on": since[row][source],
        "unapplied_known_from": first[order], "unapplied_known_until": last[order], "unapplied_cents": reporting[source],
        "unapplied_document_cents": document[source], "unapplied_currency": currency[source],
    }  # fmt: skip


def _cents(amount: pd.Series) -> Cents:
    return np.rint(amount.to_numpy(dtype=np.float64) * CENTS).astype(np.int64)


@njit(cache=True, nogil=True)
def last_versions(version_start, version_known_from, entries, at):  # type: ignore[no-untyped-def]
    """The place of the last version known on day `at`, per entry."""
    found = np.empty(len(entries), dtype=np.int64)
    for i in range(len(entries)):
        v = version_start[entries[i]]
        while v + 1 < version_start[entries[i] + 1] and version_known_from[v + 1] <= at:
            v += 1
        found[i] = v
    return found


@njit(cache=True, nogil=True)
def _state(amount, lo, hi, on, first, last, cents, kind, at):  # type: ignore[no-untyped-def]
    """An invoice from the entries lo:hi known on day `at`: (allocated, credited, written off, closed_on, kind, payments,
    disputed)."""
    cash = credit = factored = written = np.int64(0)
    paid_since = credited_since = cash_since = factored_since = closed_since = NEVER
    payments, disputed = 0, False
    for e in range(lo, hi):
        if not (first[e] <= at < last[e]):
            continue
        if kind[e] == CASH:
            cash += cents[e]
            payments += cents[e] > 0
        elif kind[e] == CREDIT:
            credit += cents[e]
        elif kind[e] == FACTOR:
            factored += cents[e]
        elif kind[e] == WRITE_OFF:
            left = max(amount - cash - credit - factored - written, 0)
            written += left if cents[e] == ALL_THAT_IS_LEFT else cents[e]
        else:
            disputed = kind[e] == DISPUTE_OPENED
        # days on which each sum reached the amount and from which it has stayed; judged once a day, not once an entry
        following = e + 1
        while following < hi and not (first[following] <= at < last[following]):
            following += 1
        if following < hi and on[following] == on[e]:
            continue
        enough = max(amount - TOLERANCE, 1)
        cash_since = min(cash_since, on[e]) if cash >= enough else NEVER
        credited_since = min(credited_since, on[e]) if credit >= enough else NEVER
        paid_since = min(paid_since, on[e]) if cash + credit >= enough else NEVER
        factored_since = min(factored_since, on[e]) if cash + credit + factored >= enough else NEVER
        closed_since = min(closed_since, on[e]) if cash + credit + factored + written >= enough else NEVER
    allocated = cash + credit + factored + written
    if paid_since != NEVER:
        if credited_since != NEVER and cash_since == NEVER:
            return allocated, credit, written, credited_since, CREDITED, payments, disputed
        return allocated, credit, written, paid_since, PAID, payments, disputed
    if factored_since != NEVER:
        return allocated, credit, written, factored_since, FACTORED, payments, disputed
    if closed_since != NEVER:
        return allocated, credit, written, closed_since, WRITTEN_OFF, payments, disputed
    return allocated, credit, written, NEVER, OPEN, payments, disputed


@njit(cache=True, nogil=True)
def _changes(days, since, until, lo, hi, first, last):  # type: ignore[no-untyped-def]
    """Fill `days` with the sorted days in [since, until) on which an invoice's state may change; their number."""
    count = 1
    days[0] = since
    for e in range(lo, hi):
        for d in (first[e], last[e]):
            if d <= since or d >= until:
                continue
            place = count
            while place > 0 and days[place - 1] > d:
                place -= 1
            if place > 0 and days[place - 1] == d:
                continue
            for k in range(count, place, -1):
                days[k] = days[k - 1]
            days[place] = d
            count += 1
    return count


@njit(cache=True, nogil=True)
def _versions(invoice, since, until, amount, rate, start, on, first, last, cents, kind):  # type: ignore[no-untyped-def]
    """(number of versions per invoice, the versions' fields in the order of _VERSION_FIELDS)."""
    most, total = 1, 0
    for i in range(len(invoice)):
        entries = start[invoice[i] + 1] - start[invoice[i]]
        most, total = max(most, 2 * entries + 1), total + 2 * entries + 1
    days = np.empty(most, dtype=np.int32)
    counts = np.empty(len(invoice), dtype=np.int64)
    known, closed_on = np.empty(total, dtype=np.int32), np.empty(total, dtype=np.int32)
    left, own_left, excess = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total, np.int64)
    given_up, credited = np.empty(total, np.int64), np.empty(total, np.int64)
    kinds, payments, disputed = (
        np.empty(total, dtype=np.int8),
        np.empty(total, dtype=np.int16),
        np.empty(total, dtype=np.bool_),
    )
    v = 0
    for i in range(len(invoice)):
        lo, hi = start[invoice[i]], start[invoice[i] + 1]
        counts[i] = _changes(days, since[i], until[i], lo, hi, first, last)
        for k in range(counts[i]):
            allocated, credit, written, closed, how, paid, dispute = _state(
                amount[i], lo, hi, on, first, last, cents, kind, days[k]
            )
            own_left[v] = amount[i] - allocated if how == OPEN else 0
            left[v] = np.int64(np.rint(own_left[v] * rate[i]))
            excess[v] = 0 if how == OPEN else allocated - amount[i]
            given_up[v] = written
            credited[v] = np.int64(np.rint(credit * rate[i]))
            known[v], closed_on[v], kinds[v], payments[v], disputed[v] = days[k], closed, how, paid, dispute
            v += 1
    return counts, (
        known[:v], left[:v], own_left[:v], excess[:v], given_up[:v], credited[:v], closed_on[:v], kinds[:v], payments[:v], disputed[:v]
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _spread(invoice, rate, start, on, first, last, cents, kind):  # type: ignore[no-untyped-def]
    """Each invoice entry's own copy of what changed it, money at the invoice's rate, in the order of _ALLOCATION_FIELDS."""
    where = np.empty(len(invoice) + 1, dtype=np.int64)
    where[0] = 0
    for i in range(len(invoice)):
        where[i + 1] = where[i] + start[invoice[i] + 1] - start[invoice[i]]
    days, known, until = np.empty(where[-1], np.int32), np.empty(where[-1], np.int32), np.empty(where[-1], np.int32)
    money, kinds = np.empty(where[-1], np.int64), np.empty(where[-1], np.int8)
    for i in range(len(invoice)):
        for k in range(where[i + 1] - where[i]):
            e, to = start[invoice[i]] + k, where[i] + k
            days[to], known[to], until[to], kinds[to] = on[e], first[e], last[e], kind[e]
            money[to] = cents[e] if cents[e] == ALL_THAT_IS_LEFT else np.int64(np.rint(cents[e] * rate[i]))
    return where, days, known, until, money, kinds
