"""HTTP only: which route asks what, on a BentoML service. What is answered is made in serving.answers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import bentoml
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, Router

from models.registry import Settings
from serving import answers, api, api_page, changes, events, lifetime, logs, openapi, running
from serving.api import METRICS
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.errors import Problem
from serving.http import PROBES, Front, Guards
from serving.identity import SCOPES, Caller, refuse_open_keyless
from serving.messages import EventsRequest, parsed, typed
from serving.page_routes import PAGE_ROUTES
from serving.quick import Quick
from serving.report_routes import REPORT_ROUTES
from serving.running import in_thread, state
from serving.score_book import MOST_AT_ONCE
from serving.sent_rows import SentRows
from serving.state import ServiceState
from serving.steering_routes import STEERING_ROUTES
from serving.store import Store
from serving.workbench_routes import WORKBENCH_ROUTES

# How long a thread that computes may keep the others waiting: every look at the store is such a wait for the event loop.
SWITCH_SECONDS = 0.0005

__all__ = ["Running", "ServiceState", "TradeCredit"]


def _post(route: api.Route) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of one POST route: identify the caller, parse, answer in a thread, write JSON without NaN."""

    async def endpoint(request: Request) -> Response:
        body, authorization = await json_body(request), request.headers.get("authorization")
        key = events.idempotency_key_of(request.headers.get("idempotency-key"))

        def work() -> str:
            caller = state().identity.caller(authorization)
            caller = replace(caller, idempotency_key=key) if key else caller
            caller.need(route.scope)
            answer = route.work(state(), caller, parsed(route.message, body))
            return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, allow_nan=False)

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
        answer = intake.answer
        for table, count in {**answer["accepted"], **answer["corrected"]}.items():
            METRICS.rows.labels(table=table).inc(0 if intake.is_replay else count)
        if "scores" not in answer:
            answer = events.finish(state().store, intake, rescored(state(), intake), caller, key)
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


async def get_openapi(_: Request) -> Response:
    """The OpenAPI document."""
    return JSONResponse(openapi.document())


async def get_docs(_: Request) -> Response:
    """The document as a page."""
    return Response(api_page.page(), media_type="text/html")


async def get_job(request: Request) -> Response:
    """A job with its progress."""
    return JSONResponse(await in_thread(lambda: state().jobs.one(request.path_params["job_id"], _scorer_of(request))))


async def get_job_result(request: Request) -> Response:
    """The file of a job that is done."""
    path = await in_thread(lambda: state().jobs.result(request.path_params["job_id"], _scorer_of(request)))
    return FileResponse(path, media_type="application/vnd.apache.parquet", filename=path.name)


def _scorer_of(request: Request) -> Caller:
    caller = state().identity.caller(request.headers.get("authorization"))
    caller.need("score")
    return caller


async def metrics(_: Request) -> Response:
    """Prometheus metrics."""
    o = state()
    text = await in_thread(lambda: METRICS.text(o.served_models, o.store, o.book))
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


ROUTES = Router(
    redirect_slashes=False,
    routes=[
        *PAGE_ROUTES,
        *WORKBENCH_ROUTES,
        *STEERING_ROUTES,
        *REPORT_ROUTES,
        Route("/health/model", health_model, methods=["GET"]),
        Route("/events", take_events, methods=["POST"]),
        Route("/changes", get_changes, methods=["GET"]),
        Route("/docs", get_docs, methods=["GET"]),
        Route("/openapi.json", get_openapi, methods=["GET"]),
        Route("/docs.json", get_openapi, methods=["GET"]),
        Route("/jobs/{job_id}", get_job, methods=["GET"]),
        Route("/jobs/{job_id}/result", get_job_result, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
        *(Route(route.path, _post(route), methods=["POST"]) for route in api.ROUTES),
    ],
)


def guards() -> Guards:
    """Return the guards of the running service."""
    return Guards.of(state().settings, lambda: state().identity.is_keyless)


def why_not_ready(o: ServiceState) -> str | None:
    """Return why the service cannot answer now: it stops, no model or ledger yet, or a store that cannot be written."""
    if lifetime.draining.is_set():
        return "the service is stopping; ask another replica, or again when it is back."
    return o.served_models.why_not or o.why_not_writable()


IN_PROCESS = Caller(subject="in-process", scopes=frozenset(SCOPES))


def _method(route: api.Route) -> Any:
    """Return a route as a BentoML API: its clients and its schema know it; HTTP itself is answered by ROUTES."""

    def method(self: Any, **fields: Any) -> Any:
        message = typed(route.message, fields)
        if isinstance(message, EventsRequest):
            return events.take_in(state().served_models, state().store, message, IN_PROCESS).answer
        answer = route.work(state(), IN_PROCESS, message)
        return json.loads(answer) if isinstance(answer, str) else answer

    method.__name__, method.__doc__ = route.name, route.summary
    return bentoml.api(method, route=route.path, input_spec=route.message, output_spec=route.answer)


class Running(running.Running):
    """Default and payment-delay scores of customers, with their explanations and a limit, from one ledger."""

    def __init__(self) -> None:
        if lifetime.is_worker():
            lifetime.end_with(os.getppid())
            logs.write_json_lines()
        sys.setswitchinterval(SWITCH_SECONDS)
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
            service_state.watch_feed.start()
        service_state.jobs.start()
        service_state.head_writer.start()
        service_state.webhook.start()

    def __is_ready__(self) -> bool:
        """BentoML's /readyz: ready once both champions and the ledger are loaded."""
        return why_not_ready(state()) is None

    @bentoml.on_shutdown
    def close(self) -> None:
        """Stop looking at the registry and close the log."""
        state().stop()


METRICS.declare([*(route.path for route in ROUTES.routes if isinstance(route, Route)), *PROBES])

# metrics and access lines are our own: BentoML's name every path that was ever asked for, and queries
for _route in (*api.ROUTES, api.EVENTS):
    setattr(Running, _route.name, _method(_route))

TradeCredit: Any = bentoml.service(
    name="tradecredit", workers=1, traffic={"timeout": 120}, metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)(Running)  # fmt: skip
TradeCredit.mount_asgi_app(ROUTES, path="/")
TradeCredit.add_asgi_middleware(
    Front, why_not_ready=lambda: why_not_ready(state()), guards=guards, router=Quick(ROUTES), metrics=METRICS
)
