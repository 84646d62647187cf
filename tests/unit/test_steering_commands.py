"""The steering commands as a user runs them: forms, exit codes, mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import commands
from ledger.errors import InputError
from tests.served import small


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("steering") / "ledger"
    small().ledger.write(place)
    return place


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home without models, made once: an empty registry takes seconds to create."""
    return tmp_path_factory.mktemp("home")


def run(*words: object, home: Path | None = None):
    environment = {"TRADECREDIT_HOME": str(home)} if home else {}
    return CliRunner().invoke(commands, [str(w) for w in words], env=environment)


def test_the_worklist_writes_every_form_and_texts(folder, home, tmp_path):
    for ending in ("html", "xlsx", "csv", "json"):
        done = run(
            "report",
            "worklist",
            folder,
            "--out",
            tmp_path / f"list.{ending}",
            "--texts",
            tmp_path / "texts",
            "--language",
            "zh",
            home=tmp_path,
        )
        assert done.exit_code == 0, done.output
        assert (tmp_path / f"list.{ending}").stat().st_size > 500
    found = json.loads((tmp_path / "list.json").read_text())
    assert found["report"] == "worklist"
    assert "未计算" in found["避免的损失"]
    assert all("逾期" in text.read_text() or "发票" in text.read_text() for text in (tmp_path / "texts").glob("*.txt"))


def test_json_is_the_report(folder, home):
    done = run("report", "worklist", folder, "--json", home=home)
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert set(found["tables"]) >= {
        "customers",
        "items",
        "effects",
        "leave alone",
        "promises",
        "disputes",
        "held out",
        "hand-over",
    }


def test_country_exits_1_where_a_country_is_held(folder, tmp_path):
    assert run("report", "country", folder).exit_code == 0
    from decisions.policy_files import bundled

    policy = tmp_path / "held.toml"
    policy.write_text(bundled("country").read_text().replace('country = "XX"', 'country = "DE"'))
    done = run("report", "country", folder, "--policy", policy)
    assert done.exit_code == 1
    assert "Transfer hold for DE since" in done.output


def test_terms_without_a_model_leave_expected_loss_out(folder, home):
    done = run("report", "terms", folder, "--days", "14,30", "--json", home=home)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["pd"] == "not known"
    assert [row["expected_loss"] for row in found["tables"]["terms"]] == [None, None, None]
    with pytest.raises(InputError, match="whole numbers with commas"):
        commands.main(["report", "terms", str(folder), "--days", "soon"], standalone_mode=False)


def test_mistakes_are_named(folder, tmp_path):
    for words, match in (
        (["report", "worklist", folder, "--policy", "nowhere"], "no such policy file"),
        (["report", "worklist", folder, "--out", "x.pdf"], "--out must end in"),
        (["report", "stress", folder, "--scenarios", "collections"], "keys do not fit the StressPolicy"),
        (
            ["policy", "compare", "limits", tmp_path / "no.toml", folder, "--from", "2024-01-31", "--to", "2024-12-31"],
            "no such policy file",
        ),
        (
            ["policy", "compare", "limits", "limits", folder, "--from", "2024-12-31", "--to", "2024-01-31"],
            "must come before",
        ),
    ):
        with pytest.raises(InputError, match=match):
            commands.main([str(w) for w in words], standalone_mode=False)


def test_policy_show_prints_the_bundled_file():
    done = run("policy", "show", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["name"]
    assert "maximum_expected_loss" in run("policy", "show").stdout
