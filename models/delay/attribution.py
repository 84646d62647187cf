"""Why a curve is as it is: contributions of the input columns that add up exactly to a headline's margin.

Margins: for `p_late_30` the log-odds of P(at least 30 days late), for `days_late_mean` the expected days late; both
of the curve before recalibration. A step's log-odds differ from those of the average item in the same step by centred
SHAP values, and so do those of the late question; along the straight way from the average item to this one, the share of
each in the margin's change is an integral (Aumann–Shapley, as integrated gradients do: Sundararajan et al. 2017), so the
shares add up to the whole change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from models.delay.late_threshold import LAST_DAY, OWN_SHARE
from models.delay.payment_steps import ENDS, STEP_COLUMNS, Steps, asked_day, days_moved, steps_after
from models.ensembles import mean_of_members

if TYPE_CHECKING:
    from models.delay.model import DelayModel

Floats = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)
CERTAIN = 20.0  # log-odds that stand for 'already so': P(late) is 1 for an item that is that late
ADDITIVITY = 1e-6
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
    members: tuple[Any, ...], matrix: NDArray[np.float32], columns: tuple[str, ...], threads: int = 1
) -> tuple[Floats, Floats]:
    """Return (SHAP values by explained column, log-odds) of each step row."""
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
    """Return the averages of reference items' steps; a group without a step has those of all steps."""
    values, margin = step_contributions(members, matrix, columns, threads=2)
    group = group_of(steps.end)
    mean_value, mean_margin = np.tile(values.mean(axis=0), (len(ENDS), 1)), np.full(len(ENDS), margin.mean())
    for g in np.unique(group):
        mean_value[g], mean_margin[g] = values[group == g].mean(axis=0), margin[group == g].mean()
    return MeanMargins(margin=mean_margin, contributions=mean_value, columns=explained_columns(columns))


def explain(model: DelayModel, X: pd.DataFrame, headline: str) -> tuple[Floats, pd.DataFrame]:
    """Return (base, contributions by column) of each item. Raises ArithmeticError where they miss the margin by over 1e-6."""
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
        item = X.iloc[[i]]
        values, margin = step_contributions(model.members, model.matrix(item, own), model.columns)
        group = group_of(end)
        reference, change = model.margins.margin[group], values - model.margins.contributions[group]
        early = 0  # how many steps end by the late question's day; 0: it is not asked
        if (question := model.late_question) is not None and asked[i] < LAST_DAY:
            early = int(np.searchsorted(end, LAST_DAY, side="right"))
            of_question, log_odds = question.shap_values(item)
            reference, margin = np.append(reference, question.margin), np.append(margin, log_odds)
            change = np.vstack([change, _placed(of_question[0] - question.contributions, question.columns, model)])
        answer = partial(_late_30, passed, early) if headline == "p_late_30" else partial(_mean_days, moved[i], early)
        base[i], weight, whole = _along(answer, reference, margin, start, end)
        found[i] = weight @ change
        residual = abs(base[i] + found[i].sum() - whole)
        if residual > ADDITIVITY:
            raise ArithmeticError(
                f"contributions miss the margin by {residual:.2e}; at most {ADDITIVITY:g} is allowed."
            )
    return base, pd.DataFrame(found, index=X.index, columns=list(model.margins.columns))


def _placed(values: Floats, columns: tuple[str, ...], model: DelayModel) -> Floats:
    """Return values of some columns among all that an explanation names; 0 for the others."""
    found = np.zeros(len(model.margins.columns))
    found[[model.margins.columns.index(name) for name in columns]] = values
    return found


def _along(answer: Any, reference: Floats, margin: Floats, start: Any, end: Any) -> tuple[float, Floats, float]:
    """Return (the answer at the reference, each step's mean slope on the way to `margin`, the answer there)."""
    base, _ = answer(reference, start, end)
    whole, _ = answer(margin, start, end)
    change = margin - reference
    weight = np.zeros(len(margin))
    for node, share in zip(NODES, WEIGHTS, strict=True):
        weight += share / 2.0 * answer(reference + (node + 1.0) / 2.0 * change, start, end)[1]
    total = float(weight @ change)
    # the quadrature's own error, some 1e-9 of the whole, is spread in proportion
    return base, weight * ((whole - base) / total) if abs(total) > 1e-12 else weight, whole


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """The chance to be unpaid at the end of the late question's day: `curve` by the steps alone, `pooled` with the
    question's log-odds. by_step : slope of log(pooled) by log(curve); by_question : by the question's log-odds."""

    curve: float
    pooled: float
    by_step: float
    by_question: float


def _pool(log_unpaid: float, log_odds: float) -> Pooled:
    late, rest = np.exp(log_unpaid), -np.expm1(min(log_unpaid, -1e-15))
    pooled = float(expit(OWN_SHARE * log_odds + (1.0 - OWN_SHARE) * (log_unpaid - np.log(rest))))
    return Pooled(
        curve=float(late), pooled=pooled, by_step=(1.0 - pooled) * (1.0 - OWN_SHARE) / float(rest),
        by_question=(1.0 - pooled) * OWN_SHARE,
    )  # fmt: skip


def _late_30(passed: Floats, early: int, margin: Floats, start: Any, end: Any) -> tuple[float, Floats]:
    """Return log-odds of being unpaid after so much (`passed`, a share) of each step, and their slope by each step's log-odds.

    early : of the steps, those that end by the late question's day; above 0 the last margin is the question's.
    """
    steps = margin[: len(end)]
    hazard = expit(steps)
    stays = np.where(passed == 1.0, expit(-steps), 1.0 - passed * hazard)
    log_stays = np.where(passed == 1.0, -np.logaddexp(0.0, steps), np.log(stays))
    slope = -np.where(passed == 1.0, hazard, passed * hazard * expit(-steps) / stays)
    log_p = float(log_stays.sum())
    if early:
        pool = _pool(float(log_stays[:early].sum()), float(margin[-1]))
        log_p = float(log_stays[early:].sum()) + np.log(pool.pooled)
        slope = np.append(np.concatenate([slope[:early] * pool.by_step, slope[early:]]), pool.by_question)
    log_rest = float(np.log(-np.expm1(min(log_p, -1e-15))))
    return log_p - log_rest, slope / np.exp(log_rest)


def _mean_days(moved: int, early: int, margin: Floats, start: Any, end: Any) -> tuple[float, Floats]:
    """Return expected days late against a due date that lies `moved` days later, and their slope by each step's log-odds; early
    as above."""
    steps = margin[: len(end)]
    hazard = expit(steps)
    after = np.exp(-np.cumsum(np.logaddexp(0.0, steps)))
    before = np.concatenate([[1.0], after[:-1]])
    middle = (start + 1.0 + end) / 2.0
    days = before * hazard * middle
    days_last = after[-1] * end[-1]
    own = before * hazard * (1.0 - hazard) * middle
    rest = np.cumsum(days[::-1])[::-1] - days + days_last  # what comes after each step
    if not early:
        return float(days.sum() + days_last) - moved, own - hazard * rest
    pool = _pool(-float(np.logaddexp(0.0, steps[:early]).sum()), float(margin[-1]))
    soon, late = float(days[:early].sum()), float(days[early:].sum() + days_last)
    settled = max(1.0 - pool.curve, 1e-15)
    share = (1.0 - pool.pooled) / settled  # what comes early is multiplied by it, what comes late by pooled / curve
    gap = late / pool.curve - soon / settled  # what moves when the pooled chance does
    to_early = own[:early] - hazard[:early] * (rest[:early] - late + pool.curve * soon / settled)
    slope = np.concatenate([
        share * to_early - hazard[:early] * pool.by_step * pool.pooled * gap,
        (own[early:] - hazard[early:] * rest[early:]) * pool.pooled / pool.curve,
        [pool.by_question * pool.pooled * gap],
    ])  # fmt: skip
    return share * soon + pool.pooled / pool.curve * late - moved, slope
