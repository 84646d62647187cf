"""One customer's row of scores as the parts of an answer: JSON has no NaN, so what was not computed is null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from decisions.expected_cash import CASH_BUCKETS
from decisions.scorer import DELAYS, HABIT, IN_DEFAULT_STATUS, Scorer, Scores
from ledger.buckets import BUCKETS

THIN = 0.9  # below this weight of the history an answer carries the measured quality of thin files
FEWEST_DEFAULTERS = 10  # fewer say nothing of how good an answer is


def number(value: Any) -> float | None:
    """A float, or None for a missing one."""
    return None if value is None or math.isnan(value) else float(value)


def text(value: Any) -> str | None:
    """A text, or None for a missing one."""
    return value if isinstance(value, str) else None


def score_of(customer_id: str, row: Mapping[str, Any], scorer: Scorer) -> dict[str, Any]:
    """PD, grade and expected loss; null where `special` says why there is no PD, or the model has none for it."""
    policy, lgd = scorer.limit_policy, scorer.lgd_of(customer_id)
    return {
        "customer_id": customer_id,
        "special": text(row["special"]), "pd": number(row["pd"]),
        "horizon_months": scorer.default.horizon_months,
        "pd_low": number(row["pd_low"]), "pd_high": number(row["pd_high"]),
        "pd_by_horizon": {f"pd_{m}m": number(row[f"pd_{m}m"]) for m in scorer.default.policy.horizons_months},
        "grade": text(row["grade"]), "score": number(row["score"]),
        "history": history_of(row, scorer),
        "exposure": number(row["exposure"]), "expected_loss": number(row["expected_loss"]),
        "expected_loss_of": {
            "formula": "LGD · exposure (in default)" if row["special"] == IN_DEFAULT_STATUS else "PD · LGD · exposure",
            "loss_given_default": lgd.value, "source": lgd.source, "segment": lgd.segment, "measured": lgd.measured,
            "low": lgd.low, "high": lgd.high, "closed_defaults": lgd.defaults, "weight": lgd.weight,
            "policy": f"{policy.name} {policy.version}",
        },
    }  # fmt: skip


def history_of(row: Mapping[str, Any], scorer: Scorer) -> dict[str, Any] | None:
    """The history's weight in the PD, from 0 (all of it from what is known at the door) to 1; with the measured quality
    of such answers where it is thin; None without a PD."""
    weight, cold = number(row["history_weight"]), scorer.default.cold
    if weight is None:
        return None
    return {"weight": weight, "quality": dict(cold.quality) if cold is not None and weight < THIN else None}


def history_notes(row: Mapping[str, Any], scorer: Scorer) -> list[tuple[str, dict[str, float]]]:
    """What is said beside a PD without a history, or with a thin one: on what it rests, and how good such answers were;
    codes with their numbers, see `decisions.wording`."""
    other: list[tuple[str, dict[str, float]]] = [("other_ledger", {})] if False in scorer.learned_here else []
    history = history_of(row, scorer)
    if history is None or history["quality"] is None:
        return other
    weight, quality = history["weight"], history["quality"]
    rests = ("short_history", {"weight": 100 * weight}) if weight > 0 else ("door_only", {})
    own = quality.get("unsettled", {}).get("defaulters", 0.0)
    for code, population in (("door_quality", "unsettled"), ("door_quality_of_all", "door")):
        measured = quality.get(population, {})
        if "auc" in measured and measured["defaulters"] >= FEWEST_DEFAULTERS:
            numbers = {name: measured[name] for name in ("snapshots", "auc", "auc_low", "auc_high")}
            percent = {"pd": 100 * measured["pd_mean"], "rate": 100 * measured["default_rate"]}
            return [*other, rests, (code, {**numbers, **percent, "own": own})]
    return [*other, rests, ("door_not_measured", {})]


def delay_of(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """How late the next invoice is paid, of which invoice that is said, and the customer's habit; None without any invoice
    to go by."""
    if math.isnan(row["next_amount"]):
        return None
    return {
        **{name: number(row[name]) for name in DELAYS},
        "next_invoice": {"amount": number(row["next_amount"]), "terms_days": int(row["next_terms_days"])},
        "habit": {name: number(row[name]) for name in HABIT},
    }


def account_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What stands of the account: balances, ageing, and the cash expected of it by bucket of days from as_of."""
    cash = {bucket: number(row[f"cash_{bucket}"]) for bucket in CASH_BUCKETS}
    return {
        "balance": number(row["balance"]), "overdue": number(row["overdue"]),
        "arrears": number(row["arrears"]), "disputed": number(row["disputed"]),
        "unapplied": number(row["unapplied"]), "days_past_due": int(row["days_past_due"]),
        "ageing": {bucket: number(row[f"ageing_{bucket}"]) for bucket in BUCKETS},
        "expected_cash": cash, **({"grouped_items": int(row["grouped_items"])} if row["grouped_items"] else {}),
    }  # fmt: skip


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dictionaries: some fifty times as fast to read as one Series a row."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The models' inputs of some customers or items, row by row, to the last bit (JSON floats are exact)."""

    default: Mapping[str, dict[str, float | None]]
    delay: Mapping[str, dict[str, float | None]]
    next_invoice: Mapping[str, dict[str, Any]]

    @classmethod
    def of(cls, scores: Scores) -> Inputs:
        items = scores.next_items.assign(
            issued_on=scores.next_items["issued_on"].dt.strftime("%Y-%m-%d"),
            due_on=scores.next_items["due_on"].dt.strftime("%Y-%m-%d"),
        )
        kept = rows_of(items[["issued_on", "due_on", "amount", "currency"]])
        return cls(
            default=matrix_rows(scores.X), delay=matrix_rows(scores.X_next),
            next_invoice=dict(zip(map(str, items.index), kept, strict=True)),
        )  # fmt: skip

    def at(self, customer_id: str) -> dict[str, Any]:
        """What went into the models for one customer; a model that was not asked is left out."""
        named = {"default": self.default, "delay": self.delay, "next_invoice": self.next_invoice}
        return {name: rows[customer_id] for name, rows in named.items() if customer_id in rows}


def matrix_rows(matrix: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """A matrix's rows by their label; null is missing."""
    names = [str(name) for name in matrix.columns]
    values = matrix.to_numpy(dtype=np.float64)
    rows = values.astype(object)
    rows[np.isnan(values)] = None
    return {
        str(label): dict(zip(names, row, strict=True)) for label, row in zip(matrix.index, rows.tolist(), strict=True)
    }


def payment_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """When one open item is paid, given that it is unpaid on the day asked."""
    return {
        "customer_id": row["customer_id"], "invoice_id": row["invoice_id"], "instalment": int(row["number"]),
        "issued_on": row["issued_on"].date().isoformat(),
        "due_on": row["due_on"].date().isoformat(), "open_amount": number(row["open_amount"]),
        "days_past_due": int(row["days_past_due"]), "is_disputed": bool(row["is_disputed"]),
        **{name: number(row[name]) for name in DELAYS},
        "expected_on": pd.Timestamp(row["expected_on"]).date().isoformat(),
        "due_date_implausible": bool(row["due_date_implausible"]),
        "p_paid": {bucket: number(row[f"p_paid_{bucket}"]) for bucket in CASH_BUCKETS},
        **({} if text(row["predicted_as"]) is None else {"predicted_as": row["predicted_as"]}),
    }  # fmt: skip
