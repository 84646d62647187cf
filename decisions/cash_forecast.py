"""A cash forecast of one day: the open book's expected inflow with its band, the plain rules' beside it, and apart from
it what invoices not issued yet may bring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.inflow import (
    Dependence,
    Ints,
    band,
    expected_inflow,
    inflow_on,
    paid_by,
    simulated_inflow,
)
from features.engine.histories import build_items
from features.engine.prepared import PreparedLedger
from ledger.accounts import usual_invoices
from ledger.open_items import open_items_on
from models.delay.model import DelayModel

Floats = NDArray[np.float64]

CUSTOMER_MEAN = "days_late_mean_24m"
SALES_DAYS = 90  # of past invoicing that new invoices are expected to go on as


@dataclass(frozen=True, kw_only=True)
class CashForecast:
    """periods : one row a period: days (from as_of to its end), expected, low, high (the 80 % band), due_date and
    customer_mean (the plain rules' inflow), new_invoices (expected from invoices issued after as_of; in none of the
    others).
    open_amount : of the book. later : expected after the last period, or never.
    """

    periods: pd.DataFrame
    open_amount: float
    open_items: int
    later: float


def dependence_of(model: DelayModel) -> Dependence:
    """What the model's training found; independent items where the ledger was too short to tell."""
    return Dependence(
        common=float(model.facts.get("dependence_common", 0.0)),
        customer=float(model.facts.get("dependence_customer", 0.0)),
    )


def forecast(
    prepared: PreparedLedger,
    model: DelayModel,
    as_of: pd.Timestamp,
    ends: Ints,
    *,
    paths: int = 1000,
    seed: int = 0,
    with_new: bool = True,
) -> CashForecast:
    """The forecast of a day for periods that end so many days after it. Amounts in the reporting currency.

    The day must not come before the model's own as_of if the forecast is to be an honest one: whoever asks sees to it.
    """
    items = open_items_on(prepared.ledger, prepared.settlement, as_of)
    X = build_items(prepared, items, list(dict.fromkeys((*model.needed, CUSTOMER_MEAN))))
    paid = paid_by(model.curves(X), ends) if len(items) else np.zeros((0, len(ends)))
    amount = items["open_amount"].to_numpy(np.float64)
    expected = expected_inflow(amount, paid)
    drawn = simulated_inflow(
        amount, paid, items["customer_id"].to_numpy(dtype=object), dependence_of(model), paths=paths, seed=seed
    )
    low, high = band(drawn)
    until_due = (items["due_on"] - as_of).dt.days.to_numpy()
    habit = np.nan_to_num(X[CUSTOMER_MEAN].to_numpy(np.float64))
    new = expected_new_inflow(prepared, model, as_of, ends) if with_new else np.full(len(ends), np.nan)
    periods = pd.DataFrame(
        {
            "days": ends,
            "expected": expected,
            "low": low,
            "high": high,
            "due_date": inflow_on(amount, until_due, ends),
            "customer_mean": inflow_on(amount, until_due + np.rint(habit), ends),
            "new_invoices": new,
        }
    )
    return CashForecast(
        periods=periods,
        open_amount=float(amount.sum()),
        open_items=len(items),
        later=float(amount.sum() - expected.sum()),
    )


def expected_new_inflow(prepared: PreparedLedger, model: DelayModel, as_of: pd.Timestamp, ends: Ints) -> Floats:
    """Expected inflow from invoices issued after as_of when each customer goes on being invoiced as in the last 90
    days: so much a day, its usual terms, paid along the curve of its next invoice."""
    customers = list(prepared.owners.ids)
    usual = usual_invoices(prepared.settlement, customers, int(np.datetime64(as_of, "D").astype(np.int64)))
    known = usual["terms_days"].notna().to_numpy()
    usual = usual[known]
    items = pd.DataFrame(
        {
            "customer_id": usual.index.astype("str"),
            "as_of": as_of,
            "issued_on": as_of + pd.Timedelta(days=1),
            "due_on": as_of + pd.to_timedelta(usual["terms_days"].to_numpy() + 1, unit="D"),
            "amount": np.maximum(usual["amount"].to_numpy(), 0.01),
            "currency": _reporting(prepared),
        }
    )
    if items.empty:
        return np.zeros(len(ends))
    X = build_items(prepared, items, list(dict.fromkeys((*model.needed, "sales_3m"))))
    a_day = np.nan_to_num(X["sales_3m"].to_numpy(np.float64)) / SALES_DAYS
    active = a_day > 0
    curves = model.curves(X[active])
    # share of the next invoice paid so many days after as_of; one issued k days later is paid k days later
    share = np.stack([1.0 - curves.unpaid_on(curves.asked + day) for day in range(int(ends[-1]))], axis=1)
    total = np.concatenate([[0.0], np.cumsum(a_day[active] @ share)])
    return np.diff(total[ends], prepend=0.0)


def _reporting(prepared: PreparedLedger) -> str:
    from ledger.currency import reporting_currency

    return reporting_currency(prepared.ledger) or ""
