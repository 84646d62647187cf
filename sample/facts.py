"""What else is known of customers: limits and insurance, ratings, revenue and head count; macro series and rates."""

from __future__ import annotations

import numpy as np

from sample.calendar import Calendar
from sample.customers import Floats
from sample.hidden_state import MONTHS_BEFORE, World
from sample.items import stress
from sample.ledger_rows import Book, Rows, stacked
from sample.parameters import CURRENCIES, SECTORS

LAG = 1  # months by which outsiders see the state late
# share of customers rated, deviation of the constant error, months between two ratings
AGENCIES = ((0.8, 0.26, 3), (0.5, 0.30, 4))
RATING_NOISE = 0.25  # of each rating; like the constant error in deviations of the state


def _seen(book: Book, customer: np.ndarray, month: np.ndarray) -> Floats:
    """The stress that an outsider could know in a month: that of LAG months before."""
    return stress(book.customers, book.fate)[customer, np.maximum(month - LAG, 0)]


def credit_terms(random: np.random.Generator, book: Book) -> Rows:
    """Credit limits and cover at the start, then at yearly reviews and when the insurer changes its mind."""
    customers, days = book.customers, book.days
    n = len(customers)
    monthly = customers.rate * np.exp(customers.amount_location + 0.2)
    limit = np.maximum(np.round(monthly * (customers.terms / 30 + 1.5) * np.exp(random.normal(0.3, 0.35, n)), -3), 1000)
    insured = customers.is_insured
    share = np.where(random.random(n) < 0.7, 0.9, 0.8)
    review, opinion = random.integers(0, 12, n), random.normal(0, 0.35, n)
    parts = []
    was = np.full(n, -9)  # the insurer's class when it last wrote
    for month in range(days.months):
        first = customers.first_month == month
        there = (customers.first_month <= month) & (book.fate.left_month > month)
        view = _seen(book, np.arange(n), np.full(n, month)) + opinion + random.normal(0, 0.35, n)
        noise = random.normal(0, 0.15, n)
        rank = np.where(view < 0.8, 0, np.where(view < 1.5, 1, np.where(view < 2.2, 2, 3)))
        asks = random.random(n) < 0.3
        yearly = there & (month % 12 == review) & (month > customers.first_month)
        moved = there & insured & asks & (rank != was)
        chosen = np.flatnonzero(first | yearly | moved)
        limit = np.where(
            yearly, np.maximum(np.round(limit * np.exp(noise - 0.12 * np.maximum(view, -1)), -3), 1000), limit
        )
        was = np.where(first | yearly | moved, rank, was)
        cover = np.round(limit * np.array([1.0, 0.7, 0.4, 0.0])[rank], -2)
        day = np.maximum(days.month_start[month] + random.integers(0, 25, n), customers.onboarded_on)
        lag = np.where(random.random(n) < 0.1, random.integers(1, 20, n), 0)
        parts.append(
            {
                "at": chosen,
                "effective_on": day[chosen],
                "credit_limit": limit[chosen],
                "payment_terms_days": customers.terms[chosen],
                "booked_on": (day + lag)[chosen],
                "insured_limit": np.where(insured, cover, np.nan)[chosen],
                "insured_share": np.where(insured, share, np.nan)[chosen],
                "first_loss": np.where(insured, 500.0, np.nan)[chosen],
                "maximum_extension_days": np.where(insured, 60, -1)[chosen],
            }
        )
    return stacked(parts)


def ratings(random: np.random.Generator, book: Book) -> Rows:
    """Two agencies with opposite scales, each with its own constant error; published weeks after the rating."""
    customers, days = book.customers, book.days
    n = len(customers)
    parts = []
    for source, (cover, error, every) in enumerate(((0.9, 0.25, 3), (0.6, 0.3, 3))):
        followed = random.random(n) < np.where(customers.is_giant, 1.0, cover)
        bias, phase = random.normal(0, error, n), random.integers(0, every, n)
        for month in range(days.months):
            noise, day = random.normal(0, 0.2, n), random.integers(0, 28, n)
            wait = random.integers(5, 45, n)
            chosen = np.flatnonzero(
                followed & (month % every == phase) & (customers.first_month <= month) & (book.fate.left_month > month)
            )
            seen = _seen(book, chosen, np.full(len(chosen), month)) + bias[chosen] + noise[chosen]
            rated = days.month_start[month] + day[chosen]
            grade = np.clip(np.round(50 - 18 * seen), 1, 100) if source == 0 else np.clip(np.round(5 + 2 * seen), 1, 10)
            parts.append(
                {
                    "at": chosen,
                    "source": np.full(len(chosen), source),
                    "rated_on": rated,
                    "value": grade.astype(np.int64),
                    "published_on": rated + wait[chosen],
                }
            )
    return stacked(parts)


def attributes(random: np.random.Generator, book: Book) -> Rows:
    """Quarterly revenue and yearly head count of the customers that report them, a month or two later."""
    customers, days = book.customers, book.days
    n = len(customers)
    reports = random.random(n) < 0.75
    base = np.exp(random.normal(13.2, 1.0, n)) * np.maximum(customers.rate, 0.2) ** 0.5
    heads = np.maximum(base / 45000, 1)
    parts = []
    for month in range(days.months):
        noise, wait, shrink = random.normal(0, 0.10, n), random.integers(20, 50, n), random.normal(0, 0.05, n)
        s = stress(customers, book.fate)[:, month]
        there = reports & (customers.first_month <= month) & (book.fate.left_month > month)
        last = np.full(n, days.month_start[month + 1] - 1)
        for name, every, value in (
            (0, 3, np.round(base * np.exp(-0.28 * s + noise), -2)),
            (1, 12, np.maximum(np.round(heads * np.exp(-0.12 * s + shrink)), 1)),
        ):
            chosen = np.flatnonzero(there & (month % every == every - 1))
            parts.append(
                {
                    "at": chosen,
                    "name": np.full(len(chosen), name),
                    "observed_on": last[chosen],
                    "value": value[chosen].astype(np.int64),
                    "booked_on": (last + wait)[chosen],
                }
            )
    return stacked(parts)


def macro(random: np.random.Generator, world: World, days: Calendar) -> Rows:
    """Monthly order and insolvency indices and sector climates, published five to eight weeks later."""
    months = days.months
    names = ["orders_index", "insolvencies_index", *(f"climate_{sector}" for sector in SECTORS)]
    values = [100 - 9 * world.macro, 100 * np.exp(0.8 * world.macro), *(100 - 10 * (world.sector + world.macro))]
    observed = days.month_ends()
    return {
        "series": np.repeat(np.array(names), months),
        "observed_on": np.tile(observed, len(names)),
        "value": np.round(np.concatenate(values) + random.normal(0, 1.0, months * len(names)), 1),
        "published_on": np.tile(observed, len(names)) + random.integers(35, 56, months * len(names)),
    }


def exchange_rates(world: World, days: Calendar) -> Rows:
    """One rate a month for each foreign currency, from two months before the ledger, on the month's first day."""
    before = days.month_start[0] - np.array([61, 30])[:MONTHS_BEFORE]
    first = np.append(before, days.month_start[: days.months])
    foreign = np.arange(1, len(CURRENCIES))
    return {
        "currency": np.repeat(np.array(CURRENCIES)[foreign], len(first)),
        "observed_on": np.tile(first, len(foreign)),
        "rate": world.rates[foreign].ravel(),
    }
