"""What a ledger is good for: coverage, reconciliation, doubtful rows, and what no model can learn from it.

`quality(ledger)` answers with sections of figures and a list of findings, each a level (`ok`, `note`, `problem`),
what was found, and what it means for histories and models. A problem is something that makes figures wrong; a note is
a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd

from features.door import connect
from features.ledger import Ledger
from features.settlement import settle
from features.tables import TABLES

BUCKETS = (("current", 0, 0), ("1-30", 1, 30), ("31-60", 31, 60), ("61-90", 61, 90), ("over 90", 91, 10**6))
LONG_TERMS_DAYS = 180  # longer terms than this are looked at
LATE_BOOKING_DAYS = 5  # a row booked later than this after its event was booked late
THIN_HISTORY = 3  # settled invoices below which a payment history says little
GAP_DAYS = 21  # days without any invoice that are a gap, in a book with invoices on most working days
LABEL_DAYS = 365 + 90  # a 12-month default label and the past-due count at its end
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKEND_SHARE = 2 / 7  # what a process that knows no weekends would show


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing found: how grave, what, and what it means."""

    level: str
    what: str
    meaning: str = ""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """A ledger's quality: sections of figures by name, and the findings."""

    sections: dict[str, Any]
    findings: list[Finding]

    @property
    def is_sound(self) -> bool:
        return all(f.level != "problem" for f in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        return {"is_sound": self.is_sound, "findings": [vars(f) for f in self.findings], **self.sections}


def quality(ledger: Ledger) -> Quality:
    """The quality report of a checked ledger, in document currencies, as the books stand on their last known day."""
    connection = connect()
    for name, frame in ledger.tables.items():
        current = frame[frame["superseded_on"].isna()] if "superseded_on" in frame else frame
        connection.register(name, current.reset_index(drop=True))
    sections: dict[str, Any] = {"tables": _tables(ledger), "fingerprint": ledger.fingerprint}
    findings: list[Finding] = []
    has_events = any(len(ledger[t]) for t in ("invoices", "payments", "events"))
    if not has_events:
        findings.append(
            Finding(
                level="note",
                what="no invoices, payments or events",
                meaning="there is no payment history to learn from",
            )
        )
        return Quality(sections=sections, findings=findings + _unknown(connection, ledger))
    sections["last_known_on"] = str(ledger.last_known_on)
    sections["coverage"], found = _coverage(connection, ledger)
    findings += found
    sections["ageing"], found = _ageing(ledger)
    findings += found
    for name, section in (
        ("duplicates", _duplicates),
        ("terms", _terms),
        ("weekdays", _weekdays),
        ("late_bookings", _late_bookings),
        ("histories", _histories),
    ):
        sections[name], found = section(connection)
        findings += found
    return Quality(sections=sections, findings=findings + _unknown(connection, ledger))


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    return tuple(connection.execute(sql).fetchall()[0])


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    result = connection.execute(sql)
    names = [d[0] for d in result.description or []]
    return [
        dict(zip(names, (str(v) if hasattr(v, "isoformat") else v for v in row), strict=True))
        for row in result.fetchall()
    ]


def _tables(ledger: Ledger) -> list[dict[str, Any]]:
    return [
        {
            "table": name,
            "rows": len(frame),
            "superseded": int(frame["superseded_on"].notna().sum()) if "superseded_on" in frame else 0,
        }
        for name, frame in ledger.tables.items()
    ]


def _coverage(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> tuple[dict[str, Any], list[Finding]]:
    findings, spans = [], []
    for name in ("invoices", "payments", "events"):
        if len(ledger[name]):
            event = TABLES[name].event
            spans += _rows(
                connection,
                f"SELECT '{name}' AS table, min({event})::DATE AS first, max({event})::DATE AS "
                f"last, "
                f"max(booked_on)::DATE AS last_booked, count(DISTINCT date_trunc('month', {event})) AS "
                f"months FROM {name}",
            )
    gaps = _rows(
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
    (first,) = _one(connection, "SELECT min(issued_on)::DATE FROM invoices")
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
        ahead = _one(connection, f"SELECT count(*) FROM payments WHERE paid_on > DATE '{ledger.last_known_on}'")[0]
        if ahead:
            findings.append(Finding(level="problem", what=f"{ahead:,} payments lie after the last known day"))
    return {"spans": spans, "gaps": gaps}, findings


def _ageing(ledger: Ledger) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Per currency: the open balance by bucket, and the plain sum of the rows, which must agree to the cent."""
    shown, findings = [], []
    for currency in sorted(set(ledger.invoices["currency"]) | set(ledger.payments["currency"])):
        part = Ledger(
            tables={
                name: frame[frame["currency"] == currency].reset_index(drop=True)
                if name in ("invoices", "payments", "exchange_rates")
                else frame
                for name, frame in ledger.tables.items()
            }
        )
        settlement = settle(part)
        state = settlement.at(ledger.last_known_on)
        unapplied = int(settlement.unapplied_at(ledger.last_known_on)["document_unapplied_cents"].sum())
        open_items = state[state["closed_kind"] == "open"]
        buckets = {
            label: int(open_items.loc[open_items["days_past_due"].between(low, high), "document_open_cents"].sum())
            for label, low, high in BUCKETS
        }
        open_cents, excess = int(state["document_open_cents"].sum()), int(state["document_excess_cents"].sum())
        plain, written_off = _plain_balance(part, state)
        difference = plain - written_off - (open_cents - excess - unapplied)
        shown.append(
            {
                "currency": currency,
                **{label: cents / 100 for label, cents in buckets.items()},
                "open": open_cents / 100,
                "unapplied": unapplied / 100,
                "overpaid": excess / 100,
                "written_off": written_off / 100,
                "difference": difference / 100,
            }
        )
        if sum(buckets.values()) != open_cents or difference:
            findings.append(
                Finding(
                    level="problem",
                    what=f"{currency}: the ageing does not reconcile with the rows, {difference / 100:,.2f} apart",
                    meaning="receivables figures would be wrong",
                )
            )
        else:
            findings.append(
                Finding(
                    level="ok",
                    what=f"{currency}: ageing buckets and unapplied cash reconcile with the rows to the cent",
                )
            )
    if len(shown) > 1 and not len(ledger["exchange_rates"]):
        findings.append(
            Finding(
                level="problem",
                what=f"amounts in {len(shown)} currencies and no exchange_rates",
                meaning="histories and models need one reporting currency: add the table exchange_rates",
            )
        )
    return shown, findings


def _plain_balance(part: Ledger, state: pd.DataFrame) -> tuple[int, int]:
    """Cents: invoices - credit notes - money (of current rows), and what write-offs closed of it."""
    connection = connect()
    for name in ("invoices", "payments", "events"):
        frame = part[name]
        connection.register(name, frame[frame["superseded_on"].isna()].reset_index(drop=True))
    connection.register("state", state[["invoice_id", "closed_kind"]])
    cents = "CAST(round(amount * 100) AS BIGINT)"
    sign = "CASE WHEN kind IN ('reversal', 'refund') THEN -1 ELSE 1 END"
    invoiced = _one(
        connection, f"SELECT coalesce(sum(CASE WHEN kind = 'invoice' THEN {cents} ELSE -{cents} END), 0) FROM invoices"
    )[0]
    paid = _one(connection, f"SELECT coalesce(sum({sign} * {cents}), 0) FROM payments")[0]
    written = _one(
        connection,
        f"""
        SELECT coalesce(sum(CASE WHEN s.closed_kind = 'written_off' THEN i.cents - coalesce(p.cents,
            0) - coalesce(c.cents, 0) ELSE coalesce(w.cents, 0) END), 0)
        FROM (SELECT invoice_id, sum({cents}) AS cents FROM events WHERE kind = 'write_off' GROUP BY 1) w
        JOIN state s USING (invoice_id) JOIN (SELECT invoice_id, {cents} AS cents FROM invoices) i USING (invoice_id)
        LEFT JOIN (SELECT invoice_id, sum({sign} * {cents}) AS cents FROM payments GROUP BY 1) p USING (invoice_id)
        LEFT JOIN (SELECT applies_to AS invoice_id, sum({cents}) AS cents FROM invoices WHERE kind = 'credit_note'
            GROUP BY 1) c USING (invoice_id)
    """,
    )[0]
    return int(invoiced) - int(paid), int(written)


def _duplicates(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], list[Finding]]:
    groups, rows, example = _one(
        connection,
        """
        SELECT count(*), coalesce(sum(n), 0), min(example) FROM (
            SELECT count(*) AS n, min(invoice_id) AS example FROM invoices WHERE kind = 'invoice'
            GROUP BY customer_id, issued_on, due_on, amount, currency HAVING count(*) > 1)""",
    )
    twice, money, paid = _one(
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


def _terms(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], list[Finding]]:
    total, at_once, long, p10, median, p90 = _one(
        connection,
        f"""
        SELECT count(*), count(*) FILTER (days = 0), count(*) FILTER (days > {LONG_TERMS_DAYS}),
            quantile_disc(days, 0.1), median(days), quantile_disc(days, 0.9)
        FROM (SELECT due_on::DATE - issued_on::DATE AS days FROM invoices WHERE kind = 'invoice')""",
    )
    usual = _rows(
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


def _weekdays(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], list[Finding]]:
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


def _late_bookings(connection: duckdb.DuckDBPyConnection) -> tuple[list[dict[str, Any]], list[Finding]]:
    shown, findings = [], []
    for name in ("invoices", "payments", "events"):
        event = TABLES[name].event
        total, late, other, longest = _one(
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


def _histories(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], list[Finding]]:
    customers, none, thin, top = _one(
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
    }, findings


def _unknown(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> list[Finding]:
    """What the models will not be able to know from this ledger."""
    lacks = [
        (
            "credit_terms",
            "no credit limits or insurance cover",
            "exposure against the limit and net expected loss cannot be computed",
        ),
        ("ratings", "no external ratings", "customers without history are scored from master data alone"),
        ("macro", "no macro series", "the cycle is not in the scores"),
    ]
    findings = [
        Finding(level="note", what=what, meaning=meaning) for table, what, meaning in lacks if not len(ledger[table])
    ]
    kinds = set(ledger.events["kind"])
    if not kinds & {"insolvency", "write_off", "concession"}:
        findings.append(
            Finding(
                level="note",
                what="no insolvencies, write-offs or concessions",
                meaning="default can only be seen as days past due",
            )
        )
    if not kinds & {"dispute_opened"}:
        findings.append(
            Finding(
                level="note", what="no disputes", meaning="a disputed invoice cannot be told from one that is not paid"
            )
        )
    customers = ledger.customers
    for column in ("country", "industry", "segment"):
        share = float(customers[column].notna().mean()) if len(customers) else 0.0
        if share < 0.5:
            findings.append(
                Finding(
                    level="note",
                    what=f"{column} is known of {share:.0%} of customers",
                    meaning="peers cannot be told apart by it",
                )
            )
    return findings
