"""What the service answers when it can not answer: one exception, one form `{error, detail, request_id}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

# The stable word of each status that our own routes do not name themselves.
WORDS = {
    400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    408: "body_timeout", 409: "conflict", 413: "too_much", 415: "unsupported_media_type", 421: "misdirected_request", 422: "invalid_request", 429: "too_many_requests",
    500: "internal_error", 503: "not_ready", 504: "timeout",
}  # fmt: skip


@dataclass(kw_only=True)
class Problem(Exception):
    """An answer that is an error.

    status : the HTTP status. error : a stable word for programs. detail : one sentence for a person: what was wrong,
    where, and what is expected. fields : the faulty fields, each with `field` (its path) and `expected`.
    """

    status: int
    error: str
    detail: str
    fields: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def body(*, error: str, detail: str, request_id: str, fields: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    """The one form of an error's body; `fields` stands in it only where fields were at fault."""
    form: dict[str, Any] = {"error": error, "detail": detail, "request_id": request_id}
    return {**form, "fields": [dict(f) for f in fields]} if fields else form


def word(status: int) -> str:
    """The stable word of a status."""
    return WORDS.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
