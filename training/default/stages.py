"""One bag of the default model fitted on what was known on a day: milder outcome first, then default, then when it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from ledger.errors import InputError
from models.default.term_structure import TermStructure, evenly_spread, fit_term_structure
from training.default.data import Histories, Outcomes
from training.default.ensembles import Bag, Rows, Shape, fit_bag
from training.default.milder_outcome import fit_roll, near_policy, rolled

Floats = NDArray[np.float64]

SHORTEST_MONTHS = 3  # rows observed over fewer months say too little of a long PD
FEWEST_DEFAULTERS = 10
# chosen on sample ledgers of seeds 11 to 20 (docs/decisions/013); shallow trees are cheap to explain
SHAPE = Shape(
    near_rounds=100, rounds=25, learning_rate=0.1, leaves=4, depth=2, smallest_leaf=60, l2=30.0, feature_share=0.2,
    folds=5, repeats=2, judged_repeats=5,
)  # fmt: skip
# with so many defaulters deeper trees and more of them on the default itself are better (`python -m
# benchmarks.default_shape`, docs/default/evidence/columns-and-shape.md), below it they learn its luck
MANY_DEFAULTERS = 250
SHAPE_OF_MANY = replace(SHAPE, rounds=50, leaves=8, depth=3)


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
        if self.central_tendency is not None and not 0.0 < self.central_tendency < 1.0:
            raise InputError(
                f"The central_tendency of a default model must be between 0 and 1. Got {self.central_tendency} instead."
            )
        if self.conservatism < 0.0:
            raise InputError(
                f"The conservatism of a default model must be 0 or above. Got {self.conservatism} instead."
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


def shape_on(data: Histories, origin: pd.Timestamp, options: Options) -> Shape:
    """The shape that is served where as many defaulters were known as on `origin`."""
    _, used, y = _learned(data, origin, options)
    return SHAPE if _count_defaulters(data, used, y) < MANY_DEFAULTERS else SHAPE_OF_MANY


def judged_shape(shape: Shape) -> Shape:
    """The shape of bags that judge and calibrate: enough foldings that a customer has several members without it."""
    return replace(shape, repeats=shape.judged_repeats or shape.repeats)


def fit_at(data: Histories, origin: pd.Timestamp, shape: Shape, options: Options, seed: int) -> FittedBag:
    """A bag fitted on the snapshots up to `origin`, with outcomes as known on it.

    A row observed over fewer months than the horizon counts with the offset between the two. The first stage takes
    defaults as evenly spread over the horizon; its margins give the term structure, and that the offsets of the second.
    """
    horizon = data.policy.horizon_months
    seen, used, y = _learned(data, origin, options)
    defaulters = _count_defaulters(data, used, y)
    if defaulters < FEWEST_DEFAULTERS:
        raise InputError(
            f"on {origin.date()} only {defaulters} customers had a default in an outcome known then; at least "
            f"{FEWEST_DEFAULTERS} are needed to fit. "
            + (
                "Use a longer ledger, or a policy with fewer days and a shorter horizon."
                if defaulters
                else "Without any default no PD can be learned; the delay model can be trained and served alone: "
                "tradecredit train LEDGER --model delay."
            )
        )
    level = _level(seen, used, horizon, data.weight)
    even = evenly_spread(horizon).offset(np.full(len(y), level), seen.mature_months)
    rows = _rows(data, used, y, level + even)
    first, start = _first_stage(data, origin, seen, rows, shape, seed, _shortest(data, options))
    z = np.full(len(y), level)
    z[used] += first.margin_of_unseen(data.matrix[used], data.customer[used])
    came, term = seen.usable(horizon) & (seen.default_month > 0), evenly_spread(horizon)
    if len(set(data.customer[came])) >= FEWEST_DEFAULTERS:
        term = fit_term_structure(z[came], seen.default_month[came], horizon)
    offset = level + term.offset(z, seen.mature_months)
    bag = fit_bag(_rows(data, used, y, offset), data.monotone, shape, seed=seed, start=start)
    return FittedBag(
        origin=origin, bag=bag, level=level, term_structure=term, count_rows=int(used.sum()),
        count_defaults=int(y[used].sum()), count_defaulters=defaulters,
    )  # fmt: skip


def _shortest(data: Histories, options: Options) -> int:
    """Months over which a row has to be observed to be learned from."""
    horizon = data.policy.horizon_months
    return horizon if options.censoring == "mature_only" else min(SHORTEST_MONTHS, horizon)


def _learned(data: Histories, origin: pd.Timestamp, options: Options) -> tuple[Outcomes, NDArray[np.bool_], Floats]:
    """(outcomes as known on `origin`, the rows learned from, what had come of each in the months observed)."""
    seen = data.outcomes(origin)
    return seen, seen.usable(_shortest(data, options)), seen.within(seen.mature_months)


def _count_defaulters(data: Histories, used: NDArray[np.bool_], y: Floats) -> int:
    return len(set(data.customer[used & (y > 0)]))


def _first_stage(
    data: Histories, origin: pd.Timestamp, seen: Outcomes, rows: Rows, shape: Shape, seed: int, shortest: int
) -> tuple[Bag, Sequence[lgb.Booster] | None]:
    """(the bag that gives the term structure, the boosters that the second stage continues; None: it begins anew).

    rows : those of the second stage. With near_rounds the first stage learns the milder outcome, from rows that are not
    in it yet, and is rolled to the scale of default.
    """
    if not shape.near_rounds:
        return fit_bag(rows, data.monotone, replace(shape, repeats=1), seed=seed), None
    near, horizon = data.outcomes(origin, near_policy(data.policy)), data.policy.horizon_months
    used, y = near.usable(shortest) & ~seen.in_default, near.within(near.mature_months)
    level = _level(near, used, horizon, data.weight)
    offset = level + evenly_spread(horizon).offset(np.full(len(y), level), near.mature_months)
    milder = replace(shape, rounds=shape.near_rounds)
    bag = fit_bag(_rows(data, used, y, offset), data.monotone, milder, seed=seed)
    margin = bag.margin_of_unseen(rows.matrix, rows.customer)
    months = float(np.median(np.bincount(pd.factorize(rows.customer)[0], weights=rows.weight)))
    roll = fit_roll(margin, rows.y, rows.offset, months, rows.weight)
    start = tuple(rolled(booster, roll) for booster in bag.members)
    return replace(bag, members=start), start


def _level(seen: Outcomes, used: NDArray[np.bool_], horizon: int, weight: Floats) -> float:
    """Return the log-odds of a default within the horizon, by the life table of censored months.

    Months beyond the last observed one have the mean hazard of those observed. weight : (rows,) of all rows.
    """
    months = np.arange(1, horizon + 1)
    mature, when = (
        seen.mature_months[used],
        np.where(seen.default_month[used] > 0, seen.default_month[used], horizon + 1),
    )
    w = weight[used]
    at_risk = np.array([w[(mature >= m) & (when >= m)].sum() for m in months], dtype=np.float64)
    came = np.array([w[(mature >= m) & (when == m)].sum() for m in months], dtype=np.float64)
    hazard = np.where(at_risk > 0, came / np.maximum(at_risk, 1.0), came.sum() / at_risk.sum())
    return float(logit(1.0 - np.prod(1.0 - hazard)))


def fitted_or_none(
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
        matrix=data.matrix[used], y=y[used], offset=offset[used], weight=data.weight[used],
        customer=data.customer[used], month=data.month[used],
    )  # fmt: skip
