"""The workbench's routes: queue, customer, decision, models, policy; GET reads only, POST writes decisions.

A customer stands in the query, never in the path: the access log holds paths, and no personal data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from decisions.customer_view import master_data
from serving import answers, case_extras, decide
from serving.book import book, queue, taken_by
from serving.case import Asked, Case, case
from serving.champions import Champions
from serving.errors import Problem
from serving.letters import letter_of
from serving.messages import DecideRequest, ReviewRequest, typed
from serving.page_routes import form_of, with_session
from serving.pages.about import models_page, policy_page, problem_page
from serving.pages.customer import customer_page
from serving.pages.layout import Notice, Session
from serving.pages.letter import letter_page
from serving.pages.queue import queue_page
from serving.pages.texts import N_, problem_text
from serving.practice import practice_page
from serving.running import in_thread, state
from serving.sessions import Session as Login
from serving.translations import chosen, translate

SAVED = N_("Recorded.")
PROPOSED = N_("Proposed: a second person confirms it.")


def language_of(request: Request) -> str:
    """Return the language of a request: its query, else the browser's first choice that has a catalogue."""
    given = request.query_params.get("language")
    if given is None:
        accepted = [
            part.split(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")
        ]
        given = next((part for part in accepted if part == chosen(part)), None)
    return chosen(given)


def session_of(login: Login) -> Session:
    """Return what the pages know of a login."""
    checked = login.caller.is_checked
    return Session(subject=login.caller.subject if checked else None, csrf=login.csrf, is_checked=checked)


async def _answered(request: Request, login: Login, make: Callable[[str, Session], Response]) -> Response:
    """The page that `make` gives, computed away from the event loop; a Problem becomes a page that says it."""
    language, session = language_of(request), session_of(login)
    try:
        return await in_thread(partial(make, language, session))
    except Problem as problem:
        text = problem_text(problem.error, problem.detail, translate(language))
        html = problem_page(text, language=language, session=session, path=request.url.path)
        return Response(html, status_code=problem.status, media_type="text/html", headers=dict(problem.headers or {}))


def _html(text: str, status: int = 200) -> Response:
    return Response(text, status_code=status, media_type="text/html")


@with_session
async def queue_route(request: Request, login: Login) -> Response:
    """The queue, or a search over all customers."""
    login.caller.need("explain")
    query = dict(request.query_params)

    def make(language: str, session: Session) -> Response:
        if state().served_models.why_not is not None:
            text = problem_text("no_model", state().served_models.why_not or "", translate(language))
            return _html(problem_page(text, language=language, session=session, path="/"))
        champions = state().served_models.champions()
        return _html(queue_page(
            queue(champions, state().log), book(champions), language=language, session=session, query=query,
            currency=champions.scorer.served.currency,
        ))  # fmt: skip

    return await _answered(request, login, make)


@with_session
async def customer_route(request: Request, login: Login) -> Response:
    """One customer's page; nothing is written."""
    login.caller.need("explain")
    query = dict(request.query_params)
    pays = request.query_params.getlist("pays")

    def make(language: str, session: Session) -> Response:
        asked = asked_of(query.get("id", ""), query, language)
        return _html(customer_html(asked, session, query, pays=pays))

    return await _answered(request, login, make)


def asked_of(customer_id: str, query: Mapping[str, str], language: str) -> Asked:
    """Return what an address asks for. Raises Problem 422 for a limit or a day that is none."""
    as_of: date | None = None
    if query.get("as_of"):
        try:
            as_of = date.fromisoformat(query["as_of"])
        except ValueError:
            raise Problem(status=422, error="invalid_request", detail="as_of: must be a date as YYYY-MM-DD.") from None
    limit = amount_of(query.get("limit", ""), "limit")
    return Asked(customer_id=customer_id, as_of=as_of, requested=limit, language=language)


def amount_of(text: str, field: str) -> float | None:
    """Return an amount as a person types it, with separators of thousands or without; None for nothing typed."""
    plain = (
        text.strip()
        .translate(str.maketrans("０１２３４５６７８９．，", "0123456789.,"))
        .replace(",", "")
        .replace(" ", "")
    )
    if not plain:
        return None
    try:
        value = float(plain)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0 or value > 1e12:
        raise Problem(status=422, error="invalid_request", detail=f"{field}: must be an amount, e.g. 25,000.")
    return value or None


def customer_html(
    asked: Asked, session: Session, query: Mapping[str, str], *, pays: list[str] | None = None,
    message: Notice | None = None, form: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """Return a customer's page with what its address asks for besides."""
    champions, log = state().served_models.champions(), state().log
    found = case(champions, log, asked)
    extra: dict[str, Any] = {"form": dict(form or {}), "taken_by": taken_by(log, asked.customer_id)}
    try:
        extra |= extras(champions, found, query, pays or [])
    except Problem as problem:  # the case itself is fine: the page says what could not be computed besides
        t = translate(asked.language)
        message = message or Notice(kind="bad", head=problem_text(problem.error, problem.detail, t))
    return customer_page(
        found, session=session, message=message or _notice(query, asked.language), extra=extra, query=query,
        all_invoices=query.get("all") == "1",
    )  # fmt: skip


def extras(champions: Champions, found: Case, query: Mapping[str, str], pays: list[str]) -> dict[str, Any]:
    """Return the parts of a customer's page that are computed on demand."""
    show = query.get("show", "")
    extra: dict[str, Any] = {}
    if query.get("reference"):
        extra["reference"] = case_extras.reference(
            champions, found, query["reference"], _day(query.get("reference_day", ""))
        )
    if show == "what_if":
        extra["what_if"] = case_extras.what_if(champions, found, query, pays)
    elif show == "levers":
        extra["levers"] = case_extras.cheapest(champions, found)
    elif show == "changes":
        extra["changes"] = case_extras.changed(champions, found, _day(query.get("since", "")))
    return extra


def _notice(query: Mapping[str, str], language: str) -> Notice | None:
    t = translate(language)
    saved = {"decided": SAVED, "proposed": PROPOSED, "rejected": SAVED, "taken": SAVED}.get(query.get("saved", ""))
    return None if saved is None else Notice(kind="good", head=t.text(saved))


@with_session
async def decide_route(request: Request, login: Login) -> Response:
    """Record a decision about the recommendation that the person saw: the review and the decision, in this order."""
    form = await form_of(request)
    login.check(form)
    login.caller.need("decide")
    customer_id = form.get("id", "")

    def make(language: str, session: Session) -> Response:
        asked = Asked(
            customer_id=customer_id, as_of=_day(form.get("as_of", "")), requested=amount_of(form.get("requested", ""), "requested"),
            language=language,
        )  # fmt: skip
        try:
            answer = recorded(asked, form, login)
        except Problem as problem:
            if problem.status == 404:
                raise
            text = problem_text(problem.error, problem.detail, translate(language))
            notice = Notice(kind="bad", head=translate(language).text(N_("Not recorded.")), text=text)
            return _html(customer_html(asked, session, {}, message=notice, form=form), problem.status)
        return _back(customer_id, language, answer["status"])

    return await _answered(request, login, make)


def recorded(asked: Asked, form: Mapping[str, str], login: Login) -> dict[str, Any]:
    """Return the decision that a form asks to record, recorded.

    Raises Problem 409 where the recommendation is not the one that the person saw, 422 for what does not fit.
    """
    champions, log = state().served_models.champions(), state().log
    message = typed(ReviewRequest, {
        "customer_id": asked.customer_id, "requested_limit": asked.requested or 0.0,
        "currency": champions.scorer.served.currency, "as_of": None if asked.as_of is None else asked.as_of.isoformat(),
        "language": asked.language,
    })  # fmt: skip
    scorer = champions.scorer_of(asked.customer_id)
    with answers.known_customers(scorer):
        scores = scorer.score([asked.customer_id], asked.as_of)
    now = answers.reviewed(scorer, scores, message)
    seen = form.get("seen_limit", "")
    if form.get("seen_action") != now["recommendation"] or (float(seen) if seen else None) != now["recommended_limit"]:
        raise Problem(status=409, error="changed_since", detail="The recommendation is another one now.")
    action = form.get("action", "")
    limit = amount_of(form.get("limit", ""), "limit") if action in ("approve", "reduce", "hold") else None
    is_override = action != now["recommendation"] or (
        action in ("approve", "reduce") and limit != now["recommended_limit"]
    )
    reason = form.get("reason", "").strip()
    if is_override and len(reason) < decide.SHORTEST_REASON:
        raise Problem(
            status=422, error="invalid_request",
            detail=f"reason: must be at least {decide.SHORTEST_REASON} letters: the decision is not what was recommended.",
        )  # fmt: skip
    fields = {
        "action": action, "reason": reason, "condition": form.get("condition", "").strip(),
        **({"limit": limit} if limit is not None else {}), **_by(form, login),
    }  # fmt: skip
    typed(DecideRequest, {**fields, "decision_id": "0"})  # a form that does not fit writes nothing
    review = answers.review(champions, log, message)
    wanted = typed(DecideRequest, {**fields, "decision_id": review["decision_id"]})
    return decide.decide(champions, log, wanted, login.caller, state().authority)


def _by(form: Mapping[str, str], login: Login) -> dict[str, str]:
    """Whose decision it is where no key says so: the name typed into the form."""
    return {} if login.caller.is_checked else {"by": " ".join(form.get("by", "").split()) or "-"}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Problem(status=422, error="invalid_request", detail="as_of: must be a date as YYYY-MM-DD.") from None


@with_session
async def confirm_route(request: Request, login: Login) -> Response:
    """A second person confirms or rejects a proposal."""
    form = await form_of(request)
    login.check(form)
    login.caller.need("decide")
    customer_id = form.get("id", "")

    def make(language: str, session: Session) -> Response:
        try:
            wanted = typed(DecideRequest, {
                "decision_id": form.get("decision_id", "") or "-", "action": form.get("action", ""),
                "reason": form.get("reason", "").strip(), **_by(form, login),
            })  # fmt: skip
            answer = decide.decide(
                state().served_models.champions(), state().log, wanted, login.caller, state().authority
            )
        except Problem as problem:
            text = problem_text(problem.error, problem.detail, translate(language))
            notice = Notice(kind="bad", head=translate(language).text(N_("Not recorded.")), text=text)
            asked = Asked(customer_id=customer_id, language=language)
            return _html(customer_html(asked, session, {}, message=notice), problem.status)
        return _back(customer_id, language, answer["status"])

    return await _answered(request, login, make)


@with_session
async def take_route(request: Request, login: Login) -> Response:
    """Record who works on a case."""
    form = await form_of(request)
    login.check(form)
    login.caller.need("decide")
    customer_id = form.get("id", "")

    def make(language: str, session: Session) -> Response:
        champions = state().served_models.champions()
        with answers.known_customers(champions.scorer):
            champions.scorer.served.known([customer_id])
        who = login.caller.subject
        state().log.append(
            [{"kind": "take", "asked": {}, "answer": {"customer_id": customer_id, "by": who}, "by": who}]
        )
        return _back(customer_id, language, "taken")

    return await _answered(request, login, make)


def _back(customer_id: str, language: str, saved: str) -> Response:
    """Lead back to the customer by GET, so that a reload repeats nothing."""

    return RedirectResponse(
        f"/customer?{urlencode({'id': customer_id, 'language': language, 'saved': saved})}", status_code=303
    )


@with_session
async def models_route(request: Request, login: Login) -> Response:
    """What is served and how good it was."""
    login.caller.need("explain")

    def make(language: str, session: Session) -> Response:
        health = answers.health(state().served_models.champions())
        return _html(models_page(health, language=language, session=session))

    return await _answered(request, login, make)


@with_session
async def policy_route(request: Request, login: Login) -> Response:
    """The limit policy and the limits of authority in force."""
    login.caller.need("explain")

    def make(language: str, session: Session) -> Response:
        champions = state().served_models.champions()
        return _html(policy_page(
            champions.scorer.limit_policy, state().authority, currency=champions.scorer.served.currency,
            language=language, session=session,
        ))  # fmt: skip

    return await _answered(request, login, make)


@with_session
async def letter_route(request: Request, login: Login) -> Response:
    """The letter about a decision, to print; nothing is written."""
    login.caller.need("review")
    decision_id = request.path_params["decision_id"]

    def make(language: str, session: Session) -> Response:
        scorer = state().served_models.champions().scorer
        found = letter_of(state().log, scorer, decision_id, language)
        return _html(letter_page(found, master_data(scorer, found.customer_id), language=language, session=session))

    return await _answered(request, login, make)


@with_session
async def practice_route(request: Request, login: Login) -> Response:
    """The practice page; its answers stand in the address, nothing is written."""
    login.caller.need("explain")
    query = dict(request.query_params)

    def make(language: str, session: Session) -> Response:
        return _html(practice_page(state().served_models.champions(), query, language=language, session=session))

    return await _answered(request, login, make)


WORKBENCH_ROUTES = [
    Route("/", queue_route, methods=["GET"]),
    Route("/models", models_route, methods=["GET"]),
    Route("/practice", practice_route, methods=["GET"]),
    Route("/policy", policy_route, methods=["GET"]),
    Route("/customer", customer_route, methods=["GET"]),
    Route("/customer/decide", decide_route, methods=["POST"]),
    Route("/customer/confirm", confirm_route, methods=["POST"]),
    Route("/decisions/{decision_id}/letter", letter_route, methods=["GET"]),
    Route("/customer/take", take_route, methods=["POST"]),
]
