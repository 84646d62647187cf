"""Numbers in few bytes, exact to the last bit: most of a model's inputs are whole numbers, amounts or ratios of small numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LARGEST_NUMERATOR = 2.0**31
LARGEST_DENOMINATOR = 4096.0
STEPS = 12  # of a continued fraction; more are not needed for denominators up to LARGEST_DENOMINATOR
MANY = 255  # a place from here on takes more than one byte


def packed_numbers(numbers: NDArray[np.float64]) -> bytes:
    """Return numbers as bytes: which are ratios of small whole numbers (a bit each), those ratios, the others' 64 bits."""
    numerator, denominator, is_ratio = as_ratios(numbers)
    parts = [varint(len(numbers)), np.packbits(is_ratio).tobytes()]
    parts += [varint(2 * int(abs(p)) + (p < 0)) for p in numerator[is_ratio].tolist()]
    parts += [varint(int(q)) for q in denominator[is_ratio].tolist()]
    others = np.ascontiguousarray(numbers[~is_ratio]).view(np.uint8).reshape(-1, 8)
    return b"".join(parts) + others.T.tobytes()  # byte plane by byte plane deflates better than number by number


def unpacked_numbers(packed: bytes) -> NDArray[np.float64]:
    """Return the numbers that `packed_numbers` made bytes of, to the last bit."""
    count, at = read_varint(packed, 0)
    flags = (count + 7) // 8
    is_ratio = np.unpackbits(np.frombuffer(packed, dtype=np.uint8, count=flags, offset=at), count=count).astype(bool)
    at += flags
    numerator, denominator = np.empty(int(is_ratio.sum())), np.empty(int(is_ratio.sum()))
    for k in range(len(numerator)):
        value, at = read_varint(packed, at)
        numerator[k] = -(value >> 1) if value & 1 else value >> 1
    for k in range(len(denominator)):
        value, at = read_varint(packed, at)
        denominator[k] = value
    found = np.empty(count, dtype=np.float64)
    found[is_ratio] = numerator / denominator
    others = np.frombuffer(packed, dtype=np.uint8, offset=at)
    found[~is_ratio] = np.frombuffer(others.reshape(8, -1).T.tobytes(), dtype="<f8") if len(others) else 0.0
    return found


def as_ratios(
    numbers: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return (numerator, denominator, whether numerator / denominator is the number to the last bit), by continued fractions.

    >>> [x.tolist() for x in as_ratios(np.array([0.75, -2.0, 2 / 3, 2.0**0.5]))]
    [[3.0, -2.0, 2.0, -1.0], [4.0, 1.0, 3.0, 1.0], [True, True, True, False]]
    """
    size, is_negative = np.abs(numbers), np.signbit(numbers)
    above, numerator = np.zeros_like(size), np.ones_like(size)
    below, denominator = np.ones_like(size), np.zeros_like(size)
    rest, found = size.copy(), np.zeros(len(size), dtype=bool)
    p, q = np.ones_like(size), np.ones_like(size)
    is_plain = np.isfinite(size) & ~(is_negative & (size == 0.0))  # -0.0 has no sign as a ratio
    rest[~is_plain] = 0.0
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            whole = np.floor(rest)
            above, numerator = numerator, whole * numerator + above
            below, denominator = denominator, whole * denominator + below
            is_small = (denominator <= LARGEST_DENOMINATOR) & (numerator < LARGEST_NUMERATOR) & is_plain
            fits = ~found & is_small & (numerator / denominator == size)
            p[fits], q[fits] = numerator[fits], denominator[fits]
            found |= fits
            rest = 1.0 / (rest - whole)
            rest[~np.isfinite(rest)] = 0.0
    return np.where(is_negative | ~found, -p, p), q, found


def packed_places(places: Sequence[int]) -> bytes:
    """Return places as bytes: the step from the highest place so far (1: the next new one), 0 for steps below it.

    A list names most numbers for the first time: that is a row of equal bytes, which deflates to nothing.
    """
    parts, highest = bytearray(), -1
    for place in places:
        back = highest + 1 - place  # 0: a number that was not named before
        highest = max(highest, place)
        parts += bytes([back]) if back < MANY else bytes([MANY]) + varint(back)
    return bytes(parts)


def unpacked_places(packed: bytes, count: int) -> tuple[list[int], int]:
    """Return (the places that `packed_places` made bytes of, bytes that they took)."""
    found, highest, at = [], -1, 0
    for _ in range(count):
        back = packed[at]
        at += 1
        if back == MANY:
            back, at = read_varint(packed, at)
        place = highest + 1 - back
        highest = max(highest, place)
        found.append(place)
    return found, at


def of_runs(runs: Sequence[int]) -> list[int]:
    """Return the places of (first, length) pairs of runs that rise by one: the form of the first dictionary's payloads."""
    return [
        place for first, length in zip(runs[::2], runs[1::2], strict=True) for place in range(first, first + length)
    ]


def varint(value: int) -> bytes:
    """Return a whole number of 0 or above in as few bytes as it needs, seven bits each, lowest first."""
    found = bytearray()
    while value >= 128:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def read_varint(packed: bytes, at: int) -> tuple[int, int]:
    """Return (the number that `varint` wrote at a place, the place after it)."""
    value, shift = 0, 0
    while True:
        byte = packed[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
