-- Xero (Aged Receivables Detail): how its rows become rows of the ledger.

-- table invoices: one row per open document; one below 0 is an unapplied credit note
SELECT file, line, number AS invoice_id, customer_id,
    CASE WHEN open_amount < 0 THEN 'credit_note' ELSE 'invoice' END AS kind, issued_on,
    CASE WHEN open_amount < 0 THEN issued_on ELSE coalesce(due_on, issued_on) END AS due_on,
    abs(open_amount) AS amount, coalesce(currency, getvariable('currency')) AS currency
FROM items;
