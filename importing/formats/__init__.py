"""Exports of other systems made into ledgers: one file a format here, one mechanism for all of them.

`formats()` finds the formats: every module of this package that holds a `FORMAT`.
"""

from __future__ import annotations

import importlib
import pkgutil

from importing.engine.format import Format
from ledger.errors import InputError


def formats() -> dict[str, Format]:
    """Format name -> format, in alphabetical order."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        fmt = getattr(importlib.import_module(f"{__name__}.{module.name}"), "FORMAT", None)
        if isinstance(fmt, Format):
            found[fmt.name] = fmt
    return dict(sorted(found.items()))


def format_named(name: str) -> Format:
    """Return the format of that name. Raises InputError with the names there are."""
    known = formats()
    if name not in known:
        raise InputError(f"no format is called '{name}'; there are {', '.join(known)}.")
    return known[name]
