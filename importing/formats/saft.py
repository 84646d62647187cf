"""SAF-T XML (Portugal, Norway and the OECD's form): customers, sales invoices, and payments where the file has them.

An invoice of type NC is a credit note of the invoice that it refers to; cancelled documents (status A) are refused. Few
countries' files hold due dates: without one the invoice date is taken and counted, or --terms in a mapping afterwards.
A payment line names its invoice (OriginatingON); a debit line is a reversal. Its amount is in the country's currency: where
the payment has another one, GrossTotal and CurrencyAmount give the rate. A payment without lines is money on account. Purchase
invoices are quarantined.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

RECORDS = File(
    fields={
        "record": Field(names=("record",), type=TEXT, required=True, meaning="customer, invoice or payment"),
        "id": Field(names=("id",), type=ID, required=True, meaning="CustomerID, InvoiceNo, PaymentRefNo"),
        "customer_id": Field(names=("customer_id",), type=ID, required=True, meaning="customer_id"),
        "name": Field(names=("name",), type=TEXT, meaning="CompanyName: customers.name"),
        "country": Field(names=("country",), type=TEXT, meaning="Country: customers.country"),
        "type": Field(names=("type",), type=TEXT, meaning="InvoiceType; NC: a credit note"),
        "status": Field(names=("status",), type=TEXT, meaning="InvoiceStatus, PaymentStatus; A: cancelled"),
        "issued_on": Field(names=("issued_on",), type=DATE, meaning="InvoiceDate: invoices.issued_on"),
        "due_on": Field(names=("due_on",), type=DATE, meaning="DueDate: invoices.due_on"),
        "paid_on": Field(names=("paid_on",), type=DATE, meaning="TransactionDate: payments.paid_on"),
        "amount": Field(
            names=("amount",), type=NUMBER, meaning="GrossTotal, or CurrencyAmount; CreditAmount of a payment line"
        ),
        "currency": Field(names=("currency",), type=TEXT, meaning="CurrencyCode; without it --currency"),
        "invoice_id": Field(
            names=("invoice_id",), type=ID, meaning="OriginatingON, Reference: the invoice it belongs to"
        ),
        "entered_on": Field(names=("entered_on",), type=DATE, meaning="SystemEntryDate: booked_on"),
    },
    refuse=(
        ("upper(status) = 'A'", "the document is cancelled (status A)"),
        ("record = 'purchase'", "a purchase invoice: not a customer's"),
    ),
)

QUERIES = queries_of(__file__)

FORMAT = Format(
    name="saft",
    title="SAF-T XML (customers, sales invoices, payments)",
    currency="EUR",
    files={"records": RECORDS},
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="due dates: none given, the invoice date is taken",
            sql="SELECT id FROM records WHERE record = 'invoice' AND due_on IS NULL AND upper(coalesce(type, '')) <> 'NC'",
        ),
        Notice(
            words="currency: the record has none, the format's (or --currency) is taken",
            sql="SELECT id FROM records WHERE record <> 'customer' AND currency IS NULL",
        ),
    ),
    traps=(
        "no due dates in most countries' files",
        "NC is a credit note",
        "status A is cancelled",
        "payments are optional",
    ),
)
