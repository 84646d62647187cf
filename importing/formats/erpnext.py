"""ERPNext: Sales Invoice, Payment Ledger Entry, and where there are Payment Entry and Customer.

The Payment Ledger Entry is the ledger of allocations: a row below 0 against an invoice, of a Payment Entry or Journal
Entry, is a payment of it; above 0, a payment taken back. A row of an entry against itself is unapplied cash. A return
(is_return, negative total) is a credit note; the ledger row of its own voucher says which invoice it was set against.
Drafts (docstatus 0) and cancelled documents (2) are refused, and what an earlier import took of a cancelled one is
withdrawn. A delinked row is a payment that held until its `modified` day: a payment and its reversal; without that day
it is refused, and withdrawn where the ledger has it.
"""

from __future__ import annotations

from importing.engine.format import DATE, FLAG, ID, INTEGER, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

INVOICES = File(
    informs=True,
    fields={
        "name": Field(names=("name", "ID", "Invoice"), type=ID, required=True, meaning="invoices.invoice_id"),
        "customer_id": Field(names=("customer", "Customer"), type=ID, required=True, meaning="customer_id"),
        "customer_name": Field(names=("customer_name", "Customer Name"), type=TEXT, meaning="customers.name"),
        "issued_on": Field(
            names=("posting_date", "Posting Date", "Date"), type=DATE, required=True, meaning="invoices.issued_on"
        ),
        "due_on": Field(
            names=("due_date", "Payment Due Date", "Due Date"),
            type=DATE,
            required=True,
            optional_value=True,
            meaning="invoices.due_on",
        ),
        "amount": Field(names=("grand_total", "Grand Total"), type=NUMBER, required=True, meaning="amount"),
        "open_amount": Field(names=("outstanding_amount", "Outstanding Amount"), type=NUMBER, meaning="compared"),
        "currency": Field(names=("currency", "Currency"), type=TEXT, required=True, meaning="currency"),
        "is_return": Field(
            names=("is_return", "Is Return (Credit Note)", "Is Return"), type=FLAG, meaning="a credit note"
        ),
        "return_against": Field(names=("return_against", "Return Against"), type=ID, meaning="its invoice"),
        "docstatus": Field(
            names=("docstatus", "Document Status"), type=INTEGER, required=True, meaning="1 is submitted"
        ),
        "terms": Field(
            names=("payment_terms_template", "Payment Terms Template"), type=TEXT, meaning="invoices.payment_terms"
        ),
        "created_on": Field(names=("creation", "Created On"), type=DATE, meaning="booked_on"),
    },
    refuse=(
        ("docstatus <> 1", "the document is a draft or cancelled (docstatus is not 1)"),
        ("amount < 0 AND NOT coalesce(is_return, false)", "a negative total that is no return"),
    ),
)
ENTRIES = File(
    informs=True,
    fields={
        "entry_id": Field(names=("name", "ID"), type=ID, required=True, meaning="payment_id"),
        "voucher_type": Field(
            names=("voucher_type", "Voucher Type"), type=TEXT, required=True, meaning="what booked it"
        ),
        "voucher": Field(
            names=("voucher_no", "Voucher No"), type=ID, required=True, meaning="which document booked it"
        ),
        "against_type": Field(
            names=("against_voucher_type", "Against Voucher Type"),
            type=TEXT,
            required=True,
            meaning="what it is against",
        ),
        "against": Field(
            names=("against_voucher_no", "Against Voucher No"),
            type=ID,
            required=True,
            meaning="which document it is against",
        ),
        "customer_id": Field(names=("party", "Party"), type=ID, required=True, meaning="customer_id"),
        "on_day": Field(names=("posting_date", "Posting Date"), type=DATE, required=True, meaning="payments.paid_on"),
        "amount": Field(
            names=("amount_in_account_currency", "Amount in Account Currency"),
            type=NUMBER,
            required=True,
            meaning="amount, signed",
        ),
        "currency": Field(
            names=("account_currency", "Account Currency", "Currency"), type=TEXT, required=True, meaning="currency"
        ),
        "is_delinked": Field(names=("delinked", "DeLinked"), type=FLAG, meaning="taken out of the ledger: a reversal"),
        "created_on": Field(names=("creation", "Created On"), type=DATE, meaning="booked_on"),
        "modified_on": Field(
            names=("modified", "Last Modified", "Last Updated On"),
            type=DATE,
            meaning="day of a delinked row's reversal",
        ),
    },
    refuse=(
        (
            "is_delinked AND modified_on IS NULL AND voucher_type <> 'Sales Invoice'",
            "the ledger row is delinked, and no modified day says since when",
        ),
    ),
)
PAYMENTS = File(
    optional=True,
    informs=True,
    fields={
        "name": Field(names=("name", "ID"), type=ID, required=True, meaning="the voucher"),
        "payment_type": Field(
            names=("payment_type", "Payment Type"), type=TEXT, required=True, meaning="Receive or Pay"
        ),
        "method": Field(
            names=("mode_of_payment", "Mode of Payment"),
            type=TEXT,
            required=True,
            optional_value=True,
            meaning="payments.method",
        ),
        "docstatus": Field(
            names=("docstatus", "Document Status"), type=INTEGER, required=True, meaning="1 is submitted"
        ),
    },
    refuse=(("docstatus <> 1", "the document is a draft or cancelled (docstatus is not 1)"),),
)
SCHEDULE = File(
    optional=True,
    fields={
        "parent": Field(
            names=("parent", "Parent", "Invoice"), type=ID, required=True, meaning="instalments.invoice_id"
        ),
        "due_on": Field(names=("due_date", "Due Date"), type=DATE, required=True, meaning="instalments.due_on"),
        "amount": Field(
            names=("payment_amount", "Payment Amount"), type=NUMBER, required=True, meaning="instalments.amount"
        ),
        "term": Field(names=("payment_term", "Payment Term"), type=TEXT, meaning="told apart from other files by it"),
        "share": Field(
            names=("invoice_portion", "Invoice Portion"),
            type=NUMBER,
            required=True,
            optional_value=True,
            meaning="compared",
        ),
    },
    informs=True,
)
CUSTOMERS = File(
    optional=True,
    fields={
        "customer_id": Field(names=("name", "ID"), type=ID, required=True, meaning="customers.customer_id"),
        "customer_name": Field(
            names=("customer_name", "Customer Name"), type=TEXT, required=True, meaning="customers.name"
        ),
        "group_name": Field(
            names=("customer_group", "Customer Group"), type=TEXT, required=True, meaning="customers.segment"
        ),
        "customer_type": Field(
            names=("customer_type", "Customer Type"), type=TEXT, meaning="Individual: a natural person"
        ),
        "industry": Field(names=("industry", "Industry"), type=TEXT, meaning="customers.industry"),
    },
)


QUERIES = queries_of(__file__)

FORMAT = Format(
    name="erpnext",
    title="ERPNext (Sales Invoice, Payment Ledger Entry, Payment Entry)",
    splits_documents=True,
    files={
        "sales_invoices": INVOICES,
        "ledger_entries": ENTRIES,
        "payment_entries": PAYMENTS,
        "payment_schedule": SCHEDULE,
        "customer_list": CUSTOMERS,
    },
    prepared=QUERIES.prepared,
    tables=QUERIES.tables,
    withdrawn={
        "invoices": "invoice_id IN (SELECT name FROM sales_invoices WHERE docstatus = 2)",
        "payments": "payment_id IN (SELECT voucher || '~' || entry_id FROM ledger_entries WHERE is_delinked "
        "UNION SELECT payment_id FROM loose WHERE is_delinked)",
    },
    inferred=(
        Notice(
            words="money booked in another currency than the invoice's, at the rate of the invoice's own ledger row",
            sql="SELECT against || ': ' || account_amount || ' ' || account_currency || ' as ' || amount || ' ' || currency "
            "FROM applied WHERE is_converted",
        ),
        Notice(
            words="due dates: none given, the posting date is taken",
            sql="SELECT name FROM sales_invoices WHERE due_on IS NULL AND issued_on IS NOT NULL AND NOT "
            "coalesce(is_return, false)",
        ),
    ),
    noticed=(
        Notice(
            words="ledger rows of the invoices themselves: they confirm, and give no row",
            sql="SELECT entry_id FROM ledger_entries WHERE voucher_type = 'Sales Invoice' AND against = voucher AND amount > 0",
        ),
        Notice(
            words="delinked ledger rows: payments taken back on the day of their last change",
            sql="SELECT entry_id FROM applied WHERE is_delinked AND modified_on IS NOT NULL UNION ALL "
            "SELECT entry_id FROM loose WHERE is_delinked AND modified_on IS NOT NULL",
        ),
        Notice(
            words="invoices whose outstanding_amount is not what the ledger rows leave",
            sql="SELECT name FROM sales_invoices i WHERE NOT coalesce(is_return, false) AND open_amount IS NOT NULL "
            "AND abs(open_amount - coalesce((SELECT o.amount FROM own o WHERE o.against = i.name AND o.currency <> i.currency), "
            "amount) - coalesce((SELECT sum(CASE WHEN is_converted THEN account_amount ELSE cents / 1000 END) FROM applied a "
            "WHERE a.against = i.name AND NOT coalesce(a.is_delinked, false)), 0)) > 0.005",
        ),
    ),
    traps=(
        "docstatus 0 and 2",
        "returns are credit notes",
        "delinked ledger rows",
        "a ledger row for each invoice itself",
    ),
)
