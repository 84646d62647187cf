"""Work on ranges of rows by two threads: for compiled functions that let go of the interpreter's lock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

THREADS = 2
FEWEST_ROWS = 50_000  # below these a second thread costs more than it brings


def on_ranges(work: Callable[[int, int], object], bounds: Sequence[int]) -> None:
    """Do work(bounds[k], bounds[k + 1]) for each k, several at a time; what one raises is raised here."""
    ranges = list(itertools.pairwise(bounds))
    if len(ranges) == 1:
        work(*ranges[0])
        return
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        list(pool.map(lambda part: work(*part), ranges))


def in_halves(work: Callable[[int, int], object], rows: int) -> None:
    """Do work(first, end) on all rows: by two threads where there are many."""
    on_ranges(work, [0, rows] if rows < FEWEST_ROWS else [0, rows // 2, rows])
