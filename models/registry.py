"""Where models live: the settings of the MLflow store, registering a model's folder, and loading it checked.

A model is a folder of text files. Its digest is logged when it is registered and checked whenever it is loaded; a file
that is not text of ours (a pickle, say) is refused before anything is read.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.errors import InputError
from models.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

DEFAULT_MODEL = "tradecredit-default"
DELAY_MODEL = "tradecredit-delay"
NAMES = {"default": DEFAULT_MODEL, "delay": DELAY_MODEL}  # kind -> registered name
CHAMPION, CHALLENGER = "champion", "challenger"
DIGEST_TAG = "tradecredit.digest"
ARTIFACTS_TAG = "tradecredit.artifacts_digest"  # of the run's tables, evidence and metrics
AS_OF_TAG = "tradecredit.as_of"
FINGERPRINT_TAG = "tradecredit.ledger_fingerprint"
WITHOUT_EVIDENCE_TAG = "tradecredit.without_evidence"  # registered though nothing could be evaluated out of time
PROMOTED_AT_TAG = "tradecredit.promoted_at"
PROMOTED_BY_TAG = "tradecredit.promoted_by"
TEXT_FILES = {".txt", ".json", ".csv", ".parquet"}  # what a model's folder may hold


class NoModel(InputError):
    """The registry has no such model, version or alias."""


class DigestMismatch(InputError):
    """The files of a registered model are not those that were registered."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A registered model version, checked: where its files are and all that a page or an auditor asks about it.

    promoted_at : ISO instant (UTC) at which the alias was set, empty where no step of ours set it.
    metrics : all metrics of the run, name -> value.
    tags : the run's and the version's tags.
    """

    name: str
    version: str
    run_id: str
    folder: Path
    digest: str
    promoted_at: str
    promoted_by: str
    metrics: dict[str, float]
    parameters: dict[str, str]
    tags: dict[str, str]


def client(settings: Settings) -> MlflowClient:
    """Return a client of the settings' store; the store is made where it does not exist yet (some seconds, once)."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow

    told = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(settings.tracking_uri)
    # MLflow writes the address into the environment too, where it would overrule the settings of whoever comes next
    if told is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = told
    if settings.tracking_uri.startswith("sqlite:///"):
        _make_store(settings)
    return mlflow.MlflowClient(settings.tracking_uri)


@cache
def _make_store(settings: Settings) -> None:
    """Make the store's tables where they are not there yet, one process at a time: two at once break each other."""
    import mlflow

    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mlflow.MlflowClient(settings.tracking_uri).search_experiments(max_results=1)


LOGGED = ("evidence", "tables", "feature_catalogue.json", "metrics.json", "run.json")  # a run's artifacts with a digest


def digest(folder: Path, only: Sequence[str] = ()) -> str:
    """Return the SHA-256 (hex) over the names and bytes of a folder's files, in the order of their names.

    only : first parts of the names that count; () for all. Raises DigestMismatch for a file of a kind that a model's
    folder may not hold.
    """
    whole = hashlib.sha256()
    files = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    for path in sorted(p for p in files if not only or p.relative_to(folder).parts[0] in only):
        if path.suffix not in TEXT_FILES:
            raise DigestMismatch(
                f"{path.name}: a model's folder holds only {', '.join(sorted(TEXT_FILES))} files; not loaded."
            )
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def version_at(settings: Settings, name: str, alias: str = CHAMPION) -> str:
    """Return the version number that an alias points to. Raises NoModel where there is none."""
    return str(_found(client(settings), name, alias).version)


def _found(store: MlflowClient, name: str, alias: str) -> ModelVersion:
    from mlflow.exceptions import MlflowException

    try:
        return (
            store.get_model_version(name, alias) if alias.isdigit() else store.get_model_version_by_alias(name, alias)
        )
    except MlflowException as absent:
        if absent.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise NoModel(
            f"{name}: no version '{alias}' is registered; `tradecredit train LEDGER` registers candidates, "
            f"`tradecredit promote {name.rpartition('-')[2]} --version VERSION` makes one the champion."
        ) from absent


def load(settings: Settings, name: str, alias: str = CHAMPION) -> Served:
    """Return the model version behind an alias (or a version number), its files checked against the logged digest.

    Raises NoModel, or DigestMismatch where a file was changed, added or removed since it was registered.
    """
    import mlflow

    store = client(settings)
    version = _found(store, name, alias)
    run = store.get_run(str(version.run_id))
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version.version}")) / "data" / "model"
    logged, actual = version.tags.get(DIGEST_TAG), digest(folder)
    if logged != actual or run.data.tags.get(DIGEST_TAG) != actual:
        raise DigestMismatch(
            f"{name} version {version.version}: its files have digest {actual[:12]}…, logged was {str(logged)[:12]}…; "
            "not loaded. Train and promote again, or restore the files."
        )
    return Served(
        name=name, version=str(version.version), run_id=str(version.run_id), folder=folder, digest=actual,
        promoted_at=version.tags.get(PROMOTED_AT_TAG, ""), promoted_by=version.tags.get(PROMOTED_BY_TAG, ""),
        metrics=_metrics(settings, run), parameters=dict(run.data.params), tags={**run.data.tags, **version.tags},
    )  # fmt: skip


def run_artifacts(settings: Settings, run_id: str) -> Path:
    """Return the local folder of a run's artifacts, their digest checked: tables, evidence, metrics.json, run.json.

    Raises DigestMismatch where one of them was changed, added or removed since the run was logged, or where the run was
    logged by a release that logged no digest.
    """
    import mlflow

    run = client(settings).get_run(run_id)
    logged = run.data.tags.get(ARTIFACTS_TAG)
    if logged is None:
        raise DigestMismatch(f"run {run_id}: its artifacts have no logged digest; train again with this release.")
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=run.info.artifact_uri))
    actual = digest(folder, LOGGED)
    if actual != logged:
        raise DigestMismatch(
            f"run {run_id}: its artifacts (tables, evidence, metrics) have digest {actual[:12]}…, logged was {logged[:12]}…; "
            "not used. Restore the files, or train again."
        )
    return folder


def _metrics(settings: Settings, run: Any) -> dict[str, float]:
    """Return all metrics of a run: its metrics.json, or for runs of earlier releases what MLflow holds."""
    if ARTIFACTS_TAG not in run.data.tags:
        return dict(run.data.metrics)
    text = (run_artifacts(settings, run.info.run_id) / "metrics.json").read_text(encoding="utf-8")
    return {name: float(value) for name, value in json.loads(text).items()}


def newest(settings: Settings, name: str) -> str:
    """Return the number of the last registered version. Raises NoModel where there is none."""
    found = client(settings).search_model_versions(f"name = '{name}'", max_results=1, order_by=["version_number DESC"])
    if not found:
        raise NoModel(f"{name}: nothing is registered yet; `tradecredit train LEDGER` registers a candidate.")
    return str(found[0].version)
