"""The service over HTTP, in this process: every answer, every kind of error in one form, and nothing of the inside."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from models.registry import Settings
from serving import answers
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.logs import JsonLines
from serving.messages import LARGEST_BODY, MOST_CUSTOMERS
from serving.running import Running
from serving.service import ServiceState, TradeCredit
from tests.served import champions, customer_with, small

POSTS = ("/score", "/score_ledger", "/predict_payments", "/explain", "/review", "/what_if", "/decide")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADECREDIT_HOME", str(home))
        patch.setenv("TRADECREDIT_LEDGER", str(home / "none"))
        with TestClient(TradeCredit.to_asgi(), raise_server_exceptions=False) as client:
            Running.service_state.stop()
            settings = Settings.from_environment()
            Running.service_state = ServiceState(
                served_models=ServedModels.of(settings, champions()), log=DecisionLog(home / "other.sqlite")
            )
            yield client


@pytest.fixture
def customer() -> str:
    return customer_with(None)


def is_form(answer) -> bool:
    body = answer.json()
    return {"error", "detail", "request_id"} <= set(body) <= {"error", "detail", "request_id", "fields"} and bool(
        body["detail"]
    )


def test_a_score_carries_all_that_stands_beside_a_number(client, customer):
    answer = client.post("/score", json={"customer_ids": [customer]})
    assert answer.status_code == 200
    (found,) = answer.json()["scores"]
    assert set(found) >= {
        "pd", "horizon_months", "grade", "expected_loss", "delay", "open_items", "special", "model", "as_of",
        "data_known_to",
        "decision_id",
    }  # fmt: skip
    assert set(found["model"]) == {"name", "version", "run_id"}
    assert 0 < found["pd"] < 1
    assert set(found["delay"]) >= {f"p_late_{k}" for k in (1, 5, 30, 60, 90)} | {"days_late_p10", "days_late_mean"}
    scores = small().scorer.score([customer]).customers
    assert found["pd"] == scores["pd"].iloc[0]  # the same number as without a server, to the last bit
    assert found["delay"]["p_late_30"] == scores["p_late_30"].iloc[0]


def test_the_other_routes_answer(client, customer):
    assert client.post("/explain", json={"customer_id": customer}).json()["additivity_residual"] < 1e-6
    zh = client.post("/explain", json={"customer_id": customer, "target": "delay", "language": "zh"})
    assert zh.status_code == 200
    assert client.post("/review", json={"customer_id": customer, "requested_limit": 5000, "currency": "EUR"}).json()[
        "arithmetic"
    ]
    assert client.post("/predict_payments", json={"customer_ids": [customer]}).json()["items"]
    review = {"customer_id": customer, "requested_limit": 5000, "currency": "EUR"}
    said = {"decision_id": client.post("/review", json=review).json()["decision_id"], "action": "decline", "by": "ann"}
    assert client.post("/decide", json=said).status_code == 422  # without a reason
    assert client.post("/decide", json={**said, "reason": "insolvency rumours"}).json()["status"] in (
        "decided", "proposed",
    )  # fmt: skip
    assert client.post("/decide", json={**said, "reason": "insolvency rumours"}).status_code == 409
    supposed = {"customer_id": customer, "requested_limit": 5000, "currency": "EUR", "features": {"rating_risk": None}}
    assert set(client.post("/what_if", json=supposed).json()) >= {"before", "after", "moved", "next_better_grade"}
    health = client.get("/health/model").json()
    assert [m["name"] for m in health["models"]] == ["tradecredit-default", "tradecredit-delay"]
    assert health["ledger"]["data_known_to"] == small().prepared.data_known_to.isoformat()


BAD = [
    ("/score", {"customer_ids": []}, 422, "customer_ids"),
    ("/score", {}, 422, "customer_ids: is required"),
    ("/score", {"customer_ids": ["nobody"]}, 404, "'nobody' not in the ledger"),
    ("/score", {"customer_ids": ["C"], "unknown": 1}, 422, "unknown: is not a field"),
    ("/score", {"customer_ids": ["C"], "as_of": "31/12/2023"}, 422, "as_of: must be a date as YYYY-MM-DD"),
    ("/score", {"customer_ids": "C"}, 422, "customer_ids"),
    ("/score", {"customer_ids": [1]}, 422, "customer_ids[0]"),
    ("/score", {"customer_ids": ["C"] * (MOST_CUSTOMERS + 1)}, 413, "at most 1,000"),
    ("/explain", {"customer_id": "C", "target": "x"}, 422, "target: must be one of"),
    ("/explain", {"customer_id": "C", "language": "fr"}, 422, "language: must be one of"),
    ("/review", {"customer_id": "C", "requested_limit": -1, "currency": "EUR"}, 422, "requested_limit"),
    ("/review", {"customer_id": "C", "requested_limit": 1, "currency": "euro"}, 422, "ISO 4217"),
    ("/review", {"customer_id": "nobody", "requested_limit": 1, "currency": "EUR"}, 404, "nobody"),
    ("/what_if", {"customer_id": "C", "currency": "EUR"}, 422, "requested_limit: is required"),
    (
        "/what_if",
        {"customer_id": "C", "requested_limit": 1, "currency": "EUR", "features": {"late_share_12m": "high"}},
        422,
        "features.late_share_12m",
    ),
    (
        "/what_if",
        {"customer_id": "C", "requested_limit": 1, "currency": "EUR", "invoices": [{"invoice_id": []}]},
        422,
        "invoices[0].invoice_id",
    ),
    ("/what_if", {"customer_id": "nobody", "requested_limit": 1, "currency": "EUR"}, 404, "nobody"),
    ("/decide", {"decision_id": "d", "action": "grant", "by": "ann"}, 422, "action: must be one of"),
    ("/decide", {"decision_id": "d", "action": "decline"}, 422, "by: is required"),
    ("/decide", {"decision_id": "d", "action": "decline", "by": "ann", "reason": "not known"}, 404, "no such decision"),
    ("/predict_payments", {}, 422, "give one of the two"),
    ("/predict_payments", {"invoice_ids": ["nothing"]}, 404, "'nothing' not in the ledger"),
    ("/score_ledger", {"customers": [{"customer_id": "a"}], "invoices": []}, 422, "invoices"),
    ("/score_ledger", {"customers": [{"customer_id": "a"}], "invoices": [{"invoice_id": "1"}]}, 422, "customer_id"),
    (
        "/score_ledger",
        {"customers": [{"customer_id": "a", "colour": "red"}], "invoices": [{"invoice_id": "1"}]},
        422,
        "colour",
    ),
    (
        "/score_ledger",
        {"customers": [{"customer_id": ["a"]}], "invoices": [{"invoice_id": "1"}]},
        422,
        "customers[0].customer_id",
    ),
    ("/score_ledger", {"tables": []}, 422, "tables: is not a field"),
    ("/score_ledger", {"customers": [{}], "invoices": [{}]}, 422, "hold no column"),
]


@pytest.mark.parametrize(("route", "body", "status", "says"), BAD)
def test_a_wrong_request_gets_its_clear_4xx_with_the_path_and_what_was_expected(client, route, body, status, says):
    answer = client.post(route, json=body)
    assert answer.status_code == status
    assert is_form(answer)
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("route", POSTS)
@pytest.mark.parametrize("body", [b"", b"{", b'{"customer_ids": [NaN]}', b"\xff\xfe", b'{"requested_limit": Infinity}'])
def test_what_is_not_json_is_400(client, route, body):
    answer = client.post(route, content=body)
    assert answer.status_code == 400
    assert is_form(answer)


def test_a_day_to_come_is_refused_with_the_last_known_one(client, customer):
    answer = client.post("/score", json={"customer_ids": [customer], "as_of": "2999-01-01"})
    assert answer.status_code == 422
    assert answer.json()["error"] == "as_of_after_data"
    assert small().prepared.data_known_to.isoformat() in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/nothing", "/static_content/swagger-ui.css", "/score/", "/../etc/passwd"])
def test_unknown_routes_have_the_same_form_and_bentoml_s_own_page_is_not_there(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert is_form(answer)


@pytest.mark.parametrize("path", POSTS)
def test_the_wrong_method_says_which_is_right(client, path):
    answer = client.get(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert is_form(answer)


def test_too_much_is_413_whether_it_says_so_or_not(client):
    assert client.post("/score", content=b" " * (LARGEST_BODY + 1)).status_code == 413
    parts = (b" " * 2**20 for _ in range(LARGEST_BODY // 2**20 + 1))
    answer = client.post("/score", content=parts)
    assert answer.status_code == 413
    assert is_form(answer)


def test_another_site_s_page_cannot_ask(client, customer):
    answer = client.post("/score", json={"customer_ids": [customer]}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert is_form(answer)


def test_what_nobody_expected_is_500_without_a_word_of_the_inside(client, customer, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError(f"secret of {customer}")

    monkeypatch.setattr(answers, "score", broken)
    with caplog.at_level(logging.INFO):
        answer = client.post("/score", json={"customer_ids": [customer]}, headers={"X-Request-ID": "my-1"})
    assert answer.status_code == 500
    assert is_form(answer)
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "my-1"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "request my-1 failed: RuntimeError" in caplog.text
    assert customer not in caplog.text


def test_an_explanation_that_does_not_add_up_is_500_and_not_an_answer(client, customer, monkeypatch):
    from models.default.model import DefaultModel

    honest = DefaultModel.contributions
    monkeypatch.setattr(DefaultModel, "contributions", lambda self, X: (honest(self, X)[0] + 1e-5, honest(self, X)[1]))
    answer = client.post("/explain", json={"customer_id": customer})
    assert answer.status_code == 500
    assert is_form(answer)


def test_nothing_personal_is_logged(client, customer, caplog):
    with caplog.at_level(logging.DEBUG):
        client.post("/score", json={"customer_ids": [customer, "someone-else"]})
        client.post("/explain", json={"customer_id": customer, "language": "fr"})
        client.get(f"/customer?id={customer}")
    lines = "\n".join(JsonLines().format(record) for record in caplog.records)  # as a worker writes them
    assert '"route": "/score", "status": 404' in lines
    assert "someone-else" not in lines
    assert customer not in lines.replace(f'id={customer} \\"HTTP', "")  # httpx's own line, the client's side
    assert customer not in caplog.text.replace(f'id={customer} "HTTP', "")  # httpx's own line, the client's side
    assert "someone-else" not in caplog.text


def test_without_a_model_every_number_is_refused_with_the_reason(client, customer, monkeypatch, tmp_path):
    service_state = Running.service_state
    monkeypatch.setattr(
        Running,
        "service_state",
        ServiceState(served_models=ServedModels(Settings.from_environment()), log=service_state.log),
    )
    before = service_state.log.verify().records
    body = {"customer_id": customer, "customer_ids": [customer], "requested_limit": 1, "currency": "EUR"}
    for route, keys in {
        "/score": ["customer_ids"],
        "/explain": ["customer_id"],
        "/review": ["customer_id", "requested_limit", "currency"],
    }.items():
        answer = client.post(route, json={k: body[k] for k in keys})
        assert answer.status_code == 503
        assert is_form(answer)
        assert "being read" in answer.json()["detail"]
    assert client.get("/readyz").status_code == client.get("/health/model").status_code == 503
    assert is_form(client.get("/readyz"))
    assert client.get("/livez").status_code == 200
    page = client.get("/")
    assert page.status_code == 200
    assert "No score can be given now" in page.text
    assert service_state.log.verify().records == before


def test_pages_load_nothing_from_elsewhere_and_only_one_script_of_their_own(client, customer):
    for path in (
        "/",
        f"/customer?id={customer}",
        f"/customer?id={customer}&language=zh",
        "/models",
        "/policy",
        "/watch_list",
    ):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.text.count("<script") == answer.text.count('<script src="/workbench.js" defer></script>') == 1
        assert "googletagmanager" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert " style=" not in answer.text
        for link in answer.text.split('href="')[1:]:
            assert link.startswith(("/", "?", "#", "data:,"))
    assert client.get("/style.css").status_code == client.get("/workbench.js").status_code == 200
    assert "url(" not in client.get("/style.css").text


def test_opening_pages_writes_nothing(client, customer):
    before = Running.service_state.log.head()
    for path in (
        "/",
        "/?q=c",
        "/watch_list",
        "/models",
        "/policy",
        f"/customer?id={customer}&limit=5,000&show=changes",
    ):
        assert client.get(path).status_code == 200
    assert Running.service_state.log.head() == before


def test_the_page_shows_a_person_the_answer_or_why_there_is_none(client, customer):
    page = client.get("/customer", params={"id": customer, "limit": "5,000"})
    assert page.status_code == 200
    assert "Recommended" in page.text
    assert "Lowers the risk" in page.text
    nobody = client.get("/customer", params={"id": "<b>nobody</b>"})
    assert nobody.status_code == 404
    assert "<b>nobody</b>" not in nobody.text
    assert client.get("/customer", params={"id": customer, "limit": "much"}).status_code == 422
    special = client.get("/customer", params={"id": customer_with("in_default"), "limit": "1000"})
    assert "In default since" in special.text


def test_too_many_at_once_are_told_when_to_come_back(monkeypatch):
    import anyio

    from serving.http import Front, Guards

    async def ask():
        sent = []

        async def app(scope, receive, send):
            raise AssertionError("not reached")

        front = Front(app, lambda: None, lambda: Guards(busy_after=0))

        async def receive():
            return {"type": "http.request", "body": b"{}"}

        async def send(message):
            sent.append(message)

        await front({"type": "http", "path": "/score", "method": "POST", "headers": []}, receive, send)
        return sent

    start, body = anyio.run(ask)
    assert start["status"] == 429
    assert dict(start["headers"])[b"retry-after"] == b"1"
    assert json.loads(body["body"])["error"] == "too_many_requests"


def test_answers_outlive_the_answering(client, customer):
    found = client.post("/score", json={"customer_ids": [customer]}).json()["scores"][0]
    record = Running.service_state.log.read(found["decision_id"])
    assert record.content["answer"]["pd"] == found["pd"]
    assert Path(Running.service_state.log.path).exists()
