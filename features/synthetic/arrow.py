"""One block of customers as Arrow tables: the ledger's tables and the truth beside them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.synthetic import facts
from features.synthetic.calendar import Calendar, Days, calendar
from features.synthetic.customers import NEVER, block_count, count_kept, draw_customers
from features.synthetic.events import NO_ITEM, events
from features.synthetic.hidden import World, draw_fate, draw_world
from features.synthetic.items import Items, default_days, draw_items, stress
from features.synthetic.lateness import THRESHOLDS, late_truth
from features.synthetic.parameters import COUNTRIES, CURRENCIES, SECTORS, Settings
from features.synthetic.rows import Book, Rows, receivables
from features.synthetic.truth import HORIZONS, STATUSES, default_truth
from features.tables import EVENT_KINDS, TABLES

TRUTH = "truth"  # one row a customer and month end
TRUTH_INVOICES = "truth_invoices"  # one row an invoice
TRUTH_CUSTOMERS = "truth_customers"  # one row a customer: what became of it
NAME_PARTS = (
    ("Alder", "Birken", "Castel", "Dorn", "Elster", "Falk", "Grand", "Hafen", "Iris", "Jura", "Kestrel", "Linden"),
    ("bau", "handel", "foods", "werk", "line", "chem", "soft", "inn", "park", "metal", "mill", "trans"),
    ("GmbH", "SA", "BV", "SpA", "Sp. z o.o.", "SL", "Ltd", "Inc.", "Co., Ltd."),
)
METHODS = np.array(["transfer", "direct_debit", "card"])
ARROW = {"text": pa.string(), "date": pa.date32(), "number": pa.float64(), "integer": pa.int64(), "flag": pa.bool_()}


def _ids(prefix: str, numbers: Days, width: int, empty: NDArray[np.bool_] | None = None) -> pa.Array:
    """Identifiers such as C0000012; null where `empty`."""
    text = pc.utf8_lpad(pa.array(numbers, pa.int64()).cast(pa.string()), width, "0")
    named = pc.binary_join_element_wise(pa.scalar(prefix), text, "")
    return named if empty is None else pc.if_else(pa.array(~empty), named, pa.scalar(None, pa.string()))


def _customer(numbers: Days, empty: NDArray[np.bool_] | None = None) -> pa.Array:
    return _ids("C", numbers, 7, empty)


def _dates(days: Days) -> pa.Array:
    return pa.array(np.where(days >= NEVER // 2, 0, days).astype(np.int32), pa.int32(), mask=days >= NEVER // 2).cast(pa.date32())


def _words(codes: Days, words: tuple[str, ...]) -> pa.Array:
    return pa.array(np.array(words, dtype=object), pa.string()).take(pa.array(codes, pa.int64()))


def _numbers(values: NDArray) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)  # NaN becomes null


def blocks(settings: Settings) -> Iterator[dict[str, pa.Table]]:
    """The tables of the ledger and of the truth, one block of customers after another, each sorted by customer.

    The first block also holds the tables without a customer (macro, exchange_rates).
    """
    days, world = calendar(settings.months), draw_world(settings)
    for block in range(block_count(settings)):
        found = _block(settings, block, days, world)
        if block == 0:
            found |= _common(settings, days, world)
        yield found


def _common(settings: Settings, days: Calendar, world: World) -> dict[str, pa.Table]:
    series = facts.macro(np.random.default_rng([settings.seed, 0, 1]), world, days)
    is_published = series["published_on"] <= days.last_day
    series = {name: values[is_published] for name, values in series.items()}
    rates = facts.exchange_rates(world, days)
    return {
        "macro": _table("macro", {
            "series": pa.array(series["series"].astype(object), pa.string()), "observed_on": _dates(series["observed_on"]),
            "value": _numbers(series["value"]), "published_on": _dates(series["published_on"]),
        }),
        "exchange_rates": _table("exchange_rates", {
            "currency": pa.array(rates["currency"].astype(object), pa.string()), "observed_on": _dates(rates["observed_on"]),
            "rate": _numbers(rates["rate"]),
        }),
    }  # fmt: skip


def _table(name: str, columns: dict[str, pa.Array]) -> pa.Table:
    """Columns in the ledger's order, those not given as nulls."""
    rows = len(next(iter(columns.values())))
    declared = TABLES[name].columns
    return pa.table({c: columns.get(c, pa.nulls(rows, ARROW[d.type])).cast(ARROW[d.type]) for c, d in declared.items()})


def make_book(settings: Settings, block: int, days: Calendar, world: World) -> Book:
    """The hidden side of one block: customers, their fate, their items, when they default."""
    random = [np.random.default_rng([settings.seed, 1, block, stream]) for stream in range(3)]
    customers = draw_customers(random[0], block, settings, days)
    fate = draw_fate(random[1], customers, world, days)
    items = draw_items(random[2], customers, fate, days)
    return Book(
        customers=customers, fate=fate, items=items, default_on=default_days(items, customers, fate), days=days,
        world=world, block=block,
    )  # fmt: skip


def _block(settings: Settings, block: int, days: Calendar, world: World) -> dict[str, pa.Table]:
    book = make_book(settings, block, days, world)
    random = [np.random.default_rng([settings.seed, 2, block, stream]) for stream in range(6)]
    invoices, payments = receivables(random[0], book)
    item_amount = invoices["amount"][: len(book.items)]
    happened = events(random[1], book, payments, item_amount)
    size = count_kept(block, settings)
    last = days.last_day
    return {
        "customers": _customers(random[5], book, size),
        "invoices": _invoices(book, invoices, size, last),
        "payments": _payments(random[5], book, payments, size, last),
        "events": _events(book, happened, size, last),
        "credit_terms": _credit_terms(facts.credit_terms(random[2], book), size, book, last),
        "ratings": _ratings(facts.ratings(random[3], book), size, book, last),
        "attributes": _attributes(facts.attributes(random[4], book), size, book, last),
        TRUTH: _truth(book, size),
        TRUTH_INVOICES: _truth_invoices(book, size, last),
        TRUTH_CUSTOMERS: _truth_customers(book, size),
    }


def _kept(rows: Rows, size: int, *days: str, last: int, order: tuple[str, ...]) -> Rows:
    """Rows of customers that exist and that the books held by the last day, sorted by customer and `order`."""
    kept = rows["at"] < size
    for column in days:
        kept &= rows[column] <= last
    index = np.flatnonzero(kept)
    index = index[np.lexsort([rows[name][index] for name in (*reversed(order), "at")])]
    return {name: values[index] for name, values in rows.items()}


def _customers(random: np.random.Generator, book: Book, size: int) -> pa.Table:
    c = book.customers
    first, second = random.integers(0, 12, (2, len(c)))
    forms = np.where(c.is_sole_trader, len(NAME_PARTS[2]), c.country)
    names = [
        f"{NAME_PARTS[0][a]}{NAME_PARTS[1][b]} {n} {(*NAME_PARTS[2], 'e.K.')[f]}"
        for a, b, n, f in zip(first[:size], second[:size], c.number[:size], forms[:size], strict=True)
    ]
    segment = np.where(c.is_giant, 0, np.where(c.rate > 1.5, 1, 2))
    return _table("customers", {
        "customer_id": _customer(c.number[:size]), "name": pa.array(names), "country": _words(c.country[:size], COUNTRIES),
        "industry": _words(c.sector[:size], SECTORS), "segment": _words(segment[:size], ("key", "medium", "small")),
        "legal_form": _words(forms[:size], (*NAME_PARTS[2], "sole trader")), "is_natural_person": pa.array(c.is_sole_trader[:size]),
        "onboarded_on": _dates(c.onboarded_on[:size]),
        "parent_id": _customer(c.parent[:size], ((c.parent < 0) | (c.parent >= c.number[0] + size))[:size]),
    })  # fmt: skip


def _invoices(book: Book, rows: Rows, size: int, last: int) -> pa.Table:
    rows = _kept(rows, size, "booked_on", last=last, order=("issued_on", "number", "booked_on"))
    c, note = book.customers, rows["is_note"]
    number = _ids("", rows["number"], 11)
    prefix = pc.if_else(pa.array(note), pa.scalar("K"), pa.scalar("I"))
    applies = pc.if_else(pa.array(note), pc.binary_join_element_wise(pa.scalar("I"), number, ""), pa.scalar(None, pa.string()))
    terms = tuple(f"net {days}" for days in range(61))
    return _table("invoices", {
        "invoice_id": pc.binary_join_element_wise(prefix, number, ""), "customer_id": _customer(c.number[rows["at"]]),
        "kind": pc.if_else(pa.array(note), pa.scalar("credit_note"), pa.scalar("invoice")),
        "issued_on": _dates(rows["issued_on"]), "due_on": _dates(rows["due_on"]), "amount": _numbers(rows["amount"]),
        "currency": _words(c.currency[rows["at"]], CURRENCIES), "applies_to": applies,
        "payment_terms": pc.if_else(pa.array(note), pa.scalar(None, pa.string()), _words(c.terms[rows["at"]], terms)),
        "booked_on": _dates(rows["booked_on"]), "superseded_on": _dates(rows["superseded_on"]),
    })  # fmt: skip


def _payments(random: np.random.Generator, book: Book, rows: Rows, size: int, last: int) -> pa.Table:
    rows = rows | {"at": book.items.at[rows["item"]]}
    method = random.choice(3, len(book.customers), p=[0.78, 0.17, 0.05])
    rows = _kept(rows, size, "paid_on", "booked_on", last=last, order=("paid_on", "item", "part"))
    c, number = book.customers, book.block * 10**7 + rows["item"]
    return _table("payments", {
        "payment_id": _ids("P", number * 10 + rows["part"], 12), "customer_id": _customer(c.number[rows["at"]]),
        "invoice_id": _ids("I", number, 11, ~rows["applied"]), "paid_on": _dates(rows["paid_on"]),
        "amount": _numbers(rows["amount"]), "currency": _words(c.currency[rows["at"]], CURRENCIES),
        "method": _words(method[rows["at"]], tuple(METHODS)), "kind": pa.array(rows["kind_text"].astype(object), pa.string()),
        "booked_on": _dates(rows["booked_on"]), "superseded_on": _dates(rows["superseded_on"]),
    })  # fmt: skip


def _events(book: Book, rows: Rows, size: int, last: int) -> pa.Table:
    rows = rows | {"number": book.block * 10**8 + np.arange(len(rows["at"]))}
    rows = _kept(rows, size, "occurred_on", "booked_on", last=last, order=("occurred_on", "number"))
    item = rows["item"]
    detail = pa.array(rows["detail"].astype(object), pa.string())
    return _table("events", {
        "event_id": _ids("E", rows["number"], 13), "customer_id": _customer(book.customers.number[rows["at"]]),
        "invoice_id": _ids("I", book.block * 10**7 + np.maximum(item, 0), 11, item == NO_ITEM),
        "occurred_on": _dates(rows["occurred_on"]), "kind": _words(rows["kind"], EVENT_KINDS),
        "amount": _numbers(rows["amount"]),
        "detail": pc.if_else(pc.equal(detail, ""), pa.scalar(None, pa.string()), detail), "booked_on": _dates(rows["booked_on"]),
    })  # fmt: skip


def _credit_terms(rows: Rows, size: int, book: Book, last: int) -> pa.Table:
    rows = _kept(rows, size, "effective_on", "booked_on", last=last, order=("effective_on",))
    extension = rows["maximum_extension_days"]
    return _table("credit_terms", {
        "customer_id": _customer(book.customers.number[rows["at"]]), "effective_on": _dates(rows["effective_on"]),
        **{name: _numbers(rows[name]) for name in ("credit_limit", "insured_limit", "insured_share", "first_loss")},
        "payment_terms_days": pa.array(rows["payment_terms_days"]),
        "maximum_extension_days": pa.array(extension, pa.int64(), mask=extension < 0), "booked_on": _dates(rows["booked_on"]),
    })  # fmt: skip


def _ratings(rows: Rows, size: int, book: Book, last: int) -> pa.Table:
    rows = _kept(rows, size, "rated_on", "published_on", last=last, order=("rated_on", "source"))
    return _table("ratings", {
        "customer_id": _customer(book.customers.number[rows["at"]]), "source": _words(rows["source"], ("agency_a", "agency_b")),
        "rated_on": _dates(rows["rated_on"]), "value": pa.array(rows["value"]).cast(pa.string()),
        "scale": _words(rows["source"], ("1-100, 100 best", "1-10, 1 best")), "published_on": _dates(rows["published_on"]),
    })  # fmt: skip


def _attributes(rows: Rows, size: int, book: Book, last: int) -> pa.Table:
    rows = _kept(rows, size, "observed_on", "booked_on", last=last, order=("observed_on", "name"))
    return _table("attributes", {
        "customer_id": _customer(book.customers.number[rows["at"]]), "name": _words(rows["name"], ("monthly_revenue", "head_count")),
        "observed_on": _dates(rows["observed_on"]), "value": pa.array(rows["value"]).cast(pa.string()), "booked_on": _dates(rows["booked_on"]),
    })  # fmt: skip


def _truth(book: Book, size: int) -> pa.Table:
    found = default_truth(book.customers, book.fate, book.default_on, book.days)
    there = found["is_there"].copy()
    there[size:] = False
    at, month = np.nonzero(there)
    return pa.table({
        "customer_id": _customer(book.customers.number[at]), "as_of": _dates(book.days.month_ends()[month]),
        **{f"true_pd_{h}m": _numbers(found[f"true_pd_{h}m"][at, month]) for h in HORIZONS},
        "state": _numbers(stress(book.customers, book.fate)[at, month]), "status": _words(found["status"][at, month], STATUSES),
    })  # fmt: skip


def _truth_invoices(book: Book, size: int, last: int) -> pa.Table:
    items: Items = book.items
    found = late_truth(items, book.customers, book.fate, book.days)
    index = np.flatnonzero((items.at < size) & (items.issued_on <= last))
    return pa.table({
        "invoice_id": _ids("I", book.block * 10**7 + index, 11), "customer_id": _customer(book.customers.number[items.at[index]]),
        "asked_on": _dates(items.issued_on[index]),
        **{f"true_p_late_{k}": _numbers(found[k][index]) for k in THRESHOLDS},
        "paid_on": _dates(items.paid_on[index]),
    })  # fmt: skip


def _truth_customers(book: Book, size: int) -> pa.Table:
    c, fate = book.customers, book.fate
    left = np.where(fate.left_month < NEVER, book.days.month_start[np.minimum(fate.left_month, book.days.months - 1)], NEVER)
    return pa.table({
        "customer_id": _customer(c.number[:size]), "level": _numbers(c.level[:size]), "habit_late": _numbers(c.habit_late[:size]),
        "habit_size": _numbers(c.habit_size[:size]), "stopped_on": _dates(fate.permanent_on()[:size]),
        "default_on": _dates(book.default_on[:size]), "left_on": _dates(left[:size]),
    })  # fmt: skip


