"""The decision log: one record for each answer, only ever appended, each chained to the one before by its hash.

A record names, by digest, its context (models, policies, ledger: shared by thousands of records) and its payload (what
was asked, the models' inputs to the last bit, the answer), which is compressed and encrypted with the subject's own key.
Destroying that key erases the subject; hashes and chain stay.
"""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydantic_core
from sqlalchemy import Connection, select

from ledger.errors import InputError
from ledger.hash_chain import FIRST, Verdict, canonical, chained, verify
from serving.payloads import Erased, Payloads, compressed, join_inputs, split_inputs
from serving.store import Store, StoreUnavailable
from serving.store.at_once import AtOnce, Busy
from serving.store.tables import ARCHIVES, DECISIONS
from serving.time_limit import begin_writing

CONTEXT = ("models", "policies", "ledger_fingerprint", "columns_of_rows")  # of a content: what many records share
PLAIN = ("kind", "decided_at", "about")  # of a content: what stands in the record itself
ROWS_AT_ONCE = 10_000
_INSERT = "INSERT INTO decisions (sequence, decision_id, previous, content, hash, kind, payload, about) VALUES "
_INSERT_SQLITE = _INSERT + "(?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_POSTGRESQL = _INSERT + "(%s, %s, %s, %s, %s, %s, %s, %s)"


class UnknownDecision(InputError):
    """No record of this decision_id is in the log."""


class AlreadyDecided(InputError):
    """The log holds a person's decision about this one already."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record; `content` holds its kind, instant, context, inputs and answer, put together again."""

    sequence: int
    decision_id: str
    previous: str
    content: dict[str, Any]
    hash: str


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    """Records that wait for the next commit."""

    ids: list[str]
    contents: list[dict[str, Any]]
    about: str | None
    check: Callable[[Connection], None] | None
    done: Future[list[str]]


@dataclass(kw_only=True)
class _Queue:
    """Records that wait for the next commit, shared by every view of one log."""

    writing: threading.Lock = field(default_factory=threading.Lock)
    changing: threading.Lock = field(default_factory=threading.Lock)
    batch: list[_Waiting] = field(default_factory=list)


class DecisionLog:
    """The decision log in a store; several threads and processes may append to it at once.

    Records that are appended at the same time share one commit: the first thread that gets the lock writes for all.
    """

    def __init__(self, place: Store | Path) -> None:
        self.store = place if isinstance(place, Store) else Store.at(place)
        self.payloads = Payloads(self.store)
        self._waiting = _Queue()
        self._at_once = AtOnce(self.store)
        self._by = ""

    @classmethod
    def existing(cls, place: str | Path) -> DecisionLog:
        """Return the log in an existing store, by path or URL. Raises InputError where there is none."""
        if isinstance(place, Path) or str(place).startswith("sqlite:///"):
            path = place if isinstance(place, Path) else Path(str(place).removeprefix("sqlite:///"))
            if not path.exists():
                raise InputError(f"{path}: no decision log. `tradecredit serve` writes one with its first answer.")
            return cls(path)
        return cls(Store(str(place)))

    def by(self, subject: str) -> DecisionLog:
        """Return the same log, whose further records name who asked."""
        view = copy.copy(self)
        view._by = subject
        return view

    @property
    def path(self) -> Path | None:
        """Return the SQLite file that the log is in; None for PostgreSQL."""
        return self.store.path

    def append(
        self, contents: Sequence[Mapping[str, Any]], *, about: str | None = None,
        check: Callable[[Connection], None] | None = None,
    ) -> list[str]:  # fmt: skip
        """Append one record for each content, all or none, and return their decision ids in the same order.

        contents : each has a `kind`, and mostly models, policies, ledger_fingerprint (see CONTEXT), asked, inputs and
            answer; in place of these it may hold what `sealed` made of them: context, payload, subject, body.
        about : the decision that these are a person's answer to; it gets one only.
        check : called in the transaction that writes, before these records: raises InputError where they may not be written.

        Raises AlreadyDecided for a second answer, what `check` raises, StoreUnavailable where nothing can be written,
        Abandoned where the request's time is over.
        """
        begin_writing()
        waiting = self._of(contents, about, check)
        with self._waiting.changing:
            self._waiting.batch.append(waiting)
        with self._waiting.writing:
            if not waiting.done.done():
                self._commit()
        return waiting.done.result()

    def append_at_once(self, contents: Sequence[Mapping[str, Any]]) -> list[str] | None:
        """Append as `append` does, but without waiting for any other writer; None, and nothing written, where one is at it.

        For the event loop of a service on SQLite. Raises what `append` raises, but not StoreUnavailable: None then, so
        that `append` says why.
        """
        if not self._waiting.writing.acquire(blocking=False):
            return None
        try:
            with self._at_once.writing() as connection:
                if connection is None:
                    return None
                waiting = self._of(contents, None, None)
                self._write(connection, waiting, self._last(connection))
            return waiting.ids
        except (Busy, StoreUnavailable):
            self.payloads.forget()
            return None
        except Exception:
            self.payloads.forget()
            raise
        finally:
            self._waiting.writing.release()

    def _of(
        self, contents: Sequence[Mapping[str, Any]], about: str | None, check: Callable[[Connection], None] | None
    ) -> _Waiting:
        """Return contents with new ids, this moment and who asked, as they wait for a commit."""
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        named = {"by": self._by} if self._by else {}
        whole = [{**named, **c, "decided_at": at} for c in contents]
        ids = [uuid.uuid4().hex for _ in contents]
        return _Waiting(ids=ids, contents=whole, about=about, check=check, done=Future())

    def _commit(self) -> None:
        """Write everything that waits in one transaction; each caller gets its ids, or what went wrong."""
        with self._waiting.changing:
            batch, self._waiting.batch = self._waiting.batch, []
        results: list[list[str] | Exception] = []
        try:
            with self.store.writing() as connection:
                last = self._last(connection)
                for waiting in batch:
                    if waiting.about is not None and self._about(connection, waiting.about) is not None:
                        results.append(AlreadyDecided(
                            f"{waiting.about}: a person has decided about it already; ask for a new review."
                        ))  # fmt: skip
                        continue
                    try:
                        if waiting.check is not None:
                            waiting.check(connection)
                    except InputError as refused:
                        results.append(refused)
                        continue
                    last = self._write(connection, waiting, last)
                    results.append(waiting.ids)
        except Exception as failed:
            self.payloads.forget()
            results = [failed] * len(batch)
        for waiting, result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                waiting.done.set_exception(result)
            else:
                waiting.done.set_result(result)

    def _write(self, connection: Connection, waiting: _Waiting, last: tuple[int, str]) -> tuple[int, str]:
        sequence, previous = last
        rows = []
        for decision_id, content in zip(waiting.ids, waiting.contents, strict=True):
            record = self._record(connection, content, waiting.about)
            text = canonical(record)
            own, sequence = chained(previous, decision_id, text), sequence + 1
            kind, payload = str(content.get("kind", "")), record.get("payload")
            rows.append((sequence, decision_id, previous, text, own, kind, payload, waiting.about))
            previous = own
        if rows:
            connection.exec_driver_sql(_INSERT_SQLITE if self.store.is_sqlite else _INSERT_POSTGRESQL, rows)
        return sequence, previous

    def _record(self, connection: Connection, content: Mapping[str, Any], about: str | None) -> dict[str, Any]:
        """Return what the chain holds of a content, its context and payload put into the store."""
        record = {name: content[name] for name in PLAIN if name in content}
        if about is not None:
            record["about"] = about
        if "payload" in content:
            named = {name: content[name] for name in ("context", "payload", "by") if name in content}
            if "body" in content:
                given = content["payload"], content["subject"], content["body"]
                named["payload"] = self.payloads.put_sealed(connection, *given)
            return record | named
        record |= self.kept_content(connection, content)
        return record | ({"by": content["by"]} if "by" in content else {})

    def kept_apart(self, connection: Connection, rest: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, str]:
        """Put a content's payload and context into the store; return their digests as a record names them."""
        subject = subject_of(rest)
        named, columns = split_inputs(rest)
        whole = {**context, "columns": columns} if columns else context
        found = {"context": self.payloads.keep_context(connection, whole)} if whole else {}
        return found | ({"payload": self.payloads.keep(connection, subject, named)} if rest else {})

    def kept_content(self, connection: Connection, content: Mapping[str, Any]) -> dict[str, str]:
        """Put the context and payload of a content into the store, without a record; return their digests."""
        return self.kept_apart(connection, _rest(content), _context(content))

    def sealed(self, connection: Connection, packed: Packed) -> dict[str, Any]:
        """Return context and payload digest, subject and body of a packed content; its context stands in the store then.

        `append` takes what this returns, with the content's kind, in place of the content.
        """
        context = self.payloads.keep_context(connection, packed.context)
        payload, body = self.payloads.sealed(connection, packed.subject, packed.payload)
        return {"context": context, "payload": payload, "subject": packed.subject, "body": body}

    def opened(self, connection: Connection, context: str, subject: str, body: bytes) -> dict[str, Any] | None:
        """Return the content that `sealed` made a body of; None where the subject's key is another one now."""
        content = self.payloads.opened(connection, subject, body)
        if content is None:
            return None
        whole = self.payloads.context(connection, context)
        columns = whole.pop("columns", {})
        return whole | (join_inputs(content, columns) if columns else content)

    def _last(self, connection: Connection) -> tuple[int, str]:
        # plain SQL: this and the insert are on the way of every answer
        found = connection.exec_driver_sql(
            "SELECT sequence, hash FROM decisions ORDER BY sequence DESC LIMIT 1"
        ).first()
        if found is None:
            found = connection.execute(
                select(ARCHIVES.c.last_sequence, ARCHIVES.c.head).order_by(ARCHIVES.c.last_sequence.desc()).limit(1)
            ).first()
        return (0, FIRST) if found is None else (int(found[0]), str(found[1]))

    def read(self, decision_id: str) -> Record:
        """Return the record of one decision. Raises UnknownDecision where there is none, Erased where its payload is."""
        with self.store.reading() as connection:
            row = connection.execute(select(DECISIONS).where(DECISIONS.c.decision_id == decision_id)).one_or_none()
            if row is None:
                raise UnknownDecision(f"{decision_id}: no such decision in the log. Give the decision_id of an answer.")
            return self._whole(connection, row)

    def digests(self, decision_id: str) -> dict[str, str]:
        """Return the digests of a record's context and payload: a record of the same answer names them again."""
        with self.store.reading() as connection:
            row = connection.execute(select(DECISIONS.c.content).where(DECISIONS.c.decision_id == decision_id)).one()
        content = pydantic_core.from_json(row.content)
        return {name: content[name] for name in ("context", "payload")}

    def of_customer(self, customer_id: str, *, kinds: Sequence[str] = (), most: int = 100) -> list[Record]:
        """Return the records about one customer, newest first, at most `most`; of some kinds only, where any is named."""
        query = select(DECISIONS).where(DECISIONS.c.payload.in_(self.payloads.digests_of(customer_id)))
        if kinds:
            query = query.where(DECISIONS.c.kind.in_(kinds))
        with self.store.reading() as connection:
            rows = connection.execute(query.order_by(DECISIONS.c.sequence.desc()).limit(most)).all()
            return [self._whole(connection, row) for row in rows]

    def counts_since(self, since: str) -> dict[str, int]:
        """Return how many records of each kind were written since an ISO instant (UTC), and how many decisions overrode.

        The key `overrides` is there where a decision is; erased decisions count by their kind only.
        """
        found: dict[str, int] = {}
        with self.store.reading() as connection:
            for row in connection.execute(select(DECISIONS).order_by(DECISIONS.c.sequence.desc())):
                if str(pydantic_core.from_json(row.content)["decided_at"]) < since:
                    break
                found[row.kind] = found.get(row.kind, 0) + 1
                if row.kind == "decide":
                    found.setdefault("overrides", 0)
                    try:
                        found["overrides"] += bool(self._whole(connection, row).content["answer"].get("is_override"))
                    except Erased:
                        continue
        return found

    def listed(self, kinds: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Return (decision_id, kind) of every record in the order of the chain; of some kinds only, where any is named."""
        query = select(DECISIONS.c.decision_id, DECISIONS.c.kind).order_by(DECISIONS.c.sequence)
        if kinds:
            query = query.where(DECISIONS.c.kind.in_(kinds))
        with self.store.reading() as connection:
            return [(str(row[0]), str(row[1])) for row in connection.execute(query)]

    def answers_to(self, decision_id: str) -> Record | None:
        """Return the person's decision about a review or proposal; None where none was made yet."""
        with self.store.reading() as connection:
            row = connection.execute(select(DECISIONS).where(DECISIONS.c.about == decision_id)).one_or_none()
            return None if row is None else self._whole(connection, row)

    def content_of(self, connection: Connection, row: Any) -> dict[str, Any]:
        """Return the content of one row of the log, read in a transaction. Raises Erased where its payload is."""
        return self._whole(connection, row).content

    def _whole(self, connection: Connection, row: Any) -> Record:
        content = dict(pydantic_core.from_json(row.content))
        context, payload = content.pop("context", None), content.pop("payload", None)
        if context is not None:
            content |= self.payloads.context(connection, context)
        columns = content.pop("columns", {})
        if payload is not None:
            content |= join_inputs(self.payloads.read(connection, payload), columns)
        return Record(
            sequence=row.sequence, decision_id=row.decision_id, previous=row.previous, content=content, hash=row.hash
        )

    def _about(self, connection: Connection, decision_id: str) -> str | None:
        found = connection.execute(select(DECISIONS.c.decision_id).where(DECISIONS.c.about == decision_id)).first()
        return None if found is None else str(found[0])

    def has_hash(self, own: str) -> bool:
        """Return whether a record with this hash stands in the log, or ends an archived part."""
        with self.store.reading() as connection:
            if connection.execute(select(DECISIONS.c.sequence).where(DECISIONS.c.hash == own)).first() is not None:
                return True
            return connection.execute(select(ARCHIVES.c.head).where(ARCHIVES.c.head == own)).first() is not None

    def holds(self, sequence: int, own: str) -> bool:
        """Return whether the record with this number has this hash; True for one inside an archived part, whose file holds it."""
        with self.store.reading() as connection:
            found = connection.execute(select(DECISIONS.c.hash).where(DECISIONS.c.sequence == sequence)).scalar()
            if found is not None:
                return str(found) == own
            row = connection.execute(
                select(ARCHIVES.c.last_sequence, ARCHIVES.c.head)
                .where(ARCHIVES.c.first_sequence <= sequence, ARCHIVES.c.last_sequence >= sequence)
            ).first()  # fmt: skip
            return row is not None and (int(row.last_sequence) != sequence or str(row.head) == own)

    def head(self) -> tuple[int, str]:
        """Return (sequence, hash) of the last record; (0, 64 zeros) of an empty log."""
        with self.store.reading() as connection:
            return self._last(connection)

    def verify(self) -> Verdict:
        """Recompute the chain, row by row: every hash, every link, no gap; and that every payload is what its digest says."""
        columns = DECISIONS.c
        with self.store.reading() as connection:
            archived = connection.execute(
                select(ARCHIVES.c.last_sequence, ARCHIVES.c.head).order_by(ARCHIVES.c.last_sequence.desc()).limit(1)
            ).first()
            after, head = (0, FIRST) if archived is None else (int(archived[0]), str(archived[1]))
            rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(
                select(columns.sequence, columns.decision_id, columns.previous, columns.content, columns.hash)
                .where(columns.sequence > after).order_by(columns.sequence)
            )  # fmt: skip
            verdict = verify((tuple(row) for row in rows), after=after, head=head)
            rows.close()
            if verdict.is_whole and (why := self.payloads.why_broken(connection)) is not None:
                sequence, words = why
                return Verdict(records=sequence - 1, head=verdict.head, broken_at=sequence, why=words)
        return verdict

    def close(self) -> None:
        """Close the store; the log cannot be used afterwards."""
        self._at_once.close()
        self.store.close()


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A content that is ready to be sealed: its context, its subject, its compressed payload."""

    context: dict[str, Any]
    subject: str
    payload: bytes

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Packed:
        """Return a content packed: what takes time of writing it, and needs no store."""
        named, columns = split_inputs(_rest(content))
        context = {**_context(content), **({"columns": columns} if columns else {})}
        return cls(context=context, subject=subject_of(named), payload=compressed(named))


def _rest(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a content is its payload."""
    return {name: value for name, value in content.items() if name not in (*CONTEXT, *PLAIN, "by")}


def _context(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a content many records share."""
    return {name: content[name] for name in CONTEXT if name in content}


def subject_of(rest: Mapping[str, Any]) -> str:
    """Return the customer that a payload is about; '' where it is about none."""
    for part in ("answer", "asked"):
        named = rest.get(part)
        if isinstance(named, Mapping):
            if isinstance(named.get("customer_id"), str):
                return str(named["customer_id"])
            ids = named.get("customer_ids")
            if isinstance(ids, Sequence) and len(ids) == 1:
                return str(ids[0])
    return ""


__all__ = ["AlreadyDecided", "DecisionLog", "Erased", "Record", "UnknownDecision", "Verdict", "canonical", "chained"]
