"""The default model trained end to end on a small sample ledger: what it may know, and what it hands over."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import CATALOGUE
from ledger.default_status import PRIMARY, SHORT_HISTORY
from ledger.errors import InputError
from ledger.known import known_by
from ledger.ledger import Ledger
from sample.generator import Sample, sample
from training.default import fit as default_fit
from training.default import stages as default_stages
from training.default.calibration import margins
from training.default.data import Histories, histories
from training.default.ensembles import Shape
from training.default.evaluation import true_pd
from training.default.stages import SHAPE, SHAPE_OF_MANY, fit_at, shape_on
from training.result import Fitted

AS_OF = "2024-12-31"
DIRECTED = [name for name in default_fit.SELECTED if int(CATALOGUE[name].risk)]
SMALL = Shape(near_rounds=20, rounds=20, folds=3, repeats=1, judged_repeats=2, every_month=3)


@lru_cache
def prepared() -> Sample:
    return sample(customers=700, months=48, seed=5)


@lru_cache
def fitted() -> Fitted:
    return default_fit.fit(prepared().ledger, as_of=AS_OF, seed=1, truth=prepared().truth, shape=SMALL)


@lru_cache
def snapshots_of_the_last_day() -> pd.DataFrame:
    data = histories(prepared().ledger, AS_OF, PRIMARY, fitted().model.needed)
    return data.frame(np.flatnonzero(data.on == data.on.max()))


def test_it_ranks_later_months_of_unseen_customers_above_the_rule():
    found = fitted().metrics
    assert found["auc"] > 0.7
    assert found["auc"] > found["baseline_past_due_30_auc"]
    assert 0.4 < found["gini_share_of_truth"] <= 1.2
    assert found["auc_low"] <= found["auc"] <= found["auc_high"]


def test_a_fit_does_not_depend_on_the_order_of_the_ledgers_rows():
    tables = prepared().ledger.tables.items()
    shuffled = Ledger.from_frames(
        **{n: f.sample(frac=1.0, random_state=5, ignore_index=True) for n, f in tables if len(f)}
    )
    again = default_fit.fit(shuffled, as_of=AS_OF, seed=1, truth=prepared().truth, shape=SMALL)
    assert again.metrics == fitted().metrics


def test_what_it_hands_over_is_complete():
    result = fitted()
    assert result.parameters["policy"] == "primary"
    assert result.parameters["evaluation_origin"] < result.parameters["evaluation_until"]
    tables = {"calibration", "grades", "grades_all_months", "importance", "segments", "truth_deciles"}
    assert tables <= set(result.tables)
    assert set(result.tables["segments"]["segment"]) == {"country", "industry"}
    assert result.tables["grades"]["count"].sum() < result.tables["grades_all_months"]["count"].sum() / 5
    assert all(member.num_trees() == SMALL.near_rounds + SMALL.rounds for member in result.model.members)
    assert all(np.isfinite(v) for v in result.metrics.values())
    assert len(result.model.predict(result.example)) == len(result.example)


def test_rows_after_as_of_change_nothing():
    ledger = prepared().ledger
    day = "2024-06-30"
    whole = default_fit.fit(ledger, as_of=day, seed=1, shape=SMALL)
    cut = default_fit.fit(known_by(ledger, day), as_of=day, seed=1, shape=SMALL)
    pd.testing.assert_frame_equal(whole.model.predict(whole.example), cut.model.predict(cut.example), check_exact=True)
    assert whole.metrics == cut.metrics


def test_labels_of_the_last_year_change_no_earlier_fit():
    data = histories(prepared().ledger, AS_OF, PRIMARY, default_fit.SELECTED)
    early = histories(prepared().ledger, "2023-12-31", PRIMARY, default_fit.SELECTED)
    origin = pd.Timestamp("2023-06-30")
    first = default_fit.fit_at(data, origin, SMALL, default_fit.Options(), 1)
    second = default_fit.fit_at(early, origin, SMALL, default_fit.Options(), 1)
    assert np.array_equal(first.bag.margin(early.matrix), second.bag.margin(early.matrix))


@settings(max_examples=25, deadline=None)
@given(column=st.sampled_from(DIRECTED), step=st.floats(0.01, 3.0), seed=st.integers(0, 1000))
def test_a_worse_history_never_lowers_the_pd_of_a_trained_model(column, step, seed):
    """Through both stages' trees, the calibrated line, the grade and the score, on real histories."""
    X = snapshots_of_the_last_day().sample(200, random_state=seed)
    spread = float(np.nanstd(snapshots_of_the_last_day()[column]))
    worse = X.assign(**{column: X[column] + step * spread * int(CATALOGUE[column].risk)})
    before, after = fitted().model.predict(X), fitted().model.predict(worse)
    for name in ("pd_3m", "pd_6m", "pd_12m", "margin"):
        assert (after[name] >= before[name]).all(), name
    assert (after["grade"] >= before["grade"]).all()
    assert (after["score"] <= before["score"]).all()


def test_outcomes_not_seen_at_a_bags_day_change_neither_its_margin_nor_its_line():
    data = histories(prepared().ledger, AS_OF, PRIMARY, default_fit.SELECTED)
    early = histories(prepared().ledger, "2023-12-31", PRIMARY, default_fit.SELECTED)
    origin, rows = pd.Timestamp("2023-06-30"), np.arange(500)
    found = []
    for known in (data, early):
        *bags, judged = default_fit.bags_until(known, origin, SMALL, default_fit.Options(), 1)
        line = default_fit.judged_calibration(known, bags, judged)
        found.append(line.log_odds(margins(known, judged, rows, of_unseen=True)))
    assert np.array_equal(*found)


def known_defaulters(data: Histories, origin: pd.Timestamp) -> int:
    return fit_at(data, origin, SMALL, default_fit.Options(), 1).count_defaulters


def test_the_shape_is_that_for_the_defaulters_known_on_the_day(monkeypatch):
    data = histories(prepared().ledger, AS_OF, PRIMARY, default_fit.SELECTED)
    origin, earlier = default_fit.evaluation_origin(data), pd.Timestamp("2022-12-31")
    count = known_defaulters(data, origin)
    assert known_defaulters(data, earlier) < count < default_stages.MANY_DEFAULTERS
    assert shape_on(data, origin, default_fit.Options()) == SHAPE
    monkeypatch.setattr(default_stages, "MANY_DEFAULTERS", count)
    assert shape_on(data, origin, default_fit.Options()) == SHAPE_OF_MANY
    assert shape_on(data, earlier, default_fit.Options()) == SHAPE


def test_a_book_with_many_defaulters_gets_their_shape(monkeypatch):
    monkeypatch.setattr(default_stages, "MANY_DEFAULTERS", 1)
    monkeypatch.setattr(default_stages, "SHAPE_OF_MANY", SMALL)
    found = default_fit.fit(prepared().ledger, as_of=AS_OF, seed=1, truth=prepared().truth)
    assert found.parameters == fitted().parameters
    assert found.metrics == fitted().metrics


def test_through_the_cycle_and_conservatism_move_the_level_only():
    ttc = default_fit.fit(
        prepared().ledger, as_of=AS_OF, seed=1, shape=SMALL,
        options=default_fit.Options(central_tendency=0.05, conservatism=float(np.log(1.2))),
    )  # fmt: skip
    pit, moved = fitted().model.predict(fitted().example), ttc.model.predict(ttc.example)
    gap = moved["margin"].to_numpy() - pit["margin"].to_numpy()
    assert gap == pytest.approx(np.full(len(gap), gap[0]))
    assert ttc.model.calibration.conservatism == pytest.approx(np.log(1.2))
    assert (fitted().parameters["level"], ttc.parameters["level"]) == ("point in time", "through the cycle")
    odds = ttc.metrics["level_pd_mean"] / (1.0 - ttc.metrics["level_pd_mean"])
    assert 0.05 / 0.95 < odds < 1.2 * 0.05 / 0.95  # the margin of conservatism is on top of the central tendency
    assert ttc.metrics["level_luck"] == fitted().metrics["level_luck"] == fitted().metrics["level_defaulters"] ** -0.5


@pytest.mark.parametrize("wrong", [{"central_tendency": 0.0}, {"central_tendency": 2.0}, {"conservatism": -0.1}])
def test_levels_that_are_no_levels_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        default_fit.Options(**wrong)


def test_a_short_history_has_its_own_horizons():
    young = sample(customers=2000, months=24, seed=5).ledger
    with pytest.raises(InputError, match="short_history"):
        default_fit.fit(young, as_of=young.last_known_on, shape=SMALL)
    found = default_fit.fit(young, as_of=young.last_known_on, policy=SHORT_HISTORY, shape=SMALL)
    assert {"pd_3m", "pd_6m"} <= set(found.model.predict(found.example).columns)
    assert found.parameters["horizon_months"] == 6


def test_truth_is_judged_where_it_exists():
    data = histories(prepared().ledger, AS_OF, PRIMARY, ("late_share_12m",))
    true = true_pd(data, np.arange(len(data.on)), prepared().truth)
    assert np.isfinite(true).mean() > 0.9
    with pytest.raises(InputError, match="true_pd_12m"):
        true_pd(data, np.arange(5), prepared().truth.drop(columns="true_pd_12m"))
