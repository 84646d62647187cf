-- IBM accounts-receivable sample: how its rows become rows of the ledger.

-- table customers: one row per customer that the source names
SELECT NULL AS file, NULL AS line, true AS is_inferred, customer_id, max(region) AS segment FROM items WHERE
    customer_id IS NOT NULL AND reasons IS NULL GROUP BY customer_id;

-- table invoices: one row per invoice
SELECT file, line, invoice_id, customer_id, 'invoice' AS kind, issued_on, due_on, amount,
    getvariable('currency') AS currency FROM items;

-- table payments: one row per settled invoice
SELECT file, line, invoice_id || ':settled' AS payment_id, customer_id, invoice_id, settled_on AS paid_on,
    amount, getvariable('currency') AS currency, 'payment' AS kind FROM items WHERE settled_on IS NOT NULL;

-- table events: one row per disputed and settled invoice
SELECT file, line, invoice_id || ':disputed' AS event_id, customer_id, invoice_id, settled_on AS occurred_on,
    'dispute_opened' AS kind, 'day not given; on or before settlement' AS detail FROM items WHERE is_disputed
    AND settled_on IS NOT NULL;

-- table attributes: one row per customer with paperless billing
SELECT NULL AS file, NULL AS line, true AS is_inferred, customer_id, 'paperless_billing' AS name,
    min(paperless_on) AS observed_on, 'yes' AS value FROM items WHERE customer_id IS NOT NULL AND paperless_on
    IS NOT NULL AND reasons IS NULL GROUP BY customer_id;
