"""Rows sent to the running service: taken durably and once, refused with a reason, and known to the next score."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from starlette.testclient import TestClient

from models.registry import Settings
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.events import take_in
from serving.messages import EventsRequest, parsed
from serving.running import Running
from serving.sent_rows import SentRows
from serving.service import IN_PROCESS, ServiceState, TradeCredit
from serving.store import Store
from tests.served import champions, customer_with, small

LAST = small().prepared.data_known_to.isoformat()


@pytest.fixture
def client(tmp_path, monkeypatch) -> Iterator[TestClient]:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    monkeypatch.setenv("TRADECREDIT_LEDGER", str(tmp_path / "none"))
    monkeypatch.setenv("TRADECREDIT_REFRESH", "false")
    with TestClient(TradeCredit.to_asgi(), raise_server_exceptions=False) as client:
        Running.service_state.stop()
        serve(Store.at(tmp_path / "other.sqlite"))
        yield client


def serve(store: Store) -> None:
    served_models = ServedModels.of(Settings.from_environment(), champions())
    served_models.rows = SentRows(store)
    Running.service_state = ServiceState(served_models=served_models, log=DecisionLog(store))


def invoice(customer: str, name: str = "e-1", **other) -> dict:
    return {
        "invoice_id": name, "customer_id": customer, "kind": "invoice", "issued_on": LAST, "due_on": LAST,
        "amount": 1234.5, "currency": "EUR", **other,
    }  # fmt: skip


def balance(client: TestClient, customer: str) -> float:
    return client.post("/score", json={"customer_ids": [customer]}).json()["scores"][0]["open_items"]["balance"]


def test_the_next_score_knows_what_was_sent(client):
    customer = customer_with(None)
    before = balance(client, customer)
    answer = client.post("/events", json={"invoices": [invoice(customer)]})
    assert answer.status_code == 200
    assert answer.json()["accepted"] == {"invoices": 1}
    assert answer.json()["position"] == 1
    assert customer in [c["customer_id"] for c in answer.json()["scores"]["customers"]]
    assert balance(client, customer) == pytest.approx(before + 1234.5)
    paid = {"payment_id": "q-1", "customer_id": customer, "invoice_id": "e-1", "paid_on": LAST, "amount": 234.5,
            "currency": "EUR", "kind": "payment"}  # fmt: skip
    assert client.post("/events", json={"payments": [paid]}).json()["position"] == 2
    assert balance(client, customer) == pytest.approx(before + 1000)
    explained = client.post("/explain", json={"customer_id": customer}).json()
    assert explained["score"]["open_items"]["balance"] == pytest.approx(before + 1000)
    assert client.post("/predict_payments", json={"invoice_ids": ["e-1"]}).json()["items"][0]["open_amount"] == 1000


def test_instalments_that_are_sent_are_items_of_their_own(client):
    """300 in 3 × 100 due 30 days ago, 10 days ago and in 20 days: 200 more are past due, and three answers, one an instalment."""
    customer, last = customer_with(None), date.fromisoformat(LAST)
    overdue = client.post("/score", json={"customer_ids": [customer]}).json()["scores"][0]["open_items"]["overdue"]
    due = [(last + timedelta(days=ahead)).isoformat() for ahead in (-30, -10, 20)]
    issued = (last - timedelta(days=60)).isoformat()
    client.post("/events", json={"invoices": [invoice(customer, issued_on=issued, due_on=due[2], amount=300.0)]})
    plan = [{"invoice_id": "e-1", "number": k, "due_on": on, "amount": 100.0} for k, on in enumerate(due, start=1)]
    answer = client.post("/events", json={"instalments": plan}).json()
    assert customer in [c["customer_id"] for c in answer["scores"]["customers"]]
    (score,) = client.post("/score", json={"customer_ids": [customer]}).json()["scores"]
    assert score["open_items"]["overdue"] == pytest.approx(overdue + 200)
    items = client.post("/predict_payments", json={"invoice_ids": ["e-1"]}).json()["items"]
    assert [(i["instalment"], i["due_on"], i["open_amount"], i["days_past_due"]) for i in items] == [
        (1, due[0], 100, 30), (2, due[1], 100, 10), (3, due[2], 100, 0),
    ]  # fmt: skip
    paid = {"payment_id": "q-1", "customer_id": customer, "invoice_id": "e-1", "paid_on": LAST, "amount": 150.0,
            "currency": "EUR", "kind": "payment"}  # fmt: skip
    client.post("/events", json={"payments": [paid]})
    items = client.post("/predict_payments", json={"invoice_ids": ["e-1"]}).json()["items"]
    assert [(i["instalment"], i["open_amount"]) for i in items] == [(2, 50), (3, 100)]


def test_the_same_rows_again_change_nothing_and_another_content_corrects(client):
    customer = customer_with(None)
    before = balance(client, customer)
    for _ in range(2):
        client.post("/events", json={"invoices": [invoice(customer)]})
    again = client.post("/events", json={"invoices": [invoice(customer)]}).json()
    assert (again["accepted"], again["unchanged"], again["position"]) == ({}, {"invoices": 1}, 1)
    corrected = client.post("/events", json={"invoices": [invoice(customer, amount=2000.0)]}).json()
    assert corrected["corrected"] == {"invoices": 1}
    assert balance(client, customer) == pytest.approx(before + 2000)


def test_one_faulty_row_refuses_all_unless_partial_is_asked_for(client):
    customer = customer_with(None)
    rows = [
        invoice(customer),
        invoice("nobody", "e-2"),
        invoice(customer, "e-3", amount="11.000,50"),
        {"colour": "red"},
    ]
    whole = client.post("/events", json={"invoices": rows})
    assert whole.status_code == 422
    assert whole.json()["error"] == "rows_refused"
    assert {f["field"] for f in whole.json()["fields"]} == {"invoices[1]", "invoices[2].amount", "invoices[3].colour"}
    assert balance(client, customer) == balance(client, customer)
    partial = client.post("/events", json={"invoices": rows, "partial": True}).json()
    assert partial["accepted"] == {"invoices": 1}
    assert partial["refused_rows"] == 3


@pytest.mark.parametrize(
    ("table", "row", "says"),
    [
        ("payments", {"payment_id": "x", "customer_id": "C", "invoice_id": "none", "paid_on": LAST, "amount": 1,
                      "currency": "EUR", "kind": "payment"}, "must be an invoice of the ledger"),
        ("invoices", {"issued_on": "2100-01-01", "due_on": "2100-01-01"}, "lies in the future"),
        ("invoices", {"due_on": "2000-01-01"}, "on or after issued_on"),
        ("invoices", {"amount": 0}, "above 0"),
        ("invoices", {"amount": "1_000"}, "must be a number"),
        ("invoices", {"currency": "euro"}, "ISO 4217"),
        ("events", {"event_id": "x", "customer_id": "C", "occurred_on": LAST, "kind": "merged_into", "detail": "C"},
         "another customer"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_expected(client, table, row, says):
    customer = customer_with(None)
    row = {k: customer if v == "C" else v for k, v in row.items()}
    sent = {**invoice(customer), **row} if table == "invoices" else row
    answer = client.post("/events", json={table: [sent]})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_an_idempotency_key_answers_twice_and_takes_once(client):
    body, key = {"invoices": [invoice(customer_with(None))]}, {"Idempotency-Key": "k-1"}
    first, second = (client.post("/events", json=body, headers=key) for _ in range(2))
    assert first.json()["accepted"] == {"invoices": 1}
    assert body["invoices"][0]["customer_id"] in [c["customer_id"] for c in first.json()["scores"]["customers"]]
    assert second.json() == first.json()
    assert second.headers["idempotent-replay"] == "true"
    other = client.post("/events", json={"invoices": [invoice(customer_with(None), "e-9")]}, headers=key)
    assert (other.status_code, other.json()["error"]) == (409, "idempotency_key_reused")


def test_a_replay_of_a_request_that_was_cut_off_before_its_scores_makes_them(client):
    body, caller = {"invoices": [invoice(customer_with(None))]}, IN_PROCESS
    state = Running.service_state
    message = parsed(EventsRequest, json.dumps(body).encode())
    cut_off = take_in(state.served_models, state.store, message, replace(caller, subject="local"), "k-2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.events.SCORES_AWAITED_SECONDS", 0.0)
        again = client.post("/events", json=body, headers={"Idempotency-Key": "k-2"})
    assert again.headers["idempotent-replay"] == "true"
    assert {k: v for k, v in again.json().items() if k != "scores"} == cut_off.answer
    assert again.json()["scores"]["customers"]
    assert client.post("/events", json=body, headers={"Idempotency-Key": "k-2"}).json() == again.json()


def test_the_feed_says_whose_score_moved(client):
    customer = customer_with(None)
    client.post("/events", json={"invoices": [invoice(customer, amount=1e6)]})
    feed = client.get("/changes").json()
    assert (customer, "scored") in [(c["customer_id"], c["kind"]) for c in feed["changes"]]
    client.post("/events", json={"events": [
        {"event_id": "e", "customer_id": customer, "occurred_on": LAST, "kind": "insolvency"}
    ]})  # fmt: skip
    news = client.get("/changes", params={"after": feed["next"]}).json()["changes"]
    (change,) = [c for c in news if c["customer_id"] == customer]
    assert change["before"]["special"] is None
    assert change["after"]["special"] == "in_default"
    assert client.get("/changes", params={"after": "soon"}).status_code == 422


def test_a_service_that_starts_again_knows_all_rows_and_answers(client, tmp_path):
    customer = customer_with(None)
    client.post("/events", json={"invoices": [invoice(customer)]})
    expected = client.post("/score", json={"customer_ids": [customer]}).json()["scores"][0]
    serve(Store.at(tmp_path / "other.sqlite"))
    state = Running.service_state
    state.served_models.catch_up()
    assert state.served_models.living().position == 1
    assert state.book.load(state.served_models.champions()) >= 1
    again = client.post("/score", json={"customer_ids": [customer]}).json()["scores"][0]
    assert plain(again) == plain(expected)


HOW = ("decision_id", "source", "ledger_position")


def plain(answer: dict) -> dict:
    """An answer without what says how it was given."""
    return {k: v for k, v in answer.items() if k not in HOW}


def filled() -> None:
    """Keep every customer's score, explanations and payment curves, as the background does."""
    while not Running.service_state.book.refresh_some():
        pass


def test_answers_from_the_book_are_those_computed_now(client):
    ids = [str(i) for i in small().ledger.customers["customer_id"]]
    cold = client.post("/score", json={"customer_ids": ids}).json()["scores"]
    state = Running.service_state
    filled()
    warm = client.post("/score", json={"customer_ids": ids}).json()["scores"]
    assert [plain(a) for a in cold] == [plain(a) for a in warm]
    assert {(a["source"], a["ledger_position"]) for a in cold} == {("computed", 0)}
    assert {(a["source"], a["ledger_position"]) for a in warm} == {("stored", 0)}
    first = state.log.read(cold[5]["decision_id"]).content
    second = state.log.read(warm[5]["decision_id"]).content
    assert first["answer"] == second["answer"]
    assert first["inputs"] == second["inputs"]
    assert state.log.verify().is_whole


@pytest.mark.parametrize("special", [None, "in_default", "stale_data", "no_history"])
def test_stored_explanations_and_curves_are_those_computed_now(client, special):
    customer = customer_with(special)
    bodies = [{"customer_id": customer, "target": t, "language": k} for t in ("pd", "delay") for k in ("en", "zh")]
    cold = [client.post("/explain", json=body).json() for body in bodies]
    curves = client.post("/predict_payments", json={"customer_ids": [customer]}).json()
    filled()
    warm = [client.post("/explain", json=body).json() for body in bodies]
    again = client.post("/predict_payments", json={"customer_ids": [customer]}).json()
    assert [plain(a) for a in cold] == [plain(a) for a in warm]
    assert {a["source"] for a in cold} == {"computed"}
    assert {a["source"] for a, body in zip(warm, bodies, strict=True) if body["language"] == "en"} == {"stored"}
    assert [plain(item) for item in curves["items"]] == [plain(item) for item in again["items"]]
    assert {item["source"] for item in again["items"]} <= {"stored"}
    log = Running.service_state.log
    for a, b in zip([*cold, *curves["items"]], [*warm, *again["items"]], strict=True):
        one, two = (log.read(answer["decision_id"]).content for answer in (a, b))
        for name in ("kind", "asked", "inputs", "answer", "models", "policies", "ledger_fingerprint"):
            assert one[name] == two[name], name
    if again["items"]:
        (item,) = client.post("/predict_payments", json={"invoice_ids": [again["items"][0]["invoice_id"]]}).json()[
            "items"
        ]
        assert (plain(item), item["source"]) == (plain(again["items"][0]), "stored")
    assert log.verify().is_whole


def test_an_event_makes_the_touched_customers_parts_anew_and_leaves_the_others(client):
    customer, other = customer_with(None), customer_with("in_default")
    filled()
    client.post("/events", json={"invoices": [invoice(customer, amount=77_777.0)]})
    state, asked = Running.service_state, [{"customer_id": c} for c in (customer, other)]
    first = [client.post("/explain", json=body).json() for body in asked]
    assert [a["source"] for a in first] == ["computed", "stored"]
    assert set(state.book.bare(state.served_models.champions())) <= state.served_models.living().touched
    filled()
    second = [client.post("/explain", json=body).json() for body in asked]
    assert [(a["source"], a["ledger_position"]) for a in second] == [("stored", 1), ("stored", 0)]
    assert [plain(a) for a in first] == [plain(a) for a in second]


def test_an_explanation_that_is_given_again_is_the_same_and_another_row_makes_another(client):
    customer = customer_with(None)
    state = Running.service_state
    filled()
    first, second = (client.post("/explain", json={"customer_id": customer}).json() for _ in range(2))
    ids = {first.pop("decision_id"), second.pop("decision_id")}
    assert len(ids) == 2
    assert first == second
    (one, two) = (state.log.read(i).content for i in sorted(ids))
    assert one["answer"] == two["answer"]
    client.post("/events", json={"invoices": [invoice(customer, amount=77_777.0)]})
    third = client.post("/explain", json={"customer_id": customer}).json()
    assert third["score"]["open_items"]["balance"] == pytest.approx(first["score"]["open_items"]["balance"] + 77_777)
