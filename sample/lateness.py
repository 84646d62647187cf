"""The true probability that each invoice is paid so many days late, asked on its issue date.

Asked of who knows the customer's habits, the rhythm of its payment runs and reconciliations, and the hidden state in
the month of issue, but no future. Derivation and approximations in docs/sample-ledger.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from sample.calendar import DAYS_IN_MONTH, Calendar, Days
from sample.customers import Customers, Floats, lateness_deviation, next_clearing
from sample.hidden_state import SLOTS, Fate, hazard
from sample.items import (
    DISPUTE_ANSWER,
    DISPUTE_FIRST,
    DISPUTE_MEAN,
    HABIT_CUT,
    LATEST,
    LOST_WHOLE,
    STATE_DEVIATION,
    Items,
    discount_chance,
    dispute_probability,
    late_probability,
    residual_probability,
    size_location,
)  # fmt: skip
from sample.parameters import LATENESS, RISK, Reminders
from sample.reminders import later_than, reminder_days
from sample.truth import squeeze_lasts

THRESHOLDS = (1, 5, 30, 60, 90)  # days late, at least
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
OPENED = (np.arange(4) + 0.5) / 4  # the moment between issue and due date at which a dispute opens
CHUNK = 200_000  # invoices at once: the largest customers of a large sample have a million


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What is known of an item whatever the state, for one threshold k; `last` is due_on + k - 1.

    days : days late that a run on or before `last` still settles. is_cleared : a reconciliation falls on due_on to
    `last`.
    residual, disputed : P(late >= k) of an item paid short, of a disputed one.
    """

    days: Days
    is_cleared: NDArray[np.bool_]
    residual: Floats
    disputed: Floats


def late_truth(
    items: Items, customers: Customers, fate: Fate, calendar: Calendar, reminders: Reminders
) -> dict[int, Floats]:  # fmt: skip
    """Return P(days late >= k) of each item for k in THRESHOLDS, given that it is settled by payment or stays open.

    Non-increasing in k.
    """
    parts = [_late(items.take(index), customers, fate, calendar, reminders) for index in _chunks(len(items))]
    return {k: np.concatenate([part[k] for part in parts]) for k in THRESHOLDS}


def _chunks(count: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, max(count, 1), CHUNK):
        yield np.arange(start, min(start + CHUNK, count))


def _late(
    items: Items, customers: Customers, fate: Fate, calendar: Calendar, reminders: Reminders
) -> dict[int, Floats]:  # fmt: skip
    at, due = items.at, items.due_on
    ahead = np.maximum(np.minimum(calendar.month_of(due), calendar.months - 1) - items.month, 0)
    z, level = fate.z[at, items.month], customers.level[at]
    kept = RISK.persistence**ahead
    spread = RISK.state_deviation * np.sqrt(1 - kept**2)
    # what a habitual late payer owes when it stops stays unpaid; others pay what is due by then
    exposed = (due - items.issued_on + customers.lateness[at]) / DAYS_IN_MONTH
    reach = _reach(items, customers, calendar)
    takes = discount_chance(customers, fate, calendar, at, items.issued_on) * (items.number == 0)
    wait = reminder_days(due, reminders, calendar) - due[:, None]
    late = {k: np.zeros(len(at)) for k in THRESHOLDS}
    held = np.zeros(len(at))
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        state = level + kept * z + spread * node
        s = np.clip(state / STATE_DEVIATION, -4, 4)
        disputed = dispute_probability(customers.disputed[at], s) * (items.number == 0)
        disputed = disputed * (1 - LOST_WHOLE) / (1 - disputed * LOST_WHOLE)
        short = residual_probability(s) * (items.euros > LATENESS.residual_from)
        chance = np.where(customers.is_habitual[at], 1.0, late_probability(customers.habit_late[at], s))
        monthly = -np.log1p(-hazard(0.5 * (state + level + z)))
        stops = 1 - np.exp(-monthly * exposed)
        held += weight * stops
        for k in THRESHOLDS:
            r = reach[k]
            beyond = _beyond(items, customers, s, r, wait, reminders)
            goes_on = np.exp(
                -monthly * (k - 1) / DAYS_IN_MONTH * ~customers.is_habitual[at]
            )  # a stop after the due date clears what is due
            plain = chance * np.where(r.is_cleared, 0.0, beyond)
            plain += short * (1 - plain) * r.residual * (items.number == 0)
            plain *= 1 - takes
            late[k] += weight * (1 - stops) * ((1 - disputed) * plain * goes_on + disputed * r.disputed)
    elapsed = _elapsed(items, fate)
    terms, habit = (due - items.issued_on).astype(float), customers.lateness[at]
    squeeze = tuple(end[at] for end in customers.squeeze_days())
    return {k: _with_stops(late[k], held, elapsed, terms, habit, k, squeeze) for k in THRESHOLDS}


def _beyond(
    items: Items, customers: Customers, s: Floats, reach: Reach, wait: Days, reminders: Reminders
) -> Floats:  # fmt: skip
    """Return P(a late item is paid more than `reach.days` days late), with the reminders that it may get."""
    found, asked = np.zeros(len(items)), np.flatnonzero(~reach.is_cleared)
    at = items.at[asked]
    location = size_location(customers.habit_size[at], s[asked])
    habit, is_habitual = customers.lateness[at], customers.is_habitual[at]

    def survival(days: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            usual = (np.log(np.maximum(days, 0)) - location) / LATENESS.size_deviation
        stable = (days - habit) / lateness_deviation(habit)
        stable = np.where(stable >= HABIT_CUT, np.inf, np.where(stable < -HABIT_CUT, -np.inf, stable))
        return 1 - ndtr(np.where(is_habitual, stable, usual))

    bound, segment = reach.days[asked].astype(np.float64), customers.segment[at]
    answered = later_than(survival, bound, wait[asked], segment, reminders)
    is_small = items.euros[asked] <= reminders.above
    found[asked] = np.where(is_small, survival(bound), answered) if is_small.any() else answered
    return found


def _reach(items: Items, customers: Customers, calendar: Calendar) -> dict[int, Reach]:
    """What each threshold means for each item: its runs, its reconciliations, its possible disputes and residues."""
    at, due, run = items.at, items.due_on, customers.run_type[items.at]
    first = next_clearing(due, customers, at, calendar)
    second = next_clearing(first + 1, customers, at, calendar)
    third = next_clearing(second + 1, customers, at, calendar)
    found = {}
    for k in THRESHOLDS:
        last = due + k - 1
        cleared = np.where(
            third <= last, third, np.where(second <= last, second, np.where(first <= last, first, due - 1))
        )
        answered = calendar.run_on_or_before(last, run) - DISPUTE_ANSWER  # a dispute that ends by then is paid in time
        must_end = np.maximum(answered, np.where(cleared >= due, cleared, 0))
        disputed = np.zeros(len(at))
        for part in OPENED:
            opened = items.issued_on + part * (due - items.issued_on)
            disputed += np.exp(-np.maximum(must_end - opened - DISPUTE_FIRST, 0) / DISPUTE_MEAN) / len(OPENED)
        # the residue is cleared at the first reconciliation after due_on + 1 + a uniform time
        residual = np.clip(1 - np.maximum(cleared - due, 0) / LATENESS.residual_days, 0, 1)
        days = calendar.run_on_or_before(last, run) - due
        is_cleared = np.where(customers.is_habitual[at], k > LATEST, first <= last)
        found[k] = Reach(days=days, is_cleared=is_cleared, residual=residual, disputed=disputed)
    return found


def _elapsed(items: Items, fate: Fate) -> Days:
    """Days since the stop under way on each issue date; -1 where the customer runs."""
    elapsed = np.full(len(items), -1)
    for slot in range(SLOTS):
        stop, resume = fate.stop_on[items.at, slot], fate.resume_on[items.at, slot]
        elapsed = np.where((stop <= items.issued_on) & (items.issued_on < resume), items.issued_on - stop, elapsed)
    return elapsed


def _with_stops(
    late: Floats, held: Floats, elapsed: Days, terms: Floats, habit: Floats, k: int, squeeze: tuple[Floats, ...]
) -> Floats:  # fmt: skip
    """Add the stops: before the due date (nothing is paid from then on), and those under way on the issue date."""
    q = RISK.permanent_share
    unpaid = q + (1 - q) * squeeze_lasts(
        terms / 2 + k - 1, *squeeze
    )  # half the term lies between the stop and the due date
    now = np.maximum(elapsed, 0).astype(float)
    started = q + (1 - q) * squeeze_lasts(now, *squeeze)
    under_way = (q + (1 - q) * squeeze_lasts(now + terms + k - 1, *squeeze)) / started
    found = np.where(elapsed >= 0, under_way + (1 - under_way) * late, late + held * unpaid)
    return np.clip(found, 0.0, 1.0)
