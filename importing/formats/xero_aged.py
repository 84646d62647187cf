"""Xero: the report Aged Receivables Detail, exported to Excel or CSV: open documents by contact, with ageing columns.

It holds open documents only, with what is open of each: that stands for the amount of the invoice, and what was paid
before is not in it. The contact's name stands on a line above its documents. A document below 0 (credit note, overpayment,
prepayment) is unapplied credit. The ageing columns are compared with nothing: they are of the report's day.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

ITEMS = File(
    group="customer_id",
    fields={
        "customer_id": Field(
            names=("Contact", "Contact Name", "Customer"), type=ID, required=True, meaning="customer_id"
        ),
        "issued_on": Field(names=("Invoice Date", "Date"), type=DATE, required=True, meaning="invoices.issued_on"),
        "due_on": Field(names=("Due Date",), type=DATE, required=True, optional_value=True, meaning="invoices.due_on"),
        "number": Field(names=("Invoice Number", "Number"), type=ID, required=True, meaning="invoices.invoice_id"),
        "reference": Field(
            names=("Invoice Reference", "Reference"), type=TEXT, meaning="told apart from other files by it"
        ),
        "older": Field(
            names=("Older",), type=NUMBER, required=True, optional_value=True, meaning="not used: of the report's day"
        ),
        "open_amount": Field(
            names=("Total", "Total Due"), type=NUMBER, required=True, meaning="what is open: the amount"
        ),
        "currency": Field(names=("Currency", "Currency Code"), type=TEXT, meaning="currency; without it --currency"),
    },
    refuse=(("open_amount = 0", "nothing of the document is open"),),
)

QUERIES = queries_of(__file__)

FORMAT = Format(
    name="xero-aged",
    title="Xero (Aged Receivables Detail)",
    files={"items": ITEMS},
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="amounts: what is open stands for what was invoiced, since the report has nothing else",
            sql="SELECT number FROM items WHERE open_amount > 0",
        ),
        Notice(
            words="due dates: none given, the invoice date is taken",
            sql="SELECT number FROM items WHERE due_on IS NULL AND open_amount > 0",
        ),
    ),
    traps=(
        "open documents only",
        "contacts on lines of their own",
        "credit notes below 0",
        "no currency column in most books",
    ),
)
