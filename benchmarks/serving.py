"""Time the service's answers: interleaved with a trivial route of the same service, distinct customers in random order,
one event in ten requests, each decision record on the disk before its answer.

Run `make demo` first (or train and promote): the champions of TRADECREDIT_HOME are asked about TRADECREDIT_LEDGER.

    python -m benchmarks.serving [--requests 400]
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
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
TRIVIAL = "/livez (trivial)"
CALLERS = 32


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Some requests of one kind: seconds each. processor_seconds : of the server for all of them, which a busy machine
    does not blur; NaN where it was not taken apart."""

    what: str
    seconds: np.ndarray
    processor_seconds: float = float("nan")
    a_second: float = float("nan")


@click.command()
@click.option("--requests", default=400, show_default=True, help="Requests of each kind.")
def command(requests: int) -> None:
    """Time the service on the champions and the ledger of the environment."""
    settings = registry.Settings.from_environment()
    try:
        default = registry.load(settings, registry.DEFAULT_MODEL)
        delay = registry.load(settings, registry.DELAY_MODEL)
    except registry.NoModel as missing:
        raise click.ClickException(f"run `make demo` first. {missing}") from missing
    served = ScoringLedger.read(settings.ledger)
    scorer = Scorer.of(served, default, delay)
    ids = [str(i) for i in served.ledger.customers["customer_id"]]
    with _server(settings) as (port, server, ready_seconds, memory_mb):
        alone = _alone(port, ids, served, requests, _processor_of(server))
        together = [_together(port, what, ids, served.currency, 8 * requests) for what in (TRIVIAL, "/score")]
        memory_mb = max(memory_mb, sum(p.memory_info().rss for p in (server, *server.children(recursive=True))) / 2**20)
    trivial = next(r for r in alone if r.what == TRIVIAL)
    lines = [
        (
            r.what, f"{1e3 * np.median(r.seconds):.2f}", f"{1e3 * np.quantile(r.seconds, 0.99):.2f}",
            f"{np.median(r.seconds) / np.median(trivial.seconds):.1f}",
            "–" if np.isnan(r.processor_seconds) else f"{1e3 * r.processor_seconds / len(r.seconds):.2f}",
        )
        for r in alone
    ]  # fmt: skip
    click.echo(
        f"{len(ids):,} customers, {len(served.ledger.invoices):,} invoices; {os.cpu_count()} cores, one worker, "
        f"load {os.getloadavg()[0]:.1f}; ready in {ready_seconds:.1f} s, all processes {memory_mb:,.0f} MB"
    )
    click.echo(table(lines, ["asked alone", "median ms", "p99 ms", "× trivial", "processor ms"]))
    rows = [(r.what, f"{r.a_second:,.0f}", f"{1e3 * np.median(r.seconds):.1f}") for r in together]
    click.echo(table(rows, [f"{CALLERS} callers at once", "a second", "median ms"]))
    click.echo(table(_disk_and_offline(scorer, ids), ["not over HTTP", "ms"]))


def _alone(
    port: int, ids: list[str], served: ScoringLedger, requests: int, processor: Callable[[], float]
) -> list[Timed]:
    """One caller; kinds interleaved request by request, then each kind by itself for its processor time."""
    ask, last = _asker(port), served.data_known_to.isoformat()
    shuffled = random.Random(1).sample(ids, len(ids))
    sent = iter(range(10**9))

    def body(what: str, k: int) -> dict[str, Any] | None:
        customer = shuffled[k % len(shuffled)]
        if what == "/events":
            number = next(sent)
            row = {"invoice_id": f"bench-{number}", "customer_id": customer, "kind": "invoice", "issued_on": last,
                   "due_on": last, "amount": 10.0, "currency": served.currency}  # fmt: skip
            return {"invoices": [row]}
        bodies: dict[str, dict[str, Any] | None] = {
            "/score": {"customer_ids": [customer]}, "/score after its event": {"customer_ids": [customer]},
            "/explain": {"customer_id": customer}, "/explain again": {"customer_id": customer},
            "/review": {"customer_id": customer, "requested_limit": 1000.0, "currency": served.currency},
        }  # fmt: skip
        return bodies.get(what)

    kinds = [TRIVIAL, "/score", "/explain", "/explain again", "/review"]
    seconds: dict[str, list[float]] = {what: [] for what in (*kinds, "/events", "/score after its event")}
    for what in kinds:
        ask(what, body(what, 0))
    for k in range(requests):
        for what in kinds:
            seconds[what].append(ask(what, body(what, k)))
        if k % 10 == 9:
            for what in ("/events", "/score after its event"):
                seconds[what].append(ask(what, body(what, k)))
    found = []
    for what, taken in seconds.items():
        used = float("nan")
        if what in (TRIVIAL, "/score"):
            before = processor()
            for k in range(len(taken)):
                ask(what, body(what, k))
            used = processor() - before
        found.append(Timed(what=what, seconds=np.array(taken), processor_seconds=used))
    return found


def _together(port: int, what: str, ids: list[str], currency: str, requests: int) -> Timed:
    """Many callers at once, each with a connection of its own."""
    taken: list[float] = []

    def call(number: int) -> None:
        ask, draw = _asker(port), random.Random(number)
        own = [
            ask(what, {"customer_ids": [draw.choice(ids)]} if what == "/score" else None)
            for _ in range(requests // CALLERS)
        ]
        taken.extend(own)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Timed(what=what, seconds=np.array(taken), a_second=len(taken) / (time.perf_counter() - started))


def _asker(port: int) -> Callable[[str, dict[str, Any] | None], float]:
    """One connection: seconds of a request. Raises InputError for an answer that is an error."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(what: str, body: dict[str, Any] | None) -> float:
        path = what.split()[0]
        text = None if body is None else json.dumps(body)
        started = time.perf_counter()
        connection.request("GET" if body is None else "POST", path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        found = answer.read()
        taken = time.perf_counter() - started
        if answer.status != 200:
            raise InputError(f"{path} answered {answer.status}: {found[:300]!r}")
        return taken

    return ask


def _disk_and_offline(scorer: Scorer, ids: list[str]) -> list[tuple[str, str]]:
    """Time what bounds a durable answer (one write that is on the disk), and the arithmetic without a server."""
    with tempfile.NamedTemporaryFile() as file:
        writes = []
        for _ in range(50):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            writes.append(time.perf_counter() - started)
    some = ids[:200]
    scores = scorer.score(some)
    times = {}
    for name, call, count in (
        ("score, a customer of many", lambda: scorer.score(some), len(some)),
        ("attributions and reasons, a customer of many", lambda: scorer.contributions(scores), len(some)),
        ("score, one customer alone", lambda: [scorer.score([i]) for i in some[:20]], 20),
        ("attributions of the default model, one row", lambda: [scorer.default.contributions(scores.X.iloc[[k]]) for k in range(20)], 20),
    ):  # fmt: skip
        call()
        before = time.process_time()
        call()
        times[f"{name} (processor)"] = 1e3 * (time.process_time() - before) / count
    return [
        ("one write that is on the disk (median)", f"{1e3 * np.median(writes):.2f}"),
        *((k, f"{v:.2f}") for k, v in times.items()),
    ]


def _processor_of(server: psutil.Process) -> Callable[[], float]:
    """Processor seconds used so far by a server and its children."""

    def used() -> float:
        times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
        return float(sum(t.user + t.system for t in times))

    return used


@contextmanager
def _server(settings: registry.Settings) -> Iterator[tuple[int, psutil.Process, float, float]]:
    """The real server on a free port, with a decision log of its own that is thrown away."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as place, (Path(place) / "server.log").open("wb") as log:
        environment = os.environ | {
            "TRADECREDIT_HOME": place, "MLFLOW_TRACKING_URI": settings.tracking_uri,
            "TRADECREDIT_LEDGER": str(settings.ledger), "TRADECREDIT_REQUESTS_A_MINUTE": "10000000",
            "TRADECREDIT_STORE": f"sqlite:///{Path(place) / 'store.sqlite'}",
        }  # fmt: skip
        server = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "serve", "--port", str(port)],
            cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            started = time.perf_counter()
            _await(port, server)
            ready = time.perf_counter() - started
            process = psutil.Process(server.pid)
            _await_scores(port)
            memory = sum(p.memory_info().rss for p in (process, *process.children(recursive=True))) / 2**20
            yield port, process, ready, memory
        finally:
            server.terminate()
            server.wait(timeout=60)


def _await_scores(port: int) -> None:
    """Wait until the store holds every customer's score, explanations and payment curves."""
    deadline = time.monotonic() + 3 * PATIENCE_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        if "tradecredit_scores_stale 0.0" in text and "tradecredit_explanations_stale 0.0" in text:
            return
        time.sleep(0.5)
    raise InputError("the read model was not filled in time.")


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
