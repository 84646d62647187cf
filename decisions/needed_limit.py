"""The limit that a customer needs, with each step shown."""

from __future__ import annotations

from dataclasses import dataclass

from decisions.limits import Step

YEAR = 365.0


@dataclass(frozen=True, kw_only=True)
class Need:
    """The needed limit in the reporting currency and how it was computed."""

    limit: float
    steps: tuple[Step, ...]


def needed_limit(
    *, sales_12m: float, terms_days: float, expected_delay_days: float, open_orders: float = 0.0, headroom: float = 1.0
) -> Need:
    """Return sales a day x (terms + expected delay) x headroom + open orders.

    Parameters
    ----------
    sales_12m : amount invoiced in the last 365 days. terms_days : mean terms of its invoices.
    expected_delay_days : expected days late of the next invoice; early payment counts as 0.
    open_orders : ordered and not yet invoiced. headroom : factor for growth and season, at least 1.
    """
    days = terms_days + max(0.0, expected_delay_days)
    turnover = sales_12m / YEAR
    running = turnover * days * headroom
    total = running + open_orders
    steps = (
        Step(name="sales_a_day", formula="sales of 12 months ÷ 365", values={"sales_12m": sales_12m}, result=turnover),
        Step(name="days_bound", formula="terms + max(0, expected delay)",
             values={"terms_days": terms_days, "expected_delay_days": expected_delay_days}, result=days),
        Step(name="needed_limit", formula="sales a day · days · headroom + open orders",
             values={"sales_a_day": turnover, "days": days, "headroom": headroom, "open_orders": open_orders}, result=total),
    )  # fmt: skip
    return Need(limit=total, steps=steps)
