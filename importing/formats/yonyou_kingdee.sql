-- 用友 and 金蝶 (lists of receivables): how their documents become rows of the ledger.

-- prepared classed: one row per document, with what it is
SELECT *, CASE
    WHEN regexp_matches(coalesce(type, ''), '收款|回款|预收') AND NOT regexp_matches(coalesce(type, ''), '退款') THEN 'payment'
    WHEN regexp_matches(coalesce(type, ''), '退款') THEN 'refund'
    WHEN value < 0 AND type IS NULL AND debit IS NULL AND amount IS NULL THEN 'payment'
    WHEN value < 0 OR regexp_matches(coalesce(type, ''), '红字|贷项|退货') THEN 'credit_note'
    ELSE 'invoice' END AS class
FROM (SELECT *, coalesce(nullif(debit, 0), -nullif(credit, 0), amount) AS value FROM documents);

-- table customers: one row per customer that the list names
SELECT NULL AS file, NULL AS line, true AS is_inferred, customer_id, mode(name ORDER BY name) AS name
FROM documents WHERE customer_id IS NOT NULL AND reasons IS NULL GROUP BY customer_id;

-- table invoices: one row per receivable and per red document
SELECT file, line, number AS invoice_id, customer_id, class AS kind, on_day AS issued_on,
    CASE WHEN class = 'invoice' THEN coalesce(due_on, due_after(on_day, terms), on_day) ELSE on_day END AS due_on,
    abs(value) AS amount, coalesce(currency, getvariable('currency')) AS currency,
    CASE WHEN class = 'credit_note' THEN against END AS applies_to, terms AS payment_terms, booked_on
FROM classed WHERE class IN ('invoice', 'credit_note');

-- table payments: one row per receipt, and per receivable of which something was received
SELECT file, line, number AS payment_id, customer_id, against AS invoice_id, on_day AS paid_on, abs(value) AS amount,
    coalesce(currency, getvariable('currency')) AS currency, type AS method, class AS kind, booked_on
FROM classed WHERE class IN ('payment', 'refund')
UNION ALL
SELECT file, line, number || ':received', customer_id, number, coalesce(received_on, on_day), received_amount,
    coalesce(currency, getvariable('currency')), NULL, CASE WHEN received_on IS NULL THEN 'undated' ELSE 'payment' END,
    CASE WHEN received_on IS NULL THEN greatest(getvariable('known_on'), on_day) END
FROM (SELECT *, coalesce(received, round(value - open_amount, 6)) AS received_amount FROM classed WHERE class = 'invoice')
WHERE received_amount > 0;
