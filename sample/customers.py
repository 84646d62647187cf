"""Who the customers of the sample ledger are: what never changes about them, drawn for one block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample.calendar import Calendar, Days
from sample.parameters import (
    BLOCK,
    COUNTRIES,
    COUNTRY_SHARES,
    CURRENCY_OF_COUNTRY,
    GIANT_SHARES,
    LATENESS,
    RISK,
    SECTOR_SHARES,
    SECTORS,
    TERMS,
    Settings,
)  # fmt: skip

Floats = NDArray[np.float64]
NEVER = 10**7  # a day or month that does not come
TERM_DAYS = np.array([7, 14, 30, 45, 60])
TERM_SHARES = (0.05, 0.20, 0.47, 0.16, 0.12)
MEAN_RATE = 1.25  # invoices a month of an ordinary customer, averaged over customers


@dataclass(frozen=True, kw_only=True)
class Customers:
    """Arrays of one block, one entry a customer, in the order of their numbers.

    segment: place in SEGMENTS. lateness: days by which a habitual late payer pays late, 0 for the others.
    habit_discount: standard normal. rate: invoices a month. amount_location: mean of the log of an invoice's euros. first_month: of the ledger in which
    they buy (0 for those from before it). onboarded_on: day. habit_late, habit_size: standard normal (larger for the
    largest), no credit risk.
    """

    number: Days
    is_giant: NDArray[np.bool_]
    sector: Days
    country: Days
    currency: Days
    is_sole_trader: NDArray[np.bool_]
    is_insured: NDArray[np.bool_]
    parent: Days  # number, or -1
    first_month: Days
    onboarded_on: Days
    rate: Floats
    amount_location: Floats
    terms: Days
    rolls_due: NDArray[np.bool_]
    run_type: Days
    clearing_step: Days
    clearing_phase: Days
    level: Floats
    habit_late: Floats
    habit_size: Floats
    disputed: Floats
    segment: Days
    lateness: Floats
    offers_discount: NDArray[np.bool_]
    habit_discount: Floats
    pays_by_bill: NDArray[np.bool_]
    has_orders: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.number)

    @property
    def is_habitual(self) -> NDArray[np.bool_]:
        """Whether a customer pays every invoice late, by much the same days."""
        return self.lateness > 0

    def squeeze_days(self) -> tuple[Floats, Floats]:
        """Return the shortest and the longest temporary stop of each customer, days.

        What a habitual late payer owes is older when it stops: its stop is shorter, so that nothing gets 90 days old.
        """
        low, high = RISK.squeeze_days
        shift = np.where(self.is_habitual, np.ceil(self.lateness + 2 * lateness_deviation(self.lateness)) + 3, 0)
        return np.maximum(low - shift, 2), np.maximum(high - shift, 6)


def lateness_deviation(lateness: Floats) -> Floats:
    """Return the deviation, in days, of the days late of one invoice of a habitual late payer."""
    return 1 + LATENESS.habitual_deviation * lateness


GIANTS = len(GIANT_SHARES)
GIANT_HABIT = 1.2  # added to their habit to pay late: large buyers stretch terms because they can


def block_count(settings: Settings) -> int:
    """Blocks of a sample: one for each of the ten largest customers, then one for each BLOCK of the others."""
    return GIANTS + -(-(settings.customers - GIANTS) // BLOCK)


def first_number(block: int) -> int:
    """The number of a block's first customer."""
    return block if block < GIANTS else GIANTS + (block - GIANTS) * BLOCK


def count_kept(block: int, settings: Settings) -> int:
    """How many of a block's customers belong to the sample: fewer than are drawn in the last block."""
    return 1 if block < GIANTS else min(BLOCK, settings.customers - first_number(block))


def _giant_rate(block: int, customers: int) -> float:
    ordinary = customers * MEAN_RATE * 0.8  # 0.8: the part of the ledger that an ordinary customer is there for
    return GIANT_SHARES[block] * ordinary / (1 - sum(GIANT_SHARES))


def draw_customers(random: np.random.Generator, block: int, settings: Settings, days: Calendar) -> Customers:
    """One block's customers: always a whole block, so that a customer does not depend on who comes after.

    The largest customers are blocks of their own: how much they buy depends on the size of the sample.
    """
    is_giant_block = block < GIANTS
    n = 1 if is_giant_block else BLOCK
    number = first_number(block) + np.arange(n)
    country = random.choice(len(COUNTRIES), n, p=COUNTRY_SHARES)
    starts_later = (random.random(n) < 0.25) & (not is_giant_block)
    first_month = np.where(starts_later, random.integers(1, settings.months, n), 0)
    day_in_month = random.integers(0, 20, n)
    years_before = random.integers(30, 15 * 365, n)
    onboarded = np.where(starts_later, days.month_start[first_month] + day_in_month, days.first_day - years_before)
    rate = np.maximum(MEAN_RATE * np.exp(random.normal(0, 0.65, n) - 0.65**2 / 2), 0.35)
    has_parent = (random.random(n) < 0.06) & (not is_giant_block)
    parent = np.where(has_parent, number[0] + random.integers(0, 40, n), -1)
    run_type = random.choice([0, 1, 2, 3, 4, 5, 6, 7], n, p=[0.56, 0.05, 0.05, 0.05, 0.09, 0.06, 0.07, 0.07])
    level = RISK.level_deviation * random.normal(0, 1, n)
    if is_giant_block:
        rate, run_type = np.full(n, _giant_rate(block, settings.customers)), np.full(n, block % 2 * 4)
        level = 0.3 * level + RISK.giant_level
    is_giant = np.full(n, is_giant_block)
    columns = {
        "sector": random.choice(len(SECTORS), n, p=SECTOR_SHARES),
        "currency": np.where(random.random(n) < 0.7, np.array(CURRENCY_OF_COUNTRY)[country], 0),
        "is_sole_trader": (random.random(n) < 0.08) & ~is_giant,
        "is_insured": random.random(n) < 0.5,
        "amount_location": random.normal(7.6, 0.75, n),
        "terms": random.choice(TERM_DAYS, n, p=TERM_SHARES),
        "rolls_due": random.random(n) < LATENESS.rolls_due,
        "clearing_step": np.array(LATENESS.clearing_steps)[random.integers(0, len(LATENESS.clearing_steps), n)],
        "habit_late": random.normal(0, 1, n) + GIANT_HABIT * is_giant,
        "habit_size": random.normal(0, 1, n),
        "disputed": LATENESS.disputed * np.exp(random.normal(0, LATENESS.disputed_habit, n)),
    }  # fmt: skip
    low, high = LATENESS.habitual_days
    lateness = low + (high - low) * random.random(n) ** LATENESS.habitual_power
    is_habitual = (random.random(n) < LATENESS.habitual_share) & ~is_giant
    run_type = np.where(is_habitual, 0, run_type)  # its lateness is a habit, not a rhythm
    columns |= {
        "segment": np.where(is_giant, 0, np.where(rate > 1.5, 1, 2)),
        "lateness": np.where(is_habitual, lateness, 0.0),
        "offers_discount": (random.random(n) < TERMS.discount_share) & (columns["terms"] >= TERMS.discount_terms),
        "habit_discount": random.normal(0, 1, n),
        "pays_by_bill": random.random(n) < np.array(TERMS.bill_shares)[country],
        "has_orders": random.random(n) < TERMS.order_share,
    }
    columns["offers_discount"] &= ~is_habitual
    phase = days.first_day - random.integers(0, columns["clearing_step"])
    phase = phase - (phase + 3) % 7 + random.integers(0, 5, n)  # always one weekday, Monday to Friday
    parent = np.where(parent == number, -1, parent)
    columns |= {
        "number": number, "is_giant": is_giant, "country": country, "parent": parent, "first_month": first_month,
        "onboarded_on": onboarded, "rate": rate, "run_type": run_type, "clearing_phase": phase, "level": level,
    }  # fmt: skip
    return Customers(**columns)


def next_clearing(days: Days, customers: Customers, at: Days, calendar: Calendar) -> Days:
    """The first reconciliation of customer `at` on or after each day: a business day, every 77 or 84 days."""
    step, phase = customers.clearing_step[at], customers.clearing_phase[at]
    turn = -((phase - days) // step)
    found = calendar.run_on_or_before(phase + turn * step, 0)
    return np.where(found >= days, found, calendar.run_on_or_before(phase + (turn + 1) * step, 0))
