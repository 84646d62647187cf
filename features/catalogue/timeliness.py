"""Timeliness: how late, how often, how much of it."""

from features.catalogue.rows import AMOUNT, DAYS_LATE, DAYS_PAST_DUE, allocations_within, due_within, settled_within
from features.language import Feature, Risk, Unit, maximum, mean, median, row, share, share_by, spread, weighted_mean

ALL = (30, 90, 180, 365, 730)

FEATURES = (
    Feature(
        name="late_share_{window}", unit=Unit.SHARE, windows=ALL, risk=Risk.RISES,
        value=share(DAYS_PAST_DUE > 0, of=due_within()),
        meaning="Share of the invoices due in the last {window} that were paid late or are past due.",
        reason={"en": "{value} of the invoices due in the last {window} were paid late or are overdue",
                "zh": "过去{window}到期的发票中有 {value} 逾期付款或仍逾期"},
    ),
    Feature(
        name="late_5_share_{window}", unit=Unit.SHARE, windows=(90, 365), risk=Risk.RISES,
        value=share(DAYS_PAST_DUE >= 5, of=due_within()),
        meaning="Share of the invoices due in the last {window} that were or are at least 5 days late.",
        reason={"en": "{value} of the invoices due in the last {window} were or are at least 5 days late",
                "zh": "过去{window}到期的发票中有 {value} 逾期至少5天"},
    ),
    Feature(
        name="late_30_share_{window}", unit=Unit.SHARE, windows=(90, 180, 365, 730), risk=Risk.RISES,
        value=share(DAYS_PAST_DUE > 30, of=due_within()),
        meaning="Share of the invoices due in the last {window} that were or are more than 30 days late.",
        reason={"en": "{value} of the invoices due in the last {window} were or are more than 30 days late",
                "zh": "过去{window}到期的发票中有 {value} 逾期超过30天"},
    ),
    Feature(
        name="late_60_share_{window}", unit=Unit.SHARE, windows=(180, 365), risk=Risk.RISES,
        value=share(DAYS_PAST_DUE > 60, of=due_within()),
        meaning="Share of the invoices due in the last {window} that were or are more than 60 days late.",
        reason={"en": "{value} of the invoices due in the last {window} were or are more than 60 days late",
                "zh": "过去{window}到期的发票中有 {value} 逾期超过60天"},
    ),
    Feature(
        name="late_90_share_{window}", unit=Unit.SHARE, windows=(365, 730), risk=Risk.RISES,
        value=share(DAYS_PAST_DUE > 90, of=due_within()),
        meaning="Share of the invoices due in the last {window} that were or are more than 90 days late.",
        reason={"en": "{value} of the invoices due in the last {window} were or are more than 90 days late",
                "zh": "过去{window}到期的发票中有 {value} 逾期超过90天"},
    ),
    Feature(
        name="late_amount_share_{window}", unit=Unit.SHARE, windows=(90, 365, 730), risk=Risk.RISES,
        value=share_by(AMOUNT, DAYS_PAST_DUE > 0, of=due_within()),
        meaning="Share of the amount due in the last {window} that was paid late or is past due.",
        reason={"en": "{value} of the amount due in the last {window} was paid late or is overdue",
                "zh": "过去{window}到期金额中有 {value} 逾期付款或仍逾期"},
    ),
    Feature(
        name="late_30_amount_share_{window}", unit=Unit.SHARE, windows=(180, 365), risk=Risk.RISES,
        value=share_by(AMOUNT, DAYS_PAST_DUE > 30, of=due_within()),
        meaning="Share of the amount due in the last {window} that was or is more than 30 days late.",
        reason={"en": "{value} of the amount due in the last {window} was or is more than 30 days late",
                "zh": "过去{window}到期金额中有 {value} 逾期超过30天"},
    ),
    Feature(
        name="days_past_due_mean_{window}", unit=Unit.DAYS, windows=ALL, risk=Risk.RISES,
        value=mean(DAYS_PAST_DUE, of=due_within()),
        meaning="Mean days past due of the invoices due in the last {window}, early counted as 0, unpaid ones up to as_of.",
        reason={"en": "invoices due in the last {window} were {value} late on average",
                "zh": "过去{window}到期的发票平均逾期 {value}"},
    ),
    Feature(
        name="days_late_mean_{window}", unit=Unit.DAYS, windows=(90, 365, 730), risk=Risk.RISES,
        value=mean(DAYS_LATE, of=due_within()),
        meaning="Mean days late of the invoices due in the last {window}, early below 0, unpaid ones up to as_of.",
        reason={"en": "invoices due in the last {window} were paid {value} after the due date on average",
                "zh": "过去{window}到期的发票平均在到期日后 {value} 付款"},
    ),
    Feature(
        name="days_late_median_{window}", unit=Unit.DAYS, windows=(90, 365, 730), risk=Risk.RISES,
        value=median(DAYS_LATE, of=due_within()),
        meaning="Median days late of the invoices due in the last {window}, early below 0, unpaid ones up to as_of.",
        reason={"en": "half of the invoices due in the last {window} were {value} or more late",
                "zh": "过去{window}到期的发票中有一半逾期 {value} 或以上"},
    ),
    Feature(
        name="days_late_spread_{window}", unit=Unit.DAYS, windows=(180, 365, 730), risk=Risk.NONE,
        value=spread(DAYS_LATE, of=due_within()),
        meaning="Standard deviation of the days late of the invoices due in the last {window}.",
        reason={"en": "days late vary by {value} around their mean over the last {window}",
                "zh": "过去{window}逾期天数围绕均值波动 {value}"},
    ),
    Feature(
        name="days_past_due_max_{window}", unit=Unit.DAYS, windows=(90, 180, 365, 730), risk=Risk.RISES,
        value=maximum(DAYS_PAST_DUE, of=due_within()),
        meaning="Most days past due of any invoice due in the last {window}.",
        reason={"en": "one invoice due in the last {window} was {value} late", "zh": "过去{window}有一张发票逾期 {value}"},
    ),
    Feature(
        name="days_past_due_weighted_{window}", unit=Unit.DAYS, windows=(90, 180, 365, 730), risk=Risk.RISES,
        value=weighted_mean(DAYS_PAST_DUE, AMOUNT, of=due_within()),
        meaning="Days past due of the invoices due in the last {window}, weighted by amount.",
        reason={"en": "the amounts due in the last {window} were {value} late on average",
                "zh": "过去{window}到期金额加权平均逾期 {value}"},
    ),
    Feature(
        name="dbt_paid_{window}", unit=Unit.DAYS, windows=(90, 180, 365, 730), risk=Risk.NONE,
        value=weighted_mean(row("days_beyond_terms"), AMOUNT, of=allocations_within()),
        meaning="Days beyond terms of what was paid in the last {window}: each payment's days after the due date, at least 0, "
                "weighted by its amount. Without direction: paying off old debts raises it.",
        source="definitions: DBT, paid",
        reason={"en": "payments of the last {window} came {value} beyond terms", "zh": "过去{window}的付款超出账期 {value}"},
    ),
    Feature(
        name="days_late_settled_mean_{window}", unit=Unit.DAYS, windows=(90, 365), risk=Risk.NONE,
        value=mean(DAYS_LATE, of=settled_within()),
        meaning="Mean days late of the invoices paid in full in the last {window}. Without direction: paying an old debt raises it.",
        reason={"en": "invoices settled in the last {window} were {value} late on average",
                "zh": "过去{window}结清的发票平均逾期 {value}"},
    ),
    Feature(
        name="early_share_{window}", unit=Unit.SHARE, windows=(90, 365, 730), risk=Risk.FALLS,
        value=share(DAYS_LATE < 0, of=due_within()),
        meaning="Share of the invoices due in the last {window} that were paid before the due date.",
        reason={"en": "{value} of the invoices due in the last {window} were paid early", "zh": "过去{window}到期的发票中有 {value} 提前付款"},
    ),
    Feature(
        name="on_day_share_{window}", unit=Unit.SHARE, windows=(365,), risk=Risk.NONE,
        value=share(DAYS_LATE.equals(0) & row("is_paid"), of=due_within()),
        meaning="Share of the invoices due in the last {window} that were paid on the due date itself.",
        reason={"en": "{value} of the invoices due in the last {window} were paid on the due date",
                "zh": "过去{window}到期的发票中有 {value} 在到期日当天付款"},
    ),
)  # fmt: skip
