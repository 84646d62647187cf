-- Tally (Bills Receivable): how its rows become rows of the ledger.

-- table invoices: one row per bill that the customer owes
SELECT file, line, number AS invoice_id, customer_id, 'invoice' AS kind, on_day AS issued_on,
    coalesce(due_on, on_day) AS due_on, coalesce(amount, pending) AS amount,
    coalesce(currency, getvariable('currency')) AS currency, NULL AS applies_to
FROM bills WHERE pending IS NULL OR pending >= 0;

-- table payments: one row per bill that is paid in part or in full, and per advance or amount on account
SELECT file, line, number || ':paid' AS payment_id, customer_id, number AS invoice_id, on_day AS paid_on,
    round(amount - pending, 6) AS amount, coalesce(currency, getvariable('currency')) AS currency, NULL AS method,
    'undated' AS kind, greatest(getvariable('known_on'), on_day) AS booked_on
FROM bills WHERE pending >= 0 AND amount - pending > 0.0005
UNION ALL
SELECT file, line, number, customer_id, NULL, on_day, -pending, coalesce(currency, getvariable('currency')),
    'on account', 'payment', NULL
FROM bills WHERE pending < 0;
