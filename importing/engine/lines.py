"""The lines of a text file where they lie: one look over its bytes, and all lines as a table that copies none of them."""

from __future__ import annotations

import codecs
import hashlib
import mmap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

CHUNK = 1 << 20  # bytes looked at in one go: they stay in the cache
BATCH = 122_880  # lines that DuckDB takes at a time
BATCH_BYTES = 1 << 30  # at most, for lines that are very long: places in a batch are 32-bit numbers
TAB, NEWLINE, RETURN, QUOTE, DELETE = 9, 10, 13, 34, 127


@dataclass(frozen=True, kw_only=True)
class Bytes:
    """What a look over the bytes of a file tells.

    ends : (lines,) int64, for each line the place after its newline; the last line may have none.
    longest : bytes of the longest line.
    returns, pairs : carriage returns, and those of them that stand before a newline.
    strange : control characters that a table does not hold.
    is_ascii, is_utf8 : what the whole text is.
    """

    sha256: str = hashlib.sha256().hexdigest()
    size: int = 0
    ends: NDArray[np.int64]
    returns: int = 0
    pairs: int = 0
    quotes: int = 0
    tabs: int = 0
    strange: int = 0
    longest: int = 0
    is_ascii: bool = True
    is_utf8: bool = True
    ends_with_newline: bool = True


def look_over(path: Path) -> Bytes:
    """Return what one pass over the bytes of a file shows, and its hash, taken by another thread."""
    if path.stat().st_size == 0:
        return Bytes(ends=np.zeros(0, dtype=np.int64))
    with _mapped(path) as held, ThreadPoolExecutor(max_workers=1) as other_thread:
        digest = other_thread.submit(lambda: hashlib.sha256(held).hexdigest())
        data = np.frombuffer(held, np.uint8)
        try:
            ends, returns, pairs, quotes, tabs, strange = [], 0, 0, 0, 0, 0
            for at, chunk in _chunks(data):
                # control characters are few: only their places are looked at
                place = np.flatnonzero(chunk < 32)
                control = chunk[place]
                is_return = control == RETURN
                ends.append(place[control == NEWLINE] + (at + 1))
                following = at + place[is_return] + 1
                returns += len(following)
                pairs += int(np.count_nonzero(data[following[following < len(data)]] == NEWLINE))
                quotes += int(np.count_nonzero(chunk == QUOTE))
                here = int(np.count_nonzero(control == TAB))
                tabs += here
                strange += len(place) - len(ends[-1]) - len(following) - here + int(np.count_nonzero(chunk == DELETE))
            last = int(data[-1])
            is_ascii, is_utf8 = _encodings(data)
        finally:
            del data, chunk  # the map cannot be closed while something looks at it
        whole = np.concatenate([*ends, [len(held)]] if last != NEWLINE else ends)
        return Bytes(
            sha256=digest.result(),
            size=len(held),
            ends=whole,
            returns=returns,
            pairs=pairs,
            quotes=quotes,
            tabs=tabs,
            strange=strange,
            longest=_longest(whole),
            is_ascii=is_ascii,
            is_utf8=is_utf8,
            ends_with_newline=last in (NEWLINE, RETURN),
        )


def lines_of(path: Path, ends: NDArray[np.int64]) -> pa.Table:
    """All lines: line_number (from 1 on), and line, with its newline. The text stays in the file, mapped to memory."""
    held = pa.py_buffer(_mapped(path))
    batches, first = [], 0
    while first < len(ends):
        begin = int(ends[first - 1]) if first else 0
        last = min(first + BATCH, max(first + 1, int(np.searchsorted(ends, begin + BATCH_BYTES, side="right"))))
        places = np.concatenate([[0], ends[first:last] - begin]).astype(np.int32)
        text = held.slice(begin, int(places[-1]))
        line = pa.StringArray.from_buffers(last - first, pa.py_buffer(places), text)
        number = pa.array(np.arange(first + 1, last + 1, dtype=np.int64))
        batches.append(pa.record_batch([number, line], names=["line_number", "line"]))
        first = last
    return pa.Table.from_batches(batches, schema=pa.schema([("line_number", pa.int64()), ("line", pa.string())]))


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def _chunks(data: NDArray[np.uint8]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    return ((at, data[at : at + CHUNK]) for at in range(0, len(data), CHUNK))


def _longest(ends: NDArray[np.int64]) -> int:
    """Bytes of the longest line, a piece at a time: a difference of all ends would be as large as they are."""
    pieces = (np.diff(ends[max(at - 1, 0) : at + BATCH]) for at in range(0, len(ends), BATCH))
    return max(int(ends[0]), *(int(piece.max(initial=0)) for piece in pieces))


def _encodings(data: NDArray[np.uint8]) -> tuple[bool, bool]:
    """Return whether all of it is ASCII, and whether all of it is UTF-8."""
    decoder, is_ascii = codecs.getincrementaldecoder("utf-8")(), True
    try:
        for _, chunk in _chunks(data):
            if decoder.getstate()[0] or np.any(chunk >= 128):
                is_ascii = False
                decoder.decode(chunk.tobytes())
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False, False
    return is_ascii, True
