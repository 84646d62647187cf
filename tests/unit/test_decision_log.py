"""The decision log is only ever appended, and says so when somebody did otherwise."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from ledger.errors import InputError
from serving.decision_log import DecisionLog, Erased, Packed, UnknownDecision


@pytest.fixture
def log(tmp_path: Path) -> DecisionLog:
    log = DecisionLog(tmp_path / "decisions.sqlite")
    log.append([{"kind": "score", "pd": 0.1 + 0.2}, {"kind": "score", "pd": 1e-17}])
    log.append([{"kind": "review", "limit": None}])
    return log


def test_what_was_written_is_read_back_to_the_last_bit(log):
    (decision_id,) = log.append([{"pd": 0.1 + 0.2, "text": "中文 ü"}])
    content = log.read(decision_id).content
    assert content["pd"] == 0.1 + 0.2
    assert content["text"] == "中文 ü"
    assert log.verify().is_whole
    assert log.verify().records == 4
    assert log.verify().head == log.read(decision_id).hash


@pytest.mark.parametrize("statement", ["UPDATE decisions SET content = '{}'", "DELETE FROM decisions"])
def test_rows_cannot_be_changed_or_taken_away(log, statement):
    with pytest.raises(sqlite3.IntegrityError, match="only ever appended"), sqlite3.connect(log.path) as other:
        other.execute(statement)
    assert log.verify().records == 3


@pytest.mark.parametrize(
    ("statement", "broken_at", "why"),
    [
        (
            'UPDATE decisions SET content = replace(content, \'"decided_at":"2\', \'"decided_at":"1\') WHERE sequence = 1',
            1,
            "content",
        ),
        ("DELETE FROM decisions WHERE sequence = 2", 2, "missing"),
        ("UPDATE decisions SET decision_id = 'x' WHERE sequence = 3", 3, "content"),
        ("UPDATE decisions SET previous = 'x' WHERE sequence = 3", 3, "chained"),
        (
            "UPDATE payloads SET body = zeroblob(40) WHERE digest = (SELECT payload FROM decisions WHERE sequence = 2)",
            2,
            "payload",
        ),
        ("DELETE FROM payloads WHERE digest = (SELECT payload FROM decisions WHERE sequence = 3)", 3, "missing"),
    ],
)
def test_a_forged_log_is_found_out_where_it_was_forged(log, statement, broken_at, why):
    with sqlite3.connect(log.path) as forger:
        forger.executescript("DROP TRIGGER decisions_never_changes; DROP TRIGGER decisions_never_goes;")
        forger.execute(statement)
    verdict = log.verify()
    assert not verdict.is_whole
    assert verdict.broken_at == broken_at
    assert why in verdict.why


def test_a_nan_is_never_logged_and_nothing_of_its_batch_is(log):
    with pytest.raises(ValueError, match="JSON"):
        log.append([{"pd": 0.5}, {"pd": float("nan")}])
    assert log.verify().records == 3


def test_unknown_decisions_and_missing_logs_are_named(log, tmp_path):
    with pytest.raises(UnknownDecision, match="no such decision"):
        log.read("nothing")
    with pytest.raises(InputError, match="no decision log"):
        DecisionLog.existing(tmp_path / "none.sqlite")


def _append(path: Path) -> None:
    log = DecisionLog(path)
    for number in range(20):
        log.append([{"number": number}])


def test_two_processes_write_one_chain(tmp_path):
    path = tmp_path / "decisions.sqlite"
    DecisionLog(path).close()
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(path,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    verdict = DecisionLog(path).verify()
    assert verdict.is_whole
    assert verdict.records == 40


def test_after_an_erasure_by_another_process_new_records_can_be_read_and_old_ones_cannot(tmp_path):
    """A running service remembers keys and holds answers that were sealed with them; `tradecredit audit erase` runs beside it."""
    service, officer = DecisionLog(tmp_path / "log.sqlite"), DecisionLog(tmp_path / "log.sqlite")
    content = {"kind": "score", "asked": {"customer_ids": ["c1"]}, "answer": {"customer_id": "c1", "pd": 0.25}}
    (before,) = service.append([content])
    with service.store.writing() as connection:
        stored = {"kind": "score", **service.sealed(connection, Packed.of(content))}
    assert officer.payloads.erase("c1", by="officer") == 1
    (computed,) = service.append([content])
    (from_store, again) = service.append([stored, stored])
    for decision_id in (computed, from_store, again):
        assert service.read(decision_id).content["answer"]["pd"] == 0.25
        assert officer.read(decision_id).content["answer"]["pd"] == 0.25
    with pytest.raises(Erased):
        officer.read(before)
    assert officer.verify().is_whole
