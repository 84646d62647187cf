"""Run `bentoml serve` of our service as the server's own process: `python -P -m serving`.

The current folder is never put on the import path: it may hold packages of its own called models/ or serving/.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1]  # the folder that holds our packages, installed or checked out


def main(words: list[str]) -> None:
    """Serve until stopped; `words` are further options of `bentoml serve`."""
    # circus, which runs BentoML's processes, asks DNS for this machine's full name only to call itself by it
    socket.getfqdn = lambda name="": name or socket.gethostname()
    from bentoml_cli.cli import create_bentoml_cli

    os.environ["PYTHONSAFEPATH"] = "1"  # for the worker processes too
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")]))
    place = ["--working-dir", str(PACKAGES)]
    create_bentoml_cli()(["serve", "serving.service:TradeCredit", *place, *words], prog_name="bentoml")


if __name__ == "__main__":
    main(sys.argv[1:])
