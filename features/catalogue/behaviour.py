"""Behaviour: part payments, short payments, disputes, broken promises, reminders, blocks."""

from features.catalogue.rows import (
    AMOUNT,
    OPEN_AMOUNT,
    agreed_terms,
    closed_within,
    due_within,
    events,
    events_within,
    issued_within,
    open_items,
)
from features.language import (
    WINDOW,
    Feature,
    Missing,
    Risk,
    Rows,
    Unit,
    count,
    days_since,
    last,
    maximum,
    mean,
    ratio,
    row,
    share,
    share_by,
    total,
)  # fmt: skip

REVERSALS = Rows("payments", "paid_on", WINDOW, row("is_reversal"))
BROKEN = count(events_within(WINDOW, "promise_broken"))

FEATURES = (
    Feature(
        name="part_paid_share_{window}", unit=Unit.SHARE, windows=(365,), risk=Risk.NONE,
        value=share(row("count_payments") > 1, of=due_within()),
        meaning="Share of the invoices due in the last {window} paid in more than one part.",
        reason={"en": "{value} of the invoices due in the last {window} were paid in parts", "zh": "{value} 的发票分次付款"},
    ),
    Feature(
        name="payments_per_invoice_{window}", unit=Unit.RATIO, windows=(365,), risk=Risk.NONE,
        value=mean(row("count_payments"), of=due_within()),
        meaning="Mean number of payments on the invoices due in the last {window}.",
        reason={"en": "an invoice is paid in {value} payments on average", "zh": "每张发票平均分 {value} 次付清"},
    ),
    Feature(
        name="short_paid_share_{window}", unit=Unit.SHARE, windows=(365,), risk=Risk.NONE,
        value=share((row("count_payments") > 0) & row("is_overdue"), of=due_within()),
        meaning="Share of the invoices due in the last {window} that were paid in part and are past due with the rest.",
        reason={"en": "{value} of the invoices due in the last {window} were paid in part and are overdue with the rest", "zh": "过去{window}到期的发票中有 {value} 仅部分付款、余额逾期"},
    ),
    Feature(
        name="unapplied_payment_share_{window}", unit=Unit.SHARE, windows=(365,), risk=Risk.NONE,
        value=share_by(AMOUNT, ~row("is_applied"), of=Rows("payments", "paid_on", WINDOW, row("is_payment"))),
        meaning="Share of the amount paid in the last {window} that names no invoice.",
        reason={"en": "{value} of what was paid names no invoice", "zh": "付款中有 {value} 未注明发票"},
    ),
    Feature(
        name="reversals_{window}", unit=Unit.COUNT, windows=(365,), risk=Risk.RISES, value=count(REVERSALS),
        meaning="Payments of the last {window} that were reversed or refunded.",
        reason={"en": "{value} payments were reversed in the last {window}", "zh": "过去{window}有 {value} 笔付款被冲销"},
    ),
    Feature(
        name="credited_share_{window}", unit=Unit.SHARE, windows=(365,), risk=Risk.NONE,
        value=ratio(total(row("credited_amount"), of=issued_within()), total(AMOUNT, of=issued_within())),
        meaning="Share of the amount invoiced in the last {window} that credit notes took back.",
        reason={"en": "{value} of the invoicing was credited", "zh": "开票额中有 {value} 被贷记冲回"},
    ),
    Feature(
        name="disputed_amount_share", unit=Unit.SHARE, risk=Risk.NONE, missing=Missing.NOT_APPLICABLE,
        value=share_by(OPEN_AMOUNT, row("is_disputed"), of=open_items),
        meaning="Share of the open balance under dispute; missing where nothing is open.",
        reason={"en": "{value} of the open balance is disputed", "zh": "未结余额中有 {value} 存在争议"},
    ),
    Feature(
        name="open_disputes", unit=Unit.COUNT, risk=Risk.NONE, value=count(open_items.only(row("is_disputed"))),
        meaning="Open invoices under dispute on as_of.",
        reason={"en": "{value} open invoices are in dispute", "zh": "有 {value} 张未结发票存在争议"},
    ),
    Feature(
        name="disputes_lost_{window}", unit=Unit.COUNT, windows=(365,), risk=Risk.NONE,
        value=count(due_within().only(row("was_disputed") & ~row("is_disputed") & row("credited_amount").equals(0))),
        meaning="Invoices due in the last {window} whose dispute ended without a credit note: the customer was not in the right.",
        reason={"en": "{value} disputes of the last {window} ended without a credit", "zh": "过去{window}有 {value} 次争议以未获贷记结束"},
    ),
    Feature(
        name="disputes_{window}", unit=Unit.COUNT, windows=(90, 365), risk=Risk.NONE, value=count(events_within(WINDOW, "dispute_opened")),
        meaning="Disputes opened in the last {window}.",
        reason={"en": "{value} invoices were disputed in the last {window}", "zh": "过去{window}有 {value} 次争议"},
    ),
    Feature(
        name="broken_promises_{window}", unit=Unit.COUNT, windows=(90, 365), risk=Risk.RISES,
        value=count(events_within(WINDOW, "promise_broken")),
        meaning="Promises to pay broken in the last {window}.",
        reason={"en": "{value} promises to pay were broken in the last {window}", "zh": "过去{window}有 {value} 次违背付款承诺"},
    ),
    Feature(
        name="promise_broken_share_{window}", unit=Unit.SHARE, windows=(365,), risk=Risk.RISES, missing=Missing.NOT_APPLICABLE,
        value=ratio(BROKEN, count(events_within(WINDOW, "promise_to_pay")).at_least(BROKEN)),
        meaning="Share of the promises to pay of the last {window} that were broken (one made before and broken in it counts "
                "as one of them); missing where there was none.",
        reason={"en": "{value} of the promises to pay of the last {window} were broken", "zh": "过去{window}的付款承诺中有 {value} 未兑现"},
    ),
    Feature(
        name="bounced_payments_{window}", unit=Unit.COUNT, windows=(90, 365), risk=Risk.RISES,
        value=count(events_within(WINDOW, "payment_bounced")),
        meaning="Payments that bounced in the last {window}.",
        reason={"en": "{value} payments bounced in the last {window}", "zh": "过去{window}有 {value} 笔付款被退回"},
    ),
    Feature(
        name="reminders_{window}", unit=Unit.COUNT, windows=(90, 365), risk=Risk.RISES, value=count(events_within(WINDOW, "dunning")),
        meaning="Reminders (dunning letters) sent in the last {window}.",
        reason={"en": "{value} reminders had to be sent in the last {window}", "zh": "过去{window}发出 {value} 次催款"},
    ),
    Feature(
        name="reminder_level_{window}", unit=Unit.CODE, windows=(365,), risk=Risk.RISES, missing=Missing.NOT_APPLICABLE,
        value=maximum(row("level"), of=events_within(WINDOW, "dunning").only(row("level") > 0)),
        meaning="Highest level of the reminders of the last {window}, 1 to 9, as stated with them; missing where none states its level.",
        reason={"en": "reminders of the last {window} went up to level {value}", "zh": "过去{window}催款最高达到第 {value} 级"},
    ),
    Feature(
        name="order_blocks_{window}", unit=Unit.COUNT, windows=(365,), risk=Risk.RISES, value=count(events_within(WINDOW, "order_blocked")),
        meaning="Orders blocked in the last {window}.",
        reason={"en": "{value} orders were blocked in the last {window}", "zh": "过去{window}有 {value} 个订单被冻结"},
    ),
    Feature(
        name="concessions_{window}", unit=Unit.COUNT, windows=(730,), risk=Risk.RISES, value=count(events_within(WINDOW, "concession")),
        meaning="Concessions (a restructuring, a longer term for old debts) in the last {window}.",
        reason={"en": "{value} concessions had to be made in the last {window}", "zh": "过去{window}有 {value} 次让步"},
    ),
    Feature(
        name="written_off_amount_{window}", unit=Unit.MONEY, windows=(730,), risk=Risk.RISES,
        value=total(AMOUNT, of=closed_within(WINDOW, "is_written_off")),
        meaning="Amount of the invoices written off in the last {window}.",
        reason={"en": "invoices of {value} were written off", "zh": "有 {value} 的发票被核销坏账"},
    ),
    Feature(
        name="insolvencies", unit=Unit.COUNT, risk=Risk.RISES, value=count(events("insolvency")),
        meaning="Insolvency events known by as_of.",
        reason={"en": "{value} insolvency events", "zh": "有 {value} 次破产事件"},
    ),
    Feature(
        name="insurance_claims_{window}", unit=Unit.COUNT, windows=(730,), risk=Risk.RISES,
        value=count(events_within(WINDOW, "insurance_claim")),
        meaning="Claims to the credit insurer in the last {window}.",
        reason={"en": "{value} insurance claims in the last {window}", "zh": "过去{window}有 {value} 次保险索赔"},
    ),
    Feature(
        name="days_since_adverse_event", unit=Unit.DAYS, risk=Risk.FALLS, missing=Missing.NOT_APPLICABLE,
        value=days_since(events("promise_broken", "payment_bounced", "order_blocked", "concession", "insolvency", "write_off", "insurance_claim")),
        meaning="Days since the last broken promise, bounced payment, order block, concession, insolvency, write-off or claim; "
                "missing where there was none.",
        reason={"en": "the last adverse event was {value} ago", "zh": "距上次不利事件 {value}"},
    ),
    Feature(
        name="agreed_terms_days", unit=Unit.DAYS, risk=Risk.NONE, missing=Missing.NOT_REPORTED, value=last(row("terms_days"), of=agreed_terms),
        meaning="Payment terms in force on as_of, in days.",
        reason={"en": "agreed terms are {value}", "zh": "约定账期为 {value}"},
    ),
    Feature(
        name="terms_changes_{window}", unit=Unit.COUNT, windows=(365,), risk=Risk.NONE, missing=Missing.NOT_REPORTED,
        value=count(Rows("terms", "effective_on", WINDOW)),
        meaning="Changes of limit or terms that took effect in the last {window}.",
        reason={"en": "{value} changes of terms in the last {window}", "zh": "过去{window}条款变更 {value} 次"},
    ),
)  # fmt: skip
