"""Fit the calibration of P(at least 5 days late), and the table of calibration by how many items a customer has paid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import logit

from models import metrics
from models.delay.conformal import Levels
from models.delay.late_calibration import SMALLEST, LateCalibration, without_paid_item
from models.delay.late_threshold import DAYS_LATE
from training.delay.evaluation import Scored

FEWEST_LATE = 30  # late items, and as many others, below which nothing is fitted
SLOPE_SD = 0.14  # of the prior on the slope, around 1
NEW_SD = 0.18  # of the prior on the term of customers without a paid item, around 0
THICKNESS = (("none", 0.0, 0.0), ("up to 5", 0.0, 5.0), ("5 to 20", 5.0, 20.0), ("above 20", 20.0, np.inf))


def fit_late_calibration(parts: Sequence[Scored], levels: Levels, half_life: float) -> LateCalibration | None:
    """Return the calibration that makes the answers' chances hold on what came; None where too few are known.

    Parameters
    ----------
    parts : answers of models that had not seen these outcomes, with unit levels.
    levels : the recalibration of levels that comes before it.
    half_life : days in which an outcome's weight halves.

    Penalised logistic regression: a slope around 1 and a term of new customers around 0 (normal priors).
    """
    odds, late, age, is_new = (
        np.concatenate(found) for found in zip(*(_answers(p, levels) for p in parts), strict=True)
    )
    if min(late.sum(), (1.0 - late).sum()) < FEWEST_LATE:
        return None
    weight = 0.5 ** (age / half_life)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        margin = theta[0] + theta[1] * odds + theta[2] * is_new
        missed = weight * (1.0 / (1.0 + np.exp(-margin)) - late)
        prior = np.array([0.0, (theta[1] - 1.0) / SLOPE_SD**2, theta[2] / NEW_SD**2])
        value = np.sum(weight * (np.logaddexp(0.0, margin) - late * margin)) + 0.5 * (
            prior[1] * (theta[1] - 1.0) + prior[2] * theta[2]
        )
        return float(value), np.array([missed.sum(), missed @ odds, missed @ is_new]) + prior

    intercept, slope, new = minimize(loss, np.array([0.0, 1.0, 0.0]), jac=True, method="BFGS").x
    return LateCalibration(intercept=float(intercept), slope=max(float(slope), 0.01), new=float(new))


def _answers(scored: Scored, levels: Levels) -> tuple[np.ndarray, ...]:
    """Return (log-odds, whether late, age of the question in days, whether new) of the items whose answer is known.

    An item not paid yet counts only once DAYS_LATE days past due, and a paid one only from then on: else the early
    outcomes of the last days would count before the late ones of the same days do.
    """
    known = (scored.is_paid | (scored.ended >= DAYS_LATE)) & (scored.observed_after_due >= DAYS_LATE)
    chance = np.clip(levels.applied(scored.curves).at_least(DAYS_LATE)[known], SMALLEST, 1.0 - SMALLEST)
    late = (scored.ended >= DAYS_LATE)[known].astype(np.float64)
    age = np.maximum(scored.age[known], 0).astype(np.float64)
    return logit(chance), late, age, without_paid_item(scored.X)[known].astype(np.float64)


def thickness_table(scored: Scored, population: str) -> pd.DataFrame:
    """Return predicted and actual shares at least DAYS_LATE days late by the weight of the customer's paid items.

    Columns: population, paid_items (their weight, which halves with age), items, predicted, observed, difference, ece (ten
    bins of equal mass; NaN below 100 items).
    """
    known = scored.is_paid | (scored.ended >= DAYS_LATE)
    chance, late = scored.curves.at_least(DAYS_LATE)[known], (scored.ended >= DAYS_LATE)[known].astype(np.float64)
    weight = np.nan_to_num(scored.X["habit_weight"].to_numpy(np.float64))[known]
    rows = []
    for name, low, high in THICKNESS:
        inside = weight == 0.0 if high == 0.0 else (weight > low) & (weight <= high)
        if inside.any():
            predicted, observed = float(chance[inside].mean()), float(late[inside].mean())
            rows.append({
                "population": population, "paid_items": name, "items": int(inside.sum()), "predicted": predicted,
                "observed": observed, "difference": predicted - observed,
                "ece": metrics.ece(late[inside], chance[inside]) if inside.sum() >= 100 else np.nan,
            })  # fmt: skip
    return pd.DataFrame(rows)
