"""How MLflow loads our models: one pyfunc that returns everything, from a folder of text files, without a pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import pandas as pd


class _Predicts(Protocol):
    def predict(self, X: pd.DataFrame) -> pd.DataFrame: ...

    def contributions(self, X: pd.DataFrame) -> tuple[Any, pd.DataFrame]: ...


class Everything:
    """predict(X) gives the prediction's columns and, per input column, its contribution as `contribution_COLUMN`."""

    def __init__(self, model: _Predicts) -> None:
        self.model = model

    def predict(self, X: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        predicted = self.model.predict(X)
        base, contributions = self.model.contributions(X)
        parts = contributions.add_prefix("contribution_").set_axis(predicted.index)
        return pd.concat([predicted, parts.assign(contribution_base=base)], axis=1)


def load_model(folder: Path) -> _Predicts:
    """Return the model in a folder, by the kind that its `kind.json` names."""
    kind = json.loads((folder / "kind.json").read_text())["kind"]
    if kind == "default":
        from models.default.model import DefaultModel

        return DefaultModel.load(folder)
    if kind == "delay":
        from models.delay.model import DelayModel

        return DelayModel.load(folder)
    raise ValueError(f"{folder / 'kind.json'}: kind must be default or delay. Got {kind!r} instead.")


def _load_pyfunc(data_path: str) -> Everything:
    """MLflow's hook (`loader_module`)."""
    return Everything(load_model(Path(data_path)))
