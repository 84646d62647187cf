"""Steps of time: their bounds, which of them were seen, and the habit curve drawn towards everybody's."""

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.items import DAYS_AFTER_DUE, DAYS_BEFORE_DUE
from features.working_days import closed_days_near
from models.payment_steps import (
    ENDS,
    FAR_FROM_DUE,
    HABIT_COLUMNS,
    LONG_PAST_DUE,
    THRESHOLDS,
    _closed_in_a_row,
    _days_to_month_end,
    _is_closed,
    asked_day,
    habit_curve,
    steps_after,
    steps_seen,
)


def test_every_threshold_is_read_at_the_end_of_a_step() -> None:
    assert {k - 1 for k in THRESHOLDS} <= set(ENDS.tolist())


@pytest.mark.parametrize("asked", [-400, -31, -5, 0, 40, 119, 120, 500])
def test_steps_start_on_the_day_asked_and_leave_no_gap(asked: int) -> None:
    steps = steps_after(np.array([asked]))
    assert steps.start[0] == asked
    assert (steps.start[1:] == steps.end[:-1]).all()
    assert (steps.end > steps.start).all()
    assert steps.end[-1] == (asked + 365 if asked >= LONG_PAST_DUE else ENDS[-1])


def test_far_from_due_steps_count_from_the_question() -> None:
    steps = steps_after(np.array([FAR_FROM_DUE - 70]))
    assert steps.end[:4].tolist() == [FAR_FROM_DUE - 63, FAR_FROM_DUE - 56, FAR_FROM_DUE - 49, FAR_FROM_DUE - 40]


def test_steps_seen() -> None:
    # paid 2 days late; seen unpaid until 2 days late; seen unpaid until day 11, inside the step (10, 12]
    steps, paid = steps_seen(np.array([-1, -1, 9]), np.array([2, 2, 11]), np.array([True, False, False]))
    seen = [(int(i), int(e), int(p)) for i, e, p in zip(steps.item, steps.end, paid, strict=True)]
    assert seen == [(0, 0, 0), (0, 1, 0), (0, 2, 1), (1, 0, 0), (1, 1, 0), (1, 2, 0), (2, 10, 0)]


def test_item_without_its_dates_is_refused() -> None:
    X = pd.DataFrame({"item_days_past_due": [0.0, np.nan], "item_days_until_due": [3.0, 0.0]})
    with pytest.raises(InputError, match="1 of 2"):
        asked_day(X)


def test_habit_curve_of_a_customer_without_history_is_that_of_all() -> None:
    X = pd.DataFrame({name: [np.nan, 0.0] for name in HABIT_COLUMNS} | {"habit_weight": [0.0, 1e9]})
    pooled = np.full(len(HABIT_COLUMNS), 0.1)
    curve = habit_curve(X, pooled)
    assert curve[0] == pytest.approx(0.9 ** np.arange(len(HABIT_COLUMNS) + 1))
    assert curve[1] == pytest.approx(1.0, abs=1e-6)  # much history, never paid


@pytest.mark.parametrize("offset", [-40, -1, 0, 1, 5, 16, 17, 45, 100])
def test_days_to_month_end(offset: int) -> None:
    due = pd.Timestamp("2023-10-14")
    day = due + pd.Timedelta(days=offset)
    assert _days_to_month_end(offset, 14, 17, 10) == day.days_in_month - day.day


def test_closed_days_near_the_due_date() -> None:
    # due on Friday 2019-11-08; the 11th is Veterans Day in the Federal Reserve's calendar
    due = np.array(["2019-11-08"], dtype="datetime64[D]").astype(np.int64)
    bits = int(closed_days_near([""], ["USD"], due, DAYS_BEFORE_DUE, DAYS_AFTER_DUE)[0])
    closed = [day for day in range(-16, 40) if _is_closed(day, 4, bits)]
    thanksgiving = 20
    weekends = [day for day in range(-16, 40) if (4 + day) % 7 >= 5]
    assert closed == sorted([*weekends, 3, thanksgiving])
    assert _closed_in_a_row(1, 1, 4, bits) == 3  # Saturday, Sunday, Monday
    assert _closed_in_a_row(3, -1, 4, bits) == 3  # before Tuesday
    assert _closed_in_a_row(0, 1, 4, bits) == 0
