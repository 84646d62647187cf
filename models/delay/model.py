"""The delay model: when each item will be paid, as one curve an item, conditional on its being unpaid until asked.

A bag of LightGBM boosters gives the log-odds to be paid in each step of time when unpaid at its start (discrete-time
hazards). The curve that these make is pooled with boosters of one threshold alone (`models/delay/late_threshold.py`).
Probabilities, quantiles and means are read from it after one recalibration of its levels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from ledger.errors import InputError
from models.delay.attribution import MeanMargins, explain
from models.delay.business_days import next_working_days
from models.delay.conformal import Levels
from models.delay.late_calibration import LateCalibration
from models.delay.late_threshold import LateQuestion
from models.delay.payment_curve import Curves, curves_of
from models.delay.payment_steps import (
    INPUTS,
    STEP_COLUMNS,
    THRESHOLDS,
    Steps,
    asked_day,
    days_moved,
    step_values,
    steps_after,
)
from models.ensembles import mean_of_members
from models.lineage import LearnedFrom
from models.needed_columns import refuse_missing, values_of
from models.tree_margins import repeated_margins

Floats = NDArray[np.float64]

ITEMS_AT_ONCE = 20_000  # some 40 rows an item in memory at a time
QUANTILES = (0.1, 0.5, 0.9)
INTERVAL_LEVEL = 0.8  # of the shortest interval of whole days
HEADLINES = ("p_late_30", "days_late_mean")


@dataclass(frozen=True, kw_only=True)
class DelayModel:
    """columns : the matrix columns that the boosters read beside the values of a step, in their order.
    members : LightGBM boosters of the log-odds to be paid in a step.
    pooled_habit : hazards of the habit curve of all customers, towards which a customer's own is drawn.
    levels : the recalibration of the curve's levels by the last outcomes known.
    margins : mean margins by step, the base of explanations.
    late_question : what 'at least 5 days late' says when asked alone; None where too few answers were known to learn it.
    late_calibration : of the curve's chance to be at least 5 days late, after the levels; None where too few answers were
        known to fit it.
    facts : how it was made (as_of, items, …); JSON values.
    learned_from : the ledger learned from; None in versions from before it was logged.
    """

    columns: tuple[str, ...]
    members: tuple[lgb.Booster, ...] = field(repr=False)
    pooled_habit: Floats = field(repr=False)
    levels: Levels
    margins: MeanMargins = field(repr=False)
    late_question: LateQuestion | None = field(default=None, repr=False)
    late_calibration: LateCalibration | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    learned_from: LearnedFrom | None = field(default=None, repr=False)

    @property
    def needed(self) -> tuple[str, ...]:
        """Return every matrix column that a prediction reads."""
        return tuple(dict.fromkeys((*self.columns, *INPUTS)))

    def curves(self, X: pd.DataFrame) -> Curves:
        """Return each item's recalibrated curve, in days after its stated due date. Raises InputError for a missing column, or an item without its dates."""
        refuse_missing(X, self.needed, "delay")
        asked = asked_day(X)
        steps = steps_after(asked)
        hazard = np.empty(len(steps.item))
        for a in range(0, len(X), ITEMS_AT_ONCE):
            b = min(a + ITEMS_AT_ONCE, len(X))
            rows = slice(int(steps.first[a]), int(steps.first[b]))
            part = Steps(
                first=steps.first[a : b + 1] - steps.first[a],
                item=steps.item[rows] - a,
                start=steps.start[rows],
                end=steps.end[rows],
            )
            hazard[rows] = expit(self.step_margins(X.iloc[a:b], part))
        curves = curves_of(asked, steps, hazard)
        if self.late_question is not None:
            curves = self.late_question.applied(curves, X)
        curves = self.levels.applied(curves.moved(days_moved(X)))
        return curves if self.late_calibration is None else self.late_calibration.applied(curves, X)

    def before_recalibration(self) -> DelayModel:
        """Return the model whose answers are the margins that contributions explain: before levels and calibration."""
        return replace(self, levels=Levels(), late_calibration=None)

    def matrix(self, X: pd.DataFrame, steps: Steps) -> NDArray[np.float32]:
        """Return (steps, columns + STEP_COLUMNS): what the boosters see."""
        return step_matrix(X, steps, self.columns, self.pooled_habit)

    def step_margins(self, X: pd.DataFrame, steps: Steps) -> Floats:
        """Return the bag's mean log-odds to be paid in each step of the items of X."""
        own = values_of(X, self.columns, "delay", np.float32)
        further = step_values(X, steps, self.pooled_habit).astype(np.float32)
        return mean_of_members(repeated_margins(self.members, own, steps.item, further))

    def predict(self, X: pd.DataFrame, items: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return one row an item, with the index of X.

        X : the matrix of `build_items`. items : the items asked, in the same order, with due_on and perhaps country
        (ISO 3166 alpha-2) and currency (ISO 4217); only `expected_on` needs them.

        Columns: p_late_1 … p_late_90 (P of being settled at least so many days late), days_late_p10, p50, p90
        (signed; quantiles), days_late_low and days_late_high (the shortest run of whole days with a chance of at least
        INTERVAL_LEVEL; the first of several), interval_probability (the chance of that run, at least INTERVAL_LEVEL),
        days_late_likely (the day with most chance within 3 days of it), days_late_mean (lateness counted up
        to a year), days_beyond_terms (the mean with early payment counted
        as on time), due_date_implausible (the answer counts from the customer's usual terms, see `features.engine.due_dates`; days are
        late against the stated due date all the same), and with `items` expected_on, the day of the median moved to a working day of the customer's
        country, never before the day after the question.
        """
        curves = self.curves(X)
        found = {f"p_late_{k}": curves.at_least(k) for k in THRESHOLDS}
        found |= {f"days_late_p{round(100 * level)}": curves.quantile(level) for level in QUANTILES}
        low, high, chance = curves.shortest(INTERVAL_LEVEL)
        found |= {"days_late_low": low, "days_late_high": high, "interval_probability": chance}
        found["days_late_likely"] = curves.likely()
        found["days_late_mean"], found["days_beyond_terms"] = curves.mean(), curves.mean(floor=0.0)
        frame = pd.DataFrame(found, index=X.index).assign(due_date_implausible=days_moved(X) > 0)
        if items is not None:
            due = items["due_on"].to_numpy().astype("datetime64[D]")
            country, currency = (
                items[name] if name in items else pd.Series(None, index=items.index, dtype=object)
                for name in ("country", "currency")
            )
            day = due + frame["days_late_p50"].to_numpy().astype(np.int64)
            frame["expected_on"] = next_working_days(day, country, currency)
        return frame

    def contributions(self, X: pd.DataFrame, headline: str = "p_late_30") -> tuple[Floats, pd.DataFrame]:
        """Return (base, frame): each item's base + the sum of its row is the headline's margin, see `margin`.

        The base is the margin of the average item of the training population asked on the same day before or after
        its due date; it differs between items that are asked at different distances from the due date.
        """
        if headline not in HEADLINES:
            raise InputError(
                f"The headline of contributions must be one of {', '.join(HEADLINES)}. Got {headline!r} instead."
            )
        return explain(self, X, headline)

    def save(self, folder: Path) -> None:
        """Write the model as text files: delay.json and one LightGBM text file a booster."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for number, booster in enumerate(self.members):
            (folder / f"member_{number:02d}.txt").write_text(booster.model_to_string(num_iteration=-1))
        stored = {
            "columns": list(self.columns),
            "members": len(self.members),
            "pooled_habit": self.pooled_habit.tolist(),
            "step_columns": list(STEP_COLUMNS),
            "levels": self.levels.to_json(),
            "margins": self.margins.to_json(),
            "late_question": None if self.late_question is None else self.late_question.save(folder),
            "late_calibration": None if self.late_calibration is None else self.late_calibration.to_json(),
            "facts": dict(self.facts),
            "learned_from": None if self.learned_from is None else self.learned_from.to_json(),
        }
        (folder / "delay.json").write_text(json.dumps(stored, indent=1, ensure_ascii=False, allow_nan=False))

    @classmethod
    def load(cls, folder: Path) -> DelayModel:
        """Return the model that `save` wrote into `folder`. Raises InputError where it was made for other steps."""
        folder = Path(folder)
        stored = json.loads((folder / "delay.json").read_text())
        if stored["step_columns"] != list(STEP_COLUMNS) or "late_question" not in stored:
            raise InputError(
                "The delay model was made by another release, whose steps or parts this one does not have. "
                "Train and promote a new one."
            )
        texts = [(folder / f"member_{number:02d}.txt").read_text() for number in range(stored["members"])]
        return cls(
            columns=tuple(stored["columns"]),
            members=tuple(lgb.Booster(model_str=text) for text in texts),
            pooled_habit=np.array(stored["pooled_habit"]),
            levels=Levels.from_json(stored["levels"]),
            margins=MeanMargins.from_json(stored["margins"]),
            late_question=None
            if stored["late_question"] is None
            else LateQuestion.load(folder, stored["late_question"]),
            late_calibration=LateCalibration.from_json(stored.get("late_calibration")),
            facts=stored["facts"],
            learned_from=LearnedFrom.from_json(stored.get("learned_from")),
        )


def step_matrix(X: pd.DataFrame, steps: Steps, columns: tuple[str, ...], pooled_habit: Floats) -> NDArray[np.float32]:
    """Return (steps, columns + STEP_COLUMNS) as float32: the item's columns repeated for each of its steps, then the step's
    own.
    """
    out = np.empty((len(steps.item), len(columns) + len(STEP_COLUMNS)), dtype=np.float32)
    out[:, : len(columns)] = values_of(X, columns, "delay", np.float32)[steps.item]
    out[:, len(columns) :] = step_values(X, steps, pooled_habit)
    return out
