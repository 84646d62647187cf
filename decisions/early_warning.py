"""Early warning: which customers' risk changed, by which signals, and who stands on the watch list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import logit

from decisions.policy_files import Policy

Floats = NDArray[np.float64]
COLUMNS = (
    "days_since_payment_to_habit", "days_past_due_oldest", "overdue_amount", "bounced_payments_3m", "bounced_payments_12m",
    "early_share_3m", "early_share_12m", "sales_3m", "sales_12m", "days_since_last_invoice", "invoices_per_month",
    "limit_used_share", "rating_risk", "broken_promises_3m", "disputes_3m", "group_customers", "group_overdue_share_over_30",
    "days_since_adverse_event",
)  # fmt: skip
SCORE_MOVE, HIGH_PD = "score_move", "high_pd"
NORMAL_90 = 1.645  # a 90 % interval is so many standard errors to each side
TINY = 1e-6


class WatchPolicy(Policy):
    """A policy file such as decisions/policies/watch.toml, where each key is explained."""

    listed_share: float = Field(gt=0, le=1)
    back_days: int = Field(ge=1)
    score_move: float = Field(ge=0)
    high_pd: float = Field(gt=0, lt=1)
    thresholds: Mapping[str, float]
    points: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One thing that changed of a customer: its code and the numbers that its sentence needs."""

    code: str
    values: Mapping[str, float]


def signal_frames(before: pd.DataFrame, now: pd.DataFrame, policy: WatchPolicy) -> dict[str, pd.DataFrame]:
    """Return code -> frame (is_on, before, now) of every signal from facts, indexed as `now`.

    before, now : one row a customer (same index) with COLUMNS on the two days; NaN: not known. A signal that needs a value
    that is not known is off.
    """
    t, b, n = policy.thresholds, before, now
    usual_gap = 30.4 / n["invoices_per_month"].clip(lower=TINY)
    yearly = n["sales_12m"] / 4
    found = {
        "pay_run_missed": ((n["days_since_payment_to_habit"] >= t["pay_run_missed"]) & (n["overdue_amount"] > 0)
                           & ~(b["days_since_payment_to_habit"] >= t["pay_run_missed"]), "days_since_payment_to_habit"),
        "first_bounced": ((n["bounced_payments_3m"] >= t["first_bounced"])
                          & (n["bounced_payments_12m"] <= n["bounced_payments_3m"]), "bounced_payments_3m"),
        "early_payment_lost": (n["early_share_12m"] - n["early_share_3m"] >= t["early_payment_lost"], "early_share_3m"),
        "orders_jump": ((n["sales_3m"] / yearly.clip(lower=TINY) >= 1 + t["orders_jump"]) & (yearly > 0), "sales_3m"),
        "orders_stop": ((n["days_since_last_invoice"] >= t["orders_stop"]) & (usual_gap <= t["orders_stop"] / 3), "days_since_last_invoice"),
        "exposure_jump": ((n["limit_used_share"] >= t["exposure_jump"]) & (b["limit_used_share"] < 0.6), "limit_used_share"),
        "rating_worse": (n["rating_risk"] - b["rating_risk"] >= t["rating_worse"], "rating_risk"),
        "promise_broken": (n["broken_promises_3m"] >= t["promise_broken"], "broken_promises_3m"),
        "older_arrears": (n["days_past_due_oldest"].fillna(0) - b["days_past_due_oldest"].fillna(0) >= t["older_arrears"], "days_past_due_oldest"),
        "disputes_rise": ((n["disputes_3m"] >= t["disputes_rise"]) & (b["disputes_3m"] == 0), "disputes_3m"),
        "group_overdue": ((n["group_customers"] > 1) & (n["group_overdue_share_over_30"] >= t["group_overdue"]), "group_overdue_share_over_30"),
        "adverse_event": (n["days_since_adverse_event"] <= t["adverse_event"], "days_since_adverse_event"),
    }  # fmt: skip
    return {
        code: pd.DataFrame({"is_on": is_on.fillna(False).to_numpy(dtype=bool), "before": b[column].to_numpy(), "now": n[column].to_numpy()}, index=n.index)
        for code, (is_on, column) in found.items()
    }  # fmt: skip


def score_moves(before: pd.DataFrame, now: pd.DataFrame, policy: WatchPolicy) -> pd.DataFrame:
    """Return (is_on, before, now) of the PD, indexed as `now`: on where its log-odds rose by the policy's `score_move` at
    least and by more than the standard error of the fit on either day. before, now : pd, pd_low, pd_high (90 % interval)."""
    held = {name: frame.reindex(now.index) for name, frame in (("before", before), ("now", now))}
    odds = {name: logit(frame["pd"].clip(TINY, 1 - TINY)) for name, frame in held.items()}
    error = np.fmax(*[
        ((logit(f["pd_high"].clip(TINY, 1 - TINY)) - logit(f["pd_low"].clip(TINY, 1 - TINY))) / (2 * NORMAL_90)).to_numpy(np.float64)
        for f in held.values()
    ])  # fmt: skip
    moved = (odds["now"] - odds["before"]).to_numpy(np.float64)
    is_on = (moved >= policy.score_move) & (moved > np.nan_to_num(error))
    return pd.DataFrame(
        {"is_on": is_on, "before": held["before"]["pd"].to_numpy(), "now": now["pd"].to_numpy()}, index=now.index
    )


def watch_list(
    scores_before: pd.DataFrame,
    scores: pd.DataFrame,
    facts_before: pd.DataFrame,
    facts: pd.DataFrame,
    policy: WatchPolicy,
) -> pd.DataFrame:
    """Return the watch list of a day, the highest first.

    Parameters
    ----------
    scores_before, scores : one row a customer scored (not in default), indexed by customer_id, with pd, pd_low, pd_high,
        exposure; facts_before, facts : COLUMNS of the same customers on the same two days.

    Returns
    -------
    Indexed by customer_id: pd_before, pd, exposure, points, is_changed, signals (a tuple of Signal). It holds the share of
    the customers that the policy names, by log-odds of the PD plus the points of what changed.
    """
    frames = signal_frames(facts_before.reindex(scores.index), facts.reindex(scores.index), policy)
    frames[SCORE_MOVE] = score_moves(scores_before, scores, policy)
    points = logit(scores["pd"].clip(TINY, 1 - TINY)).to_numpy(np.float64)
    for code, frame in frames.items():
        points = points + policy.points.get(code, 0.0) * frame["is_on"].to_numpy()
    count = max(1, round(policy.listed_share * len(scores))) if len(scores) else 0
    chosen = np.argsort(-np.nan_to_num(points, nan=-np.inf), kind="stable")[:count]
    rows = [_signals(frames, int(place), float(scores["pd"].iloc[place]), policy) for place in chosen]
    listed = scores.iloc[chosen]
    return pd.DataFrame(
        {
            "pd_before": scores_before["pd"].reindex(listed.index).to_numpy(), "pd": listed["pd"].to_numpy(),
            "exposure": listed["exposure"].to_numpy(), "points": points[chosen],
            "is_changed": [any(s.code != HIGH_PD for s in signals) for signals in rows], "signals": rows,
        },
        index=listed.index,
    )  # fmt: skip


def _signals(frames: Mapping[str, pd.DataFrame], place: int, pd_now: float, policy: WatchPolicy) -> tuple[Signal, ...]:
    found = [
        Signal(code=code, values={"before": float(frame["before"].iloc[place]), "now": float(frame["now"].iloc[place])})
        for code, frame in frames.items() if frame["is_on"].iloc[place]
    ]  # fmt: skip
    found.sort(key=lambda signal: -policy.points.get(signal.code, 0.0))
    if pd_now >= policy.high_pd:
        found.append(Signal(code=HIGH_PD, values={"before": float("nan"), "now": pd_now}))
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class WatchChange:
    """One entry of the change feed: a customer came on the list, left it, or has a new signal while on it."""

    customer_id: str
    kind: str  # entered, left, changed
    signals: tuple[Signal, ...]


def watch_changes(before: pd.DataFrame, now: pd.DataFrame) -> list[WatchChange]:
    """Return what changed between two watch lists (from `watch_list`), by customer: entered with its signals, changed with
    the signals that it did not have, left with none."""
    had_signals = before["signals"].to_dict()
    changes = [WatchChange(customer_id=str(c), kind="left", signals=()) for c in before.index.difference(now.index)]
    for customer_id, signals in now["signals"].items():
        if customer_id not in had_signals:
            changes.append(WatchChange(customer_id=str(customer_id), kind="entered", signals=signals))
            continue
        had = {signal.code for signal in had_signals[customer_id]}
        fresh = tuple(signal for signal in signals if signal.code not in had)
        if fresh:
            changes.append(WatchChange(customer_id=str(customer_id), kind="changed", signals=fresh))
    return sorted(changes, key=lambda change: (change.kind, change.customer_id))


def codes(signals: Sequence[Signal]) -> str:
    """The codes of some signals, joined for a table."""
    return " ".join(signal.code for signal in signals)
