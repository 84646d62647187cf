"""The routes of the steering pages: /worklist and /early_warning. Each report is computed once a scorer and language."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pandas as pd
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from decisions.collections_policy import CollectionsPolicy, LatePaymentLaw
from decisions.early_warning import WatchPolicy
from decisions.policy_files import read_policy
from decisions.report import Report
from decisions.scorer import Scorer
from decisions.steering.watchlist import Watched, watched, watchlist_report
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
from serving.workbench_routes import language_of, session_of

MONTH_DAYS = 30
_LOCK = threading.Lock()
_KEPT: dict[tuple[int, str, str], Report] = {}
_DAYS: dict[int, dict[str, Watched]] = {}


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


def early_warning_of(scorer: Scorer, language: str) -> Report:
    """Return the watch list of the ledger's last known day by the bundled policy. Raises Problem 503 without a default model."""
    if not scorer.has_default:
        raise Problem(
            status=503, error="no_model", detail="the default model has no champion: `tradecredit promote` gives one."
        )
    policy, on = read_policy(WatchPolicy, "watch"), scorer.served.data_known_to
    back, month = timedelta(days=policy.back_days), timedelta(days=MONTH_DAYS)
    if id(scorer) not in _DAYS:
        _DAYS.clear()
        days = {"now": on, "before": on - back, "month_ago": on - month, "month_ago_before": on - month - back}
        _DAYS[id(scorer)] = {name: watched(scorer, day) for name, day in days.items()}
    return watchlist_report(
        scorer.served.ledger, on, _DAYS[id(scorer)], policy, command=f"tradecredit report watchlist LEDGER --as-of {on}",
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
async def early_warning_route(request: Request, login: Login) -> Response:
    """Customers whose risk changed, with what changed in words."""
    return await _page(request, login, "early_warning", early_warning_of)


async def report_style(_: Request) -> Response:
    """The style sheet of reports on pages."""
    return Response((REPORTS / "report.css").read_text(encoding="utf-8"), media_type="text/css")


STEERING_ROUTES = [
    Route("/worklist", worklist_route, methods=["GET"]),
    Route("/early_warning", early_warning_route, methods=["GET"]),
    Route("/report.css", report_style, methods=["GET"]),
]
