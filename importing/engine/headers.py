"""The header of a source file: on which line it stands, its separator, and which column is which field."""

from __future__ import annotations

import csv
import difflib
import re
from pathlib import Path

from importing.engine.format import File, Format, SourceError, plain

DELIMITERS = (",", ";", "\t", "|")
LONGEST_NAME = 6  # lines that the names of a header may span
HEADER_WITHIN = 60  # lines before the header: report titles, blank lines


def split(line: str, delimiter: str) -> list[str]:
    try:
        return [value.strip() for value in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return [value.strip() for value in line.split(delimiter)]


def whole_lines(lines: list[str]) -> list[str]:
    """Return lines in which a value that quotes hold together over several lines stands on the first; the others are empty."""
    whole, at = list(lines), 0
    while at < len(whole):
        end = at
        while whole[at].count('"') % 2 and end + 1 < min(len(whole), at + LONGEST_NAME):
            end += 1
            whole[at], whole[end] = f"{whole[at]} {whole[end]}", ""
        if whole[at].count('"') % 2:  # a stray quote: nothing is held together
            whole[at : end + 1] = lines[at : end + 1]
            end = at
        at = end + 1
    return whole


def find_header(
    path: Path, lines: list[str], fmt: Format, stated_line: int | None = None
) -> tuple[int, str, tuple[str, ...], str, dict[str, int]]:
    """Return the header line (1-based), its delimiter and names, the file's role, and field -> position.

    stated_line : where the user says that the header is; else the line with the most of the format's columns.
    Raises SourceError where no line has them, or the header reads like a row of data.
    """
    best: tuple[tuple[int, ...], int, str, tuple[str, ...], str, dict[str, int]] | None = None
    for number, line in enumerate(lines, start=1):
        if stated_line is not None and number != stated_line:
            continue
        for delimiter in DELIMITERS:
            header = tuple(split(line, delimiter))
            for role, file in fmt.files.items():
                columns = mapped(header, file)
                required = [name for name, f in file.fields.items() if f.required and name != file.group]
                lacking = sum(name not in columns for name in required)
                is_named_so = plain(path.stem) == plain(role.removesuffix("_file"))
                known = len(columns) if not lacking else len(columns) - lacking
                rank = (lacking == 0, is_named_so, known, len(header), -number)
                if columns and (best is None or rank > best[0]):
                    best = (rank, number, delimiter, header, role, columns)
    if best is None or not best[0][0]:
        raise SourceError(_unmapped(path, lines, fmt, best[4] if best else None, best[3] if best else None))
    if is_data(best[3]):
        raise SourceError(
            f"{path}: line {best[1]} was taken as the header but reads like data ({', '.join(best[3][:4])}); name the "
            "columns in the file's first line, or state header_line in the mapping."
        )
    return best[1], best[2], best[3], best[4], best[5]


def is_data(header: tuple[str, ...]) -> bool:
    """Return whether half or more of a header's names are numbers or dates: then it is a row of data."""
    names = [name for name in header if name]
    return len(names) > 1 and 2 * sum(
        bool(re.fullmatch(r"[\d\s.,:/\-年月日€$£]*\d[\d\s.,:/\-年月日€$£]*", n)) for n in names
    ) >= len(names)


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
        header = max((tuple(split(first, d)) for d in DELIMITERS), key=len)
    columns = mapped(header, file)
    known = {plain(name): name for name in header if name}
    missing = []
    for name, declared in file.fields.items():
        if declared.required and name not in columns and name != file.group:
            near = difflib.get_close_matches(plain(declared.names[0]), list(known), n=1, cutoff=0.5)
            missing.append(declared.names[0] + (f" (nearest found: {known[near[0]]})" if near else ""))
    shown = ", ".join(name for name in header[:12] if name) or "nothing that reads as a header"
    return (
        f"{path}: the header cannot be mapped to the {role} of format {fmt.name}: missing {', '.join(missing)}; "
        f"found {shown[:300]}. Is it another format's file? `tradecredit import --help` lists them; "
        "`tradecredit import table --guess FILE` proposes a mapping for any table."
    )
