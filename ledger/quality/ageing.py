"""The ageing of a ledger in document currencies, reconciled with the plain sum of its rows to the cent."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ledger.buckets import BUCKETS
from ledger.ledger import Ledger
from ledger.quality.findings import Finding, one
from ledger.receivables import aged, by_currency
from ledger.settlement import settle
from ledger.validation import connect


def ageing(ledger: Ledger) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Per currency: the open balance by bucket, and the plain sum of the rows, which must agree to the cent."""
    shown: list[dict[str, Any]] = []
    findings: list[Finding] = []
    for currency, part in by_currency(ledger):
        settlement = settle(part)
        cents = {str(name): int(value) for name, value in aged(settlement, ledger.last_known_on).iloc[0].items()}
        plain, written_off = _plain_balance(part, settlement.at(ledger.last_known_on))
        difference = plain - written_off - cents["net"]
        bucketed = sum(cents[name] for name in BUCKETS)
        shown.append(
            {"currency": currency}
            | {name: value / 100 for name, value in cents.items()}
            | {"written_off": written_off / 100, "difference": difference / 100}
        )
        if bucketed != cents["open"] or difference:
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
    invoiced = one(
        connection, f"SELECT coalesce(sum(CASE WHEN kind = 'invoice' THEN {cents} ELSE -{cents} END), 0) FROM invoices"
    )[0]
    paid = one(connection, f"SELECT coalesce(sum({sign} * {cents}), 0) FROM payments")[0]
    written = one(
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
