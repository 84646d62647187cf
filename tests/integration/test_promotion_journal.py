"""The promotion journal against a real registry: who, when, why; aliases moved by hand; the answer of served-at."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, timedelta

import pytest
from click.testing import CliRunner

from cli.journal import command as journal_command
from cli.promote import command as promote_command
from cli.rollback import command as rollback_command
from cli.served_at import command as served_at_command
from ledger.errors import InputError
from models import champion_alias, journal, registry
from models.journal import Journal
from models.registry import CHAMPION, DEFAULT_MODEL, Settings
from tests.integration.test_registry import fitted, ledger
from training.lifecycle import tracking

__all__ = ["ledger"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, ledger) -> Settings:
    """A registry with three versions of the default model, made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADECREDIT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr("models.pyfunc.load_model", lambda folder: fitted().model)
        settings = Settings.from_environment()
        for _ in range(3):
            tracking.log(settings, fitted(), kind="default", ledger=ledger, as_of=date(2024, 2, 29))
    return settings


@pytest.fixture
def settings(made: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same registry without a champion and without a journal."""
    monkeypatch.setenv("TRADECREDIT_HOME", str(made.home))
    (made.home / journal.FILE).unlink(missing_ok=True)
    registry.client(made).delete_registered_model_alias(DEFAULT_MODEL, CHAMPION)
    return made


def test_served_at_is_right_after_promote_promote_rollback_a_hand_moved_alias_and_promote(settings: Settings) -> None:
    store, log = registry.client(settings), Journal.of(settings)
    champion_alias.move(settings, DEFAULT_MODEL, "1", by="ann", why="first")
    champion_alias.move(settings, DEFAULT_MODEL, "2", by="ben", why="better")
    assert champion_alias.before_this(settings, DEFAULT_MODEL) == "1"
    champion_alias.move(settings, DEFAULT_MODEL, "1", by="ann", why="it was not", action=journal.ROLLED_BACK)
    store.set_registered_model_alias(DEFAULT_MODEL, CHAMPION, "3")
    moved = journal.notice(settings, DEFAULT_MODEL)
    assert moved is not None
    assert (moved.action, moved.by, moved.alias_before, moved.alias_after) == (journal.MOVED_BY_HAND, "", "1", "3")
    assert journal.notice(settings, DEFAULT_MODEL) is None  # once
    served = champion_alias.move(settings, DEFAULT_MODEL, "2", by="ben", why="checked")
    assert (served.promoted_by, served.version) == ("ben", "2")

    changes = [e for e in log.entries(DEFAULT_MODEL) if e.action in journal.ALIAS_CHANGES]
    assert [e.alias_after for e in changes] == ["1", "2", "1", "3", "2"]
    instants = [changes[0].at - timedelta(microseconds=1), *(e.at for e in changes)]
    assert [journal.served_at(log, DEFAULT_MODEL, at).version for at in instants] == [None, "1", "2", "1", "3", "2"]
    assert changes[3].not_before == changes[2].at.isoformat()

    answer = CliRunner().invoke(served_at_command, [instants[3].isoformat(), "--model", "default", "--json"])
    assert json.loads(answer.output)["models"][0]["version"] == "1"
    assert json.loads(answer.output)["models"][0]["why"] == "it was not"
    assert CliRunner().invoke(served_at_command, [instants[0].isoformat(), "--model", "default"]).exit_code == 1

    printed = CliRunner().invoke(journal_command, [])
    assert printed.exit_code == 0
    assert "moved by hand" in printed.output
    with sqlite3.connect(log.path) as file:
        file.execute("DROP TRIGGER promotions_never_change")
        file.execute("UPDATE promotions SET content = replace(content, 'ben', 'ann')")
    broken = CliRunner().invoke(journal_command, [])
    assert broken.exit_code == 1
    assert "does not hold: its content is not what was logged" in broken.output


def test_a_rollback_takes_the_last_promotion_back_and_a_second_one_the_one_before_it(settings: Settings) -> None:
    for version in ("1", "2", "3"):
        champion_alias.move(settings, DEFAULT_MODEL, version, by="ann")
    for expected in ("2", "1"):
        done = CliRunner().invoke(rollback_command, ["default", "--why", "worse", "--json"])
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)["version"] == expected
    with pytest.raises(champion_alias.NothingToRollBackTo, match="rollback default --to VERSION --why TEXT"):
        champion_alias.before_this(settings, DEFAULT_MODEL)


def test_nobody_promotes_under_another_name(settings: Settings) -> None:
    refused = CliRunner().invoke(promote_command, ["default", "--by", "The Chief Risk Officer"])
    assert isinstance(refused.exception, InputError)
    assert "must be who runs this command" in str(refused.exception)
    assert [e for e in Journal.of(settings).entries() if e.action in journal.ALIAS_CHANGES] == []


def test_a_promotion_that_can_not_be_recorded_does_not_happen(settings: Settings, monkeypatch) -> None:
    champion_alias.move(settings, DEFAULT_MODEL, "1", by="ann")
    with sqlite3.connect(Journal.of(settings).path) as file:
        file.execute("CREATE TRIGGER full BEFORE INSERT ON promotions BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    with pytest.raises(journal.JournalError, match="disk is full"):
        champion_alias.move(settings, DEFAULT_MODEL, "2", by="ann")
    assert registry.version_at(settings, DEFAULT_MODEL) == "1"
    with sqlite3.connect(Journal.of(settings).path) as file:
        file.execute("DROP TRIGGER full")
    monkeypatch.setattr(journal, "chained", lambda *_: "0" * 64)  # an alias that cannot be set leaves no record
    count = len(Journal.of(settings).entries())

    def gone() -> None:
        raise ConnectionError("registry gone")

    with pytest.raises(ConnectionError):
        Journal.of(settings).append(journal.PROMOTED, DEFAULT_MODEL, "2", doing=gone)
    assert len(Journal.of(settings).entries()) == count


def test_two_promotions_at_once_are_one(settings: Settings) -> None:
    with journal.alone(settings), pytest.raises(journal.Busy, match="another promotion is being made"):
        champion_alias.move(settings, DEFAULT_MODEL, "1", by="ann")


def test_a_refused_promotion_names_its_gates_and_an_override_takes_two_persons(settings: Settings, monkeypatch) -> None:
    monkeypatch.setattr("training.lifecycle.promotion.load_model", lambda folder: fitted().model)

    def promote(person: str, *words: str):
        monkeypatch.setattr(journal, "system_user", lambda: person)
        return CliRunner().invoke(promote_command, ["default", "--version", "2", *words])

    refused = promote("ann")  # the run holds no evaluated rows
    assert refused.exit_code == 1
    assert "REFUSED  evidence  0 evaluated snapshots with 0 defaulters, at least 300 and 5 are needed" in refused.output
    assert promote("ann", "--check").exit_code == 1
    first = promote("ann", "--override", "the old one cannot be served")
    assert (first.exit_code, "another person runs the same command" in first.output) == (1, True)
    assert promote("ann", "--override", "again").exit_code == 1  # the same person is not a second one
    with pytest.raises(registry.NoModel):
        registry.version_at(settings, DEFAULT_MODEL)
    second = promote("ben", "--override", "I agree", "--json")
    assert second.exit_code == 0, second.output
    last = Journal.of(settings).last_change(DEFAULT_MODEL)
    assert last is not None
    assert (last.by, last.second_person, last.version) == ("ben", "ann", "2")
    assert last.why == "override: again; confirmed: I agree"
    assert last.gates["checks"][0]["figures"] == {"rows": 0.0, "defaulters": 0.0}
    actions = [e.action for e in Journal.of(settings).entries(DEFAULT_MODEL)]
    assert actions == ["refused", "override_requested", "override_requested", "promoted"]


def test_four_eyes_refuse_the_trainer(settings: Settings, monkeypatch, tmp_path) -> None:
    from training.lifecycle import promotion
    from training.lifecycle.gates_file import read_gates

    monkeypatch.setattr(promotion, "load_model", lambda folder: fitted().model)
    gates = read_gates().model_copy(update={"four_eyes": True})
    trainer = journal.system_user()
    for person, is_passed in ((trainer, False), ("another", True)):
        _, report = promotion.evaluate(settings, DEFAULT_MODEL, "1", gates, by=person)
        assert next(c for c in report.checks if c.gate == "four eyes").is_passed is is_passed
