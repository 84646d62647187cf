"""Odoo: account.move (invoices, refunds, payment entries) and account.partial.reconcile, as its list views export them.

`out_invoice` is an invoice, `out_refund` a credit note, `entry` the journal entry of a payment. A partial reconcile
joins the debit's move (the invoice) with the credit's move, each given by the number of the move: export the columns
`debit_move_id/move_id` and `credit_move_id/move_id`. Where the credit is a refund, it is an applied credit note, else
a payment, dated by the payment's own move (max_date, the later of both sides, where that move is not in the export).
A payment that no reconciliation names is unapplied cash; export a payment's move with all of its reconciliations, since
those that are not there any more are withdrawn. `amount` of a reconcile is in the company's currency: where the moves have
several currencies, export `debit_amount_currency` and `credit_amount_currency`, which are in those of the two sides. Drafts and cancelled moves are refused. `payment_state` is compared and
decides nothing: `in_payment` money has arrived in the books, `reversed` is closed by a credit note, and is no payment.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

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
        "debit_amount": Field(
            names=("debit_amount_currency", "Debit Amount Currency"),
            type=NUMBER,
            meaning="told apart from amount by it",
        ),
        "credit_amount": Field(
            names=("credit_amount_currency", "Credit Amount Currency"),
            type=NUMBER,
            meaning="amount, in the currency of the payment or the credit note",
        ),
        "max_date": Field(
            names=("max_date", "Max Date of Matched Lines"),
            type=DATE,
            meaning="paid_on, where the payment's move is not there",
        ),
        "created_on": Field(names=("create_date", "Created on"), type=DATE, meaning="booked_on"),
    },
    refuse=(
        (
            "debit_amount IS NULL AND (SELECT count(DISTINCT currency) FROM moves) > 1",
            "amount is in the company's currency, and the moves have several: export debit_amount_currency and "
            "credit_amount_currency, too",
        ),
    ),
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


QUERIES = queries_of(__file__)

FORMAT = Format(
    name="odoo",
    title="Odoo (account.move, account.partial.reconcile)",
    splits_documents=True,
    files={"moves": MOVES, "reconciles": RECONCILES, "lines": LINES},
    prepared=QUERIES.prepared,
    tables=QUERIES.tables,
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
            "coalesce((SELECT sum(cents) / 1000 FROM applied a WHERE a.debit_move = m.move), 0)) > 0.005",
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
