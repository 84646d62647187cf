"""Contingency drills: by hand, never less loss at a higher severity, the line exhausted exactly, the log's chain."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.drill_log import drill_of, drills_of, last_of, lines_for
from decisions.policy_files import read_policy
from decisions.stress import BASE, Scenario, StressBook, StressPolicy, applied, reverse
from ledger.errors import InputError

POLICY = read_policy(StressPolicy, "stress")
ENDS = np.array([7, 14, 21, 28, 35, 42, 49, 56])


def book(*, opening: float = 100.0, line: float = 50.0, outflow: float = 300.0) -> StressBook:
    """Three customers of two groups; every item is paid evenly over the 40 days after the day, later by its delay."""
    customers = pd.DataFrame(
        {
            "pd": [0.02, 0.10, np.nan], "industry": ["construction", "food", "food"], "country": ["DE", "GB", "DE"],
            "group_id": ["g", "g", "c"], "exposure": [1000.0, 2000.0, 500.0], "insured_limit": [800.0, np.nan, np.nan],
            "insured_share": [0.9, np.nan, np.nan], "credit_limit": [1200.0, np.nan, 400.0], "sales_a_day": [10.0, 10.0, 0.0],
        },
        index=["a", "b", "c"],
    )  # fmt: skip
    items = pd.DataFrame({
        "customer": [0, 1, 1, 2], "open_amount": [1000.0, 1500.0, 500.0, 500.0], "currency": ["EUR", "GBP", "EUR", "EUR"],
        "days_past_due": [0, 10, 0, 95],
    })  # fmt: skip

    def paid(delay: np.ndarray) -> np.ndarray:
        return np.clip((ENDS[None, :] - delay[:, None]) / 40.0, 0.0, 1.0)

    return StressBook(
        customers=customers, items=items, paid=paid, ends=ENDS, new_by=np.zeros(len(ENDS)), outflow=np.full(len(ENDS), outflow), opening=opening,
        credit_line=line, macro_pd=lambda scenario, severity: None,
    )  # fmt: skip


def test_the_base_by_hand():
    found = applied(book(), BASE, POLICY, 0.0)
    # 0.02 x 0.4 x (1,000 - 0.9 x 800) + 0.10 x 0.4 x 2,000; c has no PD and counts nothing
    assert found.expected_loss == pytest.approx(0.02 * 0.4 * 280 + 0.10 * 0.4 * 2000)
    assert found.allowance == pytest.approx(1000 * 0.003 + 1500 * 0.016 + 500 * 0.003 + 500 * 0.106)
    assert found.balance[0] == pytest.approx(100 + 3500 * 7 / 40 - 300)
    assert found.limit_breaches == 1  # c: 500 above 400
    assert found.high_pd == 1


def test_each_scenario_does_what_it_says():
    own = book()
    base = applied(own, BASE, POLICY, 0.0)
    delayed = applied(own, POLICY.scenario("delay"), POLICY)
    assert delayed.balance[3] == pytest.approx(100 - 4 * 300)  # 28 days: nothing has come
    assert delayed.breached == ("a",)  # 1,000 + 30 days at 10 above 1,200
    failed = applied(own, POLICY.scenario("largest_group"), POLICY)
    assert failed.expected_loss == pytest.approx(0.4 * (280 + 2000))
    assert failed.balance[-1] == pytest.approx(100 + 500 - 8 * 300)
    cover = applied(own, POLICY.scenario("cover"), POLICY)
    assert cover.expected_loss == pytest.approx(0.02 * 0.4 * 1000 + 0.10 * 0.4 * 2000)
    fall = applied(own, POLICY.scenario("currency"), POLICY)
    assert fall.valuation_loss == pytest.approx(1500 * 0.25)
    feed = applied(own, POLICY.scenario("feed"), POLICY)
    assert feed.balance[0] == pytest.approx(100 - 300)
    assert feed.expected_loss == base.expected_loss
    sector = applied(own, POLICY.scenario("sector"), POLICY)
    odds = 0.02 / 0.98 * 4
    assert sector.expected_loss == pytest.approx(odds / (1 + odds) * 0.4 * 280 + 0.10 * 0.4 * 2000)


def test_the_model_s_macro_columns_decide_where_it_has_them():
    own = book()
    by_model = StressBook(**{**own.__dict__, "macro_pd": lambda s, severity: np.array([0.05, 0.01, np.nan])})
    found = applied(by_model, POLICY.scenario("macro"), POLICY)
    assert found.pd_from_model
    # a's PD by the model; b's never falls below what it is today
    assert found.expected_loss == pytest.approx(0.05 * 0.4 * 280 + 0.10 * 0.4 * 2000)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from([s.name for s in POLICY.scenarios]), low=st.floats(0, 3), more=st.floats(0, 3),
)  # fmt: skip
def test_expected_loss_never_falls_and_the_balance_never_rises_with_severity(name, low, more):
    own, scenario = book(), POLICY.scenario(name)
    mild, harsh = (applied(own, scenario, POLICY, s) for s in (low, low + more))
    assert harsh.expected_loss >= mild.expected_loss - 1e-9
    assert (harsh.balance <= mild.balance + 1e-9).all()
    again = applied(own, scenario, POLICY, low)
    assert again.figures() == mild.figures()


@pytest.mark.parametrize("name", ["macro", "delay", "largest_group", "currency", "feed"])
def test_reverse_stress_exhausts_the_line_to_half_a_percent(name):
    own = book(opening=250.0, line=100.0)
    found = reverse(own, POLICY.scenario(name), POLICY)
    assert found.severity is not None, found.why
    lowest = applied(own, POLICY.scenario(name), POLICY, found.severity).lowest
    assert abs(lowest + own.credit_line) <= 0.005 * own.credit_line
    if found.severity > 0.01:
        assert applied(own, POLICY.scenario(name), POLICY, found.severity * 0.9).lowest > -own.credit_line


def test_what_cannot_exhaust_the_line_says_so():
    found = reverse(book(opening=1e6), POLICY.scenario("cover"), POLICY)
    assert found.severity is None
    assert "are left" in found.why
    assert reverse(book(opening=-1e6), POLICY.scenario("cover"), POLICY).severity == 0.0


def test_a_scenario_of_an_unknown_customer_is_refused():
    with pytest.raises(InputError, match="no customer or group 'nobody'"):
        applied(book(), Scenario(name="x", title="x", fails="nobody"), POLICY)
    with pytest.raises(InputError, match="no scenario 'flood'"):
        POLICY.scenario("flood")


def test_the_drill_log_compares_and_shows_a_changed_line():
    first = drill_of(
        applied(book(), POLICY.scenario("delay"), POLICY), as_of="2024-06-30", policy="stress 1", drilled_at="t1"
    )
    second = drill_of(
        applied(book(), POLICY.scenario("delay"), POLICY, 2.0), as_of="2024-12-31", policy="stress 1", drilled_at="t2"
    )
    lines = lines_for([first], [])
    lines += lines_for([second], lines)
    drills = drills_of(lines)
    assert last_of(drills, "delay") == second
    assert last_of(drills, "macro") is None
    stored = json.loads(lines[0])
    stored["drill"]["figures"]["gap"] = 0.0
    with pytest.raises(InputError, match="record 1 does not hold"):
        drills_of([json.dumps(stored), lines[1]])
