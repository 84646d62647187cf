"""Measure how well a score ranks outcomes: AUC, Gini, KS, average precision, each with optional row weights.

Throughout, `y` is 1 for the outcome (default, late) and 0 otherwise, or a true probability in between; a higher score
means more risk, ties count a half, and a weight of k counts a row k times (this is how a bootstrap and censoring
weights enter). The counts at each threshold are scikit-learn's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix_at_thresholds

from ledger.errors import InputError

Floats = NDArray[np.float64]


def checked(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    """Return outcomes, scores and weights as float64 arrays; raise InputError for NaN or unequal lengths."""
    ys, scores = np.asarray(y, dtype=np.float64), np.asarray(score, dtype=np.float64)
    weights = np.ones(len(ys)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not len(ys) == len(scores) == len(weights):
        raise InputError(
            f"outcomes, scores and weights must have one length. Got {len(ys)}, {len(scores)}, {len(weights)} instead."
        )
    unknown = int(np.isnan(ys).sum() + np.isnan(scores).sum() + np.isnan(weights).sum())
    if unknown:
        raise InputError(
            f"outcomes and scores must be known: {unknown} of {len(ys)} rows have a NaN. Leave censored rows out."
        )
    return ys, scores, weights


def _cumulative(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None) -> tuple[Floats, Floats]:
    """Return the weight of bad and of good rows with a score above each distinct score, descending, starting at 0.

    A row with y between 0 and 1 counts as a bad row of weight y and a good row of weight 1 − y.
    """
    ys, scores, weights = checked(y, score, weight)
    if not len(ys):
        return np.zeros(1), np.zeros(1)
    outcome, ranked, counted = ys, scores, weights
    if not np.isin(ys, (0.0, 1.0)).all():
        outcome = np.repeat([1.0, 0.0], len(ys))
        ranked, counted = np.tile(scores, 2), np.concatenate([weights * ys, weights * (1.0 - ys)])
    if not (counted > 0.0).any():
        return np.zeros(1), np.zeros(1)
    _, good, _, bad, _ = confusion_matrix_at_thresholds(outcome, ranked, pos_label=1.0, sample_weight=counted)
    return np.concatenate([[0.0], bad]), np.concatenate([[0.0], good])


def auc(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return P(score of a bad row > score of a good row) + half of P(equal).

    Parameters
    ----------
    y : shape (rows,), 1 for the outcome, 0 otherwise, or a probability; no NaN.
    score : shape (rows,), higher means more risk; no NaN.
    weight : shape (rows,), how often each row counts; None: once.

    Returns
    -------
    Between 0 and 1; NaN where one of the two classes is absent.

    Examples
    --------
    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
    0.875
    """
    bad, good = _cumulative(y, score, weight)
    if bad[-1] <= 0.0 or good[-1] <= 0.0:
        return float("nan")
    return float(np.sum(np.diff(good) * (bad[1:] + bad[:-1])) / (2.0 * bad[-1] * good[-1]))


def gini(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return 2 · AUC − 1; NaN where one of the two classes is absent.

    >>> gini([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
    0.75
    """
    return 2.0 * auc(y, score, weight) - 1.0


def ks(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the Kolmogorov–Smirnov distance: the largest between the score's distributions of bad and of good rows.

    >>> ks([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
    0.5
    """
    bad, good = _cumulative(y, score, weight)
    if bad[-1] <= 0.0 or good[-1] <= 0.0:
        return float("nan")
    return float(np.max(np.abs(bad / bad[-1] - good / good[-1])))


def average_precision(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return Σ (recallᵢ − recallᵢ₋₁) · precisionᵢ over the distinct scores; NaN where no row is bad.

    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8]), 4)
    0.8333
    """
    bad, good = _cumulative(y, score, weight)
    if bad[-1] <= 0.0:
        return float("nan")
    flagged = bad[1:] + good[1:]
    precision = np.divide(bad[1:], flagged, out=np.zeros_like(flagged), where=flagged > 0)
    return float(np.sum(np.diff(bad) / bad[-1] * precision))
