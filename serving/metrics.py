"""Prometheus metrics of the service: requests by declared route, answers by grade, age of the ledger, drift of answers."""

from __future__ import annotations

import math
import re
import threading
import time
from collections import Counter as Counts
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func, select
from starlette.routing import compile_path

from serving.champions import Champions, ServedModels
from serving.http import OTHER
from serving.score_book import ScoreBook
from serving.store import Store, StoreUnavailable
from serving.store.tables import DECISIONS, LEDGER_ROWS

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)
HOUR = 3600.0
MOST_ANSWERS = 100_000  # of the last hour that are remembered for the drift


class Metrics:
    """The metrics of one running service, in a registry of their own."""

    def __init__(self) -> None:
        self._routes: frozenset[str] = frozenset()
        self._templates: list[tuple[re.Pattern[str], str]] = []
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "tradecredit_requests",
            "Requests by route, method and status.",
            ["route", "method", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "tradecredit_request_seconds", "Seconds to answer, by route.", ["route"], buckets=SECONDS, registry=registry
        )
        self.running = Gauge("tradecredit_requests_running", "Requests that are being answered.", registry=registry)
        self.answers = Counter(
            "tradecredit_scores", "Scores given, by grade (none: no PD).", ["grade"], registry=registry
        )
        self.refusals = Counter(
            "tradecredit_refusals",
            "Requests that were refused, by the error's stable word.",
            ["error"],
            registry=registry,
        )
        self.computed = Counter(
            "tradecredit_scores_computed_on_request",
            "Scores that were not held by the read model and were computed.",
            registry=registry,
        )
        self.rows = Counter(
            "tradecredit_rows_taken", "Rows taken into the ledger, by table.", ["table"], registry=registry
        )
        self.age = Gauge(
            "tradecredit_ledger_age_days", "Days from the ledger's last known day to today.", registry=registry
        )
        self.position = Gauge("tradecredit_ledger_position", "Rows taken since the ledger was read.", registry=registry)
        self.lag = Gauge(
            "tradecredit_event_lag_rows", "Rows in the store that this process does not serve yet.", registry=registry
        )
        self.champion = Gauge(
            "tradecredit_champion", "1 for each model version served.", ["model", "version"], registry=registry
        )
        self.records = Gauge("tradecredit_decision_records", "Records of the decision log.", registry=registry)
        self.store_bytes = Gauge(
            "tradecredit_store_bytes",
            "Bytes of the store, of which the decision log is the most: SQLite's file and write-ahead log, PostgreSQL's database.",
            registry=registry,
        )
        self.stale = Gauge(
            "tradecredit_scores_stale", "Customers whose held answer does not hold any more.", registry=registry
        )
        self.unexplained = Gauge(
            "tradecredit_explanations_stale",
            "Customers whose explanations and payment curves are not kept for the answer held.",
            registry=registry,
        )
        self.drift = Gauge(
            "tradecredit_grade_drift_psi",
            "Population stability index of the last hour's grades against the whole ledger's.",
            registry=registry,
        )
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, str]] = deque(maxlen=MOST_ANSWERS)

    def declare(self, routes: Iterable[str]) -> None:
        """Take the declared routes, once all of them are known; one with a part in braces counts all its paths."""
        self._routes = frozenset(routes)
        self._templates = [(compile_path(path)[0], path) for path in sorted(self._routes) if "{" in path]

    def route_of(self, path: str) -> str:
        """Return a path as a label: the declared route that answers it, else `other`."""
        if path in self._routes:
            return path
        return next((route for pattern, route in self._templates if pattern.match(path)), OTHER)

    def answered(self, grades: Iterable[str | None], computed: int) -> None:
        """Count scores that were given, and how many of them were computed for the request."""
        now = time.monotonic()
        for grade in grades:
            self.answers.labels(grade=grade or "none").inc()
            with self._lock:
                self._recent.append((now, grade or "none"))
        if computed:
            self.computed.inc(computed)

    def text(self, served_models: ServedModels, store: Store, book: ScoreBook) -> bytes:
        """Return all metrics as Prometheus reads them; what cannot be read now keeps its last value."""
        try:
            champions = None if served_models.why_not else served_models.champions()
            if champions is not None:
                self._look(champions, store, book)
        except StoreUnavailable:
            self.refusals.labels(error="store_unavailable").inc()
        return generate_latest(self.registry)

    def _look(self, champions: Champions, store: Store, book: ScoreBook) -> None:
        living = champions.living
        with store.reading() as connection:
            last = int(connection.execute(select(func.coalesce(func.max(LEDGER_ROWS.c.position), 0))).scalar_one())
            self.records.set(
                int(connection.execute(select(func.coalesce(func.max(DECISIONS.c.sequence), 0))).scalar_one())
            )
        self.store_bytes.set(store.size())
        self.age.set((datetime.now(UTC).date() - living.known_to).days)
        self.position.set(living.position)
        self.lag.set(max(last - living.position, 0))
        self.champion.clear()
        for model in champions.models:
            self.champion.labels(model=model.name, version=model.version).set(1)
        self.stale.set(len(book.stale(champions)))
        self.unexplained.set(len(book.bare(champions)))
        whole = Counts(summary[1] or "none" for summary in book.summaries())
        since = time.monotonic() - HOUR
        with self._lock:
            recent = Counts(grade for at, grade in self._recent if at >= since)
        self.drift.set(psi(whole, recent))


def psi(reference: Mapping[str, int], now: Mapping[str, int]) -> float:
    """Return the population stability index of counts by bin, with half a count added to each; NaN where either is empty.

    >>> round(psi({"R01": 50, "R02": 50}, {"R01": 50, "R02": 50}), 6)
    0.0
    """
    a, b = sum(reference.values()), sum(now.values())
    if not a or not b:
        return math.nan
    bins = {*reference, *now}
    total = 0.0
    for name in bins:
        p = (reference.get(name, 0) + 0.5) / (a + 0.5 * len(bins))
        q = (now.get(name, 0) + 0.5) / (b + 0.5 * len(bins))
        total += (q - p) * math.log(q / p)
    return total


__all__ = ["Metrics", "psi"]
