"""Open the store, bring it to the newest form, and read and write it in transactions."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from ledger.errors import InputError
from serving.store.tables import FACTS

NEWEST = "0002"  # the last revision in migrations/versions
BUSY_SECONDS = 10.0  # how long a writer waits for another one
MIGRATIONS = Path(__file__).parent / "migrations"
WRITER_LOCK = 7_216_330_104  # PostgreSQL's advisory lock of the one writer: any fixed number


class StoreUnavailable(InputError):
    """The store cannot be read or written now: locked, full, gone. The message says which, without any value."""


class Store:
    """A store at an SQLAlchemy URL; any number of threads and processes may use it at once, one of them writes.

    Raises InputError for a URL that is none, StoreUnavailable where the store cannot be opened.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url: URL = make_url(url)
        except ArgumentError:
            raise InputError(
                "TRADECREDIT_STORE: must be an SQLAlchemy URL, e.g. sqlite:////var/lib/x.sqlite."
            ) from None
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if not self.is_sqlite and self.url.get_backend_name() != "postgresql":
            raise InputError("TRADECREDIT_STORE: must be a sqlite or postgresql URL.")
        self._lock = threading.RLock()
        self.engine = self._engine()
        self._migrate()

    @classmethod
    def at(cls, path: Path) -> Store:
        """Return the store in one SQLite file, made where it does not exist."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{path}")

    @property
    def path(self) -> Path | None:
        """Return the SQLite file; None for PostgreSQL."""
        return Path(str(self.url.database)) if self.is_sqlite else None

    def _engine(self) -> Engine:
        if not self.is_sqlite:
            url = self.url.set(drivername="postgresql+psycopg")
            try:
                return create_engine(url, pool_pre_ping=True, pool_size=5, connect_args={"connect_timeout": 5})
            except (NoSuchModuleError, ModuleNotFoundError) as lacking:
                raise InputError(f"TRADECREDIT_STORE: {lacking}; install tradecredit[postgresql].") from None
        path = Path(str(self.url.database))
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            self.url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "isolation_level": None}
        )

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _: Any) -> None:
            # an answer leaves only after what it wrote is on the disk; deleted keys are overwritten, not only unlinked
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(
                "BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN"
            )

        return engine

    def _migrate(self) -> None:
        """Bring the database to the newest form, one process at a time; a database that is there already costs one read."""
        with _named_errors():
            if self._revision() == NEWEST:
                return
            with self._alone():
                if self._revision() != NEWEST:
                    self._upgrade()

    def _revision(self) -> str | None:
        with self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None and str(found) > NEWEST:
            raise InputError(f"the store has form {found}, this release knows up to {NEWEST}: use a newer release.")
        return None if found is None else str(found)

    def _upgrade(self) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self.is_sqlite:
            with open(f"{self.url.database}.lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        else:
            with self.engine.connect() as connection:
                connection.execute(text(f"SELECT pg_advisory_lock({WRITER_LOCK + 1})"))
                try:
                    yield
                finally:
                    connection.execute(text(f"SELECT pg_advisory_unlock({WRITER_LOCK + 1})"))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads. Raises StoreUnavailable where the store does not answer."""
        with _named_errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that writes and is on the disk when it ends; no other writer runs meanwhile, in any process.

        Raises StoreUnavailable where it cannot be written; nothing of it is kept then.
        """
        with self._lock, _named_errors(), self.engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                if not self.is_sqlite:
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})"))
                yield connection

    def try_lock(self) -> bool:
        """Take this process's right to write, where no other thread has it; `unlock` gives it back."""
        return self._lock.acquire(blocking=False)

    def unlock(self) -> None:
        """Give back what `try_lock` took."""
        self._lock.release()

    def why_not_writable(self) -> str | None:
        """Return why the store cannot be written now; None where it can."""
        try:
            with self.writing() as connection:
                connection.execute(FACTS.delete().where(FACTS.c.name == "probe"))
                connection.execute(FACTS.insert().values(name="probe", value="written"))
        except StoreUnavailable as why:
            return str(why)
        return None

    def size(self) -> int:
        """Return the bytes that the store takes: SQLite's file and write-ahead log, PostgreSQL's whole database."""
        if self.path is not None:
            files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
            return sum(file.stat().st_size for file in files if file.exists())
        with self.reading() as connection:
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())

    def fact(self, name: str, make: Any = None) -> str | None:
        """Return a fact of the store; where it is not there yet, what `make` gives is kept and returned."""
        query = select(FACTS.c.value).where(FACTS.c.name == name)
        with self.reading() as connection:
            found = connection.execute(query).scalar()
        if found is None and make is not None:
            with self.writing() as connection:
                found = connection.execute(query).scalar()
                if found is None:
                    found = make()
                    connection.execute(FACTS.insert().values(name=name, value=found))
        return None if found is None else str(found)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


_SQLITE_WORDS = {
    "locked": "another process holds the store's lock", "full": "the disk of the store is full",
    "readonly": "the store is read-only", "unable to open": "the store's file cannot be opened",
    "disk i/o": "the disk of the store cannot be written or read", "malformed": "the store's file is damaged",
    "not a database": "the store's file is no database",
}  # fmt: skip


@contextmanager
def _named_errors() -> Iterator[None]:
    """Turn the driver's errors about the place (not about a statement) into StoreUnavailable."""
    try:
        yield
    except (OperationalError, DBAPIError) as failed:
        said = str(failed.orig).lower()
        if isinstance(failed, OperationalError) or failed.connection_invalidated:
            why = next((words for part, words in _SQLITE_WORDS.items() if part in said), "the store does not answer")
            raise StoreUnavailable(f"{why}; nothing was written.") from None
        known = next((words for part, words in _SQLITE_WORDS.items() if part in said), None)
        if known is None:
            raise
        raise StoreUnavailable(f"{known}; nothing was written.") from None
