"""'At least 5 days late' asked as one question of its own, and the curve that agrees with its answer too.

A chain of steps loses some of what a history says of one threshold; boosters that learn that threshold alone keep it
(docs/decisions/012). Both opinions count alike: the mean of their log-odds (a logarithmic opinion pool, Genest and
Zidek 1986). The curve keeps its form on each side of the threshold, so that all answers still come from one curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from models.delay.payment_curve import Curves
from models.ensembles import mean_of_members
from models.needed_columns import values_of
from models.tree_margins import member_margins
from models.tree_shap import mean_shap_values

Floats = NDArray[np.float64]

DAYS_LATE = 5
WHY_DAYS_LATE = "a payment run is weekly and a transfer takes a day or two: who is 5 days late has missed a run"
LAST_DAY = DAYS_LATE - 1  # who is unpaid at its end is at least DAYS_LATE late; an end of a step
OWN_SHARE = 0.5  # of the question's own log-odds in the pooled ones; the curve's have the rest
FILES = "late_question_{:02d}.txt"


@dataclass(frozen=True, kw_only=True)
class LateQuestion:
    """Boosters of the log-odds to be at least DAYS_LATE days late, of items asked before LAST_DAY.

    columns : matrix columns in the boosters' order. margin : the mean log-odds of reference items, and contributions
    (columns,) their mean SHAP values: the base of explanations.
    """

    columns: tuple[str, ...]
    members: tuple[lgb.Booster, ...] = field(repr=False)
    margin: float
    contributions: Floats = field(repr=False)

    def margins(self, X: pd.DataFrame) -> Floats:
        """Return (items,) log-odds to be at least DAYS_LATE days late."""
        matrix = question_matrix(X, self.columns)
        return mean_of_members(member_margins(self.members, matrix))

    def shap_values(self, X: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return ((items, columns) SHAP values, (items,) log-odds)."""
        return question_shap_values(self.members, X, self.columns)

    def applied(self, curves: Curves, X: pd.DataFrame) -> Curves:
        """Return the curves, with the pooled chance to be at least DAYS_LATE days late, days counted as the curves count them."""
        return tilted(curves, self.margins(X))

    def save(self, folder: Path) -> dict[str, Any]:
        """Write one LightGBM text file a member; the rest is returned, as JSON values."""
        for number, booster in enumerate(self.members):
            (folder / FILES.format(number)).write_text(booster.model_to_string(num_iteration=-1))
        return {
            "columns": list(self.columns), "members": len(self.members), "margin": self.margin,
            "contributions": self.contributions.tolist(),
        }  # fmt: skip

    @classmethod
    def load(cls, folder: Path, stored: Mapping[str, Any]) -> LateQuestion:
        """Return the question whose members `save` wrote into `folder`, with what it returned."""
        texts = [(folder / FILES.format(number)).read_text() for number in range(stored["members"])]
        return cls(
            columns=tuple(stored["columns"]), members=tuple(lgb.Booster(model_str=text) for text in texts),
            margin=float(stored["margin"]), contributions=np.array(stored["contributions"]),
        )  # fmt: skip


def question_matrix(X: pd.DataFrame, columns: tuple[str, ...]) -> NDArray[np.float32]:
    """Return (items, columns) as the boosters of the question see them."""
    return values_of(X, columns, "delay", np.float32)


def question_shap_values(
    members: tuple[lgb.Booster, ...], X: pd.DataFrame, columns: tuple[str, ...]
) -> tuple[Floats, Floats]:
    """Return ((items, columns) mean SHAP values of the members, (items,) mean log-odds)."""
    matrix = question_matrix(X, columns)
    parts, base = mean_shap_values(members, matrix)
    return parts, base + parts.sum(axis=1)


def tilted(curves: Curves, margin: Floats) -> Curves:
    """Return the curves whose chance to be unpaid at the end of LAST_DAY is pooled with the log-odds `margin` (items,).

    What comes by LAST_DAY and what comes later keep their proportions. An item asked on LAST_DAY or later stays as it is.
    """
    steps = curves.steps
    unpaid = _tilted(curves.asked, steps.first, steps.end, curves.unpaid, np.asarray(margin, dtype=np.float64))
    return Curves(asked=curves.asked, steps=steps, unpaid=unpaid)


@njit(cache=True)
def _tilted(asked, first, end, unpaid, margin):  # type: ignore[no-untyped-def]
    out = unpaid.copy()
    for i in range(len(asked)):
        if asked[i] >= LAST_DAY:
            continue
        at = first[i]
        while end[at] < LAST_DAY:
            at += 1
        late, early = max(unpaid[at], 1e-12), max(1.0 - unpaid[at], 1e-12)
        log_odds = OWN_SHARE * margin[i] + (1.0 - OWN_SHARE) * (np.log(late) - np.log(early))
        pooled = 1.0 / (1.0 + np.exp(-log_odds))
        for s in range(first[i], at):
            out[s] = max(1.0 - (1.0 - unpaid[s]) / early * (1.0 - pooled), pooled)
        out[at] = pooled
        for s in range(at + 1, first[i + 1]):
            out[s] = unpaid[s] / late * pooled
    return out
