-- UCI default of credit card clients (Taiwan, 2005): how its rows become rows of the ledger.

-- prepared statements: one row per customer and month, with its statement and payment
SELECT file, line, customer_id, 1 AS number, customer_id || '-2005-09' AS invoice_id, DATE '2005-09-30' AS
    issued_on, balance_1 AS balance, paid_1 AS paid, status_1 AS status FROM cards UNION ALL SELECT file, line,
    customer_id, 2 AS number, customer_id || '-2005-08' AS invoice_id, DATE '2005-08-31' AS issued_on, balance_2
    AS balance, paid_2 AS paid, status_2 AS status FROM cards UNION ALL SELECT file, line, customer_id, 3 AS
    number, customer_id || '-2005-07' AS invoice_id, DATE '2005-07-31' AS issued_on, balance_3 AS balance,
    paid_3 AS paid, status_3 AS status FROM cards UNION ALL SELECT file, line, customer_id, 4 AS number,
    customer_id || '-2005-06' AS invoice_id, DATE '2005-06-30' AS issued_on, balance_4 AS balance, paid_4 AS
    paid, status_4 AS status FROM cards UNION ALL SELECT file, line, customer_id, 5 AS number, customer_id ||
    '-2005-05' AS invoice_id, DATE '2005-05-31' AS issued_on, balance_5 AS balance, paid_5 AS paid, status_5 AS
    status FROM cards UNION ALL SELECT file, line, customer_id, 6 AS number, customer_id || '-2005-04' AS
    invoice_id, DATE '2005-04-30' AS issued_on, balance_6 AS balance, paid_6 AS paid, status_6 AS status FROM cards;

-- prepared months: one row per customer and month in the ledger's terms
SELECT s.*, p.invoice_id AS paid_invoice, p.balance - s.paid AS carried FROM statements s LEFT JOIN statements p
    ON p.file = s.file AND p.line = s.line AND p.number = s.number + 1 AND p.balance > 0;

-- table customers: one row per customer that the source names
SELECT file, line, customer_id, true AS is_natural_person FROM cards;

-- table invoices: one row per statement
SELECT file, line, invoice_id, customer_id, 'invoice' AS kind, issued_on, issued_on + 20 AS
    due_on,
    balance AS amount, getvariable('currency') AS currency FROM statements WHERE balance > 0;

-- table payments: one row per payment of a month
SELECT file, line, customer_id || '-paid-' || strftime(issued_on, '%Y-%m') AS payment_id, customer_id,
    paid_invoice AS invoice_id, date_trunc('month', issued_on) + INTERVAL 19 DAY AS paid_on, paid AS amount,
    getvariable('currency') AS currency, 'payment' AS kind
FROM months WHERE paid > 0
UNION ALL
SELECT file, line, customer_id || '-carried-' || strftime(issued_on, '%Y-%m'), customer_id, paid_invoice,
    issued_on, carried, getvariable('currency'), 'netting' FROM months WHERE carried > 0;

-- table credit_terms: one row per customer: its credit limit
SELECT file, line, customer_id, DATE '2005-04-01' AS effective_on, credit_limit FROM cards;

-- table attributes: one row per customer, fact and month
SELECT file, line, customer_id, 'repayment_status' AS name, issued_on AS observed_on,
    CAST(status AS VARCHAR) AS value FROM statements
UNION ALL
SELECT file, line, customer_id, 'statement_balance', issued_on, printf('%.2f', balance)
    FROM statements;

-- table events: one row per customer that defaulted
SELECT file, line, customer_id || '-default' AS event_id, customer_id, DATE '2005-10-31' AS occurred_on,
    'write_off' AS kind, 'default payment next month: the label of the set' AS detail
FROM cards WHERE has_defaulted;
