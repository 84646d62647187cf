"""The master scale, the score and the published scales."""

from __future__ import annotations

import numpy as np
import pytest

from ledger.errors import InputError
from models.rating_scale import (
    IN_DEFAULT,
    MASTER_SCALE,
    PD_FLOOR,
    MasterScale,
    paydex_days_beyond_terms,
    published_scale,
    score,
)


def test_at_least_seven_log_spaced_grades_that_sort_by_risk():
    assert len(MASTER_SCALE.names) >= 7
    steps = np.diff(np.log(MASTER_SCALE.bounds))
    assert np.allclose(steps, steps[0])
    assert list(MASTER_SCALE.names) == sorted(MASTER_SCALE.names)
    assert MASTER_SCALE.names[-1] < IN_DEFAULT


def test_a_bound_belongs_to_the_worse_grade_and_midpoints_to_their_own():
    assert MASTER_SCALE.grade([0.0, PD_FLOOR, 0.000999, 0.001, 0.0159, 0.016, 1.0]).tolist() == [
        "R01", "R01", "R01", "R02", "R05", "R06", "R10",
    ]  # fmt: skip
    assert MASTER_SCALE.grade(MASTER_SCALE.midpoints).tolist() == list(MASTER_SCALE.names)
    assert MASTER_SCALE.midpoints[1] == pytest.approx(np.sqrt(0.001 * 0.002))


def test_fifty_points_double_the_odds():
    odds = np.array([100.0, 200.0, 400.0])
    assert np.allclose(np.diff(score(1 / (1 + odds))), 50.0)
    assert score(0.5) == pytest.approx(300.0)
    assert (score(0.0), score(1.0)) == (1000.0, 0.0)


@pytest.mark.parametrize("value", [np.nan, -0.1, 1.2])
def test_no_grade_for_what_is_no_probability(value):
    with pytest.raises(InputError, match="between 0 and 1"):
        MASTER_SCALE.grade(value)


def test_scale_survives_json_and_refuses_six_grades():
    assert MasterScale.from_json(MASTER_SCALE.to_json()) == MASTER_SCALE
    with pytest.raises(InputError, match="at least 7"):
        MasterScale.log_spaced(name="short", version="1", lowest=0.001, ratio=2.0, grades=6)


@pytest.mark.parametrize(
    ("name", "best", "worst"),
    [("allianz_trade_grade", 1, 10), ("coface_dra", 10, 0), ("dnb_delinquency_class", 1, 5), ("paydex", 100, 20)],
)
def test_published_scales_keep_their_direction(name, best, worst):
    scale = published_scale(name)
    assert scale.position([best, worst]).tolist() == [0.0, 1.0]
    table = MASTER_SCALE.table()
    assert (table[name].iloc[0], table[name].iloc[-1]) == (best, worst)


def test_paydex_as_days_beyond_terms():
    published = {100: 0, 90: 0, 80: 0, 70: 15, 60: 22, 50: 30, 40: 60, 30: 90, 20: 120}
    assert paydex_days_beyond_terms(list(published)).tolist() == list(published.values())
    assert paydex_days_beyond_terms(75) == 7.5
    with pytest.raises(InputError, match="between 20 and 100"):
        paydex_days_beyond_terms(101)
