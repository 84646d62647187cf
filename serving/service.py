"""HTTP only: which route asks what, on a BentoML service. What is answered is made in serving.scoring."""

from __future__ import annotations

import json
import os
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

from features.errors import InputError
from models.registry import Settings
from serving import deciding, pages, scoring, supposing
from serving.errors import Problem
from serving.front import Front
from serving.schema import (
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
from serving.served import Desk
from serving.store import DecisionLog

ANSWER_WITHIN_SECONDS = 30.0
Answer = Callable[["Office", Any], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Office:
    """What an answer is made with: the models and the ledger served, and the log it is written to."""

    desk: Desk
    log: DecisionLog


def _office() -> Office:
    return Running.office


ANSWERS: dict[str, tuple[type[Message], Answer]] = {
    "/score": (ScoreRequest, lambda o, m: scoring.score(o.desk.champions(), o.log, m)),
    "/score_ledger": (LedgerRequest, lambda o, m: scoring.score_ledger(o.desk.champions(), o.log, m)),
    "/predict_payments": (PaymentsRequest, lambda o, m: scoring.predict_payments(o.desk.champions(), o.log, m)),
    "/explain": (ExplainRequest, lambda o, m: scoring.explain(o.desk.champions(), o.log, m)),
    "/review": (ReviewRequest, lambda o, m: scoring.review(o.desk.champions(), o.log, m)),
    "/decide": (DecideRequest, lambda o, m: deciding.decide(o.desk.champions(), o.log, m)),
    "/what_if": (WhatIfRequest, lambda o, m: supposing.what_if(o.desk.champions(), o.log, m)),
}


def _post(path: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one POST route: parse, answer in a thread, write JSON that has no NaN."""
    kind, answer = ANSWERS[path]

    async def endpoint(request: Request) -> Response:
        message = parsed(kind, await request.body())
        result = await _in_thread(partial(answer, _office(), message))
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
    return JSONResponse(scoring.health(_office().desk.champions()))


async def index(request: Request) -> Response:
    """Our page for a person."""
    asked = pages.Asked.of(request.query_params)
    office = _office()
    status, html = await _in_thread(
        partial(pages.workbench, office.desk, office.log, asked, str(request.base_url).rstrip("/"))
    )
    return Response(html, status_code=status, media_type="text/html")


async def style(_: Request) -> Response:
    """The page's style sheet."""
    return Response(pages.STYLE.read_text(encoding="utf-8"), media_type="text/css")


ROUTES = Router(
    redirect_slashes=False,
    routes=[
        Route("/", index, methods=["GET"]),
        Route("/style.css", style, methods=["GET"]),
        Route("/health/model", health_model, methods=["GET"]),
        *(Route(path, _post(path), methods=["POST"]) for path in ANSWERS),
    ],
)


class Running:
    """Default and payment-delay scores of customers, with their explanations and a limit, from one ledger."""

    office: Office

    def __init__(self) -> None:
        settings = Settings.from_environment()
        seconds = float(os.environ.get("TRADECREDIT_LOOK_SECONDS", "5"))
        desk = Desk(settings, seconds_between_looks=seconds)
        type(self).office = Office(desk=desk, log=DecisionLog(settings.home / "decisions.sqlite"))
        desk.start()

    def __is_ready__(self) -> bool:
        """BentoML's /readyz: ready once both champions and the ledger are loaded."""
        return self.office.desk.why_not is None

    @bentoml.on_shutdown
    def close(self) -> None:
        """Stop looking at the registry and close the log."""
        self.office.desk.stop()
        self.office.log.close()


TradeCredit: Any = bentoml.service(name="tradecredit", workers=1, traffic={"timeout": 4 * ANSWER_WITHIN_SECONDS})(
    Running
)
TradeCredit.mount_asgi_app(ROUTES, path="/")
TradeCredit.add_asgi_middleware(Front, why_not_ready=lambda: Running.office.desk.why_not)
