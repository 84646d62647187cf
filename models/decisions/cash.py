"""Expected cash: when open items are paid, given for how long they have been unpaid already."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CASH_BUCKETS = ("0_30", "31_60", "61_90", "over_90")  # days from the day asked; over_90 holds what is never paid too
BUCKET_ENDS = (30.0, 60.0, 90.0)
LATER_THAN = (1, 5, 30, 60, 90)
QUANTILES = {"days_late_p10": 0.9, "days_late_p50": 0.5, "days_late_p90": 0.1}  # share still unpaid after so many days
SMALLEST = 1e-9  # a share still unpaid, below which a curve says nothing


def unpaid_share(predicted: pd.DataFrame, first_day: Floats, days_late: Floats) -> Floats:
    """The share expected to be still unpaid after `days_late` days from the due date, one value a row of `predicted`.

    The curve goes through everything that is predicted of an item: P(late > 1, 5, 30, 60, 90) and the 10, 50 and 90 %
    points of days late. It starts at 1 on `first_day` (the issue date, as days from the due date), never rises, has a
    constant rate of payment between its points, and beyond the last one goes on at the last rate.
    """
    points = [
        (predicted[name].to_numpy(dtype=np.float64), np.full(len(predicted), share))
        for name, share in QUANTILES.items()
    ]
    points += [
        (np.full(len(predicted), float(k)), predicted[f"p_late_{k}"].to_numpy(dtype=np.float64)) for k in LATER_THAN
    ]
    start = np.minimum(first_day, np.min([days for days, _ in points], axis=0) - 1.0)
    days = np.column_stack([start, *(d for d, _ in points)])
    share = np.column_stack([np.ones(len(predicted)), *(s for _, s in points)])
    order = np.lexsort((-share, days), axis=1) if len(predicted) else np.zeros(days.shape, dtype=int)
    days = np.take_along_axis(days, order, axis=1)
    log_share = np.log(np.maximum(np.minimum.accumulate(np.take_along_axis(share, order, axis=1), axis=1), SMALLEST))
    found = np.empty(len(predicted))
    for i in range(len(predicted)):
        rate = (log_share[i, -1] - log_share[i, 1]) / max(days[i, -1] - days[i, 1], 1.0)
        beyond = max(days_late[i] - days[i, -1], 0.0)
        found[i] = np.interp(days_late[i], days[i], log_share[i]) + rate * beyond
    return np.exp(found)


def paid_by_bucket(predicted: pd.DataFrame, first_day: Floats, days_late_now: Floats) -> pd.DataFrame:
    """P(paid in each bucket of days from now | unpaid now), one row an item; a row adds up to 1.

    days_late_now : days from the due date to the day asked, negative for an item not due yet.
    """
    now = unpaid_share(predicted, first_day, days_late_now)
    left = [np.ones(len(predicted))]
    left += [unpaid_share(predicted, first_day, days_late_now + end) / now for end in BUCKET_ENDS]
    shares = [before - after for before, after in zip(left, left[1:], strict=False)]
    return pd.DataFrame(dict(zip(CASH_BUCKETS, [*shares, left[-1]], strict=True)), index=predicted.index)


def expected_cash(open_amount: pd.Series, paid: pd.DataFrame, customer_id: pd.Series) -> pd.DataFrame:
    """Σ open amount · P(paid in the bucket), by customer; columns are the buckets."""
    weighted = paid.mul(open_amount.to_numpy(), axis=0)
    return weighted.groupby(customer_id.to_numpy()).sum()
