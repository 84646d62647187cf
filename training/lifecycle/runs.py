"""Start and end runs in MLflow: experiment, user, source and commit of a run, and its status when something fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ledger.errors import InputError
from ledger.ledger import Ledger
from models import registry
from models.journal import system_user
from models.registry import Settings

# the kind under which MLflow opens an experiment on its runs, not on traces of language models
EXPERIMENT_KIND = ("mlflow.experimentKind", "custom_model_development")


class TrackingFailed(InputError):
    """A run could not be logged; nothing of it was registered."""


def experiment_id(store: Any, settings: Settings, kind: str) -> str:
    """Return the id of one of our experiments (train, default, delay, backtest, monitoring), made where it is missing."""
    full = settings.experiment(kind)
    found = store.get_experiment_by_name(full)
    if found is not None:
        if EXPERIMENT_KIND[0] not in found.tags:
            store.set_experiment_tag(found.experiment_id, *EXPERIMENT_KIND)
        return str(found.experiment_id)
    location = (settings.artifacts / kind).as_uri() if settings.tracking_uri.startswith("sqlite:") else None
    return str(store.create_experiment(full, artifact_location=location, tags=dict([EXPERIMENT_KIND])))


def commit() -> str:
    """Return the commit of this project's code, with `+changes` where the tree differs from it; 'unknown' outside git."""
    describe = ["git", "describe", "--always", "--abbrev=40", "--dirty=+changes"]
    found = subprocess.run(describe, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


LIBRARIES = (
    "duckdb",
    "holidays",
    "lightgbm",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "pydantic-settings",
    "scipy",
)


def libraries() -> dict[str, str]:
    """Return name -> installed version of the libraries that a model's numbers depend on."""
    return {name: version(name) for name in LIBRARIES}


def source_tags(parent: str | None = None) -> dict[str, str]:
    """Return the tags that say who made a run, by which program and from which commit.

    parent : run id of the parent; without one, that of the MLflow project that started this process, if any.
    """
    above = parent or os.environ.get("MLFLOW_RUN_ID")
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    words = ["tradecredit" if program in ("main.py", "tradecredit") else program, *sys.argv[1:2]]
    return {
        "mlflow.user": system_user(), "mlflow.source.name": " ".join(words), "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": commit(), **({"mlflow.parentRunId": above} if above else {}),
    }  # fmt: skip


def log_ledger_input(ledger: Ledger, *, place: str, context: str) -> None:
    """Log the ledger as the active run's dataset input: its name, its folder, its fingerprint and its row counts.

    place : the folder or name that the user gave. context : training, evaluation or monitoring.
    """
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    counts = {name: str(len(frame)) for name, frame in ledger.tables.items() if len(frame)}
    source = CodeDatasetSource({"ledger": place, "fingerprint": ledger.fingerprint, **counts})
    name = Path(place).name or "ledger"
    dataset = MetaDataset(source=source, name=name, digest=ledger.fingerprint[:36])  # type: ignore[abstract]
    mlflow.log_input(dataset, context=context)


@contextmanager
def started(
    store: Any, settings: Settings, kind: str, name: str, tags: dict[str, str], parent: str | None = None,
    run_id: str | None = None,
) -> Iterator[str]:  # fmt: skip
    """Start a run, make it the active one and give its id; it ends FAILED on an error and KILLED on Ctrl-C.

    run_id : of a run to be continued, whose tags are set anew; None for a new one.

    Raises
    ------
    TrackingFailed
        MLflow's store cannot be reached, or the disk is full; the message names which.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    own = run_id or ""
    try:
        if run_id is not None:
            for key, value in tags.items():
                store.set_tag(run_id, key, value)
        else:
            run = store.create_run(
                experiment_id(store, settings, kind), tags={**source_tags(parent), **tags}, run_name=name
            )
            own = str(run.info.run_id)
        with mlflow.start_run(run_id=own, nested=True):
            yield own
    except KeyboardInterrupt:
        _end(store, own, "KILLED")
        raise
    except (MlflowException, OSError) as failed:
        _end(store, own, "FAILED")
        raise TrackingFailed(
            f"run '{name}' could not be logged to {settings.tracking_uri}: {reason(failed)}. Nothing was registered and no alias was "
            "moved; mend the store (reachable? disk full?) and run the command again."
        ) from failed


def reason(failed: BaseException) -> str:
    """Return one line that says what failed: the system's own words for an OSError, else the error's first line.

    SQLAlchemy puts a remark about its session before the database's own error; that remark is left out.
    """
    if isinstance(failed, OSError) and failed.strerror:
        return failed.strerror
    lines = [line for line in str(failed).splitlines() if not line.startswith("(raised as a result of")]
    return (lines or [type(failed).__name__])[0]


def _end(store: Any, run_id: str, status: str) -> None:
    """Set a run's last status where the store still answers; the error that led here is reported either way."""
    from mlflow.exceptions import MlflowException

    try:
        if run_id:
            store.set_terminated(run_id, status=status)
    except (MlflowException, OSError):
        print(f"run {run_id} could not be marked {status}: the tracking store does not answer.", file=sys.stderr)


def run_of(settings: Settings, run_id: str) -> Any:
    """Return a run by its id. Raises InputError where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return registry.client(settings).get_run(run_id)
    except MlflowException as absent:
        raise InputError(
            f"{run_id}: no such run in {settings.tracking_uri}. `tradecredit ui` shows the runs; `tradecredit train` prints "
            "the id of each."
        ) from absent
