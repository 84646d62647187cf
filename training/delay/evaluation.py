"""How good delay predictions are, with the plain rules that anybody would use first beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalogue.habit import STEPS as HABIT_STEPS
from models import metrics
from models.delay.model import INTERVAL_LEVEL, DelayModel
from models.delay.payment_curve import Curves, joined, levels_between
from models.delay.payment_steps import HABIT_COLUMNS, habit_curve
from training.delay.samples import Asked

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]

MATURE_DAYS = 30  # days after the due date by which an outcome must be known to be scored
GRID = np.arange(-60, 121, dtype=np.int64)  # days late over which CRPS is taken
PINBALL_LEVELS = (0.1, 0.5, 0.9)
RULES = ("on_the_day", "customer_mean", "customer_median")
MOST_FOR_CRPS = 20_000
BASELINE_INPUTS = ("late_5_share_12m", "days_late_mean_24m", "days_late_median_24m", "habit_weight", *HABIT_COLUMNS)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Predictions beside what came. X : the items' matrix. ended : days late when paid or when last observed.
    is_paid : paid, as far as observed. customers : ids. pooled_habit : hazards of all customers when the model was
    made.
    observed_after_due : days from the due date to the last day observed. age : days from the question to that day.
    """

    X: pd.DataFrame
    curves: Curves
    ended: NDArray[np.int64]
    is_paid: Rows
    customers: NDArray[np.object_]
    pooled_habit: Floats
    observed_after_due: NDArray[np.int64]
    age: NDArray[np.int64]

    @classmethod
    def of(cls, asked: Asked, X: pd.DataFrame, model: DelayModel) -> Scored:
        """What `model` answers to these questions, X their matrix, beside what came."""
        return cls(
            X=X,
            curves=model.curves(X),
            ended=asked.ended,
            is_paid=asked.is_paid,
            customers=asked.items["customer_id"].to_numpy(dtype=object),
            pooled_habit=model.pooled_habit,
            observed_after_due=(asked.seen_until - asked.items["due_on"]).dt.days.to_numpy(),
            age=(asked.seen_until - asked.items["as_of"]).dt.days.to_numpy(),
        )

    @classmethod
    def together(cls, parts: list[Scored]) -> Scored:
        """Several parts as one; the habits of all customers are those of the first."""
        return cls(
            X=pd.concat([p.X[list(BASELINE_INPUTS)] for p in parts]),
            curves=joined([p.curves for p in parts]),
            **{
                name: np.concatenate([getattr(p, name) for p in parts])
                for name in ("ended", "is_paid", "customers", "observed_after_due", "age")
            },
            pooled_habit=parts[0].pooled_habit,
        )

    def only(self, rows: Rows) -> Scored:
        """The same of some items."""
        return Scored(
            X=self.X[rows],
            curves=self.curves.only(rows),
            ended=self.ended[rows],
            is_paid=self.is_paid[rows],
            customers=self.customers[rows],
            pooled_habit=self.pooled_habit,
            observed_after_due=self.observed_after_due[rows],
            age=self.age[rows],
        )


def baselines(X: pd.DataFrame) -> dict[str, Floats]:
    """What the plain rules answer: days late on the day, the customer's mean and median (two years; 0 without history),
    and the customer's share of invoices 5 or more days late (the mean share without history)."""
    share = X["late_5_share_12m"].to_numpy(np.float64)
    return {
        "on_the_day": np.zeros(len(X)),
        "customer_mean": np.nan_to_num(X["days_late_mean_24m"].to_numpy(np.float64)),
        "customer_median": np.nan_to_num(X["days_late_median_24m"].to_numpy(np.float64)),
        "customer_late_rate": np.where(np.isnan(share), np.nanmean(share) if (~np.isnan(share)).any() else 0.0, share),
    }


def evaluate(scored: Scored, *, intervals: bool = True) -> dict[str, float]:
    """Figures of the model and of each plain rule (`baseline_RULE_FIGURE`); `FIGURE_low`, `_high` hold 95 % of the
    draws of customers. Errors in days are over paid items; the question of being k days late is over items whose
    answer is known.
    """
    if not len(scored.ended):
        return {}
    found: dict[str, float] = {"items": float(len(scored.ended)), "customers": float(len(set(scored.customers)))}
    rule = baselines(scored.X)
    for k in (1, 5, 30):
        found |= _lateness_figures(scored, rule["customer_late_rate"], k, intervals=intervals and k == 5)
    return found | _error_figures(scored, rule, intervals=intervals) | distribution_figures(scored, intervals=intervals)


def _lateness_figures(scored: Scored, late_rate: Floats, k: int, *, intervals: bool) -> dict[str, float]:
    """How well items at least k days late are told from the others; nothing where there are none of one kind."""
    known = scored.is_paid | (scored.ended >= k)
    y, rate = (scored.ended[known] >= k).astype(np.float64), late_rate[known]
    if not 0 < y.sum() < len(y):
        return {}
    p = scored.curves.at_least(k)[known]
    found = {
        f"auc_late_{k}": metrics.auc(y, p),
        f"brier_late_{k}": metrics.brier(y, p),
        f"average_precision_late_{k}": metrics.average_precision(y, p),
        f"rate_late_{k}": float(y.mean()),
        f"predicted_late_{k}": float(p.mean()),
        f"baseline_customer_late_rate_auc_late_{k}": metrics.auc(y, rate),
        f"baseline_customer_late_rate_average_precision_late_{k}": metrics.average_precision(y, rate),
        f"baseline_customer_late_rate_brier_late_{k}": metrics.brier(y, rate),
    }
    if intervals:
        whose = scored.customers[known]
        _add_interval(found, f"auc_late_{k}", partial(metrics.auc, y, p), whose)
        _add_interval(found, f"average_precision_late_{k}", partial(metrics.average_precision, y, p), whose)
        _add_mean_interval(found, f"brier_late_{k}", (p - y) ** 2, whose)
    return found


def _error_figures(scored: Scored, rule: Mapping[str, Floats], *, intervals: bool) -> dict[str, float]:
    """Errors in days of the median and of the plain rules, over paid items; beside them the share within 3 days of the
    day that has most chance within 3 days (the median is the answer for the mean error, that day for this share)."""
    found: dict[str, float] = {}
    paid, late = scored.is_paid, scored.ended[scored.is_paid].astype(np.float64)
    answers = {"": scored.curves.quantile(0.5)[paid], **{f"baseline_{name}_": rule[name][paid] for name in RULES}}
    error = {prefix: np.abs(days - late) for prefix, days in answers.items()}
    for prefix, days in error.items():
        found[f"{prefix}mae_days"], found[f"{prefix}within_3_days_share"] = (
            float(days.mean()),
            float((days <= 3).mean()),
        )
    near = (np.abs(scored.curves.likely()[paid] - late) <= 3).astype(np.float64)
    found["within_3_days_of_likely_share"] = float(near.mean())
    if intervals:
        whose = scored.customers[paid]
        _add_mean_interval(found, "within_3_days_of_likely_share", near, whose)
        _add_mean_interval(found, "mae_days", error[""], whose)
        _add_mean_interval(found, "within_3_days_share", (error[""] <= 3).astype(np.float64), whose)
        gain = error["baseline_customer_median_"] - error[""]
        _add_mean_interval(found, "mae_gain_on_customer_median", gain, whose)
    return found


def _add_interval(
    found: dict[str, float], name: str, metric: metrics.bootstrap.Metric, customers: NDArray[np.object_]
) -> None:
    interval = metrics.by_customer(metric, customers)
    found[f"{name}_low"], found[f"{name}_high"] = interval.low, interval.high


def _add_mean_interval(found: dict[str, float], name: str, values: Floats, customers: NDArray[np.object_]) -> None:
    _add_interval(found, name, lambda w: float(np.average(values, weights=w)), customers)


def distribution_figures(scored: Scored, *, intervals: bool = False) -> dict[str, float]:
    """Coverage of the 80 % interval, pinball loss and CRPS over paid items, the customer's own distribution and that of
    all customers beside them.

    `coverage_80` counts days in [p10, p90]; where most invoices are paid on one day the shortest possible interval,
    that day, covers more than 80 %. `coverage_80_levels` counts outcomes whose place in their own distribution, drawn
    evenly within a day's mass, lies between 0.1 and 0.9: 80 % for a true distribution, whatever its points of mass
    (the randomised probability integral transform; Czado, Gneiting and Held 2009). `pinball_mean` is the mean loss of
    the 10, 50 and 90 % quantiles.
    """
    paid, curves = scored.is_paid, scored.curves
    late, whose = scored.ended[paid].astype(np.float64), scored.customers[paid]
    low, middle, high = (curves.quantile(level)[paid] for level in PINBALL_LEVELS)
    rng = np.random.default_rng(0)
    place = levels_between(curves.place(scored.ended, before=True), curves.place(scored.ended), rng)[paid]
    inside = ((place >= 0.1) & (place <= 0.9)).astype(np.float64)
    found = {
        "coverage_80": metrics.coverage(late, low, high),
        "interval_days": float(np.mean(high - low)),
        **shortest_interval_figures(scored),
        "coverage_80_levels": float(np.mean(inside)),
    }
    rows = np.flatnonzero(paid)[:: max(1, int(paid.sum()) // MOST_FOR_CRPS)]
    outcome, grid = np.clip(scored.ended[rows], GRID[0], GRID[-1]).astype(np.float64), GRID.astype(np.float64)
    crps = {}
    for name, cdf in _grids(scored, rows).items():
        crps[name] = metrics.crps_of_each_cdf(outcome, grid, cdf)
        found[f"{name}crps_days"] = float(np.mean(crps[name]))
        quantiles = (low, middle, high) if not name else tuple(_quantile_of(cdf, level) for level in PINBALL_LEVELS)
        against = late if not name else scored.ended[rows].astype(np.float64)
        losses = [metrics.pinball(against, q, level) for q, level in zip(quantiles, PINBALL_LEVELS, strict=True)]
        found |= {f"{name}pinball_{round(100 * p)}": v for p, v in zip(PINBALL_LEVELS, losses, strict=True)}
        found[f"{name}pinball_mean"] = float(np.mean(losses))
    if intervals:
        _add_mean_interval(found, "coverage_80_levels", inside, whose)
        _add_mean_interval(found, "crps_days", crps[""], scored.customers[rows])
        gain = crps["baseline_customer_distribution_"] - crps[""]
        _add_mean_interval(found, "crps_gain_on_customer_distribution", gain, scored.customers[rows])
    return found


def shortest_interval_figures(scored: Scored) -> dict[str, float]:
    """Return how often outcomes fall into the shortest interval with 80 % predicted chance, and the chance printed with it.

    Over the items whose answer is known: paid, or last observed unpaid after the interval's last day.
    """
    first, last, chance = scored.curves.shortest(INTERVAL_LEVEL)
    known = scored.is_paid | (scored.ended > last)
    if not known.any():
        return {}
    inside = scored.is_paid & (scored.ended >= first) & (scored.ended <= last)
    return {
        "shortest_interval_coverage": float(inside[known].mean()),
        "shortest_interval_probability": float(chance[known].mean()),
        "shortest_interval_days": float((last - first + 1)[known].mean()),
    }


def _quantile_of(cdf: Floats, level: float) -> Floats:
    """The first day of GRID by which each row's distribution reaches a level."""
    return GRID[np.argmax(cdf >= level, axis=1)].astype(np.float64)


def _grids(scored: Scored, rows: NDArray[np.int64]) -> Mapping[str, Floats]:
    """F on GRID of the model, of the customer's own habit curve, and of all customers' (Kaplan–Meier), given unpaid
    so far.
    """
    model = np.column_stack([1.0 - scored.curves.unpaid_on(np.full(len(scored.ended), day))[rows] for day in GRID])
    X = scored.X.iloc[rows]
    own = habit_curve(X, scored.pooled_habit)
    pooled = np.concatenate([[1.0], np.cumprod(1.0 - scored.pooled_habit)])
    ends = np.array([-400, *HABIT_STEPS], dtype=np.float64)
    found = {"": model}
    for name, curve in (
        ("baseline_customer_distribution_", own),
        ("baseline_kaplan_meier_", np.tile(pooled, (len(rows), 1))),
    ):
        unpaid = np.stack([np.interp(GRID, ends, row) for row in curve])
        at = np.array([np.interp(a, ends, row) for a, row in zip(scored.curves.asked[rows], curve, strict=True)])
        found[name] = 1.0 - np.minimum(unpaid / np.maximum(at, 1e-6)[:, None], 1.0)
    for cdf in found.values():
        cdf[:, -1] = 1.0
    return found
