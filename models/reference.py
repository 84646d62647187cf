"""Contributions against a chosen reference: exact interventional SHAP values of the default model's log-odds.

The path-dependent values of `DefaultModel.contributions` compare with the training population. Here a reviewer chooses
the population: background rows b, and each value is the mean over b of the Shapley value of the game
v(S) = f(x on S, b elsewhere) (Lundberg et al. 2020, interventional). f is the margin in log-odds: on probabilities the
values of boosters with native categorical splits are silently wrong, and such boosters are refused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.errors import InputError
from models.default.calibrated_ensemble import CalibratedBag
from models.default.cold_start import LENGTH
from models.default.model import DefaultModel
from models.explanation import NotAdditive

Floats = NDArray[np.float64]

ADDITIVITY = 1e-9  # in log-odds: base and parts must reach the margin
MOST_BACKGROUND = 64  # rows: exact values cost their number times the trees


def contributions_against(model: DefaultModel, x: pd.DataFrame, background: pd.DataFrame) -> tuple[float, pd.Series]:
    """Return (base, parts): the mean margin of the background, and one contribution a column of the one row x.

    Parameters
    ----------
    model : the default model. x : one row with the columns that the model needs; NaN is not known.
    background : at least one row with the same columns; its order does not matter.

    Returns
    -------
    base in log-odds and a Series by column name; base + the sum of the parts is the margin of x to ADDITIVITY. Where
    history and first information are mixed, the weight of x holds on both sides, and what the weights of the
    background differ by is the contribution of the history's length.

    Raises
    ------
    InputError : an empty background, or a booster with native categorical splits.
    NotAdditive : the parts miss the margin by more than ADDITIVITY.
    """
    if len(x) != 1 or background.empty:
        raise InputError("a reference needs one row to explain and at least one row to compare with.")
    margin = float(model.predict(x)["margin"].iloc[0])
    base = float(model.predict(background)["margin"].mean())
    parts = pd.Series(0.0, index=list(model.needed))
    weight, conditional = 1.0, 0.0
    if model.cold is not None:
        weight = float(model.cold.history_weight(x)[0])
        own_base, own = _bag_against(model.cold.door, x, background)
        parts[own.index] += (1.0 - weight) * own
        conditional += (1.0 - weight) * own_base
    own_base, own = _bag_against(model.history, x, background)
    parts[own.index] += weight * own
    conditional += weight * own_base
    if model.cold is not None:
        parts[LENGTH] += conditional - base
    residual = abs(base + float(parts.sum()) - margin)
    if not residual < ADDITIVITY:
        raise NotAdditive(f"parts against the reference miss the margin by {residual:.2e}; at most {ADDITIVITY:g}.")
    return base, parts


def _bag_against(bag: CalibratedBag, x: pd.DataFrame, background: pd.DataFrame) -> tuple[float, pd.Series]:
    """(mean calibrated margin of the background, contributions of the bag to the row's)."""
    row, others = bag.matrix(x), bag.matrix(background)
    total = np.zeros(row.shape[1])
    base = 0.0
    for booster in bag.members:
        values, expected = booster_against(booster, row, others)
        total += values
        base += expected
    slope, members = bag.calibration.slope, len(bag.members)
    own_base = float(bag.calibration.log_odds(np.array([base / members]))[0])
    return own_base, pd.Series(slope * total / members, index=list(bag.columns))


def booster_against(booster: lgb.Booster, row: Floats, background: Floats) -> tuple[Floats, float]:
    """Return (interventional SHAP values of one row's raw margin, mean raw margin of the background)."""
    import shap

    if _has_categorical_split(booster):
        raise InputError("interventional values of boosters with native categorical splits would be wrong.")
    explainer = shap.TreeExplainer(
        booster, data=background, feature_perturbation="interventional", model_output="raw"
    )  # fmt: skip
    values: Any = np.asarray(explainer.shap_values(row, check_additivity=False), dtype=np.float64)
    expected = float(np.mean(np.asarray(booster.predict(background, raw_score=True, num_threads=1))))
    margin = float(np.asarray(booster.predict(row, raw_score=True, num_threads=1))[0])
    values = values.reshape(-1)
    # shap sums leaves in another order: what that leaves over (of the size of rounding) is spread by size
    gap = margin - expected - float(values.sum())
    if abs(gap) > 1e-6:
        raise NotAdditive(f"interventional values miss a booster's margin by {gap:.2e}.")
    weights = np.abs(values)
    values = values + gap * (weights / weights.sum() if weights.sum() > 0 else np.full(len(values), 1 / len(values)))
    return values, expected


@lru_cache(maxsize=256)
def _has_categorical_split(booster: lgb.Booster) -> bool:
    return "num_cat=0" not in booster.model_to_string(num_iteration=1) or any(
        line.startswith("num_cat=") and line != "num_cat=0" for line in booster.model_to_string().splitlines()
    )


def some_rows(background: pd.DataFrame, most: int = MOST_BACKGROUND) -> pd.DataFrame:
    """Return at most `most` rows, evenly spread over the index order, so that the choice needs no chance."""
    if len(background) <= most:
        return background
    places: Sequence[int] = np.linspace(0, len(background) - 1, most).round().astype(int).tolist()
    return background.iloc[list(places)]
