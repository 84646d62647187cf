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

# The ledger row of an invoice itself holds what it is in the account's currency: with it money comes into the invoice's.
OWN = """
    SELECT e.against, any_value(e.currency) AS currency, sum(e.amount) AS amount, any_value(i.amount) AS total,
        any_value(i.currency) AS invoice_currency
    FROM ledger_entries e JOIN sales_invoices i ON i.name = e.against
    WHERE e.voucher_type = 'Sales Invoice' AND e.voucher = e.against AND e.amount > 0 AND NOT coalesce(e.is_delinked, false)
        AND NOT coalesce(i.is_return, false)
    GROUP BY e.against HAVING count(DISTINCT e.currency) = 1
"""
# A row below 0 of an invoice against itself is what was paid at the counter (POS).
APPLIED = """
    SELECT * EXCLUDE (summed, before), CAST(round(amount * 100) AS BIGINT) AS cents FROM (
        SELECT * REPLACE (CASE WHEN is_converted THEN round(summed, 2) - round(before, 2) ELSE amount END AS amount)
        FROM (
            SELECT e.* REPLACE (CASE WHEN o.against IS NULL THEN e.currency ELSE o.invoice_currency END AS currency),
                o.against IS NOT NULL AS is_converted, e.amount AS account_amount, e.currency AS account_currency,
                sum(e.amount * o.total / o.amount) OVER so_far AS summed,
                coalesce(sum(e.amount * o.total / o.amount) OVER before_it, 0) AS before,
                r.name AS return_name, r.issued_on AS return_issued_on, p.method, e.against = e.voucher AS is_counter,
                row_number() OVER (PARTITION BY e.voucher ORDER BY e.entry_id) AS nth,
                count(*) OVER (PARTITION BY e.voucher) AS parts
            FROM ledger_entries e LEFT JOIN sales_invoices r ON r.name = e.voucher AND r.is_return
            LEFT JOIN payment_entries p ON p.name = e.voucher
            LEFT JOIN own o ON o.against = e.against AND o.currency = e.currency AND o.invoice_currency <> e.currency
            WHERE e.against_type = 'Sales Invoice' AND e.amount <> 0
                AND (e.against <> e.voucher OR (e.voucher_type = 'Sales Invoice' AND e.amount < 0 AND r.name IS NULL))
                AND NOT (coalesce(is_delinked, false) AND (e.amount > 0 OR e.voucher_type = 'Sales Invoice'))
            WINDOW so_far AS (PARTITION BY e.against, coalesce(is_delinked, false) ORDER BY e.on_day, e.entry_id
                    ROWS UNBOUNDED PRECEDING),
                before_it AS (PARTITION BY e.against, coalesce(is_delinked, false) ORDER BY e.on_day, e.entry_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ))
"""
# Of a cancelled document both the row and its reverse are delinked; the reverse is what `modified` tells as well.
LOOSE = """
    SELECT e.*, p.method, e.voucher || '~rest' || CASE WHEN row_number() OVER same > 1 THEN '-' || e.entry_id ELSE '' END
        AS payment_id
    FROM ledger_entries e LEFT JOIN payment_entries p ON p.name = e.voucher
    WHERE voucher_type <> 'Sales Invoice' AND (against = voucher OR against_type <> 'Sales Invoice') AND amount <> 0
        AND NOT (coalesce(is_delinked, false) AND amount > 0)
    WINDOW same AS (PARTITION BY voucher ORDER BY coalesce(is_delinked, false), entry_id)
"""

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
    prepared={
        "own": OWN,
        "applied": APPLIED,
        "loose": LOOSE,
        "returns": """
            SELECT i.*, CAST(round(abs(i.amount) * 100) AS BIGINT) AS cents,
                CAST(round(abs(i.amount) * 100) AS BIGINT) + coalesce((SELECT sum(cents) FROM applied a
                    WHERE a.voucher = i.name), 0) AS rest
            FROM sales_invoices i WHERE is_return""",
    },
    tables={
        "customers": """
            SELECT file, line, false AS is_inferred, customer_id, customer_name AS name, industry,
                group_name AS segment,
                customer_type = 'Individual' AS is_natural_person FROM customer_list
            UNION ALL
            SELECT NULL, NULL, true, customer_id, mode(customer_name ORDER BY customer_name), NULL, NULL, NULL
                FROM sales_invoices
            WHERE customer_id IS NOT NULL AND reasons IS NULL AND customer_id NOT IN (SELECT customer_id
                FROM customer_list WHERE customer_id IS NOT NULL)
            GROUP BY customer_id""",
        "invoices": """
            SELECT file, line, name AS invoice_id, customer_id, 'invoice' AS kind, issued_on, coalesce(due_on,
                issued_on) AS due_on, amount, currency,
                NULL AS applies_to, terms AS payment_terms, created_on AS booked_on FROM sales_invoices
                    WHERE NOT coalesce(is_return, false)
            UNION ALL
            SELECT file, line, voucher || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END, customer_id,
                'credit_note', return_issued_on,
                return_issued_on, -amount, currency, against, NULL, coalesce(created_on, on_day) FROM applied
                    WHERE return_name IS NOT NULL AND cents < 0
            UNION ALL
            SELECT file, line, name || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id, 'credit_note',
                issued_on, issued_on, rest / 100,
                currency, return_against, terms, created_on FROM returns WHERE rest > 0 OR cents = 0""",
        "instalments": """
            SELECT file, line, parent AS invoice_id, row_number() OVER (PARTITION BY parent ORDER BY due_on, line) AS number,
                due_on, amount, NULL::DATE AS booked_on
            FROM payment_schedule WHERE parent IN (SELECT name FROM sales_invoices WHERE NOT coalesce(is_return, false))
            QUALIFY count(*) OVER (PARTITION BY parent) > 1""",
        "payments": """
            SELECT file, line, voucher || '~' || entry_id AS payment_id, customer_id, against AS invoice_id,
                on_day AS paid_on, abs(amount) AS amount,
                currency, CASE WHEN is_counter THEN 'POS' ELSE coalesce(method, voucher_type) END AS method, CASE WHEN amount > 0 THEN 'reversal'
                    ELSE 'payment' END AS kind, created_on AS booked_on
            FROM applied WHERE return_name IS NULL
            UNION ALL
            SELECT file, line, payment_id, customer_id, NULL, on_day, abs(amount), currency,
                coalesce(method, voucher_type), CASE WHEN amount > 0 THEN 'refund' ELSE 'payment' END, created_on
            FROM loose
            UNION ALL
            SELECT file, line, voucher || '~' || entry_id || ':delinked', customer_id, against, modified_on,
                abs(amount), currency, coalesce(method, voucher_type), 'reversal', modified_on
            FROM applied WHERE return_name IS NULL AND is_delinked
            UNION ALL
            SELECT file, line, payment_id || ':delinked', customer_id, NULL, modified_on, abs(amount), currency,
                coalesce(method, voucher_type), 'reversal', modified_on
            FROM loose WHERE is_delinked""",
    },
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
            "amount) - coalesce((SELECT sum(CASE WHEN is_converted THEN account_amount ELSE cents / 100 END) FROM applied a "
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
