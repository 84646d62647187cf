"""One journey for a whole test run: the real server in its own processes, asked over HTTP, under a guard."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from features.engine.histories import build
from models.champion_alias import move
from models.registry import DEFAULT_MODEL, DELAY_MODEL, Settings, newest
from sample.generator import write_sample
from tests.served import CUSTOMERS, MONTHS, SEED, small
from training.lifecycle import tracking
from training.result import Fitted

ROOT = Path(__file__).parents[2]
GUARD = Path(__file__).parent / "guard"
PATIENCE_SECONDS = 180


@dataclass
class Journey:
    """What the journey saw. answers : step -> (HTTP status, body). exit_codes : command -> code."""

    home: Path
    ledger: Path
    guard_log: Path
    environment: dict[str, str]
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    outputs: dict[str, tuple[int, str]] = field(default_factory=dict)
    server_ended: int | None = None
    server_log: str = ""

    def run(self, name: str, *words: str) -> None:
        """One command of ours, under the guard."""
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.outputs[name] = (done.returncode, done.stdout + done.stderr)


def ask(address: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One request as a client sends it: (status, JSON body; text where it is none)."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def wait_for(address: str, path: str, status: int, server: subprocess.Popen[bytes]) -> None:
    """Ask until the answer has this status; the server's own end, or too long, is a failure with its log."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail(f"the server ended with {server.returncode} while {path} was awaited")
        try:
            if ask(address, path)[0] == status:
                return
        except OSError:
            pass
        time.sleep(0.3)
    pytest.fail(f"{path} did not answer {status} within {PATIENCE_SECONDS} seconds")


@pytest.fixture(scope="session")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    home = tmp_path_factory.mktemp("journey")
    ledger = home / "ledger"
    write_sample(ledger, customers=CUSTOMERS, months=MONTHS, seed=SEED)
    environment = os.environ | {
        "TRADECREDIT_HOME": str(home), "TRADECREDIT_LEDGER": str(ledger), "TRADECREDIT_LOOK_SECONDS": "0.5",
        "TRADECREDIT_GUARD_LOG": str(home / "guard.log"), "PYTHONPATH": str(GUARD),
    }  # fmt: skip
    found = Journey(home=home, ledger=ledger, guard_log=home / "guard.log", environment=environment)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "serve", "--port", str(port)], cwd=ROOT, env=environment, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            _walk(found, address, server)
        finally:
            server.send_signal(signal.SIGTERM)
            found.server_ended = server.wait(timeout=60)
    found.server_log = (home / "server.log").read_text()
    return found


def _walk(journey: Journey, address: str, server: subprocess.Popen[bytes]) -> None:
    """Without a champion, with one, what it answers, and the same offline."""
    customers = [str(c) for c in small().ledger.customers["customer_id"][:40]]
    wait_for(address, "/livez", 200, server)
    wait_for(address, "/readyz", 503, server)
    journey.answers["score without a model"] = ask(address, "/score", {"customer_ids": customers[:1]})
    _register(journey)
    wait_for(address, "/readyz", 200, server)
    _wait_for_both(address)
    for name, path, body in (
        ("score", "/score", {"customer_ids": customers}),
        ("explain", "/explain", {"customer_id": customers[0], "language": "zh"}),
        ("review", "/review", {"customer_id": customers[0], "requested_limit": 20_000, "currency": "EUR"}),
        ("payments", "/predict_payments", {"customer_ids": customers[:3]}),
        ("nobody", "/score", {"customer_ids": ["nobody"]}),
        ("nothing", "/nothing", None),
        ("health", "/health/model", None),
        ("page", f"/?customer_id={customers[0]}&requested_limit=20000", None),
        ("metrics", "/metrics", None),
    ):
        journey.answers[name] = ask(address, path, body)
    journey.answers["bentoml clients"] = (200, _by_bentoml(address, customers[0]))
    journey.answers["typed client"] = (200, _by_client(address, customers[0]))
    decision = journey.answers["review"][1]["decision_id"]
    journey.run(
        "score",
        "score",
        str(journey.ledger),
        "--as-of",
        "latest",
        "--out",
        str(journey.home / "scores.parquet"),
        "--explain",
    )
    journey.run("replay", "replay", decision)
    journey.run("audit", "audit", "verify")


def _by_bentoml(address: str, customer: str) -> dict[str, Any]:
    """What BentoML's own clients get from every route: `score`, … by the one, `async score`, … by the other."""
    import asyncio

    import bentoml

    review = {"customer_id": customer, "requested_limit": 1000.0, "currency": "EUR"}
    on = small().prepared.data_known_to.isoformat()
    invoice = {"invoice_id": "sent", "customer_id": customer, "kind": "invoice", "issued_on": on, "due_on": on,
               "amount": 100.0, "currency": "EUR"}  # fmt: skip

    def messages(who: str) -> dict[str, dict[str, Any]]:
        return {
            "score": {"customer_ids": [customer]}, "explain": {"customer_id": customer}, "review": review, "what_if": review,
            "predict_payments": {"customer_ids": [customer]},
            "score_ledger": {"customers": [{"customer_id": customer, "country": "DE"}], "invoices": [invoice]},
            "check_order": {"customer_id": customer, "order": {"amount": 10.0, "currency": "EUR"}},
            "jobs_score": {"customer_ids": [customer]},
            "events": {"events": [
                {"event_id": f"by-bentoml-{who}", "customer_id": customer, "kind": "dunning", "occurred_on": on}
            ]},
        }  # fmt: skip

    def decision(about: Any) -> dict[str, Any]:
        return {
            "decision_id": about["decision_id"],
            "action": "decline",
            "by": "ann",
            "reason": "asked by BentoML's client",
        }

    with bentoml.SyncHTTPClient(address) as client:
        found = {name: getattr(client, name)(**message) for name, message in messages("sync").items()}
        found["decide"] = client.decide(**decision(_as_dict(found["review"])))

    async def again() -> dict[str, Any]:
        async with bentoml.AsyncHTTPClient(address) as client:
            answers = {name: await getattr(client, name)(**message) for name, message in messages("async").items()}
            return {**answers, "decide": await client.decide(**decision(_as_dict(answers["review"])))}

    return {**found, **{f"async {name}": answer for name, answer in asyncio.run(again()).items()}}


def _as_dict(answer: Any) -> Any:
    return answer if isinstance(answer, dict) else answer.model_dump()


def _by_client(address: str, customer: str) -> dict[str, Any]:
    """What our own client gets."""
    from serving.client import Client, Refused

    with Client(address) as client:
        score = client.score(customer_ids=[customer]).scores[0]
        try:
            client.score(customer_ids=["nobody"])
        except Refused as refused:
            return {"pd": score.pd, "refused": refused.error}
    return {}


def _wait_for_both(address: str) -> None:
    """Ask until both champions are served: one of them alone answers too, without the other's numbers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if len(ask(address, "/health/model")[1].get("models", [])) == 2:
            return
        time.sleep(0.3)
    pytest.fail(f"two champions were not served within {PATIENCE_SECONDS} seconds")


def _register(journey: Journey) -> None:
    """Both small models into the registry, and made champions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADECREDIT_HOME", str(journey.home))
        settings = Settings.from_environment()
        known = small()
        customer = known.prepared.prepared.owners.ids[:1]
        day = known.scorer.score(list(customer))
        examples = {
            "default": build(
                known.prepared.prepared,
                day.items.assign(as_of=known.prepared.data_known_to)[["customer_id", "as_of"]],
                known.default.needed,
            ),
            "delay": day.X_next,
        }
        for kind, name, model in (("default", DEFAULT_MODEL, known.default), ("delay", DELAY_MODEL, known.delay)):
            fitted = Fitted(model=model, parameters={"seed": SEED}, metrics={"auc": 0.7}, example=examples[kind])
            tracking.log(settings, fitted, kind=kind, ledger=known.ledger, as_of=known.prepared.data_known_to)
            move(settings, name, newest(settings, name), by="the journey")
