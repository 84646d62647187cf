"""The process that answers: BentoML's worker, which drains before it stops and never outlives its parent."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys

import uvicorn

from serving.lifetime import draining, end_with
from serving.supervisor import READY, SERVICE


class Draining(uvicorn.Server):
    """A server that goes on accepting for a while after it was asked to stop.

    What routes requests here sees /readyz become 503 and sends no more; a connection that was made meanwhile is answered,
    not reset. Then the socket is closed (a new connection is refused) and the answers under way end.
    """

    seconds = 1.0
    started_at: int | None = None  # the pipe that the supervisor waits on

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell the supervisor."""
        await super().startup(sockets)
        if self.started_at is not None and not self.should_exit:
            os.write(self.started_at, READY)
            os.close(self.started_at)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then stop."""
        draining.set()
        if not self.force_exit:
            await asyncio.sleep(self.seconds)
        await super().shutdown(sockets)


def main(words: list[str]) -> None:
    """Answer on a socket that the supervisor has opened."""
    parser = argparse.ArgumentParser()
    for name in ("--socket", "--started", "--supervisor"):
        parser.add_argument(name, type=int, required=True)
    asked, others = parser.parse_known_args(words)
    end_with(asked.supervisor)
    from models.lean_lightgbm import import_lightgbm
    from models.settings import Settings

    import_lightgbm()
    Draining.started_at, Draining.seconds = asked.started, Settings.from_environment().drain_seconds
    uvicorn.Server = Draining  # type: ignore[misc]  # BentoML's worker makes its server of this name
    from _bentoml_impl.worker.service import main as bentoml_worker

    bentoml_worker([SERVICE, "--fd", str(asked.socket), "--service-name", "tradecredit", "--worker-id", "1", *others])


if __name__ == "__main__":
    main(sys.argv[1:])
