"""The default model's shape by Optuna: folds that respect time, rounds stopped early, the served shape to be beaten."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ledger.default_status import PRIMARY
from ledger.errors import InputError
from tests.integration.test_default_training import AS_OF, prepared
from training.default import fit as default_fit
from training.default.data import Histories, histories
from training.default.stages import SHAPE
from training.default.tuning import folds, stopped_at, tune


@pytest.fixture(scope="module")
def data() -> Histories:
    return histories(prepared().ledger, AS_OF, PRIMARY, ("late_share_12m", "days_past_due_mean_6m", "rating_risk"))


def test_a_fold_learns_before_the_months_that_judge_it_and_its_outcomes_are_mature(data):
    found = folds(data)
    assert [f.origin for f in found] == sorted({f.origin for f in found})
    assert found[-1].origin == default_fit.evaluation_origin(data)
    seen = data.outcomes(data.as_of)
    for fold in found:
        assert (data.on[fold.rows] > np.datetime64(fold.origin, "D")).all()
        assert (seen.mature_months[fold.rows] == PRIMARY.horizon_months).all()
        assert not seen.in_default[fold.rows].any()
    assert not set(found[0].rows) & set(found[-1].rows) or len(found) == 1


def test_trials_are_seeded_and_the_served_shape_is_the_first_to_beat(data):
    found, again = (tune(data, trials=2, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(found.trials, again.trials)
    first = found.trials.iloc[0]
    assert {name: first[name] for name in ("depth", "near_rounds", "learning_rate", "l2")} == pytest.approx(
        {"depth": SHAPE.depth, "near_rounds": SHAPE.near_rounds, "learning_rate": SHAPE.learning_rate, "l2": SHAPE.l2}
    )
    assert found.loss == found.trials["loss"].min() <= first["loss"]
    assert found.shape.rounds == found.trials.sort_values("loss")["rounds"].iloc[0]
    assert found.shape.leaves == 2**found.shape.depth


def test_rounds_stop_where_later_months_no_longer_gain():
    assert stopped_at(np.array([5.0, 4.0, 3.0, 3.5, 3.6, 1.0])) == 2  # what lies beyond the patience is not seen
    assert stopped_at(np.array([5.0, 4.0, 4.5, 3.0, 3.1])) == 3
    assert stopped_at(np.array([1.0, 2.0, 3.0])) == 0


def test_a_ledger_without_later_defaulters_is_refused(data):
    early = replace(data, as_of=pd.Timestamp("2022-06-30"))
    with pytest.raises(InputError, match="too short"):
        folds(early)
