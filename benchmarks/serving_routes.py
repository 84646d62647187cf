"""Compare the cost of a BentoML API method with that of a mounted route that does the same: processor time in one process, no network.

python -m benchmarks.serving_routes [--requests 2000]
"""

from __future__ import annotations

import json
import time
from collections.abc import MutableMapping
from typing import Any

import anyio
import bentoml
import click
import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from cli.output import table
from serving.messages import ScoreRequest, parsed

BODY = json.dumps({"customer_ids": ["C0000001"]}).encode()
ROUNDS = 5


async def _mounted(request: Request) -> Response:
    message = parsed(ScoreRequest, await request.body())
    return Response(json.dumps({"customers": len(message.customer_ids)}), media_type="application/json")


class Both:
    """One service with the same answer as an API method and as a mounted route."""

    @bentoml.api(route="/method", input_spec=ScoreRequest)
    async def method(self, **fields: Any) -> dict[str, int]:
        """Count the customers."""
        return {"customers": len(fields["customer_ids"])}


def _service() -> Any:
    service = bentoml.service(
        name="both", metrics={"enabled": False}, logging={"access": {"enabled": False}}
    )(Both)  # fmt: skip
    service.mount_asgi_app(Router(routes=[Route("/mounted", _mounted, methods=["POST"])]), path="/")
    return service


async def _ask(app: Any, path: str) -> int:
    scope: MutableMapping[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode(),
        "root_path": "", "scheme": "http", "query_string": b"", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())],
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


@click.command()
@click.option("--requests", default=2000, show_default=True)
def command(requests: int) -> None:
    """Print processor milliseconds a request of both ways, interleaved."""

    async def measure() -> dict[str, list[float]]:
        app = _service().to_asgi()
        taken: dict[str, list[float]] = {"/method": [], "/mounted": []}
        async with app.router.lifespan_context(app):
            for path in taken:
                assert await _ask(app, path) == 200, path
            for _ in range(ROUNDS):
                for path, seconds in taken.items():
                    before = time.process_time()
                    for _ in range(requests // ROUNDS):
                        await _ask(app, path)
                    seconds.append((time.process_time() - before) / (requests // ROUNDS))
        return taken

    taken = anyio.run(measure)
    rows = [(name, f"{1e3 * np.median(seconds):.3f}") for name, seconds in taken.items()]
    click.echo(table(rows, ["way", "processor ms a request"]))


if __name__ == "__main__":
    command()
