-- SAF-T XML: how its records become rows of the ledger.

-- table customers: one row per customer record
SELECT file, line, false AS is_inferred, id AS customer_id, name,
    CASE WHEN regexp_full_match(upper(country), '[A-Z]{2}') THEN upper(country) END AS country
FROM records WHERE record = 'customer';

-- table invoices: one row per sales invoice and credit note
SELECT file, line, id AS invoice_id, customer_id,
    CASE WHEN upper(type) = 'NC' OR amount < 0 THEN 'credit_note' ELSE 'invoice' END AS kind, issued_on,
    coalesce(due_on, issued_on) AS due_on, abs(amount) AS amount,
    coalesce(currency, getvariable('currency')) AS currency,
    CASE WHEN upper(type) = 'NC' OR amount < 0 THEN invoice_id END AS applies_to, NULL AS payment_terms,
    entered_on AS booked_on
FROM records WHERE record = 'invoice';

-- table payments: one row per line of a payment
SELECT file, line, id AS payment_id, customer_id, invoice_id, paid_on, abs(amount) AS amount,
    coalesce(currency, getvariable('currency')) AS currency, type AS method,
    CASE WHEN amount < 0 THEN 'reversal' ELSE 'payment' END AS kind, entered_on AS booked_on
FROM records WHERE record = 'payment';
