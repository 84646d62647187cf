"""The front door: commands found by their file, a user's mistake told in one line, exit codes as documented."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import commands

HEAVY = {"mlflow", "lightgbm", "bentoml", "numba"}
ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", commands.list_commands(None))  # type: ignore[arg-type]
def test_every_command_has_help_with_an_example(name: str) -> None:
    shown = CliRunner().invoke(commands, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    command = commands.get_command(None, name)  # type: ignore[arg-type]
    subcommands = getattr(command, "commands", {})
    for sub in subcommands:
        deeper = CliRunner().invoke(commands, [name, sub, "--help"])
        assert f"tradecredit {name} {sub}" in deeper.output
    assert subcommands or f"Example: tradecredit {name}" in " ".join(shown.output.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "no/such/ledger"], "no/such/ledger: no such ledger."),
        (["train"], "a LEDGER is needed"),
        (["nonsense"], "No such command 'nonsense'"),
        (["train", "--model", "magic"], "'magic' is not one of 'default', 'delay', 'all'"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_2(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_are_listed_without_importing_the_heavy_libraries() -> None:
    code = f"""
import sys
sys.argv = ["tradecredit", "--help"]
import cli.main
try:
    cli.main.main()
finally:
    print("HEAVY", sorted({HEAVY} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "HEAVY []" in done.stdout, done.stdout + done.stderr
