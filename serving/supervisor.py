"""Keep one worker process of the service running: start it, start it again when it dies, stop it, end with an error."""

from __future__ import annotations

import argparse
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

BACKLOG = 2048  # connections that wait while no worker accepts them
MOST_STARTS_KILLED = 3  # workers in a row that are killed before they have started
STOP_SECONDS = 60.0  # how long a worker that was asked to stop may take: its longest answer and its drain
SERVICE = "serving.service:TradeCredit"
READY = b"ready"


class Supervisor:
    """Holds the listening socket and one worker process.

    A worker that dies after it had started is replaced at once; connections made meanwhile wait in the socket's queue. A
    worker that ends by itself before it has started (wrong settings, no store) ends the supervisor with exit code 1, and so do
    three workers in a row that are killed before they have started: whoever started the service sees the error.
    """

    def __init__(self, listener: socket.socket, words: Sequence[str] = ()) -> None:
        self.listener, self.words = listener, list(words)
        self.worker: subprocess.Popen[bytes] | None = None
        self.has_started = threading.Event()
        self.is_stopping = False

    def run(self) -> int:
        """Supervise until stopped by SIGTERM or SIGINT; return the exit code: 0 after a stop, else the worker's error."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        killed = 0
        while True:
            self._start()
            assert self.worker is not None
            code = self.worker.wait()
            self._waiting.join(1.0)
            if self.is_stopping:
                return 0 if code in (0, -signal.SIGTERM, -signal.SIGINT) else 1
            if self.has_started.is_set():
                killed = 0
            elif code >= 0:
                say(f"the worker ended with {code} before it had started; its own lines say why.")
                return 1
            else:
                killed += 1
                if killed == MOST_STARTS_KILLED:
                    say(f"{killed} workers in a row were killed by signal {-code} before they had started; giving up.")
                    return 1
            say(f"the worker ended with {code}; a new one is started.")

    def _start(self) -> None:
        """Start a worker; a thread notes when it says that it has started."""
        self.has_started = threading.Event()
        reading, writing = os.pipe()
        command = [
            sys.executable, "-P", "-m", "serving.worker", "--socket", str(self.listener.fileno()),
            "--started", str(writing), "--supervisor", str(os.getpid()), *self.words,
        ]  # fmt: skip
        self.worker = subprocess.Popen(command, pass_fds=(self.listener.fileno(), writing), stdin=subprocess.DEVNULL)
        os.close(writing)
        self._waiting = threading.Thread(target=_note, args=(reading, self.has_started), daemon=True)
        self._waiting.start()
        if self.is_stopping:
            self.worker.send_signal(signal.SIGTERM)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Pass the stop on to the worker, which drains; kill it where it takes too long."""
        if self.is_stopping:
            return
        self.is_stopping = True
        self.listener.close()  # the worker's copy is the last: when it closes, the port is free
        if self.worker is not None and self.worker.poll() is None:
            self.worker.send_signal(signal.SIGTERM)
            threading.Thread(target=self._kill_late, args=(self.worker,), daemon=True).start()

    @staticmethod
    def _kill_late(worker: subprocess.Popen[bytes]) -> None:
        time.sleep(STOP_SECONDS)
        if worker.poll() is None:
            say(f"the worker did not stop within {STOP_SECONDS:.0f} seconds and is killed.")
            worker.kill()


def _note(reading: int, has_started: threading.Event) -> None:
    with os.fdopen(reading, "rb") as pipe:
        if pipe.read(len(READY)) == READY:
            has_started.set()


def say(words: str) -> None:
    """Write one line of the supervisor's own."""
    print(f"tradecredit: {words}", file=sys.stderr, flush=True)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises OSError where the address cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def main(words: list[str]) -> int:
    """Serve until stopped and return the exit code; `words` are --host, --port and further options of the worker."""
    parser = argparse.ArgumentParser(
        prog="python -P -m serving", description="Serve over HTTP; see `tradecredit serve`."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=3000, type=int)
    asked, others = parser.parse_known_args(words)
    host = "127.0.0.1" if asked.host == "localhost" else asked.host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        say(f"--host must be an IP address, such as 127.0.0.1 or 0.0.0.0. Got {host} instead.")
        return 2
    try:
        listener = listen(host, asked.port)
    except OSError as refused:
        say(f"cannot listen on {host} port {asked.port}: {refused.strerror}. Choose another --port.")
        return 2
    return Supervisor(listener, others).run()
