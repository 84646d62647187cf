"""Orders: what was ordered before it was invoiced, what was cancelled, and what is still to be delivered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sample.calendar import Days
from sample.customers import NEVER, Floats
from sample.hidden_state import MONTHS_BEFORE
from sample.ledger_rows import Book, Rows, stacked
from sample.parameters import TERMS

OPEN, DELIVERED, CANCELLED = range(3)  # places in ORDER_STATUSES


def orders(random: np.random.Generator, book: Book, amount: Floats) -> Rows:
    """Return the rows of a block's orders. amount : of each item, in its currency.

    An order is booked as open on its day; the row is superseded by a delivered or cancelled one on the day of that.
    """
    parts = [_delivered(random, book, amount), _cancelled(random, book), _to_deliver(random, book)]
    rows = stacked(parts)
    rows["number"] = np.arange(len(rows["at"]))
    is_over = rows["ended_on"] < NEVER
    first = rows | {
        "booked_on": rows["ordered_on"], "superseded_on": rows["ended_on"],
        "status": np.full(len(is_over), OPEN),
    }  # fmt: skip
    then = {name: values[is_over] for name, values in rows.items()}
    then |= {"booked_on": then["ended_on"], "superseded_on": np.full(len(then["at"]), NEVER)}
    names = ("number", "at", "ordered_on", "deliver_on", "amount", "status", "booked_on", "superseded_on")
    return stacked([{name: part[name] for name in names} for part in (first, then)])


def _part(at: Days, ordered: Days, deliver: Days, money: Floats, status: int, ended: Days) -> Rows:
    return {
        "at": at, "ordered_on": ordered, "deliver_on": deliver, "amount": np.maximum(np.round(money, 2), 1.0),
        "status": np.full(len(at), status), "ended_on": ended,
    }  # fmt: skip


def _delivered(random: np.random.Generator, book: Book, amount: Floats) -> Rows:
    """Return the orders behind invoices: delivered on the day of the invoice."""
    items, days = book.items, book.days
    lead = 1 + (random.random(len(items)) * TERMS.order_days).astype(int)
    whole = np.bincount(items.head, weights=amount, minlength=len(items)).astype(np.float64)
    index = np.flatnonzero(book.customers.has_orders[items.at] & (items.head == np.arange(len(items))))
    issued = items.issued_on[index]
    ordered = days.run_on_or_before(issued - lead[index], 0)
    return _part(items.at[index], ordered, issued, whole[index], DELIVERED, issued)


def _cancelled(random: np.random.Generator, book: Book) -> Rows:
    """Return the orders that were cancelled: a few at any time, and those refused after a customer stopped."""
    fate, customers, days = book.fate, book.customers, book.days
    who, slot = np.nonzero((fate.stop_on < NEVER) & customers.has_orders[:, None])
    some = np.flatnonzero(customers.has_orders)
    some = np.repeat(some, random.poisson(customers.rate[some] * days.months * TERMS.order_cancelled))
    span = days.last_day - days.first_day
    anywhere = days.first_day + (random.random(len(some)) * span).astype(int)
    at = np.append(who, some)
    on = np.append(fate.stop_on[who, slot] + 5 + (random.random(len(who)) * 35).astype(int), anywhere)
    ordered = days.run_on_or_after(np.maximum(on, customers.onboarded_on[at]), 0)
    ended = days.run_on_or_after(ordered + 3 + (random.random(len(at)) * 10).astype(int), 0)
    deliver = ended + 5
    kept = _buys(book, at, ordered) & (ordered <= days.last_day)
    return _part(at[kept], ordered[kept], deliver[kept], _money(random, book, at[kept]), CANCELLED, ended[kept])


def _to_deliver(random: np.random.Generator, book: Book) -> Rows:
    """Return the orders that are open on the last day, to be delivered after it."""
    fate, customers, days = book.fate, book.customers, book.days
    last = days.last_day
    is_stopped = ((fate.stop_on <= last) & (last < fate.resume_on)).any(axis=1)
    who = np.flatnonzero(customers.has_orders & ~is_stopped)
    at = np.repeat(who, random.poisson(customers.rate[who] * TERMS.order_days / 60))
    ordered = days.run_on_or_before(last - (random.random(len(at)) * TERMS.order_days * 0.7).astype(int), 0)
    deliver = days.run_on_or_after(last + 1 + (random.random(len(at)) * TERMS.order_days).astype(int), 0)
    kept = _buys(book, at, ordered) & (ordered >= customers.onboarded_on[at])
    money = _money(random, book, at[kept])
    return _part(at[kept], ordered[kept], deliver[kept], money, OPEN, np.full(int(kept.sum()), NEVER))


def _buys(book: Book, at: Days, on: Days) -> NDArray[np.bool_]:
    """Return whether each customer has not left by a day."""
    stays: NDArray[np.bool_] = book.days.month_of(on) < book.fate.left_month[at]
    return stays


def _money(random: np.random.Generator, book: Book, at: Days) -> Floats:
    euros = np.exp(book.customers.amount_location[at] + random.normal(0, 0.65, len(at)))
    amount: Floats = euros / book.world.rates[book.customers.currency[at], MONTHS_BEFORE]
    return amount
