"""What is served while the registry changes: swapped whole, withdrawn when told, kept when the registry misbehaves."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from ledger.ledger import LedgerError
from models import journal, registry
from models.registry import DigestMismatch, NoModel, Settings
from serving.champions import ServedModels
from serving.errors import Problem
from tests.served import served, small


class Shelf:
    """A registry in a dictionary: name -> the champion's version, or what asking for it raises."""

    def __init__(self) -> None:
        self.champion: dict[str, str | Exception] = {}
        self.tampered: set[str] = set()

    def version_at(self, settings: Settings, name: str, alias: str = "champion") -> str:
        found = self.champion.get(name, NoModel(f"{name}: no version '{alias}' is registered"))
        if isinstance(found, Exception):
            raise found
        return found

    def load(self, settings: Settings, name: str, version: str = "champion") -> registry.Served:
        if version in self.tampered:
            raise DigestMismatch(f"{name} version {version}: its files were changed")
        return replace(served(name), version=version)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setattr(registry, "version_at", shelf.version_at)
    monkeypatch.setattr(registry, "load", shelf.load)
    monkeypatch.setattr(ScoringLedger, "read", lambda path: small().prepared)
    monkeypatch.setattr(Scorer, "of", lambda prepared, default, delay: small().scorer)
    return shelf


@pytest.fixture
def served_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedModels:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    return ServedModels(Settings.from_environment())


def refusal(served_models: ServedModels) -> str:
    with pytest.raises(Problem) as refused:
        served_models.champions()
    assert refused.value.status == 503
    assert refused.value.headers["Retry-After"]
    return refused.value.detail


def test_no_score_before_the_ledger_is_read_or_before_a_model_is_there(served_models, shelf):
    assert "being read" in refusal(served_models)
    served_models.look()
    assert "tradecredit-default: no version 'champion'" in refusal(served_models)
    assert served_models.why_not is not None
    shelf.champion[registry.DEFAULT_MODEL] = "1"
    served_models.look()
    assert served_models.champions().versions == ("1", "")  # one model alone is served; the other's answers are empty
    assert served_models.champions().delay is None
    shelf.champion[registry.DELAY_MODEL] = "1"
    served_models.look()
    assert served_models.champions().versions == ("1", "1")
    assert served_models.why_not is None


@pytest.fixture
def serving(served_models: ServedModels, shelf: Shelf) -> ServedModels:
    shelf.champion = {registry.DEFAULT_MODEL: "1", registry.DELAY_MODEL: "1"}
    served_models.look()
    return served_models


def test_a_new_champion_is_swapped_in_and_an_old_one_not_loaded_again(serving, shelf):
    first = serving.champions()
    serving.look()
    assert serving.champions() is first
    shelf.champion[registry.DELAY_MODEL] = "2"
    serving.look()
    assert serving.champions().versions == ("1", "2")
    assert first.versions == ("1", "1")  # what an answer holds does not change under it


def test_a_promotion_of_the_same_version_again_shows_its_own_instant_and_person(serving, shelf):
    first = serving.champions()
    assert first.default.promoted_by == "moved by hand in the registry"  # no command of ours set this alias
    log = journal.Journal.of(serving.settings)
    entry = log.append(
        journal.PROMOTED, registry.DEFAULT_MODEL, "1", by="ann", alias_before="1", alias_after="1", why="reviewed"
    )
    serving.look()
    again = serving.champions()
    assert (again.default.promoted_by, again.default.promoted_at) == ("ann", entry.at.isoformat(timespec="seconds"))
    assert again.scorer is first.scorer
    assert again.served_since == first.served_since


def test_a_champion_withdrawn_is_no_longer_served(serving, shelf):
    del shelf.champion[registry.DEFAULT_MODEL]
    serving.look()
    assert serving.champions().versions == ("", "1")
    assert serving.champions().default is None
    del shelf.champion[registry.DELAY_MODEL]
    serving.look()
    assert "tradecredit-default" in refusal(serving)


def test_a_version_whose_files_were_changed_is_never_served(serving, shelf):
    shelf.tampered.add("2")
    shelf.champion[registry.DEFAULT_MODEL] = "2"
    serving.look()
    assert serving.champions().versions == ("1", "1")


def test_a_registry_that_is_down_leaves_what_is_served_in_place(serving, shelf, monkeypatch):
    shelf.champion[registry.DEFAULT_MODEL] = ConnectionError("down")
    looks = iter([False, True])
    monkeypatch.setattr(serving._stopped, "is_set", lambda: next(looks))
    monkeypatch.setattr(serving._stopped, "wait", lambda seconds: None)
    serving._run()
    assert serving.champions().versions == ("1", "1")


def test_a_slow_registry_delays_a_new_champion_and_no_answer(serving, shelf, monkeypatch):
    answered, asked = threading.Event(), threading.Event()
    shelf.champion[registry.DEFAULT_MODEL] = "2"

    def slowly(settings: Settings, name: str, alias: str = "champion") -> str:
        asked.set()
        assert answered.wait(30)
        return shelf.version_at(settings, name, alias)

    monkeypatch.setattr(registry, "version_at", slowly)
    look = threading.Thread(target=serving.look)
    look.start()
    assert asked.wait(30)
    started = time.monotonic()
    assert serving.champions().versions == ("1", "1")  # what is served answers while the registry is waited for
    assert time.monotonic() - started < 0.1
    assert look.is_alive()
    answered.set()
    look.join(30)
    assert serving.champions().versions == ("2", "1")


def test_a_ledger_that_breaks_its_contract_is_the_reason(served_models, shelf, monkeypatch):
    def refuse(path: Path) -> ScoringLedger:
        raise LedgerError("invoices.amount must be above 0; fails in 3 of 9,412 rows")

    monkeypatch.setattr(ScoringLedger, "read", refuse)
    served_models.look()
    assert "invoices.amount must be above 0" in refusal(served_models)
