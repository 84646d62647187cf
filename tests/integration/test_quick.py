"""Stored answers given on the event loop: the same as the router's, one record each, written together where they come together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest
from starlette.testclient import TestClient

from models.registry import Settings
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.identity import Keys
from serving.quick import Quick
from serving.running import Running
from serving.service import ROUTES, ServiceState, TradeCredit
from serving.store import Store
from tests.served import champions, customer_with, small

HOW = ("decision_id", "source", "ledger_position")


@pytest.fixture
def state(tmp_path, monkeypatch) -> Iterator[ServiceState]:
    for name, value in {"HOME": tmp_path, "LEDGER": tmp_path / "none", "REFRESH": "false"}.items():
        monkeypatch.setenv(f"TRADECREDIT_{name}", str(value))
    served_models = ServedModels.of(Settings.from_environment(), champions())
    found = ServiceState(served_models=served_models, log=DecisionLog(Store.at(tmp_path / "s.sqlite")))
    monkeypatch.setattr(Running, "service_state", found, raising=False)
    found.book.computed(champions(), [customer_with(None), customer_with("in_default")])
    found.book.keep_beside(champions(), [customer_with(None)])
    found.book.warm(champions())
    assert found.identity.is_keyless
    yield found
    found.log.close()


def answered(*requests: tuple[str, dict], headers: dict[str, str] | None = None) -> list[httpx.Response]:
    """What the quick application answers to requests that come at once, without any other middleware."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=Quick(ROUTES))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await asyncio.gather(*(client.post(path, json=body, headers=headers) for path, body in requests))

    return asyncio.run(ask())


def test_a_stored_answer_is_the_routers_and_is_logged_once(state, monkeypatch):
    asked = {"customer_ids": [customer_with("in_default"), customer_with(None)]}
    (quick,) = answered(("/score", asked))
    with monkeypatch.context() as patch:
        patch.setattr("serving.quick.MOST_CUSTOMERS", 0)
        (routed,) = answered(("/score", asked))
    a, b = quick.json(), routed.json()
    assert [{k: v for k, v in s.items() if k != "decision_id"} for s in a.pop("scores")] == [
        {k: v for k, v in s.items() if k != "decision_id"} for s in b.pop("scores")
    ]
    assert a == b
    records = [state.log.read(s["decision_id"]).content for r in (quick, routed) for s in r.json()["scores"]]
    assert [r["by"] for r in records] == ["local"] * 4
    assert records[0]["answer"] == {k: v for k, v in quick.json()["scores"][0].items() if k not in HOW}
    assert state.log.verify().records == 4


def test_requests_that_come_together_share_one_transaction(state, monkeypatch):
    commits = []
    commit = DecisionLog._commit
    monkeypatch.setattr(DecisionLog, "_commit", lambda self: (commits.append(1), commit(self)))
    customer = customer_with(None)
    requests = [("/score", {"customer_ids": [customer]})] * 10 + [("/explain", {"customer_id": customer})] * 10
    found = answered(*requests)
    assert [r.status_code for r in found] == [200] * 20
    assert len({r.json().get("decision_id") or r.json()["scores"][0]["decision_id"] for r in found}) == 20
    assert len(commits) <= 10  # of 20 records: how many come together depends on how fast the disk is
    verdict = state.log.verify()
    assert (verdict.records, verdict.is_whole) == (20, True)


def test_what_is_not_stored_and_what_is_wrong_goes_the_long_way(state):
    other = str(small().ledger.customers["customer_id"].iloc[7])
    found = answered(("/score", {"customer_ids": [other]}), ("/explain", {"customer_id": customer_with("in_default")}))
    assert [r.json().get("source", "") or r.json()["scores"][0]["source"] for r in found] == ["computed", "computed"]


def test_a_writer_in_another_process_makes_it_wait_in_a_thread(state):
    import sqlite3

    customer = customer_with(None)
    answered(("/score", {"customer_ids": [customer]}))
    with sqlite3.connect(state.store.path, isolation_level=None, check_same_thread=False) as other:
        other.execute("BEGIN IMMEDIATE")
        assert state.log.append_at_once([{"kind": "score"}]) is None
        other.execute("ROLLBACK")
    assert len(state.log.append_at_once([{"kind": "score"}]) or []) == 1


def test_keys_are_checked_and_remembered(tmp_path, monkeypatch):
    for name, value in {"HOME": tmp_path, "LEDGER": tmp_path / "none", "REFRESH": "false"}.items():
        monkeypatch.setenv(f"TRADECREDIT_{name}", str(value))
    with TestClient(TradeCredit.to_asgi(), raise_server_exceptions=False) as client:
        Running.service_state.stop()
        served_models = ServedModels.of(Settings.from_environment(), champions())
        state = Running.service_state = ServiceState(
            served_models=served_models, log=DecisionLog(Store.at(tmp_path / "k.sqlite"))
        )
        customer, body = customer_with(None), json.dumps({"customer_ids": [customer_with(None)]})
        state.book.computed(champions(), [customer])
        state.book.warm(champions())
        keys = Keys(state.store)
        score, _ = keys.create("scores@x", ["score"])
        explain, _ = keys.create("explains@x", ["explain"])
        json_type = {"Content-Type": "application/json"}
        for _ in range(2):  # from the store, then from memory
            statuses = [
                client.post("/score", content=body, headers=json_type | given).status_code
                for given in ({"Authorization": f"Bearer {score}"}, {"Authorization": f"Bearer {explain}"}, {})
            ]
            assert statuses == [200, 403, 401]
        last = client.post("/score", content=body, headers=json_type | {"Authorization": f"Bearer {score}"}).json()
        assert state.log.read(last["scores"][0]["decision_id"]).content["by"] == "scores@x"
        assert client.post("/score", content=body, headers={"Content-Type": "text/plain"}).status_code == 415
