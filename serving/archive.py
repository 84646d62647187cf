"""Move the oldest records of the decision log into a file, with the chain intact on both sides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from ledger.errors import InputError
from ledger.hash_chain import FIRST, Verdict, verify
from serving.decision_log import DecisionLog
from serving.store.tables import ARCHIVES, DECISIONS, PAYLOADS

ROWS_AT_ONCE = 5_000


def archive(log: DecisionLog, folder: Path, *, keep: int) -> dict[str, Any] | None:
    """Move all but the last `keep` records into a file of `folder`, one JSON line a record, with payloads as they stand.

    Returns what was moved, None where there is nothing to move. Payloads stay encrypted: their keys stay in the store, so
    that an erasure reaches archived records too. Raises InputError where the log does not hold: mend nothing by moving it.
    """
    verdict = log.verify()
    if not verdict.is_whole:
        raise InputError(f"the log does not hold (record {verdict.broken_at}: {verdict.why}); nothing was archived.")
    folder.mkdir(parents=True, exist_ok=True)
    with log.store.writing() as connection:
        before = connection.execute(select(ARCHIVES).order_by(ARCHIVES.c.last_sequence.desc()).limit(1)).first()
        after, previous = (0, FIRST) if before is None else (int(before.last_sequence), str(before.head))
        last = connection.execute(select(DECISIONS.c.sequence).order_by(DECISIONS.c.sequence.desc()).limit(1)).scalar()
        until = int(last or 0) - keep
        if until <= after:
            return None
        path = folder / f"decisions-{after + 1:012d}-{until:012d}.jsonl"
        head = previous
        with path.open("w", encoding="utf-8") as file:
            for start in range(after, until, ROWS_AT_ONCE):
                rows = connection.execute(
                    select(DECISIONS, PAYLOADS.c.body, PAYLOADS.c.subject)
                    .join(PAYLOADS, PAYLOADS.c.digest == DECISIONS.c.payload, isouter=True)
                    .where(DECISIONS.c.sequence > start, DECISIONS.c.sequence <= min(start + ROWS_AT_ONCE, until))
                    .order_by(DECISIONS.c.sequence)
                ).all()  # fmt: skip
                for row in rows:
                    body = None if row.body is None else bytes(row.body).hex()
                    line = {
                        "sequence": row.sequence, "decision_id": row.decision_id, "previous": row.previous,
                        "content": row.content, "hash": row.hash, "payload_body": body, "subject": row.subject,
                    }  # fmt: skip
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                    head = row.hash
        at = datetime.now(UTC).isoformat(timespec="seconds")
        connection.execute(insert(ARCHIVES).values(
            first_sequence=after + 1, last_sequence=until, previous=previous, head=head, path=path.name, archived_at=at
        ))  # fmt: skip
        connection.execute(DECISIONS.delete().where(DECISIONS.c.sequence <= until))
    return {"file": str(path), "first": after + 1, "last": until, "records": until - after, "head": head}


def verify_archive(path: Path, *, after: int, previous: str) -> Verdict:
    """Recompute the chain of an archived file, which follows record `after` with hash `previous`."""

    def rows() -> Iterator[tuple[int, str, str, str, str]]:
        with path.open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                yield row["sequence"], row["decision_id"], row["previous"], row["content"], row["hash"]

    return verify(rows(), after=after, head=previous)
