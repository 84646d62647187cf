"""Exposure: what is open and overdue, how old it is, against the limit and against habit."""

from functools import reduce

from features.catalogue.rows import (
    AMOUNT,
    DAYS_PAST_DUE,
    OPEN_AMOUNT,
    insured_limits,
    issued_within,
    limits,
    open_items,
    overdue_items,
    reductions,
)
from features.language import (
    Feature,
    Missing,
    Node,
    Risk,
    Rows,
    Unit,
    count,
    last,
    maximum,
    ratio,
    row,
    share,
    share_by,
    total,
)

UNAPPLIED = Rows("payments", "paid_on", None, ~row("is_applied"))


def bucket(low: int, high: int | None) -> Rows:
    """Open items whose days past due lie from `low` to `high`, both included."""
    above = open_items.only(low <= DAYS_PAST_DUE)
    return above if high is None else above.only(high >= DAYS_PAST_DUE)


OPEN = total(OPEN_AMOUNT, of=open_items)
B1, B2, B3, B4 = (total(OPEN_AMOUNT, of=bucket(*b)) for b in ((1, 30), (31, 60), (61, 90), (91, None)))
# every 30 days of the last 360, as what was open then follows from what came and went since (as the opening receivables of CEI)
_OPEN_BEFORE = tuple(
    OPEN + total(AMOUNT, of=reductions(days)) - total(AMOUNT, of=issued_within(days)) for days in range(30, 361, 30)
)
PEAK = reduce(Node.at_least, _OPEN_BEFORE, OPEN)


def _share_of_open(part: Node) -> Node:
    return ratio(part, OPEN)


FEATURES = (
    Feature(
        name="open_amount", unit=Unit.MONEY, risk=Risk.NONE, value=OPEN,
        meaning="Open balance of the invoices on as_of.",
        reason={"en": "{value} is open", "zh": "未结余额为 {value}"},
    ),
    Feature(
        name="open_items", unit=Unit.COUNT, risk=Risk.NONE, value=count(open_items),
        meaning="Number of open invoices on as_of.",
        reason={"en": "{value} invoices are open", "zh": "有 {value} 张未结发票"},
    ),
    Feature(
        name="overdue_amount", unit=Unit.MONEY, risk=Risk.RISES, value=total(OPEN_AMOUNT, of=overdue_items),
        meaning="Open balance past due on as_of.",
        reason={"en": "{value} is overdue", "zh": "逾期金额为 {value}"},
    ),
    Feature(
        name="overdue_items", unit=Unit.COUNT, risk=Risk.RISES, value=count(overdue_items),
        meaning="Number of open invoices past due on as_of.",
        reason={"en": "{value} invoices are overdue", "zh": "有 {value} 张发票逾期"},
    ),
    Feature(
        name="overdue_share", unit=Unit.SHARE, risk=Risk.NONE, value=share_by(OPEN_AMOUNT, row("is_overdue"), of=open_items),
        missing=Missing.NOT_APPLICABLE,
        meaning="Share of the open balance that is past due; missing where nothing is open.",
        reason={"en": "{value} of the open balance is overdue", "zh": "未结余额中有 {value} 已逾期"},
    ),
    *(
        Feature(
            name=f"overdue_share_{name}", unit=Unit.SHARE, risk=risk, value=_share_of_open(part), missing=Missing.NOT_APPLICABLE,
            meaning=f"Share of the open balance {words} past due; missing where nothing is open.", source="definitions: ageing buckets",
            reason={"en": f"{{value}} of the open balance is {words} past due", "zh": f"未结余额中有 {{value}} 逾期{zh}"},
        )
        for name, part, words, zh, risk in (
            ("1_30", B1, "1 to 30 days", "1至30天", Risk.NONE), ("31_60", B2, "31 to 60 days", "31至60天", Risk.NONE),
            ("61_90", B3, "61 to 90 days", "61至90天", Risk.NONE), ("over_90", B4, "more than 90 days", "超过90天", Risk.NONE),
        )
    ),
    Feature(
        name="overdue_amount_over_30", unit=Unit.MONEY, risk=Risk.RISES, value=total(OPEN_AMOUNT, of=bucket(31, None)),
        meaning="Open balance more than 30 days past due.",
        reason={"en": "{value} is more than 30 days overdue", "zh": "{value} 已逾期超过30天"},
    ),
    Feature(
        name="overdue_amount_over_90", unit=Unit.MONEY, risk=Risk.RISES, value=B4,
        meaning="Open balance more than 90 days past due.",
        reason={"en": "{value} is more than 90 days overdue", "zh": "{value} 已逾期超过90天"},
    ),
    Feature(
        name="overdue_share_over_30", unit=Unit.SHARE, risk=Risk.NONE, missing=Missing.NOT_APPLICABLE,
        value=share_by(OPEN_AMOUNT, DAYS_PAST_DUE > 30, of=open_items),
        meaning="Share of the open balance more than 30 days past due; missing where nothing is open.",
        reason={"en": "{value} of the open balance is more than 30 days overdue", "zh": "未结余额中有 {value} 逾期超过30天"},
    ),
    Feature(
        name="dbt_open", unit=Unit.DAYS, risk=Risk.NONE, missing=Missing.NOT_APPLICABLE,
        value=ratio(B1 * 15 + B2 * 45 + B3 * 75 + B4 * 105, OPEN),
        meaning="Days beyond terms of the open balance: the buckets' midpoints 15, 45, 75, 105 weighted by balance.",
        source="definitions: DBT, open",
        reason={"en": "the open balance is {value} beyond terms", "zh": "未结余额超出账期 {value}"},
    ),
    Feature(
        name="days_past_due_oldest", unit=Unit.DAYS, risk=Risk.RISES, missing=Missing.NOT_APPLICABLE,
        value=maximum(DAYS_PAST_DUE, of=open_items),
        meaning="Days past due of the oldest open invoice; 0 where none is past due, missing where none is open.",
        reason={"en": "the oldest open invoice is {value} past due", "zh": "最早的未结发票已逾期 {value}"},
    ),
    Feature(
        name="open_largest_share", unit=Unit.SHARE, risk=Risk.NONE, missing=Missing.NOT_APPLICABLE,
        value=ratio(maximum(OPEN_AMOUNT, of=open_items), OPEN),
        meaning="Share of the largest open invoice in the open balance.",
        reason={"en": "one invoice makes up {value} of the open balance", "zh": "单张发票占未结余额的 {value}"},
    ),
    Feature(
        name="open_part_paid_share", unit=Unit.SHARE, risk=Risk.NONE, missing=Missing.NOT_APPLICABLE,
        value=share(row("count_payments") > 0, of=open_items),
        meaning="Share of the open invoices on which something was paid.",
        reason={"en": "{value} of the open invoices are part paid", "zh": "{value} 的未结发票已部分付款"},
    ),
    Feature(
        name="unapplied_amount", unit=Unit.MONEY, risk=Risk.NONE, value=total(row("amount"), of=UNAPPLIED),
        meaning="Money received or credited that names no invoice, up to as_of.",
        reason={"en": "{value} is not applied to any invoice", "zh": "{value} 未核销到任何发票"},
    ),
    Feature(
        name="open_to_sales_{window}", unit=Unit.RATIO, windows=(90, 365), risk=Risk.NONE,
        value=ratio(OPEN, total(row("amount"), of=issued_within())),
        meaning="Open balance as a multiple of what was invoiced in the last {window}.",
        reason={"en": "the open balance is {value} times the invoicing of the last {window}", "zh": "未结余额是过去{window}开票额的 {value} 倍"},
    ),
    Feature(
        name="overdue_to_sales_12m", unit=Unit.RATIO, risk=Risk.RISES,
        value=ratio(total(OPEN_AMOUNT, of=overdue_items), total(row("amount"), of=issued_within(365))),
        meaning="Overdue balance as a multiple of what was invoiced in the last 365 days.",
        reason={"en": "the overdue balance is {value} times the year's invoicing", "zh": "逾期余额是全年开票额的 {value} 倍"},
    ),
    Feature(
        name="overdue_over_30_to_sales_12m", unit=Unit.RATIO, risk=Risk.RISES,
        value=ratio(total(OPEN_AMOUNT, of=bucket(31, None)), total(row("amount"), of=issued_within(365))),
        meaning="Balance more than 30 days past due as a multiple of what was invoiced in the last 365 days.",
        reason={"en": "the balance overdue by more than 30 days is {value} times the year's invoicing",
                "zh": "逾期超过30天的余额是全年开票额的 {value} 倍"},
    ),
    Feature(
        name="credit_limit", unit=Unit.MONEY, risk=Risk.NONE, missing=Missing.NOT_REPORTED, value=last(row("credit_limit"), of=limits),
        meaning="Credit limit in force on as_of.",
        reason={"en": "the credit limit is {value}", "zh": "信用额度为 {value}"},
    ),
    Feature(
        name="limit_used_share", unit=Unit.RATIO, risk=Risk.RISES, missing=Missing.NOT_REPORTED,
        value=ratio(OPEN, last(row("credit_limit"), of=limits)),
        meaning="Open balance as a share of the credit limit; above 1 it is exceeded.",
        reason={"en": "{value} of the credit limit is used", "zh": "信用额度已使用 {value}"},
    ),
    Feature(
        name="insured_limit_used_share", unit=Unit.RATIO, risk=Risk.NONE, missing=Missing.NOT_REPORTED,
        value=ratio(OPEN, last(row("insured_limit"), of=insured_limits)),
        meaning="Open balance as a share of the insured limit.",
        reason={"en": "{value} of the insured limit is used", "zh": "投保额度已使用 {value}"},
    ),
    Feature(
        name="peak_open_amount_12m", unit=Unit.MONEY, risk=Risk.NONE, value=PEAK,
        meaning="Largest open balance on as_of and every 30 days before, up to 360: today's, less what was invoiced since, plus what "
                "was paid and credited since.",
        reason={"en": "up to {value} was open at one time in the last year", "zh": "过去一年未结余额最高为 {value}"},
    ),
    Feature(
        name="open_to_peak_12m", unit=Unit.SHARE, risk=Risk.NONE, missing=Missing.NOT_APPLICABLE, value=ratio(OPEN, PEAK.at_least(OPEN)),
        meaning="Open balance as a share of the largest one of the last 360 days; missing where nothing was open.",
        reason={"en": "the open balance stands at {value} of its peak of the last year", "zh": "未结余额为过去一年峰值的 {value}"},
    ),
    Feature(
        name="peak_limit_used_share_12m", unit=Unit.RATIO, risk=Risk.NONE, missing=Missing.NOT_REPORTED,
        value=ratio(PEAK, last(row("credit_limit"), of=limits)),
        meaning="Largest open balance of the last 360 days against the credit limit in force on as_of; missing without a limit.",
        reason={"en": "the open balance reached {value} of the limit in the last year", "zh": "过去一年未结余额最高达到信用额度的 {value}"},
    ),
)  # fmt: skip
