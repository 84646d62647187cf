"""QuickBooks: a transaction list of accounts receivable, with customer, date, type, number, amount and open balance.

The report starts with its titles and ends with totals rows, which are not records. It does not say which payment paid
which invoice: what was paid on an invoice is Amount less Open balance, and the customer's payments and credit memos
are laid on that, oldest invoice first, after those that name their invoice in `Applied to`. Payments and credit memos
are negative (or in brackets). Only what was used of them, their own Amount less Open balance, is laid; the rest is unapplied. A report without Open balance would say nothing about
what is open, so the column is required.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.oldest_first import oldest_first
from importing.engine.sql_file import queries_of

ROWS = File(
    fields={
        "customer_id": Field(
            names=("Customer", "Customer full name", "Name", "Customer/Project"),
            type=ID,
            required=True,
            meaning="customer_id",
        ),
        "on_day": Field(
            names=("Date", "Transaction date", "Trans date"), type=DATE, required=True, meaning="issued_on, paid_on"
        ),
        "type": Field(
            names=("Transaction type", "Type", "Trans type"),
            type=TEXT,
            required=True,
            meaning="invoice, payment, credit memo",
        ),
        "number": Field(
            names=("Num", "No.", "Number", "Invoice number"),
            type=ID,
            required=True,
            optional_value=True,
            meaning="invoices.invoice_id",
        ),
        "due_on": Field(names=("Due date",), type=DATE, required=True, optional_value=True, meaning="invoices.due_on"),
        "amount": Field(names=("Amount", "Total"), type=NUMBER, required=True, meaning="amount, signed"),
        "open_balance": Field(
            names=("Open balance", "Balance due", "A/R open balance"),
            type=NUMBER,
            required=True,
            meaning="what is still open",
        ),
        "currency": Field(names=("Currency",), type=TEXT, meaning="currency; without it --currency"),
        "applied_to": Field(
            names=("Applied to", "Invoice paid", "Linked to"), type=ID, meaning="the invoice that a payment names"
        ),
        "method": Field(names=("Payment method", "Pay meth"), type=TEXT, meaning="payments.method"),
        "terms": Field(names=("Terms",), type=TEXT, meaning="invoices.payment_terms"),
        "created_on": Field(names=("Create date", "Created", "Entered/Last modified"), type=DATE, meaning="booked_on"),
    },
    refuse=(
        (
            "lower(type) NOT IN ('invoice', 'payment', 'credit memo', 'refund', 'refund receipt')",
            "a transaction type that is no receivable",
        ),
        ("lower(type) = 'invoice' AND number IS NULL", "Num is empty on an invoice"),
        (
            "lower(type) = 'invoice' AND (open_balance < 0 OR open_balance > amount)",
            "Open balance is not between 0 and Amount",
        ),
    ),
)


QUERIES = queries_of(__file__, OLDEST_FIRST=oldest_first("SELECT * FROM needs", "SELECT * FROM pool"))

FORMAT = Format(
    name="quickbooks",
    title="QuickBooks (transaction list of accounts receivable)",
    currency="USD",
    day_first=False,
    splits_documents=True,
    files={"transactions": ROWS},
    prepared=QUERIES.prepared,
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="payments and credit memos that name no invoice, laid on what was paid, oldest invoice first",
            sql="SELECT credit_id FROM applied WHERE NOT is_named",
        ),
        Notice(
            words="what Open balance says was paid and no payment of the report explains: kind undated, known from the day "
            "of the import, no days late",
            sql="SELECT item_id FROM unexplained",
            amounts="SELECT missing / 1000 AS amount, money AS currency FROM unexplained",
        ),
        Notice(
            words="currency: the row has none, the format's (or --currency) is taken",
            sql="SELECT item_id FROM classed WHERE currency IS NULL",
        ),
        Notice(
            words="due dates: none given, the invoice date is taken",
            sql="SELECT item_id FROM classed WHERE class = 'invoice' AND due_on IS NULL",
        ),
        Notice(
            words="ids of payments and credit memos without a number, made of type, day and order",
            sql="SELECT item_id FROM classed WHERE class <> 'invoice' AND number IS NULL",
        ),
    ),
    traps=(
        "titles before the header",
        "totals rows",
        "no link from payment to invoice",
        "brackets for negative amounts",
    ),
)
