"""The rows that were sent to the ledger, in the store: appended with their positions, applied to a state of the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from decisions.living_ledger import LivingLedger
from decisions.scoring_ledger import ScoringLedger
from ledger.contract import TABLES
from serving.event_rows import Taken, current_rows, ledger_of
from serving.store import Store
from serving.store.tables import LEDGER_ROWS

ROWS_AT_ONCE = 5_000


class SentRows:
    """The rows after a ledger, in the order in which they were taken in."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def last_position(self, connection: Connection) -> int:
        """Return the position of the last row; 0 where there is none."""
        return int(connection.execute(select(func.coalesce(func.max(LEDGER_ROWS.c.position), 0))).scalar_one())

    def write(self, connection: Connection, taken: Sequence[Taken], *, ledger: str, first: int, by: str) -> None:
        """Write rows from position `first` on; the transaction is the caller's."""
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        rows = [
            {
                "position": first + place, "ledger": ledger, "table_name": row.table, "row_key": row.key,
                "customer_id": row.customer_id, "content": row.content, "received_at": at, "received_from": by,
                "digest": hashlib.sha256(row.content.encode()).hexdigest(),
            }
            for place, row in enumerate(taken)
        ]  # fmt: skip
        if rows:
            connection.execute(insert(LEDGER_ROWS), rows)

    def after(self, position: int, *, until: int | None = None) -> list[tuple[int, Taken]]:
        """Return the rows after a position (up to `until`, where given) with their positions."""
        query = select(LEDGER_ROWS).where(LEDGER_ROWS.c.position > position).order_by(LEDGER_ROWS.c.position)
        if until is not None:
            query = query.where(LEDGER_ROWS.c.position <= until)
        with self.store.reading() as connection:
            rows = connection.execute(query).all()
        return [(int(row.position), _taken(row)) for row in rows]

    def applied(self, living: LivingLedger, *, until: int | None = None) -> LivingLedger:
        """Return a state of the ledger with the rows after its position; itself where there are none.

        Where the ledger's folder was imported anew it may hold some of them already, perhaps in a newer form: a row
        counts only where the folder has none of its key, or one that was known before it.
        """
        if living.position == 0 and until is None:
            return self._anew(living)
        rows = self.after(living.position, until=until)
        return grown(living, [row for _, row in rows], position=rows[-1][0]) if rows else living

    def _anew(self, living: LivingLedger) -> LivingLedger:
        rows = self.after(0)
        if not rows:
            return living
        newer: dict[str, dict[str, str]] = {}
        if self._follow_another(living):
            for table in {row.table for _, row in rows}:
                some = [row.row for _, row in rows if row.table == table]
                known = TABLES[table].known
                held = current_rows(living, table, some)
                newer[table] = {key: str(row.get(known) if known else "9999") for key, row in held.items()}
        kept = [
            row for _, row in rows if newer.get(row.table, {}).get(row.key, "") < str(row.row.get(_known(row), "0"))
        ]
        return grown(living, kept, position=rows[-1][0])

    def _follow_another(self, living: LivingLedger) -> bool:
        """Return whether any row was sent to another ledger than the one that was read."""
        query = select(LEDGER_ROWS.c.position).where(LEDGER_ROWS.c.ledger != living.read).limit(1)
        with self.store.reading() as connection:
            return connection.execute(query).first() is not None


def _known(row: Taken) -> str:
    return TABLES[row.table].known or ""


def grown(living: LivingLedger, taken: Sequence[Taken], *, position: int) -> LivingLedger:
    """Return a state with accepted rows; rows that correct one another are added one after the other."""
    state = living
    for batch in _without_repeats(taken):
        chain = state.chain
        for row in batch:
            chain = hashlib.sha256(f"{chain}\n{row.table}\n{row.content}".encode()).hexdigest()
        state = state.append(ledger_of(batch), position=position, chain=chain)
    return replace(state, position=position)


def _without_repeats(taken: Sequence[Taken]) -> list[list[Taken]]:
    """Return the rows in batches, none of which holds one key twice."""
    batches: list[list[Taken]] = [[]]
    seen: set[tuple[str, str]] = set()
    for row in taken:
        if (row.table, row.key) in seen or len(batches[-1]) >= ROWS_AT_ONCE:
            batches.append([])
            seen = set()
        seen.add((row.table, row.key))
        batches[-1].append(row)
    return [batch for batch in batches if batch]


def _taken(row: Any) -> Taken:
    return Taken(table=row.table_name, place=0, key=row.row_key, row=json.loads(row.content), is_correction=False)


def ledger_of_then(served: ScoringLedger, fingerprint: str, rows: SentRows) -> ScoringLedger:
    """Return the ledger with the rows that had been sent when a decision was made; itself where none had been.

    fingerprint : of the decision's ledger: the fingerprint of the ledger read, the number of rows sent, their hash.
    """
    read, _, sent = fingerprint.partition("#")
    if not sent or read != served.fingerprint:
        return served
    living = rows.applied(LivingLedger.of(served), until=int(sent.partition("#")[0]))
    return replace(ScoringLedger.of(living.grown.whole()), fingerprint=living.fingerprint)
