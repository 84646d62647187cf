-- Datarisk payment case (Brazil): how its rows become rows of the ledger.

-- prepared numbered: one row per billing, with an id made of its content
SELECT *, 'D' || left(md5(concat_ws('|', customer_id, issued_on, due_on, printf('%.2f', amount),
    coalesce(printf('%.4f', rate), ''))), 20)
    || '-' || row_number() OVER (PARTITION BY customer_id, issued_on, due_on, round(amount * 1000),
        rate ORDER BY paid_on NULLS LAST, file, line) AS invoice_id,
    count(*) OVER (PARTITION BY customer_id, issued_on, due_on, round(amount * 1000), rate) AS alike
FROM items;

-- table customers: one row per customer that the source names
SELECT file, line, customer_id, 'BR' AS country, industry, segment, coalesce(is_natural_person, false) AS
    is_natural_person, onboarded_on FROM master;

-- table invoices: one row per billing
SELECT file, line, invoice_id, customer_id, 'invoice' AS kind, issued_on, due_on, amount,
    getvariable('currency') AS currency, 'rate ' || CAST(rate AS VARCHAR) AS payment_terms FROM numbered;

-- table payments: one row per billing that was paid
SELECT file, line, invoice_id || ':paid' AS payment_id, customer_id, invoice_id, paid_on, amount,
    getvariable('currency') AS currency, 'payment' AS kind FROM numbered WHERE paid_on IS NOT NULL;

-- table attributes: one row per customer, fact and month
SELECT file, line, customer_id, 'monthly_revenue' AS name, CAST(month - INTERVAL 1 DAY AS DATE) AS observed_on,
    CAST(revenue AS VARCHAR) AS value, last_day(month) AS booked_on FROM facts WHERE revenue IS NOT NULL UNION
    ALL SELECT file, line, customer_id, 'head_count', month, CAST(CAST(head_count AS BIGINT) AS VARCHAR),
    last_day(month) FROM facts WHERE head_count IS NOT NULL;
