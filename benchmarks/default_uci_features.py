"""Columns of a card's history from its ledger: six months of statuses, balances and payments, latest month first.

All are made of what the ledger given holds, none of an outcome. Ranks and frequencies compare a customer with the others
of the same ledger.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.ledger import Ledger

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
MONTHS = 6
LIMIT_BANDS = 12
LIMIT_FIFTHS = (0.2, 0.4, 0.6, 0.8)
USE_BANDS = (0.05, 0.3, 0.6, 0.9)  # balance over limit
PAID_BANDS = (-0.5, 0.001, 0.04, 0.08, 0.3, 0.99)  # payment over the bill before
RISING = ("late_", "months_late", "status_max", "status_sum")  # a status itself is no scale: 0 (revolving) beats -1


def _by_month(frame: pd.DataFrame, ids: pd.Series, day: str, value: str, months: Sequence[str]) -> Floats:
    """(customers, months) in the order of `months`; NaN where a month has nothing."""
    month = frame[day].dt.to_period("M").astype(str)
    wide = frame.assign(month=month).pivot_table(index="customer_id", columns="month", values=value, aggfunc="sum")
    return wide.reindex(index=ids, columns=list(months)).to_numpy(dtype=np.float64)


def statement_features(ledger: Ledger) -> tuple[pd.Series, pd.DataFrame]:
    """(ids, one row a customer): statuses, balances, payments, their ratios and changes, latest month first."""
    ids = ledger.customers["customer_id"]
    facts = ledger["attributes"].assign(number=lambda f: f["value"].astype(float))
    statuses, balances = (facts[facts["name"] == name] for name in ("repayment_status", "statement_balance"))
    payments = ledger.payments[ledger.payments["kind"] == "payment"]
    months = sorted(statuses["observed_on"].dt.to_period("M").astype(str).unique(), reverse=True)
    status = _by_month(statuses, ids, "observed_on", "number", months)
    balance = _by_month(balances, ids, "observed_on", "number", months)
    paid = np.nan_to_num(_by_month(payments, ids, "paid_on", "amount", months))
    limit = ledger["credit_terms"].set_index("customer_id")["credit_limit"].reindex(ids).to_numpy()
    found = {
        "credit_limit": limit,
        **_lateness(status),
        **_exposure(balance, limit),
        **_payments(balance, paid, limit),
        **_runs(status),
        **_exactness(balance, paid),
        **_among_others(status, balance, paid, limit),
    }
    return ids, pd.DataFrame(found)


def reference_classes(X: pd.DataFrame) -> NDArray[np.int64]:
    """(customers, 6): the code of the class that a customer belongs to, by paths of statuses, bands of the limit (fifths of
    the ledger's customers), of the limit's use and of the share paid; classes without an order, told by whose rates they have.

    X : the columns of `statement_features`.
    """
    status = X[[f"status_{i}" for i in range(MONTHS)]].to_numpy()
    late = X[[f"late_{i}" for i in range(MONTHS)]].to_numpy().clip(0, 3)
    limit = X["credit_limit"].to_numpy()
    limit_band = np.digitize(limit, np.quantile(limit, LIMIT_FIFTHS))
    use_band = np.digitize(X["used_0"].to_numpy(), USE_BANDS)
    paid_band = np.digitize(X["paid_share_0"].fillna(-1.0).to_numpy(), PAID_BANDS)  # -1: nothing had been billed
    kinds = [
        (status,), (status[:, :4],), (status[:, :3], limit_band), (status[:, :2], limit_band, use_band),
        (status[:, :2], paid_band, limit_band), (late[:, :4], use_band),
    ]  # fmt: skip
    codes = [np.unique(np.column_stack(kind), axis=0, return_inverse=True)[1].ravel() for kind in kinds]
    return np.column_stack(codes).astype(np.int64)


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


def _runs(status: Floats) -> dict[str, Floats | NDArray[np.int64]]:
    """How long each kind of status has lasted, the path of the last three as one ordered number, and its turns."""
    late = np.maximum(status, 0)
    rising = np.diff(late[:, ::-1], axis=1)
    last = np.take_along_axis(late, (late > 0).argmax(axis=1)[:, None], axis=1)[:, 0]
    return {
        "run_late": _latest_run(status > 0), "run_not_late": _latest_run(status <= 0),
        "run_late_2": _latest_run(status >= 2), "run_revolving": _latest_run(status == 0),
        "run_paid": _latest_run(status == -1), "run_nothing_bought": _latest_run(status == -2),
        "run_late_longest": _longest_run(status > 0), "path_3_months": late[:, :3].clip(0, 3) @ np.array([16.0, 4.0, 1.0]),
        "recent_late_fast": late @ 0.5 ** np.arange(MONTHS), "recent_late_slow": late @ 0.85 ** np.arange(MONTHS),
        "recent_status": status @ 0.7 ** np.arange(MONTHS), "count_late_1": (status == 1).sum(axis=1),
        "count_late_3": (status >= 3).sum(axis=1), "count_worse": (rising > 0).sum(axis=1),
        "count_better": (rising < 0).sum(axis=1), "count_statuses": _count_distinct(status), "last_late": last,
    }  # fmt: skip


def _exactness(balance: Floats, paid: Floats) -> dict[str, Floats | NDArray[np.int64]]:
    """How payments are chosen: round sums, the bill to the dollar, about its minimum; and bills of 0 or in credit."""
    before, months_back = balance[:, 1:], paid[:, :-1]
    is_billed = before > 0
    share = np.where(is_billed, months_back / np.where(is_billed, before, 1.0), np.nan)
    is_round = (paid > 0) & (paid % 1000 == 0)
    is_hundred = (paid > 0) & (paid % 100 == 0) & ~is_round
    is_exact = is_billed & (months_back == before)
    return {
        "count_round_1000": is_round.sum(axis=1), "count_round_100": is_hundred.sum(axis=1),
        "count_odd": ((paid > 0) & (paid % 100 != 0)).sum(axis=1), "round_2_months": is_round[:, 0] + 2 * is_round[:, 1],
        "count_exact": is_exact.sum(axis=1), "exact_0": is_exact[:, 0].astype(np.int64),
        "count_about_full": (is_billed & (np.abs(months_back - before) <= 0.01 * before + 5)).sum(axis=1),
        "count_about_minimum": ((share > 0.02) & (share < 0.07)).sum(axis=1),
        "count_paid_is_bill": ((balance > 0) & (paid == balance)).sum(axis=1),
        "count_payments_distinct": _count_distinct(paid), "count_bill_unchanged": (np.diff(balance, axis=1) == 0).sum(axis=1),
        "count_bill_credit": (balance < 0).sum(axis=1), "count_bill_0": (balance == 0).sum(axis=1),
    }  # fmt: skip


def _among_others(status: Floats, balance: Floats, paid: Floats, limit: Floats) -> dict[str, Floats]:
    """How common the path of statuses and the limit are (log of customers with the same), and ranks in the limit's band."""
    band = pd.qcut(limit, LIMIT_BANDS, duplicates="drop", labels=False)

    def rank(values: Floats) -> Floats:
        return pd.Series(values).groupby(band).rank(pct=True).to_numpy()

    def common(columns: Floats) -> Floats:
        _, place, counts = np.unique(columns, axis=0, return_inverse=True, return_counts=True)
        return np.asarray(np.log(counts[place.ravel()]))

    return {
        "common_path_6": common(status), "common_path_3": common(status[:, :3]), "common_limit": common(limit[:, None]),
        "rank_used": rank((balance / limit[:, None]).mean(axis=1)), "rank_paid": rank(paid.sum(axis=1)),
        "rank_balance": rank(balance[:, 0]), "round_limit": (limit % 50_000 == 0) + 1.0 * (limit % 100_000 == 0),
    }  # fmt: skip


def _latest_run(flags: Flags) -> NDArray[np.int64]:
    """Months in a row, up to the latest, for which the flag holds."""
    return np.where(flags.all(axis=1), flags.shape[1], (~flags).argmax(axis=1))


def _longest_run(flags: Flags) -> NDArray[np.int64]:
    best, current = np.zeros(len(flags), dtype=np.int64), np.zeros(len(flags), dtype=np.int64)
    for month in flags.T:
        current = np.where(month, current + 1, 0)
        best = np.maximum(best, current)
    return best


def _count_distinct(values: Floats) -> NDArray[np.int64]:
    return 1 + (np.diff(np.sort(values, axis=1), axis=1) != 0).sum(axis=1)
