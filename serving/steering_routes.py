"""The routes of the steering pages: /worklist and /watch_list. Each report is computed once a scorer and language."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pandas as pd
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from decisions.collections_policy import CollectionsPolicy, LatePaymentLaw
from decisions.policy_files import read_policy
from decisions.report import Report
from decisions.scorer import Scorer
from decisions.steering.watchlist import watchlist_report
from decisions.steering.worklist import worklist_report
from serving.errors import Problem
from serving.page_routes import with_session
from serving.pages.about import problem_page
from serving.pages.layout import Session
from serving.pages.steering import steering_page
from serving.pages.texts import problem_text
from serving.reports.html import FOLDER as REPORTS
from serving.running import in_thread, state
from serving.sessions import Session as Login
from serving.translations import translate
from serving.watch import watch_policy, watched_days
from serving.workbench_routes import language_of, session_of

_LOCK = threading.Lock()
_KEPT: dict[tuple[int, str, str], Report] = {}


def worklist_of(scorer: Scorer, language: str) -> Report:
    """Return the worklist of the ledger's last known day by the bundled policies."""
    on = scorer.served.data_known_to
    ids = [str(c) for c in scorer.served.ledger.customers["customer_id"]]
    pds = scorer.brief(ids, on)["pd"].set_axis(ids) if scorer.has_default else None
    report, _, _ = worklist_report(
        scorer.served.ledger, pd.Timestamp(on), policy=read_policy(CollectionsPolicy, "collections"), law=read_policy(LatePaymentLaw, "late_payment"),
        command=f"tradecredit report worklist LEDGER --as-of {on}", pd_of=pds, pd_source=_model(), language=language,
    )  # fmt: skip
    return report


def watch_list_of(scorer: Scorer, language: str) -> Report:
    """Return the watch list of the ledger's last known day by the bundled policy. Raises Problem 503 without a default model."""
    if not scorer.has_default:
        raise Problem(
            status=503, error="no_model", detail="the default model has no champion: `tradecredit promote` gives one."
        )
    on = scorer.served.data_known_to
    return watchlist_report(
        scorer.served.ledger, on, watched_days(scorer), watch_policy(), command=f"tradecredit report watchlist LEDGER --as-of {on}",
        currency=scorer.served.currency, model_words=_model(), language=language,
    )  # fmt: skip


def _model() -> str:
    served = state().served_models.champions().default
    return "" if served is None else f"{served.name} version {served.version}"


def kept(name: str, make: Callable[[Scorer, str], Report], language: str) -> Report:
    """Return a report of the scorer that serves now, computed when it is first asked for."""
    scorer = state().served_models.champions().scorer
    key = (id(scorer), name, language)
    with _LOCK:
        if key not in _KEPT:
            for other in [k for k in _KEPT if k[0] != id(scorer)]:
                del _KEPT[other]
            _KEPT[key] = make(scorer, language)
        return _KEPT[key]


async def _page(request: Request, login: Login, name: str, make: Callable[[Scorer, str], Report]) -> Response:
    login.caller.need("explain")
    language, session = language_of(request), session_of(login)

    def answer() -> Response:
        try:
            html = steering_page(
                kept(name, make, language), here=name, path=f"/{name}", language=language, session=session
            )
            return Response(html, media_type="text/html")
        except Problem as problem:
            return _problem(problem, language, session, request.url.path)

    return await in_thread(partial(answer))


def _problem(problem: Problem, language: str, session: Session, path: str) -> Response:
    text = problem_text(problem.error, problem.detail, translate(language))
    html = problem_page(text, language=language, session=session, path=path)
    return Response(html, status_code=problem.status, media_type="text/html")


@with_session
async def worklist_route(request: Request, login: Login) -> Response:
    """The collections worklist."""
    return await _page(request, login, "worklist", worklist_of)


@with_session
async def watch_list_route(request: Request, login: Login) -> Response:
    """Customers whose risk changed, with what changed in words."""
    return await _page(request, login, "watch_list", watch_list_of)


async def early_warning_route(request: Request) -> Response:
    """The watch list's former address."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/watch_list{query}", status_code=301)


async def report_style(_: Request) -> Response:
    """The style sheet of reports on pages."""
    return Response((REPORTS / "report.css").read_text(encoding="utf-8"), media_type="text/css")


STEERING_ROUTES = [
    Route("/worklist", worklist_route, methods=["GET"]),
    Route("/watch_list", watch_list_route, methods=["GET"]),
    Route("/early_warning", early_warning_route, methods=["GET"]),
    Route("/report.css", report_style, methods=["GET"]),
]
