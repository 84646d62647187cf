"""The audit sample: the same seed chooses the same decisions, and a record that no longer replays is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.reports.audit_papers import sample_report
from ledger.errors import InputError
from models.registry import Settings
from serving.audit_sample import chosen, papers
from serving.decision_log import DecisionLog


@pytest.fixture
def log(tmp_path: Path) -> DecisionLog:
    """A log of 40 reviews, each answered by a person."""
    own = DecisionLog(tmp_path / "log.sqlite")
    for k in range(40):
        answer: dict[str, Any] = {"customer_id": f"c{k}", "recommendation": "approve", "as_of": "2024-06-30"}
        (review,) = own.append(
            [
                {
                    "kind": "review",
                    "asked": {},
                    "inputs": {},
                    "answer": answer,
                    "models": {},
                    "policies": {},
                    "ledger_fingerprint": "0",
                }
            ]
        )
        decided = {
            "review_id": review,
            "customer_id": f"c{k}",
            "action": "approve",
            "by": "reviewer",
            "as_of": "2024-06-30",
        }
        own.append(
            [
                {
                    "kind": "decide",
                    "asked": {},
                    "inputs": {},
                    "answer": decided,
                    "models": {},
                    "policies": {},
                    "ledger_fingerprint": "0",
                }
            ],
            about=review,
        )
    return own


def test_the_same_seed_chooses_the_same_decisions(log: DecisionLog) -> None:
    first, of = chosen(log, 25, 7, ("review", "decide"))
    assert (len(first), of) == (25, 80)
    assert chosen(log, 25, 7, ("review", "decide"))[0] == first
    assert chosen(log, 25, 8, ("review", "decide"))[0] != first
    everyone, _ = chosen(log, 1000, 1, ("review",))
    assert len(everyone) == 40
    with pytest.raises(InputError, match="nothing to sample"):
        chosen(log, 5, 1, ("what_if",))


def test_what_cannot_be_replayed_is_said_and_fails_the_sample(
    log: DecisionLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    ids, of = chosen(log, 4, 3, ("review", "decide"))
    found = papers(Settings.from_environment(), log, ids, None)
    report = sample_report(
        found, log.verify(), of=of, count=4, seed=3, kinds=("review", "decide"), out=tmp_path / "out"
    )
    assert report.exit_code == 1
    rows = report.tables[0].rows()
    assert [row["decision_id"] for row in rows] == ids
    assert all(row["outcome"] == "not replayed" and row["why"] and row["numbers"] == 0 for row in rows)
