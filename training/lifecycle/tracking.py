"""Log a training run to MLflow: parameters, headline metrics, tables, evidence, plots, challengers, the model."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from features.catalogue import CATALOGUE
from ledger.ledger import Ledger
from models import metrics, registry
from models.pyfunc import Everything
from models.registry import Settings
from training.lifecycle import pictures
from training.lifecycle.headline import all_metrics, description, gini_above, headline
from training.lifecycle.registering import Logged, register
from training.lifecycle.runs import commit, experiment_id, libraries, log_ledger_input, run_of, started
from training.result import Fitted

__all__ = ["commit", "experiment_id", "log", "log_run", "run_of"]

ROOT = Path(__file__).parents[2]
CODE = ("ledger", "features", "models")  # the rooms that a model needs to predict, logged with it


def log(
    settings: Settings,
    fitted: Fitted,
    *,
    kind: str,
    ledger: Ledger,
    as_of: date,
    place: str = "ledger",
    parent: str | None = None,
    with_plots: bool = True,
) -> registry.Served:
    """Log one fitted model as a run and register it as a candidate; return the registered version.

    Parameters and Raises are those of `log_run`. The candidate gets the alias `challenger`; `champion` is moved by `promote`
    only. A run that fails leaves no version.
    """
    logged = log_run(
        settings, fitted, kind=kind, ledger=ledger, as_of=as_of, place=place, parent=parent, with_plots=with_plots
    )
    return register(settings, [logged])[0]


def log_run(
    settings: Settings,
    fitted: Fitted,
    *,
    kind: str,
    ledger: Ledger,
    as_of: date,
    place: str = "ledger",
    parent: str | None = None,
    with_plots: bool = True,
) -> Logged:
    """Log one fitted model as a run of its experiment; return what `registering.register` needs. Nothing is registered.

    Parameters
    ----------
    kind : "default" or "delay".
    place : the folder or name of the ledger as the user gave it, for the run's name and dataset input.
    parent : run id of the training run that this run belongs to; under `mlflow run` the project's run without one.
    with_plots : whether the run gets its plots (some seconds).

    Raises
    ------
    TrackingFailed
        MLflow's store cannot be reached or written; nothing was registered.
    """
    import mlflow

    store = registry.client(settings)
    source = Path(place).name or "ledger"
    metrics_found = all_metrics(kind, fitted)
    with tempfile.TemporaryDirectory() as temporary:
        folder, artifacts = Path(temporary) / "model", Path(temporary) / "artifacts"
        folder.mkdir()
        fitted.model.save(folder)
        (folder / "kind.json").write_text(json.dumps({"kind": kind}))
        parameters = {"as_of": as_of.isoformat(), "ledger_fingerprint": ledger.fingerprint, **fitted.parameters}
        write_artifacts(artifacts, kind, fitted, metrics_found, parameters, place, ledger)
        identity = {
            registry.DIGEST_TAG: registry.digest(folder),
            registry.ARTIFACTS_TAG: registry.digest(artifacts),
            registry.AS_OF_TAG: as_of.isoformat(),
            registry.FINGERPRINT_TAG: ledger.fingerprint,
            **({registry.WITHOUT_EVIDENCE_TAG: "true"} if fitted.parameters.get("without_evidence") else {}),
        }
        facts = {"as of": as_of.isoformat(), "ledger": source, "fingerprint": ledger.fingerprint[:12]}
        tags = {**identity, "tradecredit.kind": kind, "mlflow.note.content": description(kind, metrics_found, facts)}
        with started(store, settings, kind, f"{kind} {as_of} {source}", tags, parent) as run_id:
            mlflow.log_params(parameters)
            mlflow.log_metrics(headline(kind, metrics_found))
            log_ledger_input(ledger, place=place, context="training")
            mlflow.log_artifacts(str(artifacts))
            if with_plots:
                mlflow.log_artifacts(str(_plots(Path(temporary) / "plots", kind, fitted)), "plots")
            model_uri = _log_model(fitted, folder).model_uri
            _log_challengers(store, settings, fitted, run_id, as_of)
    return Logged(
        name=registry.NAMES[kind], run_id=run_id, model_uri=model_uri, identity=identity, as_of=as_of, source=source
    )


def write_artifacts(
    folder: Path, kind: str, fitted: Fitted, found: Mapping[str, float], parameters: Mapping[str, Any], place: str,
    ledger: Ledger,
) -> None:  # fmt: skip
    """Write all that is logged but plots and the model into a folder: metrics, run, catalogue, tables, evidence."""
    (folder / "tables").mkdir(parents=True)
    for table_name, table in fitted.tables.items():
        table.to_csv(folder / "tables" / f"{table_name}.csv", index=False)
    everything = pd.DataFrame({"metric": list(found), "value": list(found.values())})
    everything.to_csv(folder / "tables" / "all_metrics.csv", index=False)
    if fitted.evidence:
        (folder / "evidence").mkdir()
        for frame_name, frame in fitted.evidence.items():
            frame.to_parquet(folder / "evidence" / f"{frame_name}.parquet", index=False, compression="zstd")
    described = {
        "kind": kind, "commit": commit(), "libraries": libraries(), "ledger": place, "parameters": dict(parameters),
        "ledger_rows": {name: len(frame) for name, frame in ledger.tables.items() if len(frame)},
        "challengers": fitted.challengers, "columns": list(fitted.example.columns),
    }  # fmt: skip
    for file_name, content in (
        ("metrics.json", dict(found)), ("run.json", described), ("feature_catalogue.json", {"features": _catalogue()}),
    ):  # fmt: skip
        text = json.dumps(content, indent=1, default=str, ensure_ascii=False)
        (folder / file_name).write_text(text, encoding="utf-8")


def _plots(folder: Path, kind: str, fitted: Fitted) -> Path:
    folder.mkdir()
    for name, figure in {**fitted.figures, **pictures.figures(kind, fitted)}.items():
        figure.savefig(folder / f"{name}.png", dpi=100)
    return folder


def _log_model(fitted: Fitted, folder: Path) -> Any:
    """Log the model with its code and pinned requirements, so that `mlflow models serve` runs it anywhere."""
    import mlflow
    from mlflow.models import infer_signature

    output = Everything(fitted.model).predict(fitted.example)
    with tempfile.TemporaryDirectory() as temporary:
        for room in CODE:
            shutil.copytree(ROOT / room, Path(temporary) / room, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        return mlflow.pyfunc.log_model(
            name="model",
            loader_module="models.pyfunc",
            data_path=str(folder),
            code_paths=[str(Path(temporary) / room) for room in CODE],
            signature=infer_signature(fitted.example, output),
            input_example=fitted.example,
            pip_requirements=[f"{name}=={number}" for name, number in libraries().items()],
        )


def _log_challengers(store: Any, settings: Settings, fitted: Fitted, parent: str, as_of: date) -> None:
    """Log each challenger as a nested run: its parameters and its figures on the same rows."""
    import mlflow

    rows = fitted.evidence.get("rows")
    for name, parameters in fitted.challengers.items():
        assert rows is not None  # its predictions are a column of them
        y, p = rows["y"].to_numpy(), rows[f"challenger {name}"].to_numpy()
        gain = gini_above(rows, f"challenger {name}")
        with started(
            store, settings, "default", f"challenger {name} {as_of}", {"tradecredit.kind": "challenger"}, parent
        ):
            mlflow.log_params(parameters)
            mlflow.log_metrics({
                "auc": metrics.auc(y, p), "gini": metrics.gini(y, p), "brier": metrics.brier(y, p),
                "log_loss": metrics.log_loss(y, p), "gini_of_model_above": gain.value, "gini_of_model_above_low": gain.low,
                "gini_of_model_above_high": gain.high,
            })  # fmt: skip


def _catalogue() -> list[dict[str, Any]]:
    """Return what every column meant when the model was trained: the catalogue of that day."""
    return [
        {"name": c.name, "unit": c.unit.value, "risk": c.risk.name, "level": c.level.value, "family": c.family,
         "meaning": c.meaning, "missing": c.missing.name, "source": c.source, "reason": dict(c.reason)}
        for c in CATALOGUE.columns()
    ]  # fmt: skip
