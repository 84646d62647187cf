"""A request whose time is over gets a 504, and its work stops and writes nothing."""

from __future__ import annotations

import threading
import time

import pytest
from starlette.testclient import TestClient

from models.registry import Settings
from serving import answers
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.running import Running
from serving.service import ServiceState, TradeCredit
from serving.store import Store
from serving.time_limit import Abandoned, TimeLimit
from tests.served import champions, small


@pytest.fixture
def client(tmp_path, monkeypatch):
    for name, value in {
        "HOME": tmp_path,
        "LEDGER": tmp_path / "none",
        "REFRESH": "false",
        "ANSWER_SECONDS": "0.2",
    }.items():
        monkeypatch.setenv(f"TRADECREDIT_{name}", str(value))
    with TestClient(TradeCredit.to_asgi(), raise_server_exceptions=False) as client:
        Running.service_state.stop()
        served_models = ServedModels.of(Settings.from_environment(), champions())
        Running.service_state = ServiceState(
            served_models=served_models, log=DecisionLog(Store.at(tmp_path / "s.sqlite"))
        )
        yield client


def test_work_past_its_time_stops_at_its_next_step_and_logs_nothing(client, monkeypatch):
    steps: list[int] = []
    ended = threading.Event()

    def slow(champions, scorer, scores):
        steps.append(len(scores.customers))
        time.sleep(0.5)
        return {}

    def steps_of(parts):
        try:
            yield from in_steps(parts)
        finally:
            ended.set()

    in_steps = answers.in_steps
    monkeypatch.setattr(answers, "STEP", 1)
    monkeypatch.setattr(answers, "scored", slow)
    monkeypatch.setattr(answers, "in_steps", steps_of)
    ids = [str(i) for i in small().ledger.customers["customer_id"][:50]]
    answer = client.post("/score", json={"customer_ids": ids})
    assert (answer.status_code, answer.json()["error"]) == (504, "timeout")
    assert ended.wait(timeout=10)
    assert steps == [1]
    assert Running.service_state.log.verify().records == 0


def test_work_that_has_begun_to_write_is_awaited(client, monkeypatch):
    log, customer = Running.service_state.log, str(small().ledger.customers["customer_id"].iloc[0])
    commit = DecisionLog._commit

    def slow(self):
        time.sleep(0.5)
        commit(self)

    client.post("/score", json={"customer_ids": [customer]})
    before = log.verify().records
    monkeypatch.setattr(DecisionLog, "_commit", slow)
    monkeypatch.setattr(answers, "score", lambda *_: {"scores": [], "ids": log.append([{"kind": "score"}])})
    assert client.post("/score", json={"customer_ids": [customer]}).status_code == 200
    assert log.verify().records == before + 1


def test_a_limit_ends_or_is_written_under_never_both():
    limit = TimeLimit()
    limit.begin_writing()
    assert not limit.end()
    limit.check()
    limit = TimeLimit()
    assert limit.end()
    with pytest.raises(Abandoned):
        limit.check()
    with pytest.raises(Abandoned):
        limit.begin_writing()
