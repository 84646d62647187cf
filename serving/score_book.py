"""The read model: each customer's current answer, kept in the store and in memory, and whether it still holds.

Explanations and payment curves are kept in the store only (serving.kept_answers), made once every score holds.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, insert, select

from decisions.living_ledger import PEER_COLUMNS
from decisions.scorer import Scorer, Scores
from ledger.hash_chain import canonical
from serving.champions import Champions, ServedModels
from serving.decision_log import DecisionLog, Packed
from serving.errors import Problem
from serving.kept_answers import Holds, KeptAnswers, StoredExplanation, StoredPayments, contents_of, kind_of
from serving.store import StoreUnavailable
from serving.store.tables import CHANGES, KEPT_ANSWERS, SCORES
from serving.thresholds import passes, thresholds

logger = logging.getLogger("tradecredit.serving")

RELATIVE = ("late_share_to_industry_12m", "late_share_to_country_12m")  # the customer's own share less its peers'
OWN_SHARE = "late_share_12m"
AT_ONCE = 50  # customers that the background scores in one go: an answer waits for one such batch at most
EXPLAINED_AT_ONCE = 50  # the same for explanations and payment curves
REST_SECONDS = 0.05  # pause after each batch
SCORES_KEPT = (
    64  # whole scores in memory, some 200 kB each, for explanations and reviews of the customer that was just scored
)
EXPLANATIONS_KEPT = 300  # in memory, some 50 kB each
MOST_AT_ONCE = 50  # touched customers that are scored before an event is answered; more are scored in the background

Made = tuple[dict[str, Any], dict[str, Any]]  # (answer, inputs) of one customer


@dataclass(frozen=True, kw_only=True)
class Current:
    """One customer's answer and what it holds for.

    text : the answer as JSON, without decision_id. summary : pd, grade, special. stamp : model versions and day.
    position : of the ledger when it was computed. peers : PEER_COLUMNS then. own_share : OWN_SHARE then.
    context, payload : digests under which the decision log holds its context and content.
    body : that content, sealed; it goes into the log with the first record that names it.
    """

    text: str
    summary: tuple[float | None, str | None, str | None]
    stamp: tuple[str, str, str]
    position: int
    peers: NDArray[np.float64]
    own_share: float
    context: str
    payload: str
    subject: str
    body: bytes

    @property
    def holds(self) -> Holds:
        """Return what the answer holds for: position, day, models."""
        return self.position, self.stamp[2], "/".join(self.stamp[:2])

    def as_record(self) -> dict[str, Any]:
        """Return what the decision log takes for one more record of this answer."""
        return {
            "kind": "score", "context": self.context, "payload": self.payload, "subject": self.subject, "body": self.body,
        }  # fmt: skip


class ScoreBook:
    """Current answers by customer. `make` turns scores into (answer, inputs) a customer: see serving.answers."""

    def __init__(
        self, served_models: ServedModels, log: DecisionLog,
        make: Callable[[Champions, Scorer, Scores], Mapping[str, Made]],
        record: Callable[[Champions, Scorer, dict[str, Any], dict[str, Any]], dict[str, Any]],
    ) -> None:  # fmt: skip
        self.served_models, self.log, self.make, self.record = served_models, log, make, record
        self._current: dict[str, Current] = {}
        self._moved: dict[str, int] = {}
        self._all_moved = 0
        self._unsaved: dict[str, Current] = {}
        self._published: dict[str, tuple[Any, ...]] = {}
        self._lock = threading.Lock()
        self._scores: OrderedDict[tuple[Any, ...], Scores] = OrderedDict()
        self._explained: OrderedDict[tuple[str, str, str], tuple[Current, StoredExplanation]] = OrderedDict()
        self.kept = KeptAnswers(log)
        self._kept: dict[str, Holds] = {}  # of each customer, for what its explanations and payment curves are kept
        self._splits: tuple[tuple[str, str], Mapping[str, NDArray[np.float64]]] | None = None
        self._loaded = False
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    # what holds now

    def current(self, champions: Champions, customer_id: str, as_of: date | None) -> Current | None:
        """Return a customer's answer for the ledger's last known day if it is there and still holds; None otherwise."""
        living = champions.living
        if as_of is not None and as_of != living.known_to:
            return None
        found = self._current.get(customer_id)
        if found is None or found.stamp != stamp(champions):
            return None
        if found.position < max(self._all_moved, self._moved.get(customer_id, 0)):
            return None
        return found if not self._peers_moved(champions, customer_id, found) else None

    def _peers_moved(self, champions: Champions, customer_id: str, found: Current) -> bool:
        """Return whether what others did since moved this customer's inputs across a split of any tree."""
        now = champions.living.peers_of(customer_id)
        if now.tobytes() == found.peers.tobytes():
            return False
        splits = self._splits_of(champions)
        if any(passes(b, a, splits[name]) for name, b, a in zip(PEER_COLUMNS, found.peers, now, strict=True)):
            return True
        return any(
            passes(found.own_share - found.peers[place], found.own_share - now[place], splits[name])
            for name, place in zip(RELATIVE, (0, 2), strict=True)
        )

    def is_warm(self, champions: Champions) -> bool:
        """Return whether a look at a stored answer needs no computing: the models' splits and the peers' values are there."""
        return (
            self._splits is not None
            and self._splits[0] == champions.versions
            and "peer_values" in champions.living.__dict__
        )

    def warm(self, champions: Champions) -> None:
        """Compute what a look at a stored answer needs, away from requests."""
        self._splits_of(champions)
        _ = champions.living.peer_values

    def _splits_of(self, champions: Champions) -> Mapping[str, NDArray[np.float64]]:
        if self._splits is None or self._splits[0] != champions.versions:
            wanted = (*PEER_COLUMNS, *RELATIVE)
            self._splits = champions.versions, thresholds(champions.scorer.default, champions.scorer.delay, wanted)
        return self._splits[1]

    def moved(self, customers: frozenset[str] | None, position: int) -> None:
        """Note that the answers of some customers (None: of all) hold no longer than up to this position."""
        with self._lock:
            if customers is None:
                self._all_moved = position
            for customer_id in customers or ():
                self._moved[customer_id] = position
            self._scores.clear()
        self._wake.set()

    def all_current(
        self, champions: Champions, customer_ids: Sequence[str], as_of: date | None
    ) -> list[Current] | None:
        """Return the current answers of some customers, each once, in the order given; None where any is lacking."""
        found = []
        for customer_id in dict.fromkeys(customer_ids):
            current = self.current(champions, customer_id, as_of)
            if current is None:
                return None
            found.append(current)
        return found

    def explanation(
        self, champions: Champions, customer_id: str, target: str, language: str, as_of: date | None
    ) -> tuple[StoredExplanation, int] | None:
        """Return (stored explanation, position of the ledger that it was made on); None where none holds now."""
        current = self.current(champions, customer_id, as_of)
        if current is None:
            return None
        key = (customer_id, target, language)
        with self._lock:
            found = self._explained.get(key)
            if found is not None and found[0] is current:
                self._explained.move_to_end(key)
                return found[1], current.position
        scorer = champions.scorer_of(customer_id)
        stored = self.kept.explanation(scorer, customer_id, target, language, current.holds)
        if stored is None:
            return None
        with self._lock:
            self._explained[key] = (current, stored)
            while len(self._explained) > EXPLANATIONS_KEPT:
                self._explained.popitem(last=False)
        return stored, current.position

    def payments(self, champions: Champions, customer_id: str, as_of: date | None) -> StoredPayments | None:
        """Return the stored payment curves of a customer's open items; None where none hold now."""
        current = self.current(champions, customer_id, as_of)
        return None if current is None else self.kept.payments(customer_id, current.holds)

    # computing

    def scores(self, champions: Champions, customer_id: str, as_of: date | None) -> tuple[Scorer, Scores]:
        """Return one customer's whole scores and the scorer that made them; kept for a while, since who asks for a score
        often asks for its reasons next. Raises UnknownCustomer or FutureDay as the scorer does."""
        key = (champions.versions, champions.living.fingerprint, champions.living.known_to, customer_id, as_of)
        with self._lock:
            found = self._scores.get(key)
            if found is not None:
                self._scores.move_to_end(key)
        scorer = champions.scorer_of(customer_id)
        if found is None:
            found = scorer.score([customer_id], as_of)
            with self._lock:
                self._scores[key] = found
                while len(self._scores) > SCORES_KEPT:
                    self._scores.popitem(last=False)
        return scorer, found

    def computed(self, champions: Champions, customer_ids: Sequence[str]) -> dict[str, Current]:
        """Score customers on the ledger's last known day, and keep the answers."""
        made: dict[str, tuple[dict[str, Any], Packed, float]] = {}
        for scorer, ids in champions.parts(customer_ids):
            if ids:
                scores = scorer.score(ids)
                own_shares = own_shares_of(scores)
                for customer_id, (answer, inputs) in self.make(champions, scorer, scores).items():
                    packed = Packed.of(self.record(champions, scorer, inputs, answer))
                    made[customer_id] = answer, packed, own_shares.get(customer_id, float("nan"))
        found = {}
        with self.log.store.writing() as connection:
            for customer_id, (answer, packed, own_share) in made.items():
                found[customer_id] = Current(
                    text=json.dumps(answer, ensure_ascii=False, allow_nan=False),
                    summary=(answer["pd"], answer["grade"], answer["special"]), stamp=stamp(champions),
                    position=champions.living.position, peers=champions.living.peers_of(customer_id),
                    own_share=own_share, **self.log.sealed(connection, packed),
                )  # fmt: skip
            self._save(connection, champions, found)
        self._current.update(found)
        return found

    # the store

    def _save(self, connection: Connection, champions: Champions, found: Mapping[str, Current]) -> None:
        """Write answers, and what differs from the ones published before, unless another process wrote newer ones."""
        rows = connection.execute(
            select(SCORES.c.customer_id, SCORES.c.position, SCORES.c.as_of, SCORES.c.models, SCORES.c.answer)
            .where(SCORES.c.customer_id.in_(list(found)))
        ).all()  # fmt: skip
        held = {row.customer_id: row for row in rows}
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        change = int(connection.execute(select(func.coalesce(func.max(CHANGES.c.change), 0))).scalar_one())
        news, saved = [], []
        for customer_id, current in found.items():
            models = "/".join(current.stamp[:2])
            row = held.get(customer_id)
            if (
                row is not None
                and (row.models, row.as_of) == (models, current.stamp[2])
                and row.position > current.position
            ):
                continue
            before = None if row is None else _unpacked(row.answer)["summary"]
            if row is None or list(current.summary) != before:
                change += 1
                content = {"before": _named(before), "after": _named(list(current.summary)), "as_of": current.stamp[2]}
                news.append({
                    "change": change, "position": current.position, "changed_at": at, "customer_id": customer_id,
                    "kind": "scored" if row is None else "score", "content": canonical(content),
                })  # fmt: skip
            saved.append({
                "customer_id": customer_id, "ledger": champions.living.read, "position": current.position,
                "as_of": current.stamp[2], "models": models, "answer": _packed(current), "payload": current.payload,
                "scored_at": at,
            })  # fmt: skip
        if saved:
            connection.execute(SCORES.delete().where(SCORES.c.customer_id.in_([row["customer_id"] for row in saved])))
            connection.execute(insert(SCORES), saved)
        if news:
            connection.execute(insert(CHANGES), news)

    def load(self, champions: Champions) -> int:
        """Read the answers that the store holds and that still hold; return how many."""
        living = champions.living
        with self.log.store.reading() as connection:
            rows = connection.execute(select(SCORES).where(SCORES.c.ledger == living.read)).all()
            kept = connection.execute(
                select(KEPT_ANSWERS.c.customer_id, KEPT_ANSWERS.c.position, KEPT_ANSWERS.c.as_of, KEPT_ANSWERS.c.models)
                .where(KEPT_ANSWERS.c.kind == kind_of("pd"))
            ).all()  # fmt: skip
        self._kept = {str(row[0]): (int(row[1]), str(row[2]), str(row[3])) for row in kept}
        found = {}
        for row in rows:
            packed = _unpacked(row.answer)
            default, _, delay = row.models.partition("/")
            found[row.customer_id] = Current(
                text=packed["text"], summary=tuple(packed["summary"]), stamp=(default, delay, row.as_of),
                position=int(row.position), peers=np.array([np.nan if x is None else x for x in packed["peers"]]),
                own_share=np.nan if packed["own_share"] is None else packed["own_share"],
                context=packed["context"], payload=row.payload, subject=row.customer_id,
                body=base64.b64decode(packed["body"]),
            )  # fmt: skip
        oldest = min((current.position for current in found.values()), default=living.position)
        if oldest < living.position:
            rows_after = self.served_models.rows.after(oldest) if self.served_models.rows is not None else []
            from serving.event_rows import ledger_of

            touched = living.touched_by(ledger_of([row for _, row in rows_after])) if rows_after else frozenset()
            self.moved(touched, living.position)
        self._current = {**found, **self._current}
        return len(found)

    # the background

    def start(self) -> None:
        """Begin to keep all answers current, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="scores", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                is_done = self.refresh_some()
            except (Problem, StoreUnavailable):
                is_done = True
            except (
                Exception
            ) as failed:  # one customer's fault must not end the thread; asking for it says what is wrong
                logger.error("scores could not be refreshed: %s", type(failed).__name__)
                is_done = True
            if is_done:
                self._wake.wait(timeout=1.0)
                self._wake.clear()
            else:
                self._stopped.wait(REST_SECONDS)

    def refresh_some(self) -> bool:
        """Score some customers whose answers do not hold, else explain some whose explanations do not; return whether all is kept."""
        champions = self.served_models.champions()
        self.warm(champions)
        if not self._loaded:
            self.load(champions)
            self._loaded = True
        stale = self.stale(champions, AT_ONCE)
        if stale:
            self.computed(champions, stale)
            return False
        bare = self.bare(champions, EXPLAINED_AT_ONCE)
        if bare:
            self.keep_beside(champions, bare)
        return not bare

    def bare(self, champions: Champions, most: int | None = None) -> list[str]:
        """Return customers with an answer whose explanations and payment curves are not kept, at most so many."""
        found = []
        for customer_id, current in list(self._current.items()):
            if self._kept.get(customer_id) != current.holds and self.current(champions, customer_id, None) is current:
                found.append(customer_id)
                if most is not None and len(found) >= most:
                    break
        return found

    def keep_beside(self, champions: Champions, customer_ids: Sequence[str]) -> None:
        """Make and keep the explanations and payment curves that belong to the current answers of some customers."""
        wanted = {i: self._current[i] for i in customer_ids}
        for scorer, ids in champions.parts(customer_ids):
            if not ids:
                continue
            contents = contents_of(champions, scorer, scorer.score(ids))
            packed = {i: {kind: Packed.of(content) for kind, content in kinds.items()} for i, kinds in contents.items()}
            holds = {i: wanted[i].holds for i in ids}
            with self.log.store.writing() as connection:
                self.kept.write(connection, packed, holds)
            self._kept |= holds

    def stale(self, champions: Champions, most: int | None = None) -> list[str]:
        """Return customers whose answers do not hold, at most so many."""
        found = []
        for customer_id in self.customers(champions):
            if self.current(champions, customer_id, None) is None:
                found.append(customer_id)
                if most is not None and len(found) >= most:
                    break
        return found

    def grade_of(self, customer_id: str) -> str | None:
        """Return the grade in a customer's held answer; None where there is none."""
        found = self._current.get(customer_id)
        return None if found is None else found.summary[1]

    def summaries(self) -> list[tuple[float | None, str | None, str | None]]:
        """Return (pd, grade, special) of every held answer."""
        return [current.summary for current in list(self._current.values())]

    def customers(self, champions: Champions) -> Iterable[str]:
        """Return every customer of the ledger."""
        return [str(i) for i in champions.living.base.prepared.owners.ids]


def stamp(champions: Champions) -> tuple[str, str, str]:
    """Return what an answer holds for: both models' versions and the day."""
    return (*champions.versions, champions.living.known_to.isoformat())


def own_shares_of(scores: Scores) -> dict[str, float]:
    """Return OWN_SHARE of the customers whose inputs hold it."""
    found: dict[str, float] = {}
    for matrix in (scores.X_next, scores.X):
        if OWN_SHARE in matrix:
            found |= {str(i): float(v) for i, v in matrix[OWN_SHARE].items()}
    return found


def _packed(current: Current) -> bytes:
    numbers = [None if np.isnan(x) else float(x) for x in current.peers]
    own = None if np.isnan(current.own_share) else current.own_share
    kept = {
        "text": current.text, "summary": list(current.summary), "peers": numbers, "own_share": own,
        "context": current.context, "body": base64.b64encode(current.body).decode(),
    }  # fmt: skip
    return zlib.compress(json.dumps(kept, ensure_ascii=False).encode(), 1)


def _unpacked(packed: bytes) -> dict[str, Any]:
    return dict(json.loads(zlib.decompress(packed)))


def _named(summary: Sequence[Any] | None) -> dict[str, Any] | None:
    return None if summary is None else dict(zip(("pd", "grade", "special"), summary, strict=True))
