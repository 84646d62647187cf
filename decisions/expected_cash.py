"""Expected cash: in which stretch of days from now open items are paid, given that they are unpaid now."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from models.delay.payment_curve import Curves

CASH_BUCKETS = ("0_30", "31_60", "61_90", "over_90")  # days from the day asked; over_90 holds what is never paid too
BUCKET_ENDS = (30, 60, 90)


def paid_by_bucket(curves: Curves) -> pd.DataFrame:
    """P(paid in each bucket of days from the day asked | unpaid then), one row a curve; a row adds up to 1."""
    left = [np.ones(len(curves.asked)), *(curves.unpaid_on(curves.asked + end) for end in BUCKET_ENDS)]
    shares = [before - after for before, after in pairwise(left)]
    return pd.DataFrame(dict(zip(CASH_BUCKETS, [*shares, left[-1]], strict=True)))


def expected_cash(open_amount: pd.Series, paid: pd.DataFrame, customer_id: pd.Series) -> pd.DataFrame:
    """Σ open amount · P(paid in the bucket), one row a customer that has an open item; columns are the buckets."""
    weighted = paid.mul(open_amount.to_numpy(), axis=0)
    return weighted.groupby(customer_id.to_numpy()).sum()
