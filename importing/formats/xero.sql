-- Xero (invoices, payments): how its rows become rows of the ledger.

-- prepared sales: one row per line of the invoices export; the first line of a document stands for it, and Xero's own export has no AmountCredited: what is neither paid nor due was credited
SELECT * REPLACE (coalesce(credited, CASE WHEN NOT is_credit
        THEN nullif(round(amount - coalesce(paid, 0) - coalesce(due_amount, 0), 4), 0) END) AS credited,
        abs(due_amount) AS due_amount)
FROM (SELECT *, upper(coalesce(type, 'ACCREC')) IN ('ACCRECCREDIT', 'SALES CREDIT NOTE') AS is_credit,
    coalesce(paid_on, changed_on) AS moved_on,
    min(line) OVER (PARTITION BY file, number, upper(coalesce(type, 'ACCREC')) IN ('ACCRECCREDIT',
        'SALES CREDIT NOTE')) = line AS is_first,
    (amount, issued_on, due_on, customer_id, currency) IS NOT DISTINCT FROM first_value((amount, issued_on, due_on,
        customer_id, currency)) OVER (PARTITION BY file, number, upper(coalesce(type, 'ACCREC')) IN
            ('ACCRECCREDIT', 'SALES CREDIT NOTE')
        ORDER BY line) AS is_like_first
FROM invoices);

-- table customers: one row per customer that the source names
SELECT NULL AS file, NULL AS line, true AS is_inferred, customer_id, mode(customer_name ORDER BY
    customer_name) AS name
FROM invoices WHERE customer_id IS NOT NULL AND reasons IS NULL GROUP BY customer_id;

-- table invoices: one row per invoice and per credit note
SELECT file, line, number AS invoice_id, customer_id, 'invoice' AS kind, issued_on, coalesce(due_on,
    issued_on) AS due_on, amount, currency,
    NULL AS applies_to, NULL::DATE AS booked_on FROM sales WHERE NOT is_credit AND (is_first OR NOT is_like_first)
UNION ALL
SELECT file, line, number || ':credited', customer_id, 'credit_note', coalesce(moved_on,
    greatest(getvariable('known_on'), issued_on)),
    coalesce(moved_on, greatest(getvariable('known_on'), issued_on)), credited, currency, number, NULL
FROM sales WHERE NOT is_credit AND credited > 0 AND is_first
UNION ALL
SELECT file, line, number, customer_id, 'credit_note', issued_on, issued_on, due_amount, currency, NULL,
    NULL
FROM sales WHERE is_credit AND due_amount > 0 AND is_first;

-- table payments: one row per payment, or per part of one that is applied to an invoice
SELECT file, line, number || ':paid' AS payment_id, customer_id, number AS invoice_id,
    coalesce(moved_on, issued_on) AS paid_on, paid AS amount, currency,
    CASE WHEN moved_on IS NULL THEN 'undated' ELSE 'payment' END AS kind,
    CASE WHEN moved_on IS NULL THEN greatest(getvariable('known_on'), issued_on) END AS booked_on FROM sales
WHERE NOT is_credit AND paid > 0 AND is_first AND (SELECT count(*) FROM received) = 0
UNION ALL
SELECT r.file, r.line, payment_id, coalesce(r.customer_id, s.customer_id), r.number, on_day,
    abs(r.amount), coalesce(r.currency, s.currency),
    CASE WHEN r.amount < 0 THEN 'reversal' ELSE 'payment' END, r.changed_on
FROM received r LEFT JOIN sales s ON s.number = r.number AND NOT s.is_credit AND s.is_first;
