"""What the models will not be able to know from a ledger."""

from __future__ import annotations

from ledger.ledger import Ledger
from ledger.quality.findings import Finding


def unknown(ledger: Ledger) -> list[Finding]:
    """Return what the models will not be able to know from this ledger."""
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
                level="note",
                what="no disputes",
                meaning="a disputed invoice cannot be distinguished from one that is not paid",
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
