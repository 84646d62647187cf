"""How true an interval or a whole distribution is: coverage, pinball loss, CRPS."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ledger.errors import InputError

Floats = NDArray[np.float64]


def _mean(values: Floats, weight: ArrayLike | None) -> float:
    return float(np.average(values, weights=None if weight is None else np.asarray(weight, dtype=np.float64)))


def coverage(y: ArrayLike, low: ArrayLike, high: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return share of outcomes inside [low, high], both ends included."""
    ys = np.asarray(y, dtype=np.float64)
    inside = (ys >= np.asarray(low, dtype=np.float64)) & (ys <= np.asarray(high, dtype=np.float64))
    return _mean(inside.astype(np.float64), weight)


def pinball(y: ArrayLike, quantile: ArrayLike, level: float, weight: ArrayLike | None = None) -> float:
    """Return mean of max(τ (y − q), (τ − 1)(y − q)): smallest in expectation at the true quantile of level τ."""
    if not 0.0 < level < 1.0:
        raise InputError(f"The level of pinball must be between 0 and 1. Got {level} instead.")
    gap = np.asarray(y, dtype=np.float64) - np.asarray(quantile, dtype=np.float64)
    return _mean(np.maximum(level * gap, (level - 1.0) * gap), weight)


def crps_of_quantiles(y: ArrayLike, quantiles: ArrayLike, levels: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return CRPS = 2 ∫ pinball_τ dτ, by the trapezoid over `levels`, held constant outside of them.

    quantiles : (rows, levels), each row ascending. levels : ascending, in (0, 1).
    """
    ys, q = np.asarray(y, dtype=np.float64), np.asarray(quantiles, dtype=np.float64)
    tau = np.asarray(levels, dtype=np.float64)
    gap = ys[:, None] - q
    loss = np.maximum(tau * gap, (tau - 1.0) * gap)
    width = np.diff(np.concatenate([[0.0], (tau[1:] + tau[:-1]) / 2.0, [1.0]]))
    return _mean(2.0 * loss @ width, weight)


def crps_of_sample(y: ArrayLike, sample: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return CRPS of an equally weighted sample a row: E|X − y| − ½ E|X − X'|. sample : (rows, draws)."""
    ys, x = np.asarray(y, dtype=np.float64), np.sort(np.asarray(sample, dtype=np.float64), axis=1)
    m = x.shape[1]
    spread = x @ (2.0 * np.arange(1, m + 1) - m - 1.0) / m**2  # ½ E|X − X'| of a sorted sample
    return _mean(np.abs(x - ys[:, None]).mean(axis=1) - spread, weight)


def crps_of_cdf(y: ArrayLike, grid: ArrayLike, cdf: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean of `crps_of_each_cdf`."""
    return _mean(crps_of_each_cdf(y, grid, cdf), weight)


def crps_of_each_cdf(y: ArrayLike, grid: ArrayLike, cdf: ArrayLike) -> Floats:
    """Return CRPS = ∫ (F(x) − 1{y ≤ x})² dx of each row's step function: F = cdf[:, j] on [grid[j], grid[j + 1]).

    grid : ascending (points,). cdf : (rows, points); it must reach 1 at the last point. Outcomes outside the grid add
    their distance to it, where F is 0 or 1.
    """
    ys, x, f = np.asarray(y, dtype=np.float64), np.asarray(grid, dtype=np.float64), np.asarray(cdf, dtype=np.float64)
    left, right = x[:-1][None, :], x[1:][None, :]
    after = np.clip(right - np.clip(ys[:, None], left, right), 0.0, None)  # length of the step that lies after y
    before = (right - left) - after
    steps = f[:, :-1]
    inside = np.sum(steps**2 * before + (1.0 - steps) ** 2 * after, axis=1)
    return np.asarray(inside + np.clip(x[0] - ys, 0.0, None) + np.clip(ys - x[-1], 0.0, None))
