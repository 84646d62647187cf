"""The master scale: grades with log-spaced PD bounds, the score from 0 to 1000, and the scales that others publish."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from ledger.errors import InputError
from ledger.rating_scales import SCALES

PD_FLOOR = 0.0005  # CRR3, corporates. It bounds the reported PD only: margin and score keep their strict order
IN_DEFAULT = "RD"

POINTS_TO_DOUBLE_THE_ODDS = 50.0
SCORE_AT_EVEN_ODDS = 300.0  # 300 + 50 · log2(odds of not defaulting): 50 % -> 300, 1 % -> 631, 0.05 % -> 848


@dataclass(frozen=True, kw_only=True)
class MasterScale:
    """Non-default grades from best to worst; a PD on a bound belongs to the worse grade.

    bounds : the PD at which each next grade begins, ascending, equally spaced in logarithms (grades − 1 of them).
    lowest, highest : outer ends of the first and the last grade, for their midpoints only; every PD has a grade.
    """

    name: str
    version: str
    bounds: tuple[float, ...]
    lowest: float
    highest: float

    def __post_init__(self) -> None:
        ends = (self.lowest, *self.bounds, self.highest)
        if not all(0.0 < a < b < 1.0 for a, b in itertools.pairwise(ends)):
            raise InputError(f"The bounds of master scale {self.name} must rise between 0 and 1. Got {ends} instead.")
        if len(self.bounds) < 6:
            raise InputError(f"A master scale must have at least 7 grades. Got {len(self.bounds) + 1} instead.")

    @classmethod
    def log_spaced(cls, *, name: str, version: str, lowest: float, ratio: float, grades: int) -> MasterScale:
        """Return a scale whose bounds are lowest · ratio^k."""
        ends = [lowest * ratio**k for k in range(grades + 1)]
        return cls(name=name, version=version, bounds=tuple(ends[1:-1]), lowest=ends[0], highest=ends[-1])

    @property
    def names(self) -> tuple[str, ...]:
        """Return R01 (best), R02, …; the grade of customers in default is IN_DEFAULT. Alphabetical order is order of risk."""
        return tuple(f"R{k:02d}" for k in range(1, len(self.bounds) + 2))

    @property
    def midpoints(self) -> tuple[float, ...]:
        """Return the geometric midpoint of each grade's PDs."""
        ends = np.array([self.lowest, *self.bounds, self.highest])
        return tuple(float(m) for m in np.sqrt(ends[:-1] * ends[1:]))

    def grade(self, pd_estimate: ArrayLike) -> NDArray[np.object_]:
        """Return the grade of each PD. Raises InputError for a PD that is NaN or outside [0, 1]."""
        p = np.atleast_1d(np.asarray(pd_estimate, dtype=np.float64))
        wrong = ~((p >= 0.0) & (p <= 1.0))
        if wrong.any():
            raise InputError(
                f"a PD must be between 0 and 1; {int(wrong.sum())} of {len(p)} are not, e.g. {p[wrong][0]}."
            )
        return np.array(self.names, dtype=object)[np.searchsorted(np.asarray(self.bounds), p, side="right")]

    def table(self) -> pd.DataFrame:
        """Return one row per grade: its PD bounds, midpoint and score at the midpoint, and where the published scales stand."""
        ends = [0.0, *self.bounds, 1.0]
        rank = np.arange(len(self.names)) / (len(self.names) - 1)
        frame = pd.DataFrame(
            {"grade": self.names, "pd_from": ends[:-1], "pd_below": ends[1:], "pd_midpoint": self.midpoints}
        )
        frame["score_at_midpoint"] = score(frame["pd_midpoint"])
        for scale in PUBLISHED:
            frame[scale.name] = [scale.at(position) for position in rank]
        return frame

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "bounds": list(self.bounds),
            "lowest": self.lowest,
            "highest": self.highest,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> MasterScale:
        return cls(name=stored["name"], version=stored["version"], bounds=tuple(stored["bounds"]),
                   lowest=stored["lowest"], highest=stored["highest"])  # fmt: skip


MASTER_SCALE = MasterScale.log_spaced(name="tradecredit", version="1", lowest=PD_FLOOR, ratio=2.0, grades=10)


def score(pd_estimate: ArrayLike) -> NDArray[np.float64]:
    """Return score of a PD, higher is better: 300 + 50 · log2((1 − PD)/PD), within 0 and 1000; 50 points double the odds.

    It is linear in log-odds for PDs from 0.006 % to 98.5 %; outside of them it stays at its end.
    """
    return score_of_log_odds(logit(np.asarray(pd_estimate, dtype=np.float64)))


def score_of_log_odds(log_odds: ArrayLike) -> NDArray[np.float64]:
    """Return score of calibrated log-odds of default (before any floor of the PD)."""
    z = np.asarray(log_odds, dtype=np.float64)
    points = SCORE_AT_EVEN_ODDS - POINTS_TO_DOUBLE_THE_ODDS / np.log(2.0) * z
    return np.asarray(np.clip(points, 0.0, 1000.0), dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class PublishedScale:
    """A scale that somebody else publishes: its direction is that of best to worst.

    Publishers give no PDs, so a translation is by position between best (0) and worst (1), never by PD.
    """

    name: str
    best: float
    worst: float
    is_integer: bool = True

    def position(self, value: ArrayLike) -> NDArray[np.float64]:
        """Return 0 for the best value, 1 for the worst, whatever the scale's direction. NaN stays NaN; outside is an error."""
        v = np.asarray(value, dtype=np.float64)
        low, high = sorted((self.best, self.worst))
        wrong = (v < low) | (v > high)
        if np.any(wrong):
            raise InputError(f"{self.name} lies between {low:g} and {high:g}. Got {v[wrong].flat[0]:g} instead.")
        return (v - self.best) / (self.worst - self.best)

    def at(self, position: float) -> float:
        """Return the scale's value at a position between best (0) and worst (1)."""
        value = self.best + position * (self.worst - self.best)
        return float(np.rint(value)) if self.is_integer else float(value)


PUBLISHED: Sequence[PublishedScale] = tuple(
    PublishedScale(name=name, best=scale.best, worst=scale.worst) for name, scale in SCALES.items()
)
PAYDEX_DAYS = ((20.0, 120.0), (30.0, 90.0), (40.0, 60.0), (50.0, 30.0), (60.0, 22.0), (70.0, 15.0), (80.0, 0.0))


def published_scale(name: str) -> PublishedScale:
    """Return the published scale called `name`; raises InputError for an unknown one."""
    for scale in PUBLISHED:
        if scale.name == name:
            return scale
    raise InputError(f"unknown rating scale '{name}'; known are {', '.join(s.name for s in PUBLISHED)}.")


def paydex_days_beyond_terms(paydex: ArrayLike) -> NDArray[np.float64]:
    """Return days beyond terms that a PAYDEX stands for, straight between the published points; 80 and above (prompt) is 0."""
    published_scale("paydex").position(paydex)
    points = np.asarray(PAYDEX_DAYS)
    return np.asarray(np.interp(np.asarray(paydex, dtype=np.float64), points[:, 0], points[:, 1]), dtype=np.float64)
