"""The compiled half of settlement: what changed each invoice, and its versions by the day on which they were known.

All functions work on the invoice entries `lo` to `hi`, so that threads can share them out, and fill arrays given to them.
An invoice's allocations (payments, credit notes, write-offs, disputes) lie at where[i]:where[i + 1], by event day and kind.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ledger.known import NEVER
from ledger.lazy_njit import njit

OPEN, PAID, CREDITED, FACTORED, WRITTEN_OFF, UNDATED = range(6)  # how an item stands
CASH, CREDIT, FACTOR, DISCOUNT, NO_DAY, WRITE_OFF, DISPUTE_OPENED, DISPUTE_CLOSED = range(8)  # what changes an item
TOLERANCE = 1  # hundredths of the document currency: 0.01
ALL_THAT_IS_LEFT = np.int64(-(2**62))  # a write-off without an amount
FEW = 32  # rows that are sorted by insertion


@njit(cache=True, nogil=True)
def spread(lo, hi, invoice, rate, changes, where, allocations):  # type: ignore[no-untyped-def]
    """Each invoice entry's own copy of what changed it: money at the invoice's rate, and in the document's currency."""
    start, order, on, first, last, cents, kind = changes
    to_on, to_first, to_last, to_cents, to_document, to_kind = allocations
    for i in range(lo, hi):
        to = where[i]
        for k in range(start[invoice[i]], start[invoice[i] + 1]):
            e = order[k]
            to_on[to], to_first[to], to_last[to], to_kind[to] = on[e], first[e], last[e], kind[e]
            to_document[to] = cents[e]
            if len(rate):
                is_whole = cents[e] == ALL_THAT_IS_LEFT
                to_cents[to] = cents[e] if is_whole else np.int64(np.rint(cents[e] * rate[i]))
            to += 1


@njit(cache=True, nogil=True)
def longest(where):  # type: ignore[no-untyped-def]
    """Return the most allocations that one invoice has."""
    most = 0
    for i in range(len(where) - 1):
        most = max(most, where[i + 1] - where[i])
    return most


@njit(cache=True, nogil=True)
def changes_between(days, since, until, lo, hi, first, last):  # type: ignore[no-untyped-def]
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
def count_versions(lo, hi, most, since, until, where, first, last, counts):  # type: ignore[no-untyped-def]
    """How many versions each invoice has."""
    days = np.empty(2 * most + 1, dtype=np.int32)
    for i in range(lo, hi):
        counts[i] = changes_between(days, since[i], until[i], where[i], where[i + 1], first, last)


@njit(cache=True, nogil=True)
def _state(amount, tolerance, lo, hi, on, first, last, cents, kind, at):  # type: ignore[no-untyped-def]
    """An invoice from the entries lo:hi known on day `at`: (allocated, credited, written off, closed_on, kind, payments,
    in dispute, ever in dispute)."""
    cash = credit = factored = written = discount = no_day = np.int64(0)
    paid_since = credited_since = cash_since = undated_since = factored_since = closed_since = NEVER
    payments, disputed, was = 0, False, False
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
        elif kind[e] == DISCOUNT:
            discount += cents[e]
        elif kind[e] == NO_DAY:
            no_day += cents[e]
        elif kind[e] == WRITE_OFF:
            left = max(amount - cash - credit - factored - written - discount - no_day, 0)
            written += left if cents[e] == ALL_THAT_IS_LEFT else cents[e]
        else:
            disputed = kind[e] == DISPUTE_OPENED
            was = was or disputed
        # days on which each sum reached the amount and from which it has stayed; evaluated once a day, not once an entry
        following = e + 1
        while following < hi and not (first[following] <= at < last[following]):
            following += 1
        if following < hi and on[following] == on[e]:
            continue
        enough = max(amount - tolerance, 1)
        cash_since = min(cash_since, on[e]) if cash >= enough else NEVER
        credited_since = min(credited_since, on[e]) if credit >= enough else NEVER
        paid = cash + credit + discount
        paid_since = min(paid_since, on[e]) if paid >= enough else NEVER
        paid += no_day
        undated_since = min(undated_since, on[e]) if paid >= enough else NEVER
        factored_since = min(factored_since, on[e]) if paid + factored >= enough else NEVER
        closed_since = min(closed_since, on[e]) if paid + factored + written >= enough else NEVER
    allocated = cash + credit + factored + written + discount + no_day
    if paid_since != NEVER:
        if credited_since != NEVER and cash_since == NEVER:
            return allocated, credit, written, credited_since, CREDITED, payments, disputed, was
        return allocated, credit, written, paid_since, PAID, payments, disputed, was
    if undated_since != NEVER:
        return allocated, credit, written, undated_since, UNDATED, payments, disputed, was
    if factored_since != NEVER:
        return allocated, credit, written, factored_since, FACTORED, payments, disputed, was
    if closed_since != NEVER:
        return allocated, credit, written, closed_since, WRITTEN_OFF, payments, disputed, was
    return allocated, credit, written, NEVER, OPEN, payments, disputed, was


@njit(cache=True, nogil=True)
def write_versions(lo, hi, most, invoices, rate, allocations, version_start, versions):  # type: ignore[no-untyped-def]
    """Fill the versions' fields. `excess`, `given_up`, `credited` and `were` come as zeros: pages that stay zero take no memory."""
    since, until, amount, tolerance = invoices
    where, on, first, last, cents, kind = allocations
    known, left, own_left, excess, given_up, credited, closed_on, kinds, payments, disputed, were = versions
    days = np.empty(2 * most + 1, dtype=np.int32)
    for i in range(lo, hi):
        a, b, v = where[i], where[i + 1], version_start[i]
        for k in range(changes_between(days, since[i], until[i], a, b, first, last)):
            allocated, credit, written, closed, how, paid, dispute, was = _state(
                amount[i],
                tolerance[i] if len(tolerance) > 1 else tolerance[0],
                a,
                b,
                on,
                first,
                last,
                cents,
                kind,
                days[k],
            )
            is_open = how == OPEN
            own_left[v] = amount[i] - allocated if is_open else 0
            if len(rate):
                left[v] = np.int64(np.rint(own_left[v] * rate[i]))
            if not is_open and allocated != amount[i]:
                excess[v] = allocated - amount[i]
            if written != 0:
                given_up[v] = written
            if was:
                were[v] = True
            if credit != 0:
                credited[v] = np.int64(np.rint(credit * rate[i])) if len(rate) else credit
            known[v], closed_on[v], kinds[v], payments[v], disputed[v] = days[k], closed, how, paid, dispute
            v += 1


def last_versions(
    version_start: NDArray[np.int64],
    version_known_from: NDArray[np.int32],
    entries: NDArray[np.int64],
    at: int | np.int32,
) -> NDArray[np.int64]:
    """Return the place of the last version known on day `at`, per entry; an entry's first one where none is known yet.

    Not compiled: reports that read a settled state call nothing else of this module.
    """
    last: NDArray[np.int64] = version_start[entries]
    end = version_start[entries + 1]
    moving = np.flatnonzero(last + 1 < end)
    while len(moving):
        following = last[moving] + 1
        is_known = version_known_from[following] <= at
        moving, following = moving[is_known], following[is_known]
        last[moving] = following
        moving = moving[following + 1 < end[moving]]
    return last


@njit(cache=True, nogil=True)
def held_days(invoice, since, until, held_from, held_until):  # type: ignore[no-untyped-def]
    """Per invoice id the first day on which the books hold it and the first on which they no longer do."""
    for i in range(len(invoice)):
        held_from[invoice[i]] = min(held_from[invoice[i]], since[i])
        held_until[invoice[i]] = max(held_until[invoice[i]], until[i])


@njit(cache=True, nogil=True)
def loose_days(names, since, until, held_from, held_until, row, first, last):  # type: ignore[no-untyped-def]
    """Fill the days of each row on which the invoice that it names is not held: before the books hold it, and after they
    drop it; how many. `row` needs room for two entries a row."""
    n = 0
    for i in range(len(names)):
        begin = held_from[names[i]] if names[i] >= 0 else NEVER
        end = min(until[i], begin)
        if since[i] < end:
            row[n], first[n], last[n] = i, since[i], end
            n += 1
    for i in range(len(names)):
        if names[i] >= 0:
            begin = max(since[i], held_until[names[i]], held_from[names[i]])
            if begin < until[i]:
                row[n], first[n], last[n] = i, begin, until[i]
                n += 1
    return n


@njit(cache=True, nogil=True)
def count_payments(lo, hi, invoice_start, where, kind, loose_start, counts):  # type: ignore[no-untyped-def]
    """How many rows each customer's money has: allocations but for disputes, and unapplied money."""
    for c in range(lo, hi):
        n = loose_start[c + 1] - loose_start[c]
        for e in range(where[invoice_start[c]], where[invoice_start[c + 1]]):
            n += kind[e] < DISPUTE_OPENED
        counts[c] = n


@njit(cache=True, nogil=True)
def write_payments(lo, hi, invoices, allocations, loose, start, rows):  # type: ignore[no-untyped-def]
    """Each customer's money by day: allocations of all kinds and unapplied money (due on -1: no invoice is named)."""
    invoice_start, entry_from, entry_until, entry_due = invoices
    where, on, first, last, cents, kind = allocations
    loose_start, loose_on, loose_booked, loose_first, loose_last, loose_cents = loose
    to_first, to_last, to_on, to_cents, to_kind, to_due, to_day_of_month, to_booked = rows
    most = 0
    for c in range(lo, hi):
        most = max(most, start[c + 1] - start[c])
    source, entry = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    day, order = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    for c in range(lo, hi):
        n = 0
        for i in range(invoice_start[c], invoice_start[c + 1]):
            for e in range(where[i], where[i + 1]):
                if kind[e] < DISPUTE_OPENED:
                    source[n], entry[n], day[n] = e, i, on[e]
                    n += 1
        for e in range(loose_start[c], loose_start[c + 1]):
            source[n], entry[n], day[n] = e, -1, loose_on[e]
            n += 1
        _by_day(order, day, n)
        for k in range(n):
            e, i, to = source[order[k]], entry[order[k]], start[c] + k
            if i >= 0:
                to_first[to], to_last[to] = max(first[e], entry_from[i]), min(last[e], entry_until[i])
                # a write-off of all that is left has no amount of its own: it takes nothing that was paid
                to_cents[to] = 0 if cents[e] == ALL_THAT_IS_LEFT else cents[e]
                to_on[to], to_kind[to], to_due[to], to_booked[to] = on[e], kind[e], entry_due[i], first[e]
            else:
                to_first[to], to_last[to], to_cents[to] = loose_first[e], loose_last[e], loose_cents[e]
                to_on[to], to_kind[to], to_due[to], to_booked[to] = loose_on[e], CASH, -1, loose_booked[e]
            to_day_of_month[to] = _day_of_month(to_on[to])


@njit(cache=True, nogil=True)
def _by_day(order, day, n):  # type: ignore[no-untyped-def]
    """Fill order[:n] with the places of day[:n] in rising order; equal days stay in the order given."""
    is_sorted = True
    for k in range(n):
        order[k] = k
        is_sorted = is_sorted and (k == 0 or day[k] >= day[k - 1])
    if is_sorted:
        return
    if n > FEW:
        order[:n] = np.argsort(day[:n], kind="mergesort")
        return
    for k in range(1, n):
        j = k
        while j > 0 and day[order[j - 1]] > day[k]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = k


@njit(cache=True, nogil=True)
def _day_of_month(day):  # type: ignore[no-untyped-def]
    """Return the day of the month, 1 to 31, of days since 1970-01-01 (Hinnant's civil_from_days)."""
    z = np.int64(day) + 719_468
    of_era = z % 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    return of_year - (153 * month + 2) // 5 + 1
