"""HTTP only: which route asks what, on a BentoML service. What is answered is made in serving.answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import bentoml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from models.registry import Settings
from serving import answers, decide, running, what_if
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.http import Front
from serving.identity import Caller, refuse_open_keyless
from serving.messages import (
    DecideRequest,
    ExplainRequest,
    LedgerRequest,
    Message,
    PaymentsRequest,
    ReviewRequest,
    ScoreRequest,
    WhatIfRequest,
    parsed,
)
from serving.page_routes import PAGE_ROUTES
from serving.running import in_thread, state
from serving.state import ServiceState
from serving.store import Store

__all__ = ["Running", "ServiceState", "TradeCredit"]

Answer = Callable[[ServiceState, Caller, Any], dict[str, Any]]


ANSWERS: dict[str, tuple[type[Message], str, Answer]] = {
    "/score": (ScoreRequest, "score", lambda o, c, m: answers.score(o.served_models.champions(), o.log, m)),
    "/score_ledger": (LedgerRequest, "score", lambda o, c, m: answers.score_ledger(o.served_models.champions(), o.log, m)),
    "/predict_payments": (
        PaymentsRequest, "score", lambda o, c, m: answers.predict_payments(o.served_models.champions(), o.log, m),
    ),
    "/explain": (ExplainRequest, "explain", lambda o, c, m: answers.explain(o.served_models.champions(), o.log, m)),
    "/review": (ReviewRequest, "review", lambda o, c, m: answers.review(o.served_models.champions(), o.log, m)),
    "/decide": (
        DecideRequest, "decide", lambda o, c, m: decide.decide(o.served_models.champions(), o.log, m, c, o.authority),
    ),
    "/what_if": (WhatIfRequest, "review", lambda o, c, m: what_if.what_if(o.served_models.champions(), o.log, m)),
}  # fmt: skip


def _post(path: str) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of one POST route: identify the caller, parse, answer in a thread, write JSON without NaN."""
    kind, scope, answer = ANSWERS[path]

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        caller = await in_thread(partial(state().identity.caller, request.headers.get("authorization")))
        caller.need(scope)
        message = parsed(kind, body)
        result = await in_thread(partial(answer, state(), caller, message))
        return Response(json.dumps(result, ensure_ascii=False, allow_nan=False), media_type="application/json")

    return endpoint


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
        *(Route(path, _post(path), methods=["POST"]) for path in ANSWERS),
    ],
)


class Running(running.Running):
    """Default and payment-delay scores of customers, with their explanations and a limit, from one ledger."""

    def __init__(self) -> None:
        settings = Settings.from_environment()
        served_models = ServedModels(settings, seconds_between_looks=settings.look_seconds)
        service_state = ServiceState(served_models=served_models, log=DecisionLog(Store(settings.store)))
        refuse_open_keyless(settings, service_state.identity)
        running.Running.service_state = service_state
        served_models.start()

    def __is_ready__(self) -> bool:
        """BentoML's /readyz: ready once both champions and the ledger are loaded."""
        return state().served_models.why_not is None

    @bentoml.on_shutdown
    def close(self) -> None:
        """Stop looking at the registry and close the log."""
        state().served_models.stop()
        state().log.close()


TradeCredit: Any = bentoml.service(name="tradecredit", workers=1, traffic={"timeout": 120})(Running)
TradeCredit.mount_asgi_app(ROUTES, path="/")
TradeCredit.add_asgi_middleware(Front, why_not_ready=lambda: state().served_models.why_not)
