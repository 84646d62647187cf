"""Instalments: which items each invoice consists of, by the days on which the books held its plan, and what each payment
fills of them.

An invoice with a known plan is one item an instalment, by its own due day; any other invoice is one item (number 0). What
is paid, credited or written off fills the instalments by due day, the oldest first; what is taken back empties the last one
filled first. The last instalment takes what a plan leaves of its invoice's amount, and what is paid above it. A dispute of
an invoice is a dispute of all its instalments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.currency import document_cents
from ledger.known import NEVER, Days, known_from, known_until
from ledger.known import days as day_numbers
from ledger.lazy_njit import njit
from ledger.ledger import TABLES, Ledger
from ledger.settlement_changes import Cents, Invoices
from ledger.settlement_kernels import ALL_THAT_IS_LEFT, DISPUTE_OPENED, changes_between
from ledger.sorting import by_group, running

FAR_BELOW, FAR_ABOVE = np.int64(-(2**60)), np.int64(2**60)  # cents that no invoice reaches
ALWAYS = np.int32(-NEVER)
Numbers = NDArray[np.int32]
Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Items:
    """The items of the invoices table, one entry an item and stretch of known days on which its invoice's plan was this.

    source : place in the arrays of `Invoices`. number : of the instalment; 0 where the invoice has one due date.
    below, above : which part of what is allocated to the invoice is the item's: from `below` up to `above` document cents
    (the first reaches down and the last up without bound). whole, cents : document cents of the invoice and of the item.
    """

    source: Places
    number: Numbers
    due_on: Days
    since: Days
    until: Days
    cents: Cents
    below: Cents
    above: Cents
    whole: Cents


def item_names(invoice_id: NDArray[np.object_], number: Numbers) -> NDArray[np.object_]:
    """Return the name of each item: the invoice's id, or INVOICE#NUMBER for an instalment."""
    found = np.array(invoice_id, dtype=object)
    for place in np.flatnonzero(number):
        found[place] = f"{invoice_id[place]}#{number[place]}"
    return found


def numbers_of(items: pd.DataFrame) -> Numbers:
    """Return the instalment's number of each row of a frame of items; 0 where the frame has none."""
    if "number" not in items:
        return np.zeros(len(items), dtype=np.int32)
    return items["number"].fillna(0).to_numpy(dtype=np.int32)


def items_of(ledger: Ledger, table: Invoices) -> Items | None:
    """Return the items of the invoices; None for a ledger without instalments, in which each invoice is one."""
    plans = ledger["instalments"]
    if not len(plans):
        return None
    names = table.names
    code = names.look_up(plans["invoice_id"])
    place = np.full(len(names) + 1, -1, dtype=np.int64)
    place[names.codes] = np.arange(len(names.codes))  # of corrections of one invoice any row names the currency
    kept = np.flatnonzero(place[code] >= 0)
    if not len(kept):
        return None
    rows = place[code[kept]] if table.row is None else table.row[place[code[kept]]]
    currency = pd.Series(ledger.invoices["currency"].to_numpy(dtype=object)[rows])
    plan = plans.iloc[kept].reset_index(drop=True)
    cents = document_cents(plan["amount"], currency, ledger.currencies)
    due, number = day_numbers(plan["due_on"]), plan["number"].to_numpy(dtype=np.int32)
    order, start = by_group(code[kept], len(names), due, number)
    since, until = known_from(plan, TABLES["instalments"]), known_until(plan, TABLES["instalments"])
    instalments = (start, due[order], number[order], cents[order], since[order], until[order])
    invoices = (names.codes, table.due_on, table.since, table.until, table.cents)
    counts = np.empty(len(names.codes), dtype=np.int64)
    most = int(np.diff(start).max())
    _count_items(most, invoices, instalments, counts)
    where = running(counts)
    n = int(where[-1])
    source, numbers, due_on = np.empty(n, np.int64), np.zeros(n, np.int32), np.empty(n, np.int32)
    first, last = np.empty(n, np.int32), np.empty(n, np.int32)
    money = [np.empty(n, np.int64) for _ in range(4)]
    _write_items(most, invoices, instalments, where, (source, numbers, due_on, first, last, *money))
    return Items(
        source=source, number=numbers, due_on=due_on, since=first, until=last, cents=money[0], below=money[1],
        above=money[2], whole=money[3],
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _count_items(most, invoices, instalments, counts):  # type: ignore[no-untyped-def]
    """Fill how many entries each invoice row becomes."""
    code, _, since, until, amount = invoices
    start, _, _, _, plan_from, plan_until = instalments
    days, parts, places = np.empty(2 * most + 1, np.int32), np.empty(most, np.int64), np.empty(most, np.int64)
    for i in range(len(code)):
        a, b = start[code[i]], start[code[i] + 1]
        counts[i] = 0
        for k in range(changes_between(days, since[i], until[i], a, b, plan_from, plan_until)):
            counts[i] += max(1, _parts(amount[i], days[k], a, b, instalments, parts, places))


@njit(cache=True, nogil=True)
def _write_items(most, invoices, instalments, where, items):  # type: ignore[no-untyped-def]
    """Fill the fields of `Items`."""
    code, due_on, since, until, amount = invoices
    start, plan_due, plan_number, _, plan_from, plan_until = instalments
    to_source, to_number, to_due, to_since, to_until, to_cents, to_below, to_above, to_whole = items
    days, parts, places = np.empty(2 * most + 1, np.int32), np.empty(most, np.int64), np.empty(most, np.int64)
    for i in range(len(code)):
        a, b, to = start[code[i]], start[code[i] + 1], where[i]
        stretches = changes_between(days, since[i], until[i], a, b, plan_from, plan_until)
        for k in range(stretches):
            count = _parts(amount[i], days[k], a, b, instalments, parts, places)
            end = days[k + 1] if k + 1 < stretches else until[i]
            before = np.int64(0)
            for j in range(max(1, count)):
                is_last = j + 1 >= count
                upto = amount[i] if is_last else before + parts[j]
                to_source[to], to_since[to], to_until[to], to_whole[to] = i, days[k], end, amount[i]
                to_number[to] = plan_number[places[j]] if count else 0
                to_due[to] = plan_due[places[j]] if count else due_on[i]
                to_cents[to] = upto - before
                to_below[to], to_above[to] = FAR_BELOW if j == 0 else before, FAR_ABOVE if is_last else upto
                before, to = upto, to + 1


@njit(cache=True, nogil=True)
def _parts(amount, at, lo, hi, instalments, parts, places):  # type: ignore[no-untyped-def]
    """Fill the amounts and places of the instalments known on day `at` that take a part of the amount; how many."""
    _, _, _, cents, since, until = instalments
    n, left = 0, amount
    for e in range(lo, hi):
        if since[e] <= at < until[e] and left > 0:
            parts[n], places[n] = min(cents[e], left), e
            left -= parts[n]
            n += 1
    return n


def split_allocations(
    allocations: dict[str, NDArray[Any]], since: Days, until: Days, number: Numbers, part: tuple[Cents, Cents, Cents],
    rate: NDArray[np.float64],
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """Return allocations where each instalment has its part only: the fields given, in the same order.

    allocations : of each entry all of its invoice's, by (event day, kind). part : (below, above, whole) of each entry, see
    `Items`. rate : cents of the reporting currency for one of the document, by entry; empty where they are the same. A part that
    depends on what else was known stands once a stretch of known days.
    """
    where, on, first, last, kind = (
        allocations[f"allocation_{name}"] for name in ("start", "on", "known_from", "known_until", "kind")
    )
    entries = (where, first, last, allocations["document_cents"], kind, since, until, number, *part)
    most = _longest(where, number)
    counts = np.empty(len(since), dtype=np.int64)
    _count_pieces(most, entries, counts)
    start = running(counts)
    n = int(start[-1])
    source, to_first, to_last, document = (
        np.empty(n, dtype) for dtype in (np.int64, np.int32, np.int32, np.int64)
    )  # fmt: skip
    _write_pieces(most, entries, start, (source, to_first, to_last, document))
    cents = document
    if len(rate):
        is_whole = document == ALL_THAT_IS_LEFT
        own_rate = np.repeat(rate, counts)
        cents = np.where(
            is_whole, ALL_THAT_IS_LEFT, np.rint(np.where(is_whole, 0, document) * own_rate).astype(np.int64)
        )
    return {
        "allocation_start": start, "allocation_on": on[source], "allocation_known_from": to_first,
        "allocation_known_until": to_last, "allocation_cents": cents, "allocation_kind": kind[source],
        "document_cents": document,
    }  # fmt: skip


@njit(cache=True, nogil=True)
def _longest(where, number):  # type: ignore[no-untyped-def]
    """Return the most allocations that one instalment's invoice has."""
    most = 0
    for i in range(len(number)):
        if number[i]:
            most = max(most, where[i + 1] - where[i])
    return most


@njit(cache=True, nogil=True)
def _count_pieces(most, entries, counts):  # type: ignore[no-untyped-def]
    """Fill how many allocations each entry keeps."""
    where, number = entries[0], entries[7]
    room = (2 * most + 1) * most
    pieces = (np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int64))
    days, slot = np.empty(2 * most + 1, np.int32), np.empty(most, np.int64)
    for i in range(len(number)):
        counts[i] = _pieces(i, entries, days, slot, pieces) if number[i] else where[i + 1] - where[i]


@njit(cache=True, nogil=True)
def _write_pieces(most, entries, start, to):  # type: ignore[no-untyped-def]
    """Fill source (place among the allocations given), known from, known until and document cents of the pieces."""
    where, first, last, cents, _, _, _, number, _, _, _ = entries
    to_source, to_first, to_last, to_cents = to
    room = (2 * most + 1) * most
    pieces = (np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int64))
    days, slot = np.empty(2 * most + 1, np.int32), np.empty(most, np.int64)
    for i in range(len(number)):
        s = start[i]
        if not number[i]:
            for e in range(where[i], where[i + 1]):
                to_source[s], to_first[s], to_last[s], to_cents[s] = e, first[e], last[e], cents[e]
                s += 1
            continue
        n = _pieces(i, entries, days, slot, pieces)
        order = np.argsort(pieces[0][:n], kind="mergesort")  # by event day and kind again, as the allocations lie
        for k in order:
            to_source[s], to_first[s], to_last[s], to_cents[s] = pieces[0][k], pieces[1][k], pieces[2][k], pieces[3][k]
            s += 1


@njit(cache=True, nogil=True)
def _pieces(i, entries, days, slot, pieces):  # type: ignore[no-untyped-def]
    """Fill (source, known from, known until, cents) of what instalment i has of its invoice's allocations; how many.

    On each stretch of known days the allocations known then fill the invoice's amount in the order of their event days;
    the instalment has what lies between its bounds. A piece that is the same on the next stretch goes on.
    """
    where, first, last, cents, kind, since, until, _, below, above, whole = entries
    source, piece_from, piece_until, piece_cents = pieces
    lo, hi, n = where[i], where[i + 1], 0
    slot[: hi - lo] = -1
    for k in range(changes_between(days, since[i], until[i], lo, hi, first, last)):
        at, filled = days[k], np.int64(0)
        for e in range(lo, hi):
            is_held, piece = first[e] <= at < last[e], np.int64(0)
            if is_held and kind[e] >= DISPUTE_OPENED:
                piece = cents[e]
            elif is_held:
                upto = max(filled, whole[i]) if cents[e] == ALL_THAT_IS_LEFT else filled + cents[e]
                piece = min(max(upto, below[i]), above[i]) - min(max(filled, below[i]), above[i])
                is_held, filled = piece != 0, upto
                if cents[e] == ALL_THAT_IS_LEFT:
                    piece = ALL_THAT_IS_LEFT
            current = slot[e - lo]
            if current >= 0 and not (is_held and piece_cents[current] == piece):
                piece_until[current], slot[e - lo], current = at, -1, -1
            if is_held and current < 0:
                source[n], piece_from[n], piece_until[n], piece_cents[n] = e, at, last[e], piece
                if k == 0:
                    piece_from[n] = first[e]  # known before the books held the item: booked then, not now
                slot[e - lo] = n
                n += 1
    return n
