"""Source files as they come: encoding, separator, header line, and a clean copy where a file is not clean.

The rest of the import sees every file as UTF-8 text with one record a line and exact line numbers. A file that is
clean already (nearly all are) is used as it is; nothing here looks at single rows except in the copy.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from features.errors import InputError
from features.importers.contract import File, Format, plain

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_BYTES = 1 << 20
HEADER_WITHIN = 60  # lines before the header: report titles, blank lines
CHUNK = 1 << 22
NEWLINE_IN_VALUE = "\x1e"  # stands for a newline inside a quoted value in a clean copy
CONTINUED = "\x1d"  # a line whose text was moved up to the record it belongs to
LONGEST_RECORD = 200  # lines that one quoted value may span
SUFFIXES = {".csv", ".txt", ".tsv", ".tab", ".xlsx", ".parquet", ".arff", ".dat"}


class SourceError(InputError):
    """A source file that cannot be imported at all. The message says which, why, and what to do."""


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
    sample = _decoded(sample_bytes, encoding).lstrip("\ufeff")
    header_line, delimiter, header, role, columns = _header(path, sample.splitlines()[:HEADER_WITHIN], fmt)
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


def as_text_table(path: Path, scratch: Path) -> Path:
    """The file itself, or the first sheet of a workbook, a Parquet table or the data of an ARFF file written as CSV."""
    with path.open("rb") as stream:
        start = stream.read(4)
    out = scratch / (hashlib.sha256(str(path).encode()).hexdigest()[:16] + ".csv")
    if start == b"PAR1":
        import duckdb

        try:
            duckdb.connect().execute(
                "COPY (SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet(?)) TO '"
                + str(out).replace("'", "''")
                + "' (HEADER)",
                [str(path)],
            )
        except duckdb.Error as error:
            raise SourceError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]}).") from error
        return out
    if start.startswith(b"PK\x03\x04"):
        if path.suffix.lower() not in {".xlsx", ".xlsm"}:
            raise SourceError(f"{path}: a zip archive; unpack it and import the tables inside.")
        return _sheet(path, out)
    if start.startswith(b"\x1f\x8b"):
        raise SourceError(f"{path}: a gzip archive; unpack it first (gunzip {path.name}).")
    if start == b"\xd0\xcf\x11\xe0":
        raise SourceError(f"{path}: an old Excel workbook (.xls); save it as .xlsx or CSV.")
    if path.suffix.lower() == ".arff":
        return _arff(path, out)
    return path


def _sheet(path: Path, out: Path) -> Path:
    import zipfile

    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        with out.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            for row in book.worksheets[0].iter_rows(values_only=True):
                writer.writerow(["" if cell is None else str(cell) for cell in row])
        book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise SourceError(f"{path}: not a readable Excel workbook ({error}); save it again, or as CSV.") from error
    return out


def _arff(path: Path, out: Path) -> Path:
    """An ARFF file as CSV: the attributes' names as header (plus `row`, the data line's number), '?' as empty."""
    names, is_data, number = ["row"], False, 0
    with (
        path.open(encoding="utf-8", errors="surrogateescape") as lines,
        out.open("w", encoding="utf-8", errors="replace") as stream,
    ):
        for line in lines:
            line = line.strip()
            if is_data and line and not line.startswith("%"):
                number += 1
                stream.write(
                    f"{number}," + ",".join("" if value.strip() == "?" else value for value in line.split(",")) + "\n"
                )
            elif line.lower().startswith("@attribute") and len(line.split()) > 1:
                names.append(line.split()[1].strip("'\""))
            elif line.lower().startswith("@data"):
                is_data = True
                stream.write(",".join(names) + "\n")
    return out


def _pass_over(path: Path) -> _Bytes:
    seen, digest, decoder = _Bytes(), hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    last = b""
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            seen.size += len(chunk)
            seen.lines += chunk.count(b"\n")
            seen.quotes += chunk.count(b'"')
            returns = chunk.count(b"\r")
            seen.carriage_returns += returns
            if returns:
                seen.pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
            seen.strange += len(chunk) - len(chunk.translate(None, _STRANGE))
            if seen.is_utf8:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    seen.is_utf8 = False
            last = chunk[-1:]
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


def _decoded(raw: bytes, encoding: str) -> str:
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


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return [value.strip() for value in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return [value.strip() for value in line.split(delimiter)]


def _header(path: Path, lines: list[str], fmt: Format) -> tuple[int, str, tuple[str, ...], str, dict[str, int]]:
    """The header line (1-based), its delimiter and names, the file's role, and field -> position."""
    best: tuple[tuple[int, int, int, int], int, str, tuple[str, ...], str, dict[str, int]] | None = None
    for number, line in enumerate(lines, start=1):
        for delimiter in DELIMITERS:
            header = tuple(_split(line, delimiter))
            for role, file in fmt.files.items():
                columns = mapped(header, file)
                required = [name for name, f in file.fields.items() if f.required]
                lacking = sum(name not in columns for name in required)
                rank = (lacking == 0, len(columns) if not lacking else len(columns) - lacking, len(header), -number)
                if columns and (best is None or rank > best[0]):
                    best = (rank, number, delimiter, header, role, columns)
    if best is None or not best[0][0]:
        raise SourceError(_unmapped(path, lines, fmt, best[4] if best else None, best[3] if best else None))
    return best[1], best[2], best[3], best[4], best[5]


def mapped(header: tuple[str, ...], file: File) -> dict[str, int]:
    """Field -> position in `header`; the first of a field's names that the header has, and its first column."""
    positions: dict[str, int] = {}
    for position, name in enumerate(header):
        repeats = sum(plain(earlier) == plain(name) for earlier in header[:position])
        # a column that stands twice: the second is NAME.1, as spreadsheets and pandas name it
        positions.setdefault(plain(name) + (str(repeats) if repeats else ""), position)
    found = {}
    for name, declared in file.fields.items():
        at = next((positions[plain(n)] for n in declared.names if plain(n) in positions), None)
        if at is not None:
            found[name] = at
    return found


def _unmapped(path: Path, lines: list[str], fmt: Format, role: str | None, header: tuple[str, ...] | None) -> str:
    role = role or next(iter(fmt.files))
    file = fmt.files[role]
    if header is None:
        first = next((line for line in lines if line.strip()), "")
        header = max((tuple(_split(first, d)) for d in DELIMITERS), key=len)
    columns = mapped(header, file)
    known = {plain(name): name for name in header if name}
    missing = []
    for name, declared in file.fields.items():
        if declared.required and name not in columns:
            near = difflib.get_close_matches(plain(declared.names[0]), list(known), n=1, cutoff=0.5)
            missing.append(declared.names[0] + (f" (nearest found: {known[near[0]]})" if near else ""))
    shown = ", ".join(name for name in header[:12] if name) or "nothing that reads as a header"
    return (
        f"{path}: the header cannot be mapped to the {role} of format {fmt.name}: missing {', '.join(missing)}; "
        f"found {shown[:300]}. Is it another format's file? `tradecredit import --help` lists them; "
        "`tradecredit import table --guess FILE` proposes a mapping for any table."
    )
