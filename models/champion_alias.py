"""Moving a champion alias: the alias in the registry and its record in the promotion journal change together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.errors import InputError
from models import journal, registry
from models.journal import Journal
from models.registry import CHALLENGER, CHAMPION, Served, Settings


class NothingToRollBackTo(InputError):
    """The journal holds no earlier champion."""


def move(
    settings: Settings,
    name: str,
    version: str,
    *,
    by: str,
    action: str = journal.PROMOTED,
    why: str = "",
    gates: Mapping[str, Any] | None = None,
    second_person: str = "",
) -> Served:
    """Point the champion alias of a registered model at a version and record it; return the version as it is served.

    Parameters
    ----------
    name, version : str
        The registered model and the number of its version. Its files are checked against their digest first.
    by : str
        Who acts: the system user (`journal.system_user`) or an authenticated subject; callers must not take it from free text.
    why : str
        The reason as given.
    gates : mapping
        The result of the gates as it goes into the record; None where none were run.
    second_person : str
        Who else agreed, for an override.

    Raises
    ------
    NoModel, DigestMismatch
        The version is not registered, or its files were changed.
    Busy
        Another process changes an alias at this moment.
    JournalError
        The journal cannot be written; the alias then is what it was.
    """
    with journal.alone(settings):
        checked = registry.load(settings, name, version)
        store, log = registry.client(settings), Journal.of(settings)
        before = _alias(settings, name, CHAMPION)
        last = log.last_change(name)
        if before != (None if last is None else last.alias_after):
            log.append(
                journal.MOVED_BY_HAND, name, before or "", by="", alias_after=before,
                why="the alias was changed outside of promote and rollback (MLflow's pages or its interface)",
                alias_before=None if last is None else last.alias_after,
                not_before="" if last is None else last.at.isoformat(),
                **journal.version_facts(settings, name, before or ""),
            )  # fmt: skip

        def change() -> None:
            store.set_registered_model_alias(name, CHAMPION, version)

        try:
            entry = log.append(
                action, name, version, doing=change, by=by, why=why, alias_before=before, alias_after=version,
                gates=dict(gates or {}), second_person=second_person, **journal.facts_of(checked),
            )  # fmt: skip
        except journal.JournalError:
            _restore(settings, name, before)
            raise
        # for readers of MLflow's pages; the journal is what counts
        store.set_model_version_tag(name, version, registry.PROMOTED_AT_TAG, entry.at.isoformat(timespec="seconds"))
        store.set_model_version_tag(name, version, registry.PROMOTED_BY_TAG, by)
        if _alias(settings, name, CHALLENGER) == version:
            store.delete_registered_model_alias(name, CHALLENGER)
    return journal.with_journal(settings, registry.load(settings, name, version))


def before_this(settings: Settings, name: str) -> str:
    """Return the version that was champion before the present one was promoted. Raises NothingToRollBackTo.

    A rollback takes the last promotion back, a second rollback the one before it.
    """
    champions: list[str | None] = []
    for entry in Journal.of(settings).entries(name):
        if entry.action in (journal.PROMOTED, journal.MOVED_BY_HAND):
            if not champions or champions[-1] != entry.alias_after:
                champions.append(entry.alias_after)
        elif entry.action == journal.ROLLED_BACK:
            while champions and champions[-1] != entry.alias_after:
                champions.pop()
            if not champions:
                champions.append(entry.alias_after)
    earlier = [c for c in champions[:-1] if c is not None]
    if not earlier:
        raise NothingToRollBackTo(
            f"{name}: the journal holds no champion before the present one; name a version: "
            f"`tradecredit rollback {name.rpartition('-')[2]} --to VERSION --why TEXT`."
        )
    return earlier[-1]


def _alias(settings: Settings, name: str, alias: str) -> str | None:
    try:
        return registry.version_at(settings, name, alias)
    except registry.NoModel:
        return None


def _restore(settings: Settings, name: str, before: str | None) -> None:
    store = registry.client(settings)
    if before is None:
        if _alias(settings, name, CHAMPION) is not None:
            store.delete_registered_model_alias(name, CHAMPION)
    else:
        store.set_registered_model_alias(name, CHAMPION, before)
