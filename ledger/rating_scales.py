"""External rating scales: their direction and bounds, and each value as a place between the best (0) and the worst (1).

Source: the agencies' published scales, as the project's definitions list them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

THOUSAND = 1000


@dataclass(frozen=True)
class Scale:
    """The values that stand for the best and for the worst risk."""

    best: float
    worst: float


SCALES: Mapping[str, Scale] = {
    "paydex": Scale(100, 20),
    "allianz_trade_grade": Scale(1, 10),
    "coface_dra": Scale(10, 0),
    "dnb_delinquency_class": Scale(1, 5),
    "dnb_delinquency_percentile": Scale(100, 1),
}


_SAID = re.compile(r"\s*(\d+)\s*-\s*(\d+)\s*,\s*(\d+)\s+best\s*")


def scale_named(name: str) -> Scale | None:
    """Return the scale of a name: a published one, or one that says its bounds and best value itself ("1-10, 1 best")."""
    if name.lower() in SCALES:
        return SCALES[name.lower()]
    said = _SAID.fullmatch(name.lower())
    if said is None:
        return None
    low, high, best = (float(part) for part in said.groups())
    return Scale(best, high if best == low else low) if best in (low, high) and low < high else None


def risk_of_ratings(value: pd.Series, scale: pd.Series) -> NDArray[np.int64]:
    """Ratings in thousandths between the best (0) and the worst (1000) of their scale; -1 for a scale that is not known
    here, or a value outside of its bounds: a rating is never read on a scale that is guessed."""
    number = pd.to_numeric(value, errors="coerce").to_numpy(dtype=np.float64)
    found = {name: scale_named(name) or Scale(np.nan, np.nan) for name in scale.unique()}
    best = scale.map({name: s.best for name, s in found.items()}).to_numpy(dtype=np.float64)
    worst = scale.map({name: s.worst for name, s in found.items()}).to_numpy(dtype=np.float64)
    place = (number - best) / (worst - best)
    known = (place >= 0) & (place <= 1)
    return np.where(known, np.rint(np.where(known, place, 0) * THOUSAND), -1).astype(np.int64)
