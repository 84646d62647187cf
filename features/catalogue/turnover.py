"""Turnover: how much and how often the customer buys, how that changes, and the receivables figures made of it."""

from features.catalogue.exposure import OPEN
from features.catalogue.rows import AMOUNT, OPEN_AMOUNT, issued_within, open_items, overdue_items, reductions
from features.language import (
    WINDOW,
    Feature,
    Missing,
    Risk,
    Rows,
    Unit,
    count,
    distinct,
    maximum,
    mean,
    median,
    ratio,
    row,
    total,
)

SALES_12M = total(AMOUNT, of=issued_within(365))
COLLECTED_12M = total(AMOUNT, of=reductions(365))
NOT_DUE = total(OPEN_AMOUNT, of=open_items.only(~row("is_overdue")))

FEATURES = (
    Feature(
        name="invoices_{window}", unit=Unit.COUNT, windows=(30, 90, 365, 730), risk=Risk.NONE, value=count(issued_within()),
        meaning="Number of invoices issued in the last {window}.",
        reason={"en": "{value} invoices were issued in the last {window}", "zh": "过去{window}开具 {value} 张发票"},
    ),
    Feature(
        name="invoices_due_{window}", unit=Unit.COUNT, windows=(90, 365), risk=Risk.NONE,
        value=count(Rows("invoices", "due_on", WINDOW, row("is_owed"))),
        meaning="Number of invoices that fell due in the last {window}.",
        reason={"en": "{value} invoices fell due in the last {window}", "zh": "过去{window}有 {value} 张发票到期"},
    ),
    Feature(
        name="sales_{window}", unit=Unit.MONEY, windows=(90, 365), risk=Risk.NONE, value=total(AMOUNT, of=issued_within()),
        meaning="Amount invoiced in the last {window}.",
        reason={"en": "{value} was invoiced in the last {window}", "zh": "过去{window}开票金额为 {value}"},
    ),
    Feature(
        name="paid_amount_{window}", unit=Unit.MONEY, windows=(90, 365), risk=Risk.NONE,
        value=total(AMOUNT, of=Rows("payments", "paid_on", WINDOW, row("is_payment"))),
        meaning="Amount paid in the last {window}, applied or not.",
        reason={"en": "{value} was paid in the last {window}", "zh": "过去{window}付款金额为 {value}"},
    ),
    Feature(
        name="paid_to_sales_{window}", unit=Unit.RATIO, windows=(90, 365), risk=Risk.NONE,
        value=ratio(total(AMOUNT, of=Rows("payments", "paid_on", WINDOW, row("is_payment"))), total(AMOUNT, of=issued_within())),
        meaning="Amount paid in the last {window} against the amount invoiced in it.",
        reason={"en": "payments were {value} times the invoicing of the last {window}", "zh": "过去{window}付款额是开票额的 {value} 倍"},
    ),
    Feature(
        name="amount_median_{window}", unit=Unit.MONEY, windows=(365, 730), risk=Risk.NONE, value=median(AMOUNT, of=issued_within()),
        meaning="Median amount of the invoices issued in the last {window}.",
        reason={"en": "the usual invoice is {value}", "zh": "通常发票金额为 {value}"},
    ),
    Feature(
        name="amount_mean_{window}", unit=Unit.MONEY, windows=(365,), risk=Risk.NONE, value=mean(AMOUNT, of=issued_within()),
        meaning="Mean amount of the invoices issued in the last {window}.",
        reason={"en": "invoices average {value}", "zh": "发票平均金额为 {value}"},
    ),
    Feature(
        name="amount_max_{window}", unit=Unit.MONEY, windows=(365,), risk=Risk.NONE, value=maximum(AMOUNT, of=issued_within()),
        meaning="Largest invoice issued in the last {window}.",
        reason={"en": "the largest invoice of the last {window} was {value}", "zh": "过去{window}最大发票为 {value}"},
    ),
    Feature(
        name="terms_days_mean_{window}", unit=Unit.DAYS, windows=(90, 365), risk=Risk.NONE,
        value=mean(row("terms_days"), of=issued_within()),
        meaning="Mean days from issue to due date of the invoices issued in the last {window}.",
        reason={"en": "invoices have terms of {value}", "zh": "发票账期平均为 {value}"},
    ),
    Feature(
        name="sales_growth_3m", unit=Unit.RATIO, risk=Risk.NONE,
        value=ratio(total(AMOUNT, of=issued_within(90)) * 4, SALES_12M),
        meaning="Invoicing of the last 90 days at a year's pace (times 4) against the last 365 days.",
        reason={"en": "recent invoicing runs at {value} times the year's pace", "zh": "近期开票速度是全年的 {value} 倍"},
    ),
    Feature(
        name="sales_growth_12m", unit=Unit.RATIO, risk=Risk.NONE,
        value=ratio(SALES_12M, total(AMOUNT, of=issued_within(730)) - SALES_12M),
        meaning="Invoicing of the last 365 days against the 365 days before.",
        reason={"en": "the year's invoicing is {value} times that of the year before", "zh": "全年开票额是上一年的 {value} 倍"},
    ),
    Feature(
        name="sales_growth_3m_seasonal", unit=Unit.RATIO, risk=Risk.NONE,
        value=ratio(total(AMOUNT, of=issued_within(90)), total(AMOUNT, of=issued_within(455)) - SALES_12M),
        meaning="Invoicing of the last 90 days against the same 90 days a year before: the season taken out.",
        reason={"en": "recent invoicing is {value} times that of the same season last year", "zh": "近期开票额是去年同季的 {value} 倍"},
    ),
    Feature(
        name="active_months_{window}", unit=Unit.COUNT, windows=(365, 730), risk=Risk.NONE,
        value=distinct(row("month"), of=issued_within()),
        meaning="In how many stretches of 30 days of the last {window} an invoice was issued.",
        reason={"en": "invoices were issued in {value} months of the last {window}", "zh": "过去{window}有 {value} 个月开票"},
    ),
    Feature(
        name="dso_12m", unit=Unit.DAYS, risk=Risk.RISES, value=ratio(OPEN * 365, SALES_12M), source="definitions: DSO",
        meaning="Days sales outstanding: open balance against the invoicing of the last 365 days, in days.",
        reason={"en": "the open balance equals {value} of invoicing", "zh": "未结余额相当于 {value} 的开票额"},
    ),
    Feature(
        name="best_possible_dso_12m", unit=Unit.DAYS, risk=Risk.NONE, value=ratio(NOT_DUE * 365, SALES_12M),
        source="definitions: best possible DSO", meaning="Days sales outstanding if nothing were past due.",
        reason={"en": "the balance not yet due equals {value} of invoicing", "zh": "未到期余额相当于 {value} 的开票额"},
    ),
    Feature(
        name="average_days_delinquent_12m", unit=Unit.DAYS, risk=Risk.RISES,
        value=ratio(total(OPEN_AMOUNT, of=overdue_items) * 365, SALES_12M), source="definitions: ADD",
        meaning="Average days delinquent: days sales outstanding less the best possible ones.",
        reason={"en": "the overdue balance equals {value} of invoicing", "zh": "逾期余额相当于 {value} 的开票额"},
    ),
    Feature(
        name="cei_12m", unit=Unit.INDEX, risk=Risk.NONE, source="definitions: CEI",
        value=ratio(COLLECTED_12M * 100, COLLECTED_12M + total(OPEN_AMOUNT, of=overdue_items)), missing=Missing.NO_HISTORY,
        meaning="Collection effectiveness over 365 days: of what could have been collected, how much was, 100 at best. "
                "Opening receivables plus sales less closing ones are what was collected or credited in the period.",
        reason={"en": "collection effectiveness is {value} of 100", "zh": "回款有效指数为 {value}（满分100）"},
    ),
)  # fmt: skip
