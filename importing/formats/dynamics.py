"""Microsoft Dynamics 365 Finance / AX: CustTrans, CustSettlement, and where there are CustTransOpen and CustTable.

A CustTrans row with an invoice number is an invoice (amount above 0) or a credit note (below 0); without one it is a
payment (below 0) or money paid back (above 0). CustSettlement has a row for each side of a settlement: the rows of
the invoice's side, with the other transaction in OffsetRecid, are used, and the rows of the other side only confirm
them. A settlement taken back is a row with the opposite sign: a reversal. A settlement by a credit note makes an
applied credit note and no payment. 1900-01-01 is Dynamics' empty date. CustTransOpen gives the due date where
CustTrans has none.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

TRANSACTIONS = File(
    informs=True,
    fields={
        "rec_id": Field(names=("RecId", "TransRecId"), type=ID, required=True, meaning="joins the tables"),
        "customer_id": Field(
            names=("AccountNum", "CustAccount", "Customer account"), type=ID, required=True, meaning="customer_id"
        ),
        "voucher": Field(names=("Voucher",), type=ID, required=True, meaning="payments.payment_id with RecId"),
        "invoice": Field(
            names=("Invoice", "InvoiceId"), type=ID, required=True, optional_value=True, meaning="invoices.invoice_id"
        ),
        "on_day": Field(
            names=("TransDate", "Date"), type=DATE, required=True, meaning="paid_on; issued_on without DocumentDate"
        ),
        "document_on": Field(names=("DocumentDate",), type=DATE, meaning="invoices.issued_on"),
        "due_on": Field(names=("DueDate",), type=DATE, required=True, optional_value=True, meaning="invoices.due_on"),
        "amount": Field(names=("AmountCur",), type=NUMBER, required=True, meaning="amount, signed"),
        "currency": Field(names=("CurrencyCode", "Currency"), type=TEXT, required=True, meaning="currency"),
        "created_on": Field(names=("CreatedDateTime", "CreatedDate"), type=DATE, meaning="booked_on"),
        "terms": Field(names=("PaymTermId", "Payment"), type=TEXT, meaning="invoices.payment_terms"),
        "method": Field(names=("PaymMode", "PaymMethod"), type=TEXT, meaning="payments.method"),
    },
)
SETTLEMENTS = File(
    informs=True,
    fields={
        "rec_id": Field(names=("RecId",), type=ID, required=True, meaning="payment_id"),
        "trans": Field(names=("TransRecId",), type=ID, required=True, meaning="one side"),
        "offset_trans": Field(names=("OffsetRecid", "OffsetRecId"), type=ID, required=True, meaning="the other side"),
        "amount": Field(names=("SettleAmountCur",), type=NUMBER, required=True, meaning="amount settled, signed"),
        "on_day": Field(names=("TransDate",), type=DATE, required=True, meaning="day of the settlement"),
        "created_on": Field(names=("CreatedDateTime", "CreatedDate"), type=DATE, meaning="booked_on"),
    },
)
OPEN = File(
    informs=True,
    optional=True,
    fields={
        "ref_rec_id": Field(names=("RefRecId",), type=ID, required=True, meaning="the CustTrans row"),
        "due_on": Field(
            names=("DueDate",),
            type=DATE,
            required=True,
            optional_value=True,
            meaning="due_on, where CustTrans has none",
        ),
        "amount": Field(names=("AmountCur",), type=NUMBER, required=True, meaning="what is open; compared"),
    },
)
CUSTOMERS = File(
    optional=True,
    fields={
        "customer_id": Field(
            names=("AccountNum", "CustomerAccount"), type=ID, required=True, meaning="customers.customer_id"
        ),
        "group_id": Field(
            names=("CustGroup", "CustomerGroupId"),
            type=TEXT,
            required=True,
            optional_value=True,
            meaning="customers.segment",
        ),
        "name": Field(names=("Name", "OrganizationName"), type=TEXT, meaning="customers.name"),
        "country": Field(
            names=("CountryRegionId", "AddressCountryRegionId"),
            type=TEXT,
            meaning="customers.country, where ISO alpha-2",
        ),
        "parent_id": Field(names=("InvoiceAccount",), type=ID, meaning="customers.parent_id, where another account"),
    },
)


QUERIES = queries_of(__file__)

FORMAT = Format(
    name="dynamics",
    title="Microsoft Dynamics 365 Finance (CustTrans, CustSettlement, CustTransOpen)",
    splits_documents=True,
    files={
        "transactions": TRANSACTIONS,
        "settlements": SETTLEMENTS,
        "open_transactions": OPEN,
        "customer_accounts": CUSTOMERS,
    },
    prepared=QUERIES.prepared,
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="due dates taken from CustTransOpen, since CustTrans has none",
            sql="SELECT invoice FROM classed WHERE class = 'invoice' AND due_on IS NULL AND any_due_on IS NOT NULL",
        ),
    ),
    noticed=(
        Notice(
            words="settlements of the other side or between credits: they confirm, and give no row",
            sql="SELECT rec_id FROM settlements WHERE rec_id NOT IN (SELECT settlement_id FROM applied)",
        ),
        Notice(words="settlements taken back", sql="SELECT settlement_id FROM applied WHERE cents < 0"),
        Notice(
            words="invoices whose open amount in CustTransOpen is not what the settlements leave",
            sql="SELECT invoice FROM classed c WHERE class = 'invoice' AND open_amount IS NOT NULL AND "
            "abs(open_amount - amount + "
            "coalesce((SELECT sum(cents) / 1000 FROM applied a WHERE a.invoice_id = c.invoice), 0)) > 0.005",
        ),
    ),
    traps=("1900-01-01 is none", "two rows a settlement", "settlements taken back", "credit notes settle invoices"),
)
