"""The drill log: each drill's figures as a hash-chained line, and the comparison with the last drill of the same scenario."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from decisions.stress import Outcome
from ledger.errors import InputError
from ledger.hash_chain import FIRST, canonical, chained, verify


@dataclass(frozen=True, kw_only=True)
class Drill:
    """One drill as it was logged."""

    as_of: str
    scenario: str
    severity: float
    policy: str
    drilled_at: str
    figures: Mapping[str, float]

    def content(self) -> dict[str, Any]:
        """The drill as JSON holds it."""
        return {
            "as_of": self.as_of, "scenario": self.scenario, "severity": self.severity, "policy": self.policy,
            "drilled_at": self.drilled_at, "figures": dict(self.figures),
        }  # fmt: skip


def drill_of(outcome: Outcome, *, as_of: str, policy: str, drilled_at: str) -> Drill:
    """Return an outcome as a drill; amounts are rounded to cents."""
    return Drill(
        as_of=as_of, scenario=outcome.scenario, severity=outcome.severity, policy=policy, drilled_at=drilled_at,
        figures={name: round(value, 2) for name, value in outcome.figures().items()},
    )  # fmt: skip


def drills_of(lines: Iterable[str]) -> list[Drill]:
    """Return the drills of a log's lines. Raises InputError where the chain does not hold: a line was changed or lost."""
    rows, drills = [], []
    for number, line in enumerate((text for text in lines if text.strip()), start=1):
        try:
            stored = json.loads(line)
            drills.append(Drill(**stored["drill"]))
            rows.append((number, stored["id"], stored["previous"], canonical(stored["drill"]), stored["hash"]))
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"drill log: line {number} is no drill. Restore the file, or begin another with --log."
            ) from None
    verdict = verify(rows)
    if not verdict.is_whole:
        raise InputError(
            f"drill log: record {verdict.broken_at} does not hold ({verdict.why}). Restore the file, or begin another with --log."
        )
    return drills


def lines_for(drills: Sequence[Drill], lines: Sequence[str]) -> list[str]:
    """Return the lines that append some drills to a log of `lines`."""
    kept = [text for text in lines if text.strip()]
    previous = json.loads(kept[-1])["hash"] if kept else FIRST
    found = []
    for number, drill in enumerate(drills, start=len(kept) + 1):
        content = drill.content()
        own = chained(previous, f"drill-{number}", canonical(content))
        found.append(
            json.dumps(
                {"id": f"drill-{number}", "previous": previous, "hash": own, "drill": content}, ensure_ascii=False
            )
        )
        previous = own
    return found


def last_of(drills: Sequence[Drill], scenario: str) -> Drill | None:
    """Return the last drill of a scenario, None without one."""
    return next((drill for drill in reversed(drills) if drill.scenario == scenario), None)
