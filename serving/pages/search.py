"""Search texts: names and ids are found whatever their case, width (１ or 1) or accents."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Return a text for comparison: compatibility forms, no accents, no case, single spaces."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())
