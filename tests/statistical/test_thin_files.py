"""Thin files on a sample ledger, out of time and on unseen customers: the answer keeps its level and ranks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from benchmarks.default_thin import excess, mixed, scored
from models import metrics
from models.default.cold_start import history_weight
from training.default.cold_start import HALF_MONTHS

pytestmark = pytest.mark.slow


@lru_cache
def rows() -> pd.DataFrame:
    found = pd.concat([scored(seed, 2000) for seed in (21, 22)], ignore_index=True)
    return found[found["true"].notna()].reset_index(drop=True)


def thin() -> pd.DataFrame:
    """Files of fewer than six settled invoices."""
    return rows()[rows()["days"].notna() & (rows()["settled"] < 6)]


def test_the_sample_holds_such_files_so_that_these_tests_mean_something():
    assert (rows()["settled"] == 0).sum() > 50
    assert len(thin()) > 500
    assert rows()["days"].isna().any()


@pytest.mark.parametrize(("low", "high"), [(0, 1), (1, 6), (6, 10**9)])
def test_the_mean_pd_is_as_near_the_true_one_at_every_thickness_as_it_is_for_all(low, high):
    """The level of all files moves with the cycle (docs/decisions/013); no thickness may be off beyond that."""

    def ratio(part: pd.DataFrame) -> float:
        return float(expit(mixed(part)).mean() / part["true"].mean())

    part = rows()[(rows()["settled"] >= low) & (rows()["settled"] < high)]
    assert 1 / 1.35 < ratio(part) / ratio(rows()) < 1.35
    assert 1 / 1.6 < ratio(rows()) < 1.6


def test_the_answer_is_about_as_good_as_the_better_of_its_parts_and_above_the_door():
    part = thin()
    parts = {name: excess(part["true"], part[name]) for name in ("door", "history")}
    answer = excess(part["true"], mixed(part))
    assert answer < parts["door"]
    assert answer < 1.05 * min(parts.values())


def test_the_door_alone_ranks_everybody():
    part = rows()[rows()["days"].notna()]
    assert metrics.auc(part["y"], part["door"]) > 0.65
    assert metrics.gini(part["true"], part["door"]) > 0.5 * metrics.gini(part["true"], part["true"])


def test_the_answer_leaves_the_door_as_the_history_grows():
    part = rows()[rows()["days"].notna()]
    w = history_weight(part["days"].to_numpy(), HALF_MONTHS)
    apart = (part["history"] - part["door"]).to_numpy()
    assert np.allclose((mixed(part) - part["door"]).to_numpy(), w * apart)
    assert w[part["days"] > 365].min() > 0.9 > 0.5 > w[part["days"] < 30].max()
