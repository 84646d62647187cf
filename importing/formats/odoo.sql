-- Odoo (account.move, account.partial.reconcile): how its rows become rows of the ledger.

-- prepared applied: one row per partial reconcile of an invoice
SELECT r.file, r.line, r.reconcile_id, r.debit_move, r.credit_move, r.amount, CAST(round(r.amount * 1000) AS
    BIGINT) AS cents, CAST(round(coalesce(r.credit_amount, r.amount) * 1000) AS BIGINT) AS credit_cents,
    i.customer_id, i.currency, coalesce(c.on_day, c.issued_on, r.max_date) AS credit_on, coalesce(c.issued_on,
        c.on_day, r.max_date) AS credit_issued_on,
    coalesce(r.created_on, r.max_date, c.on_day) AS known_on, coalesce(c.type IN ('out_refund',
        'Customer Credit Note'), false) AS is_refund,
        c.move IS NULL AS is_alone,
    row_number() OVER (PARTITION BY r.credit_move ORDER BY r.max_date, r.reconcile_id) AS nth,
        count(*) OVER (PARTITION BY r.credit_move) AS parts
FROM reconciles r JOIN moves i ON i.move = r.debit_move AND i.type IN ('out_invoice', 'Customer Invoice') LEFT
    JOIN moves c
    ON c.move = r.credit_move;

-- prepared refunds: one row per refund, with what no invoice got of it
SELECT m.*, CAST(round(abs(m.amount) * 1000) AS BIGINT) AS cents,
    CAST(round(abs(m.amount) * 1000) AS BIGINT) - coalesce((SELECT sum(credit_cents) FROM applied a
        WHERE a.credit_move = m.move), 0) AS rest
FROM moves m WHERE type IN ('out_refund', 'Customer Credit Note');

-- prepared entries: one row per payment entry of a customer, with what no invoice got of it
        SELECT m.file, m.line, m.move, coalesce(m.customer_id, a.payer) AS customer_id, m.on_day,
            m.currency, m.created_on, m.payment_type, a.credit_move IS NULL AS is_alone,
            CAST(round(abs(m.amount) * 1000) AS BIGINT) - coalesce(a.cents, 0) AS rest
        FROM moves m LEFT JOIN (SELECT credit_move, max(customer_id) AS payer, sum(credit_cents) AS cents
            FROM applied WHERE NOT is_refund GROUP BY 1) a ON a.credit_move = m.move
        WHERE m.type IN ('entry', 'Journal Entry') AND (a.credit_move IS NOT NULL OR (customer_id IS NOT NULL
            AND CASE WHEN payment_type IS NOT NULL
THEN lower(payment_type) IN ('inbound', 'receive', 'receive money')
ELSE customer_id IN (SELECT customer_id FROM moves WHERE type IN ('out_invoice', 'Customer Invoice') AND reasons
    IS NULL)
    AND split_part(move, '/', 1) IN (SELECT split_part(credit_move, '/', 1) FROM reconciles WHERE debit_move IN
        (SELECT move FROM moves WHERE type IN ('out_invoice', 'Customer Invoice')) AND credit_move NOT IN
        (SELECT move FROM moves WHERE type IN ('out_refund', 'Customer Credit Note') AND move IS NOT NULL)) END));

-- table customers: one row per customer that the source names
SELECT NULL AS file, NULL AS line, true AS is_inferred, customer_id FROM moves
WHERE customer_id IS NOT NULL AND reasons IS NULL GROUP BY customer_id;

-- table invoices: one row per invoice and per credit note
SELECT file, line, move AS invoice_id, customer_id, 'invoice' AS kind, issued_on, coalesce(due_on,
    issued_on) AS due_on, amount, currency,
    NULL AS applies_to, terms AS payment_terms, created_on AS booked_on FROM moves WHERE type IN ('out_invoice',
        'Customer Invoice')
UNION ALL
SELECT file, line, credit_move || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END, customer_id,
    'credit_note', credit_issued_on,
    credit_issued_on, amount, currency, debit_move, NULL, known_on FROM applied WHERE is_refund
UNION ALL
SELECT file, line, move || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id, 'credit_note',
    issued_on, issued_on, rest / 1000,
    currency, reversed_entry, terms, created_on FROM refunds WHERE rest > 0 OR cents = 0;

-- table instalments: one row per instalment of an invoice that has several
SELECT file, line, move AS invoice_id, row_number() OVER (PARTITION BY move ORDER BY due_on, line) AS number,
    due_on, amount, NULL::DATE AS booked_on
FROM lines WHERE lower(account_type) IN ('asset_receivable', 'receivable') AND amount > 0 AND due_on IS NOT NULL
    AND move IN (SELECT move FROM moves WHERE type IN ('out_invoice', 'Customer Invoice'))
QUALIFY count(*) OVER (PARTITION BY move) > 1;

-- table payments: one row per payment, or per part of one that is applied to an invoice
SELECT file, line, credit_move || '~r' || reconcile_id AS payment_id, customer_id,
    debit_move AS invoice_id, credit_on AS paid_on, amount, currency,
    split_part(credit_move, '/', 1) AS method, 'payment' AS kind, known_on AS booked_on
FROM applied WHERE NOT is_refund
UNION ALL
SELECT file, line, move || '~rest', customer_id, NULL, on_day, rest / 1000, currency, split_part(move,
    '/', 1), 'payment', created_on
FROM entries WHERE rest > 0;
