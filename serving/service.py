"""HTTP only: which route asks what, on a BentoML service. What is answered is made in serving.answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import bentoml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from models.registry import Settings
from serving import answers, changes, decide, events, running, what_if
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.errors import Problem
from serving.http import PROBES, Front, Guards
from serving.identity import Caller, refuse_open_keyless
from serving.messages import (
    DecideRequest,
    EventsRequest,
    ExplainRequest,
    LedgerRequest,
    Message,
    PaymentsRequest,
    ReviewRequest,
    ScoreRequest,
    WhatIfRequest,
    parsed,
)
from serving.metrics import Metrics
from serving.page_routes import PAGE_ROUTES
from serving.running import in_thread, state
from serving.score_book import MOST_AT_ONCE
from serving.sent_rows import SentRows
from serving.state import ServiceState
from serving.store import Store

__all__ = ["Running", "ServiceState", "TradeCredit"]

Answer = Callable[[ServiceState, Caller, Any], dict[str, Any] | str]


ANSWERS: dict[str, tuple[type[Message], str, Answer]] = {
    "/score": (ScoreRequest, "score", lambda o, c, m: score_or_text(o, c, m)),
    "/score_ledger": (
        LedgerRequest, "score",
        lambda o, c, m: answers.score_ledger(o.served_models.champions(), o.log.by(c.subject), m),
    ),
    "/predict_payments": (
        PaymentsRequest, "score",
        lambda o, c, m: answers.predict_payments(o.served_models.champions(), o.log.by(c.subject), m),
    ),
    "/explain": (
        ExplainRequest, "explain",
        lambda o, c, m: answers.explain(o.served_models.champions(), o.log.by(c.subject), m, o.book),
    ),
    "/review": (
        ReviewRequest, "review",
        lambda o, c, m: answers.review(o.served_models.champions(), o.log.by(c.subject), m, o.book),
    ),
    "/decide": (
        DecideRequest, "decide", lambda o, c, m: decide.decide(o.served_models.champions(), o.log, m, c, o.authority),
    ),
    "/what_if": (
        WhatIfRequest, "review",
        lambda o, c, m: what_if.what_if(o.served_models.champions(), o.log.by(c.subject), m, o.book),
    ),
}  # fmt: skip


def score_or_text(o: ServiceState, caller: Caller, asked: ScoreRequest) -> dict[str, Any] | str:
    """Return `/score`: as text from the read model where it holds every customer, else computed now."""
    champions, log = o.served_models.champions(), o.log.by(caller.subject)
    held = answers.score_text(champions, log, asked, o.book)
    if held is not None:
        METRICS.answered((o.book.grade_of(i) for i in asked.customer_ids), 0)
        return held
    found = answers.score(champions, log, asked, o.book)
    METRICS.answered((answer["grade"] for answer in found["scores"]), len(found["scores"]))
    return found


def _post(path: str) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of one POST route: identify the caller, parse, answer in a thread, write JSON without NaN."""
    kind, scope, answer = ANSWERS[path]

    async def endpoint(request: Request) -> Response:
        body, authorization = await json_body(request), request.headers.get("authorization")

        def work() -> str:
            caller = state().identity.caller(authorization)
            caller.need(scope)
            found = answer(state(), caller, parsed(kind, body))
            return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, allow_nan=False)

        return Response(await in_thread(work), media_type="application/json")

    return endpoint


async def json_body(request: Request) -> bytes:
    """Return a request's body. Raises Problem 415 where it says that it is something else than JSON."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(
            status=415, error="unsupported_media_type", detail="send JSON and say so: Content-Type: application/json."
        )
    return await request.body()


async def take_events(request: Request) -> Response:
    """Take rows into the ledger; the customers that they touch are scored before the answer, where they are few."""
    body, headers = await json_body(request), request.headers

    def work() -> tuple[str, bool]:
        caller = state().identity.caller(headers.get("authorization"))
        caller.need("events")
        key = events.idempotency_key_of(headers.get("idempotency-key"))
        intake = events.take_in(state().served_models, state().store, parsed(EventsRequest, body), caller, key)
        answer = dict(intake.answer)
        for table, count in {**answer["accepted"], **answer["corrected"]}.items():
            METRICS.rows.labels(table=table).inc(0 if intake.is_replay else count)
        if not intake.is_replay:
            answer["scores"] = rescored(state(), intake)
        return json.dumps(answer, ensure_ascii=False, allow_nan=False), intake.is_replay

    text, is_replay = await in_thread(work)
    return Response(text, media_type="application/json", headers={"Idempotent-Replay": "true"} if is_replay else None)


def rescored(o: ServiceState, intake: events.Intake) -> dict[str, Any]:
    """Return what came of the touched customers' scores; `pending` where they are computed in the background."""
    position = int(intake.answer["position"])
    o.book.moved(intake.touched, position)
    if o.served_models.why_not is not None:
        return {"pending": "no model is served"}
    if intake.touched is None or len(intake.touched) > MOST_AT_ONCE:
        return {"pending": "the day or the book's structure moved: scores follow in GET /changes, an asked one at once"}
    champions = o.served_models.champions()
    found = o.book.computed(champions, sorted(intake.touched)) if intake.touched else {}
    return {
        "customers": [
            {"customer_id": i, **dict(zip(("pd", "grade", "special"), current.summary, strict=True))}
            for i, current in sorted(found.items())
        ]
    }


async def get_changes(request: Request) -> Response:
    """What changed since a position of the feed: scores by customer, oldest first."""
    authorization = request.headers.get("authorization")
    after, most = (
        changes.number_of(request.query_params, name, default) for name, default in (("after", 0), ("most", 1000))
    )

    def work() -> dict[str, Any]:
        caller = state().identity.caller(authorization)
        caller.need("score")
        return changes.after(state().store, after, most)

    return JSONResponse(await in_thread(work))


async def health_model(_: Request) -> Response:
    """What is served, since when, by whom promoted; 503 with the reason where nothing is."""
    found = answers.health(state().served_models.champions())
    is_keyless = await in_thread(lambda: state().identity.is_keyless)
    return JSONResponse({**found, "callers": "not checked: keyless, loopback only" if is_keyless else "keys or tokens"})


ROUTES = Router(
    redirect_slashes=False,
    routes=[
        *PAGE_ROUTES,
        Route("/health/model", health_model, methods=["GET"]),
        Route("/events", take_events, methods=["POST"]),
        Route("/changes", get_changes, methods=["GET"]),
        *(Route(path, _post(path), methods=["POST"]) for path in ANSWERS),
    ],
)


def guards() -> Guards:
    """Return the guards of the running service."""
    return Guards.of(state().settings, lambda: state().identity.is_keyless)


def why_not_ready(o: ServiceState) -> str | None:
    """Return why the service cannot answer now: no model or ledger yet, or a store that cannot be written."""
    return o.served_models.why_not or o.why_not_writable()


class Running(running.Running):
    """Default and payment-delay scores of customers, with their explanations and a limit, from one ledger."""

    def __init__(self) -> None:
        settings = Settings.from_environment()
        store = Store(settings.store)
        rows = SentRows(store)
        served_models = ServedModels(settings, seconds_between_looks=settings.look_seconds, rows=rows)
        service_state = ServiceState(served_models=served_models, log=DecisionLog(store))
        refuse_open_keyless(settings, service_state.identity)
        running.Running.service_state = service_state
        served_models.start()
        if settings.refresh:
            service_state.book.start()

    def __is_ready__(self) -> bool:
        """BentoML's /readyz: ready once both champions and the ledger are loaded."""
        return why_not_ready(state()) is None

    @bentoml.on_shutdown
    def close(self) -> None:
        """Stop looking at the registry and close the log."""
        state().book.stop()
        state().served_models.stop()
        state().log.close()


METRICS = Metrics([*(route.path for route in ROUTES.routes if isinstance(route, Route)), *PROBES])


async def metrics(_: Request) -> Response:
    """Prometheus metrics."""
    o = state()
    text = await in_thread(lambda: METRICS.text(o.served_models, o.store, o.book))
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


ROUTES.routes.append(Route("/metrics", metrics, methods=["GET"]))

# metrics and access lines are our own: BentoML's name every path that was ever asked for, and queries
TradeCredit: Any = bentoml.service(
    name="tradecredit", workers=1, traffic={"timeout": 120}, metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)(Running)  # fmt: skip
TradeCredit.mount_asgi_app(ROUTES, path="/")
TradeCredit.add_asgi_middleware(
    Front, why_not_ready=lambda: why_not_ready(state()), guards=guards, router=ROUTES, metrics=METRICS
)
