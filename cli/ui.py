"""`tradecredit ui`: MLflow's own pages on our store."""

from __future__ import annotations

import os
import sys

import click


@click.command()
@click.option("--port", default=5000, show_default=True)
def command(port: int) -> None:
    """Show the runs, metrics, plots and registered models in MLflow's pages, on this machine only.

    Example: tradecredit ui --port 5001
    """
    from models.registry import Settings, client

    settings = Settings.from_environment()
    client(settings)
    click.echo(f"MLflow on http://127.0.0.1:{port} (stop with Ctrl-C)", err=True)
    arguments = ["ui", "--backend-store-uri", settings.tracking_uri, "--host", "127.0.0.1", "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", *arguments])
