"""The ageing of a ledger in document currencies, reconciled with the plain sum of its rows to the cent."""

from __future__ import annotations

from typing import Any

from ledger.buckets import BUCKETS
from ledger.currency import CENTS
from ledger.currency_codes import minor_sql, minor_units, units_sql
from ledger.ledger import Ledger
from ledger.quality.findings import Finding, one
from ledger.receivables import aged, by_currency
from ledger.settlement import settle
from ledger.settlement_changes import NO_CASH
from ledger.validation import connect


def ageing(ledger: Ledger) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Return per currency: the open balance by bucket, and the plain sum of the rows, which must agree to the cent."""
    shown: list[dict[str, Any]] = []
    findings: list[Finding] = []
    for currency, part in by_currency(ledger):
        settlement = settle(part)
        cents = {str(name): int(value) for name, value in aged(settlement, ledger.last_known_on).iloc[0].items()}
        state = settlement.at(ledger.last_known_on)
        written_off = int(state["document_written_off_cents"].sum())
        let_go = int(
            state["document_excess_cents"].clip(upper=0).sum()
        )  # within the tolerance: closed, and shown nowhere
        difference = _plain_balance(part) - written_off + let_go - cents["net"]
        units = max(CENTS, minor_units(currency))
        bucketed = sum(cents[name] for name in BUCKETS)
        shown.append(
            {"currency": currency}
            | {name: value / units for name, value in cents.items()}
            | {"written_off": written_off / units, "difference": difference / units}
        )
        if bucketed != cents["open"] or difference:
            findings.append(
                Finding(
                    level="problem",
                    what=f"{currency}: the ageing does not reconcile with the rows, {difference / units:,.2f} apart",
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


def _plain_balance(part: Ledger) -> int:
    """Return invoices less credit notes less money, of current rows, in the settlement's units of one currency.

    Discounts, exchange differences and money without a day count where they name an invoice.
    """
    connection = connect()
    for name in ("invoices", "payments"):
        frame = part[name]
        connection.register(name, frame[frame["superseded_on"].isna()].reset_index(drop=True))
    units = f"{minor_sql()} * greatest(1, {CENTS} // {units_sql()})"
    sign = "CASE WHEN kind IN ('reversal', 'refund') OR (kind = 'exchange_difference' AND method = 'gain') THEN -1 ELSE 1 END"
    invoiced = one(
        connection,
        f"SELECT coalesce(sum(CASE WHEN kind = 'invoice' THEN {units} ELSE -({units}) END), 0) FROM invoices",
    )[0]
    without = ", ".join(f"'{kind}'" for kind in NO_CASH)
    paid = one(
        connection,
        f"SELECT coalesce(sum({sign} * {units}), 0) FROM payments WHERE kind NOT IN ({without}) OR invoice_id IS NOT NULL",
    )[0]
    return int(invoiced) - int(paid)
