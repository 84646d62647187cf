"""Which single-byte Latin encoding a text is in: Windows-1252, Windows-1250, ISO 8859-2 or Windows-1254.

A byte is a letter in one of them and another letter, a sign or nothing in the next. An encoding is out where a byte inside a
word is no letter under it. Where those that are left spell the text differently, words of western or middle Europe decide; where
there are none, nothing does, and the user is asked.
"""

from __future__ import annotations

import re
from itertools import pairwise

WESTERN, MIDDLE, LATIN_2, TURKISH = "cp1252", "cp1250", "iso8859-2", "cp1254"
ENCODINGS = (WESTERN, MIDDLE, LATIN_2, TURKISH)
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_BEFORE, _AFTER = "€£¥«“„‘‚•–—§¡¿", "€»”’…–—©®™°ºª·´"  # signs that may stand before a word, and after one
_TURKISH = re.compile(rb"[A-Za-z][\xf0\xfd\xfe\xdd\xde\xd0]|[\xf0\xfd\xfe\xdd\xde\xd0][a-z]")
# Spellings of western Europe that no language of middle Europe has: ñ between vowels, ão, ãe, õe, à and å.
_ONLY_WESTERN = re.compile(
    rb"[aeiou\xe1\xe9\xed\xf3\xfa]\xf1[aeiou\xe1\xe9\xed\xf3\xfa]|\xe3[oe]|\xf5e|[\xe0\xe5\xc0\xc5]", re.IGNORECASE
)
_WESTERN_WORDS = re.compile(
    rb"\b(ltda|lda|eireli|s\.?l\.?u?|sarl|sasu?|s\.p\.a|srl|gmbh|ag|kg|oy|aps|a/s|facture|client|montant|fatura|vencimento|emiss|valor|nome|factura|"
    rb"fecha|importe|cliente|rechnung|rechnungsnr|kunde|kundennr|betrag|beleg|fattura|scadenza|faktuur|klant|faktura ?nr|forfald|rua|rue|calle|avenida)\b",
    re.IGNORECASE,
)
_MIDDLE_WORDS = re.compile(
    rb"\b(s\.? ?r\.? ?o|a\.s|sp\. ?z ?o\.? ?o|spol|kft|zrt|nyrt|d\.o\.o|kontrahent|kwota|termin|odb|splatnost|vystaven|dodavatel|castka|sz\xe1mla|vev\xf5|"
    rb"\xf6sszeg|hat\xe1rid\xf5|ulica|ul|utca|factura seria|suma|klient|nazwa|nazev|n\xe1zev|datum splatnosti)\b",
    re.IGNORECASE,
)


def latin_encodings(text: bytes, context: bytes = b"") -> list[str]:
    """Return the encodings that a text may be in, the likeliest first; one where they all spell it alike, or words decide.

    text : the lines that are not UTF-8. context : the whole file's beginning, whose words tell, too.
    """
    words = set(_WORD.findall(text))
    possible = [codec for codec in ENCODINGS if all(_spells(word, codec) for word in words)] or [WESTERN]
    if _TURKISH.search(text) and TURKISH in possible:
        return [TURKISH]
    possible = [codec for codec in possible if codec != TURKISH] or possible
    spelled: dict[str, str] = {}
    for codec in possible:  # encodings that spell all words alike are one
        spelled.setdefault(b" ".join(sorted(words)).decode(codec, errors="replace"), codec)
    left = list(spelled.values())
    if len(left) == 1:
        return left
    around = context or text
    is_western = bool(_ONLY_WESTERN.search(text) or _WESTERN_WORDS.search(around)) and WESTERN in left
    is_middle = bool(_MIDDLE_WORDS.search(around))
    if is_western != is_middle:
        left = [WESTERN] if is_western else [codec for codec in left if codec != WESTERN]
    return left


def differing_words(text: bytes, encodings: list[str]) -> list[str]:
    """Return a word of a text as each encoding spells it, where they differ."""
    for word in _WORD.findall(text):
        spelled = [word.decode(codec, errors="replace") for codec in encodings]
        if len(set(spelled)) > 1:
            return spelled
    return []


def _spells(word: bytes, codec: str) -> bool:
    """Return whether each byte of a word is a letter under an encoding; signs may stand at its edges, or alone."""
    try:
        written = word.decode(codec)
    except UnicodeDecodeError:
        return False
    bare = written.lstrip(_BEFORE).rstrip(_AFTER)
    if codec == LATIN_2 and any("\x80" <= letter < "\xa0" for letter in written):
        return False
    is_odd_case = any(b > "\x7f" and b.isupper() and a.islower() for a, b in pairwise(bare))
    return (bare.isalpha() and not is_odd_case) or not re.search(r"[A-Za-z]", bare)
