"""The decision log: one record for each answer, only ever appended, each chained to the one before by its hash.

A record holds what an auditor needs to compute the answer again: the model versions and their digests, the ledger's
fingerprint, the inputs to the models to the last bit, and the answer as it was given.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.errors import InputError
from ledger.hash_chain import FIRST, Verdict, canonical, chained, verify

_SCHEMA = """
CREATE TABLE IF NOT EXISTS decisions (
    sequence    INTEGER PRIMARY KEY,
    decision_id TEXT NOT NULL UNIQUE,
    previous    TEXT NOT NULL,
    content     TEXT NOT NULL,
    hash        TEXT NOT NULL UNIQUE
);
CREATE INDEX IF NOT EXISTS decisions_about ON decisions (json_extract(content, '$.about'))
    WHERE json_extract(content, '$.about') IS NOT NULL;
CREATE TRIGGER IF NOT EXISTS decisions_never_change BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'the decision log is only ever appended'); END;
CREATE TRIGGER IF NOT EXISTS decisions_never_go BEFORE DELETE ON decisions
    BEGIN SELECT RAISE(ABORT, 'the decision log is only ever appended'); END;
"""


class UnknownDecision(InputError):
    """No record of this decision_id is in the log."""


class AlreadyDecided(InputError):
    """The log holds a person's decision about this one already."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record as it stands in the log; `content` holds its kind, instant, inputs and answer."""

    sequence: int
    decision_id: str
    previous: str
    content: dict[str, Any]
    hash: str


class DecisionLog:
    """A decision log in one SQLite file; several threads and processes may append to it at once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # an answer leaves only after its record is on the disk
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)

    @classmethod
    def existing(cls, path: Path) -> DecisionLog:
        """The log in `path`, which must exist already. Raises InputError where it does not."""
        if not path.exists():
            raise InputError(f"{path}: no decision log. `tradecredit serve` writes one with its first answer.")
        return cls(path)

    def append(self, contents: Sequence[Mapping[str, Any]], *, about: str | None = None) -> list[str]:
        """Append one record for each content, all or none, and return their decision ids in the same order.

        about : the decision that these are a person's answer to; it gets one only. Raises AlreadyDecided for a second.
        """
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        ids = [uuid.uuid4().hex for _ in contents]
        own_about = {} if about is None else {"about": about}
        texts = [canonical({**content, **own_about, "decided_at": at}) for content in contents]
        with self._lock, self._writing() as connection:
            if about is not None and self._about(about) is not None:
                raise AlreadyDecided(f"{about}: a person has decided about it already; ask for a new review.")
            last = connection.execute("SELECT hash FROM decisions ORDER BY sequence DESC LIMIT 1").fetchone()
            previous, rows = last[0] if last else FIRST, []
            for decision_id, text in zip(ids, texts, strict=True):
                own = chained(previous, decision_id, text)
                rows.append((decision_id, previous, text, own))
                previous = own
            connection.executemany(
                "INSERT INTO decisions (decision_id, previous, content, hash) VALUES (?, ?, ?, ?)", rows
            )
        return ids

    def read(self, decision_id: str) -> Record:
        """The record of one decision. Raises UnknownDecision where there is none."""
        with self._lock:
            row = self._connection.execute(
                "SELECT sequence, decision_id, previous, content, hash FROM decisions WHERE decision_id = ?",
                (decision_id,),
            ).fetchone()
        if row is None:
            raise UnknownDecision(
                f"{decision_id}: no such decision in {self.path.name}. Give the decision_id of an answer."
            )
        return Record(sequence=row[0], decision_id=row[1], previous=row[2], content=json.loads(row[3]), hash=row[4])

    def _about(self, decision_id: str) -> str | None:
        row = self._connection.execute(
            "SELECT decision_id FROM decisions WHERE json_extract(content, '$.about') = ?", (decision_id,)
        ).fetchone()
        return None if row is None else str(row[0])

    def has_hash(self, own: str) -> bool:
        """Whether a record with this hash stands in the log."""
        with self._lock:
            return self._connection.execute("SELECT 1 FROM decisions WHERE hash = ?", (own,)).fetchone() is not None

    def verify(self) -> Verdict:
        """Recompute the chain from its first record: every hash, every link, no gap in the sequence."""
        with self._lock:
            return verify(
                self._connection.execute(
                    "SELECT sequence, decision_id, previous, content, hash FROM decisions ORDER BY sequence"
                )
            )

    def close(self) -> None:
        """Close the file; the log can not be used afterwards."""
        self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that no other process writes beside: the chain has one last record at a time."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
