"""HTTP only: which route asks what, on a BentoML service. What is answered is made in serving.answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import bentoml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from ledger.errors import InputError
from models.registry import Settings
from serving import answers, decide, pages, what_if
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.errors import Problem
from serving.http import Front
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
from serving.pages.layout import SCRIPT

ANSWER_WITHIN_SECONDS = 30.0
Answer = Callable[["ServiceState", Any], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """What an answer is made with: the models and the ledger served, and the log it is written to."""

    served_models: ServedModels
    log: DecisionLog


def _service_state() -> ServiceState:
    return Running.service_state


ANSWERS: dict[str, tuple[type[Message], Answer]] = {
    "/score": (ScoreRequest, lambda o, m: answers.score(o.served_models.champions(), o.log, m)),
    "/score_ledger": (LedgerRequest, lambda o, m: answers.score_ledger(o.served_models.champions(), o.log, m)),
    "/predict_payments": (
        PaymentsRequest,
        lambda o, m: answers.predict_payments(o.served_models.champions(), o.log, m),
    ),
    "/explain": (ExplainRequest, lambda o, m: answers.explain(o.served_models.champions(), o.log, m)),
    "/review": (ReviewRequest, lambda o, m: answers.review(o.served_models.champions(), o.log, m)),
    "/decide": (DecideRequest, lambda o, m: decide.decide(o.served_models.champions(), o.log, m)),
    "/what_if": (WhatIfRequest, lambda o, m: what_if.what_if(o.served_models.champions(), o.log, m)),
}


def _post(path: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one POST route: parse, answer in a thread, write JSON that has no NaN."""
    kind, answer = ANSWERS[path]

    async def endpoint(request: Request) -> Response:
        message = parsed(kind, await request.body())
        result = await _in_thread(partial(answer, _service_state(), message))
        return Response(json.dumps(result, ensure_ascii=False, allow_nan=False), media_type="application/json")

    return endpoint


async def _in_thread(work: Callable[[], Any]) -> Any:
    """The result of some work away from the event loop. A user's mistake is 422, no result in time is 504."""
    try:
        with anyio.fail_after(ANSWER_WITHIN_SECONDS):
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except TimeoutError:
        raise Problem(
            status=504,
            error="timeout",
            detail=f"no answer within {ANSWER_WITHIN_SECONDS:.0f} seconds; ask about fewer customers.",
        ) from None
    except InputError as mistake:
        raise Problem(status=422, error="invalid_request", detail=str(mistake)) from None


async def health_model(_: Request) -> Response:
    """What is served, since when, by whom promoted; 503 with the reason where nothing is."""
    return JSONResponse(answers.health(_service_state().served_models.champions()))


async def index(request: Request) -> Response:
    """Our page for a person."""
    asked = pages.Asked.of(request.query_params)
    service_state = _service_state()
    status, html = await _in_thread(
        partial(
            pages.workbench, service_state.served_models, service_state.log, asked, str(request.base_url).rstrip("/")
        )
    )
    return Response(html, status_code=status, media_type="text/html")


async def style(_: Request) -> Response:
    """The page's style sheet."""
    return Response(pages.STYLE.read_text(encoding="utf-8"), media_type="text/css")


async def script(_: Request) -> Response:
    """The pages' script: keys only, every page is complete without it."""
    return Response(SCRIPT.read_text(encoding="utf-8"), media_type="text/javascript")


ROUTES = Router(
    redirect_slashes=False,
    routes=[
        Route("/", index, methods=["GET"]),
        Route("/style.css", style, methods=["GET"]),
        Route("/workbench.js", script, methods=["GET"]),
        Route("/health/model", health_model, methods=["GET"]),
        *(Route(path, _post(path), methods=["POST"]) for path in ANSWERS),
    ],
)


class Running:
    """Default and payment-delay scores of customers, with their explanations and a limit, from one ledger."""

    service_state: ServiceState

    def __init__(self) -> None:
        settings = Settings.from_environment()
        served_models = ServedModels(settings, seconds_between_looks=settings.look_seconds)
        type(self).service_state = ServiceState(
            served_models=served_models, log=DecisionLog(settings.home / "decisions.sqlite")
        )
        served_models.start()

    def __is_ready__(self) -> bool:
        """BentoML's /readyz: ready once both champions and the ledger are loaded."""
        return self.service_state.served_models.why_not is None

    @bentoml.on_shutdown
    def close(self) -> None:
        """Stop looking at the registry and close the log."""
        self.service_state.served_models.stop()
        self.service_state.log.close()


TradeCredit: Any = bentoml.service(name="tradecredit", workers=1, traffic={"timeout": 4 * ANSWER_WITHIN_SECONDS})(
    Running
)
TradeCredit.mount_asgi_app(ROUTES, path="/")
TradeCredit.add_asgi_middleware(Front, why_not_ready=lambda: Running.service_state.served_models.why_not)
