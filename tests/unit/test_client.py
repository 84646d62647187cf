"""The typed client: what it sends again, with which key, how long it waits, and what it gives up with."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from serving import client as client_module
from serving.client import Client, Refused

TAKEN = {
    "position": 1, "data_known_to": "2024-06-30", "accepted": {"invoices": 1}, "corrected": {}, "unchanged": {},
    "refused": [], "refused_rows": 0,
}  # fmt: skip


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """The seconds that the client waited; none really pass."""
    found: list[float] = []
    monkeypatch.setattr(client_module.time, "sleep", found.append)
    return found


def answering(*answers: Any) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """A service that gives these answers one after the other: (status, body, headers), or an exception to raise."""
    left, seen = list(answers), []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = answer
        return httpx.Response(status, json=body, headers=headers)

    return httpx.MockTransport(handle), seen


def problem(word: str) -> dict[str, str]:
    return {"error": word, "detail": "why", "request_id": "r1"}


def test_a_lost_connection_and_a_busy_service_are_asked_again_with_the_same_key(waits):
    transport, seen = answering(
        httpx.ConnectError("refused"), httpx.ReadError("reset"), (503, problem("store_unavailable"), {"Retry-After": "3"}),
        (200, TAKEN, {}),
    )  # fmt: skip
    with Client("http://service", key="tc_x", transport=transport) as client:
        answer = client.send_events(invoices=[{"invoice_id": "a"}])
    assert answer.accepted == {"invoices": 1}
    assert len(seen) == 4
    assert len({request.headers["Idempotency-Key"] for request in seen}) == 1
    assert len({request.content for request in seen}) == 1
    assert {request.headers["Authorization"] for request in seen} == {"Bearer tc_x"}
    assert 0.05 <= waits[0] <= 0.1
    assert 0.1 <= waits[1] <= 0.2
    assert waits[2] == 3.0  # what the service asked for


def test_each_call_that_writes_has_a_key_of_its_own_and_a_read_has_none(waits):
    transport, seen = answering((200, TAKEN, {}), (200, TAKEN, {}), (200, {"changes": [], "next": 0}, {}))
    with Client("http://service", transport=transport) as client:
        client.send_events(invoices=[])
        client.send_events(invoices=[], idempotency_key="mine")
        client.changes()
    keys = [request.headers.get("Idempotency-Key") for request in seen]
    assert keys[0] != keys[1] == "mine"
    assert keys[2] is None
    assert "Authorization" not in seen[0].headers
    assert json.loads(seen[0].content) == {"invoices": []}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
def test_a_refusal_is_not_asked_again_and_says_why(waits, status):
    fields = [{"field": "customer_ids", "expected": "at least one"}]
    transport, seen = answering((status, {**problem("some_word"), "fields": fields}, {}))
    with (
        Client("http://service", transport=transport) as client,
        pytest.raises(Refused, match="some_word: why") as refused,
    ):
        client.score(customer_ids=[])
    assert (refused.value.status, refused.value.error, refused.value.fields) == (status, "some_word", fields)
    assert refused.value.request_id == "r1"
    assert (len(seen), waits) == (1, [])


def test_it_gives_up_after_its_tries_with_the_last_answer_or_a_connection_error(waits):
    busy = (429, problem("too_many_requests"), {"Retry-After": "600"})
    transport, seen = answering(busy, busy, busy)
    with Client("http://service", tries=3, longest_wait=2.0, transport=transport) as client, pytest.raises(Refused):
        client.score(customer_ids=["a"])
    assert (len(seen), waits) == (3, [2.0, 2.0])  # never longer than the longest wait
    transport, seen = answering(*[httpx.ConnectError("refused")] * 2)
    with (
        Client("http://service", tries=2, transport=transport) as client,
        pytest.raises(ConnectionError, match="2 tries"),
    ):
        client.score(customer_ids=["a"])
