"""The same figures where some outcomes are not known yet: inverse-probability-of-censoring weights, and the C-index.

A row has a time (to the event, or until it was last observed) and whether the event was seen. Censoring is taken as
independent of the event given what is stratified on.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from models.metrics.order import auc, checked
from models.metrics.probability import brier

Floats = NDArray[np.float64]


def censoring_survival(time: ArrayLike, is_event: ArrayLike) -> tuple[Floats, Floats]:
    """Return Kaplan–Meier estimate of P(still observed after t): (distinct times ascending, survival just after each)."""
    t, event = np.asarray(time, dtype=np.float64), np.asarray(is_event, dtype=bool)
    distinct, code = np.unique(t, return_inverse=True)
    censored = np.bincount(code, weights=(~event).astype(np.float64), minlength=len(distinct))
    leaving = np.bincount(code, minlength=len(distinct)).astype(np.float64)
    # events at t happen before censorings at t: they have left the risk set of censoring
    at_risk = leaving[::-1].cumsum()[::-1] - (leaving - censored)
    hazard = np.divide(censored, at_risk, out=np.zeros_like(censored), where=at_risk > 0)
    return distinct, np.cumprod(1.0 - hazard, dtype=np.float64)


def _survival_before(distinct: Floats, survival: Floats, at: Floats) -> Floats:
    """Return survival of censoring just before each time `at`."""
    return np.concatenate([[1.0], survival])[np.searchsorted(distinct, at, side="left")]


def ipcw_weights(time: ArrayLike, is_event: ArrayLike, horizon: float) -> tuple[Floats, Floats]:
    """Return (y, weight) of the question 'event within `horizon`': weight 0 where the answer is not known.

    y is 1 for an event at or before the horizon. Rows whose answer is known weigh 1/G(time−) (event) or 1/G(horizon)
    (observed beyond it), G the survival of censoring. Source: Robins and Finkelstein (2000); Graf et al. (1999).
    """
    t, event = np.asarray(time, dtype=np.float64), np.asarray(is_event, dtype=bool)
    distinct, survival = censoring_survival(t, event)
    y = (event & (t <= horizon)).astype(np.float64)
    beyond = t >= horizon
    known = (y == 1.0) | beyond
    at = np.where(y == 1.0, t, horizon)
    g = _survival_before(distinct, survival, at)
    return y, np.divide(1.0, g, out=np.zeros_like(g), where=known & (g > 0))


def auc_ipcw(time: ArrayLike, is_event: ArrayLike, score: ArrayLike, horizon: float) -> float:
    """Return AUC of 'event within `horizon`' over rows weighted for censoring."""
    y, weight = ipcw_weights(time, is_event, horizon)
    return auc(y, score, weight)


def brier_ipcw(time: ArrayLike, is_event: ArrayLike, probability: ArrayLike, horizon: float) -> float:
    """Return Brier score of 'event within `horizon`' over rows weighted for censoring; weights sum to about the row count."""
    y, weight = ipcw_weights(time, is_event, horizon)
    return brier(y, probability, weight)


def c_index(time: ArrayLike, is_event: ArrayLike, risk: ArrayLike, *, ipcw: bool = False) -> float:
    """Return share of comparable pairs (one event strictly before the other's time) whose earlier event has the higher risk.

    Ties of risk count a half. With `ipcw` each event at t weighs 1/G(t−)² (Uno et al. 2011), else 1 (Harrell). NaN
    where no pair is comparable. O(n log n).
    """
    t, score, event = checked(np.asarray(time), risk, np.asarray(is_event, dtype=np.float64))
    weight = event.copy()
    if ipcw:
        distinct, survival = censoring_survival(t, event > 0)
        g = _survival_before(distinct, survival, t)
        weight = np.divide(event, g**2, out=np.zeros_like(event), where=g > 0)
    rank = np.unique(score, return_inverse=True)[1].astype(np.int64)
    order = np.argsort(-t, kind="stable")
    agreeing, comparable = _pairs(t[order], weight[order], rank[order], int(rank.max(initial=0)) + 1)
    return float(agreeing / comparable) if comparable > 0 else float("nan")


@njit(cache=True)
def _pairs(time: Floats, weight: Floats, rank: NDArray[np.int64], size: int) -> tuple[float, float]:
    """Return weighted agreeing and comparable pairs; rows by descending time. A Fenwick tree counts later rows by rank."""
    tree = np.zeros(size + 1)
    agreeing, comparable, later = 0.0, 0.0, 0.0
    start, n = 0, len(time)
    while start < n:
        stop = start
        while stop < n and time[stop] == time[start]:
            stop += 1
        for i in range(start, stop):
            if weight[i] > 0.0:
                below, up_to = 0.0, 0.0
                j = rank[i]
                while j > 0:
                    below += tree[j]
                    j -= j & -j
                j = rank[i] + 1
                while j > 0:
                    up_to += tree[j]
                    j -= j & -j
                agreeing += weight[i] * (below + 0.5 * (up_to - below))
                comparable += weight[i] * later
        for i in range(start, stop):
            j = rank[i] + 1
            while j <= size:
                tree[j] += 1.0
                j += j & -j
            later += 1.0
        start = stop
    return agreeing, comparable
