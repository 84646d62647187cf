"""Attributes of persons, and plain stand-ins for them, that no model takes as an input: refused by name.

Sole traders are natural persons. Sources: Regulation B, 12 CFR 1002.6(b); Charter of Fundamental Rights of the EU, Art.
21; EU AI Act, Annex III 5(b).
"""

from __future__ import annotations

from collections.abc import Iterable

from features.errors import InputError

ATTRIBUTES = frozenset({
    "sex", "gender", "age", "birth", "birthday", "born", "marital", "married", "marriage", "spouse", "children", "pregnancy",
    "nationality", "citizenship", "race", "ethnic", "ethnicity", "religion", "religious", "political", "disability",
    "health", "education",
})  # fmt: skip
PROXIES = frozenset({
    "name", "firstname", "surname", "title", "salutation", "postcode", "zip", "zipcode", "postal", "street",
    "neighbourhood", "language",
})  # fmt: skip


def refuse_protected(columns: Iterable[str]) -> None:
    """Raise InputError where a column's name has a word that stands for a protected attribute or a proxy of one."""
    found = [c for c in columns if set(c.lower().split("_")) & (ATTRIBUTES | PROXIES)]
    if found:
        raise InputError(
            f"columns: {', '.join(found)} name protected attributes of persons, or proxies of them; a model must not "
            "use them. Leave them out."
        )
