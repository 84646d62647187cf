-- QuickBooks (transaction list of accounts receivable): how its rows become rows of the ledger.

-- prepared classed: one row per transaction, with what it is
SELECT *, coalesce(currency, getvariable('currency')) AS money, CAST(round(abs(amount) * 1000) AS BIGINT) AS cents,
    CAST(round((amount - open_balance) * 1000) AS BIGINT) AS paid_cents,
    concat_ws('|', customer_id, coalesce(currency, getvariable('currency'))) AS grp,
    CASE lower(type) WHEN 'invoice' THEN 'invoice' WHEN 'payment' THEN 'payment' WHEN 'credit memo'
        THEN 'credit_note' WHEN 'refund' THEN 'refund' WHEN 'refund receipt' THEN 'refund'
            ELSE 'other' END AS class,
    CASE WHEN lower(type) = 'invoice' THEN number ELSE concat_ws('-', replace(lower(type), ' ', '-'),
        coalesce(number,
        strftime(on_day, '%Y%m%d') || '-' || row_number() OVER (PARTITION BY customer_id, type, on_day,
            number ORDER BY amount, line))) END AS item_id
FROM transactions WHERE reasons IS NULL;

-- prepared named: one row per payment or credit memo that names its invoice
SELECT c.item_id AS credit_id, i.item_id AS invoice_id, least(c.cents, i.paid_cents) AS cents
FROM classed c JOIN classed i ON i.class = 'invoice' AND i.item_id = c.applied_to AND i.grp = c.grp
WHERE c.class IN ('payment', 'credit_note');

-- prepared needs: one row per invoice, with what was paid on it by its open balance and is not named
SELECT grp, item_id AS key, coalesce(due_on, on_day) AS ord,
    paid_cents - coalesce((SELECT sum(cents) FROM named n WHERE n.invoice_id = i.item_id), 0) AS cents
FROM classed i WHERE class = 'invoice';

-- prepared pool: one row per payment or credit memo, with what was used of it (amount less open balance) beyond the invoice that it names
SELECT grp, item_id AS key, on_day AS ord, cents - CAST(round(abs(coalesce(open_balance, 0)) * 1000) AS BIGINT) - coalesce((SELECT sum(cents) FROM named n
    WHERE n.credit_id = c.item_id), 0) AS cents
FROM classed c WHERE class IN ('payment', 'credit_note');

-- prepared applied: one row per part of a payment or credit memo and invoice
SELECT a.*, c.class, c.file, c.line, c.customer_id, c.money, c.on_day, c.method, c.created_on,
    row_number() OVER (PARTITION BY a.credit_id ORDER BY a.invoice_id) AS nth, count(*) OVER (PARTITION BY
        a.credit_id) AS parts
FROM (SELECT credit_id, invoice_id, cents, true AS is_named FROM named
      UNION ALL SELECT pool_key, need_key, cents, false
          FROM ({OLDEST_FIRST})) a
JOIN classed c ON c.item_id = a.credit_id WHERE a.cents > 0;

-- prepared unexplained: one row per invoice that its open balance says was paid for more than the payments of the report
SELECT i.*, n.cents - coalesce(a.cents, 0) AS missing FROM needs n
JOIN classed i ON i.class = 'invoice' AND i.item_id = n.key
LEFT JOIN (SELECT invoice_id, sum(cents) AS cents FROM applied WHERE NOT is_named GROUP BY 1) a
    ON a.invoice_id = n.key
WHERE n.cents > coalesce(a.cents, 0);

-- prepared left_over: one row per payment or credit memo, with what no invoice got of it
SELECT c.*, c.cents - coalesce((SELECT sum(cents) FROM applied a WHERE a.credit_id = c.item_id), 0) AS rest
FROM classed c WHERE class IN ('payment', 'credit_note');

-- table invoices: one row per invoice and per credit note
SELECT file, line, number AS invoice_id, customer_id, 'invoice' AS kind, on_day AS issued_on,
    coalesce(due_on, on_day) AS due_on, amount,
    coalesce(currency, getvariable('currency')) AS currency, NULL AS applies_to, terms AS payment_terms,
        created_on AS booked_on
FROM transactions WHERE type IS NULL OR lower(type) = 'invoice' OR (reasons IS NOT NULL
    AND lower(type) NOT IN ('payment', 'credit memo'))
UNION ALL
SELECT file, line, credit_id || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END, customer_id,
    'credit_note', on_day, on_day,
    cents / 1000, money, invoice_id, NULL, created_on FROM applied WHERE class = 'credit_note'
UNION ALL
SELECT file, line, item_id || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id,
    'credit_note', on_day, on_day, rest / 1000,
    money, NULL, terms, created_on FROM left_over WHERE class = 'credit_note' AND (rest > 0
        OR cents = 0);

-- table payments: one row per payment, or per part of one that is applied to an invoice
SELECT file, line, credit_id || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END AS payment_id,
    customer_id, invoice_id, on_day AS paid_on,
    cents / 1000 AS amount, money AS currency, method, 'payment' AS kind, created_on AS booked_on
        FROM applied WHERE class = 'payment'
UNION ALL
SELECT file, line, item_id || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id, NULL, on_day,
    rest / 1000, money, method, 'payment',
    created_on FROM left_over WHERE class = 'payment' AND (rest > 0 OR cents = 0)
UNION ALL
SELECT file, line, item_id, customer_id, NULL, on_day, cents / 1000, money, method, 'refund', created_on
    FROM classed WHERE class = 'refund'
UNION ALL
SELECT file, line, item_id || ':paid', customer_id, item_id, on_day, missing / 1000, money, NULL, 'undated',
    greatest(getvariable('known_on'), on_day)
FROM unexplained
UNION ALL
SELECT file, line, number, customer_id, NULL, on_day, abs(amount), coalesce(currency,
    getvariable('currency')), method, 'payment', created_on
FROM transactions WHERE reasons IS NOT NULL AND lower(type) IN ('payment', 'credit memo');
