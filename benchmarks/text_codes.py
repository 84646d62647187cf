"""Time our text dictionary and grouped sort beside pyarrow's, pandas' and numpy's: `python -m benchmarks.text_codes [--rows N]`.

Ours stay only where this table shows a gain (docs/decisions/020-text-codes.md). All results are compared first: the codes
must mean the same texts, the orders must be equal row by row.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ledger.sorting import by_group
from ledger.text_codes import Dictionary

ROUNDS = 5


def columns(rows: int) -> dict[str, tuple[pd.Series, pd.Series]]:
    """Return cases as (ids of a table, a column of another table that refers to them): in order, and shuffled."""
    rng = np.random.default_rng(1)
    ids = pd.Series([f"INV-{number:09d}" for number in range(rows)], dtype="str")
    near = np.sort(rng.integers(0, rows, rows))
    far = rng.permutation(rows)
    return {
        "sorted as exports are": (ids, ids.iloc[near].reset_index(drop=True)),
        "shuffled": (ids.iloc[far].reset_index(drop=True), ids.iloc[rng.permutation(rows)].reset_index(drop=True)),
    }


def ours(ids: pd.Series, refers: pd.Series) -> np.ndarray:
    return Dictionary.of(ids).look_up(refers)


def by_pandas(ids: pd.Series, refers: pd.Series) -> np.ndarray:
    return pd.Index(ids).get_indexer(pd.Index(refers)).astype(np.int32)


def by_pyarrow(ids: pd.Series, refers: pd.Series) -> np.ndarray:
    import pyarrow.compute as pc

    return np.asarray(pc.index_in(pa.array(refers), value_set=pa.array(ids)), dtype=np.int32)


def median_of(work: Callable[[], Any]) -> tuple[float, float]:
    """Return the median (wall seconds, processor seconds) over the rounds, after one that does not count."""
    work()
    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return float(np.median(walls)), float(np.median(cpus))


def main() -> None:
    """Print one line a case and method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    print(f"{rows:,} rows; medians of {ROUNDS} rounds\n")
    print("| work | case | method | wall s | processor s |\n|---|---|---|---|---|")
    for case, (ids, refers) in columns(rows).items():
        methods = {"ours": ours, "pandas Index": by_pandas, "pyarrow index_in": by_pyarrow}
        answers = {name: method(ids, refers) for name, method in methods.items()}
        assert all((answer == answers["ours"]).all() for answer in answers.values()), case
        for name, method in methods.items():
            wall, cpu = median_of(lambda method=method, a=ids, b=refers: method(a, b))  # type: ignore[misc]
            print(f"| ids to codes | {case} | {name} | {wall:.3f} | {cpu:.3f} |")
    rng = np.random.default_rng(2)
    groups = rows // 20
    cases = {
        "sorted as exports are": (np.repeat(np.arange(groups, dtype=np.int32), 20), np.tile(np.arange(20), groups)),
        "shuffled": (rng.integers(0, groups, rows).astype(np.int32), rng.integers(0, 2000, rows)),
    }
    for case, (group, key) in cases.items():
        key = key.astype(np.int32)
        order, _ = by_group(group, groups, key)
        assert (order == np.lexsort((np.arange(len(group)), key, group))).all(), case
        for name, work in (
            ("ours", lambda g=group, k=key: by_group(g, groups, k)),
            ("numpy lexsort", lambda g=group, k=key: np.lexsort((k, g))),
        ):
            wall, cpu = median_of(work)  # type: ignore[arg-type]
            print(f"| rows by group and day | {case} | {name} | {wall:.3f} | {cpu:.3f} |")


if __name__ == "__main__":
    main()
