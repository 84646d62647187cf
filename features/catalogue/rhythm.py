"""Rhythm: when the customer pays, how regularly, and how far it is from its own habit."""

from features.catalogue.rows import AMOUNT, due_within, payments, payments_within, settled_within
from features.language import (
    WINDOW,
    Feature,
    Risk,
    Unit,
    column_of,
    count,
    days_since,
    distinct,
    maximum,
    mean,
    median,
    ratio,
    row,
    share,
)  # fmt: skip

GAPS = payments.only(row("gap") > 0)


def gaps_within(window: int | str = WINDOW):  # type: ignore[no-untyped-def]
    """Return payment days of the window that follow an earlier payment day; `gap` is the days between."""
    return payments_within(window).only(row("gap") > 0)


FEATURES = (
    Feature(
        name="days_since_payment", unit=Unit.DAYS, risk=Risk.NONE, value=days_since(payments),
        meaning="Days since the customer's last payment, applied or not.",
        reason={"en": "the last payment was {value} ago", "zh": "距上次付款已 {value}"},
    ),
    Feature(
        name="payment_gap_mean_{window}", unit=Unit.DAYS, windows=(365, 730), risk=Risk.NONE,
        value=mean(row("gap"), of=gaps_within()),
        meaning="Mean days between one payment day and the next, over the payment days of the last {window}.",
        reason={"en": "payments come every {value}", "zh": "平均每 {value} 付款一次"},
    ),
    Feature(
        name="payment_gap_max_{window}", unit=Unit.DAYS, windows=(365,), risk=Risk.NONE,
        value=maximum(row("gap"), of=gaps_within()),
        meaning="Longest stretch of days between two payment days, over the payment days of the last {window}.",
        reason={"en": "the longest stretch without a payment was {value}", "zh": "最长未付款间隔为 {value}"},
    ),
    Feature(
        name="days_since_payment_to_habit", unit=Unit.RATIO, risk=Risk.NONE,
        value=ratio(column_of("days_since_payment"), column_of("payment_gap_mean_24m").at_least(1)),
        meaning="Days since the last payment as a multiple of the customer's mean gap between payment days over two years.",
        reason={"en": "the wait since the last payment is {value} times the customer's usual gap", "zh": "距上次付款的时间是其通常间隔的 {value} 倍"},
    ),
    Feature(
        name="payment_days_{window}", unit=Unit.COUNT, windows=(90, 365), risk=Risk.NONE,
        value=count(gaps_within()),
        meaning="Days with a payment in the last {window} (the very first payment day of all is not counted).",
        reason={"en": "{value} payment days in the last {window}", "zh": "过去{window}有 {value} 个付款日"},
    ),
    Feature(
        name="month_end_payment_share_{window}", unit=Unit.SHARE, windows=(365,), risk=Risk.NONE,
        value=share(row("day_of_month") >= 25, of=payments_within()),
        meaning="Share of the payments of the last {window} made on the 25th or later of the month: the pay run at month end.",
        reason={"en": "{value} of the payments come at month end", "zh": "{value} 的付款集中在月末"},
    ),
    Feature(
        name="payment_weekdays_{window}", unit=Unit.COUNT, windows=(365,), risk=Risk.NONE,
        value=distinct(row("weekday"), of=payments_within()),
        meaning="On how many different weekdays the customer paid in the last {window}; 1 is a weekly pay run.",
        reason={"en": "payments come on {value} different weekdays", "zh": "付款分布在 {value} 个不同的工作日"},
    ),
    Feature(
        name="payment_days_of_month_{window}", unit=Unit.COUNT, windows=(365,), risk=Risk.NONE,
        value=distinct(row("day_of_month"), of=payments_within()),
        meaning="On how many different days of the month the customer paid in the last {window}; few mean a fixed pay run.",
        reason={"en": "payments come on {value} different days of the month", "zh": "付款分布在每月 {value} 个不同的日子"},
    ),
    Feature(
        name="days_to_settle_median_{window}", unit=Unit.DAYS, windows=(365,), risk=Risk.NONE,
        value=median(row("days_to_settle"), of=settled_within()),
        meaning="Median days from issue to payment in full of the invoices settled in the last {window}.",
        reason={"en": "half of the invoices are paid within {value} of issue", "zh": "一半的发票在开票后 {value} 内付清"},
    ),
    Feature(
        name="payment_median_{window}", unit=Unit.MONEY, windows=(365,), risk=Risk.NONE,
        value=median(AMOUNT, of=payments_within()),
        meaning="Median amount of a payment (allocation) in the last {window}.",
        reason={"en": "the usual payment is {value}", "zh": "通常付款金额为 {value}"},
    ),
    Feature(
        name="weekend_due_share_{window}", unit=Unit.SHARE, windows=(365,), risk=Risk.NONE,
        value=share(row("due_weekday") >= 5, of=due_within()),
        meaning="Share of the invoices due in the last {window} whose due date is a Saturday or Sunday: a day or two late by calendar.",
        reason={"en": "{value} of the invoices fall due at a weekend", "zh": "{value} 的发票在周末到期"},
    ),
)  # fmt: skip
