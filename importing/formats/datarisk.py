"""Datarisk's payment case: B2B invoices of a Brazilian firm, customer master data, monthly revenue and head count.

Three `;`-separated files. Invoices have no id: it is made of customer, issue date, due date, amount and rate, with the
count of earlier equal rows, so that it stays the same when a later file shows the payment. The 19-digit customer ids
are text and never numbers. Rows are not duplicates of each other (invoices of one customer, day and amount differ in
nothing that the file holds and are separate instalments); amounts are empty in some rows, which go to quarantine since
an invoice without an amount is none. FLAG_PF only says that the customer is a natural person. Area code, postal area
and mail domain stay out: they stand in for protected attributes or say nothing about paying.
RENDA_MES_ANTERIOR of month M is the revenue of month M - 1; both monthly facts are taken to be known at the end of M.
"""

from __future__ import annotations

from importing.engine.format import DATE, FLAG, ID, MONTH, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

ITEMS = File(
    fields={
        "customer_id": Field(names=("ID_CLIENTE",), type=ID, required=True, meaning="customer_id"),
        "issued_on": Field(names=("DATA_EMISSAO_DOCUMENTO",), type=DATE, required=True, meaning="invoices.issued_on"),
        "paid_on": Field(
            names=("DATA_PAGAMENTO",),
            type=DATE,
            required=True,
            optional_value=True,
            meaning="payments.paid_on; empty: not paid yet",
        ),
        "due_on": Field(names=("DATA_VENCIMENTO",), type=DATE, required=True, meaning="invoices.due_on"),
        "amount": Field(
            names=("VALOR_A_PAGAR",), type=NUMBER, required=True, meaning="invoices.amount, payments.amount"
        ),
        "rate": Field(names=("TAXA",), type=NUMBER, meaning="invoices.payment_terms, as 'rate 6.99'"),
        "month": Field(names=("SAFRA_REF",), type=MONTH, meaning="month of issue; must agree with the issue date"),
    },
    refuse=(
        ("paid_on < issued_on", "DATA_PAGAMENTO comes before DATA_EMISSAO_DOCUMENTO"),
        (
            "month IS NOT NULL AND month <> date_trunc('month', issued_on)",
            "SAFRA_REF is not the month of DATA_EMISSAO_DOCUMENTO",
        ),
    ),
)

MASTER = File(
    optional=True,
    fields={
        "customer_id": Field(names=("ID_CLIENTE",), type=ID, required=True, meaning="customers.customer_id"),
        "onboarded_on": Field(
            names=("DATA_CADASTRO",), type=DATE, required=True, optional_value=True, meaning="customers.onboarded_on"
        ),
        "is_natural_person": Field(
            names=("FLAG_PF",),
            type=FLAG,
            required=True,
            optional_value=True,
            meaning="customers.is_natural_person; X is yes, empty is no",
        ),
        "industry": Field(names=("SEGMENTO_INDUSTRIAL",), type=TEXT, meaning="customers.industry"),
        "segment": Field(names=("PORTE",), type=TEXT, meaning="customers.segment (size class)"),
    },
)

FACTS = File(
    optional=True,
    informs=True,
    fields={
        "customer_id": Field(names=("ID_CLIENTE",), type=ID, required=True, meaning="attributes.customer_id"),
        "month": Field(
            names=("SAFRA_REF",), type=MONTH, required=True, meaning="attributes.booked_on: the last day of this month"
        ),
        "revenue": Field(
            names=("RENDA_MES_ANTERIOR",),
            type=NUMBER,
            required=True,
            optional_value=True,
            meaning="attribute monthly_revenue, observed on the last day of the month before",
        ),
        "head_count": Field(
            names=("NO_FUNCIONARIOS",),
            type=NUMBER,
            required=True,
            optional_value=True,
            meaning="attribute head_count, observed on the first day of the month",
        ),
    },
)


QUERIES = queries_of(__file__)

FORMAT = Format(
    name="datarisk",
    title="Datarisk payment case (Brazil)",
    currency="BRL",
    whole_invoices=True,
    files={"items": ITEMS, "master": MASTER, "facts": FACTS},
    prepared=QUERIES.prepared,
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="invoice ids: the source has none; made of customer, dates, amount and rate",
            sql="SELECT invoice_id FROM draft_invoices",
        ),
        Notice(
            words="invoices alike in all that the id is made of, told apart by a running number",
            sql="SELECT invoice_id FROM numbered WHERE alike > 1",
        ),
        Notice(
            words="currency: the source has none, the format's (or --currency) is taken",
            sql="SELECT invoice_id FROM draft_invoices",
        ),
        Notice(
            words="country: the source has none, BR is taken",
            sql="SELECT customer_id FROM draft_customers WHERE NOT is_inferred",
        ),
        Notice(
            words="known day of monthly facts: not given, the last day of SAFRA_REF is taken",
            sql="SELECT customer_id || ' ' || observed_on FROM draft_attributes",
        ),
    ),
    traps=(
        "19-digit ids",
        "no invoice id",
        "empty amounts",
        "due or paid before issue",
        "monthly facts without a known day",
    ),
)
