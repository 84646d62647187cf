"""The default model: from a customer's history to PDs that never fall with the horizon, a score, a grade, and reasons.

One margin f(x), the mean of a bag of LightGBM boosters; a line turns it into the log-odds of the long PD, and SHAP
values of f, times the line's slope, add up to them. The shorter PDs are shares of the long one that
rise with the horizon.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from features.default_status import DefaultPolicy
from features.errors import InputError
from models.bags import mean_of_members
from models.calibration import Calibration
from models.decisions.grades import PD_FLOOR, MasterScale, score_of_log_odds
from models.term_structure import TermStructure

Floats = NDArray[np.float64]

INTERVAL_SDS = 1.645  # of the bag's spread in log-odds on both sides: nine in ten
ADDITIVITY = 1e-6


@dataclass(frozen=True, kw_only=True)
class DefaultModel:
    """A bag of boosters, its calibration, its policy and its scale.

    columns : names of the matrix columns, in the boosters' order.
    members : LightGBM boosters, each fitted on a part of the customers.
    term_structure : the share of the long PD that falls into each shorter horizon.
    calibration : the line from the mean margin to log-odds.
    policy, scale : what default means, and the grades.
    interval_widening : factor on the bag's spread for pd_low and pd_high, fixed on later data.
    facts : how it was made (as_of, training rows, defaults, …), for who asks; JSON values.
    """

    columns: tuple[str, ...]
    members: tuple[lgb.Booster, ...] = field(repr=False)
    term_structure: TermStructure
    calibration: Calibration
    policy: DefaultPolicy
    scale: MasterScale
    interval_widening: float = 1.0
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.term_structure.months != self.policy.horizon_months or len(self.members) < 2:
            raise InputError(
                f"A DefaultModel needs a term structure over {self.policy.horizon_months} months and at least 2 "
                f"members. Got {self.term_structure.months} months and {len(self.members)} members instead."
            )

    @property
    def horizon_months(self) -> int:
        """The horizon of the PD that grade, score and contributions speak of."""
        return self.policy.horizon_months

    def matrix(self, X: pd.DataFrame) -> Floats:
        """The model's columns of X by name, as a C-ordered float64 array. Raises InputError where one is missing."""
        missing = [name for name in self.columns if name not in X.columns]
        if missing:
            raise InputError(
                f"the default model needs {len(self.columns)} columns; {len(missing)} are missing: "
                f"{', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}. "
                "Build them with the catalogue that the model was trained with."
            )
        return np.ascontiguousarray(X[list(self.columns)].to_numpy(dtype=np.float64))

    def member_margins(self, matrix: Floats) -> Floats:
        """Raw margins of each booster: (members, rows)."""
        return np.stack([np.asarray(b.predict(matrix, raw_score=True, num_threads=1)) for b in self.members])

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """One row a row of X, with its index.

        Columns: pd_{h}m per horizon (calibrated, floor 0.05 %), pd_low and pd_high (fit error at 90 %, for the longest
        horizon, from the spread of the bag), score (0–1000, higher is better), grade, margin (calibrated log-odds of
        the longest horizon before the floor: it and the score keep strict order).
        """
        margins = self.member_margins(self.matrix(X))
        mean = mean_of_members(margins)
        log_odds = self.calibration.log_odds(mean)
        variance = mean_of_members((margins - mean) ** 2) * len(margins) / (len(margins) - 1)
        spread = self.calibration.slope * self.interval_widening * INTERVAL_SDS * np.sqrt(variance)
        found = {
            f"pd_{h}m": np.maximum(expit(log_odds) * self.term_structure.share(log_odds, h), PD_FLOOR)
            for h in self.policy.horizons_months
        }
        pd_main = found[f"pd_{self.horizon_months}m"]
        found["pd_low"] = np.maximum(expit(log_odds - spread), PD_FLOOR)
        found["pd_high"] = np.maximum(expit(log_odds + spread), PD_FLOOR)
        return pd.DataFrame(
            {**found, "score": score_of_log_odds(log_odds), "grade": self.scale.grade(pd_main), "margin": log_odds},
            index=X.index,
        )

    def contributions(self, X: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """(base, frame): base + the sum of a row of the frame is its `margin`, in log-odds of the longest horizon.

        base is the margin of the training population's average row. Path-dependent TreeSHAP (Lundberg et al. 2020),
        exact for the bag since SHAP values of a mean are the mean of SHAP values. Raises ArithmeticError where the
        parts do not add up within 1e-6: no explanation is better than a wrong one.
        """
        matrix = self.matrix(X)
        parts = mean_of_members(
            np.asarray(b.predict(matrix, pred_contrib=True, num_threads=1), dtype=np.float64) for b in self.members
        )
        slope = self.calibration.slope
        base = float(slope * parts[0, -1] + self.calibration.offset) if len(parts) else float("nan")
        values = slope * parts[:, :-1]
        margin = self.calibration.log_odds(mean_of_members(self.member_margins(matrix)))
        residual = float(np.max(np.abs(base + values.sum(axis=1) - margin), initial=0.0))
        if residual > ADDITIVITY:
            raise ArithmeticError(
                f"contributions miss the margin by {residual:.2e}; at most {ADDITIVITY:g} is allowed."
            )
        return base, pd.DataFrame(values, index=X.index, columns=list(self.columns))

    def save(self, folder: Path) -> None:
        """Write the model as text files: model.json and one LightGBM text file a member."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for number, booster in enumerate(self.members):
            (folder / f"member_{number:02d}.txt").write_text(booster.model_to_string(num_iteration=-1))
        stored = {
            "columns": list(self.columns),
            "members": len(self.members),
            "term_structure": self.term_structure.to_json(),
            "calibration": self.calibration.to_json(),
            "policy": self.policy.to_json(),
            "scale": self.scale.to_json(),
            "interval_widening": self.interval_widening,
            "facts": dict(self.facts),
        }
        (folder / "model.json").write_text(json.dumps(stored, indent=2, ensure_ascii=False, allow_nan=False))

    @classmethod
    def load(cls, folder: Path) -> DefaultModel:
        """The model that `save` wrote into `folder`."""
        folder = Path(folder)
        stored = json.loads((folder / "model.json").read_text())
        texts = [(folder / f"member_{number:02d}.txt").read_text() for number in range(stored["members"])]
        return cls(
            columns=tuple(stored["columns"]),
            members=tuple(lgb.Booster(model_str=text) for text in texts),
            term_structure=TermStructure.from_json(stored["term_structure"]),
            calibration=Calibration.from_json(stored["calibration"]),
            policy=DefaultPolicy.from_json(stored["policy"]),
            scale=MasterScale.from_json(stored["scale"]),
            interval_widening=float(stored["interval_widening"]),
            facts=stored["facts"],
        )
