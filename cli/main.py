"""The front door: finds the commands (one module each in this folder) and turns a user's mistake into one line."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import click

from ledger.errors import InputError

# Told to every library before it is imported: nothing is reported to anybody.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

NOT_COMMANDS = {"__init__", "main", "output"}


class Commands(click.Group):
    """Each `cli/NAME.py` holds one click command called `command`; it is imported only when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        folder = Path(__file__).parent
        names = {p.stem for p in folder.glob("*.py")} - NOT_COMMANDS
        return sorted(name.removesuffix("_").replace("_", "-") for name in names)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(context):
            return None
        # a module whose command is a Python keyword ends in an underscore: import_.py
        stem = name.replace("-", "_")
        path = Path(__file__).parent / f"{stem}.py"
        command = importlib.import_module(f"cli.{stem}" if path.exists() else f"cli.{stem}_").command
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Default and payment-delay predictions from a ledger of invoices and payments.

    Example: tradecredit sample build/ledger && tradecredit train build/ledger
    """


def main() -> None:
    """Run one command. Exit codes: 0 done, 1 the answer is no, 2 the input or the words are wrong."""
    try:
        commands(standalone_mode=False)
    except InputError as mistake:
        click.echo(f"error: {mistake}", err=True)
        sys.exit(2)
    except click.Abort:
        click.echo("stopped.", err=True)
        sys.exit(130)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(2)


if __name__ == "__main__":
    main()
