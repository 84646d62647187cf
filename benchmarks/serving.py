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
import psutil

from cli.output import table
from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from ledger.errors import InputError
from models import registry

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Some calls of one kind: seconds each, processor seconds of all, and how many customers each answered.

    Processor time is what a busy machine does not blur.
    """

    what: str
    customers: int
    seconds: np.ndarray
    processor_seconds: float

    @property
    def processor_ms(self) -> float:
        """Of one customer."""
        return 1e3 * self.processor_seconds / (self.customers * len(self.seconds))


@click.command()
@click.option("--requests", default=200, show_default=True, help="Single-customer requests of each kind.")
def command(requests: int) -> None:
    """Time the service on the champions and the ledger of the environment."""
    settings = registry.Settings.from_environment()
    try:
        default = registry.load(settings, registry.DEFAULT_MODEL)
        delay = registry.load(settings, registry.DELAY_MODEL)
    except registry.NoModel as missing:
        raise click.ClickException(f"run `make demo` first. {missing}") from missing
    served = ScoringLedger.read(settings.ledger)
    ids = [str(i) for i in served.ledger.customers["customer_id"]]
    scorer = Scorer.of(served, default, delay)
    scorer.score(ids[:5])
    rows = [
        _timed("offline, one customer", 1, lambda k: scorer.score([ids[k % len(ids)]]), requests),
        _timed("offline, 1,000 customers", 1000, lambda k: scorer.score(ids[:1000]), 3),
    ]
    with _server(settings) as (port, server):
        rows = [*_over_http(port, ids, served.currency, requests, _processor_of(server)), *rows]
    one = next(r for r in rows if r.what == "/score, one customer")
    lines = [
        (
            r.what, f"{1e3 * np.median(r.seconds):.1f}", f"{1e3 * np.quantile(r.seconds, 0.99):.1f}",
            f"{r.processor_ms:.2f}", f"{60e3 / r.processor_ms:,.0f}" if r.processor_ms else "–",
            f"{one.processor_ms / r.processor_ms:.1f}" if r.processor_ms else "–",
        )
        for r in rows
    ]  # fmt: skip
    click.echo(f"{len(ids):,} customers, {len(served.ledger.invoices):,} invoices; {os.cpu_count()} cores, one worker")
    click.echo(
        table(lines, ["asked", "median ms", "p99 ms", "processor ms a customer", "a minute and core", "× one /score"])
    )


def _over_http(port: int, ids: list[str], currency: str, requests: int, processor: Callable[[], float]) -> list[Timed]:
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
        _timed("/livez (HTTP alone)", 1, lambda k: get("/livez"), requests, processor),
        _timed("/score, one customer", 1, lambda k: post("/score", {"customer_ids": [one(k)]}), requests, processor),
        _timed("/score, 100 customers", len(some), lambda k: post("/score", {"customer_ids": some}), 20, processor),
        _timed(
            f"/score, {len(many):,} customers",
            len(many),
            lambda k: post("/score", {"customer_ids": many}),
            5,
            processor,
        ),
        _timed("/explain pd", 1, lambda k: post("/explain", {"customer_id": one(k)}), requests, processor),
        _timed("/review", 1, lambda k: post("/review", {"customer_id": one(k), **limit}), requests, processor),
    ]


def _timed(
    what: str,
    customers: int,
    call: Callable[[int], Any],
    times: int,
    processor: Callable[[], float] = time.process_time,
) -> Timed:
    call(0)
    seconds, before = [], processor()
    for k in range(times):
        started = time.perf_counter()
        call(k)
        seconds.append(time.perf_counter() - started)
    return Timed(what=what, customers=customers, seconds=np.array(seconds), processor_seconds=processor() - before)


def _processor_of(server: psutil.Process) -> Callable[[], float]:
    """Processor seconds used so far by a server and its children."""

    def used() -> float:
        times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
        return float(sum(t.user + t.system for t in times))

    return used


@contextmanager
def _server(settings: registry.Settings) -> Iterator[tuple[int, psutil.Process]]:
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
            yield port, psutil.Process(server.pid)
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
