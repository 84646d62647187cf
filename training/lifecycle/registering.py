"""Register logged runs as candidates: version, alias and journal record together, or none of them."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from models import journal, registry
from models.journal import Journal
from models.registry import Settings
from training.lifecycle.runs import TrackingFailed, reason


@dataclass(frozen=True, kw_only=True)
class Logged:
    """A finished run with its model, not registered yet.

    name : of the registered model. identity : the tags of the version, its digests among them. source : the ledger's name.
    """

    name: str
    run_id: str
    model_uri: str
    identity: dict[str, str]
    as_of: date
    source: str


def register(settings: Settings, runs: Sequence[Logged]) -> list[registry.Served]:
    """Register finished runs as candidates with the alias `challenger` and a record each; return the versions.

    Either all are registered or none is: where one step fails, or Ctrl-C comes between two, the versions made so far are
    deleted, the aliases are set back, and the journal says `withdrawn` for what it had recorded. Trainings that end at the same
    time register one after the other.

    Raises
    ------
    TrackingFailed
        The registry cannot be reached or written; nothing stays registered.
    """
    from mlflow.exceptions import MlflowException

    store = registry.client(settings)
    with _one_at_a_time(settings):
        before = {run.name: _challenger(settings, run.name) for run in runs}
        made: list[registry.Served] = []
        try:
            for run in runs:
                made.append(_register_one(settings, store, run))
        except BaseException as failed:  # Ctrl-C too
            for run in runs:
                _take_back(settings, store, run, before[run.name], recorded=[m for m in made if m.run_id == run.run_id])
            if isinstance(failed, (MlflowException, OSError)):
                raise TrackingFailed(
                    f"{', '.join(run.name for run in runs)}: could not be registered in {settings.tracking_uri}: "
                    f"{reason(failed)}. Nothing was registered; the runs are logged. Mend the store (reachable? disk full?) "
                    "and train again."
                ) from failed
            raise
    return made


def _register_one(settings: Settings, store: Any, run: Logged) -> registry.Served:
    import mlflow

    number = str(mlflow.register_model(run.model_uri, run.name, tags=run.identity).version)
    served = registry.load(settings, run.name, number)
    Journal.of(settings).append(
        journal.REGISTERED, run.name, number, by=served.tags.get("mlflow.user", ""),
        doing=lambda: store.set_registered_model_alias(run.name, registry.CHALLENGER, number),
        why=f"trained as of {run.as_of} on {run.source}", **journal.facts_of(served),
    )  # fmt: skip
    return served


def _take_back(
    settings: Settings, store: Any, run: Logged, challenger: str | None, *, recorded: Sequence[registry.Served]
) -> None:
    """Delete what a run registered and set its alias back; print what cannot be undone because the store is gone."""
    from mlflow.exceptions import MlflowException

    try:
        versions = list(store.search_model_versions(f"run_id = '{run.run_id}'"))
        if not versions:
            return
        if challenger is not None:
            store.set_registered_model_alias(run.name, registry.CHALLENGER, challenger)
        elif _challenger(settings, run.name) is not None:
            store.delete_registered_model_alias(run.name, registry.CHALLENGER)
        for version in versions:
            store.delete_model_version(run.name, str(version.version))
    except (MlflowException, OSError):
        print(
            f"{run.name}: the version of run {run.run_id} could not be deleted, the registry does not answer; delete it in "
            "MLflow's page once it does.",
            file=sys.stderr,
        )
    for served in recorded:
        Journal.of(settings).append(
            journal.WITHDRAWN, served.name, served.version, by=served.tags.get("mlflow.user", ""),
            why="another model of the same training could not be registered", **journal.facts_of(served),
        )  # fmt: skip


def _challenger(settings: Settings, name: str) -> str | None:
    try:
        return registry.version_at(settings, name, registry.CHALLENGER)
    except registry.NoModel:
        return None


@contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    """Wait for other trainings of the same home that register at this moment."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "registering.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
