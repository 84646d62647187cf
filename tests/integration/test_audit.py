"""The log's integrity from the command line: signed heads find what the chain cannot, archives keep it, erasure holds."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.audit import command
from serving.archive import verify_archive
from serving.decision_log import DecisionLog, Erased
from serving.heads import write_head
from serving.store import Store


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    log = DecisionLog(Store.at(tmp_path / "service.sqlite"))
    for number in range(6):
        answer = {"customer_id": f"c{number % 2}", "pd": number / 10}
        log.append([{"kind": "score", "asked": {}, "inputs": {}, "answer": answer}])
        if number == 3:
            write_head(log, tmp_path / "decision-heads.jsonl")
    return tmp_path


def run(*words: str) -> tuple[int, dict]:
    found = CliRunner().invoke(command, [*words, "--json"], catch_exceptions=False)
    return found.exit_code, json.loads(found.output)


def forge(home: Path, *statements: str) -> None:
    with sqlite3.connect(home / "service.sqlite") as forger:
        forger.executescript("DROP TRIGGER decisions_never_changes; DROP TRIGGER decisions_never_goes;")
        for statement in statements:
            forger.execute(statement)


def test_a_whole_log_holds_its_heads(home):
    assert run("verify") == (0, {**run("verify")[1], "records": 6, "whole": True, "signed_heads": 1})
    assert run("head")[1]["written"]["records"] == 6
    assert run("head")[1]["written"] is None
    assert run("verify")[1]["signed_heads"] == 2


def test_records_cut_off_the_end_are_found_by_the_signed_heads_alone(home):
    forge(home, "DELETE FROM decisions WHERE sequence > 2")
    code, verdict = run("verify")
    assert code == 1
    assert "cut off" in verdict["why"]


def test_a_chain_written_anew_is_found_by_the_signed_heads(home):
    other = DecisionLog(Store.at(home / "other.sqlite"))
    for number in range(6):
        other.append([{"kind": "score", "answer": {"customer_id": "c0", "pd": number / 20}}])
    other.close()
    for old in home.glob("service.sqlite*"):
        old.unlink()
    (home / "other.sqlite").rename(home / "service.sqlite")
    code, verdict = run("verify")
    assert (code, "replaced" in verdict["why"]) == (1, True)


def test_a_forged_head_is_not_believed(home):
    path = home / "decision-heads.jsonl"
    line = json.loads(path.read_text())
    path.write_text(json.dumps({**line, "records": 2}) + "\n")
    assert "not what was signed" in run("verify")[1]["why"]


def test_a_damaged_file_is_named_and_gives_no_traceback(home):
    from ledger.errors import InputError

    (home / "service.sqlite").write_bytes(b"no database at all" * 1000)
    for leftover in home.glob("service.sqlite-*"):
        leftover.unlink()
    with pytest.raises(InputError, match=r"damaged|no database"):
        CliRunner().invoke(command, ["verify"], catch_exceptions=False)


def test_an_archive_moves_the_oldest_records_and_both_chains_hold(home):
    code, moved = run("archive", "--keep", "2")
    assert (code, moved["records"], moved["last"]) == (0, 4, 4)
    assert verify_archive(Path(moved["file"]), after=0, previous="0" * 64).head == moved["head"]
    code, verdict = run("verify")
    assert (code, verdict["records"]) == (0, 6)
    log = DecisionLog(Store.at(home / "service.sqlite"))
    log.append([{"kind": "score", "answer": {"customer_id": "c0", "pd": 0.5}}])
    assert log.verify().records == 7
    assert run("archive", "--keep", "1")[1]["first"] == 5
    assert run("verify")[0] == 0
    with pytest.raises(sqlite3.IntegrityError), sqlite3.connect(log.path) as other:
        other.execute("DELETE FROM decisions")


def test_erasure_reaches_archived_records_and_the_chain_holds(home):
    log = DecisionLog(Store.at(home / "service.sqlite"))
    mine = log.of_customer("c1")
    run("archive", "--keep", "2")
    code, erased = run("erase", "c1", "--by", "officer", "--yes")
    assert (code, erased["payloads"]) == (0, 3)
    with pytest.raises(Erased):
        log.read(mine[0].decision_id)
    assert run("verify")[0] == 0
    assert log.of_customer("c0")[0].content["answer"]["customer_id"] == "c0"
    raw = (home / "service.sqlite").read_bytes()
    assert b'"pd":0.1' not in raw
