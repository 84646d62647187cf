"""Share out the change of a headline's margin among an item's steps: compiled, for many items at once.

Along the straight way from the average item's log-odds to this item's, a step's share is the integral of the margin's
slope by that step's log-odds (Aumann–Shapley), by a Gauss–Legendre sum of NODES points. The answer and its slopes are
those of the curve before recalibration, pooled with the late question where that was asked.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.delay.late_threshold import OWN_SHARE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)
LATE_30, MEAN_DAYS = 0, 1  # headlines


@njit(cache=True, nogil=True)
def shared_out(  # type: ignore[no-untyped-def]
    headline,
    first,
    start,
    end,
    passed,
    moved,
    early,
    reference,
    margin,
    asked_reference,
    asked_margin,
    nodes,
    node_weights,
):
    """Return (base, whole, weight, question weight): the margin at the reference and at the item, one an item; the mean
    slope on the way by each step's log-odds, one a step, and by the late question's, one an item.

    Parameters
    ----------
    headline : LATE_30 or MEAN_DAYS. first : (items + 1,) where each item's steps start. start, end : (steps,) days late.
    passed : (steps,) share of each step that counts. moved : (items,) days by which the due date was moved.
    early : (items,) steps that end by the late question's day; 0: it was not asked.
    reference, margin : (steps,) log-odds of the average item and of this one. asked_reference, asked_margin : (items,) the
    same of the late question. nodes, node_weights : of the sum, on [-1, 1].
    """
    items = len(first) - 1
    base, whole, asked_weight = np.empty(items), np.empty(items), np.zeros(items)
    weight = np.zeros(len(start))
    for i in range(items):
        a, b = first[i], first[i + 1]
        n, pools = b - a, early[i] > 0
        if n == 0:
            base[i], whole[i] = 0.0, 0.0
            continue
        low, high = np.empty(n + 1), np.empty(n + 1)
        low[:n], low[n] = reference[a:b], asked_reference[i]
        high[:n], high[n] = margin[a:b], asked_margin[i]
        change = high - low
        slope, total = np.empty(n + 1), np.zeros(n + 1)
        arguments = (passed[a:b], start[a:b], end[a:b], moved[i], early[i])
        base[i] = answer(headline, low, arguments, slope)
        whole[i] = answer(headline, high, arguments, slope)
        for k in range(len(nodes)):
            answer(headline, low + (nodes[k] + 1.0) / 2.0 * change, arguments, slope)
            total += node_weights[k] / 2.0 * slope
        if not pools:
            total[n] = 0.0
        reached = 0.0
        for s in range(n + 1):
            reached += total[s] * change[s]
        # the sum's own error, some 1e-9 of the whole, is spread in proportion
        factor = (whole[i] - base[i]) / reached if abs(reached) > 1e-12 else 1.0
        weight[a:b] = total[:n] * factor
        asked_weight[i] = total[n] * factor
    return base, whole, weight, asked_weight


@njit(cache=True, nogil=True)
def answer(headline, margin, arguments, slope):  # type: ignore[no-untyped-def]
    """Return the headline's margin; write its slopes by each step's log-odds, and last by the late question's, into `slope`.

    margin : (steps + 1,) log-odds of the steps, then the late question's. arguments : (passed, start, end, moved, early).
    """
    passed, start, end, moved, early = arguments
    if headline == LATE_30:
        return _late_30(margin, passed, early, slope)
    return _mean_days(margin, start, end, moved, early, slope)


@njit(cache=True, nogil=True)
def _expit(x):  # type: ignore[no-untyped-def]
    if x >= 0.0:
        return 1.0 / (1.0 + np.exp(-x))
    e = np.exp(x)
    return e / (1.0 + e)


@njit(cache=True, nogil=True)
def _log_stays(x):  # type: ignore[no-untyped-def]
    """Return the log of 1 - expit(x)."""
    return -(max(x, 0.0) + np.log1p(np.exp(-abs(x))))


@njit(cache=True, nogil=True)
def _pool(log_unpaid, log_odds):  # type: ignore[no-untyped-def]
    """Return (chance to be unpaid at the end of the late question's day by the steps alone, with the question's log-odds;
    slope of the log of the latter by the log of the former, and by the question's log-odds)."""
    rest = -np.expm1(min(log_unpaid, -1e-15))
    pooled = _expit(OWN_SHARE * log_odds + (1.0 - OWN_SHARE) * (log_unpaid - np.log(rest)))
    return np.exp(log_unpaid), pooled, (1.0 - pooled) * (1.0 - OWN_SHARE) / rest, (1.0 - pooled) * OWN_SHARE


@njit(cache=True, nogil=True)
def _late_30(margin, passed, early, slope):  # type: ignore[no-untyped-def]
    """Return log-odds of being unpaid after so much (`passed`, a share) of each step."""
    n = len(passed)
    log_early, log_later = 0.0, 0.0
    for s in range(n):
        hazard = _expit(margin[s])
        if passed[s] == 1.0:
            log_stays, slope[s] = _log_stays(margin[s]), -hazard
        else:
            stays = 1.0 - passed[s] * hazard
            log_stays, slope[s] = np.log(stays), -passed[s] * hazard * _expit(-margin[s]) / stays
        if s < early:
            log_early += log_stays
        else:
            log_later += log_stays
    slope[n] = 0.0
    log_p = log_early + log_later
    if early > 0:
        _, pooled, by_step, slope[n] = _pool(log_early, margin[n])
        log_p = log_later + np.log(pooled)
        for s in range(early):
            slope[s] *= by_step
    rest = -np.expm1(min(log_p, -1e-15))
    for s in range(n + 1):
        slope[s] /= rest
    return log_p - np.log(rest)


@njit(cache=True, nogil=True)
def _mean_days(margin, start, end, moved, early, slope):  # type: ignore[no-untyped-def]
    """Return expected days late against a due date that lies `moved` days later."""
    n = len(start)
    days, before = np.empty(n), 1.0
    soon, late, log_early = 0.0, 0.0, 0.0
    for s in range(n):
        hazard = _expit(margin[s])
        days[s] = before * hazard * ((start[s] + 1.0 + end[s]) / 2.0)
        slope[s] = days[s] * (1.0 - hazard)
        before *= 1.0 - hazard
        if s < early:
            soon += days[s]
            log_early += _log_stays(margin[s])
        else:
            late += days[s]
    last = before * end[n - 1]
    late += last
    rest = last  # what comes after each step
    slope[n] = 0.0
    if early == 0:
        for s in range(n - 1, -1, -1):
            slope[s] -= _expit(margin[s]) * rest
            rest += days[s]
        return soon + late - moved
    curve, pooled, by_step, by_question = _pool(log_early, margin[n])
    settled = max(1.0 - curve, 1e-15)
    share = (1.0 - pooled) / settled  # what comes early is multiplied by it, what comes late by pooled / curve
    gap = late / curve - soon / settled  # what moves when the pooled chance does
    for s in range(n - 1, -1, -1):
        hazard = _expit(margin[s])
        if s >= early:
            slope[s] = (slope[s] - hazard * rest) * pooled / curve
        else:
            to_early = slope[s] - hazard * (rest - late + curve * soon / settled)
            slope[s] = share * to_early - hazard * by_step * pooled * gap
        rest += days[s]
    slope[n] = by_question * pooled * gap
    return share * soon + pooled / curve * late - moved
