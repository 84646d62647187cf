"""What an import inferred and noticed: counted, named, each with an example."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb

from importing.engine.dates import PIVOT
from importing.engine.format import Format, Notice
from importing.engine.reading import Reading
from ledger.currency_codes import minor_sql, shown

IN_ADVANCE = "invoices with a payment before the issue date (paid in advance)"
NEW_CUSTOMERS = "customers that no customer list names, taken from the rows that refer to them"
UNNAMED = "payments without a customer: the customer of the invoice that they name is taken"
WAYS = {
    (True, None): "day first",
    (False, None): "month first",
    (None, "."): "with a decimal point",
    (None, ","): "with a decimal comma",
}


def counted(connection: duckdb.DuckDBPyConnection, notices: Iterable[Notice]) -> list[dict[str, Any]]:
    """Return each notice that has cases: its words, how many, and one example."""
    found = []
    for notice in notices:
        count, example = connection.execute(
            f"SELECT count(*), min(example) FROM ({notice.sql}) AS cases(example)"
        ).fetchall()[0]
        if count:
            words = notice.words
            if notice.amounts:
                sums = connection.execute(
                    f"SELECT currency, sum({minor_sql()}) FROM ({notice.amounts}) GROUP BY 1 ORDER BY 1"
                ).fetchall()
                words += ": " + ", ".join(f"{shown(int(units), code)} {code}" for code, units in sums)
            found.append({"what": words, "rows": count, "example": example})
    return found


def conventions(readings: list[Reading]) -> list[dict[str, Any]]:
    """Return what was inferred about dates and decimals: one entry a file and way of reading, one for short years."""
    grouped: dict[tuple[str, str], list[tuple[str, int, int, int]]] = {}
    for reading in readings:
        for name, c in reading.conventions.items():
            if c.doubtful:
                how = WAYS.get((c.day_first, c.decimal), "in no way: the column contradicts itself")
                header = reading.source.header[reading.source.columns[name]]
                grouped.setdefault((reading.source.path.name, how), []).append((header, c.clear, c.against, c.doubtful))
    found = []
    for (file, how), columns in grouped.items():
        names, clear, against, doubtful = zip(*columns, strict=True)
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more columns" if len(names) > 6 else "")
        evidence = f"{sum(clear):,} values can be read in no other way" if sum(clear) else "no value tells; assumed"
        if sum(against):
            evidence += f", {sum(against):,} only in the other"
        found.append({"what": f"{file}: {shown} read {how} ({evidence})", "rows": sum(doubtful)})
    for reading in readings:
        short = {
            reading.source.header[reading.source.columns[name]]: c.short_years
            for name, c in reading.conventions.items()
            if c.short_years
        }
        if short:
            what = (
                f"{reading.source.path.name}: {', '.join(short)}: years of two digits, read as {1900 + PIVOT} to "
                f"{1999 + PIVOT}"
            )
            found.append({"what": what, "rows": sum(short.values())})
    return found


def general(connection: duckdb.DuckDBPyConnection, fmt: Format) -> list[dict[str, Any]]:
    """Things that are right to import and good to know: overpaid invoices, large credit notes, cash on account."""
    if "invoices" not in fmt.tables or "payments" not in fmt.tables:
        return []
    accepted = {
        name: f"(SELECT * FROM draft_{name} ANTI JOIN bad USING (file, line))" for name in ("invoices", "payments")
    }
    if fmt.whole_invoices:  # at most one payment an invoice, on its own row
        both = f"{accepted['payments']} p JOIN draft_invoices i USING (file, line)"
        sql = f"SELECT i.invoice_id FROM {both} WHERE p.paid_on < i.issued_on"
        return counted(connection, (Notice(words=IN_ADVANCE, sql=sql),))
    signed = "CASE WHEN kind IN ('reversal', 'refund') THEN -amount ELSE amount END"
    sums = f"invoice_id, sum({signed}) AS paid, min(paid_on) AS first_paid_on"
    paid = f"(SELECT {sums} FROM {accepted['payments']} GROUP BY invoice_id)"
    return counted(
        connection,
        (
            Notice(
                words="invoices paid more than their amount (the excess stays visible as an overpayment)",
                sql=f"SELECT invoice_id FROM {accepted['invoices']} JOIN {paid} USING (invoice_id) WHERE kind = "
                f"'invoice' AND paid > amount + 0.01",
            ),
            Notice(
                words=IN_ADVANCE,
                sql=f"SELECT invoice_id FROM {accepted['invoices']} JOIN {paid} USING (invoice_id) WHERE kind = "
                f"'invoice' AND first_paid_on < issued_on",
            ),
            Notice(
                words="payments without an invoice (unapplied cash)",
                sql=f"SELECT payment_id FROM {accepted['payments']} WHERE invoice_id IS NULL",
            ),
            Notice(
                words="credit notes larger than their invoice",
                sql=f"SELECT c.invoice_id FROM {accepted['invoices']} c JOIN {accepted['invoices']} i "
                f"ON c.applies_to = i.invoice_id WHERE c.kind = 'credit_note' AND c.amount > i.amount + 0.005",
            ),
            Notice(
                words="credit notes whose invoice is not in the source",
                sql=f"SELECT invoice_id FROM {accepted['invoices']} WHERE kind = 'credit_note' AND applies_to IS NOT "
                f"NULL AND applies_to NOT IN (SELECT invoice_id FROM {accepted['invoices']})",
            ),
        ),
    )
