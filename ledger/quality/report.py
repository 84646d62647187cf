"""What a ledger is good for: coverage, reconciliation, doubtful rows, and what no model can learn from it.

`quality(ledger)` answers with sections of figures and a list of findings, each a level (`ok`, `note`, `problem`),
what was found, and what it means for histories and models. A problem is something that makes figures wrong; a note is
a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.ledger import Ledger
from ledger.quality.ageing import ageing
from ledger.quality.checks import coverage, duplicates, histories, late_bookings, terms, weekdays
from ledger.quality.findings import Finding
from ledger.quality.unknown import unknown
from ledger.validation import connect

__all__ = ["Finding", "Quality", "quality"]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """A ledger's quality: sections of figures by name, and the findings."""

    sections: dict[str, Any]
    findings: list[Finding]

    @property
    def is_sound(self) -> bool:
        return all(f.level != "problem" for f in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        return {"is_sound": self.is_sound, "findings": [vars(f) for f in self.findings], **self.sections}


def quality(ledger: Ledger) -> Quality:
    """Return the quality report of a checked ledger, in document currencies, as the books stand on their last known day."""
    connection = connect()
    for name, frame in ledger.tables.items():
        frame = ledger.customers if name == "customers" else frame
        current = frame[frame["superseded_on"].isna()] if "superseded_on" in frame else frame
        connection.register(name, current.reset_index(drop=True))
    sections: dict[str, Any] = {"tables": _tables(ledger), "fingerprint": ledger.fingerprint}
    findings: list[Finding] = []
    if any(len(ledger[t]) for t in ("invoices", "payments", "events")):
        sections["last_known_on"] = str(ledger.last_known_on)
        sections["coverage"], found = coverage(connection, ledger)
        findings += found
        sections["ageing"], found = ageing(ledger)
        findings += found
        for name, section in (
            ("duplicates", duplicates),
            ("terms", terms),
            ("weekdays", weekdays),
            ("late_bookings", late_bookings),
            ("histories", histories),
        ):
            sections[name], found = section(connection)
            findings += found
    else:
        words, meaning = "no invoices, payments or events", "there is no payment history to learn from"
        findings.append(Finding(level="note", what=words, meaning=meaning))
    cannot_know = unknown(ledger)
    sections["models_cannot_know"] = [{"what": f.what, "meaning": f.meaning} for f in cannot_know]
    return Quality(sections=sections, findings=findings + cannot_know)


def _tables(ledger: Ledger) -> list[dict[str, Any]]:
    """Return rows of each table, and how many of them a correction superseded."""
    return [
        {
            "table": name,
            "rows": len(frame),
            "superseded": int(frame["superseded_on"].notna().sum()) if "superseded_on" in frame else 0,
        }
        for name, frame in ledger.tables.items()
    ]
