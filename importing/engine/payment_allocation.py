"""What becomes of money that names no invoice: it stays unapplied, or goes by a stated policy, explicit references first.

`oldest_due_first` does what a cashier does on the day on which the payment is booked: of the customer's invoices in the
payment's currency that the books hold on that day and that were issued by the day of payment, each less all that named
it by then, the oldest due is paid first, in whole cents; what is left over stays unapplied. Later rows never change how
a payment was laid, so a delta gives what the whole export gives, and a payment that was laid once stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from importing.engine.format import Format
from importing.engine.report import UNITS, money
from ledger.currency_codes import minor_sql, units_sql
from ledger.settlement import ALL_THAT_IS_LEFT, SIGNS, TOLERANCE
from ledger.validation import quoted

UNAPPLIED, OLDEST_DUE_FIRST = "unapplied", "oldest_due_first"
POLICIES = (UNAPPLIED, OLDEST_DUE_FIRST)
BACK = ", ".join(quoted(kind) for kind, sign in SIGNS.items() if sign < 0)
DOCUMENT = "regexp_replace(payment_id, '~[^~]*$', '')"  # a payment's id without the part that a row of it is
IS_OPEN, EXPLICIT, POOL = range(3)  # on one day: what is issued, then what names its invoice, then what names none


def lay(connection: duckdb.DuckDBPyConnection, fmt: Format, existing: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rebuild draft_payments, allocating payments without a reference to open invoices; return the inferences made."""
    if "payments" not in fmt.tables or fmt.whole_invoices:
        return []  # on whole invoices each payment stands on the row of its invoice
    _given(connection, fmt, existing)
    _kept(connection, existing)
    invoices = connection.sql(
        "SELECT n, grp, known, issued, cents FROM cashier_open_invoices ORDER BY n"
    ).to_arrow_table()
    steps = connection.sql(STEPS).to_arrow_table()
    amounts, issued = _arrays(invoices, "cents", "issued")
    group, kind, number, cents, paid = _arrays(steps, "grp", "class", "n", "cents", "paid")
    pool, on_invoice, laid = _laid(group, kind, number, cents, paid, amounts, issued, _groups(invoices))
    connection.register("laid_arrays", pa.table({"pool": pool, "n": on_invoice, "cents": laid}))
    connection.execute("CREATE TABLE cashier_laid AS SELECT * FROM laid_arrays")
    connection.unregister("laid_arrays")
    _drafts_anew(connection)
    sums = connection.execute(
        "SELECT currency, count(DISTINCT payment_id), CAST(sum(l.cents) AS BIGINT), min(payment_id) FROM (SELECT pool, "
        "cents FROM cashier_laid UNION ALL SELECT pool, cents FROM cashier_kept WHERE invoice_id IS NOT NULL) l "
        "JOIN cashier_pool p ON p.n = l.pool GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [
        {
            "what": f"payments that name no invoice, laid on the customer's open invoices, oldest due first (allocation "
            f"{OLDEST_DUE_FIRST}): {money(cents, currency)} {currency}",
            "rows": rows,
            "example": example,
        }
        for currency, rows, cents, example in sums
    ]


def _given(connection: duckdb.DuckDBPyConnection, fmt: Format, existing: Mapping[str, str]) -> None:
    """Make `pool` (payments to lay), `open_invoices` (numbered by group and age) and `named` (explicit references)."""
    kind = connection.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_name = 'draft_payments'"
    ).fetchall()[0][0]
    connection.execute(f"ALTER {'VIEW' if kind == 'VIEW' else 'TABLE'} draft_payments RENAME TO given_payments")
    connection.execute(f"""
        CREATE TABLE cashier_pool AS SELECT row_number() OVER (ORDER BY known, paid_on, payment_id) - 1 AS n, *
        FROM (SELECT file, line, payment_id, customer_id, currency, paid_on, booked_on, CAST({UNITS} AS BIGINT) AS cents,
                  -- what a source leaves of a payment that it split is known to be left when its last part is
                  greatest(booked_on, paid_on, last_known) AS known
              FROM given_payments ANTI JOIN bad USING (file, line) LEFT JOIN (
                  SELECT {DOCUMENT} AS document, max(greatest(booked_on, paid_on)) AS last_known FROM given_payments
                  GROUP BY 1) d ON d.document = {DOCUMENT}
              WHERE invoice_id IS NULL AND kind = 'payment')
    """)

    def rows(name: str, draft: str, key: str) -> str:
        """Return SQL of a table's rows after the import: the drafts, and what the ledger has besides."""
        accepted = f"SELECT * FROM {draft} ANTI JOIN bad USING (file, line)"
        parts = [accepted] if name in fmt.tables else []
        if name in existing:
            parts.append(
                f"SELECT * FROM {existing[name]}" + (f" ANTI JOIN ({accepted}) USING ({key})" if parts else "")
            )
        return f"({' UNION ALL BY NAME '.join(parts)})" if parts else ""

    invoices = rows("invoices", "draft_invoices", "invoice_id")
    payments, events = rows("payments", "given_payments", "payment_id"), rows("events", "draft_events", "event_id")
    own = "(customer_id, currency) IN (SELECT (customer_id, currency) FROM cashier_pool)"
    if not invoices:
        invoices = (
            "(SELECT NULL::VARCHAR AS invoice_id, NULL::VARCHAR AS customer_id, '' AS kind, NULL::DATE AS issued_on, "
        )
        invoices += (
            "NULL::DATE AS due_on, 0.0 AS amount, '' AS currency, NULL::VARCHAR AS applies_to, NULL::DATE AS booked_on)"
        )
    connection.execute(f"""
        CREATE TABLE cashier_open_invoices AS SELECT row_number() OVER (ORDER BY grp, due_on, issued_on, invoice_id) - 1 AS n, *
        FROM (SELECT dense_rank() OVER (ORDER BY customer_id, currency) - 1 AS grp, invoice_id, customer_id, currency,
                  due_on, issued_on, issued_on - DATE '1970-01-01' AS issued, greatest(issued_on, booked_on) AS known,
                  CAST({UNITS} AS BIGINT) AS cents
              FROM {invoices} WHERE kind = 'invoice' AND {own})
    """)
    signed = f"CASE WHEN kind IN ({BACK}) THEN -{UNITS} ELSE {UNITS} END"
    # what a policy laid before from a payment that comes again is not explicit: it is kept, or laid anew
    again = ""
    if "payments" in existing:
        forms = (
            f"SELECT id FROM ({_forms(existing['payments'])}) WHERE document IN (SELECT payment_id FROM cashier_pool)"
        )
        again = f" AND payment_id NOT IN ({forms})"
    parts = [
        f"SELECT invoice_id, greatest(booked_on, paid_on) AS known, CAST({signed} AS BIGINT) AS cents FROM {payments} "
        f"WHERE invoice_id IS NOT NULL{again}",
        f"SELECT applies_to, greatest(booked_on, issued_on), CAST({UNITS} AS BIGINT) FROM {invoices} WHERE kind = "
        "'credit_note' AND applies_to IS NOT NULL",
    ]
    if events:
        own = f"(SELECT invoice_id, any_value(currency) AS currency FROM {invoices} GROUP BY 1)"
        parts.append(
            f"SELECT invoice_id, greatest(booked_on, occurred_on), coalesce({UNITS}, {ALL_THAT_IS_LEFT}) "
            f"FROM {events} JOIN {own} c USING (invoice_id) WHERE kind = 'write_off'"
        )
    connection.execute(
        f"CREATE TABLE cashier_named AS SELECT n, grp, e.known, e.cents FROM ({' UNION ALL '.join(parts)}) e JOIN cashier_open_invoices "
        "USING (invoice_id)"
    )


STEPS = f"""
    SELECT CAST(grp AS BIGINT) AS grp, CAST(class AS TINYINT) AS class, CAST(n AS BIGINT) AS n, cents,
        CAST(paid AS INTEGER) AS paid
    FROM (
        SELECT grp, known, {IS_OPEN} AS class, n, 0::BIGINT AS cents, 0 AS paid FROM cashier_open_invoices
        UNION ALL SELECT grp, known, {EXPLICIT}, n, cents, 0 FROM cashier_named
        UNION ALL SELECT g.grp, p.known, {POOL}, p.n, p.cents, p.paid_on - DATE '1970-01-01' FROM cashier_pool p
            JOIN (SELECT DISTINCT customer_id, currency, grp FROM cashier_open_invoices) g USING (customer_id, currency)
            WHERE p.n NOT IN (SELECT pool FROM cashier_kept)
        UNION ALL SELECT i.grp, p.known, {EXPLICIT}, i.n, k.cents, 0 FROM cashier_kept k JOIN cashier_pool p ON p.n = k.pool
            JOIN cashier_open_invoices i USING (invoice_id)
    ) ORDER BY grp, known, class, n, cents
"""


def _forms(payments: str) -> str:
    """SQL of (document, id): what the id of a payment in the ledger may be a part of, as `_drafts_anew` names parts."""
    return (
        f"SELECT payment_id AS document, payment_id AS id FROM {payments} "
        f"UNION ALL SELECT regexp_replace(payment_id, '~([0-9]+|rest)$', ''), payment_id FROM {payments} "
        "WHERE regexp_matches(payment_id, '~([0-9]+|rest)$') "
        f"UNION ALL SELECT regexp_replace(payment_id, '-[0-9]+$', ''), payment_id FROM {payments} "
        "WHERE regexp_matches(payment_id, '~[^~]*-[0-9]+$')"
    )


def _kept(connection: duckdb.DuckDBPyConnection, existing: Mapping[str, str]) -> None:
    """Make `kept` (pool, id, invoice_id, cents): what the ledger laid before of a payment that is the same now."""
    if "payments" not in existing:
        connection.execute(
            "CREATE TABLE cashier_kept (pool BIGINT, id VARCHAR, invoice_id VARCHAR, cents BIGINT, booked_on DATE)"
        )
        return
    connection.execute(f"""
        CREATE TABLE cashier_forms AS SELECT p.n AS pool, p.cents AS whole, p.paid_on AS day, e.payment_id AS id, e.invoice_id,
            e.paid_on, {minor_sql("e.amount", "e.currency")} AS cents, e.booked_on
        FROM cashier_pool p JOIN ({_forms(existing["payments"])}) f ON f.document = p.payment_id
            JOIN {existing["payments"]} e ON e.payment_id = f.id
    """)
    connection.execute("""
        CREATE TABLE cashier_kept AS SELECT pool, id, invoice_id, cents, booked_on FROM cashier_forms WHERE pool IN (
            SELECT pool FROM cashier_forms GROUP BY pool HAVING sum(cents) = any_value(whole) AND count(invoice_id) > 0
                AND bool_and(paid_on = day))
    """)


def _drafts_anew(connection: duckdb.DuckDBPyConnection) -> None:
    """`draft_payments`: the given rows, those of the pool split into what was laid and what is left."""
    part = "p.payment_id || CASE WHEN contains(p.payment_id, '~') THEN '-' ELSE '~' END || l.nth"
    rest = "p.payment_id || CASE WHEN contains(p.payment_id, '~') THEN '' ELSE '~rest' END"
    connection.execute(f"""
        CREATE TABLE cashier_split AS
        SELECT l.pool, {part} AS id, i.invoice_id, l.cents, greatest(p.booked_on, p.known) AS booked_on
        FROM (SELECT *, row_number() OVER (PARTITION BY pool ORDER BY n) AS nth FROM cashier_laid) l JOIN cashier_pool p ON p.n = l.pool
            JOIN cashier_open_invoices i ON i.n = l.n
        UNION ALL
        SELECT p.n, {rest}, NULL, p.cents - s.cents, p.booked_on FROM cashier_pool p JOIN (SELECT pool, CAST(sum(cents) AS BIGINT) AS
            cents FROM cashier_laid GROUP BY 1) s ON s.pool = p.n WHERE p.cents > s.cents
        UNION ALL SELECT pool, id, invoice_id, cents, booked_on FROM cashier_kept
    """)
    connection.execute(f"""
        CREATE VIEW draft_payments AS
        SELECT * FROM given_payments WHERE (file, line, payment_id) NOT IN (
            SELECT (file, line, payment_id) FROM cashier_pool WHERE n IN (SELECT pool FROM cashier_split))
        UNION ALL BY NAME
        SELECT g.* REPLACE (s.id AS payment_id, s.invoice_id AS invoice_id, s.cents / {units_sql("g.currency")} AS amount,
            s.booked_on AS booked_on)
        FROM given_payments g JOIN cashier_pool p USING (file, line, payment_id) JOIN cashier_split s ON s.pool = p.n
    """)


def _groups(invoices: pa.Table) -> NDArray[np.int64]:
    """Return where each group's invoices begin, and the end; invoices are numbered by group."""
    groups = invoices["grp"].to_numpy()
    return np.searchsorted(groups, np.arange((groups.max() if len(groups) else -1) + 2)).astype(np.int64)


def _arrays(table: pa.Table, *names: str) -> list[NDArray[Any]]:
    return [table[name].combine_chunks().to_numpy(zero_copy_only=False) for name in names]


@njit(cache=True, nogil=True)
def _laid(group, kind, number, cents, paid, amounts, issued, start):  # type: ignore[no-untyped-def]
    """Return (payment, invoice, cents) of each allocation; steps come sorted by group, day, class and number."""
    left, is_known = amounts.copy(), np.zeros(len(amounts), dtype=np.bool_)
    payments, invoices, money_laid = [np.int64(0)][:0], [np.int64(0)][:0], [np.int64(0)][:0]
    for s in range(len(group)):
        if kind[s] == IS_OPEN:
            is_known[number[s]] = True
        elif kind[s] == EXPLICIT:
            left[number[s]] = 0 if cents[s] == ALL_THAT_IS_LEFT else left[number[s]] - cents[s]
        else:
            rest = cents[s]
            for i in range(start[group[s]], start[group[s] + 1]):
                if rest == 0:
                    break
                if is_known[i] and left[i] > TOLERANCE and issued[i] <= paid[s]:
                    taken = min(rest, left[i])
                    left[i] -= taken
                    rest -= taken
                    payments.append(number[s])
                    invoices.append(np.int64(i))
                    money_laid.append(taken)
    return np.array(payments), np.array(invoices), np.array(money_laid)
