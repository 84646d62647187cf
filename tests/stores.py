"""Stores for tests: SQLite in a folder, and a PostgreSQL of one's own from the system's binaries where they are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BINARIES = [Path("/usr/lib/postgresql") / version / "bin" for version in ("17", "16", "15", "14")]
WHY_NOT = "no PostgreSQL: initdb and postgres are in none of /usr/lib/postgresql/{14..17}/bin, nor on the PATH"


def binaries() -> Path | None:
    """The folder of initdb and postgres; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    places = [*BINARIES, *([Path(found).parent] if found else [])]
    return next((p for p in places if (p / "initdb").exists() and (p / "postgres").exists()), None)


@dataclass
class Postgres:
    """A running server: `url()` makes a new database in it."""

    folder: Path
    port: int
    user: str

    def run(self, *words: str) -> None:
        bins = binaries()
        assert bins is not None
        command = [str(bins / words[0]), *words[1:]]
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", self.user, "--", *command]
        subprocess.run(command, check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "fast", "stop")

    def url(self) -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), name)
        return f"postgresql+psycopg://{self.user}@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of one's own, gone afterwards."""
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Postgres(folder=folder, port=free.getsockname()[1], user=user)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, user)
        server.run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", user, "-N")
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
