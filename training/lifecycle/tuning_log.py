"""Log a tuning to MLflow: one run under the training run, and a nested run per trial."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from models import registry
from models.registry import Settings
from training.default.tuning import Tuned
from training.lifecycle.runs import started


def log_tuning(
    settings: Settings, tuned: Tuned, *, seed: int, as_of: date, place: str = "ledger", parent: str | None = None
) -> str:
    """Log a tuning as a run of the experiment `default` with a nested run per trial; return the tuning run's id.

    Parameters
    ----------
    place : the folder or name of the ledger as the user gave it. parent : run id of the training run that it belongs to.

    Raises
    ------
    TrackingFailed
        MLflow's store cannot be reached or written.
    """
    import mlflow

    store, source = registry.client(settings), Path(place).name or "ledger"
    name = f"tuning {as_of} {source}, {len(tuned.trials)} trials"
    with started(store, settings, "default", name, {"tradecredit.kind": "tuning"}, parent) as run_id:
        mlflow.log_params({"seed": seed, **{f"shape_{name}": value for name, value in tuned.shape.to_json().items()}})
        mlflow.log_metric("later_log_loss", tuned.loss)
        mlflow.log_text(tuned.trials.to_csv(index=False), "tables/trials.csv")
        for line in tuned.trials.to_dict("records"):
            title, tags = f"trial {line['number']} {line['state']}", {"tradecredit.kind": "trial"}
            with started(store, settings, "default", title, tags, run_id):
                mlflow.log_params({str(k): v for k, v in line.items() if k not in ("number", "state", "loss")})
                if not np.isnan(line["loss"]):
                    mlflow.log_metric("later_log_loss", float(line["loss"]))
    return run_id
