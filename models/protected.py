"""Attributes of persons, and plain stand-ins for them, that no model takes as an input: refused by name.

Sole traders are natural persons. Sources: Regulation B, 12 CFR 1002.6(b); Charter of Fundamental Rights of the EU, Art.
21; EU AI Act, Annex III 5(b).
"""

from __future__ import annotations

from collections.abc import Iterable

from ledger.errors import InputError

ATTRIBUTES = frozenset({
    "sex", "gender", "birth", "birthday", "born", "marital", "married", "marriage", "spouse", "children", "pregnancy",
    "nationality", "citizenship", "race", "ethnic", "ethnicity", "religion", "religious", "political", "disability",
    "health", "education",
})  # fmt: skip
PROXIES = frozenset({
    "name", "firstname", "surname", "title", "salutation", "postcode", "zip", "zipcode", "postal", "street",
    "neighbourhood", "language",
})  # fmt: skip
PERSONS = frozenset({"customer", "owner", "person", "director", "applicant", "trader"})  # whose age it may be


def refuse_protected(columns: Iterable[str]) -> None:
    """Raise InputError where a column's name has a word that stands for a protected attribute or a proxy of one.

    Age is refused as a person's (`age`, `owner_age`), not as that of a fact (`rating_age_days`).
    """
    found = [name for name in columns if _is_protected(name.lower().split("_"))]
    if found:
        raise InputError(
            f"columns: {', '.join(found)} name protected attributes of persons, or proxies of them; a model must not "
            "use them. Leave them out."
        )


def _is_protected(words: list[str]) -> bool:
    is_age = "age" in words and (words[0] == "age" or words[words.index("age") - 1] in PERSONS)
    return is_age or bool(set(words) & (ATTRIBUTES | PROXIES))
