"""The true probabilities under the generator: default of each customer at each month end, lateness of each invoice.

Derivation in docs/sample-ledger.md; `tests/statistical/test_sample_truth.py` simulates futures and compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from features.synthetic.calendar import DAYS_IN_MONTH, Calendar, Days
from features.synthetic.customers import NEVER, Customers, Floats, next_clearing
from features.synthetic.hidden import SLOTS, Fate, hazard
from features.synthetic.items import STATE_DEVIATION, Items, late_probability, size_location
from features.synthetic.parameters import LATENESS, RISK, SMALLEST_MATERIAL

HORIZONS = (3, 6, 12)  # months
THRESHOLDS = (1, 5, 30, 60, 90)  # days late, at least
RUNNING, STOPPED, LEFT, IN_DEFAULT = 0, 1, 2, 3
STATUSES = ("running", "stopped", "left", "in_default")
WITHIN = (np.arange(16) + 0.5) / 16  # the moment of a stop within its month


@dataclass(frozen=True, kw_only=True)
class StopTable:
    """A[level, z, i]: the chance of stopping for good in month i + 1 from now, for a customer that runs now."""

    levels: Floats
    z: Floats
    chance: Floats


def _squeeze_months() -> Floats:
    """Chances that a temporary stop ends 0, 1, 2, … months after the month in which it began."""
    low, high = RISK.squeeze_days
    length = low + (high - low) * (np.arange(400) + 0.5) / 400
    months = ((WITHIN[:, None] * DAYS_IN_MONTH + length) // DAYS_IN_MONTH).astype(int)
    return np.bincount(months.ravel()) / months.size


@lru_cache(maxsize=1)
def stop_table() -> StopTable:
    """Backward recursion over months on a grid of z, for a grid of levels."""
    deviation, phi = RISK.state_deviation, RISK.persistence
    z = np.linspace(-4.5, 4.5, 181) * deviation
    edges = np.concatenate([[-np.inf], (z[1:] + z[:-1]) / 2, [np.inf]])
    step = ndtr((edges - phi * z[:, None]) / (deviation * np.sqrt(1 - phi**2)))
    move = np.diff(step, axis=1)  # move[from, to]
    levels = np.linspace(RISK.giant_level - 2 * RISK.level_deviation, 5 * RISK.level_deviation, 61)
    stops = hazard(levels[:, None] + z)
    back = _squeeze_months()
    horizon = max(HORIZONS)
    chance = np.zeros((len(levels), len(z), horizon))
    stays = 1 - RISK.leaving
    for i in range(horizon):
        if i == 0:
            ahead = RISK.permanent_share * stops
        else:
            ahead = (1 - stops) * chance[:, :, i - 1]
            for months, weight in enumerate(back):
                if weight > 0 and i - 1 - months >= 0:
                    after = chance[:, :, i - 1 - months]
                    for _ in range(months):
                        after = after @ move.T
                    ahead = ahead + (1 - RISK.permanent_share) * stops * weight * after
        chance[:, :, i] = stays * (ahead @ move.T)
    return StopTable(levels=levels, z=z, chance=chance)


def _chances(level: Floats, z: Floats) -> Floats:
    """A for customers (n,) and their z (n, months): (n, months, 12), log-linear between grid points."""
    table = stop_table()
    logs = np.log(table.chance)
    row = np.clip(np.searchsorted(table.levels, level) - 1, 0, len(table.levels) - 2)
    weight = (level - table.levels[row]) / (table.levels[row + 1] - table.levels[row])
    column = np.clip(np.searchsorted(table.z, z) - 1, 0, len(table.z) - 2)
    along = np.clip((z - table.z[column]) / (table.z[1] - table.z[0]), 0, 1)[..., None]
    w = np.clip(weight, 0, 1)[:, None, None]
    r = row[:, None]
    low = (1 - w) * logs[r, column] + w * logs[r + 1, column]
    high = (1 - w) * logs[r, column + 1] + w * logs[r + 1, column + 1]
    return np.exp((1 - along) * low + along * high)


def survives_undefaulted(days: Floats, customers: Customers) -> Floats:
    """P(the default comes more than `days` after a permanent stop), customers (n,) x days (..., n)."""
    material = 1 - ndtr((np.log(SMALLEST_MATERIAL) - customers.amount_location) / 0.65)
    daily = customers.rate * material / DAYS_IN_MONTH
    gap = np.maximum(days - RISK.days_to_default, 0)
    arrears = np.where(days < RISK.days_to_default, 1.0, np.where(gap < np.minimum(customers.terms, LATENESS.last_terms) + 2, np.exp(-daily * gap), 0.0))
    filed = 1 - np.exp(-np.maximum(days - RISK.insolvency_after, 0) / RISK.insolvency_mean)
    return arrears * (1 - RISK.insolvency_share * filed)


def _squeeze_lasts(days: Floats) -> Floats:
    low, high = RISK.squeeze_days
    return np.clip((high - days) / (high - low), 0.0, 1.0)


def default_truth(customers: Customers, fate: Fate, default_on: Days, calendar: Calendar) -> dict[str, NDArray]:
    """For each customer and month end from the first month: status and true_pd_3m, 6m, 12m (NaN in default).

    Arrays of shape (customers, months); months before a customer's first are marked in `is_there`.
    """
    ends = calendar.month_ends()
    months = np.arange(calendar.months)
    chance = _chances(customers.level, fate.z)
    pd_running = {h: _running(chance, customers, h) for h in (1, 4, 10, *HORIZONS)}
    elapsed = np.full(fate.z.shape, np.nan)
    for slot in range(SLOTS):
        inside = (fate.stop_on[:, slot, None] <= ends) & (ends < fate.resume_on[:, slot, None])
        elapsed = np.where(inside, ends - fate.stop_on[:, slot, None], elapsed)
    status = np.where(np.isnan(elapsed), RUNNING, STOPPED)
    status = np.where(months >= fate.left_month[:, None], LEFT, status)
    status = np.where(ends >= default_on[:, None], IN_DEFAULT, status)
    waited = np.nan_to_num(elapsed).T  # (months, customers)
    permanent = RISK.permanent_share * survives_undefaulted(waited, customers)
    squeezed = (1 - RISK.permanent_share) * _squeeze_lasts(waited)
    share = permanent / np.maximum(permanent + squeezed, 1e-12)
    found: dict[str, NDArray] = {"status": status, "is_there": months >= customers.first_month[:, None]}
    for h in HORIZONS:
        later = survives_undefaulted(waited + h * DAYS_IN_MONTH, customers)
        soon = 1 - later / np.maximum(survives_undefaulted(waited, customers), 1e-12)
        stopped = (share * soon).T + (1 - share.T) * pd_running[max(h - 2, 1)]
        truth = np.where(status == STOPPED, stopped, pd_running[h])
        truth = np.where(status == LEFT, 0.0, truth)
        found[f"true_pd_{h}m"] = np.where(status == IN_DEFAULT, np.nan, truth)
    return found


def _running(chance: Floats, customers: Customers, horizon: int) -> Floats:
    """The true PD of customers that run: chances of a stop month by month times that of default in what remains."""
    remaining = (horizon - np.arange(horizon))[:, None, None] * DAYS_IN_MONTH - WITHIN[:, None] * DAYS_IN_MONTH
    defaults = 1 - survives_undefaulted(remaining, customers)  # (horizon, within, customers)
    return np.einsum("nmi,in->nm", chance[:, :, :horizon], defaults.mean(axis=1))


NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def late_truth(items: Items, customers: Customers, fate: Fate, calendar: Calendar) -> dict[str, Floats]:
    """P(days late >= 1, 5, 30, 60, 90) of each item, asked on its issue date of who knows the hidden state then."""
    at, due = items.at, items.due_on
    ahead = np.maximum(np.minimum(calendar.month_of(due), calendar.months - 1) - items.month, 0)
    z, level = fate.z[at, items.month], customers.level[at]
    kept = RISK.persistence**ahead
    spread = RISK.state_deviation * np.sqrt(1 - kept**2)
    clearing = next_clearing(due, customers, at, calendar)
    elapsed = np.full(len(at), -1)
    for slot in range(SLOTS):
        stop, resume = fate.stop_on[at, slot], fate.resume_on[at, slot]
        elapsed = np.where((stop <= items.issued_on) & (items.issued_on < resume), items.issued_on - stop, elapsed)
    is_stopped = elapsed >= 0
    exposed = (due - items.issued_on) / DAYS_IN_MONTH
    reach = [np.where(clearing <= due + k - 1, 10**6, calendar.run_on_or_before(due + k - 1, customers.run_type[at]) - due) for k in THRESHOLDS]
    late = {k: np.zeros(len(at)) for k in THRESHOLDS}
    held = np.zeros(len(at))
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        state = level + kept * z + spread * node
        s = np.clip(state / STATE_DEVIATION, -4, 4)
        chance = late_probability(customers.habit_late[at], s)
        location = size_location(customers.habit_size[at], s)
        h = -np.log1p(-hazard(0.5 * (state + level + z)))
        stops = 1 - np.exp(-h * exposed)
        held += weight * stops
        for k, limit in zip(THRESHOLDS, reach, strict=True):
            with np.errstate(divide="ignore"):
                beyond = 1 - ndtr((np.log(np.maximum(limit, 0)) - location) / LATENESS.size_deviation)
            runs_on = np.exp(-h * (k - 1) / DAYS_IN_MONTH)  # a stop after the due date clears what is due
            late[k] += weight * (1 - stops) * chance * np.where(limit >= 10**6, 0.0, beyond) * runs_on
    return {f"true_p_late_{k}": _with_stops(late[k], held, is_stopped, elapsed, k, items, customers) for k in THRESHOLDS}


def _with_stops(late: Floats, held: Floats, is_stopped: NDArray, elapsed: Days, k: int, items: Items, customers: Customers) -> Floats:
    """Add the stops: before the due date (held back from then on), and those under way on the issue date."""
    at = items.at
    terms = (items.due_on - items.issued_on).astype(float)
    middle = terms / 2 + k - 1  # days from a stop halfway to the threshold
    unpaid = RISK.permanent_share + (1 - RISK.permanent_share) * _squeeze_lasts(middle)
    now = np.maximum(elapsed, 0).astype(float)
    permanent = RISK.permanent_share * survives_undefaulted_at(now, customers, at)
    squeezed = (1 - RISK.permanent_share) * _squeeze_lasts(now)
    lasting = (1 - RISK.permanent_share) * _squeeze_lasts(now + terms + k - 1)
    under_way = (permanent + lasting) / np.maximum(permanent + squeezed, 1e-12)
    found = np.where(is_stopped, under_way + (1 - under_way) * late, late + held * unpaid)
    return np.clip(found, 0.0, 1.0)


def survives_undefaulted_at(days: Floats, customers: Customers, at: Days) -> Floats:
    """`survives_undefaulted` for items of customers `at`, before arrears can make a default: only filings count."""
    filed = 1 - np.exp(-np.maximum(days - RISK.insolvency_after, 0) / RISK.insolvency_mean)
    return np.where(days < RISK.days_to_default, 1 - RISK.insolvency_share * filed, 0.5)


