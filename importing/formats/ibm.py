"""IBM's accounts-receivable sample (WA_Fn-UseC_-Accounts-Receivable.csv): one row an invoice with its settlement.

The file looks synthetic (fixed 30-day terms). It has no currency: US dollars are assumed and counted. `Disputed`
carries no date and is learned only after invoicing, so it becomes an event on the day of settlement, the first day on
which the file proves it. DaysToSettle and DaysLate are outcomes; they only check the dates. countryCode is no ISO
code (770, 897 do not exist), so it becomes the segment and no country is claimed. PaperlessDate is the day from which
a customer takes electronic invoices: a dated attribute.
"""

from __future__ import annotations

from importing.engine.format import DATE, FLAG, ID, INTEGER, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

INVOICES = File(
    fields={
        "invoice_id": Field(names=("invoiceNumber",), type=ID, required=True, meaning="invoices.invoice_id"),
        "customer_id": Field(names=("customerID",), type=ID, required=True, meaning="customer_id"),
        "region": Field(
            names=("countryCode",), type=TEXT, required=True, optional_value=True, meaning="customers.segment"
        ),
        "issued_on": Field(names=("InvoiceDate",), type=DATE, required=True, meaning="invoices.issued_on"),
        "due_on": Field(names=("DueDate",), type=DATE, required=True, meaning="invoices.due_on"),
        "amount": Field(
            names=("InvoiceAmount",), type=NUMBER, required=True, meaning="invoices.amount, payments.amount"
        ),
        "settled_on": Field(
            names=("SettledDate",), type=DATE, required=True, optional_value=True, meaning="payments.paid_on"
        ),
        "is_disputed": Field(
            names=("Disputed",), type=FLAG, meaning="an event dispute_opened on the day of settlement"
        ),
        "paperless_on": Field(
            names=("PaperlessDate",), type=DATE, meaning="attribute paperless_billing of the customer"
        ),
        "days_to_settle": Field(names=("DaysToSettle",), type=INTEGER, meaning="must equal SettledDate - InvoiceDate"),
        "days_late": Field(
            names=("DaysLate",), type=INTEGER, meaning="must equal the days from DueDate to SettledDate, at least 0"
        ),
    },
    refuse=(
        ("settled_on < issued_on", "SettledDate comes before InvoiceDate"),
        ("settled_on IS NOT NULL AND days_to_settle <> settled_on - issued_on", "DaysToSettle contradicts the dates"),
        ("settled_on IS NOT NULL AND days_late <> greatest(0, settled_on - due_on)", "DaysLate contradicts the dates"),
    ),
)

QUERIES = queries_of(__file__)

FORMAT = Format(
    name="ibm",
    title="IBM accounts-receivable sample",
    currency="USD",
    day_first=False,
    whole_invoices=True,
    files={"items": INVOICES},
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="currency: the source has none, the format's (or --currency) is taken",
            sql="SELECT invoice_id FROM draft_invoices",
        ),
        Notice(
            words="day of a dispute: not given, the day of settlement is taken", sql="SELECT event_id FROM draft_events"
        ),
    ),
    traps=(
        "no currency column",
        "Disputed, DaysToSettle, DaysLate are learned after the fact",
        "countryCode is not ISO",
    ),
)
