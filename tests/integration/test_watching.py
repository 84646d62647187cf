"""What an operator watches: every metric that the docs name, with values that a request moved, and log lines without data."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from serving.logs import ROOT, JsonLines
from serving.metrics import psi
from serving.running import Running
from tests.running_service import service_client
from tests.served import customer_with, small


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient]:
    with service_client(tmp_path_factory.mktemp("home")) as client:
        yield client


def values(client: TestClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of /metrics: (name, labels) -> value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text) for sample in family.samples
    }  # fmt: skip


def labelled(name: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, tuple(sorted(labels.items()))


def test_every_metric_is_there_and_moves_with_what_happens(client):
    before = values(client)
    customer_id = customer_with(None)
    score = client.post("/score", json={"customer_ids": [customer_id]}).json()["scores"][0]
    client.post("/score", json={"customer_ids": ["nobody"]})
    client.post("/score", content="{", headers={"Content-Type": "application/json"})
    invoice = {"invoice_id": "w-1", "customer_id": customer_id, "kind": "invoice", "amount": 1.0, "currency": "EUR",
               "issued_on": small().prepared.data_known_to.isoformat(), "due_on": small().prepared.data_known_to.isoformat()}  # fmt: skip
    assert client.post("/events", json={"invoices": [invoice]}).status_code == 200
    client.get("/jobs/nothing")
    client.get("/no/such/path/1")
    client.get("/no/such/path/2")
    after = values(client)

    def moved(name: str, **labels: str) -> float:
        key = labelled(name, **labels)
        return after[key] - before.get(key, 0.0)

    assert moved("tradecredit_scores_total", grade=score["grade"]) >= 1  # scores by grade
    assert moved("tradecredit_refusals_total", error="unknown_customer") == 1  # refusals by reason
    assert moved("tradecredit_refusals_total", error="broken_json") == 1
    assert moved("tradecredit_refusals_total", error="not_found") == 2
    assert moved("tradecredit_rows_taken_total", table="invoices") == 1
    assert moved("tradecredit_requests_total", route="/score", method="POST", status="200") == 1
    assert moved("tradecredit_requests_total", route="/jobs/{job_id}", method="GET", status="404") == 1
    assert moved("tradecredit_requests_total", route="other", method="GET", status="404") == 2  # bounded labels
    assert moved("tradecredit_request_seconds_count", route="/score") == 3
    assert after[labelled("tradecredit_requests_running")] == 1  # this one
    known_to = Running.service_state.served_models.champions().living.known_to
    assert (
        after[labelled("tradecredit_ledger_age_days")] == (datetime.now(UTC).date() - known_to).days
    )  # age of the book
    assert after[labelled("tradecredit_ledger_position")] == 1
    assert after[labelled("tradecredit_event_lag_rows")] == 0
    assert after[labelled("tradecredit_champion", model="tradecredit-default", version="1")] == 1
    assert moved("tradecredit_decision_records") >= 1
    store = Running.service_state.store
    assert after[labelled("tradecredit_store_bytes")] >= store.path.stat().st_size > 0  # log size in bytes
    assert labelled("tradecredit_scores_stale") in after  # stale answers
    assert moved("tradecredit_scores_computed_on_request_total") >= 1
    assert labelled("tradecredit_grade_drift_psi") in after  # drift of the last hour


def test_drift_by_hand():
    # 50 : 50 against 75 : 25, half a count added to each bin
    p, q = (50.5 / 101, 50.5 / 101), (75.5 / 101, 25.5 / 101)
    import math

    expected = sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert psi({"R01": 50, "R02": 50}, {"R01": 75, "R02": 25}) == pytest.approx(expected)
    assert math.isnan(psi({}, {"R01": 1}))


def test_log_lines_are_json_with_the_request_s_id_and_nothing_that_was_sent(client):
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger(ROOT)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        client.post("/score?secret=1", json={"customer_ids": ["C-SECRET"]}, headers={"X-Request-ID": "mine-1"})
        client.get("/jobs/J-SECRET")
        client.get("/C-SECRET")
        client.get("/livez")
        logging.getLogger("tradecredit.serving").warning("not changed: %s", "why")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    first, job, unknown, warning = lines  # probes write no line
    assert (first["request_id"], first["method"], first["route"], first["status"]) == ("mine-1", "POST", "/score", 404)
    assert first["error"] == "unknown_customer"
    assert first["ms"] > 0
    assert (job["route"], unknown["route"]) == ("/jobs/{job_id}", "other")
    assert (warning["level"], warning["message"]) == ("warning", "not changed: why")
    assert "SECRET" not in written.getvalue()
    assert "secret" not in written.getvalue()
