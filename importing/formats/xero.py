"""Xero: the invoices export, and where there is one the payments export.

A line-item export repeats the invoice on every line: the copies are counted and left out. FullyPaidOnDate is the day
on which nothing was due any more, be it by money or by a credit note: AmountPaid is money, AmountCredited is not and
makes an applied credit note. With a payments export its rows are the payments. Without one, a payment is dated by
FullyPaidOnDate, or, for an invoice paid in part, by the day of its last change; where the export has neither, the row
is refused, since money without a day is no fact. A credit note's own row (ACCRECCREDIT) keeps only what is not yet
used, since the invoices' AmountCredited already says the rest. Drafts, voided and deleted documents are refused, and
what an earlier import took of them is withdrawn; so is money that an invoice's row, or payments that add up to its
AmountPaid, no longer show.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

INVOICES = File(
    informs=True,
    fields={
        "number": Field(
            names=("InvoiceNumber", "Invoice Number"), type=ID, required=True, meaning="invoices.invoice_id"
        ),
        "customer_id": Field(
            names=("ContactID", "ContactName", "Contact"), type=ID, required=True, meaning="customer_id"
        ),
        "customer_name": Field(names=("ContactName", "Contact"), type=TEXT, meaning="customers.name"),
        "type": Field(
            names=("Type", "InvoiceType"), type=TEXT, required=True, optional_value=True, meaning="ACCREC, ACCRECCREDIT"
        ),
        "status": Field(names=("Status",), type=TEXT, required=True, meaning="AUTHORISED or PAID"),
        "issued_on": Field(
            names=("Date", "InvoiceDate", "Invoice Date"), type=DATE, required=True, meaning="invoices.issued_on"
        ),
        "due_on": Field(
            names=("DueDate", "Due Date"), type=DATE, required=True, optional_value=True, meaning="invoices.due_on"
        ),
        "paid_on": Field(
            names=("FullyPaidOnDate", "FullyPaidDate", "Fully Paid On"),
            type=DATE,
            meaning="day on which nothing was due any more",
        ),
        "amount": Field(names=("Total", "InvoiceTotal"), type=NUMBER, required=True, meaning="amount"),
        "paid": Field(
            names=("AmountPaid", "InvoiceAmountPaid"), type=NUMBER, required=True, optional_value=True, meaning="money"
        ),
        "credited": Field(
            names=("AmountCredited", "InvoiceAmountCredited"),
            type=NUMBER,
            meaning="an applied credit note; without it what Total, AmountPaid and AmountDue leave",
        ),
        "due_amount": Field(
            names=("AmountDue", "InvoiceAmountDue", "RemainingCredit"),
            type=NUMBER,
            required=True,
            optional_value=True,
            meaning="compared; of a credit note, what is not used",
        ),
        "currency": Field(names=("CurrencyCode", "Currency"), type=TEXT, required=True, meaning="currency"),
        "changed_on": Field(
            names=("UpdatedDateUTC", "Updated"), type=DATE, meaning="day of a part payment without another day"
        ),
    },
    refuse=(
        (
            "upper(status) NOT IN ('AUTHORISED', 'PAID', 'AWAITING PAYMENT', 'APPROVED', 'SENT')",
            "the document is a draft, voided or deleted",
        ),
        (
            "upper(type) NOT IN ('ACCREC', 'ACCRECCREDIT', 'SALES INVOICE', 'SALES CREDIT NOTE')",
            "not a customer's document (bill, prepayment)",
        ),
        (
            "credited IS NOT NULL AND abs(amount - coalesce(paid, 0) - credited - due_amount) > 0.005 AND "
            "upper(coalesce(type, 'ACCREC')) IN ('ACCREC', 'SALES INVOICE')",
            "Total is not AmountPaid + AmountCredited + AmountDue",
        ),
    ),
)
PAYMENTS = File(
    optional=True,
    fields={
        "payment_id": Field(names=("PaymentID", "Payment ID"), type=ID, required=True, meaning="payments.payment_id"),
        "number": Field(
            names=("InvoiceNumber", "Invoice Number"),
            type=ID,
            required=True,
            optional_value=True,
            meaning="payments.invoice_id",
        ),
        "customer_id": Field(names=("ContactID", "ContactName", "Contact"), type=ID, meaning="customer_id"),
        "on_day": Field(names=("Date", "PaymentDate"), type=DATE, required=True, meaning="payments.paid_on"),
        "amount": Field(names=("Amount", "PaymentAmount"), type=NUMBER, required=True, meaning="payments.amount"),
        "currency": Field(names=("CurrencyCode", "Currency"), type=TEXT, meaning="currency; without it the invoice's"),
        "status": Field(names=("Status",), type=TEXT, meaning="AUTHORISED; DELETED is refused"),
        "changed_on": Field(names=("UpdatedDateUTC",), type=DATE, meaning="booked_on"),
    },
    refuse=(("upper(status) = 'DELETED'", "the payment was deleted"),),
)

_SALE, _CREDIT = "('ACCREC', 'SALES INVOICE')", "('ACCRECCREDIT', 'SALES CREDIT NOTE')"
# One row an invoice where the export has one a line item: the first line stands for it.
# Xero's own export has no AmountCredited: what is neither paid nor due was credited; a credit note's amounts are below 0.
SALES = f"""
    SELECT * REPLACE (coalesce(credited, CASE WHEN NOT is_credit
            THEN nullif(round(amount - coalesce(paid, 0) - coalesce(due_amount, 0), 4), 0) END) AS credited,
            abs(due_amount) AS due_amount)
    FROM (SELECT *, upper(coalesce(type, 'ACCREC')) IN {_CREDIT} AS is_credit, coalesce(paid_on, changed_on) AS moved_on,
        min(line) OVER (PARTITION BY file, number, upper(coalesce(type, 'ACCREC')) IN {_CREDIT}) = line AS is_first,
        (amount, issued_on, due_on, customer_id, currency) IS NOT DISTINCT FROM first_value((amount, issued_on, due_on,
            customer_id, currency)) OVER (PARTITION BY file, number, upper(coalesce(type, 'ACCREC')) IN {_CREDIT}
            ORDER BY line) AS is_like_first
    FROM invoices)
"""

# What an invoice's own row says is the whole state of it: money and credit that it no longer shows are taken back.
# With a payments export, its payments are the whole state where they add up to AmountPaid.
_NO_PAYMENTS = "(SELECT count(*) FROM received) = 0"
_READ = "SELECT number{suffix} FROM sales WHERE NOT is_credit AND reasons IS NULL"
_VOID = "SELECT number{suffix} FROM invoices WHERE upper(status) IN ('VOIDED', 'DELETED')"
_ADDS_UP = """
    SELECT s.number FROM sales s LEFT JOIN (SELECT number, sum(amount) AS amount FROM received
        WHERE coalesce(upper(status), '') <> 'DELETED' GROUP BY 1) r USING (number)
    WHERE NOT is_credit AND is_first AND reasons IS NULL AND abs(coalesce(s.paid, 0) - coalesce(r.amount, 0)) < 0.005
"""
_CREDITED, _PAID = " || ':credited'", " || ':paid'"
WITHDRAWN = {
    "invoices": f"invoice_id IN ({_READ.format(suffix=_CREDITED)} UNION {_VOID.format(suffix='')} "
    f"UNION {_VOID.format(suffix=_CREDITED)})",
    "payments": "payment_id IN (SELECT payment_id FROM received WHERE upper(status) = 'DELETED') "
    f"OR payment_id IN ({_VOID.format(suffix=_PAID)}) "
    f"OR ({_NO_PAYMENTS} AND payment_id IN ({_READ.format(suffix=_PAID)})) "
    f"OR (NOT {_NO_PAYMENTS} AND invoice_id IN ({_ADDS_UP}))",
}

QUERIES = queries_of(__file__)

FORMAT = Format(
    name="xero",
    title="Xero (invoices, payments)",
    files={"invoices": INVOICES, "received": PAYMENTS},
    whole_invoices=False,
    prepared=QUERIES.prepared,
    withdrawn=WITHDRAWN,
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="part payments dated by the day of the invoice's last change",
            sql="SELECT number FROM sales WHERE NOT is_credit AND is_first AND paid > 0 AND paid_on IS NULL AND "
            "changed_on IS NOT NULL AND (SELECT count(*) FROM received) = 0",
        ),
        Notice(
            words="payments whose day the export does not tell: kind undated, known from the day of the import, no days late",
            sql="SELECT payment_id FROM draft_payments WHERE kind = 'undated'",
            amounts="SELECT amount, currency FROM draft_payments ANTI JOIN bad USING (file, line) WHERE kind = 'undated'",
        ),
        Notice(
            words="credit of invoices whose day the export does not tell: counted from the day of the import",
            sql="SELECT number FROM sales WHERE NOT is_credit AND is_first AND credited > 0 AND moved_on IS NULL",
        ),
        Notice(
            words="due dates: none given, the invoice date is taken",
            sql="SELECT number FROM sales WHERE NOT is_credit AND is_first AND due_on IS NULL",
        ),
        Notice(
            words="credit notes made of AmountCredited",
            sql="SELECT number FROM sales WHERE NOT is_credit AND is_first AND credited > 0",
        ),
    ),
    noticed=(
        Notice(
            words="further line items of a document: its first line stands for it",
            sql="SELECT number FROM sales WHERE NOT is_first AND is_like_first AND reasons IS NULL",
        ),
        Notice(
            words="credit notes whose own rows are used up: their invoices' AmountCredited stands for them",
            sql="SELECT number FROM sales WHERE is_credit AND coalesce(due_amount, 0) = 0",
        ),
    ),
    traps=(
        "one row a line item",
        "AmountCredited sets FullyPaidOnDate",
        "drafts and voided documents",
        "part payments without a day",
    ),
)
