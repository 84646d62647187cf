"""How commands print: a table for a person, JSON for a program, a progress bar on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import click
from tqdm import tqdm

T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def print_json(result: Any) -> None:
    """Print `result` as JSON with dates in ISO form; a NaN is an error, since JSON has none."""
    click.echo(json.dumps(result, indent=2, default=str, ensure_ascii=False, allow_nan=False))


def table(rows: Iterable[Sequence[Any]], header: Sequence[str]) -> str:
    """Rows as aligned text: the first column to the left, the rest to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(header), *texts]) for i in range(len(header))]
    lines = []
    for line in [list(header), ["-" * w for w in widths], *texts]:
        cells = [line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def progress(items: Iterable[T], *, what: str, total: int | None = None) -> Iterable[T]:
    """The same items under a progress bar on standard error, off where that is not a terminal."""
    return tqdm(items, desc=what, total=total, file=sys.stderr, disable=not sys.stderr.isatty(), delay=2.0, leave=False)
