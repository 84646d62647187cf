"""The digest of a ledger's files: what names the state that was made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ledger.contract import TABLES


def digest_of_files(path: Path) -> str:
    """Return 64 hex digits of the names and bytes of every file that `read_ledger` reads of a ledger.

    Parameters
    ----------
    path : a folder of tables, or a `.duckdb` file (its write-ahead log is read too).

    Raises
    ------
    OSError : a file cannot be read.
    """
    whole = hashlib.sha256()
    for name, file in _files(path):
        with file.open("rb") as content:
            whole.update(f"{name}\0{hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name inside the ledger, file), in one order."""
    if path.is_file():
        yield path.name, path
        log = path.with_name(f"{path.name}.wal")
        if log.exists():
            yield log.name, log
        return
    for table in TABLES:
        parquet = path / f"{table}.parquet"
        for place in (parquet, path / f"{table}.superseded"):
            if place.is_dir():
                for file in sorted(place.rglob("*.parquet")):
                    yield str(file.relative_to(path)), file
        for file in (parquet, path / f"{table}.csv"):
            if file.is_file():
                yield file.name, file
