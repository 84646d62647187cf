"""The server's own process: `python -m serving` is `bentoml serve` of our service, looking nothing up."""

from __future__ import annotations

import socket
import sys


def main(words: list[str]) -> None:
    """Serve until stopped; `words` are further options of `bentoml serve`."""
    # circus, which runs BentoML's processes, asks DNS for this machine's full name only to call itself by it
    socket.getfqdn = lambda name="": name or socket.gethostname()
    from bentoml_cli.cli import create_bentoml_cli

    create_bentoml_cli()(["serve", "serving.service:TradeCredit", *words], prog_name="bentoml")


if __name__ == "__main__":
    main(sys.argv[1:])
