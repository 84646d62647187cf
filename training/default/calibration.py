"""The line from a default model's margins to log-odds, on customers left out and out of time, and its move by policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.calibration import Calibration, fit_calibration, shift_to_mean
from training.default.data import Histories
from training.default.ensembles import Bag
from training.default.stages import SHORTEST_MONTHS, FittedBag, Options

Floats = NDArray[np.float64]
Weigh = Callable[[NDArray[np.int64]], Floats]

LEFT_OUT_SLOPE_SD = 0.3  # of the prior around 1 of the slope found on customers left out
LATER_SLOPE_SD = 0.05  # how far later months may move that slope: their outcomes are young and few


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Rows that calibrate: log-odds by members that never saw them, what was seen of their outcomes, and how they count.

    margin, y, offset, weight : (rows,); offset is what the months observed differ by from the horizon, in log-odds.
    """

    margin: Floats
    y: Floats
    offset: Floats
    weight: Floats
    customer: NDArray[np.object_]

    @property
    def has_two_defaulters(self) -> bool:
        return len(set(self.customer[self.y > 0])) >= 2


def calibrate(
    data: Histories, earlier: Sequence[FittedBag], bag: FittedBag, options: Options, *, of_unseen: bool,
    weigh: Weigh | None = None,
) -> Calibration:  # fmt: skip
    """The line from the margins of `bag` to log-odds, from outcomes known on its day.

    Slope and level are found on the months that the bag was fitted on, each customer scored by members that never saw
    it; months after the days of the `earlier` bags may move the slope (`line`).

    of_unseen : later months by members that never saw the customer (for judging), or by all (for the final model).
    weigh : how rows, by number, count; None: a customer's months together weigh like one (`one_story`).
    """
    weigh = weigh or (lambda rows: one_story(data.customer[rows], data.weight[rows]))
    seen = data.outcomes(bag.origin)
    usable = seen.usable(min(SHORTEST_MONTHS, data.policy.horizon_months))
    rows = np.flatnonzero(usable & (data.on <= np.datetime64(bag.origin, "D")))
    z = margins(data, bag, rows, of_unseen=True)
    left_out = Scored(
        margin=z, y=seen.within(seen.mature_months)[rows], customer=data.customer[rows],
        offset=bag.term_structure.offset(z, seen.mature_months[rows]), weight=weigh(rows),
    )  # fmt: skip
    later = later_scored(data, earlier, bag, of_unseen=of_unseen, weigh=weigh)
    return replace(line(left_out, later), conservatism=options.conservatism)


def line(left_out: Scored, later: Scored) -> Calibration:
    """The line whose slope both kinds of evidence give, and whose level customers left out give alone.

    Later months are scored by earlier bags, each with the level of the few defaulters known on its day; what they were
    wrong by has been learned by the bag itself since, so their level would count twice (docs/decisions/013). Their
    slope moves the first one by a normal prior: rows observed over few months default for being the easiest to tell.
    The margin as it stands where fewer than two customers defaulted; later months are left out likewise.
    """
    if not left_out.has_two_defaulters:
        return Calibration(slope=1.0, intercept=0.0)
    first = fit_calibration(
        left_out.margin, left_out.y, left_out.weight, offset=left_out.offset, slope_sd=LEFT_OUT_SLOPE_SD
    )
    if not later.has_two_defaulters:
        return first
    moved_by = fit_calibration(
        first.log_odds(later.margin), later.y, later.weight, offset=later.offset, slope_sd=LATER_SLOPE_SD
    ).slope
    slope = first.slope * moved_by
    observed = float(np.average(left_out.y, weights=left_out.weight))
    level = shift_to_mean(slope * left_out.margin + left_out.offset, observed, left_out.weight)
    return Calibration(slope=slope, intercept=level)


def later_scored(
    data: Histories, earlier: Sequence[FittedBag], bag: FittedBag, *, of_unseen: bool, weigh: Weigh | None = None
) -> Scored:
    """The rows after the earlier bags' days and up to that of `bag`, with outcomes known on it, each scored by the last
    bag fitted before the row; none where there is no earlier bag."""
    seen, until = data.outcomes(bag.origin), bag.origin
    usable = seen.usable(min(SHORTEST_MONTHS, data.policy.horizon_months))
    margin, offset = np.full(len(usable), np.nan), np.zeros(len(usable))
    for position, before in enumerate(earlier):
        end = earlier[position + 1].origin if position + 1 < len(earlier) else until
        after = (data.on > np.datetime64(before.origin, "D")) & (data.on <= np.datetime64(end, "D"))
        rows = np.flatnonzero(usable & after)
        if len(rows):
            margin[rows] = margins(data, before, rows, of_unseen)
            offset[rows] = before.term_structure.offset(margin[rows], seen.mature_months[rows])
    rows = np.flatnonzero(~np.isnan(margin))
    return Scored(
        margin=margin[rows], y=seen.within(seen.mature_months)[rows], offset=offset[rows],
        weight=weigh(rows) if weigh else one_story(data.customer[rows], data.weight[rows]),
        customer=data.customer[rows],
    )  # fmt: skip


def one_story(customer: NDArray[np.object_], weight: Floats) -> Floats:
    """Return row weights of 1 / (rows of the median customer), because a customer's monthly rows are correlated.

    weight : (rows,) how many rows each stands for; each is counted and weighed so many times.
    """
    counts = np.bincount(pd.factorize(customer)[0], weights=weight)
    return weight * (1.0 / np.median(counts) if len(counts) else 1.0)


def margins(data: Histories, fitted: FittedBag, rows: NDArray[Any], of_unseen: bool) -> Floats:
    """Log-odds before calibration: the bag's level and margin."""
    members = member_margins(data, fitted.bag, rows)
    if of_unseen:
        return fitted.level + fitted.bag.mean_of_unseen(members, data.customer[rows])
    return fitted.level + np.asarray(members.mean(axis=0))


def member_margins(data: Histories, bag: Bag, rows: NDArray[Any]) -> Floats:
    """Return each member's margin of some rows, (members, rows); a row is scored by a bag once, and then remembered."""
    asked = np.flatnonzero(rows) if rows.dtype == bool else rows
    key = "margins", data.columns, id(bag)
    if key not in data.computed:  # the bag itself is kept with its scores, so that its id stays its own
        data.computed[key] = bag, np.full((len(data.matrix), len(bag.members)), np.nan)
    kept: Floats = data.computed[key][1]
    new = asked[np.isnan(kept[asked, 0])]
    if len(new):
        kept[new] = bag.member_margins(data.matrix[new]).T
    return np.ascontiguousarray(kept[asked].T)


def moved(calibration: Calibration, data: Histories, final: FittedBag, options: Options) -> Calibration:
    """The calibration of the final bag's bare margins (its level goes into the intercept), through the cycle where a
    central tendency is given: over the customers of the last month end."""
    calibration = replace(calibration, intercept=calibration.intercept + calibration.slope * final.level)
    if options.central_tendency is None:
        return calibration
    latest = data.on == data.on.max()
    shifted = calibration.through_the_cycle(final.bag.margin(data.matrix[latest]), options.central_tendency)
    return replace(shifted, conservatism=options.conservatism)
