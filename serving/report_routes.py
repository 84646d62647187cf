"""The routes of the month's-end reports: a page for a person, the same report as JSON for a program."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from decisions.report import Report
from serving.champions import Champions
from serving.errors import Problem
from serving.month_end import REPORTS, Asked, bys, month_end_report
from serving.page_routes import with_session
from serving.pages.about import problem_page
from serving.pages.reports import reports_page
from serving.pages.texts import problem_text
from serving.running import in_thread, state
from serving.sessions import Session as Login
from serving.translations import translate
from serving.workbench_routes import language_of, session_of

STYLE = Path(__file__).parent / "reports" / "reports.css"


def asked_of(request: Request, champions: Champions) -> Asked:
    """Return what an address asks for. Raises Problem 422 for an unknown report or a day that is none."""
    query = request.query_params
    name, last = query.get("name", "ageing"), champions.scorer.served.data_known_to
    if name not in REPORTS:
        raise Problem(status=422, error="invalid_request", detail=f"name: must be one of {', '.join(REPORTS)}.")
    try:
        as_of = date.fromisoformat(query["as_of"]) if query.get("as_of") else last
    except ValueError:
        raise Problem(status=422, error="invalid_request", detail="as_of: must be a date as YYYY-MM-DD.") from None
    if as_of > last:
        raise Problem(status=422, error="invalid_request", detail=f"as_of: nothing is known after {last}.")
    choices = bys(name)
    by = query.get("by", "")
    return Asked(name=name, as_of=as_of, by=by if by in choices else (choices[0] if choices else ""))


def _made(request: Request) -> tuple[Champions, Asked, Report]:
    champions = state().served_models.champions()
    asked = asked_of(request, champions)
    return champions, asked, month_end_report(champions, state().settings, asked)


@with_session
async def reports_route(request: Request, login: Login) -> Response:
    """One report as a page, or as JSON with ?form=json."""
    login.caller.need("explain")
    language, session = language_of(request), session_of(login)
    try:
        champions, asked, report = await in_thread(partial(_made, request))
    except Problem as problem:
        if request.query_params.get("form") == "json":
            raise
        text = problem_text(problem.error, problem.detail, translate(language))
        html = problem_page(text, language=language, session=session, path="/reports")
        return Response(html, status_code=problem.status, media_type="text/html")
    if request.query_params.get("form") == "json":
        return JSONResponse(report.as_json())
    html = reports_page(
        report, name=asked.name, as_of=asked.as_of, by=asked.by, bys=bys(asked.name), language=language, session=session,
        last_day=champions.scorer.served.data_known_to,
    )  # fmt: skip
    return Response(html, media_type="text/html")


async def reports_style(_: Request) -> Response:
    """The style sheet of reports inside the workbench."""
    return Response(STYLE.read_text(encoding="utf-8"), media_type="text/css")


REPORT_ROUTES = [
    Route("/reports", reports_route, methods=["GET"]), Route("/reports.css", reports_style, methods=["GET"]),
]  # fmt: skip
