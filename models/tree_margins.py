"""Raw margins of LightGBM boosters by a compiled loop, equal to LightGBM's own to the last bit.

A tree is walked by a block of rows at once, so that its nodes stay in the processor's nearest cache and the walks of
several rows overlap; each row adds its leaves in the order of the trees, as LightGBM does.
"""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ledger.threads import in_halves
from models.trees import Trees, trees_of

Floats = NDArray[np.float64]

AT_ONCE = 64  # rows that walk a tree together


def member_margins(members: tuple[lgb.Booster, ...], matrix: NDArray[np.float32] | Floats) -> Floats:
    """Return (members, rows) raw margins of each booster.

    matrix : (rows, columns) in the boosters' order of features, C-ordered; NaN is not known.
    """
    trees = trees_of(members)
    if trees is None:
        return np.stack([np.asarray(b.predict(matrix, raw_score=True, num_threads=1)) for b in members])
    rows = np.arange(len(matrix))
    return _summed(trees, matrix, rows, np.empty((len(matrix), 0), dtype=matrix.dtype))


def repeated_margins(
    members: tuple[lgb.Booster, ...], own: NDArray[np.float32], item: NDArray[np.int64], further: NDArray[np.float32]
) -> Floats:
    """Return (members, rows) raw margins of rows that share columns: row r is own[item[r]] followed by further[r].

    own : (items, columns). item : (rows,) each row's item. further : (rows, further columns).
    """
    trees = trees_of(members)
    if trees is None:
        return member_margins(members, np.concatenate([own[item], further], axis=1))
    return _summed(trees, own, item, further)


def _summed(
    trees: Trees, own: NDArray[np.float32] | Floats, item: NDArray[np.int64], further: NDArray[np.float32] | Floats
) -> Floats:
    """Return (members, rows) sums of leaves; many rows on several threads."""
    out = np.zeros((trees.members, len(item)))

    def run(a: int, b: int) -> None:
        _walk(
            own, item[a:b], further[a:b], trees.first, trees.member, trees.depth, trees.feature, trees.threshold,
            trees.left, trees.nan_left, trees.value, out[:, a:b],
        )  # fmt: skip

    in_halves(run, len(item))
    return out


@njit(cache=True, nogil=True)
def _walk(own, item, further, first, member, depth, feature, threshold, left, nan_left, value, out):  # type: ignore[no-untyped-def]
    block = np.empty((AT_ONCE, own.shape[1] + further.shape[1]), dtype=own.dtype)
    at = np.empty(AT_ONCE, dtype=np.uint32)
    for start in range(0, len(item), AT_ONCE):
        n = min(AT_ONCE, len(item) - start)
        for i in range(n):
            block[i, : own.shape[1]] = own[item[start + i]]
            block[i, own.shape[1] :] = further[start + i]
        for tree in range(len(first) - 1):
            at[:n] = first[tree]
            for _ in range(depth[tree]):
                for i in range(n):
                    node = at[i]
                    x = block[i, feature[node]]
                    is_left = (x <= threshold[node]) | ((x != x) & nan_left[node])
                    at[i] = left[node] + 1 - is_left
            for i in range(n):
                out[member[tree], start + i] += value[at[i]]
