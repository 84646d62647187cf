"""The default model trained end to end on a small sample ledger: what it may know, and what it hands over."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from features.default_status import PRIMARY, SHORT_HISTORY
from features.errors import InputError
from features.known import known_on
from features.synthetic import Sample, sample
from training import default
from training.bagging import Shape
from training.default_data import histories
from training.default_evaluation import _true_pd
from training.result import Fitted

AS_OF = "2024-12-31"
SMALL = Shape(rounds=30, folds=3, repeats=1, every_month=3)


@lru_cache
def book() -> Sample:
    return sample(customers=700, months=48, seed=5)


@lru_cache
def fitted() -> Fitted:
    return default.fit(book().ledger, as_of=AS_OF, seed=1, truth=book().truth, shape=SMALL)


def test_it_ranks_later_months_of_unseen_customers_above_the_rule():
    found = fitted().metrics
    assert found["auc"] > 0.7
    assert found["auc"] > found["baseline_past_due_30_auc"]
    assert 0.4 < found["gini_share_of_truth"] <= 1.2
    assert found["auc_low"] <= found["auc"] <= found["auc_high"]


def test_what_it_hands_over_is_complete():
    result = fitted()
    assert result.parameters["policy"] == "primary"
    assert result.parameters["evaluation_origin"] < result.parameters["evaluation_until"]
    assert {"calibration", "grades", "importance", "segments", "truth_deciles"} <= set(result.tables)
    assert all(np.isfinite(v) for v in result.metrics.values())
    assert len(result.model.predict(result.example)) == len(result.example)


def test_rows_after_as_of_change_nothing():
    ledger = book().ledger
    day = "2024-06-30"
    whole = default.fit(ledger, as_of=day, seed=1, shape=SMALL)
    cut = default.fit(known_on(ledger, day), as_of=day, seed=1, shape=SMALL)
    pd.testing.assert_frame_equal(whole.model.predict(whole.example), cut.model.predict(cut.example), check_exact=True)
    assert whole.metrics == cut.metrics


def test_labels_of_the_last_year_change_no_earlier_fit():
    data = histories(book().ledger, AS_OF, PRIMARY, default.SELECTED)
    early = histories(book().ledger, "2023-12-31", PRIMARY, default.SELECTED)
    origin = pd.Timestamp("2023-06-30")
    first = default.fit_at(data, origin, SMALL, default.Options(), 1)
    second = default.fit_at(early, origin, SMALL, default.Options(), 1)
    assert np.array_equal(first.bag.margin(early.matrix), second.bag.margin(early.matrix))


def test_through_the_cycle_and_conservatism_move_the_level_only():
    ttc = default.fit(
        book().ledger, as_of=AS_OF, seed=1, shape=SMALL,
        options=default.Options(central_tendency=0.05, conservatism=float(np.log(1.2))),
    )  # fmt: skip
    pit, moved = fitted().model.predict(fitted().example), ttc.model.predict(ttc.example)
    gap = moved["margin"].to_numpy() - pit["margin"].to_numpy()
    assert gap == pytest.approx(np.full(len(gap), gap[0]))
    assert ttc.model.calibration.conservatism == pytest.approx(np.log(1.2))


def test_a_short_history_has_its_own_horizons():
    young = sample(customers=2000, months=24, seed=5).ledger
    with pytest.raises(InputError, match="short_history"):
        default.fit(young, as_of=young.last_known_on, shape=SMALL)
    found = default.fit(young, as_of=young.last_known_on, policy=SHORT_HISTORY, shape=SMALL)
    assert {"pd_3m", "pd_6m"} <= set(found.model.predict(found.example).columns)
    assert found.parameters["horizon_months"] == 6


def test_truth_is_judged_where_it_exists():
    data = histories(book().ledger, AS_OF, PRIMARY, ("late_share_12m",))
    true = _true_pd(data, np.arange(len(data.on)), book().truth)
    assert np.isfinite(true).mean() > 0.9
    with pytest.raises(InputError, match="true_pd_12m"):
        _true_pd(data, np.arange(5), book().truth.drop(columns="true_pd_12m"))
