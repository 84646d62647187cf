"""SHAP values of LightGBM boosters by a compiled loop over all their trees at once, exact to rounding.

Path-dependent SHAP values (Lundberg et al. 2020) of one leaf are Shapley values of a product: the leaf's value times one
factor a feature on its path, 1 or 0 where the row's value is known and z, the share of training rows, where it is not. The
value of a feature with indicator o and share z is (o - z) times the integral from 0 to 1 of the product over the path's
other features of z + t (o - z): a polynomial in t, so a Gauss–Legendre sum of few points is exact, and the products of
all leaves are shared from the root down and summed from the leaves up (as in Yu et al. 2022, Linear TreeSHAP).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import lightgbm as lgb
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ledger.threads import on_ranges
from models.ensembles import mean_of_members
from models.leaf_tables import LeafTables, leaf_tables
from models.trees import Trees, trees_of, unit_quadrature

Floats = NDArray[np.float64]

AT_ONCE = 64  # rows: what is kept of them for one tree stays in the processor's nearest cache
FEWEST_ROWS = 1_000  # below these a second thread costs more than it brings


def mean_shap_values(members: tuple[lgb.Booster, ...], matrix: NDArray[Any]) -> tuple[Floats, float]:
    """Return ((rows, columns) mean SHAP values of the boosters' raw margins, their base).

    matrix : (rows, columns) in the boosters' order of features; NaN is not known.
    base and the sum of a row are the mean raw margin. Boosters with trees of another kind give their own values.
    """
    trees, count = trees_of(members), len(members)
    if trees is not None:
        return shap_values(trees, matrix) / count, float(trees.base.sum()) / count
    parts = mean_of_members(np.asarray(b.predict(matrix, pred_contrib=True, num_threads=1)) for b in members)
    return parts[:, :-1], float(parts[0, -1]) if len(parts) else float("nan")


def shap_values(trees: Trees, matrix: NDArray[Any]) -> Floats:
    """Return (rows, columns) SHAP values of the sum of all trees; with the sum of the trees' bases they add up to it."""
    X, sums = np.ascontiguousarray(matrix, dtype=np.float64), _sums_of(trees)
    out = np.zeros(X.shape)

    def run(a: int, b: int) -> None:
        if sums.tables is not None:
            sums.tables.shap_values(X[a:b], out[a:b])
            return
        _shap_values(
            X[a:b], trees.first, trees.feature, trees.threshold, trees.left, trees.nan_left, trees.parent, trees.own,
            trees.same, trees.value, trees.share, sums.t, sums.taken, sums.not_taken, out[a:b],
        )  # fmt: skip

    on_ranges(run, [0, len(X)] if len(X) < FEWEST_ROWS else [0, len(X) // 2, len(X)])
    return out


@dataclass(frozen=True, kw_only=True)
class _Sums:
    """What the sums over points need of some trees.

    t : (points,). taken, not_taken : (nodes, points) of (o - z) / factor, times the point's weight, where the row takes every
    split on the node's feature and where it does not. tables : of small trees, in place of the sums.
    """

    t: Floats
    taken: Floats
    not_taken: Floats
    tables: LeafTables | None


@lru_cache(maxsize=16)
def _sums_of(trees: Trees) -> _Sums:
    (t, w), share = unit_quadrature(trees.most_features), trees.share[:, None]
    unknown = share * (1.0 - t)
    return _Sums(
        t=t, taken=(1.0 - share) / (unknown + t) * w, not_taken=-share / unknown * w, tables=leaf_tables(trees)
    )


@njit(cache=True, nogil=True)
def _shap_values(  # type: ignore[no-untyped-def]
    X, first, feature, threshold, left, nan_left, parent, own, same, value, share, t, taken, not_taken, out
):
    """Write SHAP values into `out`."""
    rows, points, width = len(X), len(t), max(1, min(len(X), AT_ONCE))
    widest = 0
    for tree in range(len(first) - 1):
        widest = max(widest, first[tree + 1] - first[tree])
    goes = np.ones((widest, width))  # o: 1 where the row takes every split above on the node's feature, else 0
    product = np.ones((widest, points, width))
    total, is_left = np.empty(width), np.empty(width)
    for start in range(0, rows, width):
        n = min(width, rows - start)
        part = X[start : start + n].T.copy()
        sums = np.zeros((X.shape[1], n))
        for tree in range(len(first) - 1):
            a, b = first[tree], first[tree + 1]
            if b - a == 1:
                continue
            for node in range(a, b):
                at = node - a
                if node > a:
                    _multiply(product, goes, at, parent[node] - a, same[node] - a, share[node], share[same[node]], t, n)
                if left[node] == node:
                    for q in range(points):
                        for i in range(n):
                            product[at, q, i] *= value[node]
                    continue
                x, cut, default = part[feature[node]], threshold[node], 1.0 if nan_left[node] else 0.0
                for i in range(n):
                    is_left[i] = default if x[i] != x[i] else (1.0 if x[i] <= cut else 0.0)
                child, higher = left[node] - a, same[left[node]] - a
                for i in range(n):
                    before = 1.0 if higher < 0 else goes[higher, i]
                    goes[child, i] = is_left[i] * before
                    goes[child + 1, i] = (1.0 - is_left[i]) * before
            # from the leaves up: the product of a split becomes the sum over its leaves
            for node in range(b - 1, a, -1):
                at, above, child = node - a, same[node] - a, left[node] - a
                if left[node] != node:
                    for q in range(points):
                        for i in range(n):
                            product[at, q, i] = product[child, q, i] + product[child + 1, q, i]
                total[:n] = 0.0
                _integrate(product[at], goes[at], taken[node], not_taken[node], 1.0, total, n)
                if same[node] >= 0:
                    _integrate(product[at], goes[above], taken[same[node]], not_taken[same[node]], -1.0, total, n)
                for i in range(n):
                    sums[own[node], i] += total[i]
        out[start : start + n] = sums.T


@njit(cache=True, nogil=True)
def _multiply(product, goes, at, above, same, share, share_before, t, n):  # type: ignore[no-untyped-def]
    """Multiply the product of the node above by the factor of this node's feature, in place of the feature's one before."""
    for q in range(len(t)):
        unknown, before = share * (1.0 - t[q]), share_before * (1.0 - t[q])
        if same < 0:
            for i in range(n):
                product[at, q, i] = product[above, q, i] * (unknown + goes[at, i] * t[q])
        else:
            for i in range(n):
                product[at, q, i] = (
                    product[above, q, i] * (unknown + goes[at, i] * t[q]) / (before + goes[same, i] * t[q])
                )


@njit(cache=True, nogil=True)
def _integrate(product, goes, taken, not_taken, sign, total, n):  # type: ignore[no-untyped-def]
    """Add the sum over the points of product times (o - z) / factor, with a sign."""
    for q in range(len(taken)):
        low, rise = sign * not_taken[q], sign * (taken[q] - not_taken[q])
        for i in range(n):
            total[i] += product[q, i] * (low + goes[i] * rise)
