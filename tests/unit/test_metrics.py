"""Each figure against its fixture in the definitions, or against arithmetic that a reader can redo."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ledger.errors import InputError
from models import metrics


def test_jeffreys_fixture():
    assert metrics.jeffreys(0.01, 500, 9) == pytest.approx(0.0462, abs=5e-5)


@pytest.mark.parametrize(("confidence", "percent"), [(0.75, 0.173), (0.95, 0.374)])
def test_pluto_tasche_fixture(confidence, percent):
    assert 100 * metrics.pluto_tasche(800, confidence) == pytest.approx(percent, abs=5e-4)
    assert metrics.pluto_tasche(800, confidence) == pytest.approx(1 - (1 - confidence) ** (1 / 800))


@pytest.mark.parametrize(("n", "m", "limit"), [(1000, 1000, 0.034), (10_000, 200, 0.086)])
def test_psi_limit_fixture(n, m, limit):
    assert metrics.psi_limit(n, m, 10) == pytest.approx(limit, abs=5e-4)


def test_psi_limit_is_what_chance_exceeds_once_in_twenty():
    rng = np.random.default_rng(1)
    draws = [metrics.psi(rng.multinomial(10_000, [0.1] * 10), rng.multinomial(1000, [0.1] * 10)) for _ in range(1000)]
    assert 0.03 <= np.mean(np.array(draws) > metrics.psi_limit(10_000, 1000, 10)) <= 0.07


def test_psi_by_hand_with_half_counts():
    e, a = np.array([49.5, 50.5]) / 100, np.array([10.5, 90.5]) / 101
    assert metrics.psi([49, 50], [10, 90]) == pytest.approx(float(np.sum((a - e) * np.log(a / e))))
    assert metrics.psi([10, 20, 0], [10, 20, 0]) == 0.0


def test_bins_keep_missing_and_unseen_apart():
    bins = metrics.Bins.of(pd.Series([1.0, 2.0, 3.0, 4.0]), count=2)
    assert bins.counts(pd.Series([0.0, 3.0, 9.0, np.nan])).tolist() == [2, 1, 1]
    words = metrics.Bins.of(pd.Series(["a", "b", "a"]))
    assert words.counts(pd.Series(["a", "c", None])).tolist() == [1, 0, 1, 1]


def test_auc_gini_ks_by_hand():
    y, score = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]  # three of four pairs in order
    assert metrics.auc(y, score) == 0.75
    assert metrics.gini(y, score) == 0.5
    assert metrics.ks(y, score) == 0.5
    assert metrics.auc([0, 1], [0.5, 0.5]) == 0.5
    assert np.isnan(metrics.auc([0, 0], [0.1, 0.2]))


def test_order_agrees_with_sklearn_with_ties_and_weights():
    rng = np.random.default_rng(0)
    y, score, w = rng.integers(0, 2, 500), rng.integers(0, 30, 500) / 30, rng.random(500)
    assert metrics.auc(y, score, w) == pytest.approx(roc_auc_score(y, score, sample_weight=w))
    assert metrics.average_precision(y, score, w) == pytest.approx(average_precision_score(y, score, sample_weight=w))


def test_a_weight_of_two_is_the_row_twice():
    y, p = np.array([0, 1, 0, 1.0]), np.array([0.2, 0.7, 0.6, 0.4])
    w = np.array([1, 2, 1, 2.0])
    rows = np.repeat(np.arange(4), w.astype(int))
    for metric in (metrics.auc, metrics.ks, metrics.brier, metrics.log_loss, metrics.average_precision):
        assert metric(y, p, w) == pytest.approx(metric(y[rows], p[rows])), metric.__name__


def test_brier_log_loss_ece_by_hand():
    y, p = [1, 0], [0.8, 0.4]
    assert metrics.brier(y, p) == pytest.approx((0.04 + 0.16) / 2)
    assert metrics.log_loss(y, p) == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    # two bins of two rows: predicted 0.15 observed 0.5, predicted 0.75 observed 0.5
    assert metrics.ece([0, 1, 0, 1], [0.1, 0.2, 0.7, 0.8], bins=2) == pytest.approx((0.35 + 0.25) / 2)


def test_log_odds_slope_of_a_perfect_and_a_sharpened_forecast():
    rng = np.random.default_rng(2)
    z = rng.normal(-3, 1, 200_000)
    p = 1 / (1 + np.exp(-z))
    slope, intercept = metrics.log_odds_slope(p, p)
    assert (slope, intercept) == pytest.approx((1, 0), abs=1e-6)
    slope, _ = metrics.log_odds_slope(p, 1 / (1 + np.exp(-2 * z)))
    assert slope == pytest.approx(0.5, abs=1e-6)


def test_coverage_and_pinball_by_hand():
    assert metrics.coverage([1, 2, 3, 4], [1, 1, 1, 1], [3, 3, 3, 3]) == 0.75
    assert metrics.pinball([10], [8], 0.9) == pytest.approx(1.8)
    assert metrics.pinball([8], [10], 0.9) == pytest.approx(0.2)


def test_three_forms_of_crps_agree():
    sample = np.array([[0.0, 1.0, 2.0, 5.0]])
    y = np.array([1.5])
    by_sample = metrics.crps_of_sample(y, sample)
    pairs = np.abs(sample[0][:, None] - sample[0][None, :]).mean()
    assert by_sample == pytest.approx(np.abs(sample[0] - 1.5).mean() - pairs / 2)
    assert metrics.crps_of_cdf(y, [0, 1, 2, 5], [[0.25, 0.5, 0.75, 1.0]]) == pytest.approx(by_sample)
    levels = (np.arange(4000) + 0.5) / 4000
    quantiles = np.quantile(sample, levels, axis=1, method="inverted_cdf").T
    assert metrics.crps_of_quantiles(y, quantiles, levels) == pytest.approx(by_sample, abs=1e-3)
    assert metrics.crps_of_cdf([7.0], [0, 1], [[0.0, 1.0]]) == pytest.approx(6.0)  # a point forecast of 1


def test_c_index_by_hand_and_by_brute_force():
    # events at 1 and 3, one censored at 2: pairs (1,2), (1,3); the censored row is no earlier event
    assert metrics.c_index([1, 2, 3], [1, 0, 1], [0.9, 0.1, 0.95]) == 0.5
    rng = np.random.default_rng(3)
    t, event, risk = rng.integers(0, 30, 200), rng.random(200) < 0.5, rng.integers(0, 9, 200)
    good = total = 0.0
    for i in np.flatnonzero(event):
        later = t > t[i]
        total += later.sum()
        good += (risk[i] > risk[later]).sum() + 0.5 * (risk[i] == risk[later]).sum()
    assert metrics.c_index(t, event, risk) == pytest.approx(good / total)


def test_censored_figures_recover_the_uncensored_ones():
    rng = np.random.default_rng(4)
    n = 200_000
    risk = rng.normal(size=n)
    event_at = rng.exponential(np.exp(-risk) * 20)
    end = rng.uniform(0, 20, n)  # observation ends at random
    time, seen = np.minimum(event_at, end), event_at <= end
    y, w = metrics.ipcw_weights(time, seen, 10.0)
    assert np.average(y, weights=w) == pytest.approx(np.mean(event_at <= 10), abs=0.005)
    truth = metrics.auc(event_at <= 10, risk)
    assert metrics.auc_ipcw(time, seen, risk, 10.0) == pytest.approx(truth, abs=0.005)
    p = 1 - np.exp(-10 / (np.exp(-risk) * 20))
    assert metrics.brier_ipcw(time, seen, p, 10.0) == pytest.approx(metrics.brier(event_at <= 10, p), abs=0.003)
    full = metrics.c_index(event_at, np.ones(n), risk)
    assert metrics.c_index(time, seen, risk, ipcw=True) == pytest.approx(full, abs=0.02)


def test_bootstrap_over_customers_is_wider_than_over_rows():
    rng = np.random.default_rng(5)
    customer = np.repeat(np.arange(100), 20)
    y = np.repeat(rng.random(100) < 0.3, 20).astype(float)  # a customer's rows are one story

    def mean(w):
        return float(np.average(y, weights=w))

    over_customers = metrics.by_customer(mean, customer)
    over_rows = metrics.by_customer(mean, np.arange(2000))
    assert over_customers.low < over_customers.value < over_customers.high
    assert over_customers.high - over_customers.low > 3 * (over_rows.high - over_rows.low)
    assert metrics.by_customer(mean, customer) == over_customers  # same seed, same interval


def test_paired_difference_of_equal_figures_is_zero():
    y, p = np.array([0, 1, 0, 1.0]), np.array([0.2, 0.7, 0.6, 0.4])
    found = metrics.paired_by_customer(lambda w: metrics.auc(y, p, w), lambda w: metrics.auc(y, 3 * p, w), [1, 2, 3, 4])
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_unknown_outcomes_are_refused():
    with pytest.raises(InputError, match="1 of 2 rows have a NaN"):
        metrics.auc([0, np.nan], [0.1, 0.2])


def test_an_order_found_once_gives_the_same_figures_for_every_weight():
    """By scikit-learn's own functions, with ties, rows without weight and probabilities as outcomes."""
    random = np.random.default_rng(5)
    score = np.round(random.normal(size=400), 1)
    y = (random.random(400) < 0.2).astype(float)
    ranking, reliability = metrics.Ranking(y, score), metrics.Reliability(y, 1 / (1 + np.exp(-score)))
    for _ in range(5):
        weight = random.integers(0, 3, 400).astype(float)
        assert ranking.auc(weight) == metrics.auc(y, score, weight)
        assert ranking.auc(weight) == pytest.approx(roc_auc_score(y, score, sample_weight=weight), abs=1e-12)
        expected = average_precision_score(y, score, sample_weight=weight)
        assert ranking.average_precision(weight) == pytest.approx(expected, abs=1e-12)
        table = metrics.calibration_table(y, 1 / (1 + np.exp(-score)), weight)
        gap = np.average((table["predicted"] - table["observed"]).abs(), weights=table["weight"])
        assert reliability.ece(weight) == pytest.approx(gap, abs=1e-15)
    soft = metrics.Ranking(random.random(400), score)
    assert 0.4 < soft.auc() < 0.6


def test_intervals_of_several_figures_are_those_of_each():
    random = np.random.default_rng(6)
    customers, y, score = random.integers(0, 40, 300), (random.random(300) < 0.3).astype(float), random.random(300)
    figures = {"auc": lambda w: metrics.auc(y, score, w), "brier": lambda w: metrics.brier(y, score, w)}
    together = metrics.intervals_by_customer(figures, customers, draws=20)
    for name, figure in figures.items():
        assert together[name] == metrics.by_customer(figure, customers, draws=20)
