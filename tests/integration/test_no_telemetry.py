"""Nothing leaves the machine: the whole journey runs under a guard that stops, and writes down, every other address."""

from __future__ import annotations

import subprocess
import sys

import pytest

ATTEMPTS = {
    "a connection": "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)",
    "a name": "import socket; socket.getaddrinfo('example.org', 443)",
    "a datagram": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "a request": "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=1)",
}


def test_the_journey_asked_no_other_machine(journey):
    assert journey.answers["score"][0] == 200  # it did run
    attempts = journey.guard_log.read_text() if journey.guard_log.exists() else ""
    assert attempts == ""


@pytest.mark.parametrize("kind", ATTEMPTS)
def test_the_guard_itself_stops_and_writes_down(kind, journey, tmp_path):
    log = tmp_path / "guard.log"
    environment = journey.environment | {"TRADECREDIT_GUARD_LOG": str(log)}
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPTS[kind]], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "the guard stops" in done.stderr
    assert "192.0.2.1" in log.read_text() or "example.org" in log.read_text()


def test_the_guard_lets_this_machine_s_own_addresses_through(journey, tmp_path):
    listening = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()"
    code = listening + "; socket.create_connection(s.getsockname())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=journey.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_process_of_the_service_was_under_the_guard(journey):
    done = subprocess.run(
        [sys.executable, "-c", "import sitecustomize; print(sitecustomize.__file__)"], env=journey.environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip().endswith("guard/sitecustomize.py")
