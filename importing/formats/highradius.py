"""HighRadius: two layouts of one food company's receivables, settled invoices and an SAP-like list of open items.

Settled invoices (cust_number, due_date, clear_date, amount) have no id, no issue date and no currency. The issue date
is due date minus 15 days, the usual term of most customers; it is never moved by the clearing date, which would tell
the future, so a few invoices are paid before their inferred issue date. The id is made of customer, due date and
amount with a running number. Open items give dates as ISO, 20200226 or 20200226.0, ids as 1930571429.0, a duplicated
date column (the second, equal to the posting date, is the document's date; the first is the day of entry and decides
what is known) and the amount that is still open: part payments before the export are not in it. A customer's name
varies from row to row; the most frequent one is taken.
"""

from __future__ import annotations

from importing.engine.format import DATE, FLAG, ID, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

TERM_DAYS = 15  # due date minus this is the issue date where a layout has none

SETTLED = File(
    optional=True,
    fields={
        "customer_id": Field(names=("cust_number",), type=ID, required=True, meaning="customer_id"),
        "due_on": Field(names=("due_date",), type=DATE, required=True, meaning="invoices.due_on"),
        "paid_on": Field(
            names=("clear_date",),
            type=DATE,
            required=True,
            optional_value=True,
            meaning="payments.paid_on; empty: not cleared yet",
        ),
        "amount": Field(names=("amount",), type=NUMBER, required=True, meaning="invoices.amount, payments.amount"),
    },
)

OPEN = File(
    optional=True,
    fields={
        "invoice_id": Field(names=("doc_id", "invoice_id"), type=ID, required=True, meaning="invoices.invoice_id"),
        "customer_id": Field(names=("cust_number",), type=ID, required=True, meaning="customer_id"),
        "customer_name": Field(names=("name_customer",), type=TEXT, meaning="customers.name (the most frequent)"),
        "business_unit": Field(names=("business_code",), type=TEXT, meaning="customers.segment (the most frequent)"),
        "document_on": Field(
            names=("document_create_date.1", "posting_date"), type=DATE, required=True, meaning="invoices.issued_on"
        ),
        "entered_on": Field(names=("document_create_date",), type=DATE, meaning="invoices.booked_on, where later"),
        "due_on": Field(names=("due_in_date",), type=DATE, required=True, meaning="invoices.due_on"),
        "currency": Field(names=("invoice_currency",), type=TEXT, required=True, meaning="invoices.currency"),
        "amount": Field(names=("total_open_amount",), type=NUMBER, required=True, meaning="invoices.amount"),
        "terms": Field(names=("cust_payment_terms",), type=TEXT, meaning="invoices.payment_terms"),
        "cleared_on": Field(names=("clear_date",), type=DATE, meaning="payments.paid_on, where the export has it"),
        "is_open": Field(names=("isOpen",), type=FLAG, meaning="must be 1 where there is no clearing date"),
    },
    refuse=(("cleared_on IS NULL AND NOT is_open", "isOpen is 0 but there is no clearing date"),),
)


QUERIES = queries_of(__file__)

FORMAT = Format(
    name="highradius",
    title="HighRadius invoices: settled and open",
    currency="USD",
    whole_invoices=True,
    files={"settled": SETTLED, "open_items": OPEN},
    prepared=QUERIES.prepared,
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words=f"issue date: the layout has none, due date minus {TERM_DAYS} days is taken",
            sql="SELECT invoice_id FROM numbered",
        ),
        Notice(
            words="currency: the layout has none, the format's (or --currency) is taken",
            sql="SELECT invoice_id FROM numbered",
        ),
        Notice(
            words="invoice ids: the layout has none; made of customer, due date and amount",
            sql="SELECT invoice_id FROM numbered",
        ),
        Notice(
            words="invoices alike in all that the id is made of, told apart by a running number",
            sql="SELECT invoice_id FROM numbered WHERE alike > 1",
        ),
        Notice(
            words="customers with several names, the most frequent taken",
            sql="SELECT customer_id FROM open_items GROUP BY 1 HAVING count(DISTINCT customer_name) > 1",
        ),
        Notice(
            words="amount: what is still open; part payments before the export are not in it",
            sql="SELECT invoice_id FROM open_items",
        ),
    ),
    noticed=(
        Notice(
            words="open items entered after their due date (known late)",
            sql="SELECT invoice_id FROM open_items WHERE entered_on > due_on",
        ),
    ),
    traps=(
        "no issue date, currency or id in the settled layout",
        "dates and ids as floats",
        "a date column twice",
        "several names for one customer",
    ),
)
