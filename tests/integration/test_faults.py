"""What goes wrong under a service and what the client sees: nothing accepted is lost, nothing is done twice."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import psutil
import pytest
from sqlalchemy import text

from serving.client import Client, Refused
from serving.decision_log import DecisionLog
from serving.http import Front, Guards
from serving.sent_rows import SentRows
from serving.store import Store, StoreUnavailable
from serving.store import store as store_module
from tests.integration.conftest import ROOT, wait_for
from tests.served import small
from tests.stores import WHY_NOT, binaries, postgres

SCORE = {"kind": "score", "asked": {}, "inputs": {}, "answer": {"customer_id": "c", "pd": 0.1}}
LAST = small().prepared.data_known_to.isoformat()


@contextmanager
def server(journey, home: Path, **settings: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The real service on the journey's ledger and champions, with a store of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = journey.environment | {"TRADECREDIT_STORE": f"sqlite:///{home / 'store.sqlite'}", **settings}
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "serve", str(journey.ledger), "--port", str(port)], cwd=ROOT,
            env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}", "/readyz", 200, process)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def worker(process: subprocess.Popen[bytes]) -> int | None:
    """The process that answers: the child that listens to requests; None while a new one is started."""
    for child in psutil.Process(process.pid).children(recursive=True):
        words = " ".join(child.cmdline())
        if "serving.worker" in words:
            return child.pid
    return None


def kill_under_load(journey, home: Path, kills: int) -> None:
    """Send rows and decisions with retries while the worker is killed again and again; then count."""
    customers = [str(c) for c in small().ledger.customers["customer_id"][:20]]
    answered: list[str] = []
    decided: list[str] = []
    ended, refused, away = threading.Event(), [], []
    with server(journey, home, TRADECREDIT_REFRESH="false") as (address, process):

        def send(number: int) -> None:
            with Client(address, tries=300, longest_wait=0.5) as client:
                place = 0
                while not ended.is_set():
                    name, place = f"k{number}-{place}", place + 1
                    row = {"invoice_id": name, "customer_id": random.choice(customers), "kind": "invoice",
                           "issued_on": LAST, "due_on": LAST, "amount": 1.0, "currency": "EUR"}  # fmt: skip
                    try:
                        client.send_events(invoices=[row], idempotency_key=name)
                        answered.append(name)
                        review = client.review(customer_id=customers[0], requested_limit=1000, currency="EUR")
                        made = client.decide(
                            decision_id=review.decision_id, action="decline", by=f"p{number}", reason="killed " + name
                        )
                        decided.append(made.decision_id)
                    except (Refused, ConnectionError) as why:
                        refused.append(str(why))

        senders = [threading.Thread(target=send, args=(number,)) for number in range(2)]
        for sender in senders:
            sender.start()
        for _ in range(kills):
            before, deadline = len(answered), time.monotonic() + 60
            while (
                len(answered) == before and time.monotonic() < deadline
            ):  # it is killed under load, not while it starts
                time.sleep(0.02)
            time.sleep(random.uniform(0.0, 1.0))
            while (pid := worker(process)) is None and time.monotonic() < deadline:
                time.sleep(0.1)
            assert pid is not None, "no worker was started again"
            os.kill(pid, signal.SIGKILL)
            killed_at = time.monotonic()
            wait_for(address, "/readyz", 200, process)
            away.append(time.monotonic() - killed_at)
        ended.set()
        for sender in senders:
            sender.join(timeout=120)
    assert refused == []
    assert len(answered) >= kills
    store = Store.at(home / "store.sqlite")
    kept = [row.row["invoice_id"] for _, row in SentRows(store).after(0)]
    assert set(answered) <= set(kept)  # accepted and lost: 0
    assert len(kept) == len(set(kept))  # doubled: 0
    log = DecisionLog(store)
    assert log.verify().is_whole
    made = [log.read(i).content for i in decided]
    assert len({m["about"] for m in made}) == len(decided)
    with store.reading() as connection:
        count = connection.execute(text("SELECT count(*) FROM decisions WHERE kind = 'decide'")).scalar()
    assert count == len(decided)  # every decision was answered, and made once
    print(
        f"{kills} kills: {len(answered)} rows and {len(decided)} decisions accepted, 0 lost, 0 doubled; until /readyz was 200 "
        f"again: median {statistics.median(away):.1f} s, longest {max(away):.1f} s"
    )


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost_or_doubled(journey, tmp_path):
    kill_under_load(journey, tmp_path, 2)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kills", [40, 200])
def test_many_kills(journey, tmp_path, kills):
    kill_under_load(journey, tmp_path, kills)


def test_a_store_that_is_locked_is_503_and_takes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.2)
    store, other = Store.at(tmp_path / "s.sqlite"), Store.at(tmp_path / "s.sqlite")
    log = DecisionLog(store)
    with other.writing():
        with pytest.raises(StoreUnavailable, match="lock"):
            log.append([SCORE])
        assert store.why_not_writable() is not None
    log.append([SCORE])
    assert log.verify().records == 1


def written_until(log: DecisionLog, why: str, most: int) -> int:
    """How many records were written before the store could not be written any more, for that reason."""
    for number in range(most):
        try:
            log.append([{**SCORE, "answer": {"customer_id": f"c{number}", "text": os.urandom(500).hex()}}])
        except StoreUnavailable as refused:
            if not re.search(why, str(refused)):
                raise
            return number
    raise AssertionError(f"{most} records were written and the store was never full")


def test_a_disk_that_is_full_is_503_and_the_log_stays_whole(tmp_path):
    store = Store.at(tmp_path / "s.sqlite")
    log = DecisionLog(store)
    log.append([SCORE])
    with store.engine.connect() as connection:  # SQLite's own limit gives the error of a full disk
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")
    written = 1 + written_until(log, r"full", 2_000)
    assert (log.verify().is_whole, log.verify().records) == (True, written)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    log.append([SCORE])
    assert log.verify().records == written + 1


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_small_file_system_that_is_full_is_503_until_there_is_room(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        log = DecisionLog(Store.at(place / "s.sqlite"))
        written = written_until(log, r"full|disk|opened", 3_000)
        assert log.verify().records == written > 0
        subprocess.run(["mount", "-o", "remount,size=8m", str(place)], check=True)
        log.append([SCORE])
        assert (log.verify().is_whole, log.verify().records) == (True, written + 1)
        log.close()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_postgresql_that_is_restarted_is_503_meanwhile_and_then_goes_on(tmp_path):
    if binaries() is None:
        pytest.skip(WHY_NOT)
    with postgres() as found:
        log = DecisionLog(Store(found.url()))
        log.append([SCORE])
        found.stop()
        with pytest.raises(StoreUnavailable):
            log.append([SCORE])
        assert log.store.why_not_writable() is not None
        found.start()
        log.append([SCORE])
        assert (log.verify().is_whole, log.verify().records) == (True, 2)
        log.close()


@pytest.mark.parametrize("stalled", [70, 500])
def test_bodies_that_do_not_come_keep_nobody_from_an_answer(stalled):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    front = Front(app, lambda: None, lambda: Guards(busy_after=8, body_seconds=1.0, requests_a_minute=10_000))
    statuses: list[int] = []

    async def ask(receive) -> int:
        found: list[int] = []

        async def send(message):
            if message["type"] == "http.response.start":
                found.append(message["status"])

        await front({"type": "http", "path": "/score", "method": "POST", "headers": []}, receive, send)
        return found[0]

    async def never():
        await anyio.sleep(60)

    async def whole():
        return {"type": "http.request", "body": b"{}"}

    async def stall() -> None:
        statuses.append(await ask(never))

    async def main() -> list[int]:
        async with anyio.create_task_group() as group:
            for _ in range(stalled):
                group.start_soon(stall)
            await anyio.sleep(0.1)
            started = time.monotonic()
            quick = [await ask(whole) for _ in range(10)]
            assert time.monotonic() - started < 0.9
        return quick

    assert anyio.run(main) == [200] * 10
    assert statuses == [408] * stalled


def test_sigterm_drains_without_a_reset(journey, tmp_path):
    """Every connection made before the port is closed gets its answer; afterwards a connection is refused, never reset."""
    import httpx

    customers = [str(c) for c in small().ledger.customers["customer_id"]]
    results: list[str] = []
    with server(journey, tmp_path, TRADECREDIT_REFRESH="false", TRADECREDIT_DRAIN_SECONDS="2") as (address, process):

        def ask(path: str, body: dict | None) -> None:
            while True:
                try:
                    with httpx.Client(timeout=60) as fresh:  # a connection of its own for each request
                        found = fresh.request("POST" if body else "GET", f"{address}{path}", json=body)
                    results.append(f"{path} {found.status_code}")
                except httpx.TransportError as ended:
                    results.append(type(ended).__name__)
                    return

        asked = [("/score", {"customer_ids": customers[:20]}), ("/readyz", None), ("/livez", None)]
        threads = [threading.Thread(target=ask, args=one) for one in asked * 2]
        for thread in threads:
            thread.start()
        time.sleep(2.0)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(timeout=60)
        assert process.wait(timeout=60) == 0
    assert "/readyz 503" in results  # what routes requests sees that it stops
    ended = [found for found in results if " " not in found]
    assert ended == ["ConnectError"] * len(threads)
    assert {found for found in results if " " in found} == {"/score 200", "/livez 200", "/readyz 200", "/readyz 503"}


def port_is_free(address: str) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        except OSError:
            return False
    return True


def test_a_worker_whose_parent_is_killed_ends_and_frees_the_port(journey, tmp_path):
    with server(journey, tmp_path, TRADECREDIT_REFRESH="false") as (address, process):
        pid = worker(process)
        assert pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        deadline = time.monotonic() + 20
        while (psutil.pid_exists(pid) or not port_is_free(address)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not psutil.pid_exists(pid)
        assert port_is_free(address)


def test_a_service_that_cannot_start_ends_with_an_error(journey, tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "serving", "--port", "0"], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env=journey.environment | {"TRADECREDIT_HOST": "0.0.0.0", "TRADECREDIT_STORE": f"sqlite:///{tmp_path / 's.sqlite'}",
                                   "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "without any key the service answers this machine only" in done.stdout + done.stderr
    assert "before it had started" in done.stderr


def test_a_clock_that_is_moved_back_breaks_no_chain(tmp_path, monkeypatch):
    from datetime import UTC, datetime

    from serving import decision_log

    log = DecisionLog(Store.at(tmp_path / "s.sqlite"))

    class Earlier(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(1999, 1, 1, tzinfo=UTC)

    log.append([SCORE])
    monkeypatch.setattr(decision_log, "datetime", Earlier)
    (second,) = log.append([SCORE])
    assert log.read(second).content["decided_at"].startswith("1999")
    assert (log.verify().is_whole, log.verify().records) == (True, 2)


def test_a_registry_that_is_gone_zeroed_or_damaged_leaves_what_is_served(journey, tmp_path, monkeypatch):
    """The journey's real registry, copied: its database away, emptied, put back; then a champion's file changed."""
    import shutil

    from models.registry import DEFAULT_MODEL, Settings, load
    from serving.champions import ServedModels

    database = tmp_path / "mlflow.db"
    shutil.copy(journey.home / "mlflow.db", database)
    shutil.copytree(journey.ledger, tmp_path / "ledger")
    settings = Settings(home=tmp_path, ledger=tmp_path / "ledger", tracking_uri=f"sqlite:///{database}")
    served_models = ServedModels(settings)
    served_models.look()
    first = served_models.champions()
    assert len(first.models) == 2

    def looked() -> None:
        """One look of the watching thread, whatever it meets."""
        monkeypatch.setattr(served_models._stopped, "wait", lambda seconds: served_models._stopped.set())
        served_models._run()
        served_models._stopped.clear()

    for spoil in (lambda: database.rename(tmp_path / "away.db"), lambda: database.write_bytes(b"")):
        shutil.copy(database, tmp_path / "kept.db")
        spoil()
        looked()
        assert served_models.champions().versions == first.versions
        customer = str(small().ledger.customers["customer_id"].iloc[0])
        assert len(served_models.champions().scorer.score([customer]).customers) == 1
        shutil.copy(tmp_path / "kept.db", database)
    looked()
    assert served_models.champions().versions == first.versions

    folder = load(settings, DEFAULT_MODEL).folder
    changed = next(path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size > 100)
    whole = changed.read_bytes()
    try:
        changed.write_bytes(bytes(len(whole)))  # zeroed on the disk
        looked()
        assert served_models.champions().versions == first.versions  # what is in memory goes on
        fresh = ServedModels(settings)
        fresh.look()
        assert fresh.why_not is not None  # one that starts now serves nothing of it, and says why
        assert "digest" in fresh.why_not or "changed" in fresh.why_not
    finally:
        changed.write_bytes(whole)
