"""The line from a default model's margins to log-odds, fitted out of time, and its move by policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.calibration import Calibration, fit_calibration
from training.default_data import Histories, Outcomes
from training.default_stages import SHORTEST_MONTHS, FittedBag, Options

Floats = NDArray[np.float64]

CROSSED_SLOPE_SD = 0.3  # of the prior around 1 of the slope found on customers left out
SLOPE_SD, LEVEL_SD = 0.05, 0.15  # how far later months may move that line: their outcomes are young and few


def calibrate(
    data: Histories, earlier: Sequence[FittedBag], crossed: FittedBag, until: pd.Timestamp, options: Options, *,
    of_unseen: bool,
) -> Calibration:  # fmt: skip
    """The line from margins to log-odds, from outcomes known on `until`.

    First by customers left out: the months up to the day of the bag `crossed`, each customer by members that never saw
    it. Then out of time: months after the days of the `earlier` bags, each scored by the last bag fitted before it, may
    move slope and level by normal priors around the first line. Rows observed over fewer months count with their
    offset; later months have little else, and those who default within few months are the easiest to tell, so their
    slope alone would be too steep (docs/default-model.md).

    of_unseen : later months by members that never saw the customer (for judging), or by all (for the final model).
    """
    seen = data.outcomes(until)
    first = _by_customers_left_out(data, seen, crossed)
    margin, offset = _later_margins(data, seen, earlier, until, of_unseen)
    rows = np.flatnonzero(~np.isnan(margin))
    y = seen.within(seen.mature_months)[rows]
    if len(set(data.customer[rows][y > 0])) < 2:
        return replace(first, conservatism=options.conservatism)
    second = fit_calibration(
        first.log_odds(margin[rows]), y, _one_story(data.customer[rows]), offset=offset[rows], slope_sd=SLOPE_SD,
        level_sd=LEVEL_SD,
    )  # fmt: skip
    intercept = second.slope * first.intercept + second.intercept
    return Calibration(slope=second.slope * first.slope, intercept=intercept, conservatism=options.conservatism)


def _by_customers_left_out(data: Histories, seen: Outcomes, bag: FittedBag) -> Calibration:
    """The line on the months that the bag was fitted on, each customer by members that never saw it; the margin as it
    stands where fewer than two of them defaulted."""
    shortest = min(SHORTEST_MONTHS, data.policy.horizon_months)
    rows = np.flatnonzero(seen.usable(shortest) & (data.on <= np.datetime64(bag.origin, "D")))
    y = seen.within(seen.mature_months)[rows]
    if len(set(data.customer[rows][y > 0])) < 2:
        return Calibration(slope=1.0, intercept=0.0)
    z = margins(data, bag, rows, of_unseen=True)
    offset = bag.term_structure.offset(z, seen.mature_months[rows])
    return fit_calibration(z, y, _one_story(data.customer[rows]), offset=offset, slope_sd=CROSSED_SLOPE_SD)


def _later_margins(
    data: Histories, seen: Outcomes, bags: Sequence[FittedBag], until: pd.Timestamp, of_unseen: bool
) -> tuple[Floats, Floats]:
    """(margin, offset of the months observed) of each row after a bag's day; NaN where there is none before it."""
    usable = seen.usable(min(SHORTEST_MONTHS, data.policy.horizon_months))
    margin, offset = np.full(len(usable), np.nan), np.zeros(len(usable))
    for position, bag in enumerate(bags):
        end = bags[position + 1].origin if position + 1 < len(bags) else until
        after = (data.on > np.datetime64(bag.origin, "D")) & (data.on <= np.datetime64(end, "D"))
        rows = np.flatnonzero(usable & after)
        if len(rows):
            margin[rows] = margins(data, bag, rows, of_unseen)
            offset[rows] = bag.term_structure.offset(margin[rows], seen.mature_months[rows])
    return margin, offset


def _one_story(customer: NDArray[np.object_]) -> Floats:
    """Weights with which a customer's months together weigh like the median customer's one: they are one story."""
    counts = np.unique(customer.astype(str), return_counts=True)[1]
    return np.full(len(customer), 1.0 / np.median(counts))


def margins(data: Histories, fitted: FittedBag, rows: NDArray[Any], of_unseen: bool) -> Floats:
    """Log-odds before calibration: the bag's level and margin."""
    if of_unseen:
        return fitted.level + fitted.bag.margin_of_unseen(data.matrix[rows], data.customer[rows])
    return fitted.level + fitted.bag.margin(data.matrix[rows])


def moved(calibration: Calibration, data: Histories, final: FittedBag, options: Options) -> Calibration:
    """The calibration of the final bag's bare margins (its level goes into the intercept), through the cycle where a
    central tendency is given: over the customers of the last month end."""
    calibration = replace(calibration, intercept=calibration.intercept + calibration.slope * final.level)
    if options.central_tendency is None:
        return calibration
    latest = data.on == data.on.max()
    shifted = calibration.through_the_cycle(final.bag.margin(data.matrix[latest]), options.central_tendency)
    return replace(shifted, conservatism=options.conservatism)
