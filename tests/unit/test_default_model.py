"""The default model alone: order by direction, horizons that cannot cross, contributions that add up, text on disk."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import CATALOGUE
from ledger.default_status import PRIMARY, SHORT_HISTORY
from ledger.errors import InputError
from models.calibration import Calibration
from models.default.model import DefaultModel
from models.default.term_structure import TermStructure, evenly_spread, fit_term_structure
from models.protected import refuse_protected
from models.rating_scale import MASTER_SCALE, PD_FLOOR
from training.default.columns import SELECTED
from training.default.ensembles import Rows, Shape, fit_bag
from training.splits import customer_folds, origins

COLUMNS = ("late_share_12m", "days_past_due_oldest", "overdue_share", "days_since_first_invoice", "sales_growth_12m")
DIRECTIONS = [int(CATALOGUE[name].risk) for name in COLUMNS]
SMALL = Shape(rounds=30, folds=3, repeats=1, every_month=1, smallest_leaf=10, feature_share=0.8)


def drawn(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = np.column_stack(
        [rng.random(n), rng.exponential(20, n), rng.random(n), rng.integers(0, 1500, n), rng.normal(0, 0.3, n)]
    )
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    return matrix


@lru_cache
def model() -> DefaultModel:
    matrix = drawn(4000, 0)
    known = np.nan_to_num(matrix)
    log_odds = -4 + 2 * known[:, 0] + 0.03 * known[:, 1] + 1.5 * known[:, 2]
    y = (np.random.default_rng(1).random(4000) < 1 / (1 + np.exp(-log_odds))).astype(float)
    rows = Rows(
        matrix=matrix, y=y, offset=np.full(4000, -3.0), weight=np.ones(4000),
        customer=np.arange(4000).astype(str).astype(object), month=np.zeros(4000, dtype=np.int64),
    )  # fmt: skip
    bag = fit_bag(rows, DIRECTIONS, SMALL, seed=1)
    term = TermStructure(months=12, intercepts=tuple(np.linspace(-1.0, 3.0, 11).tolist()), slope=0.6)
    return DefaultModel(
        columns=COLUMNS, members=bag.members, term_structure=term, calibration=Calibration(slope=0.9, intercept=-3.0),
        policy=PRIMARY, scale=MASTER_SCALE, facts={"as_of": "2024-12-31"},
    )  # fmt: skip


def frame(matrix: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(matrix, columns=list(COLUMNS))


def test_horizons_never_cross_and_nothing_is_below_the_floor():
    found = model().predict(frame(drawn(3000, 2)))
    assert (found["pd_3m"] <= found["pd_6m"]).all()
    assert (found["pd_6m"] <= found["pd_12m"]).all()
    assert (found["pd_3m"] >= PD_FLOOR).all()
    assert (found["pd_low"] <= found["pd_12m"]).all()
    assert (found["pd_12m"] <= found["pd_high"]).all()


def test_the_floor_hides_no_order():
    low = replace(model(), calibration=Calibration(slope=0.9, intercept=-7.5)).predict(frame(drawn(500, 3)))
    assert (low["pd_12m"] == PD_FLOOR).any()
    assert low["score"].nunique() == low["margin"].nunique() > 100
    assert (low.sort_values("margin")["score"].diff().dropna() <= 0).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), column=st.integers(0, 4), step=st.floats(0.01, 3.0))
def test_a_worse_history_never_lowers_the_pd_nor_improves_the_grade(seed, column, step):
    matrix = drawn(40, seed)
    worse = matrix.copy()
    worse[:, column] += step * DIRECTIONS[column] * np.nanstd(matrix[:, column])
    before, after = model().predict(frame(matrix)), model().predict(frame(worse))
    for name in ("pd_3m", "pd_6m", "pd_12m", "margin"):
        assert (after[name] >= before[name]).all(), (name, COLUMNS[column])
    assert (after["grade"] >= before["grade"]).all()
    assert (after["score"] <= before["score"]).all()


def test_contributions_add_up_to_the_calibrated_log_odds():
    X = frame(drawn(300, 4))
    base, parts = model().contributions(X)
    found = model().predict(X)
    assert np.abs(base + parts.sum(axis=1) - found["margin"]).max() < 1e-6
    odds = found["pd_12m"] / (1 - found["pd_12m"])
    above = found["pd_12m"] > PD_FLOOR
    assert np.abs(base + parts.sum(axis=1) - np.log(odds))[above].max() < 1e-6
    assert list(parts.columns) == list(COLUMNS)


def test_columns_go_by_name_and_a_missing_one_is_refused():
    X = frame(drawn(50, 5))
    shuffled = X[list(reversed(COLUMNS))].assign(unused=1.0)
    pd.testing.assert_frame_equal(model().predict(X), model().predict(shuffled))
    with pytest.raises(InputError, match="overdue_share"):
        model().predict(X.drop(columns="overdue_share"))


def test_nothing_known_at_all_still_gets_an_answer():
    found = model().predict(frame(np.full((1, 5), np.nan))).iloc[0]
    assert PD_FLOOR <= found["pd_12m"] < 0.5


def test_saved_as_text_and_loaded_to_the_same_numbers(tmp_path):
    model().save(tmp_path)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".txt"}
    X = frame(drawn(100, 6))
    loaded = DefaultModel.load(tmp_path)
    pd.testing.assert_frame_equal(loaded.predict(X), model().predict(X))
    assert loaded.policy == PRIMARY
    assert loaded.facts == model().facts


def test_a_model_needs_its_policys_horizon():
    with pytest.raises(InputError, match="term structure over 6 months"):
        replace(model(), policy=SHORT_HISTORY)


def test_unseen_customers_are_scored_by_members_that_never_saw_them():
    matrix, customer = drawn(600, 7), np.arange(600).astype(str).astype(object)
    y = (np.random.default_rng(8).random(600) < 0.3).astype(float)
    rows = Rows(
        matrix=matrix, y=y, offset=np.zeros(600), weight=np.ones(600), customer=customer, month=np.zeros(600, int)
    )
    bag = fit_bag(rows, DIRECTIONS, SMALL, seed=3)
    fold = customer_folds(customer, 3, bag.salts[0])
    margins = bag.member_margins(matrix)
    expected = margins[[bag.unseen_fold.index(f) for f in fold], np.arange(600)]
    assert np.array_equal(bag.margin_of_unseen(matrix, customer), expected)
    # the outcomes are noise: only members that saw them seem to know them
    seen, unseen = bag.margin(matrix), bag.margin_of_unseen(matrix, customer)
    assert seen[y > 0].mean() - seen[y == 0].mean() > unseen[y > 0].mean() - unseen[y == 0].mean()


def test_the_same_seed_gives_the_same_bag():
    matrix, y = drawn(400, 9), (np.random.default_rng(9).random(400) < 0.3).astype(float)
    rows = Rows(matrix=matrix, y=y, offset=np.zeros(400), weight=np.ones(400),
                customer=np.arange(400).astype(str).astype(object), month=np.zeros(400, int))  # fmt: skip
    first, second = fit_bag(rows, DIRECTIONS, SMALL, seed=5), fit_bag(rows, DIRECTIONS, SMALL, seed=5)
    assert np.array_equal(first.margin(matrix), second.margin(matrix))


def test_term_structure_recovers_when_defaults_come():
    rng = np.random.default_rng(0)
    true = TermStructure(months=12, intercepts=tuple(np.linspace(-1.0, 3.0, 11).tolist()), slope=0.8)
    z = rng.normal(-1, 1.5, 20_000)
    cumulative = np.stack([true.share(z, m) for m in range(1, 12)], axis=1)
    month = 1 + (rng.random(20_000)[:, None] > cumulative).sum(axis=1)
    found = fit_term_structure(z, month, 12)
    assert found.slope == pytest.approx(0.8, abs=0.05)
    assert np.allclose(found.intercepts, true.intercepts, atol=0.15)
    assert np.allclose(evenly_spread(12).share(z[:2], 3), 0.25)
    assert fit_term_structure(z, np.ones(20_000, dtype=np.int64), 1).intercepts == ()


def test_offset_turns_the_long_pd_into_the_short_one():
    term = evenly_spread(12)
    z = np.array([-3.0, 0.0])
    p = 1 / (1 + np.exp(-(z + term.offset(z, np.array([3, 12])))))
    assert p == pytest.approx([0.25 / (1 + np.exp(3.0)), 0.5])


@pytest.mark.parametrize(
    "name", ["sex", "age", "customer_age", "marital_status", "owner_nationality", "postcode", "first_name"]
)
def test_protected_attributes_and_proxies_are_refused_by_name(name):
    with pytest.raises(InputError, match="protected attributes"):
        refuse_protected(["late_share_12m", name])


def test_no_catalogue_column_is_protected_and_the_selected_ones_exist():
    refuse_protected(c.name for c in CATALOGUE.columns())
    assert all(name in CATALOGUE for name in SELECTED)
    assert len(set(SELECTED)) == len(SELECTED)


def test_a_customer_keeps_its_fold_when_others_come():
    ids = [f"c{i}" for i in range(500)]
    assert np.array_equal(customer_folds(ids, 5)[:100], customer_folds(ids[:100], 5))
    assert np.bincount(customer_folds(ids, 5), minlength=5).min() > 60
    found = origins(pd.Timestamp("2023-01-01"), pd.Timestamp("2024-01-15"), 6)
    assert [str(d.date()) for d in found] == ["2023-06-30", "2023-12-31"]
