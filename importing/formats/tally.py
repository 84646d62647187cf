"""Tally: Bills Receivable (Outstandings), as its export to Excel or CSV writes it, amounts with Dr and Cr or signed.

A bill is an invoice of its opening amount; what of it is not pending any more was paid on a day that the report does not
tell. A bill in Cr (an advance, or money on account) is unapplied cash. Grouped by party, the party's name stands on a line
of its own above its bills.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

BILLS = File(
    group="customer_id",
    fields={
        "on_day": Field(names=("Date", "Bill Date"), type=DATE, required=True, meaning="invoices.issued_on"),
        "number": Field(
            names=("Ref. No.", "Ref No", "Bill Ref", "Reference", "Bill No"),
            type=ID,
            required=True,
            meaning="invoices.invoice_id",
        ),
        "customer_id": Field(
            names=("Party's Name", "Party Name", "Particulars", "Ledger"), type=ID, required=True, meaning="customer_id"
        ),
        "amount": Field(
            names=("Opening Amount", "Opening", "Bill Amount"),
            type=NUMBER,
            meaning="amount; without it what is pending",
        ),
        "pending": Field(
            names=("Pending Amount", "Pending", "Closing Balance"), type=NUMBER, required=True, meaning="what is open"
        ),
        "due_on": Field(
            names=("Due on", "Due Date"), type=DATE, required=True, optional_value=True, meaning="invoices.due_on"
        ),
        "overdue_days": Field(
            names=("Overdue by days", "Overdue days", "Age of Bill in Days"),
            type=TEXT,
            meaning="not used: it is of the report's day",
        ),
        "currency": Field(names=("Currency",), type=TEXT, meaning="currency; without it --currency"),
    },
    refuse=(("abs(pending) > abs(amount) + 0.005", "Pending Amount is above Opening Amount"),),
)

QUERIES = queries_of(__file__)

FORMAT = Format(
    name="tally",
    title="Tally (Bills Receivable)",
    currency="INR",
    files={"bills": BILLS},
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="what is not pending of a bill, paid on a day that the report does not tell: kind undated, no days late",
            sql="SELECT payment_id FROM draft_payments WHERE kind = 'undated'",
            amounts="SELECT amount, currency FROM draft_payments ANTI JOIN bad USING (file, line) WHERE kind = 'undated'",
        ),
        Notice(
            words="due dates: none given, the bill's date is taken",
            sql="SELECT number FROM bills WHERE due_on IS NULL AND pending >= 0",
        ),
    ),
    traps=(
        "Dr and Cr",
        "advances stand as bills in Cr",
        "grouped by party: names on lines of their own",
        "no days of payment",
    ),
)
