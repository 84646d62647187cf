"""Print results of commands: a table for a person, JSON for a program, progress on standard error."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from tqdm import tqdm

T = TypeVar("T")
WIDEST = 4_000  # characters: wider than any table of ours, so that no cell is cut

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def print_json(result: Any) -> None:
    """Print `result` as JSON with dates in ISO form; a NaN is an error, since JSON has none."""
    click.echo(json.dumps(result, indent=2, default=str, ensure_ascii=False, allow_nan=False))


def attention(line: str) -> None:
    """Print one line on standard error."""
    click.echo(line, err=True)


def table(rows: Iterable[Sequence[Any]], header: Sequence[str]) -> str:
    """Return rows as aligned text: the first column to the left, the rest to the right; no cell is cut or wrapped."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, name in enumerate(header):
        grid.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        grid.add_row(*(str(cell) for cell in row))
    written = io.StringIO()
    console = Console(file=written, width=WIDEST, highlight=False, markup=False, emoji=False)
    console.print(grid, crop=False)
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip().splitlines())


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show a spinner with `what` on standard error while the block runs; nothing where that is not a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} …"):
        yield


def progress(items: Iterable[T], *, what: str, total: int | None = None) -> Iterable[T]:
    """Yield the items under a progress bar on standard error, off where that is not a terminal."""
    return tqdm(items, desc=what, total=total, file=sys.stderr, disable=not sys.stderr.isatty(), delay=2.0, leave=False)
