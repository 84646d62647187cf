"""Who runs a command that changes what is served: the account of this process, never a name that was typed."""

from __future__ import annotations

from ledger.errors import InputError


def acting_person(by: str | None) -> str:
    """Return the account that runs this command.

    by : the value of `--by`, accepted only where it is that account. Raises InputError for any other name, so that the
    journal holds nobody who did not act.
    """
    from models.journal import system_user

    user = system_user()
    if by is not None and by != user:
        raise InputError(
            f"--by must be the account that runs this command, '{user}'. Got '{by}' instead. Nobody is recorded who did "
            "not act: let that person run the command from their own account."
        )
    return user
