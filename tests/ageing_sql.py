"""An ageing written independently in SQL, over a ledger physically cut at the day: no code of ours computes a number.

A running total with write-offs of "all that is left" is a max-plus recursion; over an invoice's rows 1..n in order it is
max(sum of all, max over each such write-off k of amount + sum of what follows k), which plain SQL can say.
"""

from __future__ import annotations

from datetime import date

import duckdb
import pandas as pd

from ledger.ledger import Ledger

CUT = """
    CREATE TABLE {name} AS SELECT * EXCLUDE (superseded_on) FROM given
    WHERE {event} AND {known} AND (superseded_on IS NULL OR superseded_on > $1)
"""
TABLES = {
    "invoices": "issued_on", "payments": "paid_on", "events": "occurred_on", "instalments": None,
}  # fmt: skip
ITEMS = """
    CREATE TABLE rated AS
        SELECT i.*, CAST(round_even(i.amount * 100, 0) AS BIGINT) AS cents,
               CASE WHEN i.currency = $reporting THEN CAST(round_even(i.amount * 100, 0) AS BIGINT)
                    ELSE CAST(round_even(i.amount * 100 * r.rate, 0) AS BIGINT) END AS reported
        FROM invoices i ASOF LEFT JOIN rates r ON i.currency = r.currency AND i.issued_on >= r.observed_on;
    CREATE TABLE moves AS
        SELECT invoice_id, paid_on AS day, 1 AS kind, 0 AS place, false AS is_rest,
               CASE WHEN kind IN ('reversal', 'refund') THEN -1 ELSE 1 END * CAST(round_even(amount * 100, 0) AS BIGINT) AS cents
        FROM payments WHERE invoice_id IN (SELECT invoice_id FROM rated WHERE kind = 'invoice')
        UNION ALL
        SELECT applies_to, issued_on, 1, 0, false, cents FROM rated
        WHERE kind = 'credit_note' AND applies_to IN (SELECT invoice_id FROM rated WHERE kind = 'invoice')
        UNION ALL
        SELECT invoice_id, occurred_on, 2, row_number() OVER (), amount IS NULL,
               coalesce(CAST(round_even(amount * 100, 0) AS BIGINT), 0)
        FROM events WHERE kind = 'write_off' AND invoice_id IN (SELECT invoice_id FROM rated WHERE kind = 'invoice');
    CREATE TABLE totals AS
        WITH ordered AS (
            SELECT *, sum(cents) OVER (PARTITION BY invoice_id ORDER BY day, kind, place ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS follows
            FROM (SELECT invoice_id, day, kind, place, is_rest, sum(cents) AS cents FROM moves GROUP BY ALL)
        )
        SELECT invoice_id, sum(cents) AS plain, max(CASE WHEN is_rest THEN coalesce(follows, 0) END) AS after_rest
        FROM ordered GROUP BY 1;
    CREATE TABLE state AS
        SELECT i.invoice_id, i.customer_id, i.currency, i.due_on, i.cents, i.reported,
               greatest(coalesce(t.plain, 0), coalesce(i.cents + t.after_rest, coalesce(t.plain, 0))) AS allocated
        FROM rated i LEFT JOIN totals t USING (invoice_id) WHERE i.kind = 'invoice';
    CREATE TABLE disputes AS
        SELECT invoice_id, max_by(kind = 'dispute_opened', (occurred_on, CASE kind WHEN 'dispute_opened' THEN 0 ELSE 1 END)) AS is_disputed
        FROM events WHERE kind IN ('dispute_opened', 'dispute_closed') AND invoice_id IS NOT NULL GROUP BY 1;
    CREATE TABLE whole AS
        SELECT s.*, coalesce(d.is_disputed, false) AS is_disputed,
               CASE WHEN allocated >= greatest(cents - 1, 1) THEN 0 ELSE cents - allocated END AS open_cents,
               CASE WHEN allocated >= greatest(cents - 1, 1) THEN greatest(allocated - cents, 0) ELSE 0 END AS excess
        FROM state s LEFT JOIN disputes d USING (invoice_id);
    CREATE TABLE parts AS
        SELECT n.invoice_id, n.number, n.due_on,
               sum(CAST(round_even(n.amount * 100, 0) AS BIGINT)) OVER (PARTITION BY n.invoice_id ORDER BY n.due_on, n.number) AS until_here
        FROM instalments n;
    CREATE TABLE items AS
        WITH lefts AS (
            SELECT w.*, p.due_on AS part_due, p.number, p.until_here,
                   CASE WHEN p.number IS NULL THEN open_cents ELSE greatest(p.until_here - w.allocated, 0) END AS left_until
            FROM whole w LEFT JOIN parts p ON p.invoice_id = w.invoice_id AND w.open_cents <> 0
        ), opened AS (
            SELECT *, left_until - coalesce(lag(left_until) OVER w, 0) AS own_left,
                   until_here - coalesce(lag(until_here) OVER w, 0) AS part
            FROM lefts WINDOW w AS (PARTITION BY invoice_id ORDER BY part_due, number)
        ), pieces AS (  -- a cent of an instalment is within the tolerance, as a cent of an invoice is
            SELECT * EXCLUDE (own_left), CASE WHEN part > 1 AND own_left <= 1 THEN 0 ELSE own_left END AS own_left FROM opened
        )
        SELECT customer_id, invoice_id, currency, is_disputed, coalesce(part_due, due_on) AS due_on,
               own_left AS open_cents,
               CAST(round_even(own_left * (CASE WHEN cents = reported THEN 1.0 ELSE CAST(reported AS DOUBLE) / cents END), 0) AS BIGINT) AS reported_open,
               CASE WHEN row_number() OVER w = 1 THEN excess ELSE 0 END AS excess,
               CASE WHEN row_number() OVER w = 1 THEN CAST(round_even(excess * (CASE WHEN cents = reported THEN 1.0 ELSE CAST(reported AS DOUBLE) / cents END), 0) AS BIGINT) ELSE 0 END AS reported_excess
        FROM pieces WINDOW w AS (PARTITION BY invoice_id ORDER BY part_due, number);
    CREATE TABLE loose AS
        SELECT p.customer_id, p.currency,
               CASE WHEN kind IN ('reversal', 'refund') THEN -1 ELSE 1 END * CAST(round_even(p.amount * 100, 0) AS BIGINT) AS cents,
               CASE WHEN kind IN ('reversal', 'refund') THEN -1 ELSE 1 END * CAST(round_even(p.amount * 100 * CASE WHEN p.currency = $reporting THEN 1 ELSE r.rate END, 0) AS BIGINT) AS reported
        FROM payments p ASOF LEFT JOIN rates r ON p.currency = r.currency AND p.paid_on >= r.observed_on
        WHERE (p.invoice_id IS NULL OR p.invoice_id NOT IN (SELECT invoice_id FROM rated WHERE kind = 'invoice'))
          AND p.kind NOT IN ('bill', 'discount', 'exchange_difference', 'undated')  -- no cash of an invoice not yet held
        UNION ALL
        SELECT customer_id, currency, cents, reported FROM rated
        WHERE kind = 'credit_note' AND (applies_to IS NULL OR applies_to NOT IN (SELECT invoice_id FROM rated WHERE kind = 'invoice'));
    CREATE TABLE drafts AS
        SELECT p.customer_id, p.currency, CAST(round_even(p.amount * 100, 0) AS BIGINT) AS cents,
               CAST(round_even(p.amount * 100 * CASE WHEN p.currency = $reporting THEN 1 ELSE r.rate END, 0) AS BIGINT) AS reported
        FROM payments p ASOF LEFT JOIN rates r ON p.currency = r.currency AND p.paid_on >= r.observed_on
        WHERE p.kind = 'bill' AND coalesce(p.matures_on > $at, true) AND NOT EXISTS (
            SELECT 1 FROM payments b WHERE b.kind = 'reversal' AND b.invoice_id = p.invoice_id AND round(b.amount * 100) = round(p.amount * 100));
    CREATE TABLE merged AS
        WITH RECURSIVE step AS (
            SELECT customer_id, detail AS owner FROM events WHERE kind = 'merged_into'
        ), chain AS (
            SELECT customer_id, owner FROM step
            UNION SELECT c.customer_id, s.owner FROM chain c JOIN step s ON s.customer_id = c.owner
        )
        SELECT customer_id, owner FROM chain WHERE owner NOT IN (SELECT customer_id FROM step);
    CREATE TABLE master AS
        WITH RECURSIVE up AS (
            SELECT customer_id, customer_id AS top, parent_id FROM customers
            UNION ALL SELECT u.customer_id, u.parent_id, c.parent_id FROM up u JOIN customers c ON c.customer_id = u.parent_id
        )
        SELECT c.customer_id, c.country, c.segment, c.industry, u.top AS group_id
        FROM customers c JOIN up u ON u.customer_id = c.customer_id AND u.parent_id IS NULL;
    CREATE TABLE book AS
        SELECT coalesce(m.owner, b.customer_id) AS customer_id, b.* EXCLUDE (customer_id) FROM (
            SELECT customer_id, currency, is_disputed, due_on, open_cents, reported_open, excess, reported_excess,
                   0 AS loose, 0 AS reported_loose, 0 AS draft, 0 AS reported_draft FROM items
            UNION ALL SELECT customer_id, currency, false, NULL, 0, 0, 0, 0, cents, reported, 0, 0 FROM loose
            UNION ALL SELECT customer_id, currency, false, NULL, 0, 0, 0, 0, 0, 0, cents, reported FROM drafts
        ) b LEFT JOIN merged m ON m.customer_id = b.customer_id;
"""
KEYS = {
    "customer": "b.customer_id", "group": "m.group_id", "country": "coalesce(m.country, 'not given')",
    "segment": "coalesce(m.segment, 'not given')", "industry": "coalesce(m.industry, 'not given')",
    "currency": "b.currency",
}  # fmt: skip
ROWS = """
    WITH b AS (
        SELECT {key} AS key, {currency} AS currency, {open} AS open, {excess} AS excess, {loose} AS loose, {draft} AS draft,
               is_disputed, greatest(date_diff('day', CAST(due_on AS DATE), CAST($1 AS DATE)), 0) AS late
        FROM book b JOIN master m USING (customer_id)
    )
    SELECT key, currency,
        sum(open) FILTER (NOT is_disputed AND late = 0) AS current, sum(open) FILTER (NOT is_disputed AND late BETWEEN 1 AND 30) AS "1_30",
        sum(open) FILTER (NOT is_disputed AND late BETWEEN 31 AND 60) AS "31_60", sum(open) FILTER (NOT is_disputed AND late BETWEEN 61 AND 90) AS "61_90",
        sum(open) FILTER (NOT is_disputed AND late > 90) AS over_90, sum(open) FILTER (is_disputed) AS disputed, sum(open) AS open,
        sum(loose) AS unapplied, sum(excess) AS overpaid, sum(open) - sum(loose) - sum(excess) AS net, sum(draft) AS bills
    FROM b GROUP BY ALL
"""
AMOUNTS = ["current", "1_30", "31_60", "61_90", "over_90", "disputed", "open", "unapplied", "overpaid", "net", "bills"]


def cut_book(ledger: Ledger, as_of: date, reporting: str) -> duckdb.DuckDBPyConnection:
    """Return a connection that holds only the rows of the day, and the table `book` made of them."""
    connection = duckdb.connect()
    for name, event in TABLES.items():
        connection.register("given", ledger[name])
        happened = f"{event} <= $1" if event else "true"
        held = f"coalesce(booked_on, {event}) <= $1" if event else "coalesce(booked_on <= $1, true)"
        connection.execute(CUT.format(name=name, event=happened, known=held), [as_of])
        connection.unregister("given")
    connection.register("given", ledger["exchange_rates"])
    connection.execute("CREATE TABLE rates AS SELECT * FROM given")
    connection.unregister("given")
    connection.register("given", ledger.customers)
    connection.execute("CREATE TABLE customers AS SELECT * FROM given")
    for statement in ITEMS.split(";"):
        if statement.strip():
            values = {"reporting": reporting, "at": as_of}
            used = {name: value for name, value in values.items() if f"${name}" in statement}
            connection.execute(statement, used) if used else connection.execute(statement)
    return connection


def ageing_sql(book: duckdb.DuckDBPyConnection, as_of: date, by: str, reporting: str | None) -> pd.DataFrame:
    """Return whole cents by (key, currency): the columns AMOUNTS, rows that are not all zero."""
    kind = {"currency": f"'{reporting}'", "open": "reported_open", "excess": "reported_excess", "loose": "reported_loose", "draft": "reported_draft"}  # fmt: skip
    if reporting is None:
        kind = {"currency": "b.currency", "open": "open_cents", "excess": "excess", "loose": "loose", "draft": "draft"}
    found = book.execute(ROWS.format(key=KEYS[by], **kind), [as_of]).df()
    found = found.set_index(["key", "currency"]).fillna(0).astype("int64")
    return found[(found != 0).any(axis=1)].sort_index()[AMOUNTS]
