"""Which rows the ledger takes: the contract's own rules over the drafts, duplicates and references, with every reason.

A source row is taken whole or not at all: if one of the ledger rows made of it breaks a rule, all of them stay out.
"""

from __future__ import annotations

from typing import Any

import duckdb

from importing.engine.currencies import as_code, mapped_currencies, unknown_codes
from importing.engine.format import Format, is_projection
from ledger.contract import SQL_TYPES, TABLES
from ledger.odd_rows import money_rules

OTHER_LINE = "another line of the same document is left out"


def make_drafts(connection: duckdb.DuckDBPyConnection, fmt: Format) -> list[dict[str, Any]]:
    """Make `draft_TABLE` for each table of the format: every declared column, of its type, with file and line.

    Return the words and signs that were read as currencies, counted.
    """
    for name, sql in fmt.prepared.items():
        connection.execute(f"CREATE TABLE {name} AS {sql}")
    for name, sql in fmt.tables.items():
        table = TABLES[name]
        found = {row[0] for row in connection.execute(f"DESCRIBE {sql}").fetchall()}
        unknown = found - set(table.columns) - {"file", "line", "is_inferred"}
        if unknown:
            raise ValueError(f"format {fmt.name}: {name} has no columns {', '.join(sorted(unknown))}")
        columns = []
        for column, declared in table.columns.items():
            value = (
                f"CAST({column} AS {SQL_TYPES[declared.type]})"
                if column in found
                else f"CAST(NULL AS {SQL_TYPES[declared.type]})"
            )
            if column == "currency" and column in found:
                value = as_code(connection, value, name, sql)
            if column == table.known and table.event:
                value = f"coalesce({value}, CAST({table.event} AS DATE))"
            if "is_inferred" in found and declared.rule != "true" and not declared.required:
                # a row drawn from many source rows has no line for quarantine: a value that breaks a rule stays empty
                value = f"CASE WHEN NOT is_inferred OR {declared.rule.format(column=f'({value})')} THEN {value} END"
            columns.append(f"{value} AS {column}")
        inferred = "is_inferred" if "is_inferred" in found else "false AS is_inferred"
        kind = "VIEW" if is_projection(sql) and name != "customers" else "TABLE"
        connection.execute(
            f"CREATE {kind} draft_{name} AS SELECT file, line, {inferred}, {', '.join(columns)} FROM ({sql})"
        )
        if "is_inferred" in found:
            broken = [f"{c} IS NULL" for c, d in table.columns.items() if d.required]
            broken += [
                f"NOT ({d.rule.format(column=c)})" for c, d in table.columns.items() if d.required and d.rule != "true"
            ]
            connection.execute(f"DELETE FROM draft_{name} WHERE is_inferred AND ({' OR '.join(broken)})")
    return mapped_currencies(connection)


def name_customers(connection: duckdb.DuckDBPyConnection, fmt: Format, existing: dict[str, str]) -> int:
    """Give payments without a customer the one of their invoice; return how many."""
    lacking = "customer_id IS NULL AND invoice_id IS NOT NULL"
    if "payments" not in fmt.tables or fmt.whole_invoices:
        return 0
    count = int(connection.execute(f"SELECT count(*) FROM draft_payments WHERE {lacking}").fetchall()[0][0])
    if not count:
        return 0
    parts = ["SELECT invoice_id, customer_id FROM draft_invoices"] if "invoices" in fmt.tables else []
    parts += [f"SELECT invoice_id, customer_id FROM {existing['invoices']}"] if "invoices" in existing else []
    if not parts:
        return 0
    is_view = connection.execute("SELECT count(*) FROM duckdb_views() WHERE view_name = 'draft_payments'").fetchall()
    connection.execute(f"ALTER {'VIEW' if is_view[0][0] else 'TABLE'} draft_payments RENAME TO unnamed_payments")
    connection.execute(f"""
        CREATE TABLE draft_payments AS
        SELECT p.* REPLACE (coalesce(p.customer_id, i.customer_id) AS customer_id) FROM unnamed_payments p
        LEFT JOIN (SELECT invoice_id, any_value(customer_id) AS customer_id FROM ({" UNION ALL ".join(parts)}) GROUP BY 1) i
            ON i.invoice_id = p.invoice_id
    """)
    return count


def find_bad_rows(
    connection: duckdb.DuckDBPyConnection, fmt: Format, roles: dict[int, str], existing: dict[str, str]
) -> None:
    """Fill `bad` (file, line, reason): one row a source row and reason.

    existing : table -> SQL of the current rows of the ledger that is imported into (empty for a new ledger).
    """
    connection.execute("CREATE TABLE bad (file INTEGER, line BIGINT, reason VARCHAR)")
    for number, role in roles.items():
        connection.execute(
            f"INSERT INTO bad SELECT file, line, unnest(reasons) FROM typed_{number} WHERE reasons IS NOT NULL"
        )
        for predicate, reason in fmt.files[role].refuse:
            connection.execute(
                f"INSERT INTO bad SELECT file, line, '{_q(reason)}' FROM typed_{number} WHERE {predicate}"
            )
    connection.execute("CREATE TABLE unread AS SELECT DISTINCT file, line FROM bad")
    for name in fmt.tables:
        _break_rules(connection, name)
    for name in fmt.tables:
        # payments that stand on their invoice's row are as unique as it is
        if not (fmt.whole_invoices and name == "payments"):
            _break_key(connection, name)
    _give_nothing(connection, fmt, roles)
    _fall_together(connection, fmt, roles)
    _break_rates(connection, fmt, existing)
    if "exchange_rates" in fmt.tables and "exchange_rates" in existing:
        _revalue_history(connection, existing)
    while _break_references(connection, fmt, existing):
        _fall_together(connection, fmt, roles)
    _break_events(connection, fmt, existing)


def _break_rules(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    tests, cases = [], []
    for column, declared in TABLES[name].columns.items():
        if declared.required:
            tests.append(f"{column} IS NULL")
            # a value that could not be read has its reason already
            cases.append(f"CASE WHEN {column} IS NULL AND NOT is_unread THEN '{name}.{column} must not be empty' END")
        rule = declared.rule.format(column=column)
        if column == "currency":  # the few that are none, in place of all codes for each row
            unknown = ", ".join(f"'{_q(code)}'" for code in unknown_codes(connection, name))
            rule = f"currency NOT IN ({unknown})" if unknown else "true"
        if rule != "true":
            broken = f"({column} IS NOT NULL AND NOT coalesce({rule}, true))"
            tests.append(broken)
            cases.append(
                f"CASE WHEN {broken} THEN '{name}.{column} must be {_q(declared.words)} (found ''' || CAST({column} AS "
                f"VARCHAR) || ''')' END"
            )
    condition = " OR ".join(tests) or "false"
    connection.execute(f"""
        INSERT INTO bad SELECT DISTINCT file, line, unnest(list_filter([{", ".join(cases)}], lambda r: r IS NOT NULL))
        FROM (SELECT d.*, u.line IS NOT NULL AS is_unread
              FROM (SELECT * FROM draft_{name} WHERE NOT is_inferred AND ({condition})) d LEFT
                  JOIN unread u USING (file, line))
    """)


def _content(name: str) -> str:
    return ", ".join(c for c in TABLES[name].columns if c not in ("superseded_on", "booked_on"))


def _break_key(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Two rows of one key: a copy is refused once it is known; rows that contradict each other are all refused."""
    dated = ("effective_on", "booked_on") if name == "customers" else ()  # rows of a customer may differ in their days
    key = ", ".join((*TABLES[name].key, *dated))
    # numbers are quicker to group than texts; a chance equal hash only brings a row to the closer look below
    connection.execute(
        f"CREATE OR REPLACE TABLE repeats AS SELECT hash({key}) AS h FROM draft_{name} WHERE NOT is_inferred GROUP BY "
        f"1 HAVING count(*) > 1"
    )
    if not connection.execute("SELECT count(*) FROM repeats").fetchall()[0][0]:
        return
    connection.execute(f"""
        CREATE OR REPLACE TABLE repeated AS
        SELECT file, line, concat_ws(' ', {key}) AS key,
               count(*) OVER same AS copies, count(*) OVER whole AS rows,
               row_number() OVER (PARTITION BY {_content(name)} ORDER BY file, line) AS nth,
               first_value(line) OVER (PARTITION BY {_content(name)} ORDER BY file, line) AS first_line,
               min(line) OVER whole AS low, max(line) OVER whole AS high
        FROM draft_{name} ANTI JOIN bad USING (file, line)
        WHERE NOT is_inferred AND hash({key}) IN (SELECT h FROM repeats)
        WINDOW whole AS (PARTITION BY {key}), same AS (PARTITION BY {_content(name)})
    """)
    shown = f"{name}.{key}"
    connection.execute(f"""
        INSERT INTO bad
        SELECT DISTINCT file, line, CASE
            WHEN copies = rows THEN '{shown} stands in the file already with the same content (found ''' || key ||
                ''' first in line ' || first_line || ')'
            ELSE '{shown} stands more than once with different content (found ''' || key || ''' in lines ' || low ||
                ' to ' || high || ')' END
        FROM repeated WHERE rows > 1 AND (copies < rows OR nth > 1)
    """)


def _give_nothing(connection: duckdb.DuckDBPyConnection, fmt: Format, roles: dict[int, str]) -> None:
    if (
        any(is_projection(sql) and " WHERE " not in " ".join(sql.split()) for sql in fmt.tables.values())
        and len(set(roles.values())) == 1
    ):
        return  # one kind of file, and each of its rows gives a row
    drafts = " UNION ".join(f"SELECT file, line FROM draft_{name} WHERE NOT is_inferred" for name in fmt.tables)
    for number, role in roles.items():
        if not fmt.files[role].informs:
            connection.execute(f"""
                INSERT INTO bad SELECT file, line, 'gives no row of the ledger' FROM typed_{number} t
                WHERE reasons IS NULL AND NOT EXISTS (SELECT 1 FROM ({drafts}) d WHERE d.file = t.file
                    AND d.line = t.line)
                AND (file, line) NOT IN (SELECT (file, line) FROM bad)
            """)


def _fall_together(connection: duckdb.DuckDBPyConnection, fmt: Format, roles: dict[int, str]) -> None:
    """Refuse the other lines of a document of which one is refused: a part of it is not the document."""
    for number, role in roles.items():
        if (document := fmt.documents.get(role)) is not None:
            connection.execute(f"""
                INSERT INTO bad SELECT file, line, '{OTHER_LINE}' FROM typed_{number} ANTI JOIN bad USING (file, line)
                WHERE {document} IN (SELECT {document} FROM {role} JOIN bad USING (file, line))
            """)


def _break_references(connection: duckdb.DuckDBPyConnection, fmt: Format, existing: dict[str, str]) -> bool:
    """Refuse rows that refer to an invoice or a customer that is not there; True where there were any."""
    before = _count(connection)

    def accepted(name: str, columns: str) -> str:
        parts = []
        if name in fmt.tables:
            parts.append(f"SELECT {columns} FROM draft_{name} ANTI JOIN bad USING (file, line)")
        if name in existing:
            parts.append(f"SELECT {columns} FROM {existing[name]}")
        return (
            " UNION ALL ".join(parts) or f"SELECT {', '.join('NULL AS ' + c for c in columns.split(', '))} WHERE false"
        )

    named = "FROM draft_invoices WHERE kind = 'credit_note' AND applies_to IS NOT NULL"
    if "invoices" in fmt.tables and connection.execute(f"SELECT count(*) {named}").fetchall()[0][0]:
        connection.execute(f"""
            INSERT INTO bad SELECT DISTINCT file, line, 'the currency of a credit note must be its invoice''s ' ||
                i.currency || ' (found ''' || c.currency || ''')'
            FROM (SELECT * {named}) c JOIN ({accepted("invoices", "invoice_id, currency")}) i
                ON i.invoice_id = c.applies_to AND i.currency <> c.currency
            ANTI JOIN bad USING (file, line)
        """)
    if "payments" in fmt.tables:
        connection.execute("""
            INSERT INTO bad SELECT DISTINCT file, line, 'payments.customer_id must not be empty where no invoice is named'
            FROM draft_payments ANTI JOIN bad USING (file, line) WHERE customer_id IS NULL AND invoice_id IS NULL
        """)
    # where a row is a whole invoice, its payment stands on the same row, and falls with it
    if "payments" in fmt.tables and not fmt.whole_invoices:
        connection.execute(f"""
            INSERT INTO bad SELECT DISTINCT file, line, CASE WHEN invoice_currency IS NULL
                THEN 'payments.invoice_id is not an invoice of the ledger (found ''' || invoice_id || ''')'
                ELSE 'payments.currency must be its invoice''s ' || invoice_currency || ' (found ''' || currency ||
                    ''')' END
            FROM (SELECT p.file, p.line, p.invoice_id, p.currency, i.currency AS invoice_currency
                  FROM draft_payments p LEFT JOIN ({accepted("invoices", "invoice_id, currency")}) i
                      ON p.invoice_id = i.invoice_id
                  WHERE p.invoice_id IS NOT NULL AND (i.currency IS NULL OR i.currency <> p.currency)) AS lost
            ANTI JOIN bad USING (file, line)
        """)
    return _count(connection) > before


def _break_rates(connection: duckdb.DuckDBPyConnection, fmt: Format, existing: dict[str, str]) -> None:
    """Refuse what would leave the book without a reporting currency: amounts in a currency without a rate on or before
    their day where others have rates, and rates of the reporting currency other than 1. Only where there are rates."""
    if "exchange_rates" not in {*fmt.tables, *existing}:
        return
    names = ("exchange_rates", "invoices", "payments")
    for name in names:
        columns = ", ".join(TABLES[name].columns)
        parts = []
        if name in fmt.tables:
            parts.append(f"SELECT file, line, {columns} FROM draft_{name} ANTI JOIN bad USING (file, line)")
        if name in existing:
            parts.append(f"SELECT NULL AS file, NULL AS line, {columns} FROM {existing[name]}")
        nothing = ", ".join(f"NULL::{SQL_TYPES[d.type]} AS {c}" for c, d in TABLES[name].columns.items())
        sql = " UNION ALL BY NAME ".join(parts) or f"SELECT NULL AS file, NULL AS line, {nothing} WHERE false"
        connection.execute(f"CREATE TABLE rated_{name} AS {sql}")
    has_rates = connection.execute("SELECT count(*) FROM rated_exchange_rates").fetchall()[0][0]
    for name, test, words in money_rules("rated_") if has_rates else ():
        found = "' (found ''' || currency || ''')'"
        connection.execute(
            f"INSERT INTO bad SELECT DISTINCT file, line, '{_q(words)}' || {found} FROM rated_{name} "
            f"WHERE file IS NOT NULL AND {test}"
        )
    for name in names:
        connection.execute(f"DROP TABLE rated_{name}")


def _break_events(connection: duckdb.DuckDBPyConnection, fmt: Format, existing: dict[str, str]) -> None:
    """Refuse events of a customer that no other row of the source or the ledger names; a merger may name new ones."""
    if "events" not in fmt.tables:
        return
    merged = "FROM draft_events WHERE kind = 'merged_into'"
    parts = [f"SELECT customer_id {merged}", f"SELECT detail {merged}"]
    for name in fmt.tables:
        if "customer_id" in TABLES[name].columns and name != "events":
            parts.append(f"SELECT customer_id FROM draft_{name} ANTI JOIN bad USING (file, line)")
    parts += [f"SELECT customer_id FROM {existing[n]}" for n in ("customers", "invoices", "payments") if n in existing]
    connection.execute(f"""
        INSERT INTO bad SELECT DISTINCT file, line, 'events.customer_id is not a customer of the ledger (found ''' ||
            customer_id || ''')'
        FROM draft_events ANTI JOIN bad USING (file, line)
        WHERE NOT is_inferred AND customer_id NOT IN (SELECT customer_id FROM ({" UNION ALL ".join(parts)})
            WHERE customer_id IS NOT NULL)
    """)


def _revalue_history(connection: duckdb.DuckDBPyConnection, existing: dict[str, str]) -> None:
    """Refuse rates that would report amounts of the past otherwise: another rate of a day, one between known days, or
    one of a day on or after which the ledger already holds an amount, reported at the last rate before it."""
    rates = existing["exchange_rates"]
    amounts = " UNION ALL ".join(
        f"SELECT currency, {day} AS day FROM {existing[name]}"
        for name, day in (("invoices", "issued_on"), ("payments", "paid_on"))
        if name in existing
    )
    until = f"(SELECT currency, max(day) AS day FROM ({amounts or 'SELECT NULL AS currency, NULL AS day'}) GROUP BY 1)"
    connection.execute(f"""
        INSERT INTO bad SELECT DISTINCT file, line, 'exchange_rates.rate: history is never revalued (found ' || rate ||
            CASE WHEN held IS NOT NULL THEN ' where the ledger reports at ' || held
            ELSE ' for ' || observed_on || ': amounts up to ' || until || ' are reported at an earlier rate' END || ')'
        FROM (SELECT d.file, d.line, d.rate, d.observed_on, e.rate AS held, greatest(s.high, u.day) AS until
              FROM draft_exchange_rates d
              JOIN (SELECT currency, min(observed_on) AS low, max(observed_on) AS high FROM {rates} GROUP BY 1) s
                  ON s.currency = d.currency AND d.observed_on >= s.low
              LEFT JOIN {until} u ON u.currency = d.currency
              LEFT JOIN {rates} e ON e.currency = d.currency AND e.observed_on = d.observed_on
              WHERE e.rate IS DISTINCT FROM d.rate AND d.observed_on <= greatest(s.high, u.day)) AS other
        ANTI JOIN bad USING (file, line)
    """)


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute("SELECT count(*) FROM bad").fetchall()[0][0])


def add_customers(connection: duckdb.DuckDBPyConnection, fmt: Format, existing: dict[str, str]) -> int:
    """Add, as inferred drafts, the customers that only rows of other tables name; count them."""
    tables = [
        n
        for n in fmt.tables
        if n != "customers" and "customer_id" in TABLES[n].columns and not (fmt.whole_invoices and n == "payments")
    ]
    parts = ["SELECT NULL::VARCHAR AS customer_id WHERE false"] + [
        f"SELECT DISTINCT customer_id FROM draft_{n} ANTI JOIN bad USING (file, line) WHERE customer_id IS NOT NULL"
        for n in tables
    ]
    if "events" in tables:  # the customer that goes on after a merger is one, too
        parts.append(
            "SELECT detail FROM draft_events ANTI JOIN bad USING (file, line) "
            "WHERE kind = 'merged_into' AND detail IS NOT NULL"
        )
    connection.execute(f"CREATE TABLE named_customers AS {' UNION '.join(parts)}")
    named = "SELECT customer_id FROM named_customers"
    if "customers" not in fmt.tables:
        columns = ", ".join(f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {n}" for n, c in TABLES["customers"].columns.items())
        connection.execute(
            "CREATE TABLE draft_customers AS SELECT NULL::INTEGER AS file, NULL::BIGINT AS line, "
            f"true AS is_inferred, {columns} WHERE false"
        )
    known = "SELECT customer_id FROM draft_customers ANTI JOIN bad USING (file, line)"
    if "customers" in existing:
        known += f" UNION ALL SELECT customer_id FROM {existing['customers']}"
    # customers drawn from rows that all went into quarantine are no customers of this ledger
    connection.execute(f"DELETE FROM draft_customers WHERE is_inferred AND customer_id NOT IN ({named})")
    connection.execute(
        f"INSERT INTO draft_customers (is_inferred, customer_id) SELECT true, customer_id FROM ({named}) n "
        f"WHERE customer_id NOT IN ({known})"
    )
    return int(connection.execute("SELECT count(*) FROM draft_customers WHERE is_inferred").fetchall()[0][0])


def _q(text: str) -> str:
    return text.replace("'", "''")
