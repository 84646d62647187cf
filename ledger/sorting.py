"""Rows by group: a stable counting sort over codes, then each group's rows by a key; linear where they come sorted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ledger.lazy_njit import njit
from ledger.text_codes import Codes

SHIFTS_A_ROW = 8  # rows that one row may pass on its way to its place, on average, before a group is sorted as a whole


def by_group(
    group: Codes, groups: int, *keys: NDArray[np.signedinteger]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (order, start): rows sorted by group and then by the keys, the first one foremost; rows of group g are
    `order[start[g]:start[g + 1]]`. Rows equal in all keys stay in the order given; rows of group -1 are left out. Keys must
    fit into 63 bits together."""
    return grouped(group, groups, packed(*keys) if keys else np.zeros(0, dtype=np.int64))


def packed(*keys: NDArray[np.signedinteger]) -> NDArray[np.int64]:
    """Return keys as one number a row, the first one foremost. They must fit into 63 bits together."""
    key = np.zeros(len(keys[0]), dtype=np.int64)
    for part in keys:
        low = int(part.min(initial=0))
        _pack(key, part, low, (int(part.max(initial=0)) - low).bit_length())
    return key


@njit(cache=True, nogil=True)
def _pack(key, part, low, bits):  # type: ignore[no-untyped-def]
    for i in range(len(key)):
        key[i] = (key[i] << bits) | (np.int64(part[i]) - low)


@njit(cache=True, nogil=True)
def running(counts):  # type: ignore[no-untyped-def]
    """Return where each group of so many rows begins, and at last where all end."""
    start = np.empty(len(counts) + 1, dtype=np.int64)
    start[0] = 0
    for i in range(len(counts)):
        start[i + 1] = start[i] + counts[i]
    return start


@njit(cache=True, nogil=True)
def grouped(group, groups, key):  # type: ignore[no-untyped-def]
    """As `by_group`, by one key; an empty key leaves each group's rows in the order given."""
    start = np.zeros(groups + 1, dtype=np.int64)
    for g in group:
        if g >= 0:
            start[g + 1] += 1
    for g in range(groups):
        start[g + 1] += start[g]
    free = start[:-1].copy()
    order = np.empty(start[-1], dtype=np.int64)
    for i in range(len(group)):
        if group[i] >= 0:
            order[free[group[i]]] = i
            free[group[i]] += 1
    if len(key):
        for g in range(groups):
            _sort(order, start[g], start[g + 1], key)
    return order, start


@njit(cache=True, nogil=True)
def _sort(order, lo, hi, key):  # type: ignore[no-untyped-def]
    """Sort order[lo:hi] by key: by insertion while rows lie near their places, as they mostly do, else by merging."""
    shifts, most = 0, SHIFTS_A_ROW * (hi - lo)
    for i in range(lo + 1, hi):
        row, j = order[i], i
        while j > lo and key[order[j - 1]] > key[row]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = row
        shifts += i - j
        if shifts > most and hi - lo > 16:
            rows = order[lo:hi].copy()  # what was done so far kept equal rows in their order
            order[lo:hi] = rows[np.argsort(key[rows], kind="mergesort")]
            return
