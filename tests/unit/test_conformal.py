"""Levels: unchanged by true distributions, moved by a break, and not fooled by items not paid yet."""

import numpy as np
import pytest

from models.delay.conformal import KNOTS, Levels, fit_levels

RNG = np.random.default_rng(3)
N = 40_000


def fitted(place: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The map at KNOTS from places in (0, 1) of outcomes that were seen while below `seen`."""
    is_paid = place < seen
    at = np.where(is_paid, place, seen)
    return np.array(fit_levels(at, at, is_paid, np.ones(len(at))).calibrated)


def test_true_distributions_are_left_alone() -> None:
    assert fitted(RNG.random(N), np.ones(N)) == pytest.approx(KNOTS, abs=0.01)


def test_a_break_is_followed() -> None:
    place = RNG.random(N) ** 0.5  # everybody pays later than predicted: P(place <= x) = x²
    assert fitted(place, np.ones(N)) == pytest.approx(KNOTS**2, abs=0.015)


def test_items_not_paid_yet_take_part() -> None:
    place = RNG.random(N) ** 0.5
    with_open_items = fitted(place, RNG.random(N) * 1.5)
    assert with_open_items == pytest.approx(KNOTS**2, abs=0.03)


def test_a_point_of_mass_is_spread_over_its_levels() -> None:
    # a true distribution with 70 % on one day: outcomes there have F(day before) = 0.1 and F(day) = 0.8
    place = RNG.random(N)
    on_the_day = (place > 0.1) & (place < 0.8)
    low, high = np.where(on_the_day, 0.1, place), np.where(on_the_day, 0.8, place)
    found = fit_levels(low, high, np.ones(N, dtype=bool), np.ones(N)).calibrated
    assert np.array(found) == pytest.approx(KNOTS, abs=0.01)


def test_json_round_trip() -> None:
    levels = fit_levels(np.array([0.4]), np.array([0.4]), np.array([True]), np.array([50.0]))
    assert Levels.from_json(levels.to_json()) == levels
