"""The document is true: its routes are the service's, its examples are answered, its forms are the answers' forms."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from starlette.routing import Route
from starlette.testclient import TestClient

from cli.openapi import command
from models.registry import Settings
from serving import api
from serving.openapi import READS, document
from serving.running import Running
from serving.service import ROUTES, TradeCredit
from tests.running_service import service_client
from tests.served import small


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient]:
    with service_client(tmp_path_factory.mktemp("home")) as client:
        yield client


def example(client: TestClient, route: api.Route) -> dict:
    """A route's example; what only a running service can give is filled in."""
    body = dict(route.example)
    if "decision_id" in body:
        review = next(r for r in api.ROUTES if r.path == "/review")
        body["decision_id"] = client.post("/review", json=dict(review.example)).json()["decision_id"]
    return body


@pytest.mark.parametrize("route", [*api.ROUTES, api.EVENTS], ids=lambda route: route.path)
def test_each_example_is_answered_in_the_form_that_the_document_says(client, route):
    answer = client.post(route.path, json=example(client, route))
    assert answer.status_code == 200, answer.text
    found = route.answer.model_validate_json(answer.text)
    lacking = [name for name in route.answer.model_fields if name not in found.model_fields_set]
    optional = [name for name, field in route.answer.model_fields.items() if not field.is_required()]
    assert set(lacking) <= set(optional)


def test_the_document_lists_every_route_and_no_other(client):
    # the pages' routes live in modules of their own
    served = {r.path for r in ROUTES.routes if isinstance(r, Route) and r.endpoint.__module__ == "serving.service"}
    assert served - {"/openapi.json", "/docs.json", "/docs", "/metrics"} == set(document()["paths"])
    assert client.get("/openapi.json").json() == client.get("/docs.json").json() == document()
    assert json.loads(CliRunner().invoke(command).output) == document()
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"].endswith("."), (path, method)
            assert "200" in operation["responses"]


def test_reads_are_answered_in_their_form(client):
    job = client.post("/jobs/score", json={"customer_ids": ["C0000001", "C0000003"]}).json()
    for path, (_, answer, _, _) in READS.items():
        found = client.get(path.format(job_id=job["job_id"]))
        assert found.status_code == 200
        answer.model_validate_json(found.text)


def test_a_job_scores_the_whole_ledger_with_the_numbers_of_the_route(client):
    import io

    import pandas as pd

    job = client.post("/jobs/score", json={"explain": True}).json()
    deadline = time.monotonic() + 60
    while (found := client.get(f"/jobs/{job['job_id']}").json())["status"] not in ("done", "failed"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (found["status"], found["done"]) == ("done", found["total"])
    frame = pd.read_parquet(io.BytesIO(client.get(found["result"]).content)).set_index("customer_id")
    assert len(frame) == len(Running.service_state.served_models.champions().living.base.prepared.owners.ids)
    (score,) = client.post("/score", json={"customer_ids": ["C0000003"]}).json()["scores"]
    assert frame.loc["C0000003", "pd"] == score["pd"]
    assert frame.loc["C0000003", "reasons_en"]
    assert client.get("/jobs/nothing").status_code == 404
    assert client.post("/jobs/score", json={"customer_ids": ["nobody"]}).status_code == 404


def test_bentoml_s_own_clients_know_every_route(client):
    names = {route["name"] for route in client.get("/schema.json").json()["routes"]}
    assert names == {route.name for route in (*api.ROUTES, api.EVENTS)}


def test_in_process_a_method_answers_as_the_route_does(client):
    service = TradeCredit.inner.__new__(TradeCredit.inner)
    method = TradeCredit.apis["score"].func
    found = method(service, customer_ids=["C0000003"])
    assert found["scores"][0]["pd"] == small().scorer.score(["C0000003"]).customers["pd"].iloc[0]


def test_the_reading_page_has_no_script_and_names_every_route(client):
    page = client.get("/docs")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert all(f"{path}</code>" in page.text for path in document()["paths"])


def test_a_webhook_is_posted_signed_in_order_and_again_until_it_is_taken(client, tmp_path):
    import hashlib
    import hmac
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    import httpx

    from serving.webhooks import Webhook

    seen: list[tuple[dict, bytes, dict]] = []
    statuses = [500, 200]

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((json.loads(body), body, dict(self.headers)))
            self.send_response(statuses.pop(0))
            self.end_headers()

        def log_message(self, *_):
            return None

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    try:
        store = Running.service_state.store
        assert client.get("/changes").json()["changes"]
        hook = Webhook(Settings(webhook_url=f"http://127.0.0.1:{receiver.server_port}/", webhook_secret="s"), store)
        with pytest.raises(httpx.HTTPStatusError):
            hook.send_some()
        assert hook.send_some() is True
        assert hook.send_some() is False
    finally:
        receiver.shutdown()
    (first, body, headers), (second, _, _) = seen
    assert first == second == client.get("/changes", params={"most": 500}).json()
    signed = hmac.new(b"s", headers["X-Tradecredit-Time"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Tradecredit-Signature"] == signed
