"""One customer's row of scores as the parts of an answer: JSON has no NaN, so what was not computed is null."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from models.decisions.cash import CASH_BUCKETS
from models.open_items import BUCKETS
from models.scorer import DELAYS, IN_DEFAULT_STATUS, Scorer, Scores


def number(value: Any) -> float | None:
    """A float, or None for a missing one."""
    return None if value is None or math.isnan(value) else float(value)


def text(value: Any) -> str | None:
    """A text, or None for a missing one."""
    return value if isinstance(value, str) else None


def score_of(customer_id: str, row: pd.Series, scorer: Scorer) -> dict[str, Any]:
    """PD, grade and expected loss; null where `special` says why there is no PD of the model."""
    policy = scorer.limit_policy
    return {
        "customer_id": customer_id,
        "special": text(row["special"]), "pd": number(row["pd"]),
        "horizon_months": scorer.default.horizon_months,
        "pd_low": number(row["pd_low"]), "pd_high": number(row["pd_high"]),
        "pd_by_horizon": {f"pd_{m}m": number(row[f"pd_{m}m"]) for m in scorer.default.policy.horizons_months},
        "grade": text(row["grade"]), "score": number(row["score"]),
        "exposure": number(row["exposure"]), "expected_loss": number(row["expected_loss"]),
        "expected_loss_of": {
            "formula": "LGD · exposure (in default)" if row["special"] == IN_DEFAULT_STATUS else "PD · LGD · exposure",
            "loss_given_default": policy.loss_given_default, "policy": f"{policy.name} {policy.version}",
        },
    }  # fmt: skip


def delay_of(row: pd.Series) -> dict[str, Any] | None:
    """How late the next invoice is paid, and of which invoice that is said; None without any invoice to go by."""
    if math.isnan(row["next_amount"]):
        return None
    return {
        **{name: number(row[name]) for name in DELAYS},
        "next_invoice": {"amount": number(row["next_amount"]), "terms_days": int(row["next_terms_days"])},
    }


def account_of(row: pd.Series) -> dict[str, Any]:
    """What stands of the account: balances, ageing, and the cash expected of it by bucket of days from as_of."""
    cash = {bucket: number(row[f"cash_{bucket}"]) for bucket in CASH_BUCKETS}
    return {
        "balance": number(row["balance"]), "overdue": number(row["overdue"]), "disputed": number(row["disputed"]),
        "unapplied": number(row["unapplied"]), "days_past_due": int(row["days_past_due"]),
        "ageing": {bucket: number(row[f"ageing_{bucket}"]) for bucket in BUCKETS},
        "expected_cash": cash,
    }  # fmt: skip


def inputs_of(scores: Scores, place: int) -> dict[str, Any]:
    """The models' inputs of the customer at a place, to the last bit (JSON floats are exact); null is missing."""
    customer_id = scores.customers.index[place]
    found: dict[str, Any] = {}
    for name, matrix in (("default", scores.X), ("delay", scores.X_next)):
        at = matrix.index.get_indexer(pd.Index([customer_id]))[0]
        if at >= 0:
            found[name] = dict(zip(matrix.columns, map(number, matrix.iloc[at].to_numpy()), strict=True))
    if customer_id in scores.next_items.index:
        item = scores.next_items.loc[customer_id]
        found["next_invoice"] = {
            "issued_on": item["issued_on"].date().isoformat(), "due_on": item["due_on"].date().isoformat(),
            "amount": float(item["amount"]), "currency": item["currency"],
        }  # fmt: skip
    return found


def row_of(matrix: pd.DataFrame, label: Any) -> dict[str, float | None]:
    """One row of a matrix by its label, to the last bit; null is missing."""
    return dict(zip(matrix.columns, map(number, matrix.loc[label].to_numpy()), strict=True))


def payment_of(row: pd.Series) -> dict[str, Any]:
    """When one open item is paid, given that it is unpaid on the day asked."""
    return {
        "customer_id": row["customer_id"], "invoice_id": row["invoice_id"],
        "issued_on": row["issued_on"].date().isoformat(),
        "due_on": row["due_on"].date().isoformat(), "open_amount": number(row["open_amount"]),
        "days_past_due": int(row["days_past_due"]), "is_disputed": bool(row["is_disputed"]),
        **{name: number(row[name]) for name in DELAYS},
        "expected_on": pd.Timestamp(row["expected_on"]).date().isoformat(),
        "p_paid": {bucket: number(row[f"p_paid_{bucket}"]) for bucket in CASH_BUCKETS},
    }  # fmt: skip
