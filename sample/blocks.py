"""A sample block by block: each block's hidden side, its rows of the ledger, and the truth beside them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from sample import arrow_tables, facts
from sample.arrow_tables import customer_ids, dates, ids, numbers, table, words
from sample.calendar import Calendar, calendar
from sample.customers import NEVER, block_count, count_kept, draw_customers
from sample.events import events
from sample.hidden_state import World, draw_fate, draw_world
from sample.items import default_days, draw_items, stress
from sample.lateness import THRESHOLDS, late_truth
from sample.ledger_rows import Book, instalments, receivables
from sample.orders import orders
from sample.parameters import REMINDERS, SEGMENTS, Settings
from sample.truth import HORIZONS, STATUSES, cured_days, default_truth

TRUTH = "truth"  # one row a customer and month end
TRUTH_INVOICES = "truth_invoices"  # one row an invoice
TRUTH_CUSTOMERS = "truth_customers"  # one row a customer: what became of it
TRUTH_ACTIONS = "truth_actions"  # one row a reminder: what it did


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
        "macro": table(
            "macro",
            {
                "series": pa.array(series["series"].astype(object), pa.string()),
                "observed_on": dates(series["observed_on"]),
                "value": numbers(series["value"]),
                "published_on": dates(series["published_on"]),
            },
        ),
        "exchange_rates": table(
            "exchange_rates",
            {
                "currency": pa.array(rates["currency"].astype(object), pa.string()),
                "observed_on": dates(rates["observed_on"]),
                "rate": numbers(rates["rate"]),
            },
        ),
    }


def make_book(settings: Settings, block: int, days: Calendar, world: World) -> Book:
    """The hidden side of one block: customers, their fate, their items, when they default."""
    random = [np.random.default_rng([settings.seed, 1, block, stream]) for stream in range(3)]
    customers = draw_customers(random[0], block, settings, days)
    fate = draw_fate(random[1], customers, world, days, settings.losses)
    items = draw_items(random[2], customers, fate, days, settings.reminders)
    return Book(
        customers=customers,
        fate=fate,
        items=items,
        default_on=default_days(items, customers, fate),
        days=days,
        world=world,
        block=block,
        settings=settings,
    )


def _block(settings: Settings, block: int, days: Calendar, world: World) -> dict[str, pa.Table]:
    book = make_book(settings, block, days, world)
    random = [np.random.default_rng([settings.seed, 2, block, stream]) for stream in range(7)]
    invoices, payments, amount = receivables(random[0], book)
    happened = events(random[1], book, payments, amount)
    size = count_kept(block, settings)
    last = days.last_day
    return {
        "customers": arrow_tables.customers_table(random[5], book, size),
        "invoices": arrow_tables.invoices_table(book, invoices, size, last),
        "instalments": arrow_tables.instalments_table(book, instalments(book, amount), size, last),
        "orders": arrow_tables.orders_table(book, orders(random[6], book, amount), size, last),
        "payments": arrow_tables.payments_table(random[5], book, payments, size, last),
        "events": arrow_tables.events_table(book, happened, size, last),
        "credit_terms": arrow_tables.credit_terms_table(facts.credit_terms(random[2], book), size, book, last),
        "ratings": arrow_tables.ratings_table(facts.ratings(random[3], book), size, book, last),
        "attributes": arrow_tables.attributes_table(facts.attributes(random[4], book), size, book, last),
        TRUTH: _truth(book, size),
        TRUTH_INVOICES: _truth_invoices(book, size, last),
        TRUTH_CUSTOMERS: _truth_customers(book, size),
        TRUTH_ACTIONS: _truth_actions(book, size, last),
    }


def _truth(book: Book, size: int) -> pa.Table:
    found = default_truth(book.customers, book.fate, book.default_on, book.days)
    there = found["is_there"].copy()
    there[size:] = False
    at, month = np.nonzero(there)
    return pa.table(
        {
            "customer_id": customer_ids(book.customers.number[at]),
            "as_of": dates(book.days.month_ends()[month]),
            **{f"true_pd_{h}m": numbers(found[f"true_pd_{h}m"][at, month]) for h in HORIZONS},
            "state": numbers(stress(book.customers, book.fate)[at, month]),
            "status": words(found["status"][at, month], STATUSES),
        }
    )


def _truth_invoices(book: Book, size: int, last: int) -> pa.Table:
    items = book.items
    found = late_truth(items, book.customers, book.fate, book.days, book.settings.reminders)
    index = np.flatnonzero((items.at < size) & (items.issued_on <= last) & items.is_tail)
    return pa.table(
        {
            "invoice_id": ids("I", book.invoice_number(index), 11),
            "customer_id": customer_ids(book.customers.number[items.at[index]]),
            "asked_on": dates(items.issued_on[index]),
            **{f"true_p_late_{k}": numbers(found[k][index]) for k in THRESHOLDS},
            "paid_on": dates(items.paid_on[index]),
        }
    )


def _truth_customers(book: Book, size: int) -> pa.Table:
    c, fate = book.customers, book.fate
    left = np.where(
        fate.left_month < NEVER, book.days.month_start[np.minimum(fate.left_month, book.days.months - 1)], NEVER
    )
    return pa.table(
        {
            "customer_id": customer_ids(c.number[:size]),
            "level": numbers(c.level[:size]),
            "habit_late": numbers(c.habit_late[:size]),
            "habit_size": numbers(c.habit_size[:size]),
            "stopped_on": dates(fate.permanent_on()[:size]),
            "default_on": dates(book.default_on.min(axis=1)[:size]),
            "cured_on": dates(cured_days(fate).min(axis=1)[:size]),
            "left_on": dates(left[:size]),
            "lateness": numbers(np.where(c.is_habitual, c.lateness, np.nan)[:size]),
        }
    )


def _truth_actions(book: Book, size: int, last: int) -> pa.Table:
    """Return what each reminder did: its true effect, and the days that it saved."""
    items, effects = book.items, np.array(book.settings.reminders.effects)
    index, level = np.nonzero((items.reminder_on <= last) & (items.at < size)[:, None])
    at, kind = items.at[index], items.reminder_kind[index, level]
    segment = book.customers.segment[at]
    paid = items.paid_on[index]
    return pa.table(
        {
            "customer_id": customer_ids(book.customers.number[at]),
            "invoice_id": ids("I", book.invoice_number(index), 11),
            "due_on": dates(items.due_on[index]),
            "occurred_on": dates(items.reminder_on[index, level]),
            "level": pa.array(level + 1),
            "kind": words(kind, REMINDERS),
            "segment": words(segment, SEGMENTS),
            "effect": numbers(effects[kind, segment]),
            "days_saved": pa.array(items.reminder_saved[index, level]),
            "paid_on": dates(paid),
        }
    )
