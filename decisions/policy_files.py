"""Policy files: TOML with a name and a version, bundled in `decisions/policies/` or given as a path, checked by pydantic."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ledger.errors import InputError

BUNDLED = Path(__file__).parent / "policies"


class Policy(BaseModel):
    """What every policy file has. An unknown key is an error, so that a misspelt one is never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str


P = TypeVar("P", bound=Policy)


def read_policy(kind: type[P], source: str | Path) -> P:
    """Return the policy in a TOML file.

    Parameters
    ----------
    kind : the pydantic class that the file must satisfy.
    source : the name of a bundled file without its ending ("collections"), or the path of another file.

    Raises
    ------
    InputError : no such file, not TOML, or a key that is missing, unknown or out of its bounds (each one is named).
    """
    path = bundled(source)
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path}: {error.error_count()} keys do not fit the {kind.__name__}; e.g. '{where}': {first['msg']}. "
            f"Compare with the bundled files in {BUNDLED.name}/."
        ) from None


def bundled(source: str | Path) -> Path:
    """The path of a policy: the bundled file of that name, or the path itself. Raises InputError where neither exists."""
    own = BUNDLED / f"{source}.toml"
    if isinstance(source, str) and "/" not in source and own.exists():
        return own
    path = Path(source)
    if path.is_file():
        return path
    names = ", ".join(sorted(p.stem for p in BUNDLED.glob("*.toml")))
    raise InputError(f"{source}: no such policy file. Give a path, or one of the bundled names: {names}.")
