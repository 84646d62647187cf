"""Cash safety: balances, probabilities, deciding items and remedies by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from decisions.inflow import Dependence, item_inflow, simulated_inflow
from decisions.liquidity import (
    LiquidityPlan,
    Outflow,
    balances,
    deciding_items,
    factoring_set,
    outflow_by_period,
    outflows_of,
    remedies,
    safety,
    working_capital,
)
from decisions.policy_files import read_policy
from ledger.errors import InputError

PLAN = read_policy(LiquidityPlan, "liquidity")
ENDS = np.array([7, 14], dtype=np.int64)


def test_outflows_fall_into_the_period_that_holds_their_day():
    plan = tuple(
        Outflow(on=date(2024, 1, d), amount=a) for d, a in ((1, 5.0), (8, 10.0), (9, 20.0), (15, 40.0), (16, 80.0))
    )
    # as of 1 January: day 1 is due already (first week), the 8th is day 7, the 9th day 8, the 15th day 14, the 16th beyond
    assert outflow_by_period(plan, pd.Timestamp("2024-01-01"), ENDS).tolist() == [15.0, 60.0]


def test_a_plan_s_bad_line_is_named():
    with pytest.raises(InputError, match="line 3 is not a day and an amount"):
        outflows_of(pd.DataFrame({"on": ["2024-01-01", "soon"], "amount": [1, 2]}))
    with pytest.raises(InputError, match="columns amount are missing"):
        outflows_of(pd.DataFrame({"on": ["2024-01-01"]}))


def test_safety_of_four_paths():
    inflow = np.array([[100.0, 100.0], [0.0, 200.0], [0.0, 0.0], [50.0, 50.0]])
    paths = balances(inflow, np.array([60.0, 60.0]), 10.0)
    assert paths.tolist() == [[50.0, 90.0], [-50.0, 90.0], [-50.0, -110.0], [0.0, -10.0]]
    found = safety(paths, 20.0)
    assert found.below.tolist() == [0.5, 0.25]
    assert found.by_then.tolist() == [0.5, 0.5]  # the path that recovers had its shortfall
    assert found.expected_minimum == pytest.approx((50 - 50 - 110 - 10) / 4)


def test_an_item_s_part_is_exactly_what_the_whole_loses_without_it():
    rng = np.random.default_rng(3)
    paid = np.sort(rng.random((4500, 3)), axis=1)
    amount, who = np.round(rng.lognormal(6, 1, 4500), 2), np.sort(rng.integers(0, 90, 4500))
    shares = Dependence(common=0.1, customer=0.2)
    whole = simulated_inflow(amount, paid, who, shares, paths=30, seed=4)
    for row in (0, 2049, 4499):
        without = simulated_inflow(np.where(np.arange(4500) == row, 0.0, amount), paid, who, shares, paths=30, seed=4)
        assert whole - without == pytest.approx(item_inflow(amount, paid, who, shares, row, paths=30, seed=4), abs=1e-6)


def _two_items():
    # item 0: 100, comes in week 1 on half of the paths, else never; item 1: 10, always in week 1
    own = {0: np.array([[100.0, 0.0], [100.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), 1: np.array([[10.0, 0.0]] * 4)}
    paths = balances(own[0] + own[1], np.array([60.0, 0.0]), 0.0)
    return np.array([100.0, 10.0]), np.array([[0.5, 0.5], [1.0, 1.0]]), paths, lambda row: own[row]


def test_the_item_that_decides_comes_first():
    amount, paid, paths, part = _two_items()
    found = deciding_items(amount, paid, paths, 0.0, part)
    assert found["row"].tolist()[0] == 0
    assert found.loc[0, ["p_if_late", "p_if_early", "decides"]].tolist() == [1.0, 0.0, 1.0]


def test_remedies_by_hand():
    amount, _, paths, part = _two_items()
    plan = PLAN.model_copy(
        update={"discount_share": 0.02, "discount_uptake": 0.5, "factoring_advance": 0.85, "factoring_fee": 0.015}
    )
    late, disputed = np.array([0, 0]), np.array([False, False])
    found = remedies(np.array([0]), amount, late, disputed, paths, plan, part).iloc[0]
    assert found["p_now"] == 0.5
    assert found["p_discount"] == 0.25  # half of the offers are taken: then the 98 come and nothing lacks
    assert found["cost_discount"] == pytest.approx(100 * 0.02 * 0.5)
    assert found["p_factoring"] == 0.0  # 85 + 10 - 60
    assert found["cost_factoring"] == pytest.approx(1.5)
    assert np.isnan(
        remedies(np.array([0]), amount, late, np.array([True, False]), paths, plan, part).iloc[0]["p_factoring"]
    )
    assert factoring_set(np.array([0, 1]), amount, paths, plan, part) == ([0], 0.0, pytest.approx(1.5))


def test_working_capital_needs_all_three():
    assert working_capital(40.0, PLAN).cycle_days is None
    plan = PLAN.model_copy(update={"inventory": 600.0, "cost_of_sales_a_day": 20.0, "payables": 500.0})
    found = working_capital(40.0, plan)
    assert (found.dio, found.dpo, found.cycle_days) == (30.0, 25.0, 45.0)
