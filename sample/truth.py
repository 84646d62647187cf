"""The true default probabilities under the generator, of each customer at each month end.

Derivation in docs/sample-ledger.md; `tests/statistical/test_sample_truth.py` simulates futures and compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from sample.calendar import DAYS_IN_MONTH, Calendar, Days
from sample.customers import NEVER, Customers, Floats
from sample.hidden_state import SLOTS, Fate, hazard
from sample.parameters import LATENESS, RISK, SMALLEST_MATERIAL

HORIZONS = (3, 6, 12)  # months
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


def stop_chances(level: Floats, z: Floats) -> Floats:
    """Chances of a stop for good in each of the next 12 months, for levels (n,) and z (n, months): (n, months, 12).

    Log-linear between grid points.
    """
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
    """Return P(the default comes more than `days` after a deep stop), customers (n,) x days (..., n).

    What a habitual late payer owes when it stops is up to its usual lateness old: the clock began so much earlier.
    """
    material = 1 - ndtr((np.log(SMALLEST_MATERIAL) - customers.amount_location) / 0.65)
    daily = customers.rate * material / DAYS_IN_MONTH
    gap = np.maximum(days - RISK.days_to_default + customers.lateness, 0)
    arrears = np.where(
        days - RISK.days_to_default < np.minimum(customers.terms, LATENESS.last_terms) + 2, np.exp(-daily * gap), 0.0
    )
    filed = 1 - np.exp(-np.maximum(days - RISK.insolvency_after, 0) / RISK.insolvency_mean)
    return arrears * (1 - RISK.insolvency_share * filed)


def squeeze_lasts(days: Floats, shortest: Floats | float, longest: Floats | float) -> Floats:
    """Return P(a temporary stop lasts more than `days`) of customers with these shortest and longest stops."""
    return np.clip((longest - days) / (longest - shortest), 0.0, 1.0)


def default_truth(customers: Customers, fate: Fate, default_on: Days, calendar: Calendar) -> dict[str, NDArray]:
    """Return, for each customer and month end from the first month, status and true_pd_3m, 6m, 12m (NaN in default).

    default_on : (customers, SLOTS). A customer is in default until `probation` days after it paid what it owed.

    Arrays of shape (customers, months); months before a customer's first are marked in `is_there`.
    """
    ends = calendar.month_ends()
    months = np.arange(calendar.months)
    chance = stop_chances(customers.level, fate.z)
    pd_running = {h: running_pd(chance, customers, h) for h in (1, 4, 10, *HORIZONS)}
    elapsed, is_in = np.full(fate.z.shape, np.nan), np.zeros(fate.z.shape, bool)
    for slot in range(SLOTS):
        inside = (fate.stop_on[:, slot, None] <= ends) & (ends < fate.resume_on[:, slot, None])
        elapsed = np.where(inside, ends - fate.stop_on[:, slot, None], elapsed)
        cured = cured_days(fate)[:, slot, None]
        is_in |= (ends >= default_on[:, slot, None]) & (ends < cured)
    status = np.where(np.isnan(elapsed), RUNNING, STOPPED)
    status = np.where(months >= fate.left_month[:, None], LEFT, status)
    status = np.where(is_in, IN_DEFAULT, status)
    waited = np.nan_to_num(elapsed).T  # (months, customers)
    permanent = RISK.permanent_share * survives_undefaulted(waited, customers)
    squeezed = (1 - RISK.permanent_share) * squeeze_lasts(waited, *customers.squeeze_days())
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


def cured_days(fate: Fate) -> Days:
    """Return the day on which each deep stop's customer is out of default again, (customers, SLOTS), NEVER: it is not."""
    return np.where(fate.is_deep & (fate.resume_on < NEVER), fate.resume_on + RISK.probation, NEVER)


def running_pd(chance: Floats, customers: Customers, horizon: int) -> Floats:
    """The true PD of customers that run: chances of a stop month by month times that of default in what remains."""
    remaining = (horizon - np.arange(horizon))[:, None, None] * DAYS_IN_MONTH - WITHIN[:, None] * DAYS_IN_MONTH
    defaults = 1 - survives_undefaulted(remaining, customers)  # (horizon, within, customers)
    return np.einsum("nmi,in->nm", chance[:, :, :horizon], defaults.mean(axis=1))
