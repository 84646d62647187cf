-- Microsoft Dynamics 365 Finance (CustTrans, CustSettlement, CustTransOpen): how its rows become rows of the ledger.

-- prepared classed: one row per customer transaction, with what it is
SELECT t.*, CAST(round(abs(t.amount) * 1000) AS BIGINT) AS cents, coalesce(t.due_on, o.due_on) AS any_due_on,
    o.amount AS open_amount,
    CASE WHEN invoice IS NOT NULL AND t.amount > 0 THEN 'invoice' WHEN invoice IS NOT NULL THEN 'credit_note'
         WHEN t.amount < 0 THEN 'payment' ELSE 'refund' END AS class
FROM transactions t LEFT JOIN (
    SELECT ref_rec_id, max(due_on) AS due_on, sum(amount) AS amount FROM open_transactions GROUP BY 1
) o ON o.ref_rec_id = t.rec_id;

-- prepared applied: one row per settlement of an invoice
SELECT s.file, s.line, s.rec_id AS settlement_id, i.invoice AS invoice_id, c.rec_id AS credit_id, c.class,
    c.voucher, c.invoice AS credit_invoice,
    c.customer_id, c.currency, c.on_day AS credit_on, s.on_day AS settled_on, coalesce(c.document_on,
        c.on_day) AS credit_issued_on, c.method,
    greatest(coalesce(s.created_on, s.on_day), coalesce(c.created_on, c.on_day)) AS known_on,
    s.amount, CAST(round(s.amount * 1000) AS BIGINT) AS cents,
    row_number() OVER (PARTITION BY c.rec_id ORDER BY s.on_day, s.rec_id) AS nth, count(*) OVER (PARTITION BY
        c.rec_id) AS parts
FROM settlements s JOIN classed i ON i.rec_id = s.trans JOIN classed c ON c.rec_id = s.offset_trans
WHERE i.class = 'invoice' AND c.class IN ('payment', 'credit_note');

-- prepared credited: one row per settlement by a credit note
SELECT *, row_number() OVER (PARTITION BY credit_id ORDER BY invoice_id) AS nth, count(*) OVER (PARTITION BY
    credit_id) AS parts
FROM (SELECT min(file) AS file, min(line) AS line, credit_id, invoice_id, any_value(credit_invoice) AS
    credit_invoice,
          any_value(customer_id) AS customer_id, any_value(currency) AS currency, min(credit_issued_on) AS
              credit_issued_on,
          max(known_on) AS known_on, sum(cents) AS cents
      FROM applied WHERE class = 'credit_note' GROUP BY credit_id, invoice_id HAVING sum(cents) > 0);

-- prepared left_over: one row per payment or credit note, with what no invoice got of it
SELECT c.*, c.cents - coalesce((SELECT sum(cents) FROM applied a WHERE a.credit_id = c.rec_id), 0) AS rest,
    (SELECT max(known_on) FROM applied a WHERE a.credit_id = c.rec_id AND a.cents < 0) AS freed_on
FROM classed c WHERE class IN ('payment', 'credit_note');

-- table customers: one row per customer that the source names
SELECT file, line, customer_id, name, CASE WHEN length(country) = 2 THEN upper(country) END AS country,
    group_id AS segment,
    nullif(parent_id, customer_id) AS parent_id FROM customer_accounts;

-- table invoices: one row per invoice and per credit note
SELECT file, line, invoice AS invoice_id, customer_id, 'invoice' AS kind, coalesce(document_on,
    on_day) AS issued_on,
    any_due_on AS due_on, amount, currency, NULL AS applies_to, terms AS payment_terms,
        created_on AS booked_on
FROM classed WHERE class = 'invoice'
UNION ALL
SELECT file, line, credit_invoice || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END, customer_id,
    'credit_note', credit_issued_on,
    credit_issued_on, cents / 1000, currency, invoice_id, NULL, known_on
FROM credited
UNION ALL
SELECT file, line, invoice || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id,
    'credit_note', coalesce(document_on, on_day),
    coalesce(document_on, on_day), rest / 1000, currency, NULL, terms, created_on
FROM left_over WHERE class = 'credit_note' AND (rest > 0 OR cents = 0);

-- table payments: one row per payment, or per part of one that is applied to an invoice
SELECT file, line, voucher || ':' || credit_id || '~s' || settlement_id AS payment_id, customer_id,
    invoice_id,
    CASE WHEN cents < 0 THEN settled_on ELSE credit_on END AS paid_on,
    abs(amount) AS amount, currency, method, CASE WHEN cents < 0 THEN 'reversal'
        ELSE 'payment' END AS kind, known_on AS booked_on
FROM applied WHERE class = 'payment'
UNION ALL
SELECT file, line, voucher || ':' || rec_id || CASE WHEN rest < cents THEN '~rest' ELSE '' END,
    customer_id, NULL, on_day, rest / 1000,
    currency, method, 'payment', greatest(created_on, freed_on) FROM left_over WHERE class = 'payment'
        AND (rest > 0 OR cents = 0)
UNION ALL
SELECT file, line, voucher || ':' || rec_id, customer_id, NULL, on_day, amount, currency, method,
    'refund', created_on
FROM classed WHERE class = 'refund';
