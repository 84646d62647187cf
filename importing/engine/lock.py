"""One import at a time into one ledger: the folder itself is locked, and the lock ends with the process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import InputError


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the ledger folder, made where it is missing; an empty folder is removed again at the end.

    Raises InputError where another import holds it, or where it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: imports write a folder, and this is a file; name another --out.")
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder}: another import is writing into this ledger; wait until it has ended and start this one again."
            ) from None
        try:
            yield
        finally:
            if not any(folder.iterdir()):
                folder.rmdir()
    finally:
        os.close(held)
