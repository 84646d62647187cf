"""What a training run or a backtest leaves in MLflow: parameters, headline metrics, tables, evidence, plots, a candidate."""

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
from models import journal, metrics, registry
from models.journal import Journal
from models.pyfunc import Everything
from models.registry import Settings
from training.lifecycle import pictures
from training.lifecycle.headline import HEADLINE, all_metrics, description, gini_above, headline
from training.lifecycle.runs import commit, experiment_id, libraries, log_ledger_input, run_of, started
from training.result import Fitted

__all__ = ["commit", "experiment_id", "log", "log_backtest", "run_of"]

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
    """Log one fitted model as a run of its experiment and register it as a candidate; return the registered version.

    Parameters
    ----------
    kind : "default" or "delay".
    place : the folder or name of the ledger as the user gave it, for the run's name and dataset input.
    parent : run id of the training run that this run belongs to; under `mlflow run` the project's run without one.
    with_plots : whether the run gets its plots (some seconds).

    The candidate gets the alias `challenger`; `champion` is moved by `promote` only. It is registered last and in one
    step, with its digest: a run that fails before leaves no version.

    Raises
    ------
    TrackingFailed
        MLflow's store cannot be reached or written; nothing was registered.
    """
    import mlflow

    store = registry.client(settings)
    name, source = registry.NAMES[kind], Path(place).name or "ledger"
    found = all_metrics(kind, fitted)
    with tempfile.TemporaryDirectory() as temporary:
        folder, artifacts = Path(temporary) / "model", Path(temporary) / "artifacts"
        folder.mkdir()
        fitted.model.save(folder)
        (folder / "kind.json").write_text(json.dumps({"kind": kind}))
        parameters = {"as_of": as_of.isoformat(), "ledger_fingerprint": ledger.fingerprint, **fitted.parameters}
        write_artifacts(artifacts, kind, fitted, found, parameters, place, ledger)
        identity = {
            registry.DIGEST_TAG: registry.digest(folder),
            registry.ARTIFACTS_TAG: registry.digest(artifacts),
            registry.AS_OF_TAG: as_of.isoformat(),
            registry.FINGERPRINT_TAG: ledger.fingerprint,
            **({registry.WITHOUT_EVIDENCE_TAG: "true"} if fitted.parameters.get("without_evidence") else {}),
        }
        facts = {"as of": as_of.isoformat(), "ledger": source, "fingerprint": ledger.fingerprint[:12]}
        tags = {**identity, "tradecredit.kind": kind, "mlflow.note.content": description(kind, found, facts)}
        with started(store, settings, kind, f"{kind} {as_of} {source}", tags, parent) as run_id:
            mlflow.log_params(parameters)
            mlflow.log_metrics(headline(kind, found))
            log_ledger_input(ledger, place=place, context="training")
            mlflow.log_artifacts(str(artifacts))
            if with_plots:
                mlflow.log_artifacts(str(_plots(Path(temporary) / "plots", kind, fitted)), "plots")
            logged = _log_model(fitted, folder)
            _log_challengers(store, settings, fitted, run_id, as_of)
            registered = mlflow.register_model(logged.model_uri, name, tags=identity)
    number = str(registered.version)
    store.set_registered_model_alias(name, registry.CHALLENGER, number)
    served = registry.load(settings, name, number)
    Journal.of(settings).append(
        journal.REGISTERED, name, number, by=served.tags.get("mlflow.user", ""), why=f"trained as of {as_of} on {source}",
        **journal.facts_of(served),
    )  # fmt: skip
    return served


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


def log_backtest(
    settings: Settings, ledger: Ledger, figures: Mapping[str, Any], folder: Path, parameters: Mapping[str, Any],
    place: str = "ledger",
) -> str:  # fmt: skip
    """Log a backtest as a run of the experiment `backtest` with a nested run per origin; return the parent's run id.

    figures : nested; a headline figure that is in no list becomes a metric named by its place (`delay.mature.mae_days`);
    the entries of its lists (one per origin) become nested runs. folder : the files that the backtest wrote, kept as artifacts.
    """
    import mlflow

    store = registry.client(settings)
    span, source = f"{figures['from']} to {figures['to']}", Path(place).name or "ledger"
    tags = {registry.FINGERPRINT_TAG: ledger.fingerprint, "tradecredit.kind": "backtest"}
    whole, *origins = _numbers(figures)
    with started(store, settings, "backtest", f"backtest {span} {source}", tags) as run_id:
        mlflow.log_params({"ledger_fingerprint": ledger.fingerprint, **parameters})
        mlflow.log_metrics(_headline_of_backtest(whole))
        log_ledger_input(ledger, place=place, context="evaluation")
        mlflow.log_artifacts(str(folder))
        for number, (name, named) in enumerate(origins, start=1):
            with started(
                store, settings, "backtest", name or f"origin {number}", {"tradecredit.kind": "origin"}, run_id
            ):
                mlflow.log_metrics(_headline_of_backtest(named))
    return run_id


def _headline_of_backtest(named: Mapping[str, float]) -> dict[str, float]:
    """Return a backtest's headline metrics; all of them are in its metrics.json."""
    prefixes = {
        "default.": HEADLINE["default"],
        "delay.mature.": HEADLINE["delay"],
        "delay.windows.mature.": HEADLINE["delay"],
    }
    return {
        name.replace("windows.", ""): value
        for name, value in named.items()
        for prefix, wanted in prefixes.items()
        if name.startswith(prefix) and name.removeprefix(prefix) in wanted
    }


def _numbers(figures: Mapping[str, Any]) -> list[Any]:
    """Return [name -> number outside of lists, then per list entry k its (name, name -> number)]."""
    whole: dict[str, float] = {}
    parts: list[dict[str, float]] = []
    names: list[str] = []

    def visit(value: Any, name: str, part: int | None) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                visit(inner, f"{name}.{key}" if name else str(key), part)
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                while len(parts) <= place:
                    parts.append({})
                    names.append("")
                if isinstance(inner, Mapping) and not names[place]:
                    names[place] = " ".join(str(inner[k]) for k in ("origin", "from", "to") if k in inner)
                visit(inner, name, place)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            (whole if part is None else parts[part])[name] = float(value)

    visit(figures, "", None)
    return [whole, *[(f"origin {name}" if name else "", part) for name, part in zip(names, parts, strict=True)]]


def _catalogue() -> list[dict[str, Any]]:
    """Return what every column meant when the model was trained: the catalogue of that day."""
    return [
        {"name": c.name, "unit": c.unit.value, "risk": c.risk.name, "level": c.level.value, "family": c.family,
         "meaning": c.meaning, "missing": c.missing.name, "source": c.source, "reason": dict(c.reason)}
        for c in CATALOGUE.columns()
    ]  # fmt: skip
