"""Requests made from the document: none gets a 500, and every answer is one that the document names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core import NotSet
from starlette.testclient import TestClient

from serving.openapi import document
from tests.running_service import service_client

pytestmark = pytest.mark.slow
SCHEMA = schemathesis.openapi.from_dict(dict(document()))


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient]:
    with service_client(tmp_path_factory.mktemp("home"), REQUESTS_A_MINUTE="1000000") as client:
        yield client


@SCHEMA.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_that_the_document_allows_breaks_the_service(case, client):
    operations = document()["paths"][case.path]
    if case.method.lower() not in operations:
        assert client.request(case.method, case.path).status_code == 405
        return
    operation = operations[case.method.lower()]
    headers = {name: str(value).encode("latin-1", "replace") for name, value in (case.headers or {}).items()}
    headers = {name: value for name, value in headers.items() if value.decode("latin-1").isprintable()}
    path = case.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", "".join(c for c in str(value) if c.isalnum()) or "x")
    is_sent = case.method.upper() == "POST" and not isinstance(case.body, NotSet)
    body = {"content" if isinstance(case.body, bytes) else "json": case.body} if is_sent else {}
    answer = client.request(case.method, path, params=case.query or None, headers=headers, **body)
    assert answer.status_code < 500, answer.text
    assert str(answer.status_code) in operation["responses"], (answer.status_code, answer.text[:300])
