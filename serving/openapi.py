"""The service's OpenAPI document, made of the declared routes and their messages: what is served is what stands in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving import answer_messages as out
from serving.api import EVENTS, ROUTES, Route
from serving.errors import WORDS

REF = "#/components/schemas/{model}"
PROBLEMS = {
    400: "Not JSON, or a key that stands twice in one object.", 401: "No valid key or token.", 403: "Outside the caller's scopes.",
    404: "A customer, an invoice, a decision or a job that is not known.", 408: "The body did not come in time.",
    409: "A conflict: decided already, four eyes, an Idempotency-Key of another request.",
    413: "A body or a list that is too long.", 415: "Not sent as application/json.",
    422: "A missing, unknown or wrong field; a day after the ledger's last known one.",
    429: "Too many requests; see Retry-After.", 503: "No model is served, or the store cannot be used; see Retry-After.",
}  # fmt: skip
Read = tuple[str, type[BaseModel], str | None, list[dict[str, Any]]]
READS: dict[str, Read] = {
    "/changes": (
        "The feed of changes: whose score became another one.", out.ChangesAnswer, "score",
        [{"name": name, "in": "query", "required": False, "schema": {"type": "integer", "minimum": 0, "maximum": 10**17, "default": default}}
         for name, default in (("after", 0), ("most", 1000))],
    ),
    "/health/model": ("The models served, since when, by whom promoted; ledger and policies.", out.HealthAnswer, None, []),
    "/jobs/{job_id}": (
        "A job with its progress.", out.JobAnswer, "score",
        [{"name": "job_id", "in": "path", "required": True, "schema": {"type": "string"}}],
    ),
}  # fmt: skip


@cache
def document() -> Mapping[str, Any]:
    """Return the document as JSON values."""
    messages: list[tuple[type[BaseModel], Any]] = [(r.message, "validation") for r in (*ROUTES, EVENTS)]
    replies = {r.answer for r in (*ROUTES, EVENTS)} | {read[1] for read in READS.values()} | {out.ErrorAnswer}
    messages += [(reply, "serialization") for reply in sorted(replies, key=lambda m: m.__name__)]
    named, whole = models_json_schema(messages, ref_template=REF)
    paths: dict[str, Any] = {}
    for route in (*ROUTES, EVENTS):
        paths[route.path] = {"post": _post(route, named)}
    for path, (summary, answer, scope, parameters) in READS.items():
        paths[path] = {"get": {
            "operationId": path.strip("/").replace("/", "_").replace("{", "").replace("}", ""), "summary": summary,
            "parameters": parameters, "responses": _responses(named[(answer, "serialization")], named, scope is not None),
            **({"security": [{"key": []}]} if scope else {"security": []}),
        }}  # fmt: skip
    paths["/jobs/{job_id}/result"] = {"get": {
        "operationId": "jobs_job_id_result", "summary": "The file of a job that is done: Parquet, one row a customer.",
        "parameters": READS["/jobs/{job_id}"][3], "security": [{"key": []}],
        "responses": {"200": {"description": "The file.", "content": {"application/vnd.apache.parquet": {}}}, **_problems(named)},
    }}  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tradecredit", "version": "1",
            "description": "Default and payment-delay scores of customers, with explanations, limits and decisions.",
        },
        "paths": paths,
        "components": {
            "schemas": whole["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key, or an OIDC token."}},
        },
    }  # fmt: skip


def _post(route: Route, named: Mapping[Any, Any]) -> dict[str, Any]:
    headers = []
    if route is EVENTS or route.path == "/decide":
        headers = [{"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string", "maxLength": 200},
                    "description": "The same key and body again get the same answer, and nothing is done twice."}]  # fmt: skip
    return {
        "operationId": route.name, "summary": route.summary, "description": f"Needs the scope `{route.scope}`.",
        "security": [{"key": []}], "parameters": headers,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": named[(route.message, "validation")], "example": dict(route.example)}},
        },
        "responses": _responses(named[(route.answer, "serialization")], named, True),
    }  # fmt: skip


def _responses(answer: Any, named: Mapping[Any, Any], has_problems: bool) -> dict[str, Any]:
    return {
        "200": {"description": "The answer.", "content": {"application/json": {"schema": answer}}},
        **(_problems(named) if has_problems else {"503": _problem(named, 503)}),
    }


def _problems(named: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(status): _problem(named, status) for status in PROBLEMS}


def _problem(named: Mapping[Any, Any], status: int) -> dict[str, Any]:
    schema = named[(out.ErrorAnswer, "serialization")]
    return {"description": f"{WORDS[status]}: {PROBLEMS[status]}", "content": {"application/json": {"schema": schema}}}
