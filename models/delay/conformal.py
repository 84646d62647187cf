"""Recalibration of a curve's levels by where recent outcomes fell in their own predicted distributions.

When a distribution is true, the place F(outcome) of outcomes is uniform. `Levels` is the map G from the model's
levels to levels that hold: G(F) is the calibrated distribution. One map of levels keeps everything that is read from
the curve in agreement. Censored outcomes take part: Kaplan–Meier on the scale of levels. Weights that halve with age
let the map follow a break.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.delay.payment_curve import Curves

Floats = NDArray[np.float64]

KNOTS = np.array([0.0, 0.02, *np.arange(1, 20) * 0.05, 0.98, 1.0])
PRIOR = 200.0  # outcomes that the model's own levels count for, spread over the knots


@dataclass(frozen=True, kw_only=True)
class Levels:
    """calibrated : the level that holds at each of KNOTS of the model's levels; ascending from 0 to 1, linear
    between.
    """

    calibrated: tuple[float, ...] = tuple(float(k) for k in KNOTS)

    def applied(self, curves: Curves) -> Curves:
        """Return the curves with their levels mapped."""
        unpaid = 1.0 - np.interp(1.0 - curves.unpaid, KNOTS, np.array(self.calibrated))
        return Curves(asked=curves.asked, steps=curves.steps, unpaid=unpaid)

    def to_json(self) -> list[float]:
        return list(self.calibrated)

    @classmethod
    def from_json(cls, stored: Any) -> Levels:
        return cls(calibrated=tuple(float(v) for v in stored))


def fit_levels(low: Floats, high: Floats, is_paid: NDArray[np.bool_], weight: Floats) -> Levels:
    """Return the map that makes recent outcomes uniform.

    low, high : F(day before) and F(day) of each outcome; a point of mass spreads its weight evenly over [low, high].
        For an item not paid yet `high` is F(last day observed): its outcome lies above.
    weight : of each outcome.
    Kaplan–Meier over the cells between KNOTS, with PRIOR outcomes that are uniform.
    """
    edges = KNOTS
    cells = len(edges) - 1
    events, leaving = np.zeros(cells), np.zeros(cells)
    width = np.maximum(high - low, 1e-9)
    for k in range(cells):
        overlap = np.clip(np.minimum(high, edges[k + 1]) - np.maximum(low, edges[k]), 0.0, None) / width
        inside = np.where((high - low) < 1e-9, (low >= edges[k]) & ((low < edges[k + 1]) | (k == cells - 1)), overlap)
        events[k] = np.sum(weight * is_paid * inside)
        at = np.clip(np.searchsorted(edges, high, side="right") - 1, 0, cells - 1)
        leaving[k] = np.sum(weight * ~is_paid * (at == k))
    events = events + PRIOR / cells
    at_risk = (
        np.cumsum((events + leaving)[::-1])[::-1] - leaving
    )  # who is censored inside a cell did not see it to its end
    stay = np.cumprod(1.0 - events / np.maximum(at_risk, events))
    calibrated = np.concatenate([[0.0], 1.0 - stay])
    calibrated[-1] = 1.0
    return Levels(calibrated=tuple(float(v) for v in np.maximum.accumulate(np.clip(calibrated, 0.0, 1.0))))
