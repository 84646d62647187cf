"""`tradecredit practice`: limits held against the policy's and the model's on a day whose outcomes are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.practice import command
from decisions.scorer import Scorer
from models import registry
from serving.decision_log import DecisionLog
from tests.served import served, small


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The small ledger on disk; the registry holds the small models."""
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    monkeypatch.setattr(
        Scorer, "of", classmethod(lambda cls, ledger, *models: cls.with_models(ledger, small().default, small().delay))
    )
    monkeypatch.setattr(registry, "load", lambda settings, name: served(name))
    small().ledger.write(tmp_path / "ledger")
    return str(tmp_path / "ledger")


def test_limits_given_are_held_against_the_outcomes(ledger: str) -> None:
    done = CliRunner().invoke(command, [ledger, "--cases", "3", "--limits", "0,0,0", "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    answer = json.loads(done.output)
    assert [case["your_limit"] for case in answer["cases"]] == [0, 0, 0]
    assert answer["cost"]["you"] == pytest.approx(sum(case["your_cost"] for case in answer["cases"]), abs=0.02)
    assert answer["cost"]["policy"] == pytest.approx(sum(case["policy_cost"] for case in answer["cases"]), abs=0.02)
    # no limit costs nothing where the customer defaulted, the lost margin where it did not
    assert all(
        (case["your_cost"] == 0) == (case["defaulted_on"] is not None or case["need"] == 0) for case in answer["cases"]
    )
    again = CliRunner().invoke(command, [ledger, "--cases", "3", "--limits", "0,0,0", "--json"])
    assert again.output == done.output


def test_limits_are_asked_for_case_by_case(ledger: str) -> None:
    done = CliRunner().invoke(command, [ledger, "--cases", "2"], input="1000\n0\n", catch_exceptions=False)
    assert done.output.count("your limit") == 2
    assert "flatters it" in done.output


@pytest.mark.parametrize(
    ("limits", "words"), [("5,x", "numbers by commas"), ("5", "must be 2 numbers"), ("5,-1", "at or above 0")]
)
def test_what_is_no_limit_is_named(ledger: str, limits: str, words: str) -> None:
    done = CliRunner().invoke(command, [ledger, "--cases", "2", "--limits", limits])
    assert done.exit_code != 0
    assert words in str(done.exception)


def test_without_an_override_it_says_so(ledger: str, tmp_path: Path) -> None:
    DecisionLog(tmp_path / "service.sqlite")
    done = CliRunner().invoke(command, [ledger, "--overrides"], catch_exceptions=False)
    assert done.output.strip() == "no override in the decision log"
