"""What every request passes first and every answer last: request ids, limits, safe headers, and one form of error."""

from __future__ import annotations

import json
import logging
import re
import traceback
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from serving.errors import Problem, body, word
from serving.messages import LARGEST_BODY

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("tradecredit.serving")

REQUEST_ID = "tradecredit.request_id"  # where a request's id stands in its scope
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
BUSY_AFTER = 64  # requests at once
RETRY_AFTER_SECONDS = 1

# Nothing from elsewhere, no frame around us: our pages are HTML, one style sheet and one script of their own.
SAFE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy",
     b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
     b"frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)  # fmt: skip


class Front:
    """ASGI middleware around the whole service, BentoML's own routes too.

    Gives each request an id (the caller's X-Request-ID where it is a plain word), refuses what is too large, too much
    at once or sent by a foreign web page, and turns every error, also one that nobody caught, into
    `{error, detail, request_id}`. Logs never hold a body, an exception's message or a query.
    """

    def __init__(self, app: App, why_not_ready: Callable[[], str | None], busy_after: int = BUSY_AFTER) -> None:
        self.app = app
        self.why_not_ready = why_not_ready
        self.busy_after = busy_after
        self.running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        scope[REQUEST_ID] = given.decode() if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        reply = _Reply(scope, send, self.why_not_ready)
        is_probe = scope["path"] in ("/livez", "/readyz", "/healthz", "/metrics")
        self.running += 1
        try:
            self._admit(scope, headers, is_probe)
            await self.app(scope, _counted(receive), reply)
        except Problem as problem:
            await reply.problem(problem)
        except Exception as unexpected:  # the last net: whatever it was, the caller gets one form and no traceback
            frames = "".join(traceback.format_tb(unexpected.__traceback__))
            logger.error("request %s failed: %s\n%s", scope[REQUEST_ID], type(unexpected).__name__, frames)
            await reply.problem(unexpected_problem())
        finally:
            self.running -= 1

    def _admit(self, scope: Scope, headers: Mapping[bytes, bytes], is_probe: bool) -> None:
        if self.running > self.busy_after and not is_probe:
            raise Problem(
                status=429, error="too_many_requests", headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
                detail=f"{self.busy_after} requests are being answered; ask again in {RETRY_AFTER_SECONDS} second.",
            )  # fmt: skip
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > LARGEST_BODY:
            raise too_large()
        if scope["method"] not in ("GET", "HEAD") and headers.get(b"sec-fetch-site", b"none") not in (
            b"none",
            b"same-origin",
        ):
            raise Problem(status=403, error="forbidden", detail="requests from another site's page are not answered.")


class _Reply:
    """The sending side of one request: adds our headers, and replaces an error that is not in our form."""

    def __init__(self, scope: Scope, send: Send, why_not_ready: Callable[[], str | None]) -> None:
        self.scope, self.send, self.why_not_ready = scope, send, why_not_ready
        self.has_started = False
        self.replaced: int | None = None
        self.allow: list[tuple[bytes, bytes]] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.lower(), value) for name, value in message["headers"]]
            if message["status"] >= 400 and not _is_page(headers):
                self.allow = [h for h in headers if h[0] == b"allow"]
                self.replaced = message["status"]  # another's form of error: sent in ours once its body has come
                return
            await self._start(message["status"], headers)
        elif self.replaced is not None:
            if not message.get("more_body"):
                status, self.replaced = self.replaced, None
                await self.problem(Problem(status=status, error=word(status), detail=self._words(status)))
        else:
            await self.send(message)

    def _words(self, status: int) -> str:
        method, path = self.scope["method"], self.scope["path"]
        if status == 404:
            return f"{path} is not a route of this service; GET / says what can be asked."
        if status == 405:
            return f"{path} does not answer {method}; GET / says how it is asked."
        if status == 503 and (why := self.why_not_ready()) is not None:
            return why
        return f"{method} {path} could not be answered."

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.has_started = True
        own = [(b"x-request-id", self.scope[REQUEST_ID].encode()), *SAFE_HEADERS]
        names = {name for name, _ in own} | {b"server"}
        kept = [h for h in headers if h[0] not in names]
        await self.send({"type": "http.response.start", "status": status, "headers": [*kept, *own]})

    async def problem(self, problem: Problem) -> None:
        """Send a problem in our form, unless an answer has begun already (then the connection just ends)."""
        if self.has_started:
            return
        form = body(
            error=problem.error, detail=problem.detail, request_id=self.scope[REQUEST_ID], fields=problem.fields
        )
        text = json.dumps(form, ensure_ascii=False).encode()
        extra = [*self.allow, *((name.lower().encode(), value.encode()) for name, value in problem.headers.items())]
        await self._start(problem.status, [
            (b"content-type", b"application/json"), (b"content-length", str(len(text)).encode()), *extra,
        ])  # fmt: skip
        await self.send({"type": "http.response.body", "body": b"" if self.scope["method"] == "HEAD" else text})


def _is_page(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether an answer is one of our pages for a person: its own words say what was wrong."""
    return any(name == b"content-type" and value.startswith(b"text/html") for name, value in headers)


def _counted(receive: Receive) -> Receive:
    """The same receiving side, which refuses a body that turns out too large whatever its header said."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > LARGEST_BODY:
            raise too_large()
        return message

    return counted


def too_large() -> Problem:
    """413 for a body above the limit."""
    return Problem(
        status=413, error="too_much",
        detail=f"a body may hold {LARGEST_BODY // 1024 // 1024} MiB; send fewer rows, or score a whole book offline.",
    )  # fmt: skip


def unexpected_problem() -> Problem:
    """500 without a word about the inside."""
    return Problem(
        status=500, error="internal_error",
        detail="this answer could not be computed; no number is given. The request_id finds the cause in the log.",
    )  # fmt: skip
