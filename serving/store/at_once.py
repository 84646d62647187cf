"""Write to a SQLite store from the event loop: on a connection of its own that never waits for another writer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from serving.store.store import Store

WRITES_BETWEEN_CHECKPOINTS = (
    300  # every so many writes one is left to a thread, which moves the write-ahead log into the file
)


class Busy(Exception):
    """Another writer holds the store, or the write failed: nothing was written, and a thread should write in its place."""


class AtOnce:
    """Writes that never wait. One thread at a time uses it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._connection: Connection | None = None
        self._writes = 0
        self._owner = 0

    @contextmanager
    def writing(self) -> Iterator[Connection | None]:
        """One transaction that is on the disk when it ends. Yields None where a thread should write in its place.

        Raises Busy where the store is held by another writer.
        """
        self._writes += 1
        if not self.store.is_sqlite or self._writes % WRITES_BETWEEN_CHECKPOINTS == 0 or not self.store.try_lock():
            yield None
            return
        try:
            connection = self._open()
            with connection.begin():
                yield connection
        except DBAPIError:
            self.close()
            raise Busy from None
        finally:
            self.store.unlock()

    def _open(self) -> Connection:
        if self._connection is None or self._owner != threading.get_ident():
            self.close()
            connection = self.store.engine.connect()
            connection.exec_driver_sql("PRAGMA busy_timeout = 0")
            connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 0")
            connection.rollback()
            self._connection, self._owner = connection.execution_options(writes=True), threading.get_ident()
        return self._connection

    def close(self) -> None:
        """Close the connection and take it out of the pool: its settings are not those of the others."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
