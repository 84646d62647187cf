"""Source files as they come: encoding, separator, header line, and a clean copy where a file is not clean.

The rest of the import sees every file as UTF-8 text with one record a line and exact line numbers. A file that is
clean already (nearly all are) is used as it is; nothing here looks at single rows except in the copy.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from importing.engine.containers import OTHER_SPREADSHEETS, as_text_table, chosen_sheet, is_workbook, sheets_of
from importing.engine.encodings import UTF_8, WESTERN, checked_encoding, decoded, decoded_line, encoding_of
from importing.engine.format import Format, SourceError, Stated
from importing.engine.headers import HEADER_WITHIN, find_header, split, whole_lines
from importing.engine.lines import Bytes, look_over

SAMPLE_BYTES = 1 << 20
NEWLINE_IN_VALUE = "\x1e"  # stands for a newline inside a quoted value in a clean copy
CONTINUED = "\x1d"  # a line whose text was moved up to the record it belongs to
LONGEST_RECORD = 200  # lines that one quoted value may span
PADDED = 0.05  # of the first lines have blanks around values: then every value is trimmed
TAB, NO_BREAK = "\t", "\u00a0"
BLANKS = " " + TAB + NO_BREAK  # what may stand around a value and is no part of it
LONGEST_LINE = 32 << 20  # bytes
SUFFIXES = {".xml", ".csv", ".txt", ".tsv", ".tab", ".xlsx", ".xlsm", ".parquet", ".arff", ".dat"}
UNREADABLE = {*OTHER_SPREADSHEETS, ".zip", ".gz", ".7z"}  # may hold tables, too: never passed over in silence


@dataclass(frozen=True, kw_only=True)
class Source:
    """One source file, ready to be read.

    path : as the user gave it; `text` is the clean UTF-8 copy to read (often the same file).
    role : which of the format's files it is; `columns` maps the role's fields to positions in `header`.
    ends : (lines,) int64, for each physical line of `text` the place after its newline; records start after
        `header_line` (1-based).
    has_quotes, has_returns : what the text has anywhere.
    blanks : the characters that count as blanks and may stand around a value in this text.
    stated : what the user says of the file.
    left_out : what of the file is not read: what, rows, and the sums of its columns of numbers.
    is_padded : many values have blanks around them (by the first lines; it decides the way of reading, not what is read).
    """

    path: Path
    text: Path
    sha256: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    header_line: int
    role: str
    columns: Mapping[str, int]
    ends: NDArray[np.int64]
    has_quotes: bool
    has_returns: bool
    blanks: tuple[str, ...]
    is_padded: bool
    stated: Stated
    notes: tuple[str, ...] = ()
    left_out: tuple[dict[str, Any], ...] = ()

    @property
    def lines(self) -> int:
        """Physical lines."""
        return len(self.ends)


def files_in(paths: list[Path]) -> list[Path]:
    """Return the files that `paths` name; a folder stands for the tables in it."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
            others = sorted(p.name for p in path.iterdir() if p.suffix.lower() in UNREADABLE and p.is_file())
            if others:
                raise SourceError(
                    f"{path}: holds {', '.join(others)}, which cannot be read; unpack or save them as .xlsx or CSV, or move them away."
                )
            if not inside:
                raise SourceError(f"{path}: the folder holds no table; looked for {', '.join(sorted(SUFFIXES))}.")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise SourceError(f"{path}: no such file.")
    return found


def open_source(path: Path, fmt: Format, scratch: Path) -> Source:
    """Return a file ready to be read: which of the format's files it is, and a clean copy where it is not clean.

    Raises SourceError for a file that is no table, or whose header is not one of the format's.
    """
    stated = fmt.stated_of(path.name)
    text, left_out = _text_of(path, fmt, scratch, stated)
    seen = look_over(text)
    if seen.size == 0:
        raise SourceError(f"{path}: the file is empty; expected a table with the columns of format {fmt.name}.")
    with text.open("rb") as stream:
        sample_bytes = stream.read(SAMPLE_BYTES)
    if stated.encoding and text == path:
        encoding = checked_encoding(stated.encoding)
    else:
        encoding = encoding_of(path, sample_bytes, seen.is_utf8)
    sample = decoded(sample_bytes, encoding).lstrip("\ufeff")
    header_line, delimiter, header, role, columns = find_header(
        path, whole_lines(sample.splitlines()[:HEADER_WITHIN]), fmt, stated.header_line
    )
    notes = list[str]()
    clean, read = text, seen
    if not _is_clean(seen, encoding) or (seen.quotes and _has_open_quotes(text)):
        clean = scratch / f"{seen.sha256[:16]}.clean"
        written = _write_clean(text, clean, encoding, delimiter, len(header), notes)
        read = look_over(clean)
        if len(read.ends) != written:
            raise RuntimeError(f"{path}: {written} lines in the clean copy, {len(read.ends)} found in it")
    group = fmt.files[role].group
    if group is not None and group not in columns:
        grouped = scratch / f"{seen.sha256[:16]}.grouped"
        has_any = _write_grouped(clean, grouped, delimiter, header_line, group, fmt.files[role].group_line)
        if fmt.files[role].group_line and not has_any:
            name = fmt.files[role].fields[group].names[0]
            raise SourceError(
                f"{path}: no column has the {group} ({name}), and no line of its own above the items names one; add the column "
                f"to the export. Found the columns {', '.join(n for n in header if n)[:300]}."
            )
        clean = grouped
        header, columns = (*header, group), {**columns, group: len(header)}
        read = look_over(clean)
        notes.append(f"{group} taken from the lines above the items, which hold nothing else")
    if read.longest > LONGEST_LINE:
        raise SourceError(
            f"{path}: cannot be read as a table: a line of {read.longest:,} bytes, at most {LONGEST_LINE:,} are read; save it again "
            "as CSV, one record a line."
        )
    if not seen.ends_with_newline:
        notes.append("the last line does not end with a newline: if the file was cut, its last value may be short")
    return Source(
        path=path,
        text=clean,
        sha256=seen.sha256,
        encoding=encoding,
        delimiter=delimiter,
        header=header,
        ends=read.ends,
        header_line=header_line,
        role=role,
        columns=columns,
        stated=stated,
        has_quotes=read.quotes > 0,
        has_returns=read.returns > 0,
        blanks=(" ",) + (TAB,) * (read.tabs > 0 and delimiter != TAB) + (NO_BREAK,) * (not read.is_ascii),
        is_padded=_is_padded(sample, delimiter),
        notes=tuple(notes),
        left_out=tuple(left_out),
    )


def _text_of(path: Path, fmt: Format, scratch: Path, stated: Stated) -> tuple[Path, list[dict[str, Any]]]:
    """Return a file's text, and what of the file is not in it: the other sheets of a workbook, each with its sums.

    The sheet of a workbook is the stated one, else the first whose header is one of the format's.
    """
    if not is_workbook(path):
        return as_text_table(path, scratch), []
    sheets = sheets_of(path, scratch)
    candidates = chosen_sheet(path, sheets, stated.sheet)
    mapped_sheets = [s for s in candidates if _is_mapped(path, s.text, fmt, stated)]
    chosen = (mapped_sheets or candidates)[0]
    others = [s for s in sheets if s is not chosen]
    return chosen.text, [
        {"what": f"sheet '{s.name}' of {path.name}", "rows": max(s.rows, 0), "sums": s.sums} for s in others
    ]


def _is_mapped(path: Path, text: Path, fmt: Format, stated: Stated) -> bool:
    with text.open(encoding=UTF_8) as stream:
        lines = [line.rstrip("\n") for line in islice(stream, HEADER_WITHIN)]
    try:
        find_header(path, lines, fmt, stated.header_line)
    except SourceError:
        return False
    return True


def _write_grouped(path: Path, out: Path, delimiter: str, header_line: int, name: str, group_line: str | None) -> bool:
    """Write a copy in which each line has, as its last cell, what the last line of one cell alone above it gives.

    name : of the new column. group_line : the pattern of such lines and, as its first group, what they give; None: all of them, the whole text.
    Return whether there was any such line.
    """
    group, header, has_any = "", "", False
    pattern = re.compile(group_line or "(.+)", re.IGNORECASE | re.DOTALL)
    with path.open(encoding=UTF_8, newline="") as lines, out.open("w", encoding=UTF_8, newline="") as stream:
        for number, line in enumerate(lines, start=1):
            text = line.rstrip("\r\n")
            cells = split(text, delimiter)
            is_alone = any(cells) and not any(cells[1:])
            found = pattern.fullmatch(cells[0]) if is_alone and (group_line or number > header_line) else None
            if found is not None:
                group, has_any = found.group(1).strip(), True
            if number == header_line:
                header = text
            if number >= header_line and text == header:
                stream.write(f"{text}{delimiter}{name}\n")
            elif number < header_line or not any(cells):
                stream.write(text + "\n")
            elif found is not None:
                stream.write("\n")
            elif is_alone and group_line:  # a rule of dashes, a title: no item
                stream.write(text + "\n")
            else:
                quoted = '"' + group.replace('"', '""') + '"'
                stream.write(f"{text}{delimiter}{quoted}\n")
    return has_any


def _is_padded(sample: str, delimiter: str) -> bool:
    """Return whether many lines have a value that begins or ends with a blank."""
    lines, blank = sample.splitlines(), f"[{re.escape(BLANKS.replace(delimiter, ''))}]"
    padding = re.compile(rf"(?:^|{re.escape(delimiter)}){blank}|{blank}(?:$|{re.escape(delimiter)})")
    padded = sum(padding.search(line) is not None for line in lines)
    return padded > PADDED * len(lines)


def _is_clean(seen: Bytes, encoding: str) -> bool:
    one_newline = seen.returns == 0 or (seen.returns == seen.pairs and seen.pairs >= len(seen.ends) - 1)
    return encoding == UTF_8 and one_newline and seen.strange == 0


def _has_open_quotes(path: Path) -> bool:
    """Return whether some line has an odd number of quotes: a value spans lines, or a quote is out of place."""
    with path.open("rb") as stream:
        return any(line.count(b'"') % 2 for line in stream)


def _lines(path: Path, encoding: str) -> Iterator[str]:
    if encoding.startswith("utf") and encoding != UTF_8:
        with path.open(encoding=encoding, errors="replace", newline="") as stream:
            yield from (
                line for line in stream.read().replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
            )
        return
    with path.open("rb") as stream:
        for raw in stream:
            line = decoded_line(raw, WESTERN if encoding == UTF_8 else encoding).removesuffix("\n").removesuffix("\r")
            yield from line.split("\r")  # an old Mac file ends its lines so


def _write_clean(path: Path, out: Path, encoding: str, delimiter: str, width: int, notes: list[str]) -> int:
    """Write `path` as UTF-8 with one record a line; return how many lines were written.

    A quoted value that spans lines is joined where the joined record has the header's number of values; the lines
    that it came from stay as marked lines, so that line numbers stay true.
    """
    written, joined, damaged = 0, 0, 0
    waiting: list[str] = []
    with out.open("w", encoding="utf-8", newline="", errors="replace") as stream:

        def put(lines: list[str]) -> None:
            nonlocal written
            stream.writelines(line + "\n" for line in lines)
            written += len(lines)

        for line in _lines(path, encoding):
            damaged += line.count("\ufffd") if encoding != UTF_8 else 0
            line = line.translate(_UNSEEN)
            is_odd = line.count('"') % 2 == 1
            if not waiting and not is_odd:
                put([line])
                continue
            waiting.append(line)
            if len(waiting) > 1 and is_odd:
                record = NEWLINE_IN_VALUE.join(waiting)
                if len(next(csv.reader([record], delimiter=delimiter))) == width:
                    put([record] + [CONTINUED] * (len(waiting) - 1))
                    joined += 1
                    waiting = []
                else:  # the first quote was out of place: that line stands alone, this one may open a value
                    put(waiting[:-1])
                    waiting = [line]
            elif len(waiting) > LONGEST_RECORD:
                put(waiting)
                waiting = []
        put(waiting)
    if encoding != UTF_8:
        notes.append(f"read as {encoding}" + (f"; {damaged:,} characters could not be read" if damaged else ""))
    if joined:
        notes.append(f"{joined:,} values with a line break inside quotes")
    return written


# control characters have no place in a table; the marks of the copy must not come from the file
_UNSEEN = {code: "\ufffd" for code in range(32) if code not in (9,)} | {0x7F: "\ufffd", 0xFEFF: None}
