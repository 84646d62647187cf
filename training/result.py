"""What a training job hands over: the fitted model and everything that a run in MLflow holds about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd


class Model(Protocol):
    """A fitted model that is saved as a folder of text files and predicts from a matrix of named columns."""

    def predict(self, X: pd.DataFrame) -> pd.DataFrame: ...

    def contributions(self, X: pd.DataFrame) -> tuple[Any, pd.DataFrame]: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted model with its evidence.

    metrics : name -> value, on data that neither the model nor its features could have seen; intervals as
        `NAME_low` and `NAME_high`; the baselines beside it as `baseline_RULE_NAME`.
    tables : name -> frame, logged as CSV (calibration, grades, importance, …).
    figures : name -> matplotlib Figure, logged as PNG.
    evidence : name -> frame, logged as Parquet: `rows`, one row per evaluated prediction with its outcome, and `matrix`,
        the model's inputs of the same rows in the same order. Gates, reports and plots re-derive their figures from them.
    challengers : name -> parameters of the models fitted beside it; their predictions are columns of `rows`.
    example : a few rows of the input matrix, for the signature.
    """

    model: Model
    parameters: dict[str, Any]
    metrics: dict[str, float]
    example: pd.DataFrame
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, pd.DataFrame] = field(default_factory=dict)
    challengers: dict[str, dict[str, Any]] = field(default_factory=dict)
