"""A proposed mapping for a file or a folder of files, each line with its evidence, and the totals that it would give."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from importing.engine.format import Stated, plain
from importing.engine.source import files_in
from importing.guess.columns import SampledFile, sample_of
from importing.guess.mapping_text import text_of
from importing.guess.roles import (
    UNUSED,
    customers_on_row,
    has_payment_rows,
    payments_on_row,
    pays_on_row,
    roles_of,
    section_of,
)
from importing.guess.scoring import guess_of
from importing.guess.trial import trial
from ledger.contract import TABLES
from ledger.errors import InputError


def proposal(
    paths: Path | str | Iterable[Path | str], known_on: date | None = None, stated: Stated | None = None
) -> str:
    """Return a mapping file as text for a person to confirm or correct, with the control totals that it would give.

    Parameters
    ----------
    paths : a file, or files and folders that belong together (invoices, payments, customers).
    stated : what the user says of the files (encoding, sheet).
    known_on : the day of the trial import that the totals are of; None: 2100-01-01, after every date of a source.

    Raises
    ------
    InputError : a file that is no table, or no file in which invoices can be found.
    """
    given = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    files = files_in(given)
    sampled = [sample_of(path, stated) for path in files]
    if own := _own_tables(sampled):
        return f"# {own}: these have the ledger's own columns; import them without a mapping.\n"
    empty = [f.path.name for f in sampled if not f.rows]
    sampled = [f for f in sampled if f.rows]
    if not sampled:
        raise InputError(f"{', '.join(empty)}: no rows below the header; there is nothing to guess from.")
    guesses = [guess_of(file) for file in sampled]
    roles = roles_of(guesses)
    sections = {table: section_of(table, guess, roles) for table, guess in roles.items()}
    if "invoices" not in sections:
        fixed = [f.path.name for f in sampled if len(f.columns) == 1 and re.search(r"\S {2,}\S", f.columns[0].header)]
        raise InputError(
            f"{', '.join(fixed)}: columns of fixed width; open it in a spreadsheet and save it as CSV."
            if fixed
            else f"{', '.join(f.path.name for f in sampled)}: no file reads as invoices; found the columns "
            f"{', '.join(c.header for f in sampled for c in f.columns)[:300]}. Write a mapping by hand (docs/importing.md)."
        )
    if "payments" not in sections and not has_payment_rows(roles["invoices"]) and pays_on_row(roles["invoices"]):
        sections["payments"] = payments_on_row(roles["invoices"])
    if "customers" not in sections and ("customers", "name") in roles["invoices"].choices:
        sections["customers"] = customers_on_row(roles["invoices"])
    text = text_of(sections, roles, files, stated or Stated())
    unused = {guess.file.path for role, guess in roles.items() if role.startswith(UNUSED)}
    used = [path for path in files if path not in unused and path.name not in empty]
    text += "".join(f"# noticed: {name}: no rows below the header; leave it out of the import\n" for name in empty)
    return text + trial(text, used, roles["invoices"], known_on or date(2100, 1, 1))


def _own_tables(files: list[SampledFile]) -> str:
    """Return the names of the files where all have the ledger's own columns; empty where one does not."""
    names = []
    for file in files:
        headers = {plain(c.header) for c in file.columns}
        fits = [
            name for name, table in TABLES.items()
            if all(plain(k) in headers for k in table.key) and headers <= {plain(c) for c in table.columns}
            and len(headers) > 1
        ]  # fmt: skip
        if not fits:
            return ""
        names.append(file.path.name)
    return ", ".join(names)
