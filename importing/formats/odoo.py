"""Odoo: account.move (invoices, refunds, payment entries) and account.partial.reconcile, as its list views export them.

`out_invoice` is an invoice, `out_refund` a credit note, `entry` the journal entry of a payment. A partial reconcile
joins the debit's move (the invoice) with the credit's move, each given by the number of the move: export the columns
`debit_move_id/move_id` and `credit_move_id/move_id`. Where the credit is a refund, it is an applied credit note, else
a payment, dated by the payment's own move (max_date, the later of both sides, where that move is not in the export).
A payment that no reconciliation names is unapplied cash; export a payment's move with all of its reconciliations, since
those that are not there any more are withdrawn. Drafts and cancelled moves are refused. `payment_state` is compared and
decides nothing: `in_payment` money has arrived in the books, `reversed` is closed by a credit note, and is no payment.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, Notice

_INVOICE, _REFUND = "('out_invoice', 'Customer Invoice')", "('out_refund', 'Customer Credit Note')"
_ENTRY = "('entry', 'Journal Entry')"
# Money received that no reconciliation names: Odoo says so, or it is an entry of a customer with invoices in the
# journal of a payment that was reconciled with an invoice.
_IS_CASH = f"""customer_id IS NOT NULL AND CASE WHEN payment_type IS NOT NULL
    THEN lower(payment_type) IN ('inbound', 'receive', 'receive money')
    ELSE customer_id IN (SELECT customer_id FROM moves WHERE type IN {_INVOICE} AND reasons IS NULL)
        AND split_part(move, '/', 1) IN (SELECT split_part(credit_move, '/', 1) FROM reconciles WHERE debit_move IN
            (SELECT move FROM moves WHERE type IN {_INVOICE}) AND credit_move NOT IN
            (SELECT move FROM moves WHERE type IN {_REFUND} AND move IS NOT NULL)) END"""

MOVES = File(
    informs=True,
    fields={
        "move": Field(names=("name", "Number"), type=ID, required=True, meaning="invoices.invoice_id"),
        "type": Field(
            names=("move_type", "Type"), type=TEXT, required=True, meaning="invoice, credit note or payment entry"
        ),
        "state": Field(names=("state", "Status"), type=TEXT, required=True, meaning="must be posted"),
        "customer_id": Field(
            names=("partner_id/id", "partner_id", "Partner", "Customer"),
            type=ID,
            required=True,
            optional_value=True,
            meaning="customer_id",
        ),
        "on_day": Field(names=("date", "Accounting Date"), type=DATE, meaning="payments.paid_on"),
        "issued_on": Field(
            names=("invoice_date", "Invoice/Bill Date", "Invoice Date"),
            type=DATE,
            required=True,
            optional_value=True,
            meaning="invoices.issued_on",
        ),
        "due_on": Field(
            names=("invoice_date_due", "Due Date"),
            type=DATE,
            required=True,
            optional_value=True,
            meaning="invoices.due_on",
        ),
        "amount": Field(
            names=("amount_total", "Total", "amount_total_in_currency_signed"),
            type=NUMBER,
            required=True,
            meaning="amount",
        ),
        "residual": Field(names=("amount_residual", "Amount Due"), type=NUMBER, meaning="compared"),
        "currency": Field(names=("currency_id", "Currency"), type=TEXT, required=True, meaning="currency"),
        "payment_state": Field(names=("payment_state", "Payment Status"), type=TEXT, meaning="compared"),
        "payment_type": Field(
            names=("payment_id/payment_type", "origin_payment_id/payment_type", "Payment Type"),
            type=TEXT,
            meaning="inbound: an entry without a reconciliation is unapplied cash",
        ),
        "terms": Field(names=("invoice_payment_term_id", "Payment Terms"), type=TEXT, meaning="invoices.payment_terms"),
        "reversed_entry": Field(names=("reversed_entry_id", "Reversal of"), type=ID, meaning="a credit note's invoice"),
        "created_on": Field(names=("create_date", "Created on"), type=DATE, meaning="booked_on"),
    },
    refuse=(
        ("lower(state) <> 'posted'", "the move is not posted (draft or cancelled)"),
        (
            "type NOT IN ('out_invoice', 'out_refund', 'entry', 'Customer Invoice', 'Customer Credit Note', 'Journal "
            "Entry')",
            "not a customer's document (vendor bill, receipt)",
        ),
        (
            f"type IN {_ENTRY} AND move NOT IN (SELECT credit_move FROM reconciles WHERE credit_move IS NOT NULL) "
            f"AND NOT ({_IS_CASH})",
            "a journal entry that no reconciliation with an invoice names, and that is no customer's payment",
        ),
    ),
)
RECONCILES = File(
    informs=True,
    fields={
        "reconcile_id": Field(names=("id", ".id", "ID"), type=ID, required=True, meaning="payment_id"),
        "debit_move": Field(
            names=("debit_move_id/move_id", "debit_move_id", "Debit Move"),
            type=ID,
            required=True,
            meaning="the invoice",
        ),
        "credit_move": Field(
            names=("credit_move_id/move_id", "credit_move_id", "Credit Move"),
            type=ID,
            required=True,
            meaning="the payment or the credit note",
        ),
        "amount": Field(
            names=("debit_amount_currency", "Debit Amount Currency", "amount", "Amount"),
            type=NUMBER,
            required=True,
            meaning="amount, in the invoice's currency",
        ),
        "max_date": Field(
            names=("max_date", "Max Date of Matched Lines"),
            type=DATE,
            meaning="paid_on, where the payment's move is not there",
        ),
        "created_on": Field(names=("create_date", "Created on"), type=DATE, meaning="booked_on"),
    },
)

LINES = File(
    optional=True,
    informs=True,
    fields={
        "move": Field(
            names=("move_id", "Journal Entry", "Number"), type=ID, required=True, meaning="instalments.invoice_id"
        ),
        "due_on": Field(
            names=("date_maturity", "Due Date"), type=DATE, required=True, optional_value=True, meaning="instalments.due_on"
        ),
        "amount": Field(
            names=("amount_currency", "Amount in Currency"), type=NUMBER, required=True, meaning="instalments.amount"
        ),
        "account_type": Field(
            names=("account_id/account_type", "account_type", "Type", "Account Type"), type=TEXT, required=True,
            optional_value=True, meaning="asset_receivable: a line that is due",
        ),
    },
)  # fmt: skip

APPLIED = f"""
    SELECT r.file, r.line, r.reconcile_id, r.debit_move, r.credit_move, r.amount, CAST(round(r.amount * 100) AS
        BIGINT) AS cents,
        i.customer_id, i.currency, coalesce(c.on_day, c.issued_on, r.max_date) AS credit_on, coalesce(c.issued_on,
            c.on_day, r.max_date) AS credit_issued_on,
        coalesce(r.created_on, r.max_date, c.on_day) AS known_on, coalesce(c.type IN {_REFUND}, false) AS is_refund,
            c.move IS NULL AS is_alone,
        row_number() OVER (PARTITION BY r.credit_move ORDER BY r.max_date, r.reconcile_id) AS nth,
            count(*) OVER (PARTITION BY r.credit_move) AS parts
    FROM reconciles r JOIN moves i ON i.move = r.debit_move AND i.type IN {_INVOICE} LEFT JOIN moves c
        ON c.move = r.credit_move
"""

FORMAT = Format(
    name="odoo",
    title="Odoo (account.move, account.partial.reconcile)",
    splits_documents=True,
    files={"moves": MOVES, "reconciles": RECONCILES, "lines": LINES},
    prepared={
        "applied": APPLIED,
        "refunds": f"""
            SELECT m.*, CAST(round(abs(m.amount) * 100) AS BIGINT) AS cents,
                CAST(round(abs(m.amount) * 100) AS BIGINT) - coalesce((SELECT sum(cents) FROM applied a
                    WHERE a.credit_move = m.move), 0) AS rest
            FROM moves m WHERE type IN {_REFUND}""",
        # payment entries, and what of them found no invoice: unapplied cash of the customer whose invoices they pay
        "entries": f"""
            SELECT m.file, m.line, m.move, coalesce(m.customer_id, a.payer) AS customer_id, m.on_day,
                m.currency, m.created_on, m.payment_type, a.credit_move IS NULL AS is_alone,
                CAST(round(abs(m.amount) * 100) AS BIGINT) - coalesce(a.cents, 0) AS rest
            FROM moves m LEFT JOIN (SELECT credit_move, max(customer_id) AS payer, sum(cents) AS cents
                FROM applied WHERE NOT is_refund GROUP BY 1) a ON a.credit_move = m.move
            WHERE m.type IN {_ENTRY} AND (a.credit_move IS NOT NULL OR ({_IS_CASH}))""",
    },
    tables={
        "customers": """
            SELECT NULL AS file, NULL AS line, true AS is_inferred, customer_id FROM moves
            WHERE customer_id IS NOT NULL AND reasons IS NULL GROUP BY customer_id""",
        "invoices": f"""
            SELECT file, line, move AS invoice_id, customer_id, 'invoice' AS kind, issued_on, coalesce(due_on,
                issued_on) AS due_on, amount, currency,
                NULL AS applies_to, terms AS payment_terms, created_on AS booked_on FROM moves WHERE type IN {_INVOICE}
            UNION ALL
            SELECT file, line, credit_move || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END, customer_id,
                'credit_note', credit_issued_on,
                credit_issued_on, amount, currency, debit_move, NULL, known_on FROM applied WHERE is_refund
            UNION ALL
            SELECT file, line, move || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id, 'credit_note',
                issued_on, issued_on, rest / 100,
                currency, reversed_entry, terms, created_on FROM refunds WHERE rest > 0 OR cents = 0""",
        "instalments": f"""
            SELECT file, line, move AS invoice_id, row_number() OVER (PARTITION BY move ORDER BY due_on, line) AS number,
                due_on, amount, NULL::DATE AS booked_on
            FROM lines WHERE lower(account_type) IN ('asset_receivable', 'receivable') AND amount > 0 AND due_on IS NOT NULL
                AND move IN (SELECT move FROM moves WHERE type IN {_INVOICE})
            QUALIFY count(*) OVER (PARTITION BY move) > 1""",
        "payments": """
            SELECT file, line, credit_move || '~r' || reconcile_id AS payment_id, customer_id,
                debit_move AS invoice_id, credit_on AS paid_on, amount, currency,
                split_part(credit_move, '/', 1) AS method, 'payment' AS kind, known_on AS booked_on
            FROM applied WHERE NOT is_refund
            UNION ALL
            SELECT file, line, move || '~rest', customer_id, NULL, on_day, rest / 100, currency, split_part(move,
                '/', 1), 'payment', created_on
            FROM entries WHERE rest > 0""",
    },
    # a payment's move comes with all of its reconciliations: what was reconciled before and is not any more is free again
    withdrawn={
        "invoices": "invoice_id IN (SELECT move FROM moves WHERE lower(state) IN ('cancel', 'cancelled'))",
        "payments": r"regexp_extract(payment_id, '^(.*)~(r[^~]*|rest)$', 1) IN (SELECT move FROM moves WHERE type IN "
        f"{_ENTRY})",
    },
    inferred=(
        Notice(
            words="entries without a reconciliation taken as money received: of a customer, in a journal of payments",
            sql="SELECT move FROM entries WHERE is_alone AND payment_type IS NULL",
        ),
        Notice(
            words="payment days taken from max_date, since the payment's move is not in the export",
            sql="SELECT reconcile_id FROM applied WHERE is_alone",
        ),
        Notice(
            words="due dates: none given, the invoice date is taken",
            sql=f"SELECT move FROM moves WHERE type IN {_INVOICE} AND due_on IS NULL AND issued_on IS NOT NULL",
        ),
    ),
    noticed=(
        Notice(
            words="invoices whose amount_residual is not what the reconciliations leave",
            sql=f"SELECT move FROM moves m WHERE type IN {_INVOICE} AND residual IS NOT NULL AND abs(residual - "
            f"amount + "
            "coalesce((SELECT sum(cents) / 100 FROM applied a WHERE a.debit_move = m.move), 0)) > 0.005",
        ),
        Notice(
            words="invoices stated as paid without any reconciliation in the export",
            sql=f"SELECT move FROM moves m WHERE type IN {_INVOICE} AND lower(payment_state) IN ('paid', "
            f"'in_payment', 'in payment') "
            "AND move NOT IN (SELECT debit_move FROM applied)",
        ),
        Notice(
            words="reconciliations that name no invoice of the export: no row",
            sql="SELECT reconcile_id FROM reconciles WHERE reconcile_id NOT IN (SELECT reconcile_id FROM applied)",
        ),
    ),
    traps=(
        "payment_state against what was reconciled",
        "refunds close invoices without payment",
        "drafts and cancelled moves",
        "entries are not invoices",
    ),
)
