"""用友 (Yonyou) and 金蝶 (Kingdee): lists of receivables, one row a document (应收账款明细, 应收单列表, 往来对账).

A row of a receivable (销售发票, 应收单) is an invoice; what of it was received stands on its row (已收金额 with 收款日期) or in rows of
their own (收款单), which name the invoice that they were set against (核销单号). A red or negative document (红字, 贷项) is a credit
note. Money that was received on a day that the list does not tell is of kind undated. Ledger layouts give debit (借方) and
credit (贷方) in place of one amount.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

DOCUMENTS = File(
    fields={
        "customer_id": Field(
            names=("客户编码", "客户编号", "客户代码", "往来单位编码", "单位编码", "客户"),
            type=ID,
            required=True,
            meaning="customer_id",
        ),
        "name": Field(
            names=("客户名称", "往来单位", "往来单位名称", "单位名称", "客户全称", "客户简称"),
            type=TEXT,
            meaning="customers.name",
        ),
        "type": Field(
            names=("单据类型", "单据名称", "业务类型", "单据类别", "类型"),
            type=TEXT,
            meaning="发票 or 应收单: an invoice; 收款: a payment",
        ),
        "number": Field(
            names=("单据号", "单据编号", "单据号码", "发票号", "发票号码", "凭证号"),
            type=ID,
            required=True,
            meaning="invoices.invoice_id",
        ),
        "on_day": Field(
            names=("单据日期", "日期", "业务日期", "开票日期", "制单日期", "凭证日期"),
            type=DATE,
            required=True,
            meaning="issued_on, paid_on",
        ),
        "due_on": Field(names=("到期日", "到期日期", "应收日期", "收款到期日"), type=DATE, meaning="invoices.due_on"),
        "terms": Field(
            names=("付款条件", "收款条件", "账期"),
            type=TEXT,
            is_terms=True,
            meaning="invoices.payment_terms; a due date where none is given",
        ),
        "currency": Field(names=("币种", "币别", "货币"), type=TEXT, meaning="currency; without it CNY"),
        "amount": Field(
            names=("应收金额", "价税合计", "原币金额", "本币金额", "开票金额", "单据金额", "金额"),
            type=NUMBER,
            meaning="amount",
        ),
        "debit": Field(names=("借方金额", "借方", "本期应收"), type=NUMBER, meaning="amount of an invoice"),
        "credit": Field(names=("贷方金额", "贷方", "本期收回"), type=NUMBER, meaning="amount of a payment"),
        "received": Field(
            names=("已收金额", "收款金额", "已核销金额", "已结算金额"),
            type=NUMBER,
            meaning="what of the invoice was received",
        ),
        "received_on": Field(names=("收款日期", "回款日期", "核销日期", "结算日期"), type=DATE, meaning="its day"),
        "open_amount": Field(
            names=("余额", "未收金额", "应收余额", "原币余额", "未收余额", "未核销金额", "剩余金额"),
            type=NUMBER,
            meaning="compared, and received = amount - open",
        ),
        "against": Field(
            names=("核销单号", "核销单据号", "对应发票号", "源单编号", "对应单号"),
            type=ID,
            meaning="the invoice of a payment",
        ),
        "booked_on": Field(names=("审核日期", "录入日期", "记账日期"), type=DATE, meaning="booked_on"),
    },
    refuse=(("coalesce(amount, debit, credit) IS NULL", "no amount: neither 应收金额, 借方 nor 贷方"),),
)

QUERIES = queries_of(__file__)

FORMAT = Format(
    name="yonyou-kingdee",
    title="用友 and 金蝶 (lists of receivables)",
    currency="CNY",
    files={"documents": DOCUMENTS},
    prepared=QUERIES.prepared,
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="money received on a day that the list does not tell: kind undated, no days late",
            sql="SELECT payment_id FROM draft_payments WHERE kind = 'undated'",
            amounts="SELECT amount, currency FROM draft_payments ANTI JOIN bad USING (file, line) WHERE kind = 'undated'",
        ),
        Notice(
            words="due dates computed from the terms of payment in words",
            sql="SELECT terms FROM classed WHERE class = 'invoice' AND due_on IS NULL AND due_after(on_day, terms) IS NOT NULL",
        ),
        Notice(
            words="due dates: none given, the document's date is taken",
            sql="SELECT number FROM classed WHERE class = 'invoice' AND due_on IS NULL AND due_after(on_day, terms) IS NULL",
        ),
    ),
    noticed=(
        Notice(
            words="documents whose 余额 is not amount less received",
            sql="SELECT number FROM classed WHERE class = 'invoice' AND open_amount IS NOT NULL AND received IS NOT NULL AND "
            "abs(value - received - open_amount) > 0.005",
        ),
    ),
    traps=("GB18030", "合计 and 小计 rows", "红字 documents", "received amounts without a day", "万 as the unit"),
)
