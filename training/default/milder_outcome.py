"""The default model's first stage: trees fitted on an outcome short of default that comes more often.

Most arrears that become material never reach default, but they come from the same trouble: of 40 days of material
arrears some roll on to 90. A bag is fitted on that milder outcome first; a line fitted on customers its members never saw
carries its margin to the scale of default, and the second stage's trees continue from there on the default itself. Both
stages are trees of one booster, so the margin stays one sum, monotone and explained exactly. Source: roll rates between
stages of arrears, Siddiqi, Credit Risk Scorecards (2006), chapter 4; boosting from a given margin, LightGBM's
`init_model`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ledger.default_status import DefaultPolicy
from models.metrics.probability import logistic_line

Floats = NDArray[np.float64]

NEAR_DAYS, DEFAULT_DAYS = (
    40,
    90,
)  # past due (item or obligor, as the policy counts); other policies' days are shortened in this proportion
NEAR_CURE_MONTHS = 1  # without material arrears: then new ones are a new outcome
SLOPE_SD = 0.15  # of the prior on the slope between the two outcomes' log-odds, around 1


def near_policy(policy: DefaultPolicy) -> DefaultPolicy:
    """Return the milder outcome of a policy: its default with fewer days past due, and a short cure."""

    def shorter(days: int) -> int:
        return round(days * NEAR_DAYS / DEFAULT_DAYS)

    return replace(
        policy, name=f"near_{policy.name}", consecutive_days=shorter(policy.consecutive_days),
        item_days_past_due=shorter(policy.item_days_past_due), maturity_days=shorter(policy.maturity_days),
        cure_months=min(policy.cure_months, NEAR_CURE_MONTHS),
        concession_cure_months=min(policy.concession_cure_months, NEAR_CURE_MONTHS),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Roll:
    """log-odds of default beyond its level = slope · margin of the milder outcome + shift."""

    slope: float
    shift: float


def fit_roll(margin: Floats, y: Floats, offset: Floats, rows_a_customer: float, weight: Floats | None = None) -> Roll:
    """Return the line from the milder outcome's margins to defaults, on customers that the margin's members never saw.

    margin, y, offset : (rows,); y in {0, 1}, offset in log-odds as it stands. A customer's rows together weigh like one.
    weight : (rows,) how many rows each stands for; None: one.
    """
    counts = np.ones(len(y)) if weight is None else weight
    centre = float(margin.mean())
    slope, shift = logistic_line(
        margin - centre, y, counts * (1.0 / rows_a_customer), offset=offset, slope_precision=1.0 / SLOPE_SD**2
    )
    return Roll(slope=slope, shift=shift - slope * centre)


def rolled(booster: lgb.Booster, roll: Roll) -> lgb.Booster:
    """The booster whose raw score is slope · its raw score + shift: the shift goes into the first tree's leaves."""
    found = lgb.Booster(model_str=booster.model_to_string(num_iteration=-1))
    for number, tree in enumerate(booster.dump_model()["tree_info"]):
        for leaf in range(tree["num_leaves"]):
            added = roll.shift if number == 0 else 0.0
            found.set_leaf_output(number, leaf, roll.slope * booster.get_leaf_output(number, leaf) + added)
    return found


def continuing(y: Floats, offset: Floats, weight: Floats) -> Callable[[Any, Any], tuple[Floats, Floats]]:
    """The logistic loss's gradient and curvature at a booster's raw score plus `offset`, as LightGBM asks for them.

    (With an `init_model` LightGBM drops the data's own init_score.)
    """

    def loss(raw: Floats, _: lgb.Dataset) -> tuple[Floats, Floats]:
        p = 1.0 / (1.0 + np.exp(-(raw + offset)))
        return weight * (p - y), weight * p * (1.0 - p)

    return loss
