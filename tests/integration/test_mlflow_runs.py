"""What a run looks like in MLflow, and that its model is served with the code and requirements that were logged with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.engine.histories import build
from features.engine.snapshots import active
from models import journal, registry
from models.registry import DEFAULT_MODEL, DigestMismatch, Settings
from serving.monitor_results import monitor_results
from tests.served import small
from training.default.stages import SHAPE
from training.default.tuning import Tuned
from training.lifecycle import monitor_log, tracking
from training.lifecycle.backtest_log import log_backtest
from training.lifecycle.headline import HEADLINE
from training.lifecycle.monitor_null import ALARM
from training.lifecycle.monitor_outcomes import Rung
from training.lifecycle.monitor_report import MonitorReport
from training.lifecycle.runs import TrackingFailed, experiment_id, started
from training.lifecycle.tuning_log import log_tuning
from training.result import Fitted


def fitted() -> Fitted:
    """The small default model with evaluated rows and a challenger."""
    known = small()
    snapshots = active(known.prepared.prepared, [pd.Timestamp("2023-10-31"), pd.Timestamp("2023-11-30")])
    matrix = build(known.prepared.prepared, snapshots, list(known.default.needed)).reset_index(drop=True)
    predicted, rng = known.default.predict(matrix), np.random.default_rng(0)
    p = predicted["pd_12m"].to_numpy()
    rows = snapshots.reset_index(drop=True).assign(
        month=np.where(snapshots["as_of"] < "2023-11-01", 0, 1), y=(rng.random(len(p)) < 0.2).astype(float),
        log_odds=predicted["margin"].to_numpy(), pd=p, grade=predicted["grade"].to_numpy(), country="DE", industry="steel",
        rule_days_past_due=rng.random(len(p)), rule_dbt=rng.random(len(p)), is_thin=False,
    )  # fmt: skip
    rows["challenger HistGradientBoosting"] = rng.random(len(p))
    metrics = {f"filler_{k}": float(k) for k in range(100)} | {"auc": 0.8, "gini": 0.6}
    return Fitted(
        model=known.default, parameters={"seed": 1, "policy": "primary"}, metrics=metrics, example=matrix.head(),
        tables={"grades": pd.DataFrame({"grade": ["R01"]})}, evidence={"rows": rows, "matrix": matrix},
        challengers={"HistGradientBoosting": {"max_iter": 80}},
    )  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADECREDIT_HOME", str(tmp_path_factory.mktemp("home")))
        return Settings.from_environment()


@pytest.fixture(scope="module")
def served(settings: Settings) -> registry.Served:
    ledger = small().ledger
    with started(registry.client(settings), settings, "train", "train 2023-12-31 books", {}) as parent:
        return tracking.log(
            settings,
            fitted(),
            kind="default",
            ledger=ledger,
            as_of=pd.Timestamp("2023-12-31").date(),
            place="some/books",
            parent=parent,
        )


def test_a_run_is_named_and_says_who_made_it_from_what(settings: Settings, served: registry.Served) -> None:
    store = registry.client(settings)
    run = store.get_run(served.run_id)
    assert run.info.run_name == "default 2023-12-31 books"
    assert run.data.tags["mlflow.user"] == journal.system_user()
    assert len(run.data.tags["mlflow.source.git.commit"]) >= 7
    assert store.get_run(run.data.tags["mlflow.parentRunId"]).info.run_name == "train 2023-12-31 books"
    experiment = store.get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"  # opens on runs, not on traces
    dataset = run.inputs.dataset_inputs[0].dataset
    assert (dataset.name, dataset.digest) == ("books", small().ledger.fingerprint[:36])
    assert "| AUC | 0.8000 |" in run.data.tags["mlflow.note.content"]
    assert store.get_model_version_by_alias(DEFAULT_MODEL, "challenger").run_id == served.run_id


def test_a_run_has_headline_metrics_the_rest_as_tables_and_plots(settings: Settings, served: registry.Served) -> None:
    run = registry.client(settings).get_run(served.run_id)
    assert 2 <= len(run.data.metrics) <= 20
    assert set(run.data.metrics) <= set(HEADLINE["default"])
    assert served.metrics["filler_99"] == 99.0  # everything is in metrics.json
    folder = registry.run_artifacts(settings, served.run_id)
    plots = {path.stem for path in (folder / "plots").glob("*.png")}
    assert {"roc", "cap", "calibration_by_grade", "score_by_outcome", "default_rate_by_grade", "pd_against_days_past_due",
            "shap_summary", "shap_bar", "shap_dependence"} <= plots  # fmt: skip
    described = json.loads((folder / "run.json").read_text())
    assert described["ledger_rows"]["invoices"] == len(small().ledger.invoices)


def test_challengers_are_nested_runs_on_the_same_rows(settings: Settings, served: registry.Served) -> None:
    store = registry.client(settings)
    children = store.search_runs(
        [experiment_id(store, settings, "default")], f"tags.mlflow.parentRunId = '{served.run_id}'"
    )
    assert [child.info.run_name for child in children] == ["challenger HistGradientBoosting 2023-12-31"]
    assert {"auc", "gini_of_model_above_low"} <= set(children[0].data.metrics)


def names_below(store: Any, settings: Settings, kind: str, parent: str) -> list[str]:
    """Return the names of the runs of an experiment under a parent, the oldest first."""
    children = store.search_runs(
        [experiment_id(store, settings, kind)], f"tags.mlflow.parentRunId = '{parent}'",
        order_by=["attributes.start_time ASC"],
    )  # fmt: skip
    return [child.info.run_name for child in children]


def test_tuning_trials_are_nested_under_the_tuning_run_under_the_training_run(settings: Settings) -> None:
    store = registry.client(settings)
    trials = pd.DataFrame({
        "number": [0, 1], "state": ["complete", "pruned"], "loss": [0.05, np.nan], "rounds": [20, None], "depth": [3, 2],
    })  # fmt: skip
    with started(store, settings, "train", "train 2023-12-31 books", {}) as parent:
        run = log_tuning(
            settings, Tuned(shape=SHAPE, loss=0.05, trials=trials), seed=1, as_of=pd.Timestamp("2023-12-31").date(),
            place="some/books", parent=parent,
        )  # fmt: skip
    assert names_below(store, settings, "default", parent) == ["tuning 2023-12-31 books, 2 trials"]
    assert names_below(store, settings, "default", run) == ["trial 0 complete", "trial 1 pruned"]
    tuning = store.get_run(run)
    assert tuning.data.metrics["later_log_loss"] == 0.05
    assert tuning.data.tags["mlflow.user"] == journal.system_user()
    assert {file.path for file in store.list_artifacts(run, "tables")} == {"tables/trials.csv"}


def test_both_models_figures_of_one_origin_are_in_one_nested_run(settings: Settings, tmp_path: Path) -> None:
    window = {"from": "2023-07-01", "to": "2023-09-30", "mature": {"mae_days": 2.5, "items": 30}}
    figures = {
        "from": "2023-04-01", "to": "2023-09-30", "seed": 1,
        "delay": {"mature": {"mae_days": 2.0}, "windows": [{"origin": "2023-03-31", "mature": {}}, {"origin": "2023-06-30", **window}]},
        "default": {"auc": 0.8, "windows": [{"origin": "2023-06-30", "auc": 0.75}],
                    "not_fitted": [{"origin": "2023-03-31", "why": "too short"}]},
    }  # fmt: skip
    run = log_backtest(settings, small().ledger, figures, tmp_path, {"from": "2023-04-01"}, "some/books")
    store = registry.client(settings)
    assert names_below(store, settings, "backtest", run) == [
        "origin 2023-03-31",
        "origin 2023-06-30 2023-07-01 2023-09-30",
    ]
    second = store.search_runs(
        [experiment_id(store, settings, "backtest")], "tags.`mlflow.runName` LIKE 'origin 2023-06-30%'"
    )
    assert second[0].data.metrics == {"delay.mature.mae_days": 2.5, "delay.mature.items": 30.0, "default.auc": 0.75}
    assert store.get_run(run).data.metrics == {"delay.mature.mae_days": 2.0, "default.auc": 0.8}


def test_the_newest_monitor_result_until_a_day_is_read_from_its_experiment(settings: Settings) -> None:
    def logged(day: str, text: str, version: str) -> None:
        found = MonitorReport(
            as_of=day, reference="2023-06-30", customers=120, verdicts=(), delay=None,
            rungs=(Rung(name="r", level=ALARM, text=text),), columns=pd.DataFrame(columns=["column", "psi", "limit", "is_moved"]),
        )  # fmt: skip
        monitor_log.log(
            settings, small().ledger, found, place="some/books", version=version, trained_on=pd.Timestamp("2023-06-30")
        )

    why_not: list[str] = []
    assert monitor_results(settings, date(2023, 9, 30), why_not).empty
    assert "run `tradecredit monitor LEDGER`" in why_not[0]
    logged("2023-08-31", "one", "1")
    logged("2023-09-30", "two", "1")
    logged("2023-09-30", "three", "2")  # another champion: another run
    logged("2023-10-31", "four", "2")
    results = monitor_results(settings, date(2023, 9, 30), why_not)
    assert results.to_numpy().tolist() == [
        [pd.Timestamp("2023-09-30"), "tradecredit-default", "2", "summary", "1 alarms, 0 notes on 120 customers"],
        [pd.Timestamp("2023-09-30"), "tradecredit-default", "2", "alarm", "three"],
    ]
    assert len(why_not) == 1
    store = registry.client(settings)
    runs = store.search_runs([experiment_id(store, settings, "monitoring")], order_by=["attributes.start_time ASC"])
    assert [r.info.run_name for r in runs] == ["monitor books, champion 1", "monitor books, champion 2"]
    series = store.get_metric_history(runs[0].info.run_id, "alarms")
    assert [(m.step, pd.Timestamp(m.timestamp, unit="ms")) for m in series] == [
        (62, pd.Timestamp("2023-08-31")), (92, pd.Timestamp("2023-09-30")),
    ]  # fmt: skip


def test_an_altered_artifact_is_named_and_not_used(settings: Settings, served: registry.Served) -> None:
    path = registry.run_artifacts(settings, served.run_id) / "metrics.json"
    before = path.read_text()
    path.write_text(before.replace("0.8", "0.9"))
    try:
        with pytest.raises(DigestMismatch, match=r"its artifacts \(tables, evidence, metrics\) have digest"):
            registry.load(settings, DEFAULT_MODEL, served.version)
    finally:
        path.write_text(before)


@pytest.mark.parametrize(
    ("fails", "raised", "status"),
    [
        (OSError(28, "No space left on device"), TrackingFailed, "FAILED"),
        (ConnectionError("refused"), TrackingFailed, "FAILED"),
        (KeyboardInterrupt(), KeyboardInterrupt, "KILLED"),
    ],
)
def test_a_run_that_breaks_off_registers_nothing_and_says_so(
    settings, served, monkeypatch, fails, raised, status
) -> None:
    import mlflow

    def broken(*_, **__):
        raise fails

    monkeypatch.setattr(mlflow, "log_artifacts", broken)
    newest = registry.newest(settings, DEFAULT_MODEL)
    with pytest.raises(raised) as stopped:
        tracking.log(settings, fitted(), kind="default", ledger=small().ledger, as_of=pd.Timestamp("2023-12-31").date())
    assert registry.newest(settings, DEFAULT_MODEL) == newest
    if raised is TrackingFailed:
        assert "Nothing was registered" in str(stopped.value)
    store = registry.client(settings)
    runs = store.search_runs([experiment_id(store, settings, "default")], "tags.`tradecredit.kind` = 'default'")
    assert runs[0].info.status == status


@pytest.mark.slow
def test_the_registered_model_is_served_by_mlflow_from_its_own_code(settings, served, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "MLFLOW_TRACKING_URI": settings.tracking_uri, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    }  # fmt: skip
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{DEFAULT_MODEL}/{served.version}",
         "--env-manager", "local", "--port", str(port), "--host", "127.0.0.1"],
        cwd=tmp_path, env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        rows = fitted().example
        body = json.dumps({"dataframe_split": json.loads(rows.to_json(orient="split"))}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        deadline = time.monotonic() + 120
        while True:
            try:
                answer = json.loads(urllib.request.urlopen(request, timeout=30).read())
                break
            except OSError:
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(1)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)
    found = pd.DataFrame(answer["predictions"])
    assert found["pd_12m"].to_numpy() == pytest.approx(small().default.predict(rows)["pd_12m"].to_numpy())
    code = """
import sys, mlflow, models
mlflow.pyfunc.load_model(sys.argv[1])
import models.default.model as used
print(used.__file__)
"""
    uri = f"models:/{DEFAULT_MODEL}/{served.version}"
    done = subprocess.run(
        [sys.executable, "-c", code.replace(", models", ""), uri],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "/code/models/default/model.py" in done.stdout
