"""The promotion journal: who trained, promoted and rolled back which model version, when and why; append-only, hash-chained.

MLflow keeps an alias but not its history, so every change of a champion alias is a record here. A change that no command of
ours made (an alias moved by hand in MLflow's pages) is recorded as `moved_by_hand` by the first program that notices it.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.errors import InputError
from ledger.hash_chain import FIRST, Verdict, canonical, chained, verify
from models import registry
from models.registry import Settings

REGISTERED, PROMOTED, ROLLED_BACK = "registered", "promoted", "rolled_back"
MOVED_BY_HAND, REFUSED, OVERRIDE_REQUESTED = "moved_by_hand", "refused", "override_requested"
WITHDRAWN = "withdrawn"  # a registration taken back because the training that it belongs to failed
ALIAS_CHANGES = (PROMOTED, ROLLED_BACK, MOVED_BY_HAND)  # the actions after which another version may be champion
FILE = "promotions.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS promotions (
    sequence  INTEGER PRIMARY KEY,
    record_id TEXT NOT NULL UNIQUE,
    previous  TEXT NOT NULL,
    content   TEXT NOT NULL,
    hash      TEXT NOT NULL UNIQUE
);
CREATE TRIGGER IF NOT EXISTS promotions_never_change BEFORE UPDATE ON promotions
    BEGIN SELECT RAISE(ABORT, 'the promotion journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS promotions_never_go BEFORE DELETE ON promotions
    BEGIN SELECT RAISE(ABORT, 'the promotion journal is append-only'); END;
"""


class JournalError(InputError):
    """The promotion journal cannot be read or written."""


class Busy(InputError):
    """Another process changes an alias of this registry at this moment."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One record of the journal.

    at : instant (UTC) at which the record was written. For `moved_by_hand` the change itself lies between `not_before` and
        `at`; for every other action it is `at`.
    action : registered, withdrawn, promoted, rolled_back, moved_by_hand, refused or override_requested.
    model, version : the registered model's name and the version that the action is about; version is "" where the alias was
        removed.
    by : system user or authenticated subject who acted; "" where that is not known (a change made by hand).
    trained_by : who trained the version; "" where the run does not say.
    alias_before, alias_after : the champion version before and after, None where there was none.
    gates : the result of the gates, as `training.lifecycle.gates.Report.to_json` gives it; {} where none were run.
    """

    sequence: int
    record_id: str
    at: datetime
    action: str
    model: str
    version: str
    by: str
    why: str
    trained_by: str
    digest: str
    run_id: str
    alias_before: str | None
    alias_after: str | None
    not_before: str
    second_person: str
    gates: Mapping[str, Any]
    hash: str


def system_user() -> str:
    """Return the account name of this process by its user id; environment variables such as USER are not consulted."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


class Journal:
    """The promotion journal in one SQLite file; several processes may read it and append to it at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connection() as connection:
                connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as failed:
            raise JournalError(
                f"{path}: the promotion journal cannot be opened ({failed}); nothing was changed."
            ) from failed

    @classmethod
    def of(cls, settings: Settings) -> Journal:
        """Return the journal of these settings: `promotions.sqlite` in their home."""
        return cls(settings.home / FILE)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            yield connection
        finally:
            connection.close()

    def append(
        self, action: str, model: str, version: str, *, doing: Callable[[], None] | None = None, **content: Any
    ) -> Entry:
        """Append one record, stamped with this instant (UTC), and return it. Raises JournalError where that fails.

        doing : the change that the record is about; run after the record was written and before it is committed, so that
            neither stands without the other. Where it raises, the record is taken back.
        """
        record = {
            "at": datetime.now(UTC).isoformat(timespec="microseconds"), "action": action, "model": model, "version": version,
            **content,
        }  # fmt: skip
        record_id, text = uuid.uuid4().hex, canonical(record)
        try:
            with self._connection() as connection:
                connection.execute("BEGIN IMMEDIATE")
                last = connection.execute(
                    "SELECT hash, sequence FROM promotions ORDER BY sequence DESC LIMIT 1"
                ).fetchone()
                previous, sequence = (last[0], last[1] + 1) if last else (FIRST, 1)
                own = chained(previous, record_id, text)
                connection.execute(
                    "INSERT INTO promotions VALUES (?, ?, ?, ?, ?)", (sequence, record_id, previous, text, own)
                )
                if doing is not None:
                    doing()
                connection.execute("COMMIT")
        except sqlite3.Error as failed:
            raise JournalError(f"{self.path}: the promotion journal cannot be written ({failed}).") from failed
        return _entry(sequence, record_id, text, own)

    def entries(self, model: str | None = None) -> list[Entry]:
        """Return all records in order, or those of one registered model."""
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT sequence, record_id, content, hash FROM promotions ORDER BY sequence"
            ).fetchall()
        return [entry for row in rows if (entry := _entry(*row)) and model in (None, entry.model)]

    def last_change(self, model: str) -> Entry | None:
        """Return the record of the last change of a model's champion alias, None where there is none."""
        return next((e for e in reversed(self.entries(model)) if e.action in ALIAS_CHANGES), None)

    def verify(self) -> Verdict:
        """Return whether every record holds: each hash, each link, no gap."""
        with self._connection() as connection:
            return verify(
                connection.execute(
                    "SELECT sequence, record_id, previous, content, hash FROM promotions ORDER BY sequence"
                )
            )


def _entry(sequence: int, record_id: str, text: str, own: str) -> Entry:
    content = json.loads(text)
    return Entry(
        sequence=sequence, record_id=record_id, at=datetime.fromisoformat(content["at"]), action=content["action"],
        model=content["model"], version=content["version"], by=content.get("by", ""), why=content.get("why", ""),
        trained_by=content.get("trained_by", ""), digest=content.get("digest", ""), run_id=content.get("run_id", ""),
        alias_before=content.get("alias_before"), alias_after=content.get("alias_after"),
        not_before=content.get("not_before", ""), second_person=content.get("second_person", ""),
        gates=content.get("gates", {}), hash=own,
    )  # fmt: skip


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the lock under which aliases change; raises Busy where another process holds it."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "promotions.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            raise Busy(
                "another promotion is being made on this registry; wait until it has ended, then try again."
            ) from busy
        yield


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The champion at an instant: its version and the record since which it is champion. version : None where none was."""

    model: str
    version: str | None
    since: Entry | None


def served_at(journal: Journal, model: str, at: datetime) -> Champion:
    """Return which version was champion of a registered model at an instant, by the journal.

    Parameters
    ----------
    at : datetime
        An aware instant. A change counts from its record's `at` on; a change made by hand counts from the instant at which
        it was noticed, and its record's `not_before` says since when it may already have held.
    """
    changes = [e for e in journal.entries(model) if e.action in ALIAS_CHANGES and e.at <= at]
    if not changes:
        return Champion(model=model, version=None, since=None)
    return Champion(model=model, version=changes[-1].alias_after, since=changes[-1])


def notice(settings: Settings, model: str) -> Entry | None:
    """Record a champion alias that was moved outside of `promote` and `rollback`; return the record, None if none was.

    Compares the alias in the registry with the journal's last change of it. While a promotion is being made nothing is
    compared: its record follows at once. A champion of a registry that has no journal yet is recorded too.
    """
    try:
        actual: str | None = registry.version_at(settings, model)
    except registry.NoModel:
        actual = None
    journal = Journal.of(settings)
    if _recorded(journal, model) == actual:
        return None
    try:
        with alone(settings):
            # read again under the lock: a promotion may have ended between the two reads
            try:
                actual = registry.version_at(settings, model)
            except registry.NoModel:
                actual = None
            before = journal.last_change(model)
            if (None if before is None else before.alias_after) == actual:
                return None
            return journal.append(
                MOVED_BY_HAND, model, actual or "", **version_facts(settings, model, actual or ""), by="",
                why="the alias was changed outside of promote and rollback (MLflow's pages or its interface)",
                alias_before=None if before is None else before.alias_after, alias_after=actual,
                not_before="" if before is None else before.at.isoformat(),
            )  # fmt: skip
    except Busy:  # its own record follows at once
        return None


def _recorded(journal: Journal, model: str) -> str | None:
    last = journal.last_change(model)
    return None if last is None else last.alias_after


def version_facts(settings: Settings, model: str, version: str) -> dict[str, Any]:
    """Return what a record says of a registered version: its digest, its run and who trained it.

    All are empty for no version (""), and for one whose files are not those that were registered.
    """
    if not version:
        return {}
    try:
        return facts_of(registry.load(settings, model, version))
    except registry.DigestMismatch:
        return {"digest": "", "run_id": "", "trained_by": ""}


def facts_of(served: registry.Served) -> dict[str, Any]:
    """Return the same of a loaded version."""
    return {"digest": served.digest, "run_id": served.run_id, "trained_by": served.tags.get("mlflow.user", "")}


def with_journal(settings: Settings, served: registry.Served) -> registry.Served:
    """Return a champion with `promoted_at` and `promoted_by` as the journal's last change of its alias says.

    Both are empty where the last change is about another version. A change made by hand has the instant at which it was
    noticed and "moved by hand" in place of a person.
    """
    last = Journal.of(settings).last_change(served.name)
    if last is None or last.alias_after != served.version:
        return replace(served, promoted_at="", promoted_by="")
    return replace(
        served,
        promoted_at=last.at.isoformat(timespec="seconds"),
        promoted_by=last.by or "moved by hand in the registry",
    )
