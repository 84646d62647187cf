"""What a training run or a backtest leaves in MLflow: parameters, metrics, tables, plots, catalogue, a candidate."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from features.catalogue import CATALOGUE
from ledger.ledger import Ledger
from models import registry
from models.pyfunc import Everything
from models.registry import Settings
from training.result import Fitted


def log(
    settings: Settings,
    fitted: Fitted,
    *,
    kind: str,
    ledger: Ledger,
    as_of: date,
) -> registry.Served:
    """Log one fitted model ("default" or "delay") as a run of its experiment and register it as a candidate.

    The candidate gets no alias: `promote` is a step of its own. Under `mlflow run` the run is a child of the project's.
    """
    import mlflow
    from mlflow.models import infer_signature

    store = registry.client(settings)
    name = {"default": registry.DEFAULT_MODEL, "delay": registry.DELAY_MODEL}[kind]
    experiment = experiment_id(store, settings, kind)
    parent = os.environ.get("MLFLOW_RUN_ID")
    tags = {"mlflow.parentRunId": parent} if parent else {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        folder.mkdir()
        fitted.model.save(folder)
        (folder / "kind.json").write_text(json.dumps({"kind": kind}))
        identity = {
            registry.DIGEST_TAG: registry.digest(folder),
            registry.AS_OF_TAG: as_of.isoformat(),
            registry.FINGERPRINT_TAG: ledger.fingerprint,
        }
        run = store.create_run(
            experiment, tags={**tags, **identity, "mlflow.source.git.commit": _commit()}, run_name=f"{kind} {as_of}"
        )
        with mlflow.start_run(run_id=run.info.run_id):
            mlflow.log_params(
                {"as_of": as_of.isoformat(), "ledger_fingerprint": ledger.fingerprint, **fitted.parameters}
            )
            mlflow.log_metrics(fitted.metrics)
            mlflow.log_dict({"features": _catalogue()}, "feature_catalogue.json")
            for table_name, table in fitted.tables.items():
                mlflow.log_text(table.to_csv(index=False), f"tables/{table_name}.csv")
            for figure_name, figure in fitted.figures.items():
                mlflow.log_figure(figure, f"plots/{figure_name}.png")
            output = Everything(fitted.model).predict(fitted.example)
            logged = mlflow.pyfunc.log_model(
                name="model",
                loader_module="models.pyfunc",
                data_path=str(folder),
                signature=infer_signature(fitted.example, output),
                input_example=fitted.example,
                pip_requirements=["lightgbm", "numpy", "pandas"],
                registered_model_name=name,
            )
    version = str(logged.registered_model_version)
    for tag, value in identity.items():
        store.set_model_version_tag(name, version, tag, value)
    return registry.load(settings, name, version)


def log_backtest(
    settings: Settings, ledger: Ledger, figures: Mapping[str, Any], folder: Path, parameters: Mapping[str, Any]
) -> str:
    """Log a backtest as a run of the experiment `backtest`; its run id.

    figures : nested; every number in it becomes a metric named by its place (`delay.mature.mae_days`; of a list, the
    figures of its entry k as step k). folder : the files that the backtest wrote, kept as artifacts.
    """
    import mlflow

    store = registry.client(settings)
    parent = os.environ.get("MLFLOW_RUN_ID")
    run = store.create_run(
        experiment_id(store, settings, "backtest"),
        tags={
            **({"mlflow.parentRunId": parent} if parent else {}),
            registry.FINGERPRINT_TAG: ledger.fingerprint,
            "mlflow.source.git.commit": _commit(),
        },
        run_name=f"backtest {figures['from']} to {figures['to']}",
    )
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_params({"ledger_fingerprint": ledger.fingerprint, **parameters})
        for step, named in enumerate(_numbers(figures)):
            mlflow.log_metrics(named, step=step)
        mlflow.log_artifacts(str(folder))
    return str(run.info.run_id)


def _numbers(figures: Mapping[str, Any]) -> list[dict[str, float]]:
    """Step by step, name -> number: what stands in lists is spread over the steps, all else is of step 0."""
    steps: list[dict[str, float]] = [{}]

    def visit(value: Any, name: str, step: int) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                visit(inner, f"{name}.{key}" if name else str(key), step)
        elif isinstance(value, list):
            steps.extend({} for _ in range(len(value) - len(steps)))
            for place, inner in enumerate(value):
                visit(inner, name, place)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            steps[step][name] = float(value)

    visit(figures, "", 0)
    return steps


def _catalogue() -> list[dict[str, Any]]:
    """What every column meant when the model was trained: the catalogue of that day."""
    return [
        {"name": c.name, "unit": c.unit.value, "risk": c.risk.name, "level": c.level.value, "family": c.family,
         "meaning": c.meaning, "missing": c.missing.name, "source": c.source, "reason": dict(c.reason)}
        for c in CATALOGUE.columns()
    ]  # fmt: skip


def experiment_id(store: Any, settings: Settings, kind: str) -> str:
    """The id of one of our experiments (default, delay, backtest, monitoring), made where it is not there yet."""
    full = settings.experiment(kind)
    found = store.get_experiment_by_name(full)
    if found is not None:
        return str(found.experiment_id)
    location = (settings.artifacts / kind).as_uri() if settings.tracking_uri.startswith("sqlite:") else None
    return str(store.create_experiment(full, artifact_location=location))


def _commit() -> str:
    """The commit of this project's code, with `+changes` where the tree differs from it; 'unknown' outside of git."""
    here = Path(__file__).parent
    describe = ["git", "describe", "--always", "--abbrev=40", "--dirty=+changes"]
    found = subprocess.run(describe, cwd=here, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
