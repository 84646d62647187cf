"""The pages' routes: HTML for a person, behind a login where keys exist, and the login itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from serving.errors import Problem
from serving.pages.layout import FOLDER, SCRIPT, STYLE
from serving.running import in_thread, state
from serving.sessions import COOKIE, Session, clear_cookie, set_cookie

Page = Callable[[Request, Session], Awaitable[Response]]


def with_session(page: Page) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a page: without a session a GET leads to the login, anything else is 401."""

    async def endpoint(request: Request) -> Response:
        session = await in_thread(partial(state().sessions.of, request.cookies.get(COOKIE)))
        if session is not None:
            return await page(request, session)
        if request.method in ("GET", "HEAD"):
            return RedirectResponse("/login", status_code=303)
        raise Problem(status=401, error="unauthorized", detail="the session has ended; log in again.")

    return endpoint


async def form_of(request: Request) -> dict[str, str]:
    """Return a form's fields as text; the last one where a field is sent twice."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(
            status=415, error="unsupported_media_type", detail="a form is sent as application/x-www-form-urlencoded."
        )
    body = (await request.body()).decode("utf-8", errors="replace")
    return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=200))


async def login_page(_: Request) -> Response:
    """The form that a key is typed into."""
    if state().identity.is_keyless:
        return RedirectResponse("/", status_code=303)
    return _login(200, {})


async def login(request: Request) -> Response:
    """Open a session with the key of the form."""
    form = await form_of(request)
    try:
        token = await in_thread(partial(state().sessions.login, form.get("key", "")))
    except Problem as refused:
        return _login(refused.status, {"problem": refused.detail})
    answer = RedirectResponse("/", status_code=303)
    answer.headers["set-cookie"] = set_cookie(token, is_secure=state().settings.secure_cookies)
    return answer


@with_session
async def logout(request: Request, session: Session) -> Response:
    """End the session."""
    session.check(await form_of(request))
    await in_thread(partial(state().sessions.logout, request.cookies.get(COOKIE)))
    answer = RedirectResponse("/login", status_code=303)
    answer.headers["set-cookie"] = clear_cookie()
    return answer


async def style(_: Request) -> Response:
    """The pages' style sheet."""
    return Response(STYLE.read_text(encoding="utf-8"), media_type="text/css")


async def script(_: Request) -> Response:
    """The pages' script: keys only, every page is complete without it."""
    return Response(SCRIPT.read_text(encoding="utf-8"), media_type="text/javascript")


def _login(status: int, words: Mapping[str, str]) -> Response:
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
    html = environment.get_template("login.html").render(problem=words.get("problem", ""))
    return Response(html, status_code=status, media_type="text/html")


PAGE_ROUTES = [
    Route("/login", login_page, methods=["GET"]),
    Route("/login", login, methods=["POST"]),
    Route("/logout", logout, methods=["POST"]),
    Route("/style.css", style, methods=["GET"]),
    Route("/workbench.js", script, methods=["GET"]),
]
