"""Steps of time: their bounds, which of them were seen, and the habit curve drawn towards everybody's."""

import numpy as np
import pandas as pd
import pytest

from features.engine.items import DAYS_AFTER_DUE, DAYS_BEFORE_DUE
from ledger.errors import InputError
from ledger.working_days import closed_days_near
from models.delay.payment_steps import (
    ENDS,
    FAR_FROM_DUE,
    HABIT_COLUMNS,
    INPUTS,
    LONG_PAST_DUE,
    STEP_COLUMNS,
    THRESHOLDS,
    WEEKDAY_COLUMNS,
    _closed_in_a_row,
    _days_to_month_end,
    _is_closed,
    asked_day,
    habit_curve,
    step_values,
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


def test_the_share_of_a_closed_weekday_counts_on_the_working_day_before() -> None:
    # due on Friday 2019-11-15; Monday the 11th is closed; the customer pays on Mondays, or on any day
    due = np.array(["2019-11-15"] * 2, dtype="datetime64[D]").astype(np.int64)
    bits = closed_days_near(["", ""], ["USD", "USD"], due, DAYS_BEFORE_DUE, DAYS_AFTER_DUE)
    of_weekdays = dict(zip(WEEKDAY_COLUMNS, ([1.0, 0.2], [0.0, 0.2], [0.0, 0.2], [0.0, 0.2], [0.0, 0.2]), strict=True))
    X = pd.DataFrame(
        {name: [0.0, 0.0] for name in INPUTS}
        | of_weekdays
        | {"item_closed_days": bits.astype(np.float64), "item_due_weekday": 4.0, "item_due_day_of_month": 15.0}
        | {"item_due_days_to_month_end": 15.0, "item_due_month": 11.0, "item_days_until_due": 15.0}
    )
    steps = steps_after(np.array([-15, -15]))
    values = pd.DataFrame(step_values(X, steps, np.full(len(HABIT_COLUMNS), 0.1)), columns=list(STEP_COLUMNS))
    at = {(int(i), int(e)): row for i, e, (_, row) in zip(steps.item, steps.end, values.iterrows(), strict=True)}
    monday, week_before = at[0, -4], at[0, -7]  # the step to day -7 is Wednesday to Friday the 8th
    assert monday["step_working_days"] == 0
    assert monday["step_payment_weekdays"] == 0
    assert monday["step_habit_with_closed"] == 0
    assert week_before["step_closed_after"] == 3
    assert week_before["step_payment_weekdays"] == 1.0
    assert at[1, -7]["step_payment_weekdays"] == pytest.approx(0.2 * 4)
    assert week_before["step_habit_with_closed"] > week_before["step_habit"]
