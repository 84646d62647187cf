-- SAP FI customer line items (BSID, BSAD, FBL5N): how its rows become rows of the ledger.

-- prepared terms_days: one row per key of the terms table T052: its net days are the last that are given; a fixed day is of a later month
SELECT key, any_value(coalesce(nullif(days_3, 0), nullif(days_2, 0), days_1, 0)) AS net_days,
    any_value(nullif(coalesce(nullif(day_3, 0), nullif(day_2, 0), day_1), 0)) AS fixed_day,
    any_value(coalesce(nullif(months_3, 0), nullif(months_2, 0), months_1, 0)) AS more_months
FROM terms_table WHERE reasons IS NULL AND key IS NOT NULL GROUP BY key;

-- prepared classed: one row per line item, with what it is
SELECT *, concat_ws('-', company, year, document, lpad(coalesce(position, '1'), 3, '0')) AS item_id,
    CASE WHEN reference IS NOT NULL AND reference <> 'V'
         THEN concat_ws('-', company, coalesce(reference_year, year), reference,
             lpad(coalesce(reference_position, '1'), 3, '0')) END AS reference_id,
    CAST(round(abs(amount) * 1000) AS BIGINT) AS cents,
    concat_ws('-', company, clearing) AS grp,
    greatest(coalesce(entered_on, posted_on), posted_on) AS known_on,
    CASE
        WHEN special = 'W' AND NOT is_credit THEN 'bill'
        WHEN special IS NOT NULL THEN CASE WHEN special = 'A' AND is_credit THEN 'payment' ELSE 'other' END
        WHEN is_credit AND type IN ('DZ', 'ZP', 'ZV', 'AB', 'ZA', 'ZE', 'EZ') THEN 'payment'
        WHEN is_credit THEN 'credit_note'
        WHEN type IN ('DZ', 'ZP', 'ZV', 'AB', 'ZA', 'ZE', 'EZ') AND reference IS NOT NULL THEN 'residual'
        WHEN type IN ('DZ', 'ZP', 'ZV', 'AB', 'ZA', 'ZE', 'EZ') THEN 'debit_of_payment'
        ELSE 'invoice' END AS class
FROM (SELECT * REPLACE (coalesce(days_1, t.net_days) AS days_1), t.net_days IS NOT NULL AND days_1 IS NULL AS
    has_table_days,
        t.fixed_day, t.more_months, coalesce(side IN ('H', 'C'), amount < 0) AS is_credit
      FROM items LEFT JOIN terms_days t ON t.key = items.terms);

-- prepared residuals: one row per residual item, with the item that it carries on; a debit of a payment document that cleared exactly one invoice is its residual too
SELECT r.item_id, coalesce(r.reference_id, c.only_id) AS parent_id, r.cents, r.grp, r.cleared_on, r.company,
    r.document,
    r.file, r.line
FROM classed r LEFT JOIN (
    SELECT company, clearing, any_value(item_id) AS only_id FROM classed WHERE class = 'invoice'
        AND clearing IS NOT NULL
    GROUP BY company, clearing HAVING count(*) = 1
) c ON c.company IS NOT DISTINCT FROM r.company AND c.clearing = r.document
WHERE r.class = 'residual' OR (r.class = 'debit_of_payment' AND c.only_id IS NOT NULL);

-- prepared roots: one row per residual item, with the invoice at the start of its chain
WITH RECURSIVE chain AS (
    SELECT item_id, parent_id AS root_id, 1 AS depth FROM residuals
    UNION ALL
    SELECT chain.item_id, residuals.parent_id, depth + 1 FROM chain JOIN residuals
        ON residuals.item_id = chain.root_id
    WHERE depth < 50
)
SELECT item_id, max_by(root_id, depth) AS root_id, max(depth) AS links FROM chain GROUP BY item_id;

-- prepared debits: one row per debit that money can be for: invoices and residuals
SELECT i.item_id, i.item_id AS root_id, i.grp, i.clearing, i.cleared_on, i.cents, i.company, i.document_on AS ord,
    i.file, i.line, i.customer_id, i.currency
FROM classed i WHERE class = 'invoice'
UNION ALL
SELECT r.item_id, t.root_id, c.grp, c.clearing, c.cleared_on, r.cents, c.company, c.document_on,
    r.file, r.line, c.customer_id, c.currency
FROM residuals r JOIN roots t USING (item_id) JOIN classed c USING (item_id);

-- prepared needs: one row per cleared debit, with what else than unreferenced credits cleared it taken off
SELECT d.grp, d.item_id AS key, d.ord,
    d.cents - coalesce(named.cents, 0) - coalesce(left_over.cents, 0) AS cents
FROM debits d
LEFT JOIN (SELECT reference_id, sum(cents) AS cents FROM classed WHERE class IN ('payment', 'credit_note')
           AND reference_id IS NOT NULL AND clearing IS NOT NULL GROUP BY 1) named ON named.reference_id = d.item_id
LEFT JOIN (SELECT parent_id, sum(cents) AS cents FROM residuals GROUP BY 1) left_over
    ON left_over.parent_id = d.item_id
WHERE d.clearing IS NOT NULL;

-- prepared pool: one row per cleared credit without a reference, less the residuals that its document posted
SELECT p.grp, p.item_id AS key, p.known_on AS ord, p.class, p.cents - coalesce(CASE WHEN p.nth = 1
    THEN back.cents END, 0) AS cents
FROM (SELECT *, row_number() OVER (PARTITION BY company, document, grp ORDER BY cents DESC, item_id) AS nth
    FROM classed
      WHERE class IN ('payment', 'credit_note') AND reference_id IS NULL AND clearing IS NOT NULL) p
LEFT JOIN (SELECT company, document, sum(cents) AS cents FROM residuals GROUP BY ALL) back
    ON p.class = 'payment' AND back.company IS NOT DISTINCT FROM p.company AND back.document = p.document;

-- prepared laid: one row per part of a credit and debit
SELECT a.need_key AS debit_id, a.pool_key AS credit_id, a.cents
    FROM
        ({OLDEST_FIRST}) a
UNION ALL
SELECT reference_id, item_id, cents FROM classed WHERE class IN ('payment', 'credit_note')
    AND reference_id IS NOT NULL;

-- prepared applied: one row per part of a credit and invoice
SELECT l.*, coalesce(t.root_id, l.debit_id) AS invoice_id, c.class, c.cleared_on, c.reference_id,
    row_number() OVER (PARTITION BY l.credit_id ORDER BY l.debit_id) AS nth, count(*) OVER (PARTITION BY
        l.credit_id) AS parts,
    c.file, c.line, c.customer_id, c.currency, c.posted_on, c.document_on, c.entered_on, c.known_on, c.type
FROM laid l LEFT JOIN roots t ON t.item_id = l.debit_id JOIN classed c ON c.item_id = l.credit_id WHERE l.cents > 0;

-- prepared left_over: one row per credit, with what no debit got of it
SELECT c.*, c.cents - coalesce(used.cents, 0) - coalesce(back.cents, 0) AS rest
FROM classed c
LEFT JOIN (SELECT credit_id, sum(cents) AS cents FROM laid GROUP BY 1) used ON used.credit_id = c.item_id
LEFT JOIN (SELECT p.key, any_value(c2.cents) - any_value(p.cents) AS cents FROM pool p JOIN classed c2
    ON c2.item_id = p.key GROUP BY 1) back
    ON back.key = c.item_id
WHERE c.class IN ('payment', 'credit_note');

-- prepared bills: one row per bill (a debit of the special ledger), with the payment of its document that it stands for
SELECT b.item_id, b.company, b.document, b.clearing, b.cents, coalesce(b.net_due_on, b.baseline_on) AS matures_on,
    (SELECT arg_max(p.item_id, p.cents) FROM classed p WHERE p.class = 'payment' AND p.document = b.document
        AND p.company IS NOT DISTINCT FROM b.company AND p.cents >= b.cents) AS payment_id
FROM classed b WHERE b.class = 'bill';

-- prepared paid: one row per part of a payment and invoice, with the discount that was taken and the bill that was given
SELECT a.*, b.matures_on, CASE WHEN a.nth = 1 THEN least(a.cents,
        CAST(round(coalesce(c.discount, 0) * 1000) AS BIGINT)) ELSE 0 END AS taken
FROM applied a JOIN classed c ON c.item_id = a.credit_id
LEFT JOIN (SELECT payment_id, max(matures_on) AS matures_on FROM bills GROUP BY 1) b
    ON b.payment_id = a.credit_id
WHERE a.class = 'payment';

-- prepared dishonoured: one row per debit that clears a bill without money: its invoice is open again
SELECT d.item_id, any_value(a.invoice_id) AS invoice_id
FROM classed d JOIN bills b ON b.clearing = d.document AND b.company IS NOT DISTINCT FROM d.company
JOIN applied a ON a.credit_id = b.payment_id
WHERE d.class IN ('debit_of_payment', 'invoice') AND d.special IS NULL AND d.cents = b.cents
GROUP BY d.item_id HAVING count(DISTINCT a.invoice_id) = 1;

-- prepared alone: one row per debit cleared in a clearing of which the export holds no credit
SELECT n.key AS item_id, n.cents, d.root_id, d.cleared_on, d.file, d.line, d.customer_id, d.currency
FROM needs n JOIN debits d ON d.item_id = n.key
WHERE n.cents > 0 AND n.grp NOT IN (SELECT grp FROM classed WHERE class IN ('payment', 'credit_note')
    AND clearing IS NOT NULL);

-- table customers: one row per customer that the source names
SELECT NULL AS file, NULL AS line, true AS is_inferred, customer_id, mode(customer_name ORDER BY
    customer_name) AS name
FROM items WHERE customer_id IS NOT NULL AND reasons IS NULL GROUP BY customer_id;

-- table invoices: one row per invoice and per credit note
        SELECT file, line, item_id AS invoice_id, customer_id, 'invoice' AS kind, document_on AS issued_on,
            CASE WHEN net_due_on IS NOT NULL THEN net_due_on
WHEN class = 'credit_note' AND reference IS NULL THEN greatest(baseline_on, document_on)
WHEN has_table_days AND fixed_day IS NOT NULL THEN CAST(least(last_day(CAST(baseline_on + to_months(more_months)
    AS DATE)),
    CAST(date_trunc('month', baseline_on + to_months(more_months)) + to_days(fixed_day - 1) AS DATE)) AS DATE)
ELSE baseline_on + CAST(coalesce(nullif(days_3, 0), nullif(days_2, 0), days_1, 0) AS INTEGER) END AS due_on,
            abs(amount) AS amount, currency, NULL AS applies_to, terms AS payment_terms, entered_on AS booked_on
        FROM classed WHERE class = 'invoice' AND item_id NOT IN (SELECT item_id FROM dishonoured)
        UNION ALL
        SELECT file, line, credit_id || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END, customer_id,
            'credit_note', document_on,
            document_on, cents / 1000, currency, invoice_id, NULL,
            CASE WHEN reference_id IS NULL THEN greatest(entered_on, cleared_on) ELSE entered_on END
        FROM applied WHERE class = 'credit_note'
        UNION ALL
        SELECT file, line, item_id || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id,
            'credit_note', document_on,
            greatest(document_on, CASE WHEN net_due_on IS NOT NULL THEN net_due_on
WHEN class = 'credit_note' AND reference IS NULL THEN greatest(baseline_on, document_on)
WHEN has_table_days AND fixed_day IS NOT NULL THEN CAST(least(last_day(CAST(baseline_on + to_months(more_months)
    AS DATE)),
    CAST(date_trunc('month', baseline_on + to_months(more_months)) + to_days(fixed_day - 1) AS DATE)) AS DATE)
ELSE baseline_on + CAST(coalesce(nullif(days_3, 0), nullif(days_2, 0), days_1, 0) AS INTEGER) END), rest / 1000,
    currency, NULL, terms, entered_on
        FROM left_over WHERE class = 'credit_note' AND (rest > 0 OR cents = 0);

-- table payments: one row per payment, or per part of one that is applied to an invoice
SELECT file, line, credit_id || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END AS payment_id,
    customer_id, invoice_id,
    posted_on AS paid_on, (cents - taken) / 1000 AS amount, currency, type AS method,
    CASE WHEN matures_on IS NULL THEN 'payment' ELSE 'bill' END AS kind, matures_on,
    CASE WHEN reference_id IS NULL THEN greatest(known_on, cleared_on) ELSE known_on END AS booked_on
FROM paid WHERE cents > taken
UNION ALL
SELECT file, line, credit_id || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END || ':discount', customer_id,
    invoice_id, posted_on, taken / 1000, currency, type, 'discount', NULL,
    CASE WHEN reference_id IS NULL THEN greatest(known_on, cleared_on) ELSE known_on END
FROM paid WHERE taken > 0
UNION ALL
SELECT file, line, item_id || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id, NULL,
    posted_on, rest / 1000,
    currency, type, CASE WHEN matures_on IS NULL THEN 'payment' ELSE 'bill' END, matures_on, known_on
FROM left_over LEFT JOIN (SELECT payment_id, max(matures_on) AS matures_on FROM bills GROUP BY 1) b
    ON b.payment_id = item_id WHERE class = 'payment' AND (rest > 0 OR cents = 0)
UNION ALL
SELECT file, line, item_id, customer_id, d.invoice_id, posted_on, abs(amount), currency, type, 'reversal',
    NULL, known_on
FROM classed LEFT JOIN dishonoured d USING (item_id)
WHERE (class = 'debit_of_payment' OR d.invoice_id IS NOT NULL) AND item_id NOT IN (SELECT item_id FROM residuals)
UNION ALL
SELECT file, line, item_id, customer_id, NULL, document_on, abs(amount), currency, type, 'bill',
    greatest(coalesce(net_due_on, baseline_on), document_on), known_on
FROM classed WHERE class = 'bill' AND clearing IS NULL AND item_id IN (SELECT item_id FROM bills
    WHERE payment_id IS NULL)
UNION ALL
SELECT file, line, item_id || ':cleared', customer_id, root_id, cleared_on, cents / 1000, currency,
    'clearing date', 'payment', NULL,
    cleared_on FROM alone;

-- table events: one row per dunning level, dispute and residual item of an invoice
        SELECT file, line, item_id || ':dunned-' || dunning_level AS event_id, customer_id, item_id AS invoice_id,
            dunned_on AS occurred_on, 'dunning' AS kind,
            concat_ws(', ', 'level ' || dunning_level, 'block ' || dunning_block) AS detail
        FROM classed WHERE class = 'invoice' AND dunning_level > 0 AND dunned_on IS NOT NULL
        UNION ALL
        SELECT file, line, item_id || ':dispute-' || dispute, customer_id, item_id, disputed_on,
            'dispute_opened', 'case ' || dispute
        FROM classed WHERE class = 'invoice' AND dispute IS NOT NULL AND disputed_on IS NOT NULL
        UNION ALL BY NAME
        SELECT file, line, c.item_id || ':residual' AS event_id, customer_id, root_id AS invoice_id,
            posted_on AS occurred_on, 'residual' AS kind, cents / 1000 AS amount,
            concat_ws(', ', 'residual item ' || c.item_id, 'due ' || due_on, 'terms ' || terms) AS detail,
            known_on AS booked_on
        FROM (SELECT *, CASE WHEN net_due_on IS NOT NULL THEN net_due_on
WHEN class = 'credit_note' AND reference IS NULL THEN greatest(baseline_on, document_on)
WHEN has_table_days AND fixed_day IS NOT NULL THEN CAST(least(last_day(CAST(baseline_on + to_months(more_months)
    AS DATE)),
    CAST(date_trunc('month', baseline_on + to_months(more_months)) + to_days(fixed_day - 1) AS DATE)) AS DATE)
ELSE baseline_on + CAST(coalesce(nullif(days_3, 0), nullif(days_2, 0), days_1, 0) AS INTEGER) END AS due_on FROM
    classed) c JOIN roots t ON t.item_id = c.item_id;
