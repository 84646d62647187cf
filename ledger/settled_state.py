"""The settled state that is kept beside a ledger: its checked tables and its settlement as columns, read one by one.

Reading, checking and settling a ledger of a million invoices takes most of a report's time. The first report writes what
it read and settled into `.settled/` in the ledger's folder; later ones read only the columns that they need. The state is
used only where it was made of these very files (SHA-256 of their bytes) by this very code (SHA-256 of the modules of
`ledger/`); each column is checked by its own digest when it is read. Settlement holds every version of an item by known
day, so one state serves a report of any day. Nothing here is needed: a folder that cannot be written to works without.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ledger.column_files import (
    ENDING,
    Reference,
    UnusableColumn,
    read_array,
    read_arrow,
    read_series,
    write_array,
    write_arrow,
    write_series,
)
from ledger.errors import InputError
from ledger.file_digests import digest_of_files
from ledger.ledger import Ledger, LedgerError, read_ledger
from ledger.text_codes import Texts, texts_of

FOLDER, MANIFEST, LAYOUT = ".settled", "state.json", 1
IS_PLAIN = (bool, int, float, str, type(None))
Say = Callable[[str], None]


def _silent(_line: str) -> None:
    """Ignore what is reported."""


def settled_ledger(path: str | Path, *, say: Say = _silent) -> Ledger:
    """Return the ledger of a folder or DuckDB file, checked and settled; from the state beside it where that is usable.

    Tables and the settlement's arrays are read when they are first used, column by column. The result is equal to the
    last bit to that of `read_ledger` and `settle`.

    Parameters
    ----------
    path : the ledger's folder, or a `.duckdb` file.
    say : called with one line where a state was there and could not be used, and was made again.

    Raises
    ------
    LedgerError : as `read_ledger`. An amount that cannot be brought to the reporting currency is no error here: `settle`
        raises it.
    """
    path = Path(path)
    if not path.exists() or not _code_digest():
        return read_ledger(path)
    place, source = place_of(path), digest_of_files(path)
    manifest, reason = _manifest(place, source)
    if manifest is not None:
        return _opened(place, manifest, functools.partial(_again, path, source, say))
    if reason is not None:
        say(f"{path}: the settled state beside it {reason}; it is made again.")
    read = _settled(read_ledger(path))
    if digest_of_files(path) == source:  # else the files changed meanwhile, and what was read has no name
        with contextlib.suppress(OSError):  # a folder that cannot be written to works without
            _keep(place, read, source)
    return read


def place_of(path: Path) -> Path:
    """Return the folder that holds the settled state of a ledger."""
    return path / FOLDER if path.is_dir() else path.with_name(path.name + FOLDER)


def _settled(read: Ledger) -> Ledger:
    """Return the ledger with its settlement; without where its amounts have no common currency."""
    from ledger.settlement import settle

    try:
        settlement = settle(read)
    except LedgerError:
        return read
    return Ledger(tables=read.tables, settlement=lambda: settlement)


def _again(path: Path, source: str, say: Say, damage: UnusableColumn) -> Ledger:
    """Return the ledger read and settled anew, because a column of its state is damaged; the state is written again.

    Raises InputError where the files are not those that the state was made of any more.
    """
    say(f"{path}: the settled state beside it is damaged ({damage}); it is made again.")
    read = _settled(read_ledger(path))
    place = place_of(path)
    if digest_of_files(path) != source:
        raise InputError(f"{path}: the ledger was changed while it was read; run the command again.")
    with contextlib.suppress(OSError):
        for file in place.glob(f"*{ENDING}"):  # where one is damaged, others may be
            file.unlink()
        _keep(place, read, source)
    return read


def _keep(place: Path, read: Ledger, source: str) -> None:
    """Write the state. What cannot be written exactly is not kept: the next report reads and settles again."""
    place.mkdir(parents=True, exist_ok=True)
    try:
        state: dict[str, Any] = {
            "layout": LAYOUT, "code": _code_digest(), "ledger": source,
            "last_known_on": _last_known_on(read), "currencies": sorted(read.currencies),
            "tables": {
                name: {"rows": len(frame), "columns": {str(c): write_series(place, frame[c]) for c in frame.columns}}
                for name, frame in read.tables.items()
            },
            "settlement": None if read.settlement is None else _written(place, read.settlement()),
        }  # fmt: skip
    except TypeError:
        return
    state["digest"] = _digest(state)
    unfinished = place / f".{MANIFEST}.{os.getpid()}"
    unfinished.write_text(json.dumps(state), encoding="utf-8")
    os.replace(unfinished, place / MANIFEST)
    kept = {column["file"] + ENDING for column in _columns(state)} | {MANIFEST}
    for file in place.iterdir():
        if file.name not in kept:
            file.unlink(missing_ok=True)


def _last_known_on(read: Ledger) -> str | None:
    try:
        return read.last_known_on.isoformat()
    except LedgerError:
        return None


def _manifest(place: Path, source: str) -> tuple[dict[str, Any] | None, str | None]:
    """Return the usable state's manifest, or None and why what is there is not usable (None: nothing is there)."""
    try:
        state = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError):
        return None, "cannot be read"
    if not isinstance(state, dict) or state.get("digest") != _digest({k: v for k, v in state.items() if k != "digest"}):
        return None, "was altered or cut off"
    if state.get("layout") != LAYOUT or state["code"] != _code_digest():
        return None, "is of another version of this program"
    if state["ledger"] != source:
        return None, "is of other files: the ledger has changed"
    lacking = sum(not (place / f"{column['file']}{ENDING}").exists() for column in _columns(state))
    return (None, f"lacks {lacking:,} of its files") if lacking else (state, None)


def _digest(state: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


@functools.cache
def _code_digest() -> str:
    """Return the digest of the code that reads, checks and settles; empty where it has no source files to tell by."""
    whole = hashlib.sha256()
    files = sorted(Path(__file__).parent.glob("*.py"))
    for file in files:
        whole.update(file.name.encode() + b"\0" + file.read_bytes())
    return whole.hexdigest() if files else ""


def _columns(reference: Any) -> Iterator[Reference]:
    """Yield every reference to a column in a manifest."""
    if isinstance(reference, Mapping):
        if isinstance(reference.get("file"), str):
            yield dict(reference)
        for part in reference.values():
            yield from _columns(part)


def _written(place: Path, value: Any) -> Any:
    """Write a value's arrays; return what `_read` reads it by. Raises TypeError for a value of no known kind."""
    if isinstance(value, np.ndarray):
        return {"is": "array", **write_array(place, value)}
    if isinstance(value, Texts):
        return {"is": "texts", "file": write_arrow(place, value.array)}
    if is_dataclass(value) and not isinstance(value, type):
        stored = {f.name: _written(place, getattr(value, f.name)) for f in fields(value)}
        return {"is": "parts", "class": [type(value).__module__, type(value).__name__], "fields": stored}
    if isinstance(value, IS_PLAIN):
        return {"is": "value", "value": value}
    raise TypeError(f"a settled state holds no {type(value).__name__}")


class _Opened:
    """An open state: reads columns; where one is damaged, reads and settles the ledger again, once, and goes on with that."""

    def __init__(self, place: Path, again: Callable[[UnusableColumn], Ledger]) -> None:
        self.place, self._again = place, again
        self._fresh: Ledger | None = None
        self._used: dict[tuple[str, ...], Any] = {}

    def settled(self, reference: Reference, path: tuple[str, ...]) -> Any:
        """Return one value of the settlement by the names of the fields that lead to it."""
        if reference["is"] == "parts":
            return _lazy_parts(self, reference, path)
        if reference["is"] == "value":
            return reference["value"]
        try:
            if reference["is"] == "texts":
                return texts_of(read_arrow(self.place, reference["file"]))
            self._used[path] = read_array(self.place, reference)
            return self._used[path]
        except UnusableColumn as damage:
            return functools.reduce(getattr, path, self.fresh(damage).settlement())  # type: ignore[misc]

    def column(self, name: str, column: str, reference: Reference) -> pd.Series:
        """Return one column of a table."""
        try:
            return read_series(self.place, reference)
        except UnusableColumn as damage:
            return self.fresh(damage)[name][column]

    def fresh(self, damage: UnusableColumn) -> Ledger:
        """Return the ledger read and settled again. Raises InputError where it is not the one that was used so far."""
        if self._fresh is None:
            self._fresh = self._again(damage)
            for path, values in self._used.items():
                if not np.array_equal(values, functools.reduce(getattr, path, self._fresh.settlement())):  # type: ignore[misc]
                    raise InputError("the settled state of the ledger was damaged; run the command again.")
        return self._fresh


class _Tables(Mapping[str, pd.DataFrame]):
    """The tables of an open state, each read when it is first used."""

    def __init__(self, opened: _Opened, stored: Mapping[str, Any]) -> None:
        self._opened, self._stored = opened, stored
        self._frames: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            columns = {column: self.column(name, column) for column in self._stored[name]["columns"]}
            frame = pd.DataFrame(columns, index=pd.RangeIndex(self._stored[name]["rows"]), copy=False)
            self._frames[name] = frame
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def column(self, name: str, column: str) -> pd.Series:
        """Return one column of a table without reading the others."""
        if name in self._frames:
            return self._frames[name][column]
        return self._opened.column(name, column, self._stored[name]["columns"][column])


def _opened(place: Path, manifest: Mapping[str, Any], again: Callable[[UnusableColumn], Ledger]) -> Ledger:
    """Return the ledger of a usable state."""
    opened, stored = _Opened(place, again), manifest["settlement"]
    settlement = None if stored is None else _lazy_parts(opened, stored, ())
    read = Ledger(tables=_Tables(opened, manifest["tables"]), settlement=settlement and (lambda: settlement))
    if manifest["last_known_on"] is not None:  # what would read three tables
        read.__dict__["last_known_on"] = date.fromisoformat(manifest["last_known_on"])
    read.__dict__["currencies"] = frozenset(manifest["currencies"])
    return read


def _lazy_parts(opened: _Opened, reference: Reference, path: tuple[str, ...]) -> Any:
    """Return a dataclass of the state whose fields are read when they are first used."""
    parts: Any = object.__new__(_lazy_class(*reference["class"]))
    object.__setattr__(parts, "_read", lambda name: opened.settled(reference["fields"][name], (*path, name)))
    return parts


@functools.cache
def _lazy_class(module: str, name: str) -> type:
    """Return a subclass of a dataclass of this room that reads its fields by `_read`."""
    if not module.startswith("ledger."):
        raise UnusableColumn(f"{module}.{name} is no class of a ledger")
    whole = getattr(importlib.import_module(module), name)
    names = {field.name for field in fields(whole)}

    def read_field(self: Any, field: str) -> Any:
        if field not in names:
            raise AttributeError(f"{name} has no {field}")
        value = self._read(field)
        object.__setattr__(self, field, value)
        return value

    return type(name, (whole,), {"__getattr__": read_field, "__doc__": whole.__doc__})
