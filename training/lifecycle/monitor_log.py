"""Log the monitor to MLflow: one run per ledger and champion in the experiment `monitoring`, one step per day looked at."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from ledger.ledger import Ledger
from models import registry
from models.registry import Settings
from training.lifecycle.monitor_report import MonitorReport
from training.lifecycle.runs import experiment_id, log_ledger_input, started

LEDGER_TAG, VERSION_TAG = "tradecredit.ledger", "tradecredit.version"


def log(
    settings: Settings, ledger: Ledger, report: MonitorReport, *, place: str, version: str, trained_on: pd.Timestamp
) -> str:
    """Log a report's figures as a step of the run of this ledger and champion version; return the run's id.

    MLflow draws each figure as a series: the step is the number of days since the champion's day, the time is the end of the
    day looked at. The page and the JSON are artifacts in a folder named by the day.

    Raises
    ------
    TrackingFailed
        The store cannot be written.
    """
    import mlflow

    store = registry.client(settings)
    name = Path(place).name or "ledger"
    experiment = experiment_id(store, settings, "monitoring")
    query = f"tags.`{LEDGER_TAG}` = '{name.replace(chr(39), '')}' AND tags.`{VERSION_TAG}` = '{version}'"
    found = store.search_runs([experiment], query, max_results=1)
    tags = {LEDGER_TAG: name.replace("'", ""), VERSION_TAG: version, "tradecredit.kind": "monitor",
            "mlflow.note.content": _description(report)}  # fmt: skip
    day = pd.Timestamp(report.as_of)
    with (
        tempfile.TemporaryDirectory() as temporary,
        started(
            store,
            settings,
            "monitoring",
            f"monitor {name}, champion {version}",
            tags,
            run_id=found[0].info.run_id if found else None,
        ) as run_id,
    ):
        (Path(temporary) / "monitor.html").write_text(report.to_html(), encoding="utf-8")
        mlflow.log_metrics(
            report.metrics(), step=(day - trained_on).days, timestamp=int(day.tz_localize("UTC").timestamp() * 1000)
        )
        mlflow.log_dict(report.to_json(), f"{report.as_of}/monitor.json")
        mlflow.log_artifacts(temporary, report.as_of)
        if not found:
            log_ledger_input(ledger, place=place, context="monitoring")
    return run_id


def _description(report: MonitorReport) -> str:
    lines = [f"**{report.as_of}**: {len(report.alarms)} alarms, {len(report.notes)} notes", ""]
    return "\n".join([*lines, *(f"- {text}" for text in report.alarms)])
