"""What the books hold of the items: invoices, credit notes, payments and events, with the days they were booked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample.calendar import Calendar, Days
from sample.customers import NEVER, Customers, Floats, next_clearing
from sample.hidden_state import MONTHS_BEFORE, SLOTS, Fate, World
from sample.items import Items, stress
from sample.parameters import TERMS, Settings

BOOKED_BY = 90  # days past due by which a payment made by then is in the books
Rows = dict[str, NDArray]  # column -> values; days as int64, NEVER is empty; texts as numpy str, '' is empty


@dataclass(frozen=True, kw_only=True)
class Book:
    """All that rows are made from, for one block."""

    customers: Customers
    fate: Fate
    items: Items
    default_on: Days  # (customers, SLOTS)
    days: Calendar
    world: World
    block: int
    settings: Settings

    def last_default_on(self) -> Days:
        """Return the day of the default that no customer was cured of, NEVER where there is none."""
        return np.where(self.fate.resume_on == NEVER, self.default_on, NEVER).min(axis=1)

    def invoice_number(self, item: Days) -> Days:
        """Return the number of the invoice of each item."""
        return self.block * 10**7 + self.items.head[item]


def stacked(parts: list[Rows]) -> Rows:
    """Rows below each other; every part has the same columns."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rate(book: Book) -> Floats:
    """Each item's units of currency for one euro, at its month of issue."""
    return 1 / book.world.rates[book.customers.currency[book.items.at], MONTHS_BEFORE + book.items.month]


def _cents(values: Floats) -> Floats:
    return np.round(values, 2)


def _booked(random: np.random.Generator, book: Book, item: Days, paid: Days) -> Days:
    """Return when each payment of an item reaches the books: mostly by the next business day, sometimes after weeks.

    Never later than 90 days after the due date, or the end of a dispute (then on the day of the payment itself), nor than the day on which the
    customer stops or resumes: late booking alone makes no default.
    """
    n = len(book.items)
    luck, lag = random.random((2, n))[:, item]  # what is paid together is booked together
    wait = np.where(luck < 0.55, 0, np.where(luck < 0.93, 1, np.where(luck < 0.98, 2 + lag * 6, 7 + lag * 30))).astype(
        int
    )
    at = book.items.at[item]
    booked = np.minimum(book.days.run_on_or_after(paid + wait, 0), next_clearing(paid, book.customers, at, book.days))
    ended = np.where(book.items.dispute_on < NEVER, book.items.dispute_end, 0)[item]
    booked = np.minimum(booked, np.maximum(paid, np.maximum(book.items.due_on[item], ended) + BOOKED_BY))
    for slot in range(SLOTS):
        for edge in (book.fate.stop_on[at, slot], book.fate.resume_on[at, slot]):
            booked = np.where((paid <= edge) & (edge < booked), edge, booked)
    return booked


def receivables(random: np.random.Generator, book: Book) -> tuple[Rows, Rows, Floats]:
    """Return the rows of invoices (with credit notes and superseded versions) and of payments, and each item's amount."""
    items, days = book.items, book.days
    n = len(items)
    index = np.arange(n)
    amount = np.maximum(_cents(items.euros * _rate(book)), 1.0)
    luck, share, wait, back = random.random((4, n))
    rebated = (luck < 0.012) & (items.dispute_on == NEVER) & ~items.has_residual & (items.paid_on < NEVER)
    rebated &= (items.number == 0) & ~items.takes_discount
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
    booked = np.where(items.number > 0, items.issued_on, booked)  # a plan is in the books with its invoice
    corrected_on = booked + 2 + (random.random(n) * 8).astype(int)
    is_wrong = (
        (random.random(n) < 0.003)
        & (corrected_on < np.minimum(first_paid, credited_on))
        & (corrected_on < items.due_on)
    )
    is_wrong &= (corrected_on <= days.last_day) & (items.number == 0)
    whole, last_due = (
        _cents(np.bincount(items.head, weights=amount, minlength=n).astype(np.float64)),
        items.due_on.copy(),
    )
    np.maximum.at(last_due, items.head, items.due_on)
    base = {
        "number": book.invoice_number(index),
        "at": items.at,
        "is_note": np.zeros(n, bool),
        "issued_on": items.issued_on,
        "due_on": last_due,
        "amount": whole,
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
    is_head = items.head == index
    return stacked([{name: values[is_head] for name, values in base.items()}, wrong, notes]), payments, amount


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
    is_single = items.number == 0
    is_split &= (
        is_single
        & ~book.fate.has_stopped(items.at, first_on)
        & (first_on > items.issued_on)
        & (first_on < items.main_paid_on)
    )
    payable = _cents(amount - credit)
    rest = np.where(items.has_residual, np.minimum(_cents(4 + 26 * residue), _cents(0.05 * amount)), 0.0)
    first = np.where(is_split, _cents((payable - rest) * (0.3 + 0.4 * part)), 0.0)
    by_bill = (
        book.customers.pays_by_bill[items.at] & (items.euros > TERMS.bill_from) & ~is_split & (rest == 0) & is_single
        & ~items.takes_discount
    )  # fmt: skip
    is_foreign = (book.customers.currency[items.at] > 0) & ~is_split & (rest == 0) & is_single & ~by_bill
    is_foreign &= (bounces < TERMS.exchange_share) & ~items.takes_discount
    discount = np.where(items.takes_discount, _cents(TERMS.discount * payable), 0.0)
    exchange = np.where(is_foreign, _cents(0.005 * part * payable), 0.0)
    main = _cents(payable - rest - first - discount - exchange)
    attempt_on = days.run_on_or_after(items.due_on + (attempt * 3).astype(int), 0)
    back_on = days.run_on_or_after(attempt_on + 3, 0)
    is_bounced = is_paid & (wait >= 10) & (back_on < items.main_paid_on) & (bounces < 1 / (1 + np.exp(3.6 - 0.8 * s)))
    is_bounced &= is_single & ~by_bill & ~is_foreign & ~book.fate.has_stopped(items.at, attempt_on)
    has_rest = is_paid & (rest > 0)
    kinds = np.array(["payment", "reversal", "refund", "netting", "bill", "discount", "exchange_difference"])

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
            part_of(is_paid & (discount > 0), items.main_paid_on, discount, 8, 5),
            part_of(is_paid & (exchange > 0), items.main_paid_on, exchange, 9, 6),
        ]
    )
    plain = by_bill | items.takes_discount | is_foreign
    rows["kind"] = np.where(
        (rows["kind"] == 0) & (strays[rows["item"]] > 0.995) & (rows["part"] == 1) & ~plain[rows["item"]],
        3,
        rows["kind"],
    )
    rows["kind"] = np.where(by_bill[rows["item"]] & (rows["part"] == 1), 4, rows["kind"])
    rows["booked_on"] = _booked(random, book, rows["item"], rows["paid_on"])
    rows["superseded_on"] = np.full(len(rows["item"]), NEVER)
    # money that came without a reference: unapplied on its first day, applied by a later correction of the row
    is_stray = (strays[rows["item"]] < 0.006) & (rows["part"] == 1) & (rows["booked_on"] > rows["paid_on"])
    is_stray &= (rows["booked_on"] <= days.last_day) & ~plain[rows["item"]]
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
    tenor = np.array(TERMS.bill_days)[(part * len(TERMS.bill_days)).astype(int)][everything["item"]]
    matures = days.run_on_or_after(everything["paid_on"] + tenor, 0)
    everything["matures_on"] = np.where(everything["kind"] == 4, matures, NEVER)
    return {name: values[everything["amount"] > 0.005] for name, values in everything.items()}


def customer_text(number: Days) -> NDArray[np.str_]:
    """Customer ids as text: C0000012."""
    return np.array([f"C{one:07d}" for one in number], dtype="U12")


def instalments(book: Book, amount: Floats) -> Rows:
    """Return the plan of each invoice that is paid in instalments. amount : of each item, in its currency."""
    items = book.items
    index = np.flatnonzero(items.number > 0)
    return {
        "at": items.at[index], "item": index, "number": items.number[index], "due_on": items.due_on[index],
        "amount": amount[index], "booked_on": items.issued_on[index],
    }  # fmt: skip
