"""The state of a running service: what is served, where it is written, who may ask."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

from decisions.authority import AuthorityPolicy, read_authority
from models.settings import Settings
from serving import answers
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.heads import HeadWriter
from serving.identity import Identity
from serving.jobs import Jobs
from serving.score_book import ScoreBook
from serving.sessions import Sessions
from serving.store import Store
from serving.watch_feed import WatchFeed
from serving.webhooks import Webhook


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """What an answer is made with: the models and the ledger served, and the log (in the store) it is written to."""

    served_models: ServedModels
    log: DecisionLog

    @property
    def settings(self) -> Settings:
        """Return the service's settings."""
        return self.served_models.settings

    @property
    def store(self) -> Store:
        """Return the store of log, keys, sessions, rows and scores."""
        return self.log.store

    @cached_property
    def identity(self) -> Identity:
        """Return who callers are known by."""
        return Identity(self.settings, self.store)

    @cached_property
    def sessions(self) -> Sessions:
        """Return the sessions of the pages."""
        return Sessions(self.store, self.identity)

    @cached_property
    def book(self) -> ScoreBook:
        """Return the read model: the current answers."""
        return ScoreBook(self.served_models, self.log, answers.scored, answers.score_record)

    @cached_property
    def jobs(self) -> Jobs:
        """Return the jobs."""
        return Jobs(self.served_models, self.log, self.settings.home / "jobs")

    @cached_property
    def head_writer(self) -> HeadWriter:
        """Return what writes the log's signed heads."""
        path = self.settings.heads or self.settings.home / "decision-heads.jsonl"
        return HeadWriter(self.log, path, self.settings.head_minutes)

    @cached_property
    def watch_feed(self) -> WatchFeed:
        """Return what writes the watch list's changes into the feed."""
        return WatchFeed(self.served_models, self.store, self.settings.watch_minutes)

    @cached_property
    def webhook(self) -> Webhook:
        """Return what posts changes to the operator's address."""
        return Webhook(self.settings, self.store)

    def stop(self) -> None:
        """Stop whatever works in the background, and close the log: nothing can be asked afterwards."""
        for part in (self.book, self.watch_feed, self.jobs, self.head_writer, self.webhook, self.served_models):
            part.stop()
        self.log.close()

    def why_not_writable(self) -> str | None:
        """Return why the store cannot be written, as it was at most a second ago; None where it can."""
        checked: tuple[float, str | None] = self.__dict__.get("_writable", (0.0, None))
        if time.monotonic() - checked[0] > 1.0:
            checked = (time.monotonic(), self.store.why_not_writable())
            self.__dict__["_writable"] = checked
        return checked[1]

    @cached_property
    def authority(self) -> AuthorityPolicy:
        """Return the policy of who may approve how much."""
        return read_authority(self.settings.authority)
