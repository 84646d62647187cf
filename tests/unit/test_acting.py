"""Who is recorded: the account or the subject of a valid key with the scope admin, never a typed name."""

from __future__ import annotations

import pytest

from cli.acting import KEY, acting_person
from ledger.errors import InputError
from models.journal import system_user
from models.settings import Settings
from serving.identity import Keys
from serving.store import Store


def test_the_subject_of_a_key_or_the_account_acts_and_no_other_name(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    monkeypatch.setenv("USER", "the chief risk officer")  # not consulted
    assert acting_person(None) == system_user()
    keys = Keys(Store(Settings.from_environment().store))
    admin, made = keys.create("ann@example.com", ["admin"])
    monkeypatch.setenv(KEY, admin)
    assert acting_person(None) == acting_person("ann@example.com") == "ann@example.com"
    with pytest.raises(InputError, match=r"--by must be who runs this command, 'ann@example\.com'\. Got 'ben'"):
        acting_person("ben")
    reviewer, _ = keys.create("ben@example.com", ["review"])
    monkeypatch.setenv(KEY, reviewer)
    with pytest.raises(InputError, match=r"ben@example\.com' lacks the scope admin"):
        acting_person(None)
    keys.revoke(made.key_id)
    monkeypatch.setenv(KEY, admin)
    with pytest.raises(InputError, match="unknown, expired or revoked"):
        acting_person(None)
