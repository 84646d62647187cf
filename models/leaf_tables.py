"""SHAP values of small trees by one table a leaf: a leaf whose path splits on d features has 2^d different answers.

Which of them is a row's follows from d comparisons, since all splits of a path on one feature together ask whether its
value lies in one interval. The tables hold the same sums as `models/tree_shap.py` computes for larger trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.trees import Trees, unit_quadrature

Floats = NDArray[np.float64]

MOST_FEATURES = 4  # on a path: a table has at most 16 lines of 4 numbers


@dataclass(frozen=True, kw_only=True)
class LeafTables:
    """The leaves of all trees, their conditions one after the other.

    first : (leaves + 1,) where each leaf's conditions start. feature, low, high, nan : (conditions,) the condition holds for
    low < value <= high, and for a missing value where nan. table : (leaves,) where each leaf's table starts in `values`: one
    line for each set of conditions that hold (condition k adds 2^k), one number a condition.
    """

    first: NDArray[np.int32]
    feature: NDArray[np.int32]
    low: Floats
    high: Floats
    nan: NDArray[np.bool_]
    table: NDArray[np.int64]
    values: Floats

    def shap_values(self, X: Floats, out: Floats) -> None:
        """Add the SHAP values of the sum of all trees for each row of X to `out` (rows, columns)."""
        _looked_up(X, self.first, self.feature, self.low, self.high, self.nan, self.table, self.values, out)


def leaf_tables(trees: Trees) -> LeafTables | None:
    """Return the tables of some trees; None where a path has more than MOST_FEATURES features."""
    if trees.most_features > MOST_FEATURES:
        return None
    leaves = np.flatnonzero((trees.left == np.arange(len(trees.left))) & (trees.parent >= 0))
    conditions = [_conditions(trees, int(leaf)) for leaf in leaves]
    count = np.array([len(own) for own in conditions], dtype=np.int64)
    flat = [condition for own in conditions for condition in own]
    values = [
        _table(trees.value[leaf], np.array([own[-1] for own in given]))
        for leaf, given in zip(leaves, conditions, strict=True)
    ]
    columns = list(zip(*flat, strict=True)) if flat else [()] * 5
    return LeafTables(
        first=np.concatenate([[0], np.cumsum(count)]).astype(np.int32), feature=np.array(columns[0], dtype=np.int32),
        low=np.array(columns[1], dtype=np.float64), high=np.array(columns[2], dtype=np.float64),
        nan=np.array(columns[3], dtype=np.bool_), values=np.concatenate(values) if values else np.empty(0),
        table=np.concatenate([[0], np.cumsum(count << count)])[:-1].astype(np.int64),
    )  # fmt: skip


def _conditions(trees: Trees, leaf: int) -> list[tuple[int, float, float, bool, float]]:
    """Return (feature, low, high, nan, share) of each feature on the path to a leaf."""
    found: dict[int, tuple[float, float, bool, float]] = {}
    node = leaf
    while (above := int(trees.parent[node])) >= 0:
        feature, cut, is_left = int(trees.own[node]), float(trees.threshold[above]), node == trees.left[above]
        # the lowest split on a feature is met first and has the share of all of them
        low, high, nan, share = found.get(feature, (-np.inf, np.inf, True, float(trees.share[node])))
        low, high = (low, min(high, cut)) if is_left else (max(low, cut), high)
        found[feature] = low, high, nan and bool(trees.nan_left[above]) == is_left, share
        node = above
    return [(feature, *rest) for feature, rest in found.items()]


def _table(value: float, share: Floats) -> Floats:
    """Return the lines of a leaf's table: by the sets of conditions that hold, the Shapley value of each condition."""
    d = len(share)
    t, w = unit_quadrature(d)
    holds = ((np.arange(1 << d)[:, None] >> np.arange(d)) & 1).astype(np.float64)
    factor = share[:, None] * (1.0 - t) + holds[:, :, None] * t  # (lines, conditions, points)
    product = factor.prod(axis=1, keepdims=True)
    found: Floats = value * ((holds - share)[:, :, None] * product / factor * w).sum(axis=2)
    return found.ravel()


@njit(cache=True, nogil=True)
def _looked_up(
    X: Any, first: Any, feature: Any, low: Any, high: Any, nan: Any, table: Any, values: Any, out: Any
) -> None:
    for row in range(len(X)):
        for leaf in range(len(table)):
            a, count, line = first[leaf], first[leaf + 1] - first[leaf], 0
            for k in range(count):
                x = X[row, feature[a + k]]
                holds = ((low[a + k] < x) & (x <= high[a + k])) | ((x != x) & nan[a + k])
                line |= int(holds) << k
            place = table[leaf] + line * count
            for k in range(count):
                out[row, feature[a + k]] += values[place + k]
