"""How fast the service answers: latency and throughput over HTTP and offline, one process, one worker.

Run `make demo` first (or train and promote): the champions of TRADECREDIT_HOME are asked about TRADECREDIT_LEDGER.

    python -m benchmarks.serving [--requests 200]
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from cli.output import table
from features.errors import InputError
from models import registry
from models.scorer import Scorer
from models.served_book import ServedBook

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Some calls of one kind: seconds each, and how many customers each answered."""

    what: str
    customers: int
    seconds: np.ndarray

    @property
    def a_minute(self) -> float:
        return 60 * self.customers * len(self.seconds) / float(self.seconds.sum())


@click.command()
@click.option("--requests", default=200, show_default=True, help="Single-customer requests of each kind.")
def command(requests: int) -> None:
    """Time the service on the champions and the ledger of the environment."""
    settings = registry.Settings.from_environment()
    default = registry.load(settings, registry.DEFAULT_MODEL)
    delay = registry.load(settings, registry.DELAY_MODEL)
    served = ServedBook.read(settings.ledger)
    ids = [str(i) for i in served.ledger.customers["customer_id"]]
    scorer = Scorer.of(served, default, delay)
    scorer.score(ids[:5])
    rows = [
        _timed("offline, one customer", 1, lambda k: scorer.score([ids[k % len(ids)]]), requests),
        _timed("offline, 1,000 customers", 1000, lambda k: scorer.score(ids[:1000]), 3),
    ]
    with _server(settings) as port:
        rows = [*_over_http(port, ids, served.currency, requests), *rows]
    one = next(r for r in rows if r.what == "/score, one customer")
    lines = [
        (
            r.what, f"{1e3 * np.median(r.seconds):.1f}", f"{1e3 * np.quantile(r.seconds, 0.99):.1f}",
            f"{r.a_minute:,.0f}", f"{r.a_minute / one.a_minute:.1f}",
        )
        for r in rows
    ]  # fmt: skip
    click.echo(f"{len(ids):,} customers, {len(served.ledger.invoices):,} invoices; {os.cpu_count()} cores, one worker")
    click.echo(table(lines, ["asked", "median ms", "p99 ms", "customers a minute", "× one /score"]))


def _over_http(port: int, ids: list[str], currency: str, requests: int) -> list[Timed]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(path: str, body: dict[str, Any]) -> None:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise InputError(f"{path} answered {answer.status}: {text[:300]!r}")

    def get(path: str) -> None:
        connection.request("GET", path)
        connection.getresponse().read()

    def one(k: int) -> str:
        return ids[(7 * k) % len(ids)]

    some, many = ids[:100], ids[:1000]
    limit = {"requested_limit": 10_000, "currency": currency}
    return [
        _timed("/livez (HTTP alone)", 1, lambda k: get("/livez"), requests),
        _timed("/score, one customer", 1, lambda k: post("/score", {"customer_ids": [one(k)]}), requests),
        _timed("/score, 100 customers", len(some), lambda k: post("/score", {"customer_ids": some}), 20),
        _timed(f"/score, {len(many):,} customers", len(many), lambda k: post("/score", {"customer_ids": many}), 5),
        _timed("/explain pd", 1, lambda k: post("/explain", {"customer_id": one(k)}), requests),
        _timed("/review", 1, lambda k: post("/review", {"customer_id": one(k), **limit}), requests),
    ]


def _timed(what: str, customers: int, call: Callable[[int], Any], times: int) -> Timed:
    call(0)
    seconds = []
    for k in range(times):
        started = time.perf_counter()
        call(k)
        seconds.append(time.perf_counter() - started)
    return Timed(what=what, customers=customers, seconds=np.array(seconds))


@contextmanager
def _server(settings: registry.Settings) -> Iterator[int]:
    """The real server on a free port, with a decision log of its own that is thrown away."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as place, (Path(place) / "server.log").open("wb") as log:
        environment = os.environ | {
            "TRADECREDIT_HOME": place, "MLFLOW_TRACKING_URI": settings.tracking_uri,
            "TRADECREDIT_LEDGER": str(settings.ledger),
        }  # fmt: skip
        server = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "serve", "--port", str(port)],
            cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            _await(port, server)
            yield port
        finally:
            server.terminate()
            server.wait(timeout=60)


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.3)
    raise InputError(f"the service was not ready within {PATIENCE_SECONDS} seconds.")


if __name__ == "__main__":
    command()
