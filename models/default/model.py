"""The default model: from a customer's history to PDs that never fall with the horizon, a score, a grade, and reasons.

One margin f(x), the mean of a bag of LightGBM boosters; a line turns it into the log-odds of the long PD, and SHAP
values of f, times the line's slope, add up to them. Where there is a cold start (models/default/cold_start.py), a short history
counts less and what is known at the door more. The shorter PDs are shares of the long one that rise with the horizon.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from features.engine.peer_reference import PeerReference
from ledger.default_status import DefaultPolicy
from ledger.errors import InputError
from ledger.lgd import LgdTable
from models.calibration import Calibration
from models.default.calibrated_ensemble import CalibratedBag, check_additive
from models.default.cold_start import ColdStart, Places
from models.default.term_structure import TermStructure
from models.lineage import LearnedFrom
from models.rating_scale import PD_FLOOR, MasterScale, score_of_log_odds

Floats = NDArray[np.float64]

INTERVAL_SDS = 1.645  # of the bag's spread in log-odds on both sides: nine in ten
COLD_START = "cold_start"  # the folder of the part that needs no history


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
    cold : the part that needs no history; None in versions from before there was one.
    learned_from : the ledger learned from; None in versions from before it was logged.
    peers : lateness of industries and countries on the day of training, for ledgers with too few customers to tell.
    lgd : loss given default measured on the ledger learned from; None in versions from before it was measured.
    """

    columns: tuple[str, ...]
    members: tuple[lgb.Booster, ...] = field(repr=False)
    term_structure: TermStructure
    calibration: Calibration
    policy: DefaultPolicy
    scale: MasterScale
    interval_widening: float = 1.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    cold: ColdStart | None = None
    lgd: LgdTable | None = None
    learned_from: LearnedFrom | None = field(default=None, repr=False)
    peers: PeerReference | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.term_structure.months != self.policy.horizon_months or len(self.members) < 2:
            raise InputError(
                f"A DefaultModel needs a term structure over {self.policy.horizon_months} months and at least 2 "
                f"members. Got {self.term_structure.months} months and {len(self.members)} members instead."
            )

    @property
    def horizon_months(self) -> int:
        """Return the horizon of the PD that grade, score and contributions speak of."""
        return self.policy.horizon_months

    @property
    def needed(self) -> tuple[str, ...]:
        """Return every matrix column that `predict` asks for: the history's, then those that only the cold start uses."""
        own = set(self.columns)
        return (*self.columns, *(name for name in (self.cold.columns if self.cold else ()) if name not in own))

    @cached_property
    def history(self) -> CalibratedBag:
        """Return the part that speaks from the history."""
        return CalibratedBag(
            columns=self.columns, members=self.members, calibration=self.calibration,
            interval_widening=self.interval_widening,
        )  # fmt: skip

    def _log_odds(self, X: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
        """Return (log-odds of the longest horizon, their fit error, the history's weight in them), one a row of X."""
        log_odds, spread = self.history.log_odds(X)
        if self.cold is None:
            return log_odds, spread, np.ones(len(log_odds))
        return self.cold.mixed(X, log_odds, spread)

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return one row per row of X, with its index.

        Columns: pd_{h}m per horizon (calibrated, floor 0.05 %), pd_low and pd_high (fit error at 90 %, for the longest
        horizon, from the spread of the bag), score (0–1000, higher is better), grade, margin (calibrated log-odds of
        the longest horizon before the floor: it and the score keep strict order), history_weight (the history's share
        in the margin, 0 to 1; the rest is what is known at the door).
        """
        log_odds, spread, weight = self._log_odds(X)
        spread = INTERVAL_SDS * spread
        found = {
            f"pd_{h}m": np.maximum(expit(log_odds) * self.term_structure.share(log_odds, h), PD_FLOOR)
            for h in self.policy.horizons_months
        }
        pd_main = found[f"pd_{self.horizon_months}m"]
        found["pd_low"] = np.maximum(expit(log_odds - spread), PD_FLOOR)
        found["pd_high"] = np.maximum(expit(log_odds + spread), PD_FLOOR)
        return pd.DataFrame(
            {
                **found, "score": score_of_log_odds(log_odds), "grade": self.scale.grade(pd_main), "margin": log_odds,
                "history_weight": weight,
            },
            index=X.index,
        )  # fmt: skip

    def contributions(self, X: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return (base, frame): base + the sum of a row of the frame is its `margin`, in log-odds of the longest horizon.

        base is the margin of the training population's average row; one column a name in `needed`. Raises
        ArithmeticError where the parts do not add up within 1e-6: no explanation is better than a wrong one.
        """
        base, parts, log_odds = self.history.shares(X)
        if self.cold is not None:
            parts, log_odds = self.cold.shares(X, base, parts, log_odds, self._places)
            check_additive(base + parts.sum(axis=1), log_odds)
        return base, pd.DataFrame(parts, index=X.index, columns=self._needed_index)

    @cached_property
    def _places(self) -> Places:
        assert self.cold is not None
        return Places.of(self.needed, self.columns, self.cold.door.columns)

    @cached_property
    def _needed_index(self) -> pd.Index:
        return pd.Index(self.needed, dtype="str")

    def save(self, folder: Path) -> None:
        """Write the model as text files: model.json, one LightGBM text file a member, and the cold start's folder."""
        folder = Path(folder)
        stored = {
            **self.history.save(folder),
            "term_structure": self.term_structure.to_json(),
            "policy": self.policy.to_json(),
            "scale": self.scale.to_json(),
            "facts": dict(self.facts),
            "learned_from": None if self.learned_from is None else self.learned_from.to_json(),
            "peers": None if self.peers is None else self.peers.to_json(),
            "lgd": None if self.lgd is None else self.lgd.to_json(),
        }
        (folder / "model.json").write_text(json.dumps(stored, indent=2, ensure_ascii=False, allow_nan=False))
        if self.cold is not None:
            self.cold.save(folder / COLD_START)

    @classmethod
    def load(cls, folder: Path) -> DefaultModel:
        """Return the model that `save` wrote into `folder`."""
        folder = Path(folder)
        stored = json.loads((folder / "model.json").read_text())
        history = CalibratedBag.load(folder, stored)
        return cls(
            columns=history.columns,
            members=history.members,
            term_structure=TermStructure.from_json(stored["term_structure"]),
            calibration=history.calibration,
            policy=DefaultPolicy.from_json(stored["policy"]),
            scale=MasterScale.from_json(stored["scale"]),
            interval_widening=history.interval_widening,
            facts=stored["facts"],
            cold=ColdStart.load(folder / COLD_START),
            learned_from=LearnedFrom.from_json(stored.get("learned_from")),
            peers=PeerReference.from_json(stored.get("peers")),
            lgd=None if stored.get("lgd") is None else LgdTable.from_json(stored["lgd"]),
        )
