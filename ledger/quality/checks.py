"""The single checks of a ledger's quality: each gives a section of figures and the findings that follow from it.

Every check is a function of a connection in which the ledger's tables stand with their current rows.
"""

from __future__ import annotations

from typing import Any

import duckdb

from ledger.contract import TABLES
from ledger.ledger import Ledger
from ledger.quality.findings import Finding, one, rows

LONG_TERMS_DAYS = 180  # longer terms than this are looked at
LATE_BOOKING_DAYS = 5  # a row booked later than this after its event was booked late
THIN_HISTORY = 3  # settled invoices below which a payment history says little
GAP_DAYS = 21  # days without any invoice that are a gap, in a book with invoices on most working days
LABEL_DAYS = 365 + 90  # a 12-month default label and the past-due count at its end
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKEND_SHARE = 2 / 7  # what a process that knows no weekends would show
EXAMPLES = 10  # customers named where a section names some


def coverage(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> tuple[dict[str, Any], list[Finding]]:
    """Coverage in time: each table's first and last day, and stretches without invoices."""
    findings, spans = [], []
    for name in ("invoices", "payments", "events"):
        if len(ledger[name]):
            event = TABLES[name].event
            spans += rows(
                connection,
                f"SELECT '{name}' AS table, min({event})::DATE AS first, max({event})::DATE AS "
                f"last, "
                f"max(booked_on)::DATE AS last_booked, count(DISTINCT date_trunc('month', {event})) AS "
                f"months FROM {name}",
            )
    gaps = rows(
        connection,
        f"""
        SELECT before::DATE AS after_day, day::DATE AS next_day, day::DATE - before::DATE AS days FROM (
            SELECT day, lag(day) OVER (ORDER BY day) AS before FROM (SELECT DISTINCT issued_on AS day FROM invoices))
        WHERE day::DATE - before::DATE > {GAP_DAYS} ORDER BY days DESC, before LIMIT 10""",
    )
    if gaps:
        findings.append(
            Finding(
                level="note",
                what=f"stretches of more than {GAP_DAYS} days without an invoice: "
                f"{len(gaps)}, the longest {gaps[0]['days']} days after "
                f"{gaps[0]['after_day']}",
                meaning="an export with a hole looks like customers who stopped buying",
            )
        )
    (first,) = one(connection, "SELECT min(issued_on)::DATE FROM invoices")
    if first is not None:
        length = (ledger.last_known_on - first).days
        if length < LABEL_DAYS + 365:
            findings.append(
                Finding(
                    level="note",
                    what=f"the history is {length} days long",
                    meaning=f"a 12-month default label needs {LABEL_DAYS} days after a snapshot: use a shorter horizon",
                )
            )
        ahead = one(connection, f"SELECT count(*) FROM payments WHERE paid_on > DATE '{ledger.last_known_on}'")[0]
        if ahead:
            findings.append(Finding(level="problem", what=f"{ahead:,} payments lie after the last known day"))
    return {"spans": spans, "gaps": gaps}, findings


def duplicates(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], list[Finding]]:
    """Return invoices and payments that are alike but for their id."""
    groups, rows, example = one(
        connection,
        """
        SELECT count(*), coalesce(sum(n), 0), min(example) FROM (
            SELECT count(*) AS n, min(invoice_id) AS example FROM invoices WHERE kind = 'invoice'
            GROUP BY customer_id, issued_on, due_on, amount, currency HAVING count(*) > 1)""",
    )
    twice, money, paid = one(
        connection,
        """
        SELECT count(*), coalesce(sum(n), 0), min(example) FROM (
            SELECT count(*) AS n, min(payment_id) AS example FROM payments
            GROUP BY customer_id, invoice_id, paid_on, amount, currency, kind HAVING count(*) > 1)""",
    )
    findings = []
    if groups:
        findings.append(
            Finding(
                level="note",
                what=f"{rows:,} invoices in {groups:,} groups are alike but for the id (e.g. {example})",
                meaning="instalments, or a document exported twice under two ids: look at some",
            )
        )
    if twice:
        findings.append(
            Finding(level="note", what=f"{money:,} payments in {twice:,} groups are alike but for the id (e.g. {paid})")
        )
    return {"invoice_groups": groups, "invoices": int(rows), "payment_groups": twice, "payments": int(money)}, findings


def terms(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], list[Finding]]:
    """Return days from issue to due date, and what is suspicious about them."""
    total, at_once, long, p10, median, p90 = one(
        connection,
        f"""
        SELECT count(*), count(*) FILTER (days = 0), count(*) FILTER (days > {LONG_TERMS_DAYS}),
            quantile_disc(days, 0.1), median(days), quantile_disc(days, 0.9)
        FROM (SELECT due_on::DATE - issued_on::DATE AS days FROM invoices WHERE kind = 'invoice')""",
    )
    usual = rows(
        connection,
        "SELECT due_on::DATE - issued_on::DATE AS days, count(*) AS invoices FROM invoices WHERE kind = 'invoice' "
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5",
    )
    findings = []
    if total and long:
        findings.append(
            Finding(
                level="note",
                what=f"{long:,} of {total:,} invoices have terms of more than {LONG_TERMS_DAYS} days",
                meaning="a wrong due date hides lateness",
            )
        )
    if total and at_once > 0.2 * total:
        findings.append(
            Finding(
                level="note",
                what=f"{at_once:,} of {total:,} invoices are due on the day of issue",
                meaning="cash terms, or due dates that were not exported",
            )
        )
    if total and usual[0]["invoices"] == total and total > 50:
        findings.append(
            Finding(
                level="note",
                what=f"every invoice has the same terms of {usual[0]['days']} days",
                meaning="due dates may be made up, not agreed",
            )
        )
    return {
        "invoices": total,
        "due_at_once": at_once,
        f"over_{LONG_TERMS_DAYS}_days": long,
        "days_p10": p10,
        "days_median": median,
        "days_p90": p90,
        "usual": usual,
    }, findings


def weekdays(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], list[Finding]]:
    """On which weekdays invoices are issued and payments made."""
    shares, findings = {}, []
    for name, event in (("invoices", "issued_on"), ("payments", "paid_on")):
        counts = dict(connection.execute(f"SELECT isodow({event}) - 1, count(*) FROM {name} GROUP BY 1").fetchall())
        total = sum(counts.values())
        if not total:
            continue
        shares[name] = {day: round(counts.get(i, 0) / total, 4) for i, day in enumerate(WEEKDAYS)}
        weekend = (counts.get(5, 0) + counts.get(6, 0)) / total
        if total > 500 and weekend > 0.9 * WEEKEND_SHARE:
            findings.append(
                Finding(
                    level="note",
                    what=f"{weekend:.1%} of {name} fall on a weekend, as many as on other days",
                    meaning="real books rest at weekends: the dates may be synthetic",
                )
            )
    return shares, findings


def late_bookings(connection: duckdb.DuckDBPyConnection) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Return how many rows were booked late, and whether the source gave booking days at all."""
    shown, findings = [], []
    for name in ("invoices", "payments", "events"):
        event = TABLES[name].event
        total, late, other, longest = one(
            connection,
            f"""
            SELECT count(*), count(*) FILTER (booked_on::DATE - {event}::DATE > {LATE_BOOKING_DAYS}),
                count(*) FILTER (booked_on <> {event}),
                max(booked_on::DATE - {event}::DATE) FROM {name}""",
        )
        if not total:
            continue
        shown.append(
            {"table": name, "rows": total, "late": late, "share_late": round(late / total, 4), "longest_days": longest}
        )
        if not other:
            findings.append(
                Finding(
                    level="note",
                    what=f"{name}: every row is booked on its event date",
                    meaning="the source gave no booking dates: what was really known on a past day "
                    "cannot be told, so late bookings may leak",
                )
            )
        elif late:
            findings.append(
                Finding(
                    level="ok",
                    what=f"{name}: {late / total:.1%} booked more than {LATE_BOOKING_DAYS} days after the event, at "
                    f"most {longest} days",
                    meaning="histories count them from the day they were booked",
                )
            )
    return shown, findings


def histories(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], list[Finding]]:
    """Return who has no history, or a thin one, and how concentrated the book is."""
    customers, none, thin, top = one(
        connection,
        f"""
        WITH counted AS (
            SELECT c.customer_id, count(i.invoice_id) AS invoices, count(p.invoice_id) AS paid
            FROM customers c LEFT JOIN invoices i ON i.customer_id = c.customer_id AND i.kind = 'invoice'
            LEFT JOIN (SELECT DISTINCT invoice_id FROM payments) p ON p.invoice_id = i.invoice_id GROUP BY 1)
        SELECT count(*), count(*) FILTER (invoices = 0), count(*) FILTER (invoices > 0 AND paid < {THIN_HISTORY}),
            (SELECT sum(invoices) FROM (SELECT invoices FROM counted ORDER BY invoices DESC LIMIT 10)) /
                greatest(sum(invoices), 1)
        FROM counted""",
    )
    no_history = rows(
        connection,
        "SELECT customer_id, name FROM customers ANTI JOIN (SELECT customer_id FROM invoices WHERE kind = 'invoice') "
        f"USING (customer_id) ORDER BY customer_id LIMIT {EXAMPLES}",
    )
    findings = []
    if none:
        findings.append(
            Finding(
                level="note",
                what=f"{none:,} of {customers:,} customers have no invoice",
                meaning="they are scored as no_history",
            )
        )
    if thin:
        findings.append(
            Finding(
                level="note",
                what=f"{thin:,} of {customers:,} customers have fewer than {THIN_HISTORY} paid invoices",
                meaning="their scores lean on what is known of their peers",
            )
        )
    return {
        "customers": customers,
        "without_invoices": none,
        "thin": thin,
        "share_of_ten_largest": round(float(top or 0), 4),
        "no_history": no_history,
    }, findings
