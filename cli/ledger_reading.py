"""Read a ledger as every command does: refused where a row breaks a rule, or with --quarantine without such rows, counted and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ledger.ledger import Ledger

HELP = "Read without the rows that break a rule of the ledger, and say how many."


def quarantine_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flag --quarantine, as parameter `quarantine`, to a command that reads a ledger."""
    return click.option("--quarantine", is_flag=True, help=HELP)(command)


def read(path: Path, *, quarantine: bool = False) -> Ledger:
    """Return a ledger read and checked. Raises LedgerError naming every row that breaks a rule, unless quarantined.

    quarantine : leave such rows out; they are counted and named on standard error.
    """
    from ledger.ledger import read_ledger
    from ledger.odd_rows import OddRow, named

    if not quarantine:
        return read_ledger(path)
    left_out: list[OddRow] = []
    ledger = read_ledger(path, left_out=left_out)
    if left_out:
        click.echo(f"read without {len({(r.table, r.key) for r in left_out}):,} rows:\n{named(left_out)}", err=True)
    return ledger
