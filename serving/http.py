"""What every request passes first and every answer last: request ids, limits, safe headers, and one form of error."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.exceptions import HTTPException

from models.settings import Settings
from serving.errors import Problem, body, word
from serving.lifetime import draining
from serving.logs import FIELDS
from serving.messages import LARGEST_BODY
from serving.store import StoreUnavailable

if TYPE_CHECKING:
    from serving.metrics import Metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("tradecredit.serving")
access = logging.getLogger("tradecredit.access")

PROBES = ("/livez", "/readyz", "/healthz")
BENTOML_PATHS = ("/schema.json",)  # what BentoML's own application answers, beside the probes
OTHER = "other"  # the label of every path that is no route: unknown paths must not make new series or stand in logs
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")

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


@dataclass(kw_only=True)
class Guards:
    """How much the service lets in. Attributes follow the settings; `busy_after` counts work, not waiting bodies."""

    busy_after: int = BUSY_AFTER
    requests_a_minute: int = 6_000
    body_seconds: float = 10.0
    trusted_hosts: tuple[str, ...] = ()
    is_keyless: Callable[[], bool] = lambda: False

    @classmethod
    def of(cls, settings: Settings, is_keyless: Callable[[], bool]) -> Guards:
        """Return the guards of the settings."""
        return cls(
            busy_after=settings.busy_after, requests_a_minute=settings.requests_a_minute,
            body_seconds=settings.body_seconds, trusted_hosts=settings.trusted_hosts, is_keyless=is_keyless,
        )  # fmt: skip


class Front:
    """ASGI middleware around the whole service, BentoML's own routes too.

    Gives each request an id (the caller's X-Request-ID where it is a plain word), refuses what is too large, too slow, too
    much at once, too often, or sent by a foreign web page, answers the routes of `router`, and turns every error, also
    one that nobody caught, into `{error, detail, request_id}`. Logs never hold a body, an exception's message or a query.
    """

    def __init__(
        self, app: App, why_not_ready: Callable[[], str | None], guards: Callable[[], Guards] | None = None,
        router: App | None = None, metrics: Metrics | None = None,
    ) -> None:  # fmt: skip
        self.app = app
        self.why_not_ready = why_not_ready
        self.guards = guards or Guards
        self.router = router
        self.metrics = metrics
        self.running = 0
        if metrics is not None:
            metrics.running.set_function(lambda: float(self.running))
        self.limiter = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        scope[REQUEST_ID] = given.decode() if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        reply = _Reply(scope, send, self.why_not_ready)
        try:
            await self._answer(scope, headers, receive, reply)
        except Problem as problem:
            await reply.problem(problem)
        except HTTPException as refused:  # the router's: no such route, or another method
            extra = {"Allow": refused.headers["Allow"]} if refused.headers and "Allow" in refused.headers else {}
            status = refused.status_code
            await reply.problem(Problem(status=status, error=word(status), detail=reply.words(status), headers=extra))
        except StoreUnavailable as why:
            await reply.problem(
                Problem(status=503, error="store_unavailable", detail=str(why), headers={"Retry-After": "1"})
            )
        except Exception as unexpected:  # the last net: whatever it was, the caller gets one form and no traceback
            frames = "".join(traceback.format_tb(unexpected.__traceback__))
            logger.error("request %s failed: %s\n%s", scope[REQUEST_ID], type(unexpected).__name__, frames)
            await reply.problem(unexpected_problem())
        self._note(scope, reply, time.perf_counter() - started)

    async def _answer(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, reply: _Reply) -> None:
        guards = self.guards()
        if scope["path"] in PROBES:
            await self.app(scope, receive, reply)
            return
        self._admit(scope, headers, guards)
        if scope["method"] in ("GET", "HEAD"):
            whole = receive
        else:
            whole = await _whole_body(receive, guards.body_seconds)
        if self.running >= guards.busy_after:
            raise Problem(
                status=429, error="too_many_requests", headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
                detail=f"{guards.busy_after} requests are being answered; ask again in {RETRY_AFTER_SECONDS} second.",
            )  # fmt: skip
        self.running += 1
        try:
            # declared routes are answered by our router: docs/decisions says why; all others by BentoML's application
            is_ours = self.router is not None and not scope["path"].startswith(BENTOML_PATHS)
            await (self.router if is_ours and self.router is not None else self.app)(scope, whole, reply)
        finally:
            self.running -= 1

    def _admit(self, scope: Scope, headers: Mapping[bytes, bytes], guards: Guards) -> None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host.rpartition(":")[0] if re.search(r":[0-9]+$", host) else host
        if guards.trusted_hosts and name not in guards.trusted_hosts:
            raise Problem(status=421, error="misdirected_request", detail="this host name is not served here.")
        if "." in name and name != "127.0.0.1" and guards.is_keyless():
            # a page that a foreign name leads to this machine would be of the same origin as ours
            raise Problem(
                status=421, error="misdirected_request", detail="a keyless service answers as localhost only."
            )
        caller = headers.get(b"authorization") or str((scope.get("client") or ("-",))[0]).encode()
        item = RateLimitItemPerMinute(guards.requests_a_minute)
        if not self.limiter.hit(item, hashlib.sha256(caller).hexdigest()):
            left = max(
                1,
                round(self.limiter.get_window_stats(item, hashlib.sha256(caller).hexdigest()).reset_time - time.time()),
            )
            raise Problem(
                status=429, error="too_many_requests", headers={"Retry-After": str(left)},
                detail=f"{guards.requests_a_minute:,} requests a minute are answered to one caller; ask again in {left} s.",
            )  # fmt: skip
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > LARGEST_BODY:
            raise too_large()
        if scope["method"] not in ("GET", "HEAD") and headers.get(b"sec-fetch-site", b"none") not in (
            b"none",
            b"same-origin",
        ):
            raise Problem(status=403, error="forbidden", detail="requests from another site's page are not answered.")

    def _note(self, scope: Scope, reply: _Reply, seconds: float) -> None:
        """Write one line a request, without anything that the caller sent but its route, and count it."""
        path = scope["path"]
        route = OTHER if self.metrics is None else self.metrics.route_of(path)
        if path not in PROBES:
            fields = {
                "request_id": scope[REQUEST_ID], "method": scope["method"], "route": route, "status": reply.status,
                "ms": round(1e3 * seconds, 1), **({"error": reply.error} if reply.error else {}),
            }  # fmt: skip
            access.info("answered", extra={FIELDS: fields})
        if self.metrics is not None:
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            self.metrics.requests.labels(route=route, method=method, status=str(reply.status)).inc()
            self.metrics.seconds.labels(route=route).observe(seconds)
            if reply.error:
                self.metrics.refusals.labels(error=reply.error).inc()


async def _whole_body(receive: Receive, seconds: float) -> Receive:
    """Read a whole body, which must have come within so many seconds; return the receiving side that hands it on."""
    parts, size, more = [], 0, True
    try:
        with anyio.fail_after(seconds):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(status=400, error="bad_request", detail="the connection ended before the body did.")
                part = message.get("body", b"")
                size += len(part)
                if size > LARGEST_BODY:
                    raise too_large()
                parts.append(part)
                more = message.get("more_body", False)
    except TimeoutError:
        raise Problem(
            status=408,
            error="body_timeout",
            detail=f"the body did not come within {seconds:g} seconds.",
            headers={"Connection": "close"},
        ) from None
    body = b"".join(parts)
    is_read = False

    async def handed_on() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return handed_on


class _Reply:
    """The sending side of one request: adds our headers, and replaces an error that is not in our form."""

    def __init__(self, scope: Scope, send: Send, why_not_ready: Callable[[], str | None]) -> None:
        self.scope, self.send, self.why_not_ready = scope, send, why_not_ready
        self.has_started = False
        self.status = 0
        self.error = ""
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
                await self.problem(Problem(status=status, error=word(status), detail=self.words(status)))
        else:
            await self.send(message)

    def words(self, status: int) -> str:
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
        self.status = status
        own = [(b"x-request-id", self.scope[REQUEST_ID].encode()), *SAFE_HEADERS]
        if draining.is_set():
            own.append((b"connection", b"close"))
        names = {name for name, _ in own} | {b"server"}
        kept = [h for h in headers if h[0] not in names]
        await self.send({"type": "http.response.start", "status": status, "headers": [*kept, *own]})

    async def problem(self, problem: Problem) -> None:
        """Send a problem in our form, unless an answer has begun already (then the connection just ends)."""
        if self.has_started:
            return
        self.error = problem.error
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
