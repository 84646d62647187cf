"""The calibrated line: strictly increasing, honest on average, near slope 1 when data are few."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from ledger.errors import InputError
from models.calibration import Calibration, fit_calibration, low_default_bound, shift_to_mean


def drawn(n: int, slope: float, intercept: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    margin = rng.normal(-3.0, 1.2, n)
    return margin, (rng.random(n) < expit(slope * margin + intercept)).astype(float)


def test_recovers_a_distorted_line_from_much_data():
    found = fit_calibration(*drawn(400_000, 0.7, -0.5))
    assert found.slope == pytest.approx(0.7, abs=0.03)
    assert found.intercept == pytest.approx(-0.5, abs=0.08)


def test_few_defaults_leave_the_slope_near_one_and_the_level_exact():
    margin, y = drawn(600, 2.0, 1.0)
    found = fit_calibration(margin, y)
    free = fit_calibration(margin, y, slope_sd=100.0)
    assert abs(found.slope - 1.0) < abs(free.slope - 1.0)
    assert found.probability(margin).mean() == pytest.approx(y.mean(), abs=1e-8)


def test_the_map_is_strictly_increasing_and_keeps_differences():
    line = Calibration(slope=0.8, intercept=0.1, central_shift=0.2, conservatism=0.05)
    margin = np.linspace(-12, 3, 10_001)
    assert (np.diff(line.probability(margin)) > 0).all()
    assert np.allclose(np.diff(line.log_odds(margin)), 0.8 * np.diff(margin))
    assert Calibration.from_json(line.to_json()) == line


def test_through_the_cycle_moves_the_mean_to_the_central_tendency():
    margin, _ = drawn(5_000, 1.0, 0.0)
    line = Calibration(slope=1.0, intercept=0.3)
    moved = line.through_the_cycle(margin, 0.02)
    assert moved.probability(margin).mean() == pytest.approx(0.02, abs=1e-9)
    assert moved.through_the_cycle(margin, 0.02) == moved
    assert expit(logit(0.3) + shift_to_mean(np.array([logit(0.3)]), 0.1)) == pytest.approx(0.1)


def test_conservatism_multiplies_the_odds():
    line, careful = (
        Calibration(slope=1.0, intercept=0.0),
        Calibration(slope=1.0, intercept=0.0, conservatism=np.log(1.1)),
    )
    p, q = line.probability(np.array([-4.0]))[0], careful.probability(np.array([-4.0]))[0]
    assert (q / (1 - q)) / (p / (1 - p)) == pytest.approx(1.1)


@pytest.mark.parametrize("slope", [-1.0, 0.0, float("nan")])
def test_a_slope_that_turns_the_order_is_refused(slope):
    with pytest.raises(InputError, match="slope of a calibration"):
        Calibration(slope=slope, intercept=0.0)


def test_outcomes_of_one_kind_are_refused():
    with pytest.raises(InputError, match="0 defaults in 3 rows"):
        fit_calibration(np.zeros(3), np.zeros(3))


def test_low_default_bound_is_pluto_tasche():
    assert 100 * low_default_bound(800, 0) == pytest.approx(0.173, abs=5e-4)
