"""QuickBooks: a transaction list of accounts receivable, with customer, date, type, number, amount and open balance.

The report starts with its titles and ends with totals rows, which are not records. It does not say which payment paid
which invoice: what was paid on an invoice is Amount less Open balance, and the customer's payments and credit memos
are laid on that, oldest invoice first, after those that name their invoice in `Applied to`. Payments and credit memos
are negative (or in brackets). What they leave is unapplied. A report without Open balance would say nothing about
what is open, so the column is required.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.oldest_first import oldest_first

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

CLASSED = """
    SELECT *, coalesce(currency, getvariable('currency')) AS money, CAST(round(abs(amount) * 100) AS BIGINT) AS cents,
        CAST(round((amount - open_balance) * 100) AS BIGINT) AS paid_cents,
        concat_ws('|', customer_id, coalesce(currency, getvariable('currency'))) AS grp,
        CASE lower(type) WHEN 'invoice' THEN 'invoice' WHEN 'payment' THEN 'payment' WHEN 'credit memo'
            THEN 'credit_note' WHEN 'refund' THEN 'refund' WHEN 'refund receipt' THEN 'refund'
                ELSE 'other' END AS class,
        CASE WHEN lower(type) = 'invoice' THEN number ELSE concat_ws('-', replace(lower(type), ' ', '-'),
            coalesce(number,
            strftime(on_day, '%Y%m%d') || '-' || row_number() OVER (PARTITION BY customer_id, type, on_day,
                number ORDER BY amount, line))) END AS item_id
    FROM transactions WHERE reasons IS NULL
"""
NAMED = """
    SELECT c.item_id AS credit_id, i.item_id AS invoice_id, least(c.cents, i.paid_cents) AS cents
    FROM classed c JOIN classed i ON i.class = 'invoice' AND i.item_id = c.applied_to AND i.grp = c.grp
    WHERE c.class IN ('payment', 'credit_note')
"""
NEEDS = """
    SELECT grp, item_id AS key, coalesce(due_on, on_day) AS ord,
        paid_cents - coalesce((SELECT sum(cents) FROM named n WHERE n.invoice_id = i.item_id), 0) AS cents
    FROM classed i WHERE class = 'invoice'
"""
POOL = """
    SELECT grp, item_id AS key, on_day AS ord, cents - coalesce((SELECT sum(cents) FROM named n
        WHERE n.credit_id = c.item_id), 0) AS cents
    FROM classed c WHERE class IN ('payment', 'credit_note')
"""
APPLIED = f"""
    SELECT a.*, c.class, c.file, c.line, c.customer_id, c.money, c.on_day, c.method, c.created_on,
        row_number() OVER (PARTITION BY a.credit_id ORDER BY a.invoice_id) AS nth, count(*) OVER (PARTITION BY
            a.credit_id) AS parts
    FROM (SELECT credit_id, invoice_id, cents, true AS is_named FROM named
          UNION ALL SELECT pool_key, need_key, cents, false
              FROM ({oldest_first("SELECT * FROM needs", "SELECT * FROM pool")})) a
    JOIN classed c ON c.item_id = a.credit_id WHERE a.cents > 0
"""

FORMAT = Format(
    name="quickbooks",
    title="QuickBooks (transaction list of accounts receivable)",
    currency="USD",
    day_first=False,
    splits_documents=True,
    files={"transactions": ROWS},
    prepared={
        "classed": CLASSED,
        "named": NAMED,
        "needs": NEEDS,
        "pool": POOL,
        "applied": APPLIED,
        # what Open balance says was paid and no payment of the report explains: paid on a day that the report does not tell
        "unexplained": """
            SELECT i.*, n.cents - coalesce(a.cents, 0) AS missing FROM needs n
            JOIN classed i ON i.class = 'invoice' AND i.item_id = n.key
            LEFT JOIN (SELECT invoice_id, sum(cents) AS cents FROM applied WHERE NOT is_named GROUP BY 1) a
                ON a.invoice_id = n.key
            WHERE n.cents > coalesce(a.cents, 0)""",
        "left_over": """
            SELECT c.*, c.cents - coalesce((SELECT sum(cents) FROM applied a WHERE a.credit_id = c.item_id), 0) AS rest
            FROM classed c WHERE class IN ('payment', 'credit_note')""",
    },
    tables={
        "invoices": """
            SELECT file, line, number AS invoice_id, customer_id, 'invoice' AS kind, on_day AS issued_on,
                coalesce(due_on, on_day) AS due_on, amount,
                coalesce(currency, getvariable('currency')) AS currency, NULL AS applies_to, terms AS payment_terms,
                    created_on AS booked_on
            FROM transactions WHERE type IS NULL OR lower(type) = 'invoice' OR (reasons IS NOT NULL
                AND lower(type) NOT IN ('payment', 'credit memo'))
            UNION ALL
            SELECT file, line, credit_id || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END, customer_id,
                'credit_note', on_day, on_day,
                cents / 100, money, invoice_id, NULL, created_on FROM applied WHERE class = 'credit_note'
            UNION ALL
            SELECT file, line, item_id || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id,
                'credit_note', on_day, on_day, rest / 100,
                money, NULL, terms, created_on FROM left_over WHERE class = 'credit_note' AND (rest > 0
                    OR cents = 0)""",
        "payments": """
            SELECT file, line, credit_id || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END AS payment_id,
                customer_id, invoice_id, on_day AS paid_on,
                cents / 100 AS amount, money AS currency, method, 'payment' AS kind, created_on AS booked_on
                    FROM applied WHERE class = 'payment'
            UNION ALL
            SELECT file, line, item_id || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id, NULL, on_day,
                rest / 100, money, method, 'payment',
                created_on FROM left_over WHERE class = 'payment' AND (rest > 0 OR cents = 0)
            UNION ALL
            SELECT file, line, item_id, customer_id, NULL, on_day, cents / 100, money, method, 'refund', created_on
                FROM classed WHERE class = 'refund'
            UNION ALL
            SELECT file, line, item_id || ':paid', customer_id, item_id, on_day, missing / 100, money, NULL, 'undated',
                greatest(getvariable('known_on'), on_day)
            FROM unexplained
            UNION ALL
            SELECT file, line, number, customer_id, NULL, on_day, abs(amount), coalesce(currency,
                getvariable('currency')), method, 'payment', created_on
            FROM transactions WHERE reasons IS NOT NULL AND lower(type) IN ('payment', 'credit memo')""",
    },
    inferred=(
        Notice(
            words="payments and credit memos that name no invoice, laid on what was paid, oldest invoice first",
            sql="SELECT credit_id FROM applied WHERE NOT is_named",
        ),
        Notice(
            words="what Open balance says was paid and no payment of the report explains: kind undated, known from the day "
            "of the import, no days late",
            sql="SELECT item_id FROM unexplained",
            amounts="SELECT missing / 100 AS amount, money AS currency FROM unexplained",
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
