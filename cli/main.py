"""Find the commands (one module each in this folder), run one, and turn a user's mistake into one line."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path

import click

from ledger.errors import InputError

# Set before any library is imported: nothing is reported to anybody.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

FOLDER = Path(__file__).parent
NOT_COMMANDS = {"__init__", "acting", "ledger_reading", "main", "output", "train_in_parts"}
HEADLINE = re.compile(r'^def command\(.*?\n    """(.*?)(?:"""|\n)', re.DOTALL | re.MULTILINE)


class Commands(click.Group):
    """Each `cli/NAME.py` holds one click command called `command`; it is imported only when it is run."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of the commands, sorted: those of the modules of this folder."""
        names = {p.stem for p in FOLDER.glob("*.py")} - NOT_COMMANDS
        return sorted(name.removesuffix("_").replace("_", "-") for name in names)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import and return the command called `name`; None if there is none."""
        if name not in self.list_commands(context):
            return None
        command = importlib.import_module(f"cli.{module_of(name).stem}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the first lines of their docstrings, without importing a single one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, headline(module_of(name))) for name in self.list_commands(context)])


def module_of(name: str) -> Path:
    """Return the file of the command `name`; a module named like a Python keyword ends in an underscore: import_.py."""
    path = FOLDER / f"{name.replace('-', '_')}.py"
    return path if path.exists() else path.with_stem(f"{path.stem}_")


def headline(path: Path) -> str:
    """Return the first line of the docstring of the function `command` in a module's source; '' if it has none."""
    match = HEADLINE.search(path.read_text(encoding="utf-8"))
    return match[1].strip() if match else ""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Default and payment-delay predictions from a ledger of invoices and payments.

    Example: tradecredit sample build/ledger && tradecredit train build/ledger
    """


def main() -> None:
    """Run one command. Exit codes: 0: done; 1: check failed; 2: bad input or bad arguments."""
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
    except Exception as failed:
        if not _is_of_the_registry(failed):
            raise
        click.echo(f"error: {registry_message(failed)}", err=True)
        sys.exit(2)


def _is_of_the_registry(failed: Exception) -> bool:
    """Return True for an error of MLflow's store; MLflow is not imported for it."""
    mlflow = sys.modules.get("mlflow.exceptions")
    return mlflow is not None and isinstance(failed, mlflow.MlflowException)


def registry_message(failed: Exception) -> str:
    """Return one line for a registry that cannot be reached or written: its address, the cause, what to do."""
    from models.registry import Settings
    from training.lifecycle.runs import reason

    return (
        f"the model registry at {Settings.from_environment().tracking_uri} cannot be used: {reason(failed)[:300]}. No further step was "
        "taken; `tradecredit journal` shows what was done before. Start the tracking server, or name another in "
        "MLFLOW_TRACKING_URI, and run the command again."
    )


if __name__ == "__main__":
    main()
