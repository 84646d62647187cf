"""The items behind a delay model's figures: kept with the run, so that gates, reports and plots re-derive every figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.instalments import item_names, numbers_of
from models.delay.model import QUANTILES
from models.delay.payment_curve import levels_between
from models.delay.payment_steps import THRESHOLDS
from training.delay.evaluation import GRID, Scored, baselines

MOST_ITEMS = 30_000  # evaluated items kept; above it every k-th one


def evidence_rows(scored: Scored, items: pd.DataFrame) -> pd.DataFrame:
    """Return one row per evaluated item with its prediction and what came.

    Parameters
    ----------
    scored : predictions made by a model that knew nothing of these items, with what came.
    items : the same items in the same order: invoice_id, customer_id, as_of, due_on.

    Returns
    -------
    pandas.DataFrame
        invoice_id (INVOICE#NUMBER for an instalment), customer_id, as_of, due_on, is_paid, ended (days late when paid, or when last observed), p_late_{k},
        days_late_p10, days_late_p50, days_late_p90, place (the outcome's place in its own distribution, 0 to 1, drawn
        evenly within a day's chance; NaN for an item not seen paid), crps_days (NaN likewise), rule_late_share (the
        customer's share of invoices 5 or more days late), rule_median_days (the customer's median days late).
    """
    curves, paid = scored.curves, scored.is_paid
    rule = baselines(scored.X)
    place = levels_between(
        curves.place(scored.ended, before=True), curves.place(scored.ended), np.random.default_rng(0)
    )
    return pd.DataFrame({
        "invoice_id": item_names(items["invoice_id"].to_numpy(dtype=object), numbers_of(items)),
        **{name: items[name].to_numpy() for name in ("customer_id", "as_of", "due_on")},
        "is_paid": paid, "ended": scored.ended,
        **{f"p_late_{k}": curves.at_least(k) for k in THRESHOLDS},
        **{f"days_late_p{round(100 * level)}": curves.quantile(level) for level in QUANTILES},
        "place": np.where(paid, place, np.nan), "crps_days": np.where(paid, crps_of(scored), np.nan),
        "rule_late_share": rule["customer_late_rate"], "rule_median_days": rule["customer_median"],
    })  # fmt: skip


def crps_of(scored: Scored) -> NDArray[np.float64]:
    """Return each item's CRPS in days over GRID, its outcome clipped to the grid's ends; shape (items,)."""
    outcome = np.clip(scored.ended, GRID[0], GRID[-1])
    total = np.zeros(len(outcome))
    for day in GRID[:-1]:  # day by day: a matrix of all days would not fit for large ledgers
        reached = 1.0 - scored.curves.unpaid_on(np.full(len(outcome), day))
        total += (reached - (outcome <= day)) ** 2
    return total


def kept(count: int) -> NDArray[np.bool_]:
    """Return which items are kept, shape (count,): all, or every k-th above MOST_ITEMS."""
    return np.arange(count) % max(1, -(-count // MOST_ITEMS)) == 0
