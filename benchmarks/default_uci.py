"""`python -m benchmarks.default_uci`: the default model's bag on UCI card statements, imported as a ledger, by 5-fold.

Features are made of the ledger as known on 2005-09-30 (statements, payments, limits, repayment status); the outcome is
an event of the month after. SEX, EDUCATION, MARRIAGE and AGE never reach the ledger.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_predict

from benchmarks.default_book import SHARED, imported
from benchmarks.default_folds import cross_validated, print_figures
from features.known import known_on
from features.ledger import Ledger
from models.protected import refuse_protected
from training.bagging import Shape

AS_OF = "2005-09-30"
SOURCE = SHARED / "uci-credit-card" / "default.csv"
SHAPE = Shape(
    rounds=300, learning_rate=0.03, leaves=12, depth=5, smallest_leaf=60, l2=20.0, feature_share=0.2, folds=6,
    repeats=1,
    every_month=1,
)  # fmt: skip


def _by_month(frame: pd.DataFrame, ids: pd.Series, day: str, value: str) -> np.ndarray:
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
    used, late = balance / limit[:, None], np.maximum(status, 0)
    found = {"credit_limit": limit}
    for i in range(6):
        found |= {f"status_{i}": status[:, i], f"balance_{i}": balance[:, i], f"paid_{i}": paid[:, i]}
        found |= {f"used_{i}": used[:, i], f"paid_to_limit_{i}": paid[:, i] / limit}
    for i in range(5):
        before = np.where(balance[:, i + 1] > 0, balance[:, i + 1], np.nan)
        found[f"paid_share_{i}"] = paid[:, i] / before
        found[f"left_{i}"] = (balance[:, i + 1] - paid[:, i]) / limit
        found[f"bought_{i}"] = (balance[:, i] - balance[:, i + 1] + paid[:, i]) / limit
    found |= {
        "status_max": status.max(axis=1), "status_sum": late.sum(axis=1), "status_mean": status.mean(axis=1),
        "months_late": (status > 0).sum(axis=1), "months_late_2": (status >= 2).sum(axis=1),
        "months_since_late": np.where((status > 0).any(axis=1), (status > 0).argmax(axis=1), 9),
        "status_change": status[:, :2].mean(axis=1) - status[:, 2:].mean(axis=1), "used_mean": used.mean(axis=1),
        "used_max": used.max(axis=1), "used_change": used[:, :3].mean(axis=1) - used[:, 3:].mean(axis=1),
        "paid_mean": (paid / limit[:, None]).mean(axis=1), "paid_min": (paid / limit[:, None]).min(axis=1),
        "months_unpaid": (paid == 0).sum(axis=1),
        "paid_share_all": paid[:, :5].sum(axis=1) / np.maximum(np.clip(balance[:, 1:], 0, None).sum(axis=1), 1.0),
    }  # fmt: skip
    return ids, pd.DataFrame(found)


def main() -> None:
    if not SOURCE.exists():
        print("skipped: ../shared/data/uci-credit-card is not here.")
        return
    whole = imported("uci-card", SOURCE)
    ids, X = statement_features(known_on(whole, AS_OF))
    refuse_protected(X.columns)
    y = np.asarray(ids.isin(whole.events.loc[whole.events["kind"] == "write_off", "customer_id"]), dtype=np.float64)
    rising = [int(name.startswith(("status", "months_late"))) and name != "status_change" for name in X.columns]
    p = cross_validated(X.to_numpy(), y, [int(r) for r in rising], SHAPE, folds=5)
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
