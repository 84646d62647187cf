-- DATEV (open items of debtors): how its postings become rows of the ledger.

-- prepared classed: one row per posting, with what it is and the invoice that it belongs to
SELECT *, CASE WHEN class = 'invoice' THEN number ELSE concat_ws('-', number, strftime(on_day, '%Y%m%d'),
        row_number() OVER (PARTITION BY customer_id, number, on_day, class ORDER BY line)) || ':' || class END AS item_id,
    CASE WHEN class <> 'invoice' AND (customer_id, number) IN (SELECT (customer_id, number) FROM postings
        WHERE coalesce(nullif(debit, 0), CASE WHEN upper(side) = 'S' OR (side IS NULL AND amount > 0) THEN amount END) > 0)
        THEN number END AS invoice_id
FROM (
    SELECT *, abs(value) AS cents_free, CASE WHEN value > 0 AND NOT is_payment_back THEN 'invoice'
        WHEN value > 0 THEN 'reversal' WHEN regexp_matches(lower(text), 'gutschrift|storno|korrektur') THEN 'credit_note'
        WHEN regexp_matches(lower(text), 'skonto') THEN 'discount' ELSE 'payment' END AS class
    FROM (
        SELECT *, coalesce(nullif(debit, 0), -nullif(credit, 0),
            CASE WHEN upper(side) = 'H' THEN -abs(amount) WHEN upper(side) = 'S' THEN abs(amount) ELSE amount END) AS value,
            coalesce(regexp_matches(lower(text), 'rücklast|ruecklast|rückbuch'), false) AS is_payment_back
        FROM postings
    )
);

-- table customers: one row per debtor account
SELECT NULL AS file, NULL AS line, true AS is_inferred, customer_id, mode(name ORDER BY name) AS name
FROM postings WHERE customer_id IS NOT NULL AND reasons IS NULL GROUP BY customer_id;

-- table invoices: one row per debit, and per credit whose text says that it is a credit note
SELECT file, line, item_id AS invoice_id, customer_id, class AS kind, on_day AS issued_on,
    CASE WHEN class = 'invoice' THEN coalesce(due_on, on_day) ELSE on_day END AS due_on, cents_free AS amount,
    coalesce(currency, getvariable('currency')) AS currency,
    CASE WHEN class = 'credit_note' THEN invoice_id END AS applies_to
FROM classed WHERE class IN ('invoice', 'credit_note');

-- table payments: one row per other credit, and per debit that takes a payment back
SELECT file, line, item_id AS payment_id, customer_id, invoice_id, on_day AS paid_on, cents_free AS amount,
    coalesce(currency, getvariable('currency')) AS currency, text AS method, class AS kind
FROM classed WHERE class IN ('payment', 'discount', 'reversal');

-- table events: one row per invoice that was dunned
SELECT file, line, item_id || ':dunned-' || dunning_level AS event_id, customer_id, item_id AS invoice_id,
    dunned_on AS occurred_on, 'dunning' AS kind, 'level ' || dunning_level AS detail
FROM classed WHERE class = 'invoice' AND dunning_level > 0 AND dunned_on IS NOT NULL;
