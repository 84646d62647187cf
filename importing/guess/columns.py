"""The columns of one table file as values: what each reads as, and how its dates and numbers are written."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from importing.engine.containers import as_text_table, chosen_sheet, is_workbook, sheets_of
from importing.engine.dates import ascii_text, read_date
from importing.engine.encodings import UTF_8, checked_encoding, decoded, encoding_of
from importing.engine.format import TEXT, Field, File, Format, SourceError, Stated, plain
from importing.engine.headers import DELIMITERS, HEADER_WITHIN, is_data, split, whole_lines
from importing.engine.lines import look_over
from importing.engine.numbers import DOUBTFUL, bare_and_factor, value_of
from importing.engine.reading import read
from importing.engine.source import open_source
from importing.engine.values import MAJORITY
from ledger.validation import connect

SAMPLE_LINES = 20_000
_SHORT = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{2})(?:\s.*)?")
_SERIAL = re.compile(r"[2-7]\d{4}(\.\d+)?")
_FIRST_SERIAL_DAY = date(1899, 12, 30)


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """One column of a sample: its header, and its cells as text in file order (None where empty)."""

    header: str
    texts: tuple[str | None, ...]

    @property
    def name(self) -> str:
        """Return the header without what tells a repeated one (Amount.1) from the first."""
        return re.sub(r"\.\d$", "", self.header)

    @cached_property
    def filled(self) -> int:
        return sum(text is not None for text in self.texts)

    @cached_property
    def distinct(self) -> int:
        return len({text for text in self.texts if text is not None})

    @cached_property
    def day_order(self) -> tuple[int, int, int]:
        """Return how many dates can only be read day first, only month first, and either way."""
        found = [m for t in self.texts if t and (m := _SHORT.fullmatch(ascii_text(t)))]
        pairs = [(int(m.group(1)), int(m.group(2))) for m in found]
        day = sum(12 < a <= 31 and b <= 12 for a, b in pairs)
        month = sum(a <= 12 < b <= 31 for a, b in pairs)
        return day, month, len(pairs) - day - month

    def dates(self, day_first: bool | None) -> list[date | None]:
        """Return the cells as dates; None where one is none."""
        return [self._date(text, day_first) for text in self.texts]

    @cached_property
    def date_share(self) -> float:
        """Return the share of the filled cells that are dates in either order of days, or in another calendar."""
        either = [self._date(t, True) or self._date(t, False) or self.doubt_of(t) for t in self.texts]
        return self.share_of(either)

    @staticmethod
    def doubt_of(text: str | None) -> str | None:
        """Return why a text that looks like a date is not read as one (another calendar); None where nothing is said."""
        return None if text is None else read_date(ascii_text(text).strip(), True).doubt

    @cached_property
    def doubtful_numbers(self) -> list[str]:
        """Return the numbers like 1.234 of a column in which no other tells whether the sign is of thousands."""
        bare = [found[0] for t in self.texts if t and (found := bare_and_factor(ascii_text(t)))]
        doubtful = [b for b in bare if re.fullmatch(DOUBTFUL, b)]
        tell = [b for b in bare if re.search(r"[.,]", b) and not re.fullmatch(DOUBTFUL, b)]
        return [] if tell else doubtful

    @staticmethod
    def _date(text: str | None, day_first: bool | None) -> date | None:
        if text is None:
            return None
        bare = ascii_text(text).strip()
        if _SERIAL.fullmatch(bare):
            return _FIRST_SERIAL_DAY + timedelta(days=int(bare[:5]))
        return read_date(bare, day_first).day

    @cached_property
    def decimal(self) -> str:
        """Return the decimal sign that most clear values show; a point where none does."""
        bare = [found[0] for t in self.texts if t and (found := bare_and_factor(ascii_text(t)))]
        comma = sum(bool(re.fullmatch(r"\d+(\.\d{3})*,\d{1,2}|0,\d+", b)) for b in bare)
        point = sum(bool(re.fullmatch(r"\d+(,\d{2,4})*\.\d{1,2}|0\.\d+", b)) for b in bare)
        return "," if comma > point else "."

    @cached_property
    def numbers(self) -> list[float | None]:
        """Return the cells as numbers; None where one is none."""
        return [None if text is None else value_of(ascii_text(text), self.decimal) for text in self.texts]

    def share_of(self, values: Sequence[object | None]) -> float:
        """Return the share of the filled cells that were read."""
        return sum(v is not None for v in values) / self.filled if self.filled else 0.0


@dataclass(frozen=True, kw_only=True)
class SampledFile:
    """The first rows of a table file: its columns by header, its encoding, separator and header line."""

    path: Path
    columns: tuple[Sampled, ...]
    encoding: str
    delimiter: str
    header_line: int
    rows: int

    def column(self, header: str) -> Sampled:
        return next(c for c in self.columns if c.header == header)


def sample_of(path: Path, stated: Stated | None = None) -> SampledFile:
    """Return the first SAMPLE_LINES rows of a table file. Raises SourceError for a file that is no table.

    stated : what the user says of the file (encoding, sheet).
    """
    stated = stated or Stated()
    if not path.exists():
        raise SourceError(f"{path}: no such file.")
    with tempfile.TemporaryDirectory() as scratch:
        header = _header_of(path, Path(scratch), stated)
        if is_data(header):
            raise SourceError(
                f"{path}: no line names the columns: the first one with all of them reads like data ({', '.join(header[:4])}); "
                "put the names into the first line."
            )
        named = []
        for i, name in enumerate(header):
            before = sum(plain(earlier) == plain(name) for earlier in header[:i])
            named += [f"{name}.{before}" if before else name] if name else []
        fields = {f"c{i}": Field(names=(name,), type=TEXT) for i, name in enumerate(named)}
        fmt = Format(name="table", title="", files={"table": File(fields=fields)}, tables={}, stated={"": stated})
        source = open_source(path, fmt, Path(scratch))
        connection = connect()
        connection.execute("SET VARIABLE currency = NULL")
        read(connection, source, fmt.files["table"], 1)
        rows = connection.execute(
            f"SELECT {', '.join(fields)} FROM typed_1 WHERE reasons IS NULL OR NOT list_contains(reasons, "
            f"'the header is repeated here') ORDER BY line LIMIT {SAMPLE_LINES}"
        ).fetchall()
        total = connection.execute("SELECT count(*) FROM typed_1").fetchall()[0][0]
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(named)
    return SampledFile(
        path=path, encoding=source.encoding, delimiter=source.delimiter, header_line=source.header_line, rows=int(total),
        columns=tuple(Sampled(header=name, texts=tuple(values)) for name, values in zip(named, cells, strict=True)),
    )  # fmt: skip


def order_of_days(columns: list[Sampled], pairs: list[tuple[Sampled, Sampled]]) -> tuple[bool | None, str]:
    """Return whether dates are day first, and the evidence; None where nothing tells.

    columns : the date columns. pairs : (issued, due): under the right order the second is not before the first.
    """
    day, month, either = (sum(column.day_order[i] for column in columns) for i in range(3))
    if day or month:
        if day >= MAJORITY * month:
            return True, f"{day:,} dates can only be read day first" + (
                f", {month:,} only month first" if month else ""
            )
        if month >= MAJORITY * day:
            return False, f"{month:,} dates can only be read month first" + (f", {day:,} only day first" if day else "")
        return None, f"{day:,} dates can only be read day first and {month:,} only month first"
    if not either:
        return None, ""
    in_order = {order: sum(_in_order(a, b, order) for a, b in pairs) for order in (True, False)}
    if in_order[True] != in_order[False]:
        best = in_order[True] > in_order[False]
        name, other = ("day", "month") if best else ("month", "day")
        return best, (
            f"read {name} first, {in_order[best]:,} due dates are on or after the issue date, {name and other} first "
            f"{in_order[not best]:,}"
        )
    return None, f"{either:,} dates can be read either way"


def _in_order(issued: Sampled, due: Sampled, day_first: bool) -> int:
    both = zip(issued.dates(day_first), due.dates(day_first), strict=True)
    return sum(a is not None and b is not None and b >= a for a, b in both)


def _header_of(path: Path, scratch: Path, stated: Stated) -> tuple[str, ...]:
    """Return the names of the columns; of a workbook those of the first sheet that has most names above rows."""
    if not is_workbook(path):
        return _names_in(path, as_text_table(path, scratch), stated.encoding)
    sheets = chosen_sheet(path, sheets_of(path, scratch), stated.sheet)
    headers = [_names_in(path, sheet.text, UTF_8) for sheet in sheets]
    named = [(len([n for n in header if n]) * (not is_data(header)), header) for header in headers]
    return max(named, key=lambda pair: pair[0])[1]


def _names_in(path: Path, text: Path, encoding: str | None) -> tuple[str, ...]:
    """Return the first line with as many names as any line has values, under the separator that gives most."""
    raw = text.read_bytes()[: 1 << 18]
    if not raw.strip():
        raise SourceError(f"{path}: the file is empty; there is nothing to guess from.")
    codec = checked_encoding(encoding) if encoding else encoding_of(path, raw, look_over(text).is_utf8)
    whole = decoded(raw, codec).lstrip("\ufeff")
    lines = [line for line in whole_lines(whole.splitlines()[:HEADER_WITHIN]) if line.strip()]
    counted: Callable[[str, str], int] = lambda line, d: len([v for v in split(line, d) if v])  # noqa: E731
    widths = {d: max(counted(line, d) for line in lines) for d in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda d: widths[d])
    wide = [tuple(split(line, delimiter)) for line in lines if counted(line, delimiter) >= 0.8 * widths[delimiter]]
    return next((header for header in wide if not is_data(header)), wide[0])
