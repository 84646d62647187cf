"""The compiled SHAP values are LightGBM's own, to rounding, for every kind of tree that a model may hold."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from models.tree_margins import member_margins, repeated_margins
from models.tree_shap import AT_ONCE, mean_shap_values, shap_values
from models.trees import trees_of

ROWS = 3 * AT_ONCE + 5


def data(missing: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    X = np.round(rng.normal(size=(1500, 6)), 2)
    X[:, 1] = rng.integers(0, 3, len(X))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=len(X)) > 0.5).astype(float)
    if missing:
        X[rng.random(X.shape) < 0.15] = np.nan
    return X, y


def fitted(X: np.ndarray, y: np.ndarray, **parameters: Any) -> lgb.Booster:
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, **parameters}
    return lgb.train(settings, lgb.Dataset(X, y), 25)


CASES: list[tuple[dict[str, Any], bool]] = [
    ({"num_leaves": 4, "max_depth": 3}, True),
    ({"num_leaves": 31}, True),  # a feature comes twice and more on a path
    ({"num_leaves": 40, "max_depth": 12, "feature_fraction": 0.5}, False),
    ({"num_leaves": 15, "use_missing": False}, True),
    ({"num_leaves": 2}, True),
    ({"num_leaves": 31, "min_data_in_leaf": 2000}, True),  # trees of one leaf
]


@pytest.mark.parametrize(("parameters", "missing"), CASES)
def test_values_are_lightgbms_own(parameters: dict[str, Any], missing: bool) -> None:
    X, y = data(missing)
    booster = fitted(X, y, **parameters)
    asked = data()[0][:ROWS]  # with missing values, whether or not the booster has seen any
    asked[0] = np.nan
    wanted = np.asarray(booster.predict(asked, pred_contrib=True))
    trees = trees_of((booster,))
    assert trees is not None
    values = shap_values(trees, asked)
    assert np.abs(values - wanted[:, :-1]).max() < 1e-10
    assert trees.base[0] == pytest.approx(wanted[0, -1], abs=1e-10)
    alone = np.concatenate([shap_values(trees, asked[[row]]) for row in range(20)])
    assert np.array_equal(alone, values[:20]), "one row gets the values of the batch to the last bit"


@pytest.mark.parametrize(("parameters", "missing"), CASES)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_margins_are_lightgbms_own_to_the_last_bit(parameters: dict[str, Any], missing: bool, kind: Any) -> None:
    X, y = data(missing)
    members = tuple(fitted(X, y, seed=seed, bagging_fraction=0.5, bagging_freq=1, **parameters) for seed in (1, 2))
    asked = np.ascontiguousarray(data()[0][:ROWS], dtype=kind)
    wanted = np.stack([np.asarray(b.predict(asked, raw_score=True)) for b in members])
    assert np.array_equal(member_margins(members, asked), wanted)
    item = np.repeat(np.arange(60), 3)
    own, further = asked[:60, :4], asked[:180, 4:]
    wanted = np.stack([np.asarray(b.predict(np.hstack([own[item], further]), raw_score=True)) for b in members])
    assert np.array_equal(repeated_margins(members, own, item, further), wanted)


def test_several_boosters_give_the_mean_of_theirs() -> None:
    X, y = data()
    members = tuple(fitted(X, y, num_leaves=leaves) for leaves in (4, 9, 20))
    wanted = np.mean([np.asarray(b.predict(X[:50], pred_contrib=True)) for b in members], axis=0)
    values, base = mean_shap_values(members, X[:50])
    assert np.abs(values - wanted[:, :-1]).max() < 1e-10
    assert base == pytest.approx(wanted[0, -1], abs=1e-10)


@pytest.mark.parametrize("kind", ["category", "zero"])
def test_trees_of_another_kind_are_left_to_lightgbm(kind: str) -> None:
    X, y = data()
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 5, "min_data_per_group": 1, "cat_smooth": 0.1,
         "zero_as_missing": kind == "zero"},
        lgb.Dataset(X, y, categorical_feature=[1] if kind == "category" else []), 10,
    )  # fmt: skip
    assert trees_of((booster,)) is None
    assert np.array_equal(member_margins((booster,), X[:50])[0], booster.predict(X[:50], raw_score=True))
    wanted = np.asarray(booster.predict(X[:50], pred_contrib=True))
    values, base = mean_shap_values((booster,), X[:50])
    assert np.abs(values - wanted[:, :-1]).max() < 1e-10
    assert base == pytest.approx(wanted[0, -1], abs=1e-10)
