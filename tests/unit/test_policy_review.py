"""Policies over a past book: refused sales, losses and their deciding case by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from decisions.limit_policy import bundled_limit_policy
from decisions.limits import Situation
from decisions.policy_review import (
    Cases,
    above_actual_limit,
    by_quarter,
    by_segment,
    compared,
    loss_cases,
    reviewed,
    sales_refused,
)

POLICY = bundled_limit_policy()
GRADE = POLICY.terms[-1].grade
DAYS = [pd.Timestamp("2024-01-31"), pd.Timestamp("2024-02-29"), pd.Timestamp("2024-06-30")]


def cases() -> Cases:
    """One customer of the worst grade with 3,000 outstanding at three month ends; it defaults on 15 July."""
    frame = pd.DataFrame({
        "customer_id": "a", "as_of": DAYS, "segment": "small", "exposure": [3000.0] * 3, "sales": [1000.0, 4000.0, 0.0],
        "exposure_next": [3000.0, 6000.0, 0.0], "default_on": pd.Timestamp("2024-07-15"), "ead": 6000.0, "current_limit": [10_000.0, 1000.0, None],
    })  # fmt: skip
    situations = [
        Situation(customer_id="a", as_of=d.date(), requested=8000.0, balance=3000.0, unapplied=0.0, pd=0.5, grade=GRADE)
        for d in DAYS
    ]
    return Cases(situations=situations, frame=frame)


def test_sales_above_the_room_that_payments_leave_are_refused():
    frame = pd.DataFrame(
        {"exposure": [100.0, 100.0, 100.0], "sales": [50.0, 50.0, 50.0], "exposure_next": [100.0, 150.0, 150.0]}
    )
    # 50 are paid in the first case and none in the others; limits of 100, 120, 90
    assert sales_refused(frame, pd.Series([100.0, 120.0, 90.0]).to_numpy()).tolist() == [0.0, 30.0, 50.0]


def test_the_case_that_decides_a_default_is_the_last_one_91_days_before():
    assert loss_cases(cases().frame).tolist() == [False, True, False]


def test_a_review_by_hand():
    found = reviewed(cases(), POLICY)
    limit = found["limit"].iloc[1]
    assert 0 < limit < 6000
    lgd = POLICY.loss_given_default
    assert found["lost"].tolist() == [0.0, pytest.approx(lgd * limit), 0.0]
    assert found["avoided"].tolist() == [0.0, pytest.approx(lgd * (6000 - limit)), 0.0]
    # February: 1,000 were paid (3,000 + 4,000 - 6,000), so the limit leaves limit - 3,000 + 1,000
    assert found["refused"].iloc[1] == pytest.approx(4000 - max(0.0, limit - 2000))
    sums = by_segment(found).set_index("segment")
    assert sums.loc["all", "lost"] == pytest.approx(lgd * limit)
    assert by_quarter(found)["defaults"].tolist() == [1, 0]


def test_a_looser_policy_loses_more_and_refuses_less():
    from dataclasses import replace

    loose = replace(POLICY, version="loose", maximum_expected_loss=POLICY.maximum_expected_loss * 4,
                    terms=tuple(replace(t, maximum_limit=t.maximum_limit * 4) for t in POLICY.terms), highest_pd=0.9)  # fmt: skip
    change = compared(reviewed(cases(), POLICY), reviewed(cases(), loose)).set_index("segment")
    assert change.loc["all", "lost"] > 0
    assert change.loc["all", "avoided"] == pytest.approx(-change.loc["all", "lost"])
    assert change.loc["all", "refused"] < 0
    same = compared(reviewed(cases(), POLICY), reviewed(cases(), POLICY)).set_index("segment")
    assert same.loc["all", ["decided_otherwise", "lost", "refused"]].tolist() == [0.0, 0.0, 0.0]


def test_limits_in_force_above_the_policy_are_named():
    found = reviewed(cases(), POLICY)
    above = above_actual_limit(found, found["current_limit"])
    assert above["as_of"].tolist() == [DAYS[0]]
    assert above["above"].iloc[0] == pytest.approx(10_000 - found["limit"].iloc[0])
