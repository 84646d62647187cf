"""What the books hold of the items: invoices, credit notes, payments and events, with the days they were booked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample.calendar import Calendar, Days
from sample.customers import NEVER, Customers, Floats, next_clearing
from sample.hidden_state import MONTHS_BEFORE, SLOTS, Fate, World
from sample.items import Items, stress

Rows = dict[str, NDArray]  # column -> values; days as int64, NEVER is empty; texts as numpy str, '' is empty


@dataclass(frozen=True, kw_only=True)
class Book:
    """All that rows are made from, for one block."""

    customers: Customers
    fate: Fate
    items: Items
    default_on: Days
    days: Calendar
    world: World
    block: int


def stacked(parts: list[Rows]) -> Rows:
    """Rows below each other; every part has the same columns."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rate(book: Book) -> Floats:
    """Each item's units of currency for one euro, at its month of issue."""
    return 1 / book.world.rates[book.customers.currency[book.items.at], MONTHS_BEFORE + book.items.month]


def _cents(values: Floats) -> Floats:
    return np.round(values, 2)


def _booked(random: np.random.Generator, book: Book, at: Days, paid: Days) -> Days:
    """When a payment reaches the books: mostly by the next business day, sometimes after weeks.

    Never later than the customer's next reconciliation, or the day on which it stops or resumes: on those days the
    account is clear in the books as well as in truth, so late booking alone cannot make 90 days of arrears.
    """
    luck, lag = random.random((2, len(at)))
    wait = np.where(luck < 0.55, 0, np.where(luck < 0.93, 1, np.where(luck < 0.98, 2 + lag * 6, 7 + lag * 30))).astype(
        int
    )
    booked = np.minimum(book.days.run_on_or_after(paid + wait, 0), next_clearing(paid, book.customers, at, book.days))
    for slot in range(SLOTS):
        for edge in (book.fate.stop_on[at, slot], book.fate.resume_on[at, slot]):
            booked = np.where((paid <= edge) & (edge < booked), edge, booked)
    return booked


def invoice_number(book: Book, index: Days) -> Days:
    return book.block * 10**7 + index


def receivables(random: np.random.Generator, book: Book) -> tuple[Rows, Rows]:
    """The rows of invoices (with credit notes and superseded versions) and of payments."""
    items, days = book.items, book.days
    n = len(items)
    index = np.arange(n)
    amount = np.maximum(_cents(items.euros * _rate(book)), 1.0)
    luck, share, wait, back = random.random((4, n))
    rebated = (luck < 0.012) & (items.dispute_on == NEVER) & ~items.has_residual & (items.paid_on < NEVER)
    rebated &= items.paid_on > items.issued_on + 3
    credit = _cents(amount * np.where(rebated, 0.03 + 0.2 * share, items.lost_share))
    credited_on = np.where(
        rebated, items.issued_on + 1 + (wait * (items.paid_on - items.issued_on - 2)).astype(int), items.dispute_end
    )
    credited_on = np.where(rebated, days.run_on_or_before(credited_on, 0), credited_on)
    credited_on = np.where(credit > 0, np.maximum(credited_on, items.issued_on), NEVER)
    backdated = np.maximum(credited_on - (back * 40).astype(int), items.issued_on)
    note_on = np.where(back < 0.6, backdated, credited_on)
    payments = _payments(random, book, amount, credit)
    first_paid = np.full(n, NEVER)
    np.minimum.at(first_paid, payments["item"], payments["paid_on"])
    booked = items.issued_on + np.where(random.random(n) < 0.96, 0, 2 + random.random(n) * 18).astype(int)
    booked = np.maximum(
        np.minimum.reduce([booked, items.due_on, first_paid, credited_on, items.dispute_on]), items.issued_on
    )
    corrected_on = booked + 2 + (random.random(n) * 8).astype(int)
    is_wrong = (
        (random.random(n) < 0.003)
        & (corrected_on < np.minimum(first_paid, credited_on))
        & (corrected_on < items.due_on)
    )
    is_wrong &= corrected_on <= days.last_day
    base = {
        "number": invoice_number(book, index),
        "at": items.at,
        "is_note": np.zeros(n, bool),
        "issued_on": items.issued_on,
        "due_on": items.due_on,
        "amount": amount,
        "booked_on": np.where(is_wrong, corrected_on, booked),
        "superseded_on": np.full(n, NEVER),
    }
    wrong = {name: values[is_wrong] for name, values in base.items()}
    wrong |= {
        "amount": _cents(wrong["amount"] * random.choice([0.1, 0.9, 1.1, 10.0], int(is_wrong.sum()))) + 0.5,
        "booked_on": booked[is_wrong],
        "superseded_on": corrected_on[is_wrong],
    }
    has_note = credit > 0
    notes = {name: values[has_note] for name, values in base.items()}
    notes |= {
        "is_note": np.ones(int(has_note.sum()), bool),
        "issued_on": note_on[has_note],
        "due_on": note_on[has_note],
        "amount": credit[has_note],
        "booked_on": credited_on[has_note],
    }
    return stacked([base, wrong, notes]), payments


def _payments(random: np.random.Generator, book: Book, amount: Floats, credit: Floats) -> Rows:
    """Payments by item: in one or two parts and a residue, bounced attempts, unapplied cash, double payments."""
    items, days = book.items, book.days
    n = len(items)
    s = stress(book.customers, book.fate)[items.at, items.month]
    index = np.arange(n)
    is_paid = (items.paid_on < NEVER) & (items.lost_share < 1.0)
    splits, part, when, bounces, attempt, doubled, strays, residue = random.random((8, n))
    wait = items.main_paid_on - items.due_on
    is_split = is_paid & (wait >= 7) & (splits < 1 / (1 + np.exp(2.3 - 0.7 * s)))
    first_on = days.run_on_or_before(items.due_on + 1 + (when * (wait - 2)).astype(int), 0)
    is_split &= (first_on > items.issued_on) & (first_on < items.main_paid_on)
    payable = _cents(amount - credit)
    rest = np.where(items.has_residual, np.minimum(_cents(4 + 26 * residue), _cents(0.05 * amount)), 0.0)
    first = np.where(is_split, _cents((payable - rest) * (0.3 + 0.4 * part)), 0.0)
    main = _cents(payable - rest - first)
    attempt_on = days.run_on_or_after(items.due_on + (attempt * 3).astype(int), 0)
    back_on = days.run_on_or_after(attempt_on + 3, 0)
    is_bounced = is_paid & (wait >= 10) & (back_on < items.main_paid_on) & (bounces < 1 / (1 + np.exp(3.6 - 0.8 * s)))
    has_rest = is_paid & (rest > 0)
    kinds = np.array(["payment", "reversal", "refund", "netting"])

    def part_of(mask: NDArray[np.bool_], on: Days, money: Floats, part_number: int, kind: int = 0) -> Rows:
        chosen = index[mask]
        return {
            "item": chosen,
            "part": np.full(len(chosen), part_number),
            "paid_on": on[mask],
            "amount": money[mask],
            "kind": np.full(len(chosen), kind),
            "applied": np.ones(len(chosen), bool),
        }

    rows = stacked(
        [
            part_of(is_paid & (main > 0), items.main_paid_on, main, 1),
            part_of(is_split, first_on, first, 2),
            part_of(has_rest, items.paid_on, rest, 3),
            part_of(is_bounced, attempt_on, main, 4),
            part_of(is_bounced, back_on, main, 5, 1),
        ]
    )
    rows["kind"] = np.where((rows["kind"] == 0) & (strays[rows["item"]] > 0.995) & (rows["part"] == 1), 3, rows["kind"])
    rows["booked_on"] = _booked(random, book, items.at[rows["item"]], rows["paid_on"])
    rows["superseded_on"] = np.full(len(rows["item"]), NEVER)
    # money that came without a reference: unapplied on its first day, applied by a later correction of the row
    is_stray = (strays[rows["item"]] < 0.006) & (rows["part"] == 1) & (rows["booked_on"] > rows["paid_on"])
    is_stray &= rows["booked_on"] <= days.last_day
    stray = {name: values[is_stray] for name, values in rows.items()}
    stray |= {
        "applied": np.zeros(len(stray["item"]), bool),
        "superseded_on": stray["booked_on"],
        "booked_on": stray["paid_on"],
    }
    # paid twice: unapplied cash, given back weeks later
    twice_on = np.minimum(days.run_on_or_after(items.main_paid_on + 1 + (when * 9).astype(int), 0), NEVER)
    is_twice = is_paid & (doubled < 0.0025)
    twice = part_of(is_twice, twice_on, main + first, 6)
    refund = part_of(is_twice & (part < 0.8), days.run_on_or_after(twice_on + 25, 0), main + first, 7, 2)
    loose = stacked([twice, refund])
    loose |= {
        "applied": np.zeros(len(loose["item"]), bool),
        "booked_on": loose["paid_on"],
        "superseded_on": np.full(len(loose["item"]), NEVER),
    }
    everything = stacked([rows, stray, {name: loose[name] for name in rows}])
    everything["kind_text"] = kinds[everything["kind"]]
    everything["is_bounced"] = everything["part"] == 5
    return {name: values[everything["amount"] > 0.005] for name, values in everything.items()}


def customer_text(number: Days) -> NDArray[np.str_]:
    """Customer ids as text: C0000012."""
    return np.array([f"C{one:07d}" for one in number], dtype="U12")
