"""The limits that persons granted through this service and that hold still: read from the decision log, once a record."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, select

from decisions.limits import APPROVE, REDUCE
from serving.decision_log import DecisionLog
from serving.payloads import Erased
from serving.store import Store
from serving.store.tables import DECISIONS

DECIDED = "decided"


@dataclass(frozen=True, kw_only=True)
class Granted:
    """One granted limit in the reporting currency, from the day that it was decided on until its last day."""

    limit: float
    from_on: date
    until_on: date


class GrantedLimits:
    """The last decided limit of each customer. Records that are archived or erased are no longer seen here: by then the ledger
    should hold the limit."""

    def __init__(self, log: DecisionLog) -> None:
        self.log = log
        self._lock = threading.Lock()
        self._last = 0
        self._granted: dict[str, Granted] = {}

    def on(self, day: date, connection: Connection | None = None) -> dict[str, float]:
        """Return customer -> granted limit in force on a day.

        connection : a transaction to read in, which sees what it has written itself; a read of its own where none is given.
        """
        if connection is not None:
            with self._lock:
                granted, _ = self._read(connection)
        else:
            with self._lock, self.log.store.reading() as own:
                self._granted, self._last = granted, _ = self._read(own)
        return {c: g.limit for c, g in granted.items() if g.from_on <= day <= g.until_on}

    def _read(self, connection: Connection) -> tuple[dict[str, Granted], int]:
        """Return what is granted, later records included, and the number of the last one; nothing is kept of it here."""
        granted, last = dict(self._granted), self._last
        query = select(DECISIONS).where(DECISIONS.c.kind == "decide", DECISIONS.c.sequence > last)
        for row in connection.execute(query.order_by(DECISIONS.c.sequence)).all():
            last = int(row.sequence)
            try:
                answer = self.log.content_of(connection, row)["answer"]
            except Erased:
                continue
            _note(granted, answer)
        return granted, last


def _note(granted: dict[str, Granted], answer: Mapping[str, object]) -> None:
    if answer["status"] != DECIDED:
        return
    customer_id = str(answer["customer_id"])
    if answer["action"] in (APPROVE, REDUCE):
        granted[customer_id] = Granted(
            limit=float(str(answer["limit_in_reporting_currency"])), from_on=date.fromisoformat(str(answer["as_of"])),
            until_on=date.fromisoformat(str(answer["valid_until"])),
        )  # fmt: skip
    else:
        granted.pop(customer_id, None)


_OF: WeakKeyDictionary[Store, GrantedLimits] = WeakKeyDictionary()
_LOCK = threading.Lock()


def granted_limits(log: DecisionLog) -> GrantedLimits:
    """Return the granted limits in a log's store."""
    with _LOCK:
        found = _OF.get(log.store)
        if found is None:
            found = _OF[log.store] = GrantedLimits(log)
        return found
