-- ERPNext (Sales Invoice, Payment Ledger Entry, Payment Entry): how its rows become rows of the ledger.

-- prepared own: one row per invoice whose own ledger row is in the account's currency: it holds the rate
SELECT e.against, any_value(e.currency) AS currency, sum(e.amount) AS amount, any_value(i.amount) AS total,
    any_value(i.currency) AS invoice_currency
FROM ledger_entries e JOIN sales_invoices i ON i.name = e.against
WHERE e.voucher_type = 'Sales Invoice' AND e.voucher = e.against AND e.amount > 0 AND NOT
    coalesce(e.is_delinked, false)
    AND NOT coalesce(i.is_return, false)
GROUP BY e.against HAVING count(DISTINCT e.currency) = 1;

-- prepared applied: one row per ledger row that lowers or raises an invoice, in the invoice's currency; an invoice against itself below 0 was paid at the counter
SELECT * EXCLUDE (summed, before), CAST(round(amount * 1000) AS BIGINT) AS cents FROM (
    SELECT * REPLACE (CASE WHEN is_converted THEN round(summed, 2) - round(before, 2) ELSE amount END AS amount)
    FROM (
        SELECT e.* REPLACE (CASE WHEN o.against IS NULL THEN e.currency ELSE o.invoice_currency END AS currency),
            o.against IS NOT NULL AS is_converted, e.amount AS account_amount, e.currency AS account_currency,
            sum(e.amount * o.total / o.amount) OVER so_far AS summed,
            coalesce(sum(e.amount * o.total / o.amount) OVER before_it, 0) AS before,
            r.name AS return_name, r.issued_on AS return_issued_on, p.method, e.against = e.voucher AS is_counter,
            row_number() OVER (PARTITION BY e.voucher ORDER BY e.entry_id) AS nth,
            count(*) OVER (PARTITION BY e.voucher) AS parts
        FROM ledger_entries e LEFT JOIN sales_invoices r ON r.name = e.voucher AND r.is_return
        LEFT JOIN payment_entries p ON p.name = e.voucher
        LEFT JOIN own o ON o.against = e.against AND o.currency = e.currency AND o.invoice_currency <> e.currency
        WHERE e.against_type = 'Sales Invoice' AND e.amount <> 0
            AND (e.against <> e.voucher OR (e.voucher_type = 'Sales Invoice' AND e.amount < 0 AND r.name IS NULL))
            AND NOT (coalesce(is_delinked, false) AND (e.amount > 0 OR e.voucher_type = 'Sales Invoice'))
        WINDOW so_far AS (PARTITION BY e.against, coalesce(is_delinked, false) ORDER BY e.on_day, e.entry_id
                ROWS UNBOUNDED PRECEDING),
            before_it AS (PARTITION BY e.against, coalesce(is_delinked, false) ORDER BY e.on_day, e.entry_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ));

-- prepared loose: one row per ledger row of money that is applied to no invoice
SELECT e.*, p.method, e.voucher || '~rest' || CASE WHEN row_number() OVER same > 1 THEN '-' || e.entry_id ELSE '' END
    AS payment_id
FROM ledger_entries e LEFT JOIN payment_entries p ON p.name = e.voucher
WHERE voucher_type <> 'Sales Invoice' AND (against = voucher OR against_type <> 'Sales Invoice') AND amount <> 0
    AND NOT (coalesce(is_delinked, false) AND amount > 0)
WINDOW same AS (PARTITION BY voucher ORDER BY coalesce(is_delinked, false), entry_id);

-- prepared returns: one row per return, with what no invoice got of it
SELECT i.*, CAST(round(abs(i.amount) * 1000) AS BIGINT) AS cents,
    CAST(round(abs(i.amount) * 1000) AS BIGINT) + coalesce((SELECT sum(cents) FROM applied a
        WHERE a.voucher = i.name), 0) AS rest
FROM sales_invoices i WHERE is_return;

-- table customers: one row per customer that the source names
SELECT file, line, false AS is_inferred, customer_id, customer_name AS name, industry,
    group_name AS segment,
    customer_type = 'Individual' AS is_natural_person FROM customer_list
UNION ALL
SELECT NULL, NULL, true, customer_id, mode(customer_name ORDER BY customer_name), NULL, NULL, NULL
    FROM sales_invoices
WHERE customer_id IS NOT NULL AND reasons IS NULL AND customer_id NOT IN (SELECT customer_id
    FROM customer_list WHERE customer_id IS NOT NULL)
GROUP BY customer_id;

-- table invoices: one row per invoice and per credit note
SELECT file, line, name AS invoice_id, customer_id, 'invoice' AS kind, issued_on, coalesce(due_on,
    issued_on) AS due_on, amount, currency,
    NULL AS applies_to, terms AS payment_terms, created_on AS booked_on FROM sales_invoices
        WHERE NOT coalesce(is_return, false)
UNION ALL
SELECT file, line, voucher || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END, customer_id,
    'credit_note', return_issued_on,
    return_issued_on, -amount, currency, against, NULL, coalesce(created_on, on_day) FROM applied
        WHERE return_name IS NOT NULL AND cents < 0
UNION ALL
SELECT file, line, name || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id, 'credit_note',
    issued_on, issued_on, rest / 1000,
    currency, return_against, terms, created_on FROM returns WHERE rest > 0 OR cents = 0;

-- table instalments: one row per instalment of an invoice that has several
SELECT file, line, parent AS invoice_id, row_number() OVER (PARTITION BY parent ORDER BY due_on, line) AS number,
    due_on, amount, NULL::DATE AS booked_on
FROM payment_schedule WHERE parent IN (SELECT name FROM sales_invoices WHERE NOT coalesce(is_return, false))
QUALIFY count(*) OVER (PARTITION BY parent) > 1;

-- table payments: one row per payment, or per part of one that is applied to an invoice
SELECT file, line, voucher || '~' || entry_id AS payment_id, customer_id, against AS invoice_id,
    on_day AS paid_on, abs(amount) AS amount,
    currency, CASE WHEN is_counter THEN 'POS' ELSE coalesce(method, voucher_type) END AS method, CASE WHEN
        amount > 0 THEN 'reversal'
        ELSE 'payment' END AS kind, created_on AS booked_on
FROM applied WHERE return_name IS NULL
UNION ALL
SELECT file, line, payment_id, customer_id, NULL, on_day, abs(amount), currency,
    coalesce(method, voucher_type), CASE WHEN amount > 0 THEN 'refund' ELSE 'payment' END, created_on
FROM loose
UNION ALL
SELECT file, line, voucher || '~' || entry_id || ':delinked', customer_id, against, modified_on,
    abs(amount), currency, coalesce(method, voucher_type), 'reversal', modified_on
FROM applied WHERE return_name IS NULL AND is_delinked
UNION ALL
SELECT file, line, payment_id || ':delinked', customer_id, NULL, modified_on, abs(amount), currency,
    coalesce(method, voucher_type), 'reversal', modified_on
FROM loose WHERE is_delinked;
