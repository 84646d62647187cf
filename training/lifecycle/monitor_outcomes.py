"""Matured outcomes of a champion: an early rung (40 days of arrears), then 3, 6 and 12 months, each only when mature."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from features.engine.histories import build, build_items
from features.engine.prepared import PreparedLedger
from features.engine.snapshots import active
from ledger.default_status import DefaultPolicy
from models import metrics
from models.metrics.bootstrap import Interval
from training.default.milder_outcome import near_policy
from training.labels import default_labels
from training.lifecycle.monitor_null import ALARM, NOTE, QUIET, UNKNOWN

JEFFREYS_ALARM, JEFFREYS_NOTE = 0.001, 0.025  # on each side
LEAST_RATIO = 1.5  # observed over predicted, or the reverse, below which a level is no alarm
EARLY_MONTHS = 3
MOST_ITEMS = 1_500
COVERAGE_ALARM = (0.65, 0.93)
FEWEST_ITEMS = 100


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One rung of the ladder: customers of one month end after the champion's day, each once.

    as_of : the month end; None where none is mature yet. predicted : mean prediction, NaN for the early rung, which has
    none. jeffreys_p : of the predicted mean given what came.
    """

    name: str
    level: str
    text: str
    as_of: str | None = None
    customers: int = 0
    events: int = 0
    predicted: float = float("nan")
    jeffreys_p: float = float("nan")
    auc: Interval | None = None


def ladder(model: Any, prepared: PreparedLedger, trained_on: pd.Timestamp, as_of: pd.Timestamp) -> list[Rung]:
    """Return the rungs: arrears of 40 days within 3 months, then default within each horizon of the champion's policy."""
    policy: DefaultPolicy = model.policy
    early = near_policy(policy)
    rungs = [
        _rung(
            model,
            prepared,
            trained_on,
            as_of,
            replace(early, horizons_months=(EARLY_MONTHS,)),
            EARLY_MONTHS,
            is_early=True,
        )
    ]
    return rungs + [
        _rung(model, prepared, trained_on, as_of, policy, h, is_early=False) for h in policy.horizons_months
    ]


def _rung(
    model: Any, prepared: PreparedLedger, trained_on: pd.Timestamp, as_of: pd.Timestamp, policy: DefaultPolicy, months: int, *,
    is_early: bool,
) -> Rung:  # fmt: skip
    name = (
        f"{policy.days_past_due} days of arrears within {months} months"
        if is_early
        else f"default within {months} months"
    )
    wait = pd.Timedelta(days=policy.maturity_days)
    latest = (as_of - wait - pd.DateOffset(months=months)) + pd.Timedelta(days=1) - pd.offsets.MonthEnd(1)
    first = trained_on + pd.offsets.MonthEnd(0)
    if latest < first:
        mature_on = (first + pd.DateOffset(months=months) + wait).date()
        return Rung(
            name=name, level=UNKNOWN, text=f"{name}: not known yet; the first outcomes are mature on {mature_on}"
        )
    snapshots = active(prepared, [latest])
    labels = default_labels(prepared.ledger, snapshots, policy, until=as_of, settlement=prepared.settlement)
    came = labels[f"default_{months}m"]
    used = came.notna().to_numpy() & ~labels["in_default"].to_numpy()
    if used.sum() < 20:
        return Rung(
            name=name,
            level=UNKNOWN,
            text=f"{name}: not known yet; {int(used.sum())} customers with a known outcome",
            as_of=str(latest.date()),
        )
    X = build(prepared, snapshots[used], list(model.needed))
    predicted, y = model.predict(X), came[used].astype(np.float64).to_numpy()
    score, count, events = predicted["margin"].to_numpy(), len(y), int(y.sum())
    auc = (
        metrics.by_customer(
            lambda w: metrics.auc(y, score, w), snapshots.loc[used, "customer_id"].astype(str), draws=200
        )
        if 0 < events < count
        else None
    )
    order = (
        "AUC not known (one outcome only)" if auc is None else f"AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})"
    )
    if is_early:
        level = ALARM if auc is not None and auc.high < 0.55 else QUIET
        return Rung(name=name, level=level, as_of=str(latest.date()), customers=count, events=events, auc=auc,
                    text=f"{name} after {latest.date()}: {events} of {count} customers, {order}")  # fmt: skip
    mean = float(predicted[f"pd_{months}m"].mean())
    p = metrics.jeffreys(mean, count, events)
    ratio = max(events / count, 0.5 / count) / mean
    extreme = min(p, 1 - p)
    level = (
        ALARM if (extreme < JEFFREYS_ALARM and max(ratio, 1 / ratio) > LEAST_RATIO) or (auc is not None and auc.high < 0.55)
        else NOTE if extreme < JEFFREYS_NOTE else QUIET
    )  # fmt: skip
    return Rung(
        name=name, level=level, as_of=str(latest.date()), customers=count, events=events, predicted=mean, jeffreys_p=p, auc=auc,
        text=f"{name} after {latest.date()}: {events} of {count} customers ({events / count:.2%}), predicted {mean:.2%}, Jeffreys p {p:.3f}, {order}",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DelayErrors:
    """The delay champion's errors on items asked about after its day and paid since. level : as of the other checks."""

    level: str
    text: str
    items: int = 0
    mae_days: float = float("nan")
    median_mae_days: float = float("nan")
    coverage: float = float("nan")


def delay_errors(model: Any, prepared: PreparedLedger, trained_on: pd.Timestamp, as_of: pd.Timestamp) -> DelayErrors:
    """Return error in days and interval coverage of the delay champion over items due 30 or more days before as_of."""
    from training.delay.evaluation import BASELINE_INPUTS, Scored
    from training.delay.evidence import evidence_rows
    from training.delay.samples import outcomes

    known = outcomes(prepared.ledger, as_of)
    mature = (known.items["as_of"] >= trained_on) & (known.items["due_on"] <= known.seen_until - pd.Timedelta(days=30))
    chosen = np.flatnonzero(mature.to_numpy())
    if len(chosen) < FEWEST_ITEMS:
        return DelayErrors(
            level=UNKNOWN,
            text=f"delay errors: not known yet; {len(chosen)} items asked about after {trained_on.date()} are mature, {FEWEST_ITEMS} are needed",
            items=len(chosen),
        )
    asked = known.only(chosen[:: max(1, len(chosen) // MOST_ITEMS)])
    X = build_items(prepared, asked.items, list(dict.fromkeys((*model.needed, *BASELINE_INPUTS))))
    rows = evidence_rows(Scored.of(asked, X, model), asked.items)
    paid = rows[rows["is_paid"]]
    inside = ((paid["place"] >= 0.1) & (paid["place"] <= 0.9)).to_numpy(np.float64)
    cover = metrics.by_customer(
        lambda w: float(np.average(inside, weights=w)), paid["customer_id"].astype(str), draws=200
    )
    mae = float((paid["days_late_p50"] - paid["ended"]).abs().mean())
    rule = float((paid["rule_median_days"] - paid["ended"]).abs().mean())
    low, high = COVERAGE_ALARM
    level = ALARM if cover.high < low or cover.low > high else NOTE if not cover.low <= 0.8 <= cover.high else QUIET
    text = (
        f"delay errors of {len(paid):,} paid items asked about after {trained_on.date()}: mean absolute error {mae:.2f} days "
        f"(customer's median {rule:.2f}), {cover.value:.1%} ({cover.low:.1%} to {cover.high:.1%}) inside the 80 % interval"
    )
    return DelayErrors(
        level=level, text=text, items=len(paid), mae_days=mae, median_mae_days=rule, coverage=cover.value
    )
