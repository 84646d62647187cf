"""Settings come from the environment in one place; a wrong value is one clear sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import InputError
from models.settings import Settings


def test_what_is_not_given_follows_from_home(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    monkeypatch.setenv("TRADECREDIT_LEDGER", "")
    found = Settings.from_environment()
    assert found.ledger == tmp_path / "ledger"
    assert found.tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert found.store == f"sqlite:///{tmp_path}/service.sqlite"
    assert found.heads == tmp_path / "decision-heads.jsonl"
    assert found == Settings.from_environment()
    assert hash(found) == hash(Settings.from_environment())


def test_the_environment_decides_and_relative_paths_become_absolute(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////elsewhere.db")
    monkeypatch.setenv("TRADECREDIT_LEDGER", "some/ledger")
    monkeypatch.setenv("TRADECREDIT_TRUSTED_HOSTS", "a.example, b.example")
    found = Settings.from_environment()
    assert found.tracking_uri == "sqlite:////elsewhere.db"
    assert found.ledger == Path.cwd() / "some/ledger"
    assert found.trusted_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(("name", "value"), [("LOOK_SECONDS", "-1"), ("DAY", "tomorrow"), ("BUSY_AFTER", "many")])
def test_a_wrong_value_names_its_setting(monkeypatch, name, value):
    monkeypatch.setenv(f"TRADECREDIT_{name}", value)
    with pytest.raises(InputError, match=f"^TRADECREDIT_{name}: "):
        Settings.from_environment()


def test_secrets_are_not_shown():
    assert "s3cret" not in repr(Settings(webhook_secret="s3cret"))
