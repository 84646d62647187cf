"""From a model's margin to a probability that means what it says: a strictly increasing line on the log-odds.

A line keeps every step of order (an isotonic map has plateaus, behind which a contribution disappears) and carries
SHAP values through exactly: contributions times the slope add up to the calibrated log-odds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from ledger.errors import InputError
from models.metrics.probability import logistic_line
from models.metrics.rates import pluto_tasche

Floats = NDArray[np.float64]

SMALLEST_SLOPE = 0.05  # below it the margin carries no information and a line would hide that


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """log-odds = slope · margin + intercept + central_shift + conservatism; slope > 0.

    central_shift : moves the mean PD of a portfolio to a central tendency; 0 is point in time.
    conservatism : margin of conservatism in log-odds; ln(1.1) raises the odds by a tenth.
    """

    slope: float
    intercept: float
    central_shift: float = 0.0
    conservatism: float = 0.0

    def __post_init__(self) -> None:
        if not self.slope >= SMALLEST_SLOPE:
            raise InputError(
                f"The slope of a calibration must be at least {SMALLEST_SLOPE}. Got {self.slope:.4f} instead: on later "
                "data a higher margin did not go with more defaults."
            )
        if self.conservatism < 0.0:
            raise InputError(f"The conservatism of a calibration must be 0 or above. Got {self.conservatism} instead.")

    @property
    def offset(self) -> float:
        """Return what is added after the slope, in log-odds."""
        return self.intercept + self.central_shift + self.conservatism

    def log_odds(self, margin: Floats) -> Floats:
        """Return calibrated log-odds of margins."""
        return self.slope * np.asarray(margin, dtype=np.float64) + self.offset

    def probability(self, margin: Floats) -> Floats:
        """Return calibrated probabilities of margins."""
        return np.asarray(expit(self.log_odds(margin)), dtype=np.float64)

    def through_the_cycle(self, margin: Floats, central_tendency: float) -> Calibration:
        """Return the same calibration shifted so that the mean PD over `margin` is the long-run rate `central_tendency`.

        Order and distances in log-odds stay; only the level moves. Source: CRR Art. 180(1)(a), long-run averages of
        one-year default rates.
        """
        level = replace(self, central_shift=0.0, conservatism=0.0).log_odds(margin)
        return replace(self, central_shift=shift_to_mean(level, central_tendency))

    def to_json(self) -> dict[str, float]:
        return {
            "slope": self.slope,
            "intercept": self.intercept,
            "central_shift": self.central_shift,
            "conservatism": self.conservatism,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Calibration:
        return cls(**{name: float(value) for name, value in stored.items()})


def shift_to_mean(log_odds: Floats, target: float, weight: Floats | None = None) -> float:
    """Return the constant that, added to the log-odds, makes their (weighted) mean probability `target`."""
    if not 0.0 < target < 1.0:
        raise InputError(f"The central_tendency of a calibration must be between 0 and 1. Got {target} instead.")
    z = np.asarray(log_odds, dtype=np.float64)
    return float(
        brentq(lambda shift: float(np.average(expit(z + shift), weights=weight)) - target, -30.0, 30.0, xtol=1e-12)
    )


def fit_calibration(
    margin: Floats,
    y: Floats,
    weight: Floats | None = None,
    *,
    offset: Floats | None = None,
    slope_sd: float = 0.15,
    conservatism: float = 0.0,
) -> Calibration:
    """Return slope and intercept that make `margin` a probability of `y`, on rows that the margin's model has not seen.

    The maximum of the logistic likelihood under a normal prior of the slope around 1 with standard deviation
    `slope_sd`: with few defaults the slope stays near 1 (the margin is already in log-odds), with many the data decide.
    The level is free, so the mean predicted probability equals the observed rate. `offset` (rows,) is added to the
    log-odds of each row as it stands: what a row observed over fewer months differs by.

    margin, y, weight : (rows,), y in {0, 1} without NaN. Raises InputError where y has only one value.
    """
    z, ys = np.asarray(margin, dtype=np.float64), np.asarray(y, dtype=np.float64)
    w = np.ones_like(ys) if weight is None else np.asarray(weight, dtype=np.float64)
    used = w > 0
    z, ys, w = z[used], ys[used], w[used]
    if not len(ys) or np.ptp(ys) == 0.0:
        raise InputError(
            f"a calibration needs outcomes of both kinds; got {int(ys.sum())} defaults in {len(ys):,} rows. "
            "Use a longer ledger, or a policy with a shorter horizon."
        )
    known = np.zeros_like(z) if offset is None else np.asarray(offset, dtype=np.float64)[used]
    # about the margin of the average default, so that a change of slope leaves the mean PD nearly where it is
    centre = float(np.average(z, weights=w * expit(z + known)))
    slope, shift = logistic_line(z - centre, ys, w, offset=known + centre, slope_precision=1.0 / slope_sd**2)
    return Calibration(slope=slope, intercept=shift + centre * (1.0 - slope), conservatism=conservatism)


def low_default_bound(count: int, defaults: int, confidence: float = 0.75) -> float:
    """Return the PD that a low-default segment is not above with `confidence` (Pluto–Tasche)."""
    return pluto_tasche(count, confidence, defaults)
