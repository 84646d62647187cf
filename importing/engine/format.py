"""What an export format is: the files it consists of, their columns, and the SQL that makes ledger rows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ledger.errors import InputError

# How the text of a column is read; see values.py for what each accepts.
TEXT, ID, DATE, MONTH, NUMBER, INTEGER, FLAG = "text", "id", "date", "month", "number", "integer", "flag"


class SourceError(InputError):
    """A source file that cannot be imported at all. The message says which, why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a mapping or the command line states of a file; what is None is found in the file itself.

    encoding : a Python codec name. sheet : a worksheet's name or its number from 1. header_line : counted from 1.
    day_first : 03/04/2024 is 3 April. decimal : "." or ",". calendar : "buddhist" or "roc".
    """

    encoding: str | None = None
    sheet: str | int | None = None
    header_line: int | None = None
    day_first: bool | None = None
    decimal: str | None = None
    calendar: str | None = None


@dataclass(frozen=True, kw_only=True)
class Field:
    """One column of a source file.

    names : header names that stand for it; compared without case, spaces and punctuation.
    type : how its text is read.
    required : the header must have it, and a row without a value is quarantined.
    optional_value : with `required`, the header must have the column but a row may leave it empty.
    meaning : what it is, for the documentation.
    is_terms : its words are terms of payment, which the SQL macro due_after(day, words) makes into due dates.
    currency_of : no column of its own, but the currency that the cells of this field of amounts name (`cell_currency`).
    """

    names: tuple[str, ...]
    type: str = TEXT
    required: bool = False
    optional_value: bool = False
    meaning: str = ""
    is_terms: bool = False
    currency_of: str | None = None

    @property
    def must_have_value(self) -> bool:
        return self.required and not self.optional_value


@dataclass(frozen=True, kw_only=True)
class File:
    """One kind of file within a format: its fields by name, and rows that are refused, with the reason.

    refuse : (SQL predicate over the fields, reason) pairs; a row for which a predicate holds is quarantined.
    optional : the format can be imported without this file.
    informs : its rows may give no ledger row of their own (they complete the rows of another file).
    group : the field that a line of one cell alone (a customer's name above its items) gives to the lines below it, where
        the file has no column for it. group_line : where only some such lines give it (Customer 4711), a pattern whose first
        group is the value; they may stand above the header, too.
    """

    fields: Mapping[str, Field]
    refuse: tuple[tuple[str, str], ...] = ()
    optional: bool = False
    informs: bool = False
    group: str | None = None
    group_line: str | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that the import inferred or noticed.

    words : what, for the report. sql : one row a case, with an example text. amounts : SQL of (amount, currency) of the
    cases, where their sum belongs into the report.
    """

    words: str
    sql: str
    amounts: str | None = None


@dataclass(frozen=True, kw_only=True)
class Format:
    """An export format.

    files : its files by role; each role becomes a relation with the columns file, line and the fields.
    tables : ledger table -> SQL over the roles; each row carries source and line, the rest by the ledger's names.
        Columns left out are empty; an empty booked_on becomes the event date.
    currency : the currency that the format's own documentation gives where a file has none (None: the file has one).
    prepared : name -> SQL of helper relations, made in this order before `tables`.
    inferred, noticed : counted and named in the report.
    documents : role -> SQL of the document that a row is a line of; where one line is left out, all of its lines are.
    whole_invoices : a row is the complete state of an invoice; a payment that a later file no longer shows is
        withdrawn.
    splits_documents : one payment or credit note of the source may give several rows, ID~1, ID~2,
        ID~rest; when the document comes again and is split otherwise, the rows that it no longer gives are withdrawn.
    withdrawn : ledger table -> SQL test of a row of the ledger that this export, by what it holds, would have given
        again if it still held (cancelled, deleted, split otherwise); what it did not give is superseded.
    day_first : how 03/04/2019 is read where neither the file nor an earlier import tells.
    traps : what is special about the format, for the documentation.
    stated : how files are to be read, by file name; "" is for all files without an entry of their own.
    """

    name: str
    title: str
    files: Mapping[str, File]
    tables: Mapping[str, str]
    currency: str | None = None
    prepared: Mapping[str, str] = field(default_factory=dict)
    inferred: tuple[Notice, ...] = ()
    noticed: tuple[Notice, ...] = ()
    documents: Mapping[str, str] = field(default_factory=dict)
    whole_invoices: bool = False
    splits_documents: bool = False
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    day_first: bool = True
    traps: tuple[str, ...] = ()
    stated: Mapping[str, Stated] = field(default_factory=dict)

    def stated_of(self, file_name: str) -> Stated:
        """Return how a file is to be read."""
        return self.stated.get(file_name, self.stated.get("", Stated()))


def is_projection(sql: str) -> bool:
    """Return whether a query only picks and renames: cheap to ask again, so not worth keeping as a table."""
    words = " ".join(sql.split())
    return not any(word in words for word in (" JOIN ", " OVER ", "GROUP BY", "UNION", "unnest", "SELECT count", "md5"))


@lru_cache(maxsize=8_192)
def plain(name: str) -> str:
    """Return a header name without case, spaces and punctuation: what names are compared by."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def description(fmt: Format) -> str:
    """Return a format for a person: each file's columns with what becomes of them, what is refused, and the traps."""
    lines = [f"{fmt.name}: {fmt.title}"]
    for role, file in fmt.files.items():
        lines += ["", f"{role}{' (optional)' if file.optional else ''}"]
        for declared in (f for f in file.fields.values() if f.names):
            need = "needed" if declared.must_have_value else "needed, may be empty" if declared.required else "optional"
            lines.append(f"  {' | '.join(declared.names)} ({declared.type}, {need}): {declared.meaning}")
        lines += [f"  left out: {reason}" for _, reason in file.refuse]
    lines += ["", *(f"inferred and counted: {notice.words}" for notice in fmt.inferred)]
    lines += [f"trap: {trap}" for trap in fmt.traps]
    return "\n".join(lines)
