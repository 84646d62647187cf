"""A run fitted again from its ledger, parameters and seed is the same; another ledger is named as the cause of what differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import commands
from ledger.ledger import Ledger
from sample.generator import sample


def run(*words: str) -> tuple[int, str]:
    """Run one command; return its exit code and what it printed on stdout."""
    done = CliRunner().invoke(commands, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done.exit_code, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "more"), [("delay", ()), ("default", ("--policy", "short_history"))])
def test_a_run_is_reproduced_to_the_last_bit_and_another_ledger_is_named(
    kind: str, more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    ledger = sample(customers=300, months=36, seed=2).ledger
    ledger.write(tmp_path / "ledger")
    code, printed = run("train", str(tmp_path / "ledger"), "--model", kind, *more, "--json")
    assert code == 0
    (trained,) = json.loads(printed[printed.index("{") :])["models"].values()
    code, printed = run("reproduce", trained["run_id"], "--json")
    again = json.loads(printed)
    assert (code, again["is_same"], again["differences"]) == (0, True, [])
    assert again["metrics"] == len(trained["metrics"]) > 20

    tables = {name: frame for name, frame in ledger.tables.items() if len(frame)}
    tables["payments"] = tables["payments"].iloc[200:]
    Ledger.from_frames(**tables).write(tmp_path / "other")
    code, printed = run("reproduce", trained["run_id"], "--ledger", str(tmp_path / "other"), "--json")
    names = [d["name"] for d in json.loads(printed)["differences"]]
    assert (code, names[0]) == (1, "ledger fingerprint")
    assert "model digest" in names
