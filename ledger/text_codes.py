"""Text columns as whole-number codes: compiled, exact to the byte, and cheap where a column follows another one's order.

Two texts get one code only when they are equal byte by byte; a hash merely says where to look. Ids that come sorted, or
in the order of the table that they point to (as exports mostly do), are found by looking at the next place first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ledger.lazy_njit import njit

Codes = NDArray[np.int32]
NOTHING = np.zeros(0, dtype=np.uint8)
SMALLEST_TABLE = 256  # slots; a power of two
FAR_SHARE = 16  # one row in so many may lie elsewhere before looking up by hash pays


@dataclass(frozen=True, kw_only=True)
class Texts:
    """A text column as Arrow holds it: UTF-8 bytes, where each row's begin, and the bits of rows that are not missing
    (none: no row is missing)."""

    data: NDArray[np.uint8]
    start: NDArray[np.int64]
    valid: NDArray[np.uint8]
    shift: int  # bits before the first row's
    array: pa.Array = field(repr=False)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Return what the compiled functions read."""
        return self.data, self.start, self.valid, self.shift

    def __len__(self) -> int:
        return len(self.start) - 1


def texts(column: pd.Series) -> Texts:
    """Return a column of texts without a copy where Arrow already holds it in one piece."""
    values = column.array
    found = values.__arrow_array__() if hasattr(values, "__arrow_array__") else pa.array(values, from_pandas=True)
    if isinstance(found, pa.ChunkedArray):
        found = found.chunk(0) if found.num_chunks == 1 else found.combine_chunks()
    return texts_of(found)


def texts_of(found: pa.Array) -> Texts:
    """Return an Arrow array of texts without a copy where it is of large_string."""
    if found.type != pa.large_string():
        found = found.cast(pa.large_string())
    valid, start, data = found.buffers()
    first, n = found.offset, len(found)
    return Texts(
        data=NOTHING if data is None else np.frombuffer(data, dtype=np.uint8),
        start=np.zeros(1, dtype=np.int64) if n == 0 else np.frombuffer(start, dtype=np.int64)[first : first + n + 1],
        valid=NOTHING if valid is None or found.null_count == 0 else np.frombuffer(valid, dtype=np.uint8),
        shift=first, array=found,
    )  # fmt: skip


def is_empty(column: pd.Series) -> bool:
    """Return whether a column of texts has none."""
    found = texts(column)
    return bool(found.array.null_count == len(found))


@dataclass(frozen=True, kw_only=True)
class Dictionary:
    """The different texts of a column, numbered by first appearance. codes : each row's number, -1 where missing.
    firsts : the row in which each number appears first."""

    column: Texts
    codes: Codes
    firsts: Codes
    is_rising: bool  # every row's text comes after that of the row before: row and number are one
    slots: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))

    @classmethod
    def of(cls, column: pd.Series) -> Dictionary:
        """Return the dictionary of a column."""
        found = texts(column)
        n = len(found)
        if found.array.null_count == n:
            return cls(
                column=found, codes=np.full(n, -1, dtype=np.int32), firsts=np.zeros(0, np.int32), is_rising=n == 0
            )
        if not len(found.valid) and _is_rising(found.data, found.start):
            everyone = np.arange(n, dtype=np.int32)
            return cls(column=found, codes=everyone, firsts=everyone, is_rising=True)
        codes, firsts = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
        count, slots = _numbered(found.arguments, codes, firsts)
        return cls(column=found, codes=codes, firsts=firsts[:count], is_rising=False, slots=slots)

    def __len__(self) -> int:
        return len(self.firsts)

    @cached_property
    def words(self) -> list[str]:
        """Return the texts by their number."""
        return list(self.column.array.take(pa.array(self.firsts)).to_pylist())

    def texts_at(self, codes: NDArray[np.integer]) -> NDArray[np.object_]:
        """Return the texts of some numbers, none of them -1."""
        chosen = self.column.array.take(pa.array(self.firsts[codes]))
        return chosen.to_numpy(zero_copy_only=False).astype(object)

    @cached_property
    def _table(self) -> NDArray[np.uint64]:
        return self.slots if len(self.slots) else _table_of(self.column.data, self.column.start, self.firsts)

    def look_up(self, column: pd.Series) -> Codes:
        """Return each row's number in this dictionary; -1 for a missing text, and for one that is not in it."""
        wanted = texts(column)
        out = np.empty(len(wanted), dtype=np.int32)
        if not len(self) or wanted.array.null_count == len(wanted):
            out.fill(-1)
            return out
        own = self.column.data, self.column.start
        if not self.is_rising or not _followed(wanted.arguments, own, out):
            _looked_up(wanted.arguments, own, self.codes, self.firsts, self._table, out)
        return out


def numbers(column: pd.Series, values: Mapping[str, int]) -> NDArray[np.int8]:
    """One small number a row, by its word; 0 where the word is missing or has no number. Few different words are meant."""
    only = _only_word(texts(column))
    if only is not None:
        return np.full(len(column), values.get(only, 0), dtype=np.int8)
    found = Dictionary.of(column)
    by_code = np.array([*(values.get(word, 0) for word in found.words), 0], dtype=np.int8)
    return by_code[found.codes]


def distinct(column: pd.Series) -> set[str]:
    """Return the different texts of a column."""
    only = _only_word(texts(column))
    return {only} if only is not None else set(Dictionary.of(column).words)


def _only_word(column: Texts) -> str | None:
    """Return the text of every row; None where rows differ or are missing."""
    if not len(column) or len(column.valid) or not _is_constant(column.data, column.start):
        return None
    return str(column.array[0].as_py())


@njit(cache=True, nogil=True)
def _is_constant(data, start):  # type: ignore[no-untyped-def]
    i = 1
    while i < len(start) - 1 and _are_equal(data, start[0], start[1], data, start[i], start[i + 1]):
        i += 1
    return i >= len(start) - 1


@njit(cache=True, nogil=True)
def _is_missing(valid, at):  # type: ignore[no-untyped-def]
    return len(valid) > 0 and not (valid[at >> 3] >> (at & 7)) & 1


@njit(cache=True, nogil=True)
def _compared(a, lo, hi, b, start, end):  # type: ignore[no-untyped-def]
    """Below 0, 0 or above 0 as the bytes a[lo:hi] come before, are, or come after b[start:end]."""
    n = min(hi - lo, end - start)
    for k in range(n):
        left, right = a[lo + k], b[start + k]
        if left != right:
            return -1 if left < right else 1
    return (hi - lo) - (end - start)


@njit(cache=True, nogil=True)
def _are_equal(a, lo, hi, b, start, end):  # type: ignore[no-untyped-def]
    if hi - lo != end - start:
        return False
    n = hi - lo
    while n > 0 and a[lo + n - 1] == b[start + n - 1]:  # from the end: ids differ in their last digits
        n -= 1
    return n == 0


@njit(cache=True, nogil=True)
def _hashed(data, lo, hi):  # type: ignore[no-untyped-def]
    h = np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(hi - lo)
    while lo < hi:
        word = np.uint64(0)
        for k in range(min(hi - lo, 8)):
            word |= np.uint64(data[lo + k]) << np.uint64(8 * k)
        h = (h ^ word) * np.uint64(0xFF51AFD7ED558CCD)
        h ^= h >> np.uint64(32)
        lo += 8
    return h * np.uint64(0xC4CEB9FE1A85EC53)


@njit(cache=True, nogil=True)
def _is_rising(data, start):  # type: ignore[no-untyped-def]
    for i in range(1, len(start) - 1):
        if _compared(data, start[i - 1], start[i], data, start[i], start[i + 1]) >= 0:
            return False
    return True


@njit(cache=True, nogil=True)
def _grown(slots):  # type: ignore[no-untyped-def]
    """The same slots in four times the room. A slot holds the upper half of a hash and, below it, a number plus one."""
    wider = np.zeros(4 * len(slots), dtype=np.uint64)
    bits = np.uint64(len(wider) - 1)
    for slot in slots:
        if slot != 0:
            at = (slot >> np.uint64(32)) & bits
            while wider[at] != 0:
                at = (at + np.uint64(1)) & bits
            wider[at] = slot
    return wider


@njit(cache=True, nogil=True)
def _place(slots, h, data, lo, hi, own, start, firsts):  # type: ignore[no-untyped-def]
    """Return (number of the text data[lo:hi] or -1, the slot that holds it or would)."""
    upper = h >> np.uint64(32)
    bits = np.uint64(len(slots) - 1)
    at = upper & bits
    while slots[at] != 0:
        if slots[at] >> np.uint64(32) == upper:
            code = np.int64(slots[at] & np.uint64(0xFFFFFFFF)) - 1
            row = firsts[code]
            if _are_equal(data, lo, hi, own, start[row], start[row + 1]):
                return code, at
        at = (at + np.uint64(1)) & bits
    return np.int64(-1), at


@njit(cache=True, nogil=True)
def _numbered(column, codes, firsts):  # type: ignore[no-untyped-def]
    """Fill `codes` and `firsts`; (how many different texts, the slots that find them)."""
    data, start, valid, shift = column
    slots = np.zeros(SMALLEST_TABLE, dtype=np.uint64)
    count, previous = 0, -1
    for i in range(len(start) - 1):
        if _is_missing(valid, i + shift):
            codes[i] = -1
            continue
        lo, hi = start[i], start[i + 1]
        if previous >= 0 and _are_equal(data, lo, hi, data, start[previous], start[previous + 1]):
            codes[i] = codes[previous]
            continue
        previous = i
        h = _hashed(data, lo, hi)
        code, at = _place(slots, h, data, lo, hi, data, start, firsts)
        if code < 0:
            code = np.int64(count)
            firsts[count] = i
            count += 1
            slots[at] = (h >> np.uint64(32) << np.uint64(32)) | np.uint64(count)
            if 2 * count > len(slots):
                slots = _grown(slots)
        codes[i] = code
    return count, slots


@njit(cache=True, nogil=True)
def _table_of(data, start, firsts):  # type: ignore[no-untyped-def]
    """Return the slots that find texts known to be different."""
    size = SMALLEST_TABLE
    while size < 2 * len(firsts):
        size *= 2
    slots = np.zeros(size, dtype=np.uint64)
    bits = np.uint64(size - 1)
    for code in range(len(firsts)):
        h = _hashed(data, start[firsts[code]], start[firsts[code] + 1])
        at = (h >> np.uint64(32)) & bits
        while slots[at] != 0:
            at = (at + np.uint64(1)) & bits
        slots[at] = (h >> np.uint64(32) << np.uint64(32)) | np.uint64(code + 1)
    return slots


@njit(cache=True, nogil=True)
def _followed(column, sorted_texts, out):  # type: ignore[no-untyped-def]
    """Look texts up in sorted ones from the place of the last one found: near it at once, else by halving what is left.
    False, with `out` unfinished, where too many lie far from the one before."""
    data, start, valid, shift = column
    own, own_start = sorted_texts
    count = len(own_start) - 1
    place, far = np.int64(0), 0
    for i in range(len(start) - 1):
        if _is_missing(valid, i + shift):
            out[i] = -1
            continue
        lo, hi = start[i], start[i + 1]
        way = _compared(data, lo, hi, own, own_start[place], own_start[place + 1])
        steps = 0
        while way > 0 and steps < 4 and place + 1 < count:
            place += 1
            steps += 1
            way = _compared(data, lo, hi, own, own_start[place], own_start[place + 1])
        if way == 0:
            out[i] = place
            continue
        if way < 0 and steps > 0:  # it would lie between two neighbours: it is not there
            out[i] = -1
            continue
        far += 1
        if FAR_SHARE * far > i + 4096:
            return False
        low, high = (place + 1, count) if way > 0 else (np.int64(0), place)
        while low < high:
            middle = (low + high) // 2
            if _compared(data, lo, hi, own, own_start[middle], own_start[middle + 1]) > 0:
                low = middle + 1
            else:
                high = middle
        out[i] = -1
        if low < count:
            place = low
            if _are_equal(data, lo, hi, own, own_start[low], own_start[low + 1]):
                out[i] = low
    return True


@njit(cache=True, nogil=True)
def _looked_up(column, known, codes, firsts, slots, out):  # type: ignore[no-untyped-def]
    """Look texts up: as the row before, else at the row after the one found last, else by hash."""
    data, start, valid, shift = column
    own, own_start = known
    previous, near = -1, np.int64(0)
    for i in range(len(start) - 1):
        if _is_missing(valid, i + shift):
            out[i] = -1
            continue
        lo, hi = start[i], start[i + 1]
        if previous >= 0 and _are_equal(data, lo, hi, data, start[previous], start[previous + 1]):
            out[i] = out[previous]
            continue
        previous = i
        if (
            near < len(codes)
            and codes[near] >= 0
            and _are_equal(data, lo, hi, own, own_start[near], own_start[near + 1])
        ):
            out[i] = codes[near]
            near += 1
            continue
        code, _ = _place(slots, _hashed(data, lo, hi), data, lo, hi, own, own_start, firsts)
        out[i] = code
        if code >= 0:
            near = np.int64(firsts[code]) + 1
    return
