"""The rows behind a default model's figures: kept with the run, so that gates, reports and plots re-derive every figure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.rating_scale import MASTER_SCALE
from training.default.data import Histories
from training.default.evaluation import FEW_SETTLED, rules
from training.splits import customer_folds

Floats = NDArray[np.float64]

MOST_ROWS = 60_000  # evaluation rows kept; above it the customers of some folds, all of their rows
FOLDS = 1_000


def kept_rows(data: Histories, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of the evaluation rows are kept: all, or those of as many customers as come to MOST_ROWS rows.

    Customers are drawn by the hash of their id, so that two runs keep the same ones.
    """
    if len(rows) <= MOST_ROWS:
        return np.ones(len(rows), dtype=np.bool_)
    fold = customer_folds(data.customer[rows], FOLDS, "evidence")
    return fold < int(FOLDS * MOST_ROWS / len(rows))


def evidence_rows(
    data: Histories, rows: NDArray[np.int64], y: Floats, log_odds: Floats, pds: Mapping[int, Floats]
) -> pd.DataFrame:
    """Return one row per evaluation snapshot with its prediction and its outcome.

    Parameters
    ----------
    rows : (n,) positions in the histories. y : (n,) 1 where a default came within the horizon, else 0. log_odds : (n,)
        calibrated, out of time, by members that never saw the customer. pds : horizon in months -> (n,) PDs.

    Returns
    -------
    pandas.DataFrame
        customer_id, as_of, month, y, log_odds, pd, pd_{h}m for the shorter horizons, grade, country, industry
        ("not given" where the ledger has none), rule_days_past_due, rule_dbt (plain rules' scores, higher is riskier),
        is_thin (fewer than 5 settled invoices).
    """
    horizon = data.policy.horizon_months
    customers = data.ledger.customers.set_index("customer_id")
    rule = rules(data, rows)
    segments = {
        name: customers[name].reindex(data.customer[rows]).astype(object).fillna("not given").to_numpy()
        for name in ("country", "industry")
    }
    settled = np.nan_to_num(data.book_column("invoices_settled_ever", rows))
    return pd.DataFrame({
        "customer_id": data.customer[rows].astype(str), "as_of": data.on[rows].astype("datetime64[s]"),
        "month": data.month[rows], "y": y, "log_odds": log_odds, "pd": pds[horizon],
        **{f"pd_{h}m": p for h, p in pds.items() if h != horizon}, "grade": MASTER_SCALE.grade(pds[horizon]),
        **segments, "rule_days_past_due": rule["days_past_due"], "rule_dbt": rule["dbt"],
        "is_thin": settled < FEW_SETTLED,
    })  # fmt: skip
