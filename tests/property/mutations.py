"""Seeded damage to export files: what mail programs, spreadsheets, disks and people do to a table on its way."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

from importing.engine.encodings import decoded, encoding_of

Mutation = Callable[[bytes, random.Random], bytes]


def _lines(content: bytes) -> list[bytes]:
    return content.split(b"\n")


def _row(content: bytes, dice: random.Random) -> int:
    return dice.randrange(1, max(2, len(_lines(content)) - 1))


def _edit(content: bytes, dice: random.Random, change: Callable[[bytes], bytes]) -> bytes:
    lines = _lines(content)
    at = min(_row(content, dice), len(lines) - 1)
    lines[at] = change(lines[at])
    return b"\n".join(lines)


# Damage that takes nothing away: the same ledger must come out, or what is missing must be in quarantine.
def is_utf8(content: bytes) -> bool:
    """Return whether all of a text's bytes are UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def bom(content: bytes, dice: random.Random) -> bytes:
    return b"\xef\xbb\xbf" + content.removeprefix(b"\xef\xbb\xbf")


def windows_newlines(content: bytes, dice: random.Random) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def old_mac_newlines(content: bytes, dice: random.Random) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r")


def utf16(content: bytes, dice: random.Random) -> bytes:
    if not is_utf8(content):  # a sample in another encoding keeps its letters
        return decoded(content, encoding_of(Path("sample"), content, is_utf8=False)).encode("utf-16")
    return content.decode("utf-8").lstrip("\ufeff").encode("utf-16")


def blank_lines(content: bytes, dice: random.Random) -> bytes:
    lines = _lines(content)
    for _ in range(dice.randrange(1, 4)):
        lines.insert(dice.randrange(1, len(lines) + 1), dice.choice([b"", b"   "]))
    return b"\n".join(lines)


def repeated_header(content: bytes, dice: random.Random) -> bytes:
    lines = _lines(content)
    lines.insert(_row(content, dice), lines[0].removeprefix(b"\xef\xbb\xbf"))
    return b"\n".join(lines)


def titles_above(content: bytes, dice: random.Random) -> bytes:
    return b"Open items\nprinted 2024-06-30\n\n" + content.removeprefix(b"\xef\xbb\xbf")


def copied_line(content: bytes, dice: random.Random) -> bytes:
    lines = _lines(content)
    lines.insert(_row(content, dice), lines[_row(content, dice)])
    return b"\n".join(lines)


def no_last_newline(content: bytes, dice: random.Random) -> bytes:
    return content.rstrip(b"\n")


LOSSLESS: tuple[Mutation, ...] = (
    bom,
    windows_newlines,
    old_mac_newlines,
    utf16,
    blank_lines,
    repeated_header,
    titles_above,
    copied_line,
    no_last_newline,
)


# Damage that may change what the file says.
def truncated(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(1, len(content))]


def lost_bytes(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + content[at + dice.randrange(1, 40) :]


def noise(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + dice.randbytes(dice.randrange(1, 12)) + content[at:]


def flipped_byte(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << dice.randrange(8))]) + content[at + 1 :]


def stray_quote(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + b'"' + content[at:]


def extra_separator(content: bytes, dice: random.Random) -> bytes:
    return _edit(content, dice, lambda line: line.replace(b",", b",,", 1).replace(b";", b";;", 1))


def totals_row(content: bytes, dice: random.Random) -> bytes:
    width = max(_lines(content)[0].count(b","), _lines(content)[0].count(b";"))
    separator = b";" if _lines(content)[0].count(b";") else b","
    return content.rstrip(b"\n") + b"\nTotal" + separator * (width - 1) + b"1234.56" + separator + b"\n"


def odd_dates(content: bytes, dice: random.Random) -> bytes:
    forms = [
        b"20190307",
        b"20190307.0",
        b"07/03/2019",
        b"43531",
        b"1900-01-01",
        b"9999-12-31",
        b"2019-02-30",
        b"0000-00-00",
        b"13/13/2019",
        b"7-Mar-19",
    ]
    return _edit(
        content,
        dice,
        lambda line: re.sub(
            rb"\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4}|\b20\d{6}\b", lambda m: dice.choice(forms), line
        ),
    )


def odd_numbers(content: bytes, dice: random.Random) -> bytes:
    forms = [
        b"1.234,56",
        b'"1,234.56"',
        b"(12.50)",
        b"-12,50",
        b"12.50-",
        b"0",
        b"abc",
        b"1e309",
        b"nan",
        b"99999999999999999999",
        b"1.234",
        b"$5.00",
        b"--5",
        b"1_000",
    ]
    return _edit(content, dice, lambda line: re.sub(rb"\d+\.\d+", lambda m: dice.choice(forms), line))


def emptied_cell(content: bytes, dice: random.Random) -> bytes:
    def empty(line: bytes) -> bytes:
        separator = b";" if line.count(b";") else b","
        cells = line.split(separator)
        cells[dice.randrange(len(cells))] = dice.choice([b"", b" ", b"NULL", b"#N/A"])
        return separator.join(cells)

    return _edit(content, dice, empty)


def renamed_column(content: bytes, dice: random.Random) -> bytes:
    lines = _lines(content)
    separator = b";" if lines[0].count(b";") else b","
    names = lines[0].split(separator)
    names[dice.randrange(len(names))] = b"column 7"
    return b"\n".join([separator.join(names), *lines[1:]])


def wide(content: bytes, dice: random.Random) -> bytes:
    lines = _lines(content.rstrip(b"\n"))
    separator = b";" if lines[0].count(b";") else b","
    more = [separator.join([lines[0], *(b"extra%d" % i for i in range(300))])]
    return b"\n".join(more + [separator.join([line, *([b"x"] * 300)]) for line in lines[1:]]) + b"\n"


def null_bytes(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + b"\x00" * dice.randrange(1, 3) + content[at:]


def other_encoding(content: bytes, dice: random.Random) -> bytes:
    text = content.decode("utf-8", errors="replace").replace("1", "ü1", 3)
    return text.encode("cp1252", errors="replace")


def shuffled(content: bytes, dice: random.Random) -> bytes:
    lines = _lines(content.rstrip(b"\n"))
    rest = lines[1:]
    dice.shuffle(rest)
    return b"\n".join([lines[0], *rest]) + b"\n"


def contradiction(content: bytes, dice: random.Random) -> bytes:
    lines = _lines(content.rstrip(b"\n"))
    line = lines[min(_row(content, dice), len(lines) - 1)]
    return b"\n".join([*lines, re.sub(rb"(\d)\.(\d)", rb"\g<1>9.\2", line, count=1)]) + b"\n"


def injection(content: bytes, dice: random.Random) -> bytes:
    return _edit(content, dice, lambda line: line.replace(b"1", b"1'); DROP TABLE bad;--", 1))


def empty(content: bytes, dice: random.Random) -> bytes:
    return b""


def binary(content: bytes, dice: random.Random) -> bytes:
    return dice.randbytes(2000)


def zipped(content: bytes, dice: random.Random) -> bytes:
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("export.csv", content)
    return out.getvalue()


LOSSY: tuple[Mutation, ...] = (
    truncated,
    lost_bytes,
    noise,
    flipped_byte,
    stray_quote,
    extra_separator,
    totals_row,
    odd_dates,
    odd_numbers,
    emptied_cell,
    renamed_column,
    wide,
    null_bytes,
    other_encoding,
    shuffled,
    contradiction,
    injection,
    empty,
    binary,
    zipped,
)
