"""`/events`: take rows into the ledger that is served, durably before the answer, and say what they changed."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from decisions.living_ledger import LivingLedger
from serving.champions import ServedModels
from serving.errors import Problem
from serving.event_rows import Checked, Taken, check_rows
from serving.identity import Caller
from serving.messages import EventsRequest
from serving.running import Answer
from serving.sent_rows import SentRows, grown
from serving.store import Store
from serving.store.tables import IDEMPOTENCY
from serving.time_limit import begin_writing

MOST_REFUSALS_SHOWN = 100
TRIES = 5
SCORES_AWAITED_SECONDS = 5.0  # how long a replay waits for the scores of the request that it repeats
_INTAKE = threading.Lock()  # one intake at a time in this process; other processes are met in the store's transaction


@dataclass(frozen=True, kw_only=True)
class Intake:
    """An accepted request: its answer, and the customers whose answers it may have moved (None: all).

    is_replay : the request was taken before; `answer` then holds `scores` too, unless what took it was cut off before
    it scored.
    """

    answer: Answer
    touched: frozenset[str] | None
    is_replay: bool = False


class _Overtaken(Exception):
    """Another process took rows in meanwhile."""


def take_in(
    served_models: ServedModels, store: Store, asked: EventsRequest, caller: Caller, idempotency_key: str = ""
) -> Intake:
    """Check rows, write the accepted ones to the store, and serve a ledger that holds them.

    With an idempotency key a request that was answered before gets the same answer again, scores included (`finish`
    keeps them), and nothing is taken twice.
    Raises Problem: 409 for a key that was used for another request; 422 where a row is refused and `partial` is false,
    or where none is left.
    """
    if not asked.tables():
        raise Problem(status=422, error="invalid_request", detail="send at least one row of at least one table.")
    digest = hashlib.sha256(json.dumps(asked.kept(), sort_keys=True).encode()).hexdigest()
    known = _answered(store, caller, idempotency_key, digest)
    with _INTAKE if known is None else nullcontext():
        for _ in range(TRIES if known is None else 0):
            if (known := _answered(store, caller, idempotency_key, digest)) is not None:
                break
            try:
                return _take(served_models, store, asked, caller, idempotency_key, digest)
            except _Overtaken:
                served_models.catch_up()
    if known is not None:
        return _with_scores(known, store, caller, idempotency_key, digest)
    raise Problem(
        status=503,
        error="busy",
        detail="other processes keep taking rows in; send them again.",
        headers={"Retry-After": "1"},
    )


def _take(
    served_models: ServedModels, store: Store, asked: EventsRequest, caller: Caller, idempotency_key: str, digest: str
) -> Intake:
    living, rows = served_models.living(), SentRows(store)
    checked = check_rows(asked.tables(), living)
    if checked.refused and not asked.partial:
        raise refused(checked)
    position = living.position + len(checked.taken)
    newer = grown(living, checked.taken, position=position) if checked.taken else living
    answer, touched = _answer(checked, newer), touched_by(living, newer, checked.taken)
    begin_writing()
    with store.writing() as connection:
        if rows.last_position(connection) != living.position:
            raise _Overtaken
        rows.write(connection, checked.taken, ledger=living.read, first=living.position + 1, by=caller.subject)
        if idempotency_key:
            connection.execute(IDEMPOTENCY.insert().values(
                subject=caller.subject, route="/events", idempotency_key=idempotency_key, request_digest=digest,
                answer=json.dumps({"answer": answer, "touched": None if touched is None else sorted(touched)}), answered_at=datetime.now(UTC).isoformat(timespec="seconds"),
            ))  # fmt: skip
    if newer is not living:
        served_models.take(newer)
    return Intake(answer=answer, touched=touched)


def finish(store: Store, intake: Intake, scores: Answer, caller: Caller, idempotency_key: str = "") -> Answer:
    """Return the whole answer of an accepted request, scores included; kept under its key for a replay, where it has one."""
    answer = {**intake.answer, "scores": scores}
    if idempotency_key:
        touched = None if intake.touched is None else sorted(intake.touched)
        with store.writing() as connection:
            connection.execute(
                _of_key(IDEMPOTENCY.update(), caller, idempotency_key)
                .values(answer=json.dumps({"answer": answer, "touched": touched}))
            )  # fmt: skip
    return answer


def touched_by(before: LivingLedger, after: LivingLedger, taken: Sequence[Taken]) -> frozenset[str] | None:
    """Return the customers whose own answers rows move; None where they may move every customer's."""
    from serving.event_rows import ledger_of

    if not taken:
        return frozenset()
    if after.known_to != before.known_to:
        return None
    return before.touched_by(ledger_of(taken))


def _answered(store: Store, caller: Caller, idempotency_key: str, digest: str) -> Intake | None:
    """Return what was answered under a key; None for a new key. Raises Problem 409 where it was another request's."""
    if not idempotency_key:
        return None
    with store.reading() as connection:
        row = connection.execute(_of_key(select(IDEMPOTENCY), caller, idempotency_key)).one_or_none()
    if row is None:
        return None
    if row.request_digest != digest:
        raise Problem(
            status=409, error="idempotency_key_reused",
            detail="this Idempotency-Key was used for another request; use a new one for each request.",
        )  # fmt: skip
    kept = json.loads(row.answer)
    if "answer" not in kept:  # written by a release that kept no scores
        return Intake(answer=kept, touched=frozenset(), is_replay=True)
    touched = kept["touched"]
    return Intake(answer=kept["answer"], touched=None if touched is None else frozenset(touched), is_replay=True)


def _with_scores(known: Intake, store: Store, caller: Caller, idempotency_key: str, digest: str) -> Intake:
    """Return a replay with the first answer's scores; they are awaited for a while, since the first may still make them."""
    give_up = time.monotonic() + SCORES_AWAITED_SECONDS
    while "scores" not in known.answer and time.monotonic() < give_up:
        time.sleep(0.05)
        known = _answered(store, caller, idempotency_key, digest) or known
    return known


def _of_key(statement: Any, caller: Caller, idempotency_key: str) -> Any:
    """Return a statement about the answer under a caller's key."""
    return statement.where(
        IDEMPOTENCY.c.subject == caller.subject, IDEMPOTENCY.c.route == "/events",
        IDEMPOTENCY.c.idempotency_key == idempotency_key,
    )  # fmt: skip


def refused(checked: Checked) -> Problem:
    """Return the 422 that names the refused rows; none of the request was taken."""
    shown = [r.as_json() for r in checked.refused[:MOST_REFUSALS_SHOWN]]
    fields = [{"field": str(r["field"]), "expected": str(r["expected"])} for r in shown]
    first = fields[0]
    more = f" and {len(checked.refused) - 1} more" if len(checked.refused) > 1 else ""
    return Problem(
        status=422, error="rows_refused", fields=fields,
        detail=f"{first['field']}: {first['expected']}{more}; nothing was taken. With \"partial\": true the other rows are.",
    )  # fmt: skip


def _answer(checked: Checked, living: LivingLedger) -> Answer:
    accepted: dict[str, int] = {}
    corrected: dict[str, int] = {}
    for row in checked.taken:
        counts = corrected if row.is_correction else accepted
        counts[row.table] = counts.get(row.table, 0) + 1
    return {
        "position": living.position, "data_known_to": living.known_to.isoformat(),
        "accepted": accepted, "corrected": corrected, "unchanged": checked.unchanged,
        "refused": [r.as_json() for r in checked.refused[:MOST_REFUSALS_SHOWN]], "refused_rows": len(checked.refused),
    }  # fmt: skip


def idempotency_key_of(header: str | None) -> str:
    """Return a request's Idempotency-Key; '' where none is given. Raises Problem 422 for one that is not plain text."""
    key = (header or "").strip()
    if len(key) > 200 or not key.isprintable():
        raise Problem(
            status=422, error="invalid_request", detail="Idempotency-Key: must be at most 200 printable characters.",
            fields=[{"field": "Idempotency-Key", "expected": "at most 200 printable characters"}],
        )  # fmt: skip
    return key


__all__ = ["Intake", "finish", "idempotency_key_of", "refused", "take_in", "touched_by"]
