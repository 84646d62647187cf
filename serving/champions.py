"""What is served: the ledger it was started on, and the champions of the registry, swapped while it runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path

from decisions.limit_policy import read_limit_policy
from decisions.living_ledger import LivingLedger
from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from ledger.errors import InputError
from models import journal, registry
from models.registry import Served, Settings
from serving.errors import Problem
from serving.sent_rows import SentRows

FOLLOW_SECONDS = 0.25
WARM_CUSTOMERS = 5
logger = logging.getLogger("tradecredit.serving")


@dataclass(frozen=True, kw_only=True)
class Champions:
    """The champions' versions and the scorer made of them and the ledger; one of the two models may have no champion.

    served_since : when it began to answer (UTC). changes : for each of the two, the sequence number of the promotion
    journal's last change of its alias (0 where there is none). country_policy : its file, None where there is none.
    """

    default: Served | None
    delay: Served | None
    scorer: Scorer
    served_since: str
    changes: tuple[int, int] = (0, 0)
    state: LivingLedger | None = None
    country_policy: Path | None = None

    @cached_property
    def living(self) -> LivingLedger:
        """Return the state of the ledger that these champions answer from."""
        return self.state or LivingLedger.of(self.scorer.served)

    def on(self, living: LivingLedger) -> Champions:
        """Return the same champions on another state of the ledger."""
        return replace(self, state=living, scorer=replace(self.scorer, served=living.rest))

    def scorer_of(self, customer_id: str) -> Scorer:
        """Return the scorer that answers for one customer: on the rows that came since the ledger was read, too."""
        part = self.living.part_of(customer_id)
        return self.scorer if part is self.scorer.served else replace(self.scorer, served=part)

    def parts(self, customer_ids: Sequence[str]) -> list[tuple[Scorer, list[str]]]:
        """Return customers, each once, by the scorer that answers for them. Raises UnknownCustomer where one is unknown."""
        return [(replace(self.scorer, served=part), ids) for part, ids in self.living.parts(customer_ids)]

    @property
    def versions(self) -> tuple[str, str]:
        return tuple("" if model is None else model.version for model in (self.default, self.delay))  # type: ignore[return-value]

    @property
    def models(self) -> tuple[Served, ...]:
        """The models that have a champion: default, delay."""
        return tuple(model for model in (self.default, self.delay) if model is not None)


class ServedModels:
    """Holds what is served now. One thread reads the ledger, then looks at the registry's aliases again and again.

    Until a champion of one of the two models is there, `champions()` is a 503 with the reason; a champion withdrawn is no longer served; a
    registry that can not be reached, or a version whose files were changed, leaves the ones served in place.
    """

    def __init__(self, settings: Settings, *, seconds_between_looks: float = 5.0, rows: SentRows | None = None) -> None:
        self.settings = settings
        self.rows = rows
        self._living: LivingLedger | None = None
        self._swap = threading.RLock()
        self.seconds_between_looks = seconds_between_looks
        self._prepared: ScoringLedger | None = None
        self._champions: Champions | None = None
        self._why = "the ledger is being read; ask again in some seconds"
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, settings: Settings, champions: Champions) -> ServedModels:
        """A desk that serves these models and, unless it is started, looks for no others."""
        served_models = cls(settings)
        served_models._champions, served_models._prepared = champions, champions.scorer.served
        served_models._living = champions.living
        return served_models

    def start(self) -> None:
        """Begin to read and to look, in a thread of its own: the service answers from the first moment on."""
        self._thread = threading.Thread(target=self._run, name="champions", daemon=True)
        self._thread.start()
        threading.Thread(target=self._follow, name="rows", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def champions(self) -> Champions:
        """What is served now. Raises Problem 503 with the reason while nothing is: no model, no score."""
        served = self._champions
        if served is None:
            raise Problem(
                status=503, error="no_model", detail=f"no score can be given: {self._why}", headers={"Retry-After": "5"}
            )
        return served

    def prepared(self) -> ScoringLedger | None:
        """The ledger being served, None while it is read."""
        return self._prepared

    @property
    def why_not(self) -> str | None:
        """Why nothing is served, None where something is."""
        return self._why if self._champions is None else None

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.look()
            except Exception as failed:  # a store that is down for a while must not end the watch
                self._say(f"the model registry could not be read ({type(failed).__name__}); it is tried again")
            self._stopped.wait(self.seconds_between_looks)

    def _follow(self) -> None:
        """Take in what other processes send to the same store, a quarter of a second later at most."""
        while not self._stopped.wait(FOLLOW_SECONDS):
            try:
                self.catch_up()
            except Exception as failed:  # a store that is down for a while must not end the watch
                logger.warning("rows of other processes cannot be read: %s", type(failed).__name__)

    def look(self) -> None:
        """Read the ledger where that was not done yet, then serve the champions of this moment, if they are new."""
        try:
            if self._prepared is None:
                self._read()
            self.catch_up()
            names = (registry.DEFAULT_MODEL, registry.DELAY_MODEL)
            for name in names:
                if (moved := journal.notice(self.settings, name)) is not None:
                    logger.warning("%s: %s → %s, moved by hand; recorded", name, moved.alias_before, moved.alias_after)
            versions = self._versions(names)
            changes = self._changes(names)
            served = self._champions
            if served is not None and served.versions == versions:
                if served.changes != changes:  # promoted again: since when and by whom are others, the scorer is not
                    self._champions = replace(
                        served, changes=changes, default=self._with_journal(served.default),
                        delay=self._with_journal(served.delay),
                    )  # fmt: skip
                return
            default, delay = (
                self._with_journal(registry.load(self.settings, name, version)) if version else None
                for name, version in zip(names, versions, strict=True)
            )
            self._serve(default, delay, changes)
        except registry.NoModel as none:
            self._champions = None
            self._say(str(none))
        except InputError as refused:  # a ledger that breaks its contract, a model whose files were changed
            self._say(str(refused))

    def _read(self) -> None:
        """Read the ledger, and the rows that were sent to it since; meanwhile import what the registry needs."""
        threading.Thread(target=import_module, args=("mlflow.tracking",), name="mlflow", daemon=True).start()
        self._prepared = ScoringLedger.read(self.settings.ledger)
        living = LivingLedger.of(self._prepared)
        self._living = self.rows.applied(living) if self.rows is not None else living

    def living(self) -> LivingLedger:
        """Return the ledger's state now. Raises Problem 503 while it is read."""
        if self._living is None:
            raise Problem(
                status=503, error="no_ledger", detail=f"no row can be taken: {self._why}", headers={"Retry-After": "5"}
            )
        return self._living

    def take(self, living: LivingLedger) -> None:
        """Answer from another state of the ledger from now on."""
        with self._swap:
            self._living = living
            if self._champions is not None:
                self._champions = self._champions.on(living)

    def catch_up(self) -> None:
        """Take in rows that another process sent to the store, and the calendar's day where that is what is asked about."""
        living = self._living
        if living is None:
            return
        newer = self.rows.applied(living) if self.rows is not None else living
        if self.settings.day == "calendar":
            newer = newer.at_least(datetime.now(UTC).date())
        if newer is not living:
            with self._swap:
                if self._living is living:
                    self.take(newer)

    def _versions(self, names: tuple[str, str]) -> tuple[str, ...]:
        """Return the champion's version of each model, '' for one without. Raises NoModel where neither has any."""
        versions, lacking = [], []
        for name in names:
            try:
                versions.append(registry.version_at(self.settings, name))
            except registry.NoModel as none:
                versions.append("")
                lacking.append(none)
        if len(lacking) == len(names):
            raise lacking[0]
        return tuple(versions)

    def _with_journal(self, model: Served | None) -> Served | None:
        return None if model is None else journal.with_journal(self.settings, model)

    def _changes(self, names: tuple[str, str]) -> tuple[int, int]:
        """Return the sequence number of the last change of each champion alias."""
        log = journal.Journal.of(self.settings)
        first, second = (0 if (last := log.last_change(name)) is None else last.sequence for name in names)
        return first, second

    def _serve(self, default: Served | None, delay: Served | None, changes: tuple[int, int]) -> None:
        """Make the scorer first, then swap it in by one assignment: no request ever sees a half of each."""
        assert self._living is not None
        scorer = Scorer.of(self._living.rest, default, delay)
        if self.settings.limit_policy is not None:
            scorer = scorer.under(read_limit_policy(self.settings.limit_policy))
        warm(scorer)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with self._swap:
            made = Champions(default=default, delay=delay, scorer=scorer, served_since=at, changes=changes,
                             country_policy=self.settings.countries)  # fmt: skip
            self._champions = made.on(self._living)
        logger.info("serving %s", " and ".join(f"{model.name} {model.version}" for model in made.models))

    def _say(self, why: str) -> None:
        """Write a reason down once, not at every look."""
        if why != self._why:
            logger.warning("not changed: %s", why)
        self._why = why


def warm(scorer: Scorer) -> None:
    """Answer for a few customers before anybody can ask: in a new bento or container the compiled kernels are made here, which
    takes a minute on a busy machine, and not within the first request."""
    scores = scorer.score([str(i) for i in scorer.served.prepared.owners.ids[:WARM_CUSTOMERS]])
    if scorer.has_delay:
        scorer.payments(scores)
    for target in ("pd", "delay"):
        scorer.explanations(scores, target)
