"""Source files as they come: encoding, separator, header line, and a clean copy where a file is not clean.

The rest of the import sees every file as UTF-8 text with one record a line and exact line numbers. A file that is
clean already (nearly all are) is used as it is; nothing here looks at single rows except in the copy.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from features.importers.containers import as_text_table
from features.importers.contract import Format, SourceError
from features.importers.headers import HEADER_WITHIN, find_header

SAMPLE_BYTES = 1 << 20
CHUNK = 1 << 22
NEWLINE_IN_VALUE = "\x1e"  # stands for a newline inside a quoted value in a clean copy
CONTINUED = "\x1d"  # a line whose text was moved up to the record it belongs to
LONGEST_RECORD = 200  # lines that one quoted value may span
SUFFIXES = {".csv", ".txt", ".tsv", ".tab", ".xlsx", ".parquet", ".arff", ".dat"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One source file, ready to be read.

    path : as the user gave it; `text` is the clean UTF-8 copy to read (often the same file).
    role : which of the format's files it is; `columns` maps the role's fields to positions in `header`.
    lines : physical lines in the file; records start after `header_line` (1-based).
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
    lines: int
    has_quotes: bool
    notes: tuple[str, ...] = ()


@dataclass
class _Bytes:
    """What one pass over the bytes tells."""

    sha256: str = ""
    lines: int = 0
    carriage_returns: int = 0
    pairs: int = 0
    quotes: int = 0
    strange: int = 0
    is_utf8: bool = True
    ends_with_newline: bool = True
    size: int = 0
    notes: list[str] = field(default_factory=list)


def files_in(paths: list[Path]) -> list[Path]:
    """The files that `paths` name; a folder stands for the tables in it."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
            if not inside:
                raise SourceError(f"{path}: the folder holds no table; looked for {', '.join(sorted(SUFFIXES))}.")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise SourceError(f"{path}: no such file.")
    return found


def open_source(path: Path, fmt: Format, scratch: Path) -> Source:
    """Look a file over, find which of the format's files it is, and make it clean where it is not."""
    text = as_text_table(path, scratch)
    seen = _pass_over(text)
    if seen.size == 0 or text.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty; expected a table with the columns of format {fmt.name}.")
    with text.open("rb") as stream:
        sample_bytes = stream.read(SAMPLE_BYTES)
    encoding = _encoding(path, sample_bytes, seen)
    sample = decoded(sample_bytes, encoding).lstrip("\ufeff")
    header_line, delimiter, header, role, columns = find_header(path, sample.splitlines()[:HEADER_WITHIN], fmt)
    notes = list(seen.notes)
    clean, lines = text, seen.lines
    if not _is_clean(seen, encoding) or (seen.quotes and _has_open_quotes(text)):
        clean = scratch / f"{seen.sha256[:16]}.clean"
        lines = _write_clean(text, clean, encoding, delimiter, len(header), notes)
    if not seen.ends_with_newline:
        notes.append("the last line does not end with a newline: if the file was cut, its last value may be short")
    return Source(
        path=path,
        text=clean,
        sha256=seen.sha256,
        encoding=encoding,
        delimiter=delimiter,
        header=header,
        lines=lines,
        header_line=header_line,
        role=role,
        columns=columns,
        has_quotes=seen.quotes > 0,
        notes=tuple(notes),
    )


def _pass_over(path: Path) -> _Bytes:
    seen, digest, decoder = _Bytes(), hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    last, hashing = b"", list[Future[None]]()
    # the hash of a chunk is taken beside the counting of it
    with path.open("rb") as stream, ThreadPoolExecutor(max_workers=1) as beside:
        while chunk := stream.read(CHUNK):
            wait(hashing)  # one chunk at a time is held for it
            hashing = [beside.submit(digest.update, chunk)]
            seen.size += len(chunk)
            newlines = chunk.count(b"\n")
            seen.lines += newlines
            seen.quotes += chunk.count(b'"')
            returns = chunk.count(b"\r")
            seen.carriage_returns += returns
            if returns:
                seen.pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
            # control characters by one vectorised look, less those that a table may hold
            below = np.count_nonzero(np.frombuffer(chunk, np.uint8) < 32)
            seen.strange += int(below) - newlines - returns - chunk.count(b"\t") + chunk.count(b"\x7f")
            if seen.is_utf8 and not (chunk.isascii() and decoder.getstate()[0] == b""):
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    seen.is_utf8 = False
            last = chunk[-1:]
    # the pool has ended here: every chunk is in the digest, in order
    if seen.is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            seen.is_utf8 = False
    seen.ends_with_newline = last in (b"\n", b"\r", b"")
    seen.lines += not seen.ends_with_newline
    seen.sha256 = digest.hexdigest()
    return seen


_STRANGE = bytes(b for b in range(32) if b not in (9, 10, 13)) + b"\x7f"


def _encoding(path: Path, sample: bytes, seen: _Bytes) -> str:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    strange = len(sample) - len(sample.translate(None, _STRANGE))
    if strange > 0.02 * len(sample):
        raise SourceError(f"{path}: not a text table (binary content); export it as CSV, Excel or Parquet.")
    return "utf-8" if seen.is_utf8 else "cp1252"


def decoded(raw: bytes, encoding: str) -> str:
    if encoding == "cp1252":
        return "\n".join(_decoded_line(line) for line in raw.split(b"\n"))
    return raw.decode(encoding, errors="ignore")


def _decoded_line(line: bytes) -> str:
    """One line of a file that is not UTF-8: UTF-8 where the line is, else CP1252, else Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


def _is_clean(seen: _Bytes, encoding: str) -> bool:
    one_newline = seen.carriage_returns == 0 or (seen.carriage_returns == seen.pairs and seen.pairs >= seen.lines - 1)
    return encoding == "utf-8" and one_newline and seen.strange == 0


def _has_open_quotes(path: Path) -> bool:
    """Whether some line has an odd number of quotes: a value spans lines, or a quote is out of place."""
    with path.open("rb") as stream:
        return any(line.count(b'"') % 2 for line in stream)


def _lines(path: Path, encoding: str) -> Iterator[str]:
    if encoding == "utf-16":
        with path.open(encoding="utf-16", errors="replace", newline="") as stream:
            yield from (
                line for line in stream.read().replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
            )
        return
    with path.open("rb") as stream:
        for raw in stream:
            line = _decoded_line(raw).removesuffix("\n").removesuffix("\r")
            yield from line.split("\r")  # an old Mac file ends its lines so


def _write_clean(path: Path, out: Path, encoding: str, delimiter: str, width: int, notes: list[str]) -> int:
    """Write `path` as UTF-8 with one record a line; return the number of its lines.

    A quoted value that spans lines is joined where the joined record has the header's number of values; the lines
    that it came from stay as marked lines, so that line numbers stay true.
    """
    written, joined = 0, 0
    waiting: list[str] = []
    with out.open("w", encoding="utf-8", newline="", errors="replace") as stream:

        def put(lines: list[str]) -> None:
            nonlocal written
            stream.writelines(line + "\n" for line in lines)
            written += len(lines)

        for line in _lines(path, encoding):
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
    if encoding != "utf-8":
        notes.append(f"read as {encoding}")
    if joined:
        notes.append(f"{joined:,} values with a line break inside quotes")
    return written


# control characters have no place in a table; the marks of the copy must not come from the file
_UNSEEN = {code: "\ufffd" for code in range(32) if code not in (9,)} | {0x7F: "\ufffd", 0xFEFF: None}
