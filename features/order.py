"""Rows by group: a stable counting sort over codes, then each group's rows by a key; linear where they come sorted."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.owners import Codes


def by_group(
    group: Codes, groups: int, *keys: NDArray[np.signedinteger]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(order, start): rows sorted by group and then by the keys, the first one foremost; rows of group g are
    `order[start[g]:start[g + 1]]`. Rows equal in all keys stay in the order given. Keys must fit into 63 bits together."""
    key = np.zeros(len(group), dtype=np.int64)
    for part in keys:
        low = int(part.min(initial=0))
        bits = (int(part.max(initial=0)) - low).bit_length()
        key = (key << bits) | (part.astype(np.int64) - low)
    return _sorted(group, groups, key)


@njit(cache=True, nogil=True)
def _sorted(group, groups, key):  # type: ignore[no-untyped-def]
    start = np.zeros(groups + 1, dtype=np.int64)
    for g in group:
        start[g + 1] += 1
    for g in range(groups):
        start[g + 1] += start[g]
    free = start[:-1].copy()
    order = np.empty(len(group), dtype=np.int64)
    for i in range(len(group)):
        order[free[group[i]]] = i
        free[group[i]] += 1
    for g in range(groups):
        lo, hi = start[g], start[g + 1]
        is_sorted = True
        for i in range(lo + 1, hi):
            if key[order[i]] < key[order[i - 1]]:
                is_sorted = False
                break
        if is_sorted:
            continue
        if hi - lo <= 16:
            for i in range(lo + 1, hi):
                row, j = order[i], i
                while j > lo and key[order[j - 1]] > key[row]:
                    order[j] = order[j - 1]
                    j -= 1
                order[j] = row
        else:
            rows = order[lo:hi].copy()
            order[lo:hi] = rows[np.argsort(key[rows], kind="mergesort")]
    return order, start
