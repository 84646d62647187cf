"""`tradecredit serve`: the HTTP service and the reviewers' page."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ledger.errors import InputError

PACKAGES = Path(__file__).resolve().parents[1]  # the folder that holds our packages, installed or checked out


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path), required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for all.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535))
def command(ledger: Path | None, host: str, port: int) -> None:
    """Serve scores, explanations and limits of LEDGER (TRADECREDIT_LEDGER where none is given) over HTTP.

    Without any key (`tradecredit keys create`) it answers this machine only, and says so. The champions of the
    registry are served; without them the service starts, answers 503 with the reason, and serves as soon as
    `tradecredit promote` has made them. Stop it with Ctrl-C.

    Example: tradecredit serve build/ledger --port 3000
    """
    from models.settings import Settings
    from serving.identity import Identity, refuse_open_keyless
    from serving.store import Store

    settings = Settings.from_environment()
    folder = (ledger or settings.ledger).absolute()
    if not folder.exists():
        raise InputError(
            f"{folder}: no such ledger. `tradecredit sample {folder}` writes one, `tradecredit import` fills one."
        )
    refuse_open_keyless(settings.model_copy(update={"host": host}), Identity(settings, Store(settings.store)))
    environment = os.environ | {
        "TRADECREDIT_LEDGER": str(folder), "TRADECREDIT_HOST": host, "TRADECREDIT_STORE": settings.store,
        "TRADECREDIT_HOME": str(settings.home),
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
        # the server runs the code of the command that started it, wherever that lies
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")])),
        "BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true",
    }  # fmt: skip
    click.echo(f"http://{host}:{port}/ serves {folder}", err=True)
    # this process becomes the server: its signals are the server's
    words = [sys.executable, "-P", "-m", "serving", "--host", host, "--port", str(port)]
    os.execve(sys.executable, words, environment)
