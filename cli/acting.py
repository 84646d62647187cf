"""Name who runs a command that changes what is served: an authenticated subject or the account of this process."""

from __future__ import annotations

import os

from ledger.errors import InputError

KEY = "TRADECREDIT_KEY"
SCOPE = "admin"


def acting_person(by: str | None) -> str:
    """Return who runs this command: the subject of the API key in TRADECREDIT_KEY, else the account of this process.

    by : the value of `--by`, accepted only where it is that name. Raises InputError for any other name, so that the
    journal holds nobody who did not act; and for a key that is not valid or lacks the scope admin.
    """
    from models.journal import system_user

    person = subject_of_key() or system_user()
    if by is not None and by != person:
        raise InputError(
            f"--by must be who runs this command, '{person}'. Got '{by}' instead. Nobody is recorded who did not act: let that "
            f"person run the command from their own account, or with their own API key in {KEY}."
        )
    return person


def subject_of_key() -> str | None:
    """Return the subject of the API key in TRADECREDIT_KEY, None without one."""
    given = os.environ.get(KEY)
    if not given:
        return None
    from models.registry import Settings
    from serving.identity import Keys
    from serving.store import Store

    settings = Settings.from_environment()
    caller = Keys(Store(settings.store)).caller(given)
    if caller is None:
        raise InputError(
            f"{KEY}: this API key is unknown, expired or revoked; `tradecredit keys list` shows the state of each."
        )
    if SCOPE not in caller.scopes:
        raise InputError(
            f"{KEY}: the key of '{caller.subject}' lacks the scope {SCOPE}, which changing a champion needs."
        )
    return str(caller.subject)
