"""Which encoding a text file is in: UTF-8 and UTF-16 by their bytes, the others by what the bytes would spell.

Short tables hold few letters, on which charset-normalizer alone takes Chinese for Korean and German for Polish. So a
double-byte encoding must show the scripts that its language writes; of the single-byte ones, charset-normalizer decides
between those of other scripts; `latin.py` between the Latin ones.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from importing.engine.format import SourceError
from importing.engine.latin import WESTERN, differing_words, latin_encodings

UTF_8 = "utf-8"
NAMES = {
    "utf-8-sig": UTF_8,
    "utf8": UTF_8,
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
}
UNREAD_SHARE = 0.002  # of the characters of a double-byte text may be damaged
OF_LANGUAGE = 0.9  # of the characters beyond ASCII must be of the language's scripts
LONG_RUN = 2.2  # bytes beyond ASCII that stand together, on average: a script of its own, not Latin with accents
OTHER_SCRIPTS = ["cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", "cp874"]
_STRANGE = bytes(b for b in range(32) if b not in (9, 10, 13)) + b"\x7f"

_HAN, _KANA, _HALF_KANA, _HANGUL = (
    r"[\u4e00-\u9fff\u3400-\u4dbf]",
    r"[\u3040-\u30ff]",
    r"[\uff61-\uff9f]",
    r"[\uac00-\ud7a3]",
)
_SIGNS = r"[\u3000-\u303f\uff00-\uff60\uffe0-\uffe6\u2010-\u2049\u2460-\u24ff\u25a0-\u266f\u00a5\u00b7\u2190-\u21ff]"
_RUN = re.compile(rb"[\x80-\xff]+")


def checked_encoding(name: str) -> str:
    """Return the codec that a user's word for an encoding means. Raises SourceError for an unknown one."""
    try:
        found = codecs.lookup(name).name
    except LookupError:
        raise SourceError(
            f"'{name}' is no encoding that is known; write e.g. utf-8, gb18030, big5, cp932, cp1252 or utf-16."
        ) from None
    return NAMES.get(found.replace("-", "_"), NAMES.get(found, found))


def encoding_of(path: Path, sample: bytes, is_utf8: bool) -> str:
    """Return the codec of a file.

    Parameters
    ----------
    sample : its first bytes. is_utf8 : whether all of its bytes are UTF-8.

    Raises
    ------
    SourceError : the content is binary, or in one of several encodings that spell it differently.
    """
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for codec, place in (("utf_16_le", 1), ("utf_16_be", 0)):  # without a mark: every other byte of ASCII text is 0
        half = sample[place:4096:2]
        if len(half) > 8 and half.count(0) > 0.6 * len(half):
            return codec
    strange = len(sample) - len(sample.translate(None, _STRANGE))
    if strange > 0.02 * len(sample):
        raise SourceError(f"{path}: not a text table (binary content); export it as CSV, Excel or Parquet.")
    if is_utf8:
        return UTF_8
    sample = sample.removeprefix(codecs.BOM_UTF8)  # a mark that the rest of the file contradicts
    whole = sample[: sample.rfind(b"\n") + 1] or sample
    lines = [line for line in whole.split(b"\n") if not _is_utf8(line)]  # a file may be UTF-8 but for some lines
    bare = b"\n".join(lines)
    if (other := _double_byte(bare) or _other_script(bare)) is not None:
        return other
    latin = latin_encodings(bare, whole)
    if len(latin) > 1:
        raise SourceError(
            f"{path}: the encoding cannot be told: "
            + ", ".join(
                f"'{word}' in {codec}" for word, codec in zip(differing_words(bare, latin), latin, strict=False)
            )
            + f". State it: --encoding {latin[0]}, or encoding in the mapping's [reading]."
        )
    return latin[0]


def _double_byte(text: bytes) -> str | None:
    """Return the East Asian encoding of a text; None where it is in none."""
    runs = [len(run) for run in _RUN.findall(text)]
    if not runs:
        return None
    has_words = sum(runs) / len(runs) >= LONG_RUN  # accents in a Latin text stand alone
    shares = {}
    for codec, script in (
        ("cp932", f"{_HAN}|{_KANA}"), ("cp949", _HANGUL), ("gb18030", _HAN), ("big5hkscs", _HAN),
    ):  # fmt: skip
        decoded = text.decode(codec, errors="replace")
        others = [c for c in decoded if c > "\x7f"]
        is_unread = decoded.count("\ufffd") > UNREAD_SHARE * len(decoded)
        if not others or is_unread or not (has_words or codec == "cp932"):
            continue
        written = "".join(others)
        letters = len(re.findall(script, written))
        signs = len(re.findall(_SIGNS, written))
        shares[codec] = (letters + signs) / len(others) if letters else 0.0
        if codec == "cp932" and not re.search(_KANA, written):
            shares[codec] = 0.0  # Japanese without one syllable sign is a Chinese text
    fitting = {codec: share for codec, share in shares.items() if share >= OF_LANGUAGE}
    for codec in ("cp949", "cp932"):  # their scripts are nobody else's
        if codec in fitting and fitting[codec] >= max(shares.values()) - 0.05:
            return codec
    if {"gb18030", "big5hkscs"} <= set(fitting):
        # frequent characters: lead bytes A4 to C6 in Big5, B0 to F7 with trail bytes from A1 on in GB 2312
        pairs = re.findall(rb"[\x81-\xfe][\x40-\xfe]", text)
        frequent_here = sum(0xB0 <= p[0] <= 0xF7 and p[1] >= 0xA1 for p in pairs)
        frequent_there = sum(0xA1 <= p[0] <= 0xC6 for p in pairs)
        return "big5hkscs" if frequent_there > frequent_here else "gb18030"
    return max(fitting, key=lambda codec: fitting[codec]) if fitting else None


def _other_script(text: bytes) -> str | None:
    """Return the single-byte encoding of a text in another script than Latin; None where it is in none."""
    runs = [len(run) for run in _RUN.findall(text)]
    if runs and sum(runs) / len(runs) >= LONG_RUN:
        from charset_normalizer import from_bytes

        best = from_bytes(text, cp_isolation=OTHER_SCRIPTS).best()
        if best is not None:
            return str(best.encoding)
    return None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    return True


def decoded(raw: bytes, encoding: str) -> str:
    """Return bytes as text. What is not Windows-1252 in such a file is read as UTF-8 or Latin-1, line by line."""
    raw = (
        raw.removeprefix(codecs.BOM_UTF8) if encoding != UTF_8 else raw
    )  # a mark that the rest of the file contradicts
    if encoding == WESTERN:
        return "\n".join(decoded_line(line, encoding) for line in raw.split(b"\n"))
    return raw.decode(encoding, errors="ignore")


def decoded_line(line: bytes, encoding: str) -> str:
    """Return one line of a file that is not UTF-8: UTF-8 where the line is, else by the file's encoding, else Latin-1."""
    line = line.removeprefix(codecs.BOM_UTF8)
    for codec in (UTF_8, encoding):
        try:
            return line.decode(codec)
        except UnicodeDecodeError:
            continue
    return line.decode(encoding, errors="replace") if encoding != WESTERN else line.decode("latin-1")
