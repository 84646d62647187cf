"""The second generated world: its defaults are the policy's, and its true PDs are what comes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ledger.default_status import PRIMARY, default_spells
from sample.second_world import lag_survival, second_world, transitions


@pytest.fixture(scope="module")
def world():
    return second_world(customers=1500, months=36, seed=5)


def test_the_same_numbers_give_the_same_world():
    assert second_world(60, 12, 3).ledger.fingerprint == second_world(60, 12, 3).ledger.fingerprint
    assert second_world(60, 12, 3).ledger.fingerprint != second_world(60, 12, 4).ledger.fingerprint


def test_chances_of_the_chain_sum_to_one():
    moves = transitions(np.array([0.5, 1.0, 4.0]))
    assert np.allclose(moves.sum(axis=-1), 1.0)
    assert (moves >= 0).all()


def test_a_default_comes_at_the_latest_an_interval_after_91_days():
    assert lag_survival(0, 28, np.array([0.0]))[0] == 1.0
    assert lag_survival(0, 28, np.array([91.0 + 28.0]))[0] == 0.0
    # in the worst state items are late anyway: the default comes sooner after the failure
    days = np.array([60.0])
    assert lag_survival(2, 14, days)[0] < lag_survival(0, 14, days)[0]


def test_defaults_by_policy_are_the_worlds(world):
    entered = default_spells(world.ledger, PRIMARY).groupby("customer_id")["entered_on"].first()
    known = world.truth[world.truth["status"] == "in_default"].groupby("customer_id")["as_of"].min()
    assert set(entered.index) == set(known.index)
    assert (entered <= known.reindex(entered.index)).all()


@pytest.mark.parametrize("months", [3, 12])
def test_the_true_pd_is_what_comes(world, months):
    entered = default_spells(world.ledger, PRIMARY).groupby("customer_id")["entered_on"].first()
    asked = world.truth[(world.truth["as_of"] == "2023-12-31") & (world.truth["status"] != "in_default")]
    on = asked["customer_id"].map(entered)
    came = (on > asked["as_of"]) & (on <= asked["as_of"] + pd.DateOffset(months=months))
    true = asked[f"true_pd_{months}m"]
    error = np.sqrt((true * (1 - true)).sum())
    assert abs(came.sum() - true.sum()) < 3.5 * error
    assert 0.02 <= asked["true_pd_12m"].mean() <= 0.06
