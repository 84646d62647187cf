"""Gates: the checks that a candidate must pass before it is promoted, alone and against the champion on the same rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models import metrics
from models.metrics.bootstrap import Interval
from training.lifecycle.gates_file import Gates

Floats = NDArray[np.float64]

TIMED_CALLS = 20
FEWEST_COMMON_ROWS = 200


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model version with the evidence of its run.

    kind : default or delay. rows, matrix : evaluated predictions with their outcomes, and their inputs in the same order;
    empty where the run holds none. model : as loaded from its folder. directions : input column -> +1 where risk must not
    fall with it, -1 where it must not rise, 0 free. horizon_months, policy : of the outcome (default model).
    as_of : the day whose knowledge it was trained on.
    """

    name: str
    kind: str
    model: Any
    rows: pd.DataFrame
    matrix: pd.DataFrame
    directions: Mapping[str, int]
    as_of: pd.Timestamp
    policy: str = ""
    horizon_months: int = 12


@dataclass(frozen=True, kw_only=True)
class Check:
    """One gate's result. text : the figure and its limit, with figures; is_note : reported without a verdict."""

    gate: str
    is_passed: bool
    text: str
    figures: Mapping[str, float] = field(default_factory=dict)
    is_note: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """The results of all gates of one candidate."""

    gates: str
    version: int
    checks: tuple[Check, ...]

    @property
    def is_passed(self) -> bool:
        """Return True if no gate refuses the candidate."""
        return all(check.is_passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """Return one sentence per gate that refuses the candidate."""
        return [f"{check.gate}: {check.text}" for check in self.checks if not check.is_passed]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values; a figure that does not exist is null."""
        return {
            "gates": self.gates, "version": self.version, "is_passed": self.is_passed,
            "checks": [
                {"gate": c.gate, "is_passed": c.is_passed, "is_note": c.is_note, "text": c.text,
                 "figures": {k: (float(v) if np.isfinite(v) else None) for k, v in c.figures.items()}}
                for c in self.checks
            ],
        }  # fmt: skip


def run_gates(candidate: Candidate, champion: Candidate | None, gates: Gates) -> Report:
    """Run every gate of a candidate; `champion` is None where there is none yet, or the candidate is the champion."""
    from training.lifecycle.gates_default import DefaultRun
    from training.lifecycle.gates_delay import DelayRun

    run = DefaultRun if candidate.kind == "default" else DelayRun
    return Report(gates=gates.name, version=gates.version, checks=tuple(run(candidate, champion, gates).checks()))


def passed(gate: str, is_passed: bool, text: str, **figures: float) -> Check:
    return Check(gate=gate, is_passed=bool(is_passed), text=text, figures=figures)


def note(gate: str, text: str, **figures: float) -> Check:
    return Check(gate=gate, is_passed=True, text=text, figures=figures, is_note=True)


class GateRun:
    """Base of the gates of both models: intervals, latency, inputs, and the rows on which a champion is compared."""

    def __init__(self, candidate: Candidate, champion: Candidate | None, gates: Gates) -> None:
        self.candidate, self.champion, self.gates = candidate, champion, gates
        self.rows = candidate.rows

    def interval(self, metric: Callable[[Floats], float], customers: pd.Series) -> Interval:
        """Return a bootstrap interval over customers with the gates' draws and confidence."""
        return metrics.by_customer(metric, customers, draws=self.gates.draws, confidence=self.gates.confidence)

    def latency(self, most: float) -> Check:
        """Measure the processor time of one row's prediction, the median of several calls; a busy machine does not count."""
        row, spent = self.candidate.matrix.iloc[:1], []
        self.candidate.model.predict(row)
        for _ in range(TIMED_CALLS):
            begun = time.process_time()
            self.candidate.model.predict(row)
            spent.append(1000 * (time.process_time() - begun))
        median = float(np.median(spent))
        return passed(
            "latency",
            median <= most,
            f"one prediction takes {median:.1f} ms of processor time (median), at most {most:g}",
            milliseconds=median,
        )

    def inputs(self) -> Check:
        """Check that no input is constant that varied for the champion."""
        own = self.candidate.matrix
        constant = [c for c in own.columns if own[c].nunique(dropna=False) <= 1]
        if self.champion is None or self.champion.matrix.empty:
            named = f" ({', '.join(constant[:5])}{', …' if len(constant) > 5 else ''})" if constant else ""
            return note(
                "inputs",
                f"{len(constant)} of {own.shape[1]} inputs have one value only{named}; no champion to compare with",
            )
        before = self.champion.matrix
        lost = [c for c in constant if c in before.columns and before[c].nunique(dropna=False) > 1]
        named = f": {', '.join(lost[:5])}" if lost else ""
        return passed(
            "inputs", not lost, f"{len(lost)} inputs are constant that vary for the champion{named}", constant=len(lost)
        )

    def same_rows(self, key: list[str], seen_column: str) -> tuple[pd.DataFrame, pd.DataFrame, str]:
        """Return (candidate's rows, champion's predictions of them, how): rows that neither had seen.

        The rows that both runs evaluated; or, where those are few, the candidate's rows after the champion's as_of, scored
        by the champion itself.
        """
        assert self.champion is not None
        own, other = self.rows, self.champion.rows
        if not other.empty:
            both = own.reset_index().merge(other, on=key, suffixes=("", "_champion"))
            if len(both) >= max(FEWEST_COMMON_ROWS, 0.5 * len(own)):
                mine = own.loc[both["index"]].reset_index(drop=True)
                names = [c for c in other.columns if c not in key]
                theirs = both[[f"{c}_champion" if c in own.columns else c for c in names]].set_axis(names, axis=1)
                return mine, theirs, "rows that both runs evaluated"
        later = (own[seen_column] > self.champion.as_of).to_numpy()
        needed = list(self.champion.model.needed)
        if later.sum() < FEWEST_COMMON_ROWS or not set(needed) <= set(self.candidate.matrix.columns):
            return own.iloc[:0], own.iloc[:0], ""
        predicted = self.champion.model.predict(self.candidate.matrix.loc[later, needed])
        return (
            own[later].reset_index(drop=True),
            predicted.reset_index(drop=True),
            "rows after the champion's day, scored by it",
        )


def spread(matrix: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Return about so many rows, evenly spread over the frame."""
    return matrix.iloc[:: max(1, len(matrix) // rows)].iloc[:rows].reset_index(drop=True)


def ratio_of(predicted: Floats, observed: Floats, weight: Floats) -> float:
    """Return the weighted mean prediction over the weighted observed rate; NaN where nothing was observed."""
    total = float(np.sum(weight * observed))
    return float(np.sum(weight * predicted)) / total if total > 0 else float("nan")
