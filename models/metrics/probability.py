"""How true a probability is: Brier score, log loss, calibration error, the slope of the log-odds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from models.metrics.order import checked

SMALLEST = 1e-15  # a probability of exactly 0 or 1 would make one mistake cost everything


def brier(y: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return mean of (p − y)²."""
    ys, p, w = checked(y, probability, weight)
    return float(np.sum(w * (p - ys) ** 2) / np.sum(w))


def log_loss(y: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return mean of −(y ln p + (1 − y) ln(1 − p)), natural logarithm."""
    ys, p, w = checked(y, probability, weight)
    p = np.clip(p, SMALLEST, 1.0 - SMALLEST)
    return float(-np.sum(w * (ys * np.log(p) + (1.0 - ys) * np.log1p(-p))) / np.sum(w))


def calibration_table(
    y: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None, *, bins: int = 10
) -> pd.DataFrame:
    """Return predicted against observed in bins of equal mass: one row a bin, ascending.

    Columns: count (rows), weight, predicted (mean p), observed (share of y), low and high (smallest and largest p).
    Rows with equal probabilities may fall into two bins; bins without a row are left out.
    """
    ys, p, w = checked(y, probability, weight)
    order = np.argsort(p, kind="stable")
    ys, p, w = ys[order], p[order], w[order]
    mass = np.cumsum(w) - w / 2.0
    number = np.minimum((mass / np.sum(w) * bins).astype(np.int64), bins - 1)
    frame = pd.DataFrame({"bin": number, "weight": w, "wp": w * p, "wy": w * ys, "p": p})
    grouped = frame[frame["weight"] > 0].groupby("bin")
    table = grouped.agg(count=("p", "size"), weight=("weight", "sum"), wp=("wp", "sum"), wy=("wy", "sum"),
                        low=("p", "min"), high=("p", "max"))  # fmt: skip
    table["predicted"], table["observed"] = table["wp"] / table["weight"], table["wy"] / table["weight"]
    return table[["count", "weight", "predicted", "observed", "low", "high"]]


def ece(y: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None, *, bins: int = 10) -> float:
    """Return the expected calibration error: the mean of |predicted − observed| over bins of equal mass."""
    ys, p, w = checked(y, probability, weight)
    return Reliability(ys, p, bins=bins).ece(w)


class Reliability:
    """Probabilities and outcomes in the order of the probability, found once and weighed many times (as a bootstrap does).

    y, probability : shape (rows,). bins : of equal mass. `ece` equals that of `calibration_table`'s bins to the last bit.
    """

    def __init__(self, y: ArrayLike, probability: ArrayLike, *, bins: int = 10) -> None:
        ys, p, _ = checked(y, probability, None)
        self._order, self._bins = np.argsort(p, kind="stable"), bins
        self._ys, self._p = ys[self._order], p[self._order]

    def ece(self, weight: ArrayLike | None = None) -> float:
        """Return the expected calibration error with these row weights."""
        w = np.ones(len(self._p)) if weight is None else np.asarray(weight, dtype=np.float64)[self._order]
        mass = np.cumsum(w) - w / 2.0
        number = np.minimum((mass / np.sum(w) * self._bins).astype(np.int64), self._bins - 1)
        sums = _sums(number, w, w * self._p, w * self._ys, self._bins)
        sums = sums[:, sums[0] > 0.0]
        gap = np.abs(sums[1] / sums[0] - sums[2] / sums[0])
        return float(np.average(gap, weights=sums[0]))


@njit(cache=True, nogil=True)
def _sums(number, w, wp, wy, bins):  # type: ignore[no-untyped-def]
    """Return sums of w, w·p, w·y by bin, compensated as those of pandas are (Kahan 1965); rows without weight are left out."""
    sums, lost = np.zeros((3, bins)), np.zeros((3, bins))
    for i in range(len(number)):
        if w[i] > 0.0:
            for k in range(3):
                value = w[i] if k == 0 else (wp[i] if k == 1 else wy[i])
                more = value - lost[k, number[i]]
                total = sums[k, number[i]] + more
                lost[k, number[i]] = total - sums[k, number[i]] - more
                sums[k, number[i]] = total
    return sums


def log_odds_slope(y: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> tuple[float, float]:
    """Return (slope, intercept) of a logistic regression of y on the log-odds of p; (1, 0) is perfect calibration.

    `y` may be a true probability instead of an outcome. Newton's method; NaN where y has one value only.
    """
    ys, p, w = checked(y, probability, weight)
    if np.ptp(ys) == 0.0:
        return float("nan"), float("nan")
    return logistic_line(logit(np.clip(p, SMALLEST, 1.0 - SMALLEST)), ys, w)


def logistic_line(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    *,
    offset: NDArray[np.float64] | float = 0.0,
    slope_precision: float = 0.0,
) -> tuple[float, float]:
    """Return (slope, intercept) that maximise the weighted logistic likelihood of y on slope · x + intercept + offset.

    slope_precision is that of a normal prior of the slope around 1; 0 is none. Damped Newton steps.
    """
    design = np.column_stack([x, np.ones_like(x)])
    precision, centre = np.array([slope_precision, 0.0]), np.array([1.0, 0.0])
    theta = centre.copy()

    def loss(candidate: NDArray[np.float64]) -> float:
        z = design @ candidate + offset
        prior = 0.5 * np.sum(precision * (candidate - centre) ** 2)
        return float(np.sum(w * (np.logaddexp(0.0, z) - y * z)) + prior)

    current = loss(theta)
    for _ in range(100):
        p = expit(design @ theta + offset)
        gradient = design.T @ (w * (p - y)) + precision * (theta - centre)
        hessian = (design * (w * p * (1.0 - p))[:, None]).T @ design + np.diag(precision) + 1e-10 * np.eye(2)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while size > 1e-8 and loss(theta - size * step) > current:
            size /= 2.0
        theta = theta - size * step
        previous, current = current, loss(theta)
        if abs(previous - current) <= 1e-13 * (1.0 + abs(previous)):
            break
    return float(theta[0]), float(theta[1])
