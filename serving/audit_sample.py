"""A random sample of logged decisions, replayed, with the papers that an auditor needs for each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from decisions.scoring_ledger import ScoringLedger
from ledger.errors import InputError
from models.registry import Settings
from serving.decision_log import DecisionLog, Erased, Record
from serving.replay import replay

SAME, SAME_FROM_INPUTS = "same", "same from inputs"
KINDS = ("review", "decide", "score", "explain", "what_if")


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One decision of the sample.

    record : as logged. replayed : the record that was computed again (the review that a person's decision is about).
    outcome : same, same from inputs (the ledger is another now), different, or not replayed (also where no number could be
    compared). why : words where it was not replayed or only in part.
    numbers : name, logged and again of every number compared. answered_by : the person's decision about it, if any.
    """

    record: Record
    replayed: Record | None
    outcome: str
    why: str
    numbers: Sequence[dict[str, Any]]
    answered_by: Record | None

    def as_json(self) -> dict[str, Any]:
        """The paper as plain values for JSON."""
        return {
            "decision_id": self.record.decision_id, "sequence": self.record.sequence, "hash": self.record.hash,
            "previous": self.record.previous, "content": self.record.content, "outcome": self.outcome, "why": self.why,
            "replayed_decision_id": None if self.replayed is None else self.replayed.decision_id,
            "numbers": list(self.numbers),
            "answered_by": None if self.answered_by is None else {
                "decision_id": self.answered_by.decision_id, "content": self.answered_by.content,
            },
        }  # fmt: skip


def chosen(log: DecisionLog, count: int, seed: int, kinds: Sequence[str]) -> tuple[list[str], int]:
    """Return the ids of `count` random decisions in the order of the log, and how many there are to choose from.

    The choice depends on the log and the seed only. Raises InputError where the log holds none of these kinds.
    """
    ids = [decision_id for decision_id, _ in log.listed(kinds)]
    if not ids:
        raise InputError(f"the decision log holds no record of kind {', '.join(kinds)}: there is nothing to sample.")
    places = sorted(random.Random(seed).sample(range(len(ids)), min(count, len(ids))))
    return [ids[place] for place in places], len(ids)


def paper(settings: Settings, log: DecisionLog, decision_id: str, served: ScoringLedger | None) -> Paper:
    """Return the paper of one decision: its record, its replay, and the person's decision about it."""
    record = log.read(decision_id)
    about = record
    if record.content["kind"] == "decide":
        about = log.read(str(record.content["answer"]["review_id"]))
    try:
        found = replay(settings, about, served)
    except (InputError, KeyError) as failed:
        return Paper(record=record, replayed=about, outcome="not replayed", why=str(failed), numbers=(),
                     answered_by=log.answers_to(decision_id))  # fmt: skip
    compared = [*found.from_inputs, *(found.from_ledger or ())]
    numbers = [{"name": c.name, "logged": c.logged, "again": c.again, "same": c.is_same} for c in compared]
    outcome, why = SAME, found.why_not_ledger
    if not found.is_same:
        outcome = "different"
    elif not compared:
        outcome, why = "not replayed", f"no number to compare: {why or 'the answer holds none'}"
    elif found.from_ledger is None:
        outcome = SAME_FROM_INPUTS
    return Paper(
        record=record, replayed=about, outcome=outcome, why=why,
        numbers=numbers, answered_by=log.answers_to(decision_id),
    )  # fmt: skip


def papers(
    settings: Settings, log: DecisionLog, ids: Sequence[str], served: ScoringLedger | None
) -> list[Paper | tuple[str, str]]:
    """Return the paper of each decision; (decision_id, why) where its content was erased."""
    found: list[Paper | tuple[str, str]] = []
    for decision_id in ids:
        try:
            found.append(paper(settings, log, decision_id, served))
        except Erased as gone:
            found.append((decision_id, str(gone)))
    return found
