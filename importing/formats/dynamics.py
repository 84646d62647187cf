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

CLASSED = """
    SELECT t.*, CAST(round(abs(t.amount) * 100) AS BIGINT) AS cents, coalesce(t.due_on, o.due_on) AS any_due_on,
        o.amount AS open_amount,
        CASE WHEN invoice IS NOT NULL AND t.amount > 0 THEN 'invoice' WHEN invoice IS NOT NULL THEN 'credit_note'
             WHEN t.amount < 0 THEN 'payment' ELSE 'refund' END AS class
    FROM transactions t LEFT JOIN (
        SELECT ref_rec_id, max(due_on) AS due_on, sum(amount) AS amount FROM open_transactions GROUP BY 1
    ) o ON o.ref_rec_id = t.rec_id
"""
APPLIED = """
    SELECT s.file, s.line, s.rec_id AS settlement_id, i.invoice AS invoice_id, c.rec_id AS credit_id, c.class,
        c.voucher, c.invoice AS credit_invoice,
        c.customer_id, c.currency, c.on_day AS credit_on, s.on_day AS settled_on, coalesce(c.document_on,
            c.on_day) AS credit_issued_on, c.method,
        greatest(coalesce(s.created_on, s.on_day), coalesce(c.created_on, c.on_day)) AS known_on,
        s.amount, CAST(round(s.amount * 100) AS BIGINT) AS cents,
        row_number() OVER (PARTITION BY c.rec_id ORDER BY s.on_day, s.rec_id) AS nth, count(*) OVER (PARTITION BY
            c.rec_id) AS parts
    FROM settlements s JOIN classed i ON i.rec_id = s.trans JOIN classed c ON c.rec_id = s.offset_trans
    WHERE i.class = 'invoice' AND c.class IN ('payment', 'credit_note')
"""

# What of a credit note an invoice keeps, after settlements taken back.
CREDITED = """
    SELECT *, row_number() OVER (PARTITION BY credit_id ORDER BY invoice_id) AS nth, count(*) OVER (PARTITION BY
        credit_id) AS parts
    FROM (SELECT min(file) AS file, min(line) AS line, credit_id, invoice_id, any_value(credit_invoice) AS
        credit_invoice,
              any_value(customer_id) AS customer_id, any_value(currency) AS currency, min(credit_issued_on) AS
                  credit_issued_on,
              max(known_on) AS known_on, sum(cents) AS cents
          FROM applied WHERE class = 'credit_note' GROUP BY credit_id, invoice_id HAVING sum(cents) > 0)
"""

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
    prepared={
        "classed": CLASSED,
        "applied": APPLIED,
        "credited": CREDITED,
        "left_over": """
            SELECT c.*, c.cents - coalesce((SELECT sum(cents) FROM applied a WHERE a.credit_id = c.rec_id), 0) AS rest,
                (SELECT max(known_on) FROM applied a WHERE a.credit_id = c.rec_id AND a.cents < 0) AS freed_on
            FROM classed c WHERE class IN ('payment', 'credit_note')""",
    },
    tables={
        "customers": """
            SELECT file, line, customer_id, name, CASE WHEN length(country) = 2 THEN upper(country) END AS country,
                group_id AS segment,
                nullif(parent_id, customer_id) AS parent_id FROM customer_accounts""",
        "invoices": """
            SELECT file, line, invoice AS invoice_id, customer_id, 'invoice' AS kind, coalesce(document_on,
                on_day) AS issued_on,
                any_due_on AS due_on, amount, currency, NULL AS applies_to, terms AS payment_terms,
                    created_on AS booked_on
            FROM classed WHERE class = 'invoice'
            UNION ALL
            SELECT file, line, credit_invoice || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END, customer_id,
                'credit_note', credit_issued_on,
                credit_issued_on, cents / 100, currency, invoice_id, NULL, known_on
            FROM credited
            UNION ALL
            SELECT file, line, invoice || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id,
                'credit_note', coalesce(document_on, on_day),
                coalesce(document_on, on_day), rest / 100, currency, NULL, terms, created_on
            FROM left_over WHERE class = 'credit_note' AND (rest > 0 OR cents = 0)""",
        "payments": """
            SELECT file, line, voucher || ':' || credit_id || '~s' || settlement_id AS payment_id, customer_id,
                invoice_id,
                CASE WHEN cents < 0 THEN settled_on ELSE credit_on END AS paid_on,
                abs(amount) AS amount, currency, method, CASE WHEN cents < 0 THEN 'reversal'
                    ELSE 'payment' END AS kind, known_on AS booked_on
            FROM applied WHERE class = 'payment'
            UNION ALL
            SELECT file, line, voucher || ':' || rec_id || CASE WHEN rest < cents THEN '~rest' ELSE '' END,
                customer_id, NULL, on_day, rest / 100,
                currency, method, 'payment', greatest(created_on, freed_on) FROM left_over WHERE class = 'payment'
                    AND (rest > 0 OR cents = 0)
            UNION ALL
            SELECT file, line, voucher || ':' || rec_id, customer_id, NULL, on_day, amount, currency, method,
                'refund', created_on
            FROM classed WHERE class = 'refund'""",
    },
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
            "coalesce((SELECT sum(cents) / 100 FROM applied a WHERE a.invoice_id = c.invoice), 0)) > 0.005",
        ),
    ),
    traps=("1900-01-01 is none", "two rows a settlement", "settlements taken back", "credit notes settle invoices"),
)
