"""Fit, calibrate and judge the default model on what a ledger knew on a day.

Three bags are fitted at earlier days, each on what was known then. They score later months, which gives a calibration
out of time; the last of them is the one that is judged, on later months and, for its figures, only by those of its
members that never saw the customer. The model handed over is fitted again on all that is known on as_of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from features.default_status import PRIMARY, DefaultPolicy
from features.errors import InputError
from features.ledger import Ledger
from models.calibration import Calibration, fit_calibration
from models.decisions.grades import MASTER_SCALE
from models.default import DefaultModel
from models.term_structure import TermStructure, evenly_spread, fit_term_structure
from training import cold_start
from training.bagging import Bag, Rows, Shape, fit_bag, gains, jackknife_widening
from training.default_columns import SELECTED
from training.default_data import Histories, Outcomes, histories
from training.default_evaluation import Judged, judge
from training.labels import last_mature_as_of
from training.result import Fitted

Floats = NDArray[np.float64]

CALIBRATION_STEPS = 2
SHORTEST_MONTHS = 3  # rows observed over fewer months say too little of a long PD
FEWEST_DEFAULTERS = 10
LEVEL_SD = 0.15  # of the prior on the level: half a year of few defaults may not move it far


class TooShort(InputError):
    """The ledger does not reach far enough back to judge a PD over the policy's horizon."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the model is made beyond policy and shape.

    censoring : 'term_structure' (immature rows count with what they have seen), or 'mature_only'.
    central_tendency : long-run default rate to which the mean PD is moved (through the cycle); None: point in time.
    conservatism : margin of conservatism in log-odds.
    """

    censoring: str = "term_structure"
    central_tendency: float | None = None
    conservatism: float = 0.0

    def __post_init__(self) -> None:
        if self.censoring not in ("term_structure", "mature_only"):
            raise InputError(
                f"The censoring of a default model must be term_structure or mature_only. Got {self.censoring} instead."
            )


@dataclass(frozen=True, kw_only=True)
class FittedBag:
    """A bag fitted on what was known on `origin`, with its term structure.

    level : log-odds of the default rate of its mature rows, to which the bag's margins are added.
    """

    origin: pd.Timestamp
    bag: Bag
    level: float
    term_structure: TermStructure
    count_rows: int
    count_defaults: int
    count_defaulters: int


def fit(
    ledger: Ledger,
    *,
    as_of: date | str | pd.Timestamp,
    policy: DefaultPolicy = PRIMARY,
    seed: int = 1,
    truth: pd.DataFrame | None = None,
    shape: Shape | None = None,
    options: Options | None = None,
    columns: Sequence[str] | None = None,
) -> Fitted:
    """The default model of a ledger on a day, with its evidence.

    truth : the sample generator's true PDs (customer_id, as_of, true_pd_{h}m), for the ceiling; None for a real ledger.
    columns : catalogue columns to use; None for those that SELECTED names.

    The metrics are those of the bag fitted at `evaluation_origin` (a parameter), on the month ends after it whose
    outcomes are mature on as_of: out of time, and each customer scored only by members that never saw it. Raises
    InputError where the ledger is too short, or has too few defaults, to fit and to judge.
    """
    shape, options = shape or Shape(), options or Options()
    chosen = SELECTED if columns is None else tuple(columns)
    whole = histories(ledger, as_of, policy, cold_start.with_door(chosen))
    data = cold_start.only(whole, chosen)
    origin = evaluation_origin(data)
    earlier = [origin - pd.offsets.MonthEnd(step_months(policy) * k) for k in range(CALIBRATION_STEPS, 0, -1)]
    bags = [b for o in earlier if (b := _fitted_or_none(data, o, shape, options, seed)) is not None]
    judged_bag = fit_at(data, origin, shape, options, seed)
    final = fit_at(data, data.as_of, shape, options, seed)
    doors = cold_start.Doors.fitted(whole, bags, judged_bag, final, seed=seed)
    judged = _judged(data, bags, judged_bag, truth, doors)
    calibration = calibrate(data, [*bags, judged_bag], data.as_of, options, of_unseen=False)
    calibration = _moved(calibration, data, final, options)
    model = DefaultModel(
        columns=data.columns, members=final.bag.members, term_structure=final.term_structure,
        calibration=calibration, policy=policy, scale=MASTER_SCALE,
        interval_widening=jackknife_widening(shape.folds),
        cold=doors.model(calibration, doors.quality(judged.metrics)),
        facts={
            "as_of": str(data.as_of.date()), "rows": final.count_rows, "default_rows": final.count_defaults,
            "defaulters": final.count_defaulters,
        },
    )  # fmt: skip
    example = cold_start.only(whole, model.needed).frame(np.flatnonzero(data.on == data.on.max())[:5])
    return Fitted(
        model=model, parameters=_parameters(data, origin, final, shape, options, seed), metrics=judged.metrics,
        example=example, tables={**judged.tables, "importance": _importance(final.bag, data)}, figures=judged.figures,
    )  # fmt: skip


def step_months(policy: DefaultPolicy) -> int:
    """Months between the days at which bags are fitted for calibration and judgement: half the horizon."""
    return max(1, policy.horizon_months // 2)


def evaluation_origin(data: Histories) -> pd.Timestamp:
    """The month end at which the judged bag is fitted: a step before the last month end with a mature outcome."""
    latest = last_mature_as_of(data.as_of, data.policy.horizon_months, data.policy)
    origin = latest + pd.offsets.MonthEnd(0) - pd.offsets.MonthEnd(step_months(data.policy))
    if latest + pd.offsets.MonthEnd(0) > latest:
        origin -= pd.offsets.MonthEnd(1)
    if origin < pd.Timestamp(data.on.min()):
        raise TooShort(
            f"the ledger is too short to judge a {data.policy.horizon_months}-month PD on {data.as_of.date()}: "
            f"outcomes are mature only up to {latest.date()}. Use a longer ledger, or the policy 'short_history'."
        )
    return origin


def fit_at(data: Histories, origin: pd.Timestamp, shape: Shape, options: Options, seed: int) -> FittedBag:
    """A bag fitted on the snapshots up to `origin`, with outcomes as known on it.

    A row observed over fewer months than the horizon counts with the offset between the two. The first bag takes
    defaults as evenly spread over the horizon; its margins give the term structure, and that the offsets of the second.
    """
    seen, horizon = data.outcomes(origin), data.policy.horizon_months
    shortest = horizon if options.censoring == "mature_only" else min(SHORTEST_MONTHS, horizon)
    used, y = seen.usable(shortest), seen.within(seen.mature_months)
    defaulters = len(set(data.customer[used & (y > 0)]))
    if defaulters < FEWEST_DEFAULTERS:
        raise InputError(
            f"on {origin.date()} only {defaulters} customers had a default in an outcome known then; at least "
            f"{FEWEST_DEFAULTERS} are needed to fit. Use a longer ledger, or a policy with fewer days "
            "and a shorter horizon."
        )
    level, term = _level(seen, used, horizon), evenly_spread(horizon)
    z = np.full(len(y), level)
    first = replace(shape, repeats=1)  # it only gives the term structure
    for form in (shape,) if options.censoring == "mature_only" else (first, shape):
        offset = level + term.offset(z, seen.mature_months)
        bag = fit_bag(_rows(data, used, y, offset), data.monotone, form, seed=seed)
        z[used] = level + bag.margin_of_unseen(data.matrix[used], data.customer[used])
        came = seen.usable(horizon) & (seen.default_month > 0)
        if len(set(data.customer[came])) >= FEWEST_DEFAULTERS:
            term = fit_term_structure(z[came], seen.default_month[came], horizon)
    return FittedBag(
        origin=origin, bag=bag, level=level, term_structure=term, count_rows=int(used.sum()),
        count_defaults=int(y[used].sum()), count_defaulters=defaulters,
    )  # fmt: skip


def _level(seen: Outcomes, used: NDArray[np.bool_], horizon: int) -> float:
    """Log-odds of a default within the horizon, by the life table of censored months; months beyond the last observed
    one have the mean hazard of those observed."""
    months = np.arange(1, horizon + 1)
    mature, when = (
        seen.mature_months[used],
        np.where(seen.default_month[used] > 0, seen.default_month[used], horizon + 1),
    )
    at_risk = np.array([np.sum((mature >= m) & (when >= m)) for m in months], dtype=np.float64)
    came = np.array([np.sum((mature >= m) & (when == m)) for m in months], dtype=np.float64)
    hazard = np.where(at_risk > 0, came / np.maximum(at_risk, 1.0), came.sum() / at_risk.sum())
    return float(logit(1.0 - np.prod(1.0 - hazard)))


def _fitted_or_none(
    data: Histories, origin: pd.Timestamp, shape: Shape, options: Options, seed: int
) -> FittedBag | None:
    """The bag of an earlier day for calibration, or None where too little was known then; it is then left out."""
    if origin < pd.Timestamp(data.on.min()):
        return None
    try:
        return fit_at(data, origin, shape, options, seed)
    except InputError:
        return None


def _rows(data: Histories, used: NDArray[np.bool_], y: Floats, offset: Floats) -> Rows:
    return Rows(
        matrix=data.matrix[used], y=y[used], offset=offset[used], weight=np.ones(int(used.sum())),
        customer=data.customer[used], month=data.month[used],
    )  # fmt: skip


def calibrate(
    data: Histories, bags: Sequence[FittedBag], until: pd.Timestamp, options: Options, *, of_unseen: bool
) -> Calibration:
    """The line from margins to log-odds, on months after each bag's origin and outcomes known on `until`.

    Each month end is scored by the last bag fitted before it. Rows observed over fewer months count with their offset.
    With fewer than two defaulters among those rows nothing can be learned: the margin is taken as it stands, which is
    what the priors of slope and level say too.

    of_unseen : margins by members that never saw the customer (for judging), or by all members (for the final model).
    """
    seen = data.outcomes(until)
    usable, y = seen.usable(SHORTEST_MONTHS), seen.within(seen.mature_months)
    margin, term_offset = np.full(len(y), np.nan), np.zeros(len(y))
    for position, fitted in enumerate(bags):
        end = bags[position + 1].origin if position + 1 < len(bags) else until
        rows = np.flatnonzero(
            usable & (data.on > np.datetime64(fitted.origin, "D")) & (data.on <= np.datetime64(end, "D"))
        )
        if len(rows):
            margin[rows] = _margins(data, fitted, rows, of_unseen)
            term_offset[rows] = fitted.term_structure.offset(margin[rows], seen.mature_months[rows])
    rows = np.flatnonzero(~np.isnan(margin))
    if len(set(data.customer[rows][y[rows] > 0])) < 2:
        return Calibration(slope=1.0, intercept=0.0, conservatism=options.conservatism)
    # a customer's months are one story: all of them together weigh like the median customer's one
    weight = np.full(len(rows), 1.0 / np.median(np.unique(data.customer[rows].astype(str), return_counts=True)[1]))
    return fit_calibration(
        margin[rows], y[rows], weight, offset=term_offset[rows], level_sd=LEVEL_SD, conservatism=options.conservatism
    )


def _margins(data: Histories, fitted: FittedBag, rows: NDArray[Any], of_unseen: bool) -> Floats:
    """Log-odds before calibration: the bag's level and margin."""
    if of_unseen:
        return fitted.level + fitted.bag.margin_of_unseen(data.matrix[rows], data.customer[rows])
    return fitted.level + fitted.bag.margin(data.matrix[rows])


def _moved(calibration: Calibration, data: Histories, final: FittedBag, options: Options) -> Calibration:
    """The calibration of the final bag's bare margins (its level goes into the intercept), through the cycle where a
    central tendency is given: over the customers of the last month end."""
    calibration = replace(calibration, intercept=calibration.intercept + calibration.slope * final.level)
    if options.central_tendency is None:
        return calibration
    latest = data.on == data.on.max()
    moved = calibration.through_the_cycle(final.bag.margin(data.matrix[latest]), options.central_tendency)
    return replace(moved, conservatism=options.conservatism)


def _judged(
    data: Histories, bags: Sequence[FittedBag], fitted: FittedBag, truth: pd.DataFrame | None, doors: cold_start.Doors
) -> Judged:
    """The judged bag on the month ends after its origin, calibrated on what was known at its origin, with the door's
    share of short histories."""
    known_then = [b for b in bags if b.origin < fitted.origin]
    options = Options()
    calibration = calibrate(data, known_then, fitted.origin, options, of_unseen=True)
    final: Outcomes = data.outcomes(data.as_of)
    rows = np.flatnonzero(final.usable(data.policy.horizon_months) & (data.on > np.datetime64(fitted.origin, "D")))
    log_odds = doors.mixed(rows, calibration.log_odds(_margins(data, fitted, rows, of_unseen=True)))
    pds = {h: expit(log_odds) * fitted.term_structure.share(log_odds, h) for h in data.policy.horizons_months}
    judged = judge(data, final, rows, log_odds, pds, truth)
    cold = doors.figures(rows, log_odds, final.within(data.policy.horizon_months)[rows], truth)
    return replace(judged, metrics={**judged.metrics, **cold})


def _importance(bag: Bag, data: Histories) -> pd.DataFrame:
    """Columns by their share of the total gain, descending."""
    found = pd.DataFrame({"column": list(data.columns), "gain_share": list(gains(bag, data.columns).values())})
    return found.sort_values("gain_share", ascending=False, kind="stable").reset_index(drop=True)


def _parameters(
    data: Histories, origin: pd.Timestamp, final: FittedBag, shape: Shape, options: Options, seed: int
) -> dict[str, Any]:
    """What a run logs: the policy by name and version, the split's dates, the shape, the counts."""
    latest = last_mature_as_of(data.as_of, data.policy.horizon_months, data.policy)
    return {
        "policy": data.policy.name, "policy_version": data.policy.version, "horizon_months": data.policy.horizon_months,
        "consecutive_days": data.policy.consecutive_days, "seed": seed, "columns": len(data.columns),
        "scale": MASTER_SCALE.name, "scale_version": MASTER_SCALE.version,
        "evaluation_origin": str(origin.date()), "evaluation_until": str(latest.date()),
        "metrics_are_of": "the fit at evaluation_origin, on later month ends, by members that never saw the customer",
        "training_rows": final.count_rows, "training_default_rows": final.count_defaults,
        "training_defaulters": final.count_defaulters,
        "calibration": "line on log-odds, out of time; the bare margin where fewer than two defaulters came after",
        **{f"option_{k}": v for k, v in options.__dict__.items()},
        **{f"shape_{k}": v for k, v in shape.to_json().items()},
    }  # fmt: skip
