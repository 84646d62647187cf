"""The steps of time in which an item may be paid, and the row of numbers that the hazard model sees for each step.

A step (start, end] is counted in days late: day 0 is the due date, days before it are below 0. An item's first step
starts on the day of the question, so that everything that follows is conditional on being unpaid until then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from features.catalogue.habit import STEPS as HABIT_STEPS
from features.catalogue.habit import WEEKDAYS, step_name
from features.engine.items import DAYS_AFTER_DUE, DAYS_BEFORE_DUE
from features.engine.similar_invoices import CURVE as LIKE_COLUMNS
from ledger.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# ends of steps in days late: single days where most payments come, wide steps in the tail
ENDS = np.array(
    [-30, -20, -15, -10, -7, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 24, 29, 35,
     45, 59, 75, 89, 120, 180, 270, 365],
    dtype=np.int64,
)  # fmt: skip
THRESHOLDS = (1, 5, 30, 60, 90)  # p_late_k: at least k days late; k - 1 is an end of a step for each
FAR_FROM_DUE = -30  # before this day steps count from the question: who has long terms pays by the issue date
LONG_PAST_DUE = 120  # from this day on, too: nothing changes at 180 days past due
ENDS_FROM_QUESTION = np.array([7, 14, 21, 30, 45, 60, 90, 120, 180, 365], dtype=np.int64)
LONGEST = 365  # days late up to which the curve is followed for an item not yet so late

HABIT_COLUMNS = tuple(step_name(end) for end in HABIT_STEPS)
WEEKDAY_COLUMNS = tuple(f"payment_{words[0]}_share_12m" for words in WEEKDAYS)
POSITION_COLUMNS = ("item_days_past_due", "item_days_until_due", "item_terms_days", "item_due_weekday",
                    "item_due_day_of_month", "item_due_days_to_month_end", "item_due_month",
                    "item_closed_days")  # fmt: skip
DUE_MOVED = "item_due_moved_days"  # days by which an implausible due date was moved: the axis of steps counts from the usual one
OTHER_INPUTS = ("habit_weight", "days_to_settle_median_12m", "similar_curve_invoices", "item_due_days_to_working_day")
INPUTS = (*POSITION_COLUMNS, DUE_MOVED, *OTHER_INPUTS, *HABIT_COLUMNS, *WEEKDAY_COLUMNS, *LIKE_COLUMNS)

# what the model sees of a step, and the input column that answers for it in an explanation
STEP_COLUMNS = {
    "step_end": "item_days_past_due", "step_start": "item_days_past_due", "step_days": "item_days_past_due",
    "step_weekday": "item_due_weekday", "step_working_days": "item_due_weekday",
    "step_closed_before": "item_due_days_to_working_day", "step_closed_after": "item_due_days_to_working_day",
    "step_days_to_month_end": "item_due_days_to_month_end", "step_days_since_issue": "item_terms_days",
    "step_days_to_usual": "days_to_settle_median_12m", "step_habit": "habit_paid_by_day_0",
    "step_habit_before": "habit_paid_by_day_0", "step_payment_weekdays": "payment_monday_share_12m",
    "step_like": "similar_paid_by_day_0", "step_like_before": "similar_paid_by_day_0",
    "step_habit_with_closed": "habit_paid_by_day_0", "step_like_with_closed": "similar_paid_by_day_0",
}  # fmt: skip
MOST_CLOSED = 10  # days in a row
HABIT_PRIOR = 4.0  # weighted invoices that the curve of all customers counts for
LIKE_PRIOR = 2.0  # like invoices that the customer's own curve counts for


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The steps of many items, one row a step, an item's steps beside one another in order of time.

    first : (items + 1,) where each item's steps start. item, start, end : (steps,) the item, and the step's days late.
    """

    first: Ints
    item: Ints
    start: Ints
    end: Ints


def asked_day(X: pd.DataFrame) -> Ints:
    """Return the day of the question in days late of each item (below 0: not due yet), counted from its usual due date
    where the stated one is implausible. Raises InputError where it is
    missing.
    """
    day = X["item_days_past_due"].to_numpy(np.float64) - X["item_days_until_due"].to_numpy(np.float64)
    if np.isnan(day).any():
        raise InputError(
            f"items: {int(np.isnan(day).sum()):,} of {len(day):,} have no item_days_past_due or item_days_until_due."
        )
    return day.astype(np.int64)


def days_moved(X: pd.DataFrame) -> Ints:
    """Return by how many days each item's stated due date lies after the one from which its steps count; 0 for plausible ones."""
    return X[DUE_MOVED].to_numpy(np.float64).astype(np.int64)


def steps_after(asked: Ints) -> Steps:
    """Return all steps of items asked on these days (in days late) until the end of the curve."""
    never = np.full(len(asked), 2**31, dtype=np.int64)
    return Steps(
        **dict(zip(("item", "start", "end", "first"), _steps(asked, never, ENDS, ENDS_FROM_QUESTION), strict=True))
    )


def steps_seen(asked: Ints, ended: Ints, is_paid: NDArray[np.bool_]) -> tuple[Steps, NDArray[np.int8]]:
    """Return the steps that were seen to their end, and whether the item was paid in each.

    asked : days late on the day of the question. ended : days late when paid, or when last observed unpaid. A step in
    which observation ended without payment is left out: what happened in it is not known.
    """
    steps = Steps(
        **dict(zip(("item", "start", "end", "first"), _steps(asked, ended, ENDS, ENDS_FROM_QUESTION), strict=True))
    )
    paid_here = is_paid[steps.item] & (ended[steps.item] <= steps.end)
    seen = paid_here | (steps.end <= ended[steps.item])
    first = np.concatenate([[0], np.cumsum(np.bincount(steps.item[seen], minlength=len(asked)))])
    return Steps(first=first, item=steps.item[seen], start=steps.start[seen], end=steps.end[seen]), paid_here[
        seen
    ].astype(np.int8)


@njit(cache=True)
def _steps(asked, ended, ends, from_question):  # type: ignore[no-untyped-def]
    """Return (item, start, end, first): the steps of each item that start before it ended."""
    n = len(asked)
    first = np.zeros(n + 1, dtype=np.int64)
    place = np.empty(n * (len(ends) + len(from_question)), dtype=np.int64)
    start, end = np.empty_like(place), np.empty_like(place)
    m = 0
    for i in range(n):
        at = asked[i]
        if at < FAR_FROM_DUE or at >= LONG_PAST_DUE:
            for wait in from_question:
                to = asked[i] + wait
                if asked[i] < FAR_FROM_DUE and to >= FAR_FROM_DUE:
                    break
                if at < ended[i]:
                    place[m], start[m], end[m] = i, at, to
                    m += 1
                at = to
        if asked[i] < LONG_PAST_DUE:
            for to in ends:
                if to > at:
                    if at < ended[i]:
                        place[m], start[m], end[m] = i, at, to
                        m += 1
                    at = to
        first[i + 1] = m
    return place[:m].copy(), start[:m].copy(), end[:m].copy(), first


def habit_curve(X: pd.DataFrame, pooled: Floats) -> Floats:
    """Return (items, habit steps + 1): share unpaid before each habit step and after the last, drawn towards `pooled` hazards.

    A customer without history has the curve of all customers. The first value is 1.
    """
    everybody = np.broadcast_to(pooled, (len(X), len(HABIT_STEPS)))
    return _drawn_towards(everybody, HABIT_PRIOR, X, HABIT_COLUMNS, "habit_weight")


def similar_curve(X: pd.DataFrame, habit: Floats) -> Floats:
    """Return the same of the invoices like the item, drawn towards the customer's own curve `habit` (items, habit steps + 1)."""
    hazards = 1.0 - habit[:, 1:] / np.maximum(habit[:, :-1], 1e-12)
    return _drawn_towards(hazards, LIKE_PRIOR, X, LIKE_COLUMNS, "similar_curve_invoices")


def _drawn_towards(prior: Floats, counts: float, X: pd.DataFrame, columns: tuple[str, ...], weight: str) -> Floats:
    """Return the curve of an item's own hazards drawn towards those of `prior`, which counts for so many invoices."""
    own, rests_on = X[list(columns)].to_numpy(np.float64), np.nan_to_num(X[weight].to_numpy(np.float64))
    curve, unpaid = np.ones((len(X), len(columns) + 1)), np.ones(len(X))
    for k in range(len(columns)):
        is_known = ~np.isnan(own[:, k])
        behind = np.where(is_known, rests_on * unpaid, 0.0)
        hazard = (np.nan_to_num(own[:, k]) * behind + counts * prior[:, k]) / (behind + counts)
        unpaid = unpaid * np.where(is_known, 1.0 - np.nan_to_num(own[:, k]), 1.0)
        curve[:, k + 1] = curve[:, k] * (1.0 - hazard)
    return curve


def pooled_habit(X: pd.DataFrame) -> Floats:
    """Return the hazards of the curve of all customers: the mean of theirs, each by the weight that reached the step."""
    own = X[list(HABIT_COLUMNS)].to_numpy(np.float64)
    unpaid = np.nan_to_num(X["habit_weight"].to_numpy(np.float64))
    pooled = np.empty(len(HABIT_STEPS))
    for k in range(len(HABIT_STEPS)):
        reached = np.where(np.isnan(own[:, k]), 0.0, unpaid)
        paid = float(np.sum(np.nan_to_num(own[:, k]) * reached))
        pooled[k] = (paid + 0.5) / (float(np.sum(reached)) + 1.0)
        unpaid = unpaid * (1.0 - np.nan_to_num(own[:, k]))
    return pooled


def step_values(X: pd.DataFrame, steps: Steps, pooled: Floats) -> Floats:
    """Return (steps, STEP_COLUMNS): what the model sees of each step."""
    missing = [name for name in INPUTS if name not in X.columns]
    if missing:
        raise InputError(
            f"the delay model needs the columns {', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}."
        )
    at = {name: X[name].to_numpy(np.float64) for name in (*POSITION_COLUMNS, *OTHER_INPUTS)}
    calendar = np.column_stack([at[name] for name in POSITION_COLUMNS[3:]]).astype(np.int64)
    weekdays = np.nan_to_num(X[list(WEEKDAY_COLUMNS)].to_numpy(np.float64), nan=1.0 / len(WEEKDAY_COLUMNS))
    habit = habit_curve(X, pooled)
    return _step_values(
        steps.item, steps.start, steps.end, calendar, at["item_terms_days"], at["days_to_settle_median_12m"],
        habit, similar_curve(X, habit), np.array(HABIT_STEPS, dtype=np.float64), weekdays,
    )  # fmt: skip


@njit(cache=True)
def _unpaid_at(curve, ends, at):  # type: ignore[no-untyped-def]
    """Return the habit curve on a day: linear between steps, constant outside."""
    if at < ends[0]:
        return 1.0
    k = np.searchsorted(ends, at, side="right") - 1
    if k + 1 >= len(ends):
        return curve[len(ends)]
    share = (at - ends[k]) / (ends[k + 1] - ends[k])
    return curve[k + 1] * (1.0 - share) + curve[k + 2] * share


@njit(cache=True)
def _is_closed(day, due_weekday, closed_days):  # type: ignore[no-untyped-def]
    """Return whether a day, counted from the due date, is no working day: by the bits of item_closed_days near the due date, by the
    weekday further off."""
    bit = day + DAYS_BEFORE_DUE
    if 0 <= bit <= DAYS_BEFORE_DUE + DAYS_AFTER_DUE:
        return (closed_days >> bit) & 1 == 1
    return (due_weekday + day) % 7 >= 5


@njit(cache=True)
def _closed_in_a_row(day, way, due_weekday, closed_days):  # type: ignore[no-untyped-def]
    """Return how many days in a row, from `day` on in the direction of `way`, are no working days; at most MOST_CLOSED."""
    count = 0
    while count < MOST_CLOSED and _is_closed(day + way * count, due_weekday, closed_days):
        count += 1
    return count


@njit(cache=True)
def _paid_between(curve, ends, start, end):  # type: ignore[no-untyped-def]
    """Return the share of what is unpaid on one day that is paid by another, by a habit curve."""
    return 1.0 - _unpaid_at(curve, ends, end) / max(_unpaid_at(curve, ends, start), 1e-6)


@njit(cache=True)
def _days_to_month_end(offset, day_of_month, to_month_end, month):  # type: ignore[no-untyped-def]
    """Return days from (due date + offset) to the end of its month; other months than the due date's have no leap day."""
    lengths = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    rest, m = to_month_end - offset, month - 1
    length = day_of_month + to_month_end
    while rest >= length:
        rest -= length
        m = (m + 11) % 12
        length = lengths[m]
    while rest < 0:
        m = (m + 1) % 12
        rest += lengths[m]
    return rest


@njit(cache=True)
def _step_values(item, start, end, calendar, terms, usual, curve, like, habit_ends, weekdays):  # type: ignore[no-untyped-def]
    out = np.empty((len(item), 17))
    for r in range(len(item)):
        i, lo, hi = item[r], start[r], end[r]
        due_weekday = calendar[i, 0]
        working, share = 0, 0.0
        for day in range(lo + 1, min(hi, lo + 35) + 1):
            if not _is_closed(day, due_weekday, calendar[i, 4]):
                working += 1
                if (due_weekday + day) % 7 < 5:
                    share += weekdays[i, (due_weekday + day) % 7]
        before, after = _unpaid_at(curve[i], habit_ends, lo), _unpaid_at(curve[i], habit_ends, hi)
        out[r, 0], out[r, 1], out[r, 2] = hi, lo, hi - lo
        out[r, 3], out[r, 4] = (due_weekday + hi) % 7, working
        out[r, 5] = _closed_in_a_row(lo, -1, due_weekday, calendar[i, 4])
        later = _closed_in_a_row(hi + 1, 1, due_weekday, calendar[i, 4])
        out[r, 6] = later
        # who would pay on the closed days that follow may pay before them
        if working > 0:
            for day in range(hi + 1, hi + later + 1):
                if (due_weekday + day) % 7 < 5:
                    share += weekdays[i, (due_weekday + day) % 7]
        out[r, 7] = _days_to_month_end(hi, calendar[i, 1], calendar[i, 2], calendar[i, 3])
        out[r, 8] = terms[i] + hi
        out[r, 9] = terms[i] + hi - usual[i]
        out[r, 10] = 1.0 - after / max(before, 1e-6)
        out[r, 11] = before
        out[r, 12] = share
        before, after = _unpaid_at(like[i], habit_ends, lo), _unpaid_at(like[i], habit_ends, hi)
        out[r, 13], out[r, 14] = 1.0 - after / max(before, 1e-6), before
        out[r, 15] = _paid_between(curve[i], habit_ends, lo, hi + later) if working > 0 else 0.0
        out[r, 16] = _paid_between(like[i], habit_ends, lo, hi + later) if working > 0 else 0.0
    return out
