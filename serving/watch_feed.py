"""Write the changes of the watch list into the feed of changes: who came, who left, whose signals are new."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection, func, insert, select

from decisions.early_warning import Signal, watch_changes
from decisions.scoring_ledger import DayBeforeLedger
from decisions.steering.watchlist import Watched, list_of, watched
from decisions.warning_words import change_words
from decisions.wording import LANGUAGES
from ledger.hash_chain import canonical
from serving.champions import Champions, ServedModels
from serving.errors import Problem
from serving.store import Store, StoreUnavailable
from serving.store.tables import CHANGES, FACTS
from serving.watch import watch_policy

logger = logging.getLogger("tradecredit.serving")
KEPT = "watch_list"  # the fact of the store that holds the last list
AT_ONCE = 100  # customers that are scored in one go, with a pause after each: answers go first
LOOK_SECONDS = 5.0


class WatchFeed:
    """Compares the watch list with the last one and writes what changed: at once on a new day or a new champion, else at most
    every so many minutes where rows came. Several replicas on one store write each change once."""

    def __init__(self, served_models: ServedModels, store: Store, minutes: float) -> None:
        self.served_models, self.store, self.seconds = served_models, store, 60.0 * minutes
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._done: tuple[Any, int] | None = None  # (champions and day, ledger position) of the last list
        self._done_at = 0.0

    def start(self) -> None:
        """Begin to look, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            try:
                self.look()
            except (Problem, StoreUnavailable):
                continue  # no champion yet, or no store: the next look is soon
            except Exception as failed:  # a fault of one look must not end the watch
                logger.error("the watch list could not be compared: %s", type(failed).__name__)

    def look(self) -> int:
        """Compare where that is due; return how many changes were written."""
        champions = self.served_models.champions()
        if not champions.scorer.has_default:
            return 0
        of, position = (champions.versions, champions.living.known_to), champions.living.position
        if self._done is not None and self._done[0] == of:
            is_due = position != self._done[1] and time.monotonic() - self._done_at >= self.seconds
            if not is_due:
                return 0
        listed = self.listed(champions)
        written = 0 if listed is None else self._write(champions, listed)
        self._done, self._done_at = (of, position), time.monotonic()
        return written

    def listed(self, champions: Champions) -> pd.DataFrame | None:
        """Return the watch list of the ledger's last known day, rows that came since included; None for a ledger that
        does not reach back far enough, or where the thread is stopped meanwhile."""
        policy, on = watch_policy(), champions.living.known_to
        try:
            now, before = (self._watched(champions, day) for day in (on, on - timedelta(days=policy.back_days)))
        except DayBeforeLedger:
            return None
        return None if now is None or before is None else list_of(before, now, policy)

    def _watched(self, champions: Champions, on: date) -> Watched | None:
        ids = [str(i) for i in champions.living.base.prepared.owners.ids]
        parts: list[Watched] = []
        for scorer, own in champions.parts(ids):
            for start in range(0, len(own), AT_ONCE):
                if self._stopped.is_set():
                    return None
                parts.append(watched(scorer, on, own[start : start + AT_ONCE]))
                time.sleep(0.01)
        parts = [part for part in parts if len(part.scores)]
        if not parts:
            return None
        scores, facts = pd.concat([p.scores for p in parts]), pd.concat([p.facts for p in parts])
        order = [i for i in ids if i in scores.index]  # as one pass over the ledger gives them
        return Watched(scores=scores.loc[order], facts=facts.loc[order])

    def _write(self, champions: Champions, listed: pd.DataFrame) -> int:
        policy, living = watch_policy(), champions.living
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        with self.store.writing() as connection:
            changes = watch_changes(_kept(connection), listed)
            number = int(connection.execute(select(func.coalesce(func.max(CHANGES.c.change), 0))).scalar_one())
            rows = [
                {
                    "change": number + place, "position": living.position, "changed_at": at,
                    "customer_id": change.customer_id, "kind": f"watch_{change.kind}",
                    "content": canonical({
                        "signals": [_signal(s) for s in change.signals], "as_of": living.known_to.isoformat(),
                        "words": {language: change_words(change, language) for language in LANGUAGES},
                        "policy": f"{policy.name} {policy.version}",
                    }),
                }
                for place, change in enumerate(changes, start=1)
            ]  # fmt: skip
            if rows:
                connection.execute(insert(CHANGES), rows)
            _keep(connection, listed)
        return len(changes)


def _signal(signal: Signal) -> dict[str, Any]:
    values = {name: None if math.isnan(value) else value for name, value in signal.values.items()}
    return {"code": signal.code, **values}


def _kept(connection: Connection) -> pd.DataFrame:
    """Return the last list: the codes of each customer's signals."""
    text = connection.execute(select(FACTS.c.value).where(FACTS.c.name == KEPT)).scalar()
    codes: dict[str, Sequence[str]] = {} if text is None else json.loads(text)
    signals = [tuple(Signal(code=code, values={}) for code in own) for own in codes.values()]
    return pd.DataFrame({"signals": pd.Series(signals, index=pd.Index(list(codes), dtype=object), dtype=object)})


def _keep(connection: Connection, listed: pd.DataFrame) -> None:
    codes = {str(c): [s.code for s in signals] for c, signals in listed["signals"].items()}
    connection.execute(FACTS.delete().where(FACTS.c.name == KEPT))
    connection.execute(FACTS.insert().values(name=KEPT, value=json.dumps(codes)))
