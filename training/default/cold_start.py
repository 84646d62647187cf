"""Fit, calibrate and judge the part of the default model that needs no history: what is known at the door.

It learns from every snapshot of the default model's, on the same outcomes, from columns that are known of a customer
before its first invoice; the first months of a customer count more. Like the history's bag it is fitted at each earlier
day too, which gives a calibration out of time and figures on later months of customers that its members never saw. It is
not fitted by the history's own stages: those order all customers better, and those in their first months, whom the door
is for, worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from models import metrics
from models.calibration import Calibration
from models.default.calibrated_ensemble import CalibratedBag
from models.default.cold_start import DAYS_A_MONTH, LENGTH, ColdStart, history_weight
from models.protected import refuse_protected
from training.default.calibration import calibrate, margins, one_story
from training.default.data import Histories
from training.default.ensembles import Bag, Rows, Shape, fit_bag, jackknife_widening
from training.default.evaluation import true_pd
from training.default.stages import SHORTEST_MONTHS, FittedBag, Options

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

DOOR: tuple[str, ...] = (
    # what others say of it: ratings with their direction and age, reported size
    "rating_risk", "rating_risk_max", "rating_age_days", "monthly_revenue", "head_count",
    # what was agreed with it, and the group it belongs to
    "credit_limit", "group_customers", "group_overdue_amount",
    # its sector's and country's customers on the same day, and what is published of them
    "industry_late_share_12m", "industry_late_30_share_12m", "country_late_share_12m", "country_late_30_share_12m",
    "industry_climate", "insolvencies_index",
)  # fmt: skip
SETTLED = "invoices_settled_ever"
SHAPE = Shape(rounds=80, learning_rate=0.05, leaves=8, depth=4, feature_share=0.5, repeats=1)
HALF_MONTHS = 1.0  # chosen out of time on samples of seeds 11 to 14 beside their true PDs (docs/decisions/013)
YOUNG_MONTHS, YOUNG_TIMES = 3.0, 5.0  # a customer on its first day counts five times, after three months three times
FIRST_MONTHS_DAYS = 91
DRAWS = 100


def with_door(columns: Sequence[str]) -> tuple[str, ...]:
    """A model's columns, and all that the cold start asks for besides. Raises InputError for a protected one."""
    refuse_protected((*columns, *DOOR))
    return tuple(dict.fromkeys((*columns, *DOOR, LENGTH, SETTLED)))


def only(data: Histories, columns: Sequence[str]) -> Histories:
    """The same histories with some of their columns, in the order asked."""
    places = [data.columns.index(name) for name in columns]
    return replace(data, columns=tuple(columns), matrix=np.ascontiguousarray(data.matrix[:, places]))


@dataclass(frozen=True, kw_only=True)
class Doors:
    """The door's bags at the days of the history's bags: those before the judged one, the judged, the final.

    data : the histories with the door's columns. days : of each row since the customer's first invoice (NaN: none).
    settled : invoices settled by then.
    """

    data: Histories = field(repr=False)
    days: Floats = field(repr=False)
    settled: Floats = field(repr=False)
    earlier: tuple[FittedBag, ...]
    judged: FittedBag
    final: FittedBag

    @classmethod
    def fitted(
        cls, whole: Histories, earlier: Sequence[FittedBag], judged: FittedBag, final: FittedBag, *, seed: int,
        shape: Shape = SHAPE,
    ) -> Doors:  # fmt: skip
        """whole : histories with the columns of `with_door`. earlier, judged, final : the history's bags; each door takes
        their day, level and term structure."""
        data, days = only(whole, DOOR), whole.column(LENGTH)

        def door(at: FittedBag) -> FittedBag:
            return replace(at, bag=_fitted(data, days, at, shape, seed))

        return cls(
            data=data, days=days, settled=np.nan_to_num(whole.column(SETTLED)),
            earlier=tuple(door(at) for at in earlier), judged=door(judged), final=door(final),
        )  # fmt: skip

    @cached_property
    def judged_calibration(self) -> Calibration:
        """The judged door's, from what was known on its day."""
        return self._calibration(self.earlier, self.judged, of_unseen=True)

    def log_odds(self, rows: NDArray[np.int64]) -> Floats:
        """The judged door's log-odds of later rows, by members that never saw the customer."""
        return self.judged_calibration.log_odds(margins(self.data, self.judged, rows, of_unseen=True))

    def mixed(self, rows: NDArray[np.int64], history: Floats, half_months: float = HALF_MONTHS) -> Floats:
        """The judged mixture with the history's log-odds of the same rows."""
        w = history_weight(self.days[rows], half_months)
        return (1.0 - w) * self.log_odds(rows) + w * history

    def figures(
        self, rows: NDArray[np.int64], mixed: Floats, y: Floats, truth: pd.DataFrame | None
    ) -> dict[str, float]:
        """How good the answers are on later months of unseen customers, by name; intervals by bootstrap over customers.

        cold_door_… : the door alone, on every customer as if it had no history. cold_unsettled_…, cold_first_months_… :
        the mixture, on customers without a settled invoice, and in their first three months.
        """
        true = None if truth is None else true_pd(self.data, rows, truth)
        every = np.ones(len(rows), dtype=bool)
        of: Mapping[str, tuple[Mask, Floats]] = {
            "cold_door": (every, self.log_odds(rows)),
            "cold_unsettled": (self.settled[rows] < 1, mixed),
            "cold_first_months": (self.days[rows] < FIRST_MONTHS_DAYS, mixed),
        }
        found: dict[str, float] = {}
        for name, (which, z) in of.items():
            part = _figures(z[which], y[which], self.data.customer[rows[which]], None if true is None else true[which])
            found |= {f"{name}_{figure}": value for figure, value in part.items()}
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def model(self, moved: Calibration, quality: Mapping[str, Any]) -> ColdStart:
        """The cold start handed over. moved : the history's calibration, whose shift by policy (through the cycle, margin
        of conservatism) the door's level shares."""
        own = self._calibration((*self.earlier, self.judged), self.final, of_unseen=False)
        # the final bag's margins are bare: its level goes into the intercept
        intercept = own.intercept + own.slope * self.final.level
        calibration = replace(
            own, intercept=intercept, central_shift=moved.central_shift, conservatism=moved.conservatism
        )
        door = CalibratedBag(
            columns=DOOR, members=self.final.bag.members, calibration=calibration,
            interval_widening=jackknife_widening(self.final.bag.folds),
        )  # fmt: skip
        return ColdStart(door=door, half_months=HALF_MONTHS, quality=quality)

    def quality(self, figures: Mapping[str, float]) -> dict[str, Any]:
        """What is told to who gets an answer without history: on whom it was measured, when, and how good it was."""
        names = ("snapshots", "defaulters", "auc", "auc_low", "auc_high", "pd_mean", "default_rate", "truth_pd_mean")
        found: dict[str, Any] = {"trained_until": str(self.judged.origin.date())}
        for population in ("unsettled", "first_months", "door"):
            found[population] = {
                name: figures[key] for name in names if (key := f"cold_{population}_{name}") in figures
            }
        return found

    def _calibration(self, earlier: Sequence[FittedBag], door: FittedBag, *, of_unseen: bool) -> Calibration:
        """The line from the door's margins to log-odds, found as the history's is; young rows count as in the fit."""
        return calibrate(self.data, earlier, door, Options(), of_unseen=of_unseen, weigh=self._weight)

    def _weight(self, rows: NDArray[np.int64]) -> Floats:
        """By youth; a customer's months together weigh like one, as in the history's calibration."""
        weight = youth(self.days[rows])
        if not len(rows):
            return weight
        stands_for = self.data.weight[rows]
        return weight / np.average(weight, weights=stands_for) * one_story(self.data.customer[rows], stands_for)


def youth(days: Floats) -> Floats:
    """How much a row counts by the length of its history: YOUNG_TIMES without any, falling to 1."""
    months = np.nan_to_num(days) / DAYS_A_MONTH
    return np.asarray(1.0 + (YOUNG_TIMES - 1.0) * YOUNG_MONTHS / (YOUNG_MONTHS + months), dtype=np.float64)


def _fitted(data: Histories, days: Floats, at: FittedBag, shape: Shape, seed: int) -> Bag:
    """The door's bag on the snapshots up to a day; rows observed over fewer months count with the history's offset."""
    seen = data.outcomes(at.origin)
    used = seen.usable(min(SHORTEST_MONTHS, data.policy.horizon_months))
    y = seen.within(seen.mature_months)
    offset = at.level + at.term_structure.offset(np.full(len(y), at.level), seen.mature_months)
    rows = Rows(
        matrix=data.matrix[used], y=y[used], offset=offset[used], weight=youth(days[used]) * data.weight[used],
        customer=data.customer[used], month=data.month[used],
    )  # fmt: skip
    return fit_bag(rows, data.monotone, shape, seed=seed)


def _figures(z: Floats, y: Floats, customer: NDArray[np.object_], true: Floats | None) -> dict[str, float]:
    """Counts, order with its interval, level beside outcomes and beside the truth; what is not defined is left out."""
    found = {"snapshots": float(len(y)), "defaulters": float(len(set(customer[y > 0])))}
    if not len(y):
        return found
    p = expit(z)
    found |= {"pd_mean": float(p.mean()), "default_rate": float(y.mean())}
    named: dict[str, Callable[[Any], float]] = {
        "auc": metrics.Ranking(y, z).auc, "brier": lambda w: metrics.brier(y, p, w),
    }  # fmt: skip
    if 0 < y.sum() < len(y):
        for name, interval in metrics.intervals_by_customer(named, customer, draws=DRAWS).items():
            found |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    if true is not None and (has := ~np.isnan(true)).any():
        t, q = true[has], p[has]
        found |= {"truth_pd_mean": float(t.mean()), "pd_mean_where_true": float(q.mean())}
        if np.ptp(t) > 0.0:
            found["expected_gini_share_of_truth"] = metrics.gini(t, q) / metrics.gini(t, t)
    return found
