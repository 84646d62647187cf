"""Trend: whether it gets better or worse."""

from features.catalogue.rows import DAYS_PAST_DUE, due_within, owed
from features.language import Feature, Risk, Unit, column_of, row, slope, streak

FELL_DUE = owed.only(row("age:due_on") >= 0)

FEATURES = (
    Feature(
        name="days_past_due_change_3m_12m", unit=Unit.DAYS, risk=Risk.NONE,
        value=column_of("days_past_due_mean_3m") - column_of("days_past_due_mean_12m"),
        meaning="Mean days past due over the last 90 days less that over the last 365.",
        reason={"en": "lateness changed by {value} against the year's mean", "zh": "近期逾期较全年平均变化 {value}"},
    ),
    Feature(
        name="days_past_due_change_12m_24m", unit=Unit.DAYS, risk=Risk.NONE,
        value=column_of("days_past_due_mean_12m") - column_of("days_past_due_mean_24m"),
        meaning="Mean days past due over the last 365 days less that over the last 730.",
        reason={"en": "lateness of the last year changed by {value} against two years", "zh": "过去一年逾期较两年平均变化 {value}"},
    ),
    Feature(
        name="late_share_change_3m_12m", unit=Unit.SHARE, risk=Risk.NONE,
        value=column_of("late_share_3m") - column_of("late_share_12m"),
        meaning="Share of invoices late over the last 90 days less that over the last 365.",
        reason={"en": "the share of late invoices changed by {value} against the year's", "zh": "逾期发票占比较全年变化 {value}"},
    ),
    Feature(
        name="days_past_due_slope_{window}", unit=Unit.DAYS, windows=(180, 365), risk=Risk.NONE,
        value=slope(DAYS_PAST_DUE, row("age:due_on"), of=due_within()),
        meaning="Change of the days past due per 30 days by least squares over the invoices due in the last {window}; above 0 is worse.",
        reason={"en": "lateness moves by {value} a month", "zh": "逾期天数每月变化 {value}"},
    ),
    Feature(
        name="late_streak", unit=Unit.COUNT, risk=Risk.RISES,
        value=streak(DAYS_PAST_DUE > 0, of=FELL_DUE),
        meaning="How many invoices in a row, by due date up to as_of, were paid late or are past due.",
        reason={"en": "the last {value} invoices due were all late", "zh": "最近 {value} 张到期发票全部逾期"},
    ),
    Feature(
        name="late_30_streak", unit=Unit.COUNT, risk=Risk.RISES,
        value=streak(DAYS_PAST_DUE > 30, of=FELL_DUE.only(row("age:due_on") > 30)),
        meaning="How many invoices in a row, of those due more than 30 days ago, were or are more than 30 days late.",
        reason={"en": "the last {value} invoices were all more than 30 days late", "zh": "最近 {value} 张发票全部逾期超过30天"},
    ),
)  # fmt: skip
