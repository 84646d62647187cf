"""Contributions against a chosen reference: the definition by enumeration, and sums to 1e-9."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import lightgbm as lgb
import numpy as np
import pytest

from ledger.errors import InputError
from models.reference import booster_against, contributions_against, some_rows
from tests.served import small


def by_enumeration(booster, row, background):
    """Shapley values of v(S) = mean over b of f(row on S, b elsewhere), from the definition."""
    n = row.shape[1]

    def value(subset):
        mixed = background.copy()
        mixed[:, list(subset)] = row[0, list(subset)]
        return float(booster.predict(mixed, raw_score=True).mean())

    found = np.zeros(n)
    for i in range(n):
        rest = [j for j in range(n) if j != i]
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for subset in combinations(rest, size):
                found[i] += weight * (value((*subset, i)) - value(subset))
    return found


@pytest.fixture(scope="module")
def trees():
    generator = np.random.default_rng(3)
    X = generator.normal(size=(400, 5))
    X[generator.random(X.shape) < 0.15] = np.nan
    y = (np.nan_to_num(X[:, 0]) + np.nan_to_num(X[:, 1] * X[:, 2]) + generator.normal(size=400) > 0).astype(float)
    booster = lgb.train(
        {"objective": "binary", "num_leaves": 6, "verbosity": -1, "num_threads": 1, "seed": 1}, lgb.Dataset(X, y), 8
    )
    return booster, X


def test_interventional_values_are_those_of_the_definition(trees):
    booster, X = trees
    for place in range(6):
        values, expected = booster_against(booster, X[[place]], X[50:62])
        assert values == pytest.approx(by_enumeration(booster, X[[place]], X[50:62]), abs=1e-8)
        assert expected + values.sum() == pytest.approx(
            float(booster.predict(X[[place]], raw_score=True)[0]), abs=1e-12
        )


def test_against_itself_nothing_moves(trees):
    booster, X = trees
    values, expected = booster_against(booster, X[[0]], X[[0]])
    assert np.abs(values).max() < 1e-12
    assert expected == pytest.approx(float(booster.predict(X[[0]], raw_score=True)[0]))


def test_a_native_categorical_split_is_refused():
    generator = np.random.default_rng(1)
    X = np.column_stack([generator.integers(0, 6, 300), generator.normal(size=300)]).astype(float)
    y = (X[:, 0] % 2 == 0).astype(float)
    data = lgb.Dataset(X, y, categorical_feature=[0])
    booster = lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_per_group": 5}, data, 3)
    with pytest.raises(InputError, match="categorical"):
        booster_against(booster, X[:1], X[:5])


def test_base_and_parts_of_the_served_model_reach_its_margin(capsys):
    scorer = small().scorer
    X = scorer.score([str(i) for i in scorer.served.prepared.owners.ids]).X
    worst = 0.0
    for place in range(0, 24, 2):
        base, parts = contributions_against(scorer.default, X.iloc[[place]], some_rows(X, 12))
        margin = float(scorer.default.predict(X.iloc[[place]])["margin"].iloc[0])
        worst = max(worst, abs(base + parts.sum() - margin))
        assert base == pytest.approx(scorer.default.predict(some_rows(X, 12))["margin"].mean())
    with capsys.disabled():
        print(f"\nlargest residual against a reference: {worst:.1e}")
    assert worst < 1e-9


def test_an_empty_reference_is_refused():
    scorer = small().scorer
    X = scorer.score([str(scorer.served.prepared.owners.ids[0])]).X
    with pytest.raises(InputError, match="at least one row"):
        contributions_against(scorer.default, X, X.iloc[:0])
