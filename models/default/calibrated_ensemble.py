"""A bag of boosters with its calibration: one line of log-odds from named columns, its fit error, and its contributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.errors import InputError
from models.calibration import Calibration
from models.ensembles import mean_of_members
from models.needed_columns import values_of
from models.protected import refuse_protected
from models.tree_margins import member_margins
from models.tree_shap import mean_shap_values

Floats = NDArray[np.float64]

ADDITIVITY = 1e-6


@dataclass(frozen=True, kw_only=True)
class CalibratedBag:
    """The mean margin of LightGBM boosters, and the line that turns it into log-odds of default.

    columns : names of the matrix columns, in the boosters' order.
    members : boosters, each fitted on a part of the customers.
    interval_widening : factor on the spread of the members that makes it the error of the fit.
    """

    columns: tuple[str, ...]
    members: tuple[lgb.Booster, ...] = field(repr=False)
    calibration: Calibration
    interval_widening: float = 1.0

    def __post_init__(self) -> None:
        if len(self.members) < 2:
            raise InputError(f"A bag must have at least 2 members. Got {len(self.members)} instead.")
        refuse_protected(self.columns)

    def matrix(self, X: pd.DataFrame) -> Floats:
        """Return the bag's columns of X by name, as a C-ordered float64 array. Raises InputError where one is missing."""
        return values_of(X, self.columns, "default")

    def member_margins(self, matrix: Floats) -> Floats:
        """Return raw margins of each booster: (members, rows)."""
        return member_margins(self.members, matrix)

    def log_odds(self, X: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return (calibrated log-odds, their fit error as a standard deviation), one a row of X."""
        margins = self.member_margins(self.matrix(X))
        mean = mean_of_members(margins)
        variance = mean_of_members((margins - mean) ** 2) * len(margins) / (len(margins) - 1)
        return self.calibration.log_odds(mean), self.calibration.slope * self.interval_widening * np.sqrt(variance)

    def contributions(self, X: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return (base, frame): base + the sum of a row of the frame is its calibrated log-odds; see `shares`."""
        base, values, _ = self.shares(X)
        return base, pd.DataFrame(values, index=X.index, columns=list(self.columns))

    def shares(self, X: pd.DataFrame) -> tuple[float, Floats, Floats]:
        """Return (base, (rows, columns) contributions, (rows,) calibrated log-odds without their fit error).

        base is the margin of the training population's average row. Path-dependent TreeSHAP (Lundberg et al. 2020),
        exact for the bag since SHAP values of a mean are the mean of SHAP values. Raises ArithmeticError where the
        parts do not add up within 1e-6: no explanation is better than a wrong one.
        """
        matrix, slope = self.matrix(X), self.calibration.slope
        parts, mean = mean_shap_values(self.members, matrix)
        base, values = slope * mean + self.calibration.offset, slope * parts
        log_odds = self.calibration.log_odds(mean_of_members(self.member_margins(matrix)))
        check_additive(base + values.sum(axis=1), log_odds)
        return base, values, log_odds

    def save(self, folder: Path) -> dict[str, Any]:
        """Write one LightGBM text file a member; the rest is returned, as JSON values."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, booster in enumerate(self.members):
            (folder / f"member_{number:02d}.txt").write_text(booster.model_to_string(num_iteration=-1))
        return {
            "columns": list(self.columns), "members": len(self.members), "calibration": self.calibration.to_json(),
            "interval_widening": self.interval_widening,
        }  # fmt: skip

    @classmethod
    def load(cls, folder: Path, stored: Mapping[str, Any]) -> CalibratedBag:
        """Return the bag whose members `save` wrote into `folder`, with what it returned."""
        texts = [(folder / f"member_{number:02d}.txt").read_text() for number in range(stored["members"])]
        return cls(
            columns=tuple(stored["columns"]), members=tuple(lgb.Booster(model_str=text) for text in texts),
            calibration=Calibration.from_json(stored["calibration"]),
            interval_widening=float(stored["interval_widening"]),
        )  # fmt: skip


def check_additive(total: Floats, margin: Floats) -> None:
    """Raise ArithmeticError where sums of contributions miss their margins by more than ADDITIVITY."""
    residual = float(np.max(np.abs(total - margin), initial=0.0))
    if residual > ADDITIVITY:
        raise ArithmeticError(f"contributions miss the margin by {residual:.2e}; at most {ADDITIVITY:g} is allowed.")
