"""Measure how well a score ranks outcomes: AUC, Gini, KS, average precision, each with optional row weights.

Throughout, `y` is 1 for the outcome (default, late) and 0 otherwise, or a true probability in between; a higher score
means more risk, ties count a half, and a weight of k counts a row k times (this is how a bootstrap and censoring
weights enter).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


class Ranking:
    """The order that a score gives to outcomes, found once and counted with many weights (as a bootstrap does).

    y, score : shape (rows,), as in `auc`. Its figures are those of the functions of the same names, to the last bit.
    """

    def __init__(self, y: ArrayLike, score: ArrayLike) -> None:
        ys, scores, _ = checked(y, score, None)
        self._ys = ys
        # a row with y between 0 and 1 counts as a bad row of weight y and a good row of weight 1 - y
        self._is_whole = bool(np.isin(ys, (0.0, 1.0)).all())
        outcome, ranked = ys, scores
        if not self._is_whole:
            outcome, ranked = np.repeat([1.0, 0.0], len(ys)), np.tile(scores, 2)
        self._order = np.argsort(-ranked, kind="stable")
        self._bad, self._ranked = outcome[self._order], ranked[self._order]

    def cumulative(self, weight: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """Return the weight of bad and of good rows with a score above each distinct score, descending, starting at 0.

        The counts are those of scikit-learn's `confusion_matrix_at_thresholds`; rows without weight are left out.
        """
        w = np.ones(len(self._ys)) if weight is None else np.asarray(weight, dtype=np.float64)
        counted = w if self._is_whole else np.concatenate([w * self._ys, w * (1.0 - self._ys)])
        counted = counted[self._order]
        if not (counted > 0.0).any():
            return np.zeros(1), np.zeros(1)
        has = counted != 0.0
        counted, bad, ranked = counted[has], self._bad[has], self._ranked[has]
        last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        above_bad, above_good = np.cumsum(bad * counted)[last], np.cumsum((1 - bad) * counted)[last]
        return np.concatenate([[0.0], above_bad]), np.concatenate([[0.0], above_good])

    def auc(self, weight: ArrayLike | None = None) -> float:
        """Return the AUC with these row weights; NaN where one of the two classes is absent."""
        bad, good = self.cumulative(weight)
        if bad[-1] <= 0.0 or good[-1] <= 0.0:
            return float("nan")
        return float(np.sum(np.diff(good) * (bad[1:] + bad[:-1])) / (2.0 * bad[-1] * good[-1]))

    def gini(self, weight: ArrayLike | None = None) -> float:
        """Return 2 · AUC − 1 with these row weights."""
        return 2.0 * self.auc(weight) - 1.0

    def ks(self, weight: ArrayLike | None = None) -> float:
        """Return the Kolmogorov–Smirnov distance with these row weights; NaN where one of the classes is absent."""
        bad, good = self.cumulative(weight)
        if bad[-1] <= 0.0 or good[-1] <= 0.0:
            return float("nan")
        return float(np.max(np.abs(bad / bad[-1] - good / good[-1])))

    def average_precision(self, weight: ArrayLike | None = None) -> float:
        """Return the average precision with these row weights; NaN where no row is bad."""
        bad, good = self.cumulative(weight)
        if bad[-1] <= 0.0:
            return float("nan")
        flagged = bad[1:] + good[1:]
        precision = np.divide(bad[1:], flagged, out=np.zeros_like(flagged), where=flagged > 0)
        return float(np.sum(np.diff(bad) / bad[-1] * precision))


def _weighed(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None) -> tuple[Ranking, Floats]:
    ys, scores, weights = checked(y, score, weight)
    return Ranking(ys, scores), weights


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
    ranking, weights = _weighed(y, score, weight)
    return ranking.auc(weights)


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
    ranking, weights = _weighed(y, score, weight)
    return ranking.ks(weights)


def average_precision(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return Σ (recallᵢ − recallᵢ₋₁) · precisionᵢ over the distinct scores; NaN where no row is bad.

    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8]), 4)
    0.8333
    """
    ranking, weights = _weighed(y, score, weight)
    return ranking.average_precision(weights)
