"""Declare the columns of the item scored: amount, terms, dates, state, and comparison with the customer's habit."""

from features.language import Feature, Level, Missing, Node, Risk, Unit, column_of, given, ratio


def _item(
    name: str, unit: Unit, value: Node, meaning: str, en: str, zh: str, missing: Missing = Missing.NO_HISTORY
) -> Feature:
    """Return an item's column: without direction of risk, since a day or an amount is neither good nor bad by
    itself.
    """
    return Feature(
        name=name,
        unit=unit,
        value=value,
        meaning=meaning,
        risk=Risk.NONE,
        reason={"en": en, "zh": zh},
        missing=missing,
        level=Level.ITEM,
    )


FEATURES = (
    _item("item_amount", Unit.MONEY, given("item_amount"), "The invoice's amount in the reporting currency.",
          "the invoice is for {value}", "发票金额为 {value}"),
    _item("item_open_amount", Unit.MONEY, given("item_open_amount"), "What of the invoice is open on as_of.",
          "{value} of the invoice is open", "发票未结 {value}"),
    _item("item_amount_to_median", Unit.RATIO, ratio(given("item_amount"), column_of("amount_median_12m")),
          "The invoice's amount against the customer's median over 365 days.",
          "the invoice is {value} times the usual one", "发票金额是通常的 {value} 倍"),
    _item("item_amount_to_max", Unit.RATIO, ratio(given("item_amount"), column_of("amount_max_12m")),
          "The invoice's amount against the customer's largest over 365 days.",
          "the invoice is {value} times the largest of the year", "发票金额是全年最大发票的 {value} 倍"),
    _item("item_amount_to_sales_3m", Unit.RATIO, ratio(given("item_amount"), column_of("sales_3m")),
          "The invoice's amount against what was invoiced in the last 90 days.",
          "the invoice is {value} times the last 90 days' invoicing", "发票金额是过去90天开票额的 {value} 倍"),
    _item("item_terms_days", Unit.DAYS, given("item_terms_days"), "Days from issue to due date.",
          "terms of {value}", "账期为 {value}"),
    _item("item_terms_to_habit", Unit.DAYS, given("item_terms_days") - column_of("terms_days_mean_12m"),
          "The invoice's terms less the customer's mean terms over 365 days.",
          "terms are {value} longer than usual", "账期比通常长 {value}"),
    _item("item_due_weekday", Unit.CODE, given("item_due_weekday"), "Weekday of the due date: 0 Monday to 6 Sunday.",
          "due on weekday {value}", "到期星期代码为 {value}"),
    _item("item_issued_weekday", Unit.CODE, given("item_issued_weekday"), "Weekday of issue: 0 Monday to 6 Sunday.",
          "issued on weekday {value}", "开票星期代码为 {value}"),
    _item("item_due_day_of_month", Unit.CODE, given("item_due_day_of_month"), "Day of the month of the due date.",
          "due on day {value} of the month", "到期日为当月第 {value} 日"),
    _item("item_due_days_to_month_end", Unit.DAYS, given("item_due_days_to_month_end"), "Days from the due date to the end of its month.",
          "due {value} before month end", "到期日距月末 {value}"),
    _item("item_due_month", Unit.CODE, given("item_due_month"), "Month of the due date, 1 to 12.",
          "due in month {value}", "到期月份为 {value}"),
    _item("item_due_days_to_working_day", Unit.DAYS, given("item_due_days_to_working_day"),
          "Days from the due date to the next day that is neither weekend nor public holiday in the customer's country nor a "
          "closing day of the payment system of the invoice's currency.",
          "the next working day comes {value} after the due date", "到期日后 {value} 为下一个工作日"),
    _item("item_closed_days", Unit.CODE, given("item_closed_days"),
          "Days near the due date on which the payment system of the invoice's currency is closed (of other currencies: "
          "weekends and public holidays of the customer's country), as bits: bit 0 stands for 16 days before it, bit 52 for 36 after.",
          "the closed days near the due date have code {value}", "到期日前后非工作日代码为 {value}"),
    _item("item_due_moved_days", Unit.DAYS, given("item_due_moved_days"),
          "Days from the due date by the customer's usual terms, from which the item's columns count, to the stated one where that "
          "is implausible (over a year and over twelve times the customer's longest terms); 0 where it is plausible.",
          "the stated due date lies {value} after the usual one", "所载到期日比惯常到期日晚 {value}"),
    _item("item_days_open", Unit.DAYS, given("item_days_open"), "Days since issue; 0 where not issued yet.",
          "open for {value}", "已开具 {value}"),
    _item("item_days_past_due", Unit.DAYS, given("item_days_past_due"), "Days past due on as_of, at least 0.",
          "{value} past due", "已逾期 {value}"),
    _item("item_days_until_due", Unit.DAYS, given("item_days_until_due"), "Days until the due date, at least 0.",
          "due in {value}", "距到期 {value}"),
    _item("item_paid_share", Unit.SHARE, ratio(given("item_amount") - given("item_open_amount"), given("item_amount")),
          "Share of the invoice that was paid or credited by as_of.",
          "{value} of the invoice is settled", "发票已结清 {value}"),
    _item("item_payments", Unit.COUNT, given("item_payments"), "Payments on the invoice by as_of.",
          "{value} payments on the invoice", "发票已有 {value} 笔付款"),
    _item("item_is_disputed", Unit.CODE, given("item_is_disputed"), "Whether the invoice is disputed on as_of: 1 yes, 0 no.",
          "disputed: {value}", "是否争议：{value}"),
    _item("item_open_beside", Unit.COUNT, column_of("open_items") - given("item_is_open"), "Other invoices of the customer open on as_of.",
          "{value} other invoices are open", "另有 {value} 张未结发票"),
    _item("item_open_amount_beside", Unit.MONEY, column_of("open_amount") - given("item_open_amount") * given("item_is_open"),
          "Open balance of the customer's other invoices on as_of.",
          "{value} is open in addition", "此外未结 {value}"),
    _item("item_is_first", Unit.CODE, (column_of("invoices_ever") - given("item_is_held")).equals(0),
          "Whether the books hold no other invoice of the customer: 1 yes, 0 no.",
          "first invoice: {value}", "是否首张发票：{value}"),
)  # fmt: skip
