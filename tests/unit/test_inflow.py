"""Expected inflow: arithmetic, the simulated band, and the dependence that it needs."""

import numpy as np
import pandas as pd
import pytest

from decisions.inflow import (
    COMMON_SHARES,
    Dependence,
    PastForecast,
    band,
    expected_inflow,
    fitted_dependence,
    inflow_on,
    month_ends_after,
    simulated_inflow,
    week_ends,
    widened,
)
from ledger.errors import InputError

ENDS = np.array([7, 14])
NONE = Dependence(common=0.0, customer=0.0)


def test_expected_inflow_by_hand() -> None:
    paid = np.array([[0.5, 0.8], [0.0, 1.0]])
    assert expected_inflow([100.0, 40.0], paid).tolist() == pytest.approx([50.0, 30.0 + 40.0])


def test_a_day_in_the_past_counts_as_tomorrow() -> None:
    assert inflow_on([10.0, 20.0, 40.0, 80.0], [-30, 7, 8, 15], ENDS).tolist() == [30.0, 40.0]


def test_periods() -> None:
    assert week_ends(pd.Timestamp("2024-01-31"), 2)[1] == ["2024-02-07", "2024-02-14"]
    ends, names = month_ends_after(pd.Timestamp("2024-01-31"), 2)
    assert names == ["2024-02-29", "2024-03-31"]
    assert ends.tolist() == [29, 60]


def test_paths_have_the_expected_mean_and_more_spread_with_dependence() -> None:
    rng = np.random.default_rng(0)
    paid = np.sort(rng.random((400, 2)), axis=1)
    amount, customer = np.round(rng.lognormal(5, 1, 400), 2), np.repeat(np.arange(40), 10)
    alone = simulated_inflow(amount, paid, customer, NONE, paths=4000)
    together = simulated_inflow(amount, paid, customer, Dependence(common=0.1, customer=0.3), paths=4000)
    expected = expected_inflow(amount, paid)
    assert alone.mean(axis=0) == pytest.approx(expected, rel=0.01)
    assert together.mean(axis=0) == pytest.approx(expected, rel=0.03)
    # independent items: the variance of a sum is the sum of the variances
    share = np.diff(paid, axis=1, prepend=0.0)
    assert alone.std(axis=0) == pytest.approx(np.sqrt(amount**2 @ (share * (1 - share))), rel=0.05)
    low, high = band(together)
    assert ((high - low) > 1.1 * np.diff(band(alone), axis=0)[0]).all()


def test_paths_are_the_same_for_a_seed_and_for_any_cut_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    from decisions import inflow

    rng = np.random.default_rng(1)
    paid = np.sort(rng.random((6001, 3)), axis=1)
    amount, customer = np.ones(6001), np.sort(rng.integers(0, 50, 6001))
    shares = Dependence(common=0.05, customer=0.2)
    monkeypatch.setattr(inflow, "ITEMS_AT_ONCE", 999)
    first = simulated_inflow(amount, paid, customer, shares, paths=20, seed=5)
    monkeypatch.setattr(inflow, "ITEMS_AT_ONCE", 10**9)
    monkeypatch.setattr(inflow, "THREADS", 1)
    assert (simulated_inflow(amount, paid, customer, shares, paths=20, seed=5) == first).all()
    assert (simulated_inflow(amount, paid, customer, shares, paths=20, seed=6) != first).any()


def test_dependence_is_found_again() -> None:
    rng = np.random.default_rng(2)
    cohorts, customers, each = 150, 60, 4
    cohort = np.repeat(np.arange(cohorts), customers * each)
    customer = np.tile(np.repeat(np.arange(customers), each), cohorts)
    common = rng.normal(size=cohorts)[cohort]
    own = rng.normal(size=(cohorts, customers))[cohort, customer]
    score = np.sqrt(0.1) * common + np.sqrt(0.3) * own + np.sqrt(0.6) * rng.normal(size=len(cohort))
    found = fitted_dependence(score, customer, cohort)
    assert found.common == pytest.approx(0.1, abs=0.03)
    assert found.customer == pytest.approx(0.3, abs=0.03)


def test_independent_scores_show_none() -> None:
    rng = np.random.default_rng(4)
    found = fitted_dependence(rng.normal(size=5000), rng.integers(0, 50, 5000), rng.integers(0, 20, 5000))
    assert found.common < 0.01
    assert found.customer < 0.02


def test_pairs_weigh_by_their_amounts() -> None:
    # one week, one customer: the large pair came apart, the pairs with the small item together
    score, amount = np.array([1.0, -0.5, 1.0]), np.array([30.0, 30.0, 1.0])
    pairs = {(0, 1): 30 * 30, (0, 2): 30 * 1, (1, 2): 30 * 1}
    product = sum(w * score[i] * score[j] for (i, j), w in pairs.items()) / sum(pairs.values())
    assert product < 0
    assert fitted_dependence(score, ["a"] * 3, [1] * 3, amount).customer == 0.0
    together = fitted_dependence(np.array([1.0, 0.6, -1.0]), ["a"] * 3, [1] * 3, amount)
    assert together.customer == pytest.approx((900 * 0.6 - 30 * 1.0 - 30 * 0.6) / 960)
    assert fitted_dependence(np.array([1.0, 0.6, -1.0]), ["a"] * 3, [1] * 3).customer == 0.0


def test_a_band_is_widened_until_past_weeks_lie_as_far_from_their_forecasts_as_paths_do() -> None:
    ends = np.linspace(0.05, 0.95, 20)
    paid, customers, amount = np.tile(ends, (400, 1)), np.arange(400), np.full(400, 10.0)

    def of(common: float, seed: int) -> list[PastForecast]:
        paths = simulated_inflow(amount, paid, customers, Dependence(common=common, customer=0.0), paths=6, seed=seed)
        return [PastForecast(amount=amount, paid=paid, customers=customers, actual=actual) for actual in paths]

    assert widened(NONE, of(0.0, 9)).common < 0.005
    found = [widened(NONE, of(0.2, seed)).common for seed in range(4)]
    assert np.mean(found) == pytest.approx(0.2, abs=0.07)  # the share by which they were drawn
    shared = Dependence(common=0.1, customer=0.0)
    assert widened(shared, of(0.0, 9)) == shared  # never narrower than what pairs show
    hopeless = np.random.default_rng(6).permutation(np.linspace(0.0, 4000.0, 20))
    past = PastForecast(amount=amount, paid=paid, customers=customers, actual=hopeless)
    assert widened(NONE, [past]).common == COMMON_SHARES[-1]


def test_shares_above_one_are_refused() -> None:
    with pytest.raises(InputError, match="less than 1"):
        Dependence(common=0.5, customer=0.5)
