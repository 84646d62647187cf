"""Why a curve is as it is: contributions of the input columns that add up exactly to a headline's margin.

Margins: for `p_late_30` the log-odds of P(at least 30 days late), for `days_late_mean` the expected days late; both
of the curve before recalibration. A step's log-odds differ from those of the average item in the same step by centred
SHAP values, and so do those of the late question; along the straight way from the average item to this one, the share of
each in the margin's change is an integral (Aumann–Shapley, as integrated gradients do: Sundararajan et al. 2017), so the
shares add up to the whole change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.delay.late_threshold import LAST_DAY
from models.delay.margin_shares import LATE_30, MEAN_DAYS, NODES, WEIGHTS, shared_out
from models.delay.payment_steps import ENDS, STEP_COLUMNS, Ints, Steps, asked_day, days_moved, steps_after
from models.tree_shap import mean_shap_values

if TYPE_CHECKING:
    from models.delay.model import DelayModel

Floats = NDArray[np.float64]

CERTAIN = 20.0  # log-odds that stand for 'already so': P(late) is 1 for an item that is that late
ADDITIVITY = 1e-6
ITEMS_AT_ONCE = 500  # some 20,000 steps in memory at a time
HEADLINE_END = 29  # p_late_30 is the chance to be unpaid at the end of day 29


def group_of(end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which average a step is compared with: that of the steps that end at the same place on the due-date axis."""
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
    """Return the input columns of an explanation: the model's own, and those that answer for the values of a step."""
    return tuple(dict.fromkeys((*columns, *STEP_COLUMNS.values())))


def step_contributions(
    members: tuple[Any, ...], matrix: NDArray[np.float32], columns: tuple[str, ...]
) -> tuple[Floats, Floats]:
    """Return (SHAP values by explained column, log-odds) of each step row."""
    parts, base = mean_shap_values(members, matrix)
    names = explained_columns(columns)
    place = {name: i for i, name in enumerate(names)}
    found = np.zeros((len(matrix), len(names)))
    for j, name in enumerate((*columns, *STEP_COLUMNS.values())):
        found[:, place[name]] += parts[:, j]
    return found, base + parts.sum(axis=1)


def mean_margins(
    members: tuple[Any, ...], matrix: NDArray[np.float32], steps: Steps, columns: tuple[str, ...]
) -> MeanMargins:
    """Return the averages of reference items' steps; a group without a step has those of all steps."""
    values, margin = step_contributions(members, matrix, columns)
    group = group_of(steps.end)
    mean_value, mean_margin = np.tile(values.mean(axis=0), (len(ENDS), 1)), np.full(len(ENDS), margin.mean())
    for g in np.unique(group):
        mean_value[g], mean_margin[g] = values[group == g].mean(axis=0), margin[group == g].mean()
    return MeanMargins(margin=mean_margin, contributions=mean_value, columns=explained_columns(columns))


def explain(model: DelayModel, X: pd.DataFrame, headline: str) -> tuple[Floats, pd.DataFrame]:
    """Return (base, contributions by column) of each item.

    Raises ArithmeticError where they miss the margin by more than ADDITIVITY.
    """
    base, found = np.empty(len(X)), np.zeros((len(X), len(model.margins.columns)))
    for at in range(0, len(X), ITEMS_AT_ONCE):
        rows = slice(at, at + ITEMS_AT_ONCE)
        base[rows], found[rows] = _explained(model, X.iloc[rows], headline)
    return base, pd.DataFrame(found, index=X.index, columns=list(model.margins.columns))


def _explained(model: DelayModel, X: pd.DataFrame, headline: str) -> tuple[Floats, Floats]:
    """Return (base, contributions) of some items."""
    asked, moved = asked_day(X), days_moved(X)
    steps, passed = _counted_steps(asked, moved, headline)
    is_open = np.diff(steps.first) > 0  # an item without a step is already so late
    values, margin = step_contributions(model.members, model.matrix(X, steps), model.columns)
    group = group_of(steps.end)
    change = values - model.margins.contributions[group]
    early = np.zeros(len(X), dtype=np.int64)
    asked_reference, asked_margin = np.zeros(len(X)), np.zeros(len(X))
    asked_change = np.zeros((len(X), change.shape[1]))
    question = model.late_question
    if question is not None and len(places := np.flatnonzero(is_open & (asked < LAST_DAY))):
        ended_early = np.concatenate([[0], np.cumsum(steps.end <= LAST_DAY)])
        early[places] = ended_early[steps.first[places + 1]] - ended_early[steps.first[places]]
        of_question, asked_margin[places] = question.shap_values(X.iloc[places])
        asked_reference[places] = question.margin
        columns = np.array([model.margins.columns.index(name) for name in question.columns])
        asked_change[np.ix_(places, columns)] = of_question - question.contributions
    base, whole, weight, asked_weight = shared_out(
        LATE_30 if headline == "p_late_30" else MEAN_DAYS, steps.first, steps.start, steps.end, passed, moved, early,
        model.margins.margin[group], margin, asked_reference, asked_margin, NODES, WEIGHTS,
    )  # fmt: skip
    found = asked_weight[:, None] * asked_change
    for i, (a, b) in enumerate(zip(steps.first[:-1], steps.first[1:], strict=True)):
        found[i] += weight[a:b] @ change[a:b]
    base[~is_open], whole[~is_open] = CERTAIN, CERTAIN
    residual = float(np.max(np.abs(base + found.sum(axis=1) - whole), initial=0.0))
    if not residual <= ADDITIVITY:
        raise ArithmeticError(f"contributions miss the margin by {residual:.2e}; at most {ADDITIVITY:g} is allowed.")
    return base, found


def _counted_steps(asked: Ints, moved: Ints, headline: str) -> tuple[Steps, Floats]:
    """Return the steps that a headline's margin depends on, and the share of each that counts."""
    steps = steps_after(asked)
    if headline != "p_late_30":
        return steps, np.ones(len(steps.end))
    last = (HEADLINE_END + moved)[steps.item]
    kept = steps.start < last
    first = np.concatenate([[0], np.cumsum(np.bincount(steps.item[kept], minlength=len(asked)))])
    counted = Steps(first=first, item=steps.item[kept], start=steps.start[kept], end=steps.end[kept])
    return counted, np.minimum((last[kept] - counted.start) / (counted.end - counted.start), 1.0)
