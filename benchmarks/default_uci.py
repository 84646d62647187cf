"""`python -m benchmarks.default_uci`: the default model's bag on UCI card statements, imported as a ledger, by 5-fold.

Features are made of the ledger as known on 2005-09-30 (statements, payments, limits, repayment status); the outcome is
an event of the month after. SEX, EDUCATION, MARRIAGE and AGE never reach the ledger.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_predict

from benchmarks.default_book import SHARED, imported
from benchmarks.default_folds import cross_validated, print_figures
from features.known import known_on
from features.ledger import Ledger
from models.protected import refuse_protected
from training.bagging import Shape

Floats = NDArray[np.float64]
AS_OF = "2005-09-30"
SOURCE = SHARED / "uci-credit-card" / "default.csv"
SHAPE = Shape(
    rounds=300, learning_rate=0.03, leaves=12, depth=5, smallest_leaf=60, l2=20.0, feature_share=0.15, folds=10,
    repeats=2,
    every_month=1,
)  # fmt: skip
MONTHS = 6
RISING = ("late_", "months_late", "status_max", "status_sum")  # a status itself is no scale: 0 (revolving) beats -1


def _by_month(frame: pd.DataFrame, ids: pd.Series, day: str, value: str) -> Floats:
    """(customers, 6) with the latest month first; NaN where a month has nothing."""
    month = frame[day].dt.to_period("M").astype(str)
    wide = frame.assign(month=month).pivot_table(index="customer_id", columns="month", values=value, aggfunc="sum")
    return wide.reindex(ids)[sorted(wide.columns)[::-1]].to_numpy(dtype=np.float64)


def statement_features(ledger: Ledger) -> tuple[pd.Series, pd.DataFrame]:
    """(ids, one row a customer): statuses, balances, payments, their ratios and changes, latest month first."""
    ids = ledger.customers["customer_id"]
    facts = ledger["attributes"].assign(number=lambda f: f["value"].astype(float))
    status = _by_month(facts[facts["name"] == "repayment_status"], ids, "observed_on", "number")
    balance = _by_month(facts[facts["name"] == "statement_balance"], ids, "observed_on", "number")
    paid = np.nan_to_num(_by_month(ledger.payments[ledger.payments["kind"] == "payment"], ids, "paid_on", "amount"))
    limit = ledger["credit_terms"].set_index("customer_id")["credit_limit"].reindex(ids).to_numpy()
    found = {
        "credit_limit": limit,
        **_lateness(status),
        **_exposure(balance, limit),
        **_payments(balance, paid, limit),
    }
    return ids, pd.DataFrame(found)


def _each(name: str, values: Floats) -> dict[str, Floats]:
    """A column a month, 0 the latest."""
    return {f"{name}_{i}": values[:, i] for i in range(values.shape[1])}


def _lateness(status: Floats) -> dict[str, Floats]:
    """What the repayment statuses say: months late, how often, how lately, and the change."""
    late = np.maximum(status, 0)
    return {
        **_each("status", status), **_each("late", late), "late_recent": late @ 0.7 ** np.arange(MONTHS),
        "late_2_months": late[:, :2].sum(axis=1), "late_3_months": late[:, :3].sum(axis=1),
        "status_max": status.max(axis=1), "status_sum": late.sum(axis=1), "status_mean": status.mean(axis=1),
        "months_late": (status > 0).sum(axis=1), "months_late_2": (status >= 2).sum(axis=1),
        "months_since_late": np.where((status > 0).any(axis=1), (status > 0).argmax(axis=1), 9),
        "status_change": status[:, :2].mean(axis=1) - status[:, 2:].mean(axis=1),
        "status_step_1": status[:, 0] - status[:, 1], "status_step_2": status[:, 1] - status[:, 2],
        "months_revolving": (status == 0).sum(axis=1), "months_status_paid": (status == -1).sum(axis=1),
        "months_nothing_bought": (status == -2).sum(axis=1),
    }  # fmt: skip


def _exposure(balance: Floats, limit: Floats) -> dict[str, Floats]:
    """Balances, and their shares of the limit: level, spread, slope, months near and above it."""
    used, room = balance / limit[:, None], limit[:, None] - balance
    back = (MONTHS - 1) / 2 - np.arange(MONTHS)  # months, centred, later ones above
    return {
        **_each("balance", balance), **_each("used", used), "used_mean": used.mean(axis=1), "used_max": used.max(axis=1),
        "used_change": used[:, :3].mean(axis=1) - used[:, 3:].mean(axis=1), "used_deviation": used.std(axis=1),
        "used_slope": (used - used.mean(axis=1, keepdims=True)) @ back / np.sum(back**2),
        "months_above_limit": (used > 1).sum(axis=1), "months_near_limit": (used > 0.9).sum(axis=1),
        "balance_3_months": balance[:, :3].mean(axis=1), "balance_max": balance.max(axis=1),
        "balance_jump": (balance[:, 0] - balance[:, 1:].mean(axis=1)) / limit, "room": room[:, 0],
        "room_min": room.min(axis=1),
    }  # fmt: skip


def _payments(balance: Floats, paid: Floats, limit: Floats) -> dict[str, Floats]:
    """Payments: of the limit, of the statement before (NaN where that had no balance), and what they left."""
    to_limit, before, months_back = paid / limit[:, None], balance[:, 1:], paid[:, :-1]
    share = np.where(before > 0, months_back / np.where(before > 0, before, 1.0), np.nan)
    has_share = ~np.isnan(share)
    owed = np.clip(before, 0, None)
    counted = np.sort(np.where(has_share, share, np.inf), axis=1)
    least = np.where(has_share.any(axis=1), counted[:, 0], np.nan)
    return {
        **_each("paid", paid), **_each("paid_to_limit", to_limit), **_each("paid_share", share),
        **_each("left", (before - months_back) / limit[:, None]),
        **_each("bought", (balance[:, :-1] - before + months_back) / limit[:, None]),
        "paid_mean": to_limit.mean(axis=1), "paid_min": to_limit.min(axis=1), "paid_deviation": to_limit.std(axis=1),
        "months_unpaid": (paid == 0).sum(axis=1), "paid_3_months": paid[:, :3].sum(axis=1),
        "paid_6_months": paid.sum(axis=1), "paid_max": paid.max(axis=1),
        "paid_3_months_to_limit": paid[:, :3].sum(axis=1) / limit,
        "paid_recent_share": paid[:, :2].sum(axis=1) / np.maximum(paid.sum(axis=1), 1.0),
        "paid_share_all": months_back.sum(axis=1) / np.maximum(owed.sum(axis=1), 1.0), "paid_share_min": least,
        "months_paid_in_full": (has_share & (share >= 0.99)).sum(axis=1),
        "months_paid_little": (has_share & (share < 0.06)).sum(axis=1),
        "left_6_months": np.clip(owed - months_back, 0, None).sum(axis=1) / limit,
    }  # fmt: skip


def main() -> None:
    if not SOURCE.exists():
        print("skipped: ../shared/data/uci-credit-card is not here.")
        return
    whole = imported("uci-card", SOURCE)
    ids, X = statement_features(known_on(whole, AS_OF))
    refuse_protected(X.columns)
    y = np.asarray(ids.isin(whole.events.loc[whole.events["kind"] == "write_off", "customer_id"]), dtype=np.float64)
    p = cross_validated(X.to_numpy(), y, [int(name.startswith(RISING)) for name in X.columns], SHAPE, folds=5)
    plain = HistGradientBoostingClassifier(random_state=0)
    boosting = cross_val_predict(plain, X.to_numpy(), y, cv=5, method="predict_proba")[:, 1]
    print(
        f"UCI card, {len(y):,} customers, default rate {y.mean():.3f}, {X.shape[1]} features of the ledger, 5-fold.\n"
    )
    print_figures(
        {"default model's bag, calibrated": p, "plain boosting, same features": boosting,
         "rule: latest repayment status": X["status_0"].to_numpy()}, y,
    )  # fmt: skip


if __name__ == "__main__":
    main()
