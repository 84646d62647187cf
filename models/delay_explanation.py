"""Why a curve is as it is: contributions of the input columns that add up exactly to a headline's margin.

Margins: for `p_late_30` the log-odds of P(at least 30 days late), for `days_late_mean` the expected days late; both
of the curve before recalibration. A step's log-odds differ from those of the average item in the same step by centred
SHAP values; along the straight way from the average item to this one, each step's share of the margin's change is an
integral (Aumann–Shapley, as integrated gradients do: Sundararajan et al. 2017), so the shares add up to the whole
change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from models.bags import mean_of_members
from models.payment_steps import ENDS, STEP_COLUMNS, Steps, asked_day, days_moved, steps_after

if TYPE_CHECKING:
    from models.delay import DelayModel

Floats = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)
CERTAIN = 20.0  # log-odds that stand for 'already so': P(late) is 1 for an item that is that late
ADDITIVITY = 1e-6
HEADLINE_END = 29  # p_late_30 is the chance to be unpaid at the end of day 29


def group_of(end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which average a step is compared with: that of the steps that end at the same place on the due-date axis."""
    return np.minimum(np.searchsorted(ENDS, end, side="left"), len(ENDS) - 1)


@dataclass(frozen=True, kw_only=True)
class MeanMargins:
    """Of the reference items: mean log-odds of each group of steps, and the mean SHAP value of each column in it.

    margin : (groups,). contributions : (groups, columns of an explanation).
    """

    margin: Floats
    contributions: Floats
    columns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "margin": self.margin.tolist(),
            "contributions": self.contributions.tolist(),
            "columns": list(self.columns),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> MeanMargins:
        return cls(
            margin=np.array(stored["margin"]),
            contributions=np.array(stored["contributions"]),
            columns=tuple(stored["columns"]),
        )


def explained_columns(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The input columns of an explanation: the model's own, and those that answer for the values of a step."""
    return tuple(dict.fromkeys((*columns, *STEP_COLUMNS.values())))


def step_contributions(
    members: tuple[Any, ...], matrix: NDArray[np.float32], columns: tuple[str, ...], threads: int = 1
) -> tuple[Floats, Floats]:
    """(SHAP values by explained column, log-odds) of each step row."""
    parts = mean_of_members(b.predict(matrix, pred_contrib=True, num_threads=threads) for b in members)
    names = explained_columns(columns)
    place = {name: i for i, name in enumerate(names)}
    found = np.zeros((len(matrix), len(names)))
    for j, name in enumerate((*columns, *STEP_COLUMNS.values())):
        found[:, place[name]] += parts[:, j]
    return found, parts.sum(axis=1)


def mean_margins(
    members: tuple[Any, ...], matrix: NDArray[np.float32], steps: Steps, columns: tuple[str, ...]
) -> MeanMargins:
    """The averages of reference items' steps; a group without a step has those of all steps."""
    values, margin = step_contributions(members, matrix, columns, threads=2)
    group = group_of(steps.end)
    mean_value, mean_margin = np.tile(values.mean(axis=0), (len(ENDS), 1)), np.full(len(ENDS), margin.mean())
    for g in np.unique(group):
        mean_value[g], mean_margin[g] = values[group == g].mean(axis=0), margin[group == g].mean()
    return MeanMargins(margin=mean_margin, contributions=mean_value, columns=explained_columns(columns))


def explain(model: DelayModel, X: pd.DataFrame, headline: str) -> tuple[Floats, pd.DataFrame]:
    """(base, contributions by column) of each item. Raises ArithmeticError where they miss the margin by over 1e-6."""
    asked, moved = asked_day(X), days_moved(X)
    steps = steps_after(asked)
    base, found = np.empty(len(X)), np.zeros((len(X), len(model.margins.columns)))
    for i in range(len(X)):
        rows = slice(int(steps.first[i]), int(steps.first[i + 1]))
        start, end = steps.start[rows], steps.end[rows]
        passed = np.ones(len(end))  # share of each step that counts
        if headline == "p_late_30":
            last = HEADLINE_END + moved[i]
            if asked[i] >= last:
                base[i] = CERTAIN
                continue
            start, end = start[start < last], end[start < last]
            passed = np.minimum((last - start) / (end - start), 1.0)
        own = Steps(first=np.array([0, len(end)]), item=np.zeros(len(end), dtype=np.int64), start=start, end=end)
        values, margin = step_contributions(model.members, model.matrix(X.iloc[[i]], own), model.columns)
        group = group_of(end)
        reference = model.margins.margin[group]
        answer = partial(_late_30, passed) if headline == "p_late_30" else partial(_mean_days, moved[i])
        base[i], weight, whole = _along(answer, reference, margin, start, end)
        found[i] = weight @ (values - model.margins.contributions[group])
        residual = abs(base[i] + found[i].sum() - whole)
        if residual > ADDITIVITY:
            raise ArithmeticError(
                f"contributions miss the margin by {residual:.2e}; at most {ADDITIVITY:g} is allowed."
            )
    return base, pd.DataFrame(found, index=X.index, columns=list(model.margins.columns))


def _along(answer: Any, reference: Floats, margin: Floats, start: Any, end: Any) -> tuple[float, Floats, float]:
    """(the answer at the reference, each step's mean slope on the way to `margin`, the answer there)."""
    base, _ = answer(reference, start, end)
    whole, _ = answer(margin, start, end)
    change = margin - reference
    weight = np.zeros(len(margin))
    for node, share in zip(NODES, WEIGHTS, strict=True):
        weight += share / 2.0 * answer(reference + (node + 1.0) / 2.0 * change, start, end)[1]
    total = float(weight @ change)
    # the quadrature's own error, some 1e-9 of the whole, is spread in proportion
    return base, weight * ((whole - base) / total) if abs(total) > 1e-12 else weight, whole


def _late_30(passed: Floats, margin: Floats, start: Any, end: Any) -> tuple[float, Floats]:
    """Log-odds of being unpaid after so much (`passed`, a share) of each step, and their slope by each step's log-odds."""
    hazard = expit(margin)
    stays = np.where(passed == 1.0, expit(-margin), 1.0 - passed * hazard)
    log_p = float(np.sum(np.where(passed == 1.0, -np.logaddexp(0.0, margin), np.log(stays))))
    log_rest = float(np.log(-np.expm1(min(log_p, -1e-15))))
    slope = np.where(passed == 1.0, hazard, passed * hazard * expit(-margin) / stays)
    return log_p - log_rest, -slope / np.exp(log_rest)


def _mean_days(moved: int, margin: Floats, start: Any, end: Any) -> tuple[float, Floats]:
    """Expected days late against a due date that lies `moved` days later, and their slope by each step's log-odds."""
    hazard = expit(margin)
    after = np.exp(-np.cumsum(np.logaddexp(0.0, margin)))
    before = np.concatenate([[1.0], after[:-1]])
    middle = (start + 1.0 + end) / 2.0
    days = before * hazard * middle
    rest = np.cumsum(days[::-1])[::-1] - days + after[-1] * end[-1]  # what comes after each step
    return float(days.sum() + after[-1] * end[-1]) - moved, before * hazard * (1.0 - hazard) * middle - hazard * rest
