"""A ledger sent in a request's body: JSON rows become a checked ledger, or a sentence on what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ledger.errors import InputError
from ledger.ledger import TABLES, Ledger
from models.protected import refuse_protected
from serving.amounts import why_not_plain

Rows = Sequence[Mapping[str, Any]]


def sent_ledger(tables: Mapping[str, Rows]) -> Ledger:
    """The ledger of the tables sent. Raises InputError with the table, the column and the rule that was broken, and for an
    attribute that is protected: no model would use it, and nobody should send it."""
    frames = sent_tables(tables)
    lacking = [name for name in ("customers", "invoices") if name not in frames]
    if lacking:
        raise InputError(f"{' and '.join(lacking)}: must hold at least one row.")
    return Ledger.from_frames(**frames)


def sent_tables(tables: Mapping[str, Rows]) -> dict[str, Any]:
    """The tables sent as frames of texts; raises InputError for an unknown column and a protected attribute."""
    frames = {name: _frame(name, rows) for name, rows in tables.items() if rows}
    if "attributes" in frames and "name" in frames["attributes"]:
        refuse_protected(frames["attributes"]["name"].dropna().unique())
    return frames


def _frame(name: str, rows: Rows) -> pd.DataFrame:
    """One table's rows as text, as from a form: the ledger's own door gives each column its type and checks it."""
    present = list(dict.fromkeys(column for row in rows for column in row))
    unknown = [column for column in present if column not in TABLES[name].columns]
    if unknown:
        raise InputError(f"{name}: {', '.join(unknown)} are not columns; it has {', '.join(TABLES[name].columns)}.")
    if not present:
        raise InputError(f"{name}: the rows hold no column; it has {', '.join(TABLES[name].columns)}.")
    for column in (c for c in present if TABLES[name].columns[c].type == "number"):
        for place, row in enumerate(rows):
            cell = row.get(column)
            if isinstance(cell, str) and cell and (why := why_not_plain(cell)) is not None:
                raise InputError(f"{name}[{place}].{column}: {why}.")
    return pd.DataFrame({c: pd.Series([_text(row.get(c)) for row in rows], dtype="str") for c in present})


def _text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell or None
    return str(cell).lower() if isinstance(cell, bool) else repr(cell)
