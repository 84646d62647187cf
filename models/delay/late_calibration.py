"""Calibrate P(at least 5 days late) of a curve: one line on its log-odds, with a term for customers without a paid item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray
from scipy.special import expit, logit

from models.delay.late_threshold import DAYS_LATE, LAST_DAY
from models.delay.payment_curve import Curves

Floats = NDArray[np.float64]
SMALLEST = 1e-6  # chances nearer to 0 or 1 than this are read as this


@dataclass(frozen=True, kw_only=True)
class LateCalibration:
    """log-odds = intercept + slope · the curve's log-odds + new (for a customer without a paid item); slope above 0, so
    that the order within either group stays."""

    intercept: float = 0.0
    slope: float = 1.0
    new: float = 0.0

    def chance(self, chance: Floats, is_new: NDArray[np.bool_]) -> Floats:
        """Return the calibrated chance, (items,), to be at least DAYS_LATE days late."""
        odds = logit(np.clip(chance, SMALLEST, 1.0 - SMALLEST))
        return np.asarray(expit(self.intercept + self.slope * odds + self.new * is_new), dtype=np.float64)

    def applied(self, curves: Curves, X: pd.DataFrame) -> Curves:
        """Return the curves with the calibrated chance; what comes before the threshold and what comes after it keep their
        proportions, so all answers still come from one curve. An item asked on LAST_DAY or later, or whose stated due date is
        implausible, stays as it is."""
        wanted = self.chance(curves.at_least(DAYS_LATE), without_paid_item(X))
        steps = curves.steps
        unpaid = _with_chance(curves.asked, steps.first, steps.end, curves.unpaid, wanted)
        return Curves(asked=curves.asked, steps=steps, unpaid=unpaid)

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> LateCalibration | None:
        """Return what `to_json` wrote; None for versions from before it was fitted."""
        return None if stored is None else cls(**stored)


def without_paid_item(X: pd.DataFrame) -> NDArray[np.bool_]:
    """Return whether each item's customer has no paid item yet."""
    return np.asarray(np.nan_to_num(X["habit_weight"].to_numpy(np.float64)) == 0.0)


@njit(cache=True)
def _with_chance(asked, first, end, unpaid, wanted):  # type: ignore[no-untyped-def]
    out = unpaid.copy()
    for i in range(len(asked)):
        if asked[i] >= LAST_DAY:
            continue
        at = first[i]
        while at < first[i + 1] and end[at] < LAST_DAY:
            at += 1
        if at == first[i + 1] or end[at] != LAST_DAY:
            continue
        late, early = max(unpaid[at], 1e-12), max(1.0 - unpaid[at], 1e-12)
        for s in range(first[i], at):
            out[s] = max(1.0 - (1.0 - unpaid[s]) / early * (1.0 - wanted[i]), wanted[i])
        out[at] = wanted[i]
        for s in range(at + 1, first[i + 1]):
            out[s] = unpaid[s] / late * wanted[i]
    return out
