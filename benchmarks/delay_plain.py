"""The plain boosting that a delay model must beat: untuned LightGBM on 25 columns of the customer's history."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.engine.histories import build_items
from features.engine.prepared import PreparedLedger
from models import metrics
from models.delay.payment_steps import DUE_MOVED, days_moved
from training.delay.samples import Asked

PLAIN = (
    "late_share_1m", "late_share_3m", "late_share_12m", "late_5_share_1m", "late_5_share_3m", "late_5_share_12m",
    "late_30_share_12m", "days_past_due_mean_3m", "days_past_due_mean_12m", "days_late_median_12m",
    "days_late_settled_mean_3m", "days_late_settled_mean_12m", "days_late_last_settled", "days_since_payment",
    "invoices_ever", "invoices_1m", "open_items", "overdue_items", "overdue_share", "days_since_first_invoice",
    "amount_median_12m", "item_amount", "item_terms_days", "item_due_weekday", "item_due_day_of_month",
)  # fmt: skip
UNTUNED = {"verbose": -1, "num_threads": 2, "seed": 1}
ROUNDS = 100  # LightGBM's own default, as are all other parameters


@dataclass(frozen=True, kw_only=True)
class Plain:
    """late : P(at least 5 days late). days : days late, fitted to absolute errors. One value an item asked."""

    late: NDArray[np.float64]
    days: NDArray[np.float64]


def plain_boosting(prepared: PreparedLedger, past: Asked, items: pd.DataFrame) -> Plain:
    """Fitted on the questions of the past whose answer is known, asked about `items`. Its days too count from the usual due
    date where the stated one is implausible."""
    frames = [build_items(prepared, of, [*PLAIN, DUE_MOVED]) for of in (past.items, items)]
    (X_past, X), (moved_past, moved) = (f[list(PLAIN)].to_numpy(np.float64) for f in frames), map(days_moved, frames)
    known = past.is_paid | (past.ended >= 5)
    late = lgb.train(
        {**UNTUNED, "objective": "binary"},
        lgb.Dataset(X_past[known], (past.ended >= 5).astype(np.float64)[known]),
        ROUNDS,
    )
    days = lgb.train(
        {**UNTUNED, "objective": "l1"},
        lgb.Dataset(X_past[past.is_paid], (past.ended + moved_past)[past.is_paid].astype(np.float64)),
        ROUNDS,
    )
    return Plain(late=np.asarray(late.predict(X)), days=np.rint(np.asarray(days.predict(X))) - moved)


def plain_figures(plain: Plain, asked: Asked) -> dict[str, float]:
    """The figures that have a plain answer, as `evaluate` names them."""
    known, paid = asked.is_paid | (asked.ended >= 5), asked.is_paid
    y, p = (asked.ended[known] >= 5).astype(np.float64), plain.late[known]
    error = np.abs(plain.days - asked.ended)[paid]
    return {
        "auc_late_5": metrics.auc(y, p),
        "average_precision_late_5": metrics.average_precision(y, p),
        "brier_late_5": metrics.brier(y, p),
        "mae_days": float(error.mean()),
        "within_3_days_share": float((error <= 3).mean()),
    }
