"""What a changed limit policy would have done to the past book: limits, holds, losses avoided, sales refused, by segment.

The book shows only what was delivered. Where a policy gives more than was used, no further sales or losses are counted;
customers that were refused in the past have no outcome at all, so a looser policy looks safer than it is known to be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.limits import DECLINE, HOLD, REFER, LimitPolicy, Situation, recommend

LEAD_DAYS = 91  # an item that makes a default was delivered before: the decision that counts is older by so much
ACTIONS = ("approve", "reduce", HOLD, DECLINE, REFER)
CAVEATS = (
    "Refused customers' outcomes are not seen: a policy that gives more than was used is credited with no further sales "
    "and charged with no further losses.",
    "A referred case counts at the limit that the arithmetic gives; without a PD, at the exposure as it was.",
    "Sales refused: deliveries of the period above the room that the limit leaves after the period's payments, assuming that "
    "the customer would not have prepaid.",
)


@dataclass(frozen=True, kw_only=True)
class Cases:
    """The decisions of a past book.

    situations : one a customer and day, with `requested` what the customer would have needed.
    frame : in the same order: customer_id, as_of, segment, exposure, sales (delivered until the customer's next case),
        exposure_next (at the next case), default_on (NaT: none), ead (exposure on the day of default, 0 without one).
    """

    situations: Sequence[Situation]
    frame: pd.DataFrame


def decided(
    cases: Cases, policy: LimitPolicy, watch: Callable[[Sequence[Situation]], Sequence[Situation]] = list
) -> pd.DataFrame:
    """Return what a policy recommends in each case, in the order of the cases: action, limit (what may be outstanding)."""
    actions, limits = [], []
    for situation in watch(cases.situations):
        found = recommend(situation, policy)
        exposure = max(0.0, situation.balance - situation.unapplied)
        actions.append(found.action)
        limits.append(exposure if found.limit is None else found.limit)
    return pd.DataFrame({"action": actions, "limit": limits}, index=cases.frame.index)


def sales_refused(frame: pd.DataFrame, limit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deliveries of each case's period above what the limit leaves room for.

    Payments of the period = exposure + sales − exposure at its end; room = max(0, limit − exposure + payments).
    """
    exposure, sales = (frame[name].to_numpy(np.float64) for name in ("exposure", "sales"))
    paid = np.maximum(exposure + sales - frame["exposure_next"].to_numpy(np.float64), 0.0)
    room = np.maximum(limit - exposure + paid, 0.0)
    return np.maximum(sales - room, 0.0)


def loss_cases(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """The case that decides each default: the customer's last one LEAD_DAYS or more before it."""
    early = (frame["default_on"] - frame["as_of"]).dt.days >= LEAD_DAYS
    last = frame[early.fillna(False).to_numpy(dtype=bool)].groupby("customer_id")["as_of"].transform("max")
    chosen = np.zeros(len(frame), dtype=bool)
    chosen[frame.index.get_indexer(last.index[(frame.loc[last.index, "as_of"] == last).to_numpy()])] = True
    return chosen


def reviewed(cases: Cases, policy: LimitPolicy) -> pd.DataFrame:
    """Return each case with what a policy does: action, limit, refused (sales), lost (LGD × min(EAD, limit) in the case
    that decides a default, else 0), avoided (LGD × what of the EAD lies above the limit)."""
    frame = cases.frame.reset_index(drop=True)
    own = decided(Cases(situations=cases.situations, frame=frame), policy)
    limit = own["limit"].to_numpy(np.float64)
    decides, ead = loss_cases(frame), frame["ead"].to_numpy(np.float64)
    lgd = np.array([policy.loss_given_default if s.lgd is None else s.lgd.value for s in cases.situations])
    return frame.assign(
        action=own["action"], limit=limit, refused=sales_refused(frame, limit),
        lost=np.where(decides, lgd * np.minimum(ead, limit), 0.0), avoided=np.where(decides, lgd * np.maximum(ead - limit, 0.0), 0.0),
    )  # fmt: skip


def by_segment(review: pd.DataFrame) -> pd.DataFrame:
    """Return a policy's sums by segment and over all: cases, customers, one count an action, limits (mean a month of the
    sum), sales, refused, lost, avoided."""
    parts = [(str(segment) or "not given", own) for segment, own in review.groupby("segment", sort=True)]
    rows = []
    for segment, own in [*parts, ("all", review)]:
        counts = own["action"].value_counts()
        rows.append({
            "segment": segment, "cases": len(own), "customers": own["customer_id"].nunique(),
            **{action: int(counts.get(action, 0)) for action in ACTIONS},
            "limits": float(own.groupby("as_of")["limit"].sum().mean()) if len(own) else 0.0,
            **{name: float(own[name].sum()) for name in ("sales", "refused", "lost", "avoided")},
        })  # fmt: skip
    return pd.DataFrame(rows)


def compared(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Return B less A by segment, with the share of cases that are decided otherwise. a, b : from `reviewed`."""
    first, second = by_segment(a).set_index("segment"), by_segment(b).set_index("segment")
    names = ["limits", HOLD, DECLINE, REFER, "refused", "lost", "avoided"]
    found = (second[names] - first[names]).reset_index()
    differs = (a["action"].to_numpy() != b["action"].to_numpy()) | ~np.isclose(a["limit"], b["limit"])
    share = (
        pd.Series(differs)
        .groupby(a["segment"].astype(str).where(a["segment"].astype(str) != "", "not given").to_numpy())
        .mean()
    )
    share.loc["all"] = differs.mean() if len(differs) else np.nan
    return found.assign(decided_otherwise=share.reindex(found["segment"]).to_numpy())


def by_quarter(review: pd.DataFrame) -> pd.DataFrame:
    """Return a policy's sums by calendar quarter: the yearly review of a strategy."""
    quarter = review["as_of"].dt.to_period("Q").astype(str)
    grouped = review.assign(
        quarter=quarter, is_hold=review["action"] == HOLD, is_refused=review["action"] == DECLINE
    ).groupby("quarter")
    return grouped.agg(
        cases=("customer_id", "size"), holds=("is_hold", "sum"), declines=("is_refused", "sum"), sales=("sales", "sum"),
        refused=("refused", "sum"), defaults=("lost", lambda v: int((v > 0).sum())), lost=("lost", "sum"), avoided=("avoided", "sum"),
    ).reset_index()  # fmt: skip


def above_actual_limit(review: pd.DataFrame, current: pd.Series) -> pd.DataFrame:
    """Return the cases whose policy limit lies below the limit that was in force: overrides of the policy, largest first."""
    own = review.assign(in_force=current.to_numpy())
    own = own[own["in_force"] > own["limit"]]
    return own.assign(above=own["in_force"] - own["limit"]).sort_values("above", ascending=False)[
        ["customer_id", "as_of", "segment", "action", "limit", "in_force", "above"]
    ]
