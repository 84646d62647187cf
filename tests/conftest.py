"""What every test runs under: nothing of the developer's own store, no telemetry, few threads."""

from __future__ import annotations

import os

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", BENTOML_DO_NOT_TRACK="True", DO_NOT_TRACK="true", MPLBACKEND="Agg")
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ.pop("MLFLOW_RUN_ID", None)
