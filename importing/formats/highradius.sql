-- HighRadius invoices: settled and open: how its rows become rows of the ledger.

-- prepared numbered: one row per document, with an id made of its content
SELECT *, 'H' || left(md5(concat_ws('|', customer_id, due_on, printf('%.2f', amount))), 20) || '-' ||
    row_number() OVER (PARTITION BY customer_id, due_on, round(amount * 1000)
                       ORDER BY paid_on NULLS LAST, file, line) AS invoice_id,
    count(*) OVER (PARTITION BY customer_id, due_on, round(amount * 1000)) AS alike
FROM settled;

-- table customers: one row per customer that the source names
SELECT NULL AS file, NULL AS line, true AS is_inferred, customer_id,
    mode(customer_name ORDER BY customer_name) AS name, mode(business_unit ORDER BY business_unit) AS
        segment
FROM open_items WHERE customer_id IS NOT NULL AND reasons IS NULL GROUP BY customer_id;

-- table invoices: one row per invoice and per credit note
SELECT file, line, invoice_id, customer_id, 'invoice' AS kind, due_on - 15 AS issued_on, due_on,
    amount,
    getvariable('currency') AS currency, NULL AS payment_terms, NULL::DATE AS booked_on
FROM numbered
UNION ALL
SELECT file, line, invoice_id, customer_id, 'invoice', document_on, due_on, amount, currency, terms,
    greatest(document_on, entered_on) FROM open_items;

-- table payments: one row per payment, or per part of one that is applied to an invoice
SELECT file, line, invoice_id || ':cleared' AS payment_id, customer_id, invoice_id, paid_on, amount,
    getvariable('currency') AS currency, 'payment' AS kind
FROM numbered WHERE paid_on IS NOT NULL
UNION ALL
SELECT file, line, invoice_id || ':cleared', customer_id, invoice_id, cleared_on, amount, currency,
    'payment'
FROM open_items WHERE cleared_on IS NOT NULL;
