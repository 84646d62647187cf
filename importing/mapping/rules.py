"""The rules of a mapping file: which sections and entries it may have, and how it says that files are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from importing.engine.dates import CALENDARS
from importing.engine.encodings import checked_encoding
from importing.engine.format import Format, Stated
from ledger.contract import TABLES
from ledger.errors import InputError

SETTINGS = {
    "columns", "constants", "values", "same_rows_as", "terms_days", "status", "kinds", "units", "open_amount", "credit_amount", "amount_sum",
    "repeats",
}  # fmt: skip
FILLED = ("currency", "kind", "due_on", "booked_on")  # columns that have a stand-in where the source has none
IDS = {"invoices": "invoice_id", "payments": "payment_id", "events": "event_id", "orders": "order_id"}
KINDS = {"column", "invoice", "credit_note", "payment"}
REPEATS = ("payments", "lines", "document")
STATUS = {"column", "paid", "cancelled", "written_off", "protested"}
READING = {
    "encoding": str, "day_first": bool, "decimal": str, "sheet": (str, int), "header_line": int, "calendar": str,
    "currency": str,
}  # fmt: skip


def stated_of(reading: Mapping[str, Any], where: str) -> dict[str, Stated]:
    """Return what the section [reading] states, by file name ("": all files). Raises InputError for a wrong entry."""
    own = {key: value for key, value in reading.items() if not isinstance(value, dict)}
    found = {"": _stated(own, f"{where}: [reading]")}
    for name, section in reading.items():
        if isinstance(section, dict):
            found[name] = _stated(own | section, f'{where}: [reading."{name}"]')
    return found


def _stated(section: Mapping[str, Any], where: str) -> Stated:
    for key, value in section.items():
        if key not in READING:
            raise InputError(f"{where} may hold {', '.join(READING)}; found {key}.")
        if not isinstance(value, READING[key]):  # type: ignore[arg-type]
            raise InputError(f"{where}.{key}: '{value}' is not of its type.")
    if section.get("decimal", ".") not in (".", ","):
        raise InputError(f"{where}.decimal must be '.' or ','. Got '{section['decimal']}' instead.")
    if section.get("calendar") not in (None, *CALENDARS):
        raise InputError(
            f"{where}.calendar must be one of {', '.join(CALENDARS)}. Got '{section['calendar']}' instead."
        )
    if "encoding" in section:
        checked_encoding(section["encoding"])
    return Stated(**{key: value for key, value in section.items() if key != "currency"})


def with_stated(fmt: Format, *, encoding: str | None, sheet: str | None) -> Format:
    """Return a format whose files are read as the command line states. Raises SourceError for an unknown encoding."""
    if encoding is None and sheet is None:
        return fmt
    said: dict[str, Any] = {
        name: value for name, value in (("encoding", encoding), ("sheet", sheet)) if value is not None
    }
    if encoding is not None:
        checked_encoding(encoding)
    stated = {name: replace(entry, **said) for name, entry in {"": Stated(), **fmt.stated}.items()}
    return replace(fmt, stated=stated)


def check(mapping: Mapping[str, Any], where: str) -> None:
    """Raise InputError naming the first entry of a mapping that is wrong."""
    if not mapping:
        raise InputError(f"{where}: the mapping is empty; it needs a section a ledger table, e.g. [invoices].")
    for name, section in mapping.items():
        if name not in TABLES:
            raise InputError(f"{where}: [{name}] is no table of the ledger; there are {', '.join(TABLES)}.")
        if not isinstance(section, dict) or set(section) - SETTINGS:
            raise InputError(
                f"{where}: [{name}] may hold {', '.join(sorted(SETTINGS))}; found "
                f"{', '.join(section) if isinstance(section, dict) else section}."
            )
        root = section.get("same_rows_as")
        if root is not None and (root not in mapping or "same_rows_as" in mapping[root]):
            raise InputError(f"{where}: [{name}].same_rows_as names '{root}', which is no section of its own.")
        _check_words(section.get("status", {}), STATUS, f"{where}: [{name}.status]")
        _check_words(section.get("kinds", {}), KINDS, f"{where}: [{name}.kinds]")
        _check_documents(name, section, mapping, f"{where}: [{name}]")
        for group in ("columns", "constants", "units"):
            allowed = {*TABLES[name].columns, *({"open_amount"} if group == "units" else ())}
            unknown = set(section.get(group, {})) - allowed
            if unknown:
                raise InputError(
                    f"{where}: [{name}].{group} has {', '.join(sorted(unknown))}; {name} has "
                    f"{', '.join(TABLES[name].columns)}."
                )
        mine = {*section.get("columns", {}), *section.get("constants", {})}
        inherited = {*mapping[root].get("columns", {}), *mapping[root].get("constants", {})} if root else set()
        lacking = [
            c
            for c, declared in TABLES[name].columns.items()
            if (declared.required or c in TABLES[name].key)
            and c not in mine | inherited
            and c not in FILLED
            and c != IDS.get(name)
            and c != "country"
            and not (c == "amount" and section.get("amount_sum"))
            and not (name == "payments" and root == "invoices" and c == "paid_on")  # paid on a day that is not known
        ]
        if lacking:
            raise InputError(f"{where}: [{name}] has no column or constant for {', '.join(lacking)}.")


def _check_documents(name: str, section: Mapping[str, Any], mapping: Mapping[str, Any], where: str) -> None:
    """Raise InputError where what is said of several rows a document, or of kinds of documents, cannot be."""
    only = [
        entry
        for entry in ("status", "kinds", "repeats", "open_amount", "credit_amount", "amount_sum", "terms_days")
        if entry in section
    ]
    if only and name != "invoices":
        raise InputError(f"{where}.{only[0]} belongs to [invoices].")
    paid = mapping.get("payments", {})
    if "repeats" in section and section["repeats"] not in REPEATS:
        raise InputError(f"{where}.repeats must be one of {', '.join(REPEATS)}. Got '{section['repeats']}' instead.")
    if "repeats" in section and not {"invoice_id"} & {*section.get("columns", {})}:
        raise InputError(f"{where}.repeats needs columns.invoice_id: it tells which rows are of one document.")
    parts = section.get("amount_sum", [])
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise InputError(f'{where}.amount_sum must be a list of columns, e.g. ["Current", "1-30"].')
    if parts and ({"amount"} & {*section.get("columns", {})} or "credit_amount" in section):
        raise InputError(f"{where}: amount_sum and another amount both say what was invoiced; keep one.")
    if section.get("repeats") == "payments" and paid.get("same_rows_as") != "invoices":
        raise InputError(f'{where}.repeats = "payments" needs [payments] with same_rows_as = "invoices".')
    if section.get("kinds") and "kind" in section.get("columns", {}):
        raise InputError(f"{where}: columns.kind and [invoices.kinds] both say the kind; keep one.")
    if (section.get("kinds", {}).get("payment") or "credit_amount" in section) and paid:
        entry = "credit_amount" if "credit_amount" in section else "kinds.payment"
        raise InputError(f"{where}.{entry}: the payments are rows of the invoices' file; remove [payments].")


def _check_words(words: Any, allowed: set[str], where: str) -> None:
    if not words:
        return
    if not isinstance(words, dict) or "column" not in words or set(words) - allowed:
        raise InputError(f"{where} needs `column` and lists of words: {', '.join(sorted(allowed - {'column'}))}.")
    wrong = [k for k in words if k != "column" and not isinstance(words[k], list)]
    if wrong:
        raise InputError(f'{where}.{wrong[0]} must be a list of words, e.g. ["Paid"].')
