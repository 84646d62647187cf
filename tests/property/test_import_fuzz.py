"""Damaged exports: never a traceback, never a lost row, never a changed total without a named reason."""

from __future__ import annotations

import random
import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

from importing.engine.run import Options, import_files
from importing.formats import format_named
from importing.formats.table import format_of
from ledger.errors import InputError
from ledger.ledger import read_ledger
from tests.golden.importing import FOLDER
from tests.golden.test_import_cases import CASES
from tests.property.mutations import (
    LOSSLESS,
    LOSSY,
    Mutation,
    bom,
    contradiction,
    flipped_byte,
    injection,
    lost_bytes,
    no_last_newline,
    noise,
    null_bytes,
    odd_dates,
    odd_numbers,
    truncated,
    windows_newlines,
)

OPTIONS = Options(known_on=date(2024, 6, 30), currency="EUR")
# a sample of each format that one file can hold, by a name that begins with the format's; and a plain table of our own
SAMPLES = {
    "ibm": FOLDER / "ibm" / "receivables.csv",
    "highradius": FOLDER / "highradius" / "invoices.csv",
    "sap": FOLDER / "sap" / "bsid_bsad.csv",
    "quickbooks": FOLDER / "quickbooks" / "transactions.csv",
    "quickbooks, ageing detail": CASES / "14-qb-ageing-detail" / "ar.csv",
    "xero": FOLDER / "xero" / "invoices.csv",
    "xero, export button": CASES / "13-xero-ui-export" / "SalesInvoices.csv",
    "datarisk": FOLDER / "datarisk" / "base_pagamentos.csv",
    "datev": FOLDER / "datev" / "opos.csv",
    "tally": FOLDER / "tally" / "bills.csv",
    "xero-aged": FOLDER / "xero-aged" / "aged.csv",
    "yonyou-kingdee": FOLDER / "yonyou-kingdee" / "ar.csv",
    "table": None,
}
SAFT = FOLDER / "saft" / "saft.xml"
QUICK, WHOLE = 60, 560


def plain_table() -> bytes:
    """Forty invoices, most with a payment, in a form that needs no inference."""
    dice = random.Random(7)
    lines = ["invoice,customer,issued,due,amount,paid,note"]
    for i in range(40):
        issued = date(2023, 1, 1).toordinal() + 9 * i
        paid = str(date.fromordinal(issued + dice.randrange(20, 60))) if dice.random() < 0.8 else ""
        note = '"a note, with ""quotes"""' if i % 7 == 0 else "n"
        lines.append(
            f"INV-{i:03d},C{i % 6},{date.fromordinal(issued)},{date.fromordinal(issued + 30)},"
            f"{dice.randrange(100, 99999) / 100:.2f},{paid},{note}"
        )
    return ("\n".join(lines) + "\n").encode()


PLAIN = format_of(
    {
        "invoices": {
            "columns": {
                "invoice_id": "invoice",
                "customer_id": "customer",
                "issued_on": "issued",
                "due_on": "due",
                "amount": "amount",
            },
            "constants": {"currency": "EUR"},
        },
        "payments": {"same_rows_as": "invoices", "columns": {"paid_on": "paid"}},
    },
    "fuzz",
)


def case(seed: int) -> tuple[str, Mutation, bytes, bytes]:
    """Format, mutation, the clean and the damaged content of one seed."""
    dice = random.Random(seed)
    mutations = LOSSLESS + LOSSY
    mutation = mutations[seed % len(mutations)]
    name = "table" if dice.random() < 0.4 else dice.choice(sorted(SAMPLES))
    sample = SAMPLES[name]
    clean = plain_table() if sample is None else sample.read_bytes().replace(b"\r\n", b"\n")
    damaged = mutation(clean, dice)
    if seed >= 3 * len(mutations):  # later seeds: several things go wrong at once
        for _ in range(dice.randrange(0, 3)):
            damaged = dice.choice(LOSSY[:12])(damaged, dice) if damaged else damaged
            mutation = truncated_by_more
    return name, mutation, clean, damaged


def truncated_by_more(content: bytes, dice: random.Random) -> bytes:
    """Stands for 'several mutations' where one name is asked for."""
    return content


def run(name: str, content: bytes, folder: Path) -> dict[str, object] | None:
    """Import `content` and hold what must always hold; None where the file was refused as a whole."""
    source, out = folder / "export.csv", folder / "ledger"
    source.write_bytes(content)
    fmt = PLAIN if SAMPLES[name] is None else format_named(name.split(",")[0])
    try:
        report = import_files(fmt, [source], out, OPTIONS)
    except InputError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "\n" not in refused.strip(), "one clear line"
        assert not out.exists(), "a refused file leaves nothing behind"
        return None
    (account,) = report["files"]
    text = (
        content.decode("utf-16", errors="replace")
        if content[:2] in (b"\xff\xfe", b"\xfe\xff")
        else content.decode("latin-1")
    )
    physical = re.split("\r\n|\n|\r", text)
    assert account["lines"] == len(physical) - (physical[-1] == ""), "every line of the file was seen"
    assert account["lines"] == account["header_line"] + account["blank_lines"] + account["read"]
    assert account["read"] == account["accepted"] + account["quarantined"]
    rows = (
        duckdb.connect()
        .execute("SELECT line, original, reasons FROM read_parquet(?)", [str(out / "quarantine.parquet")])
        .fetchall()
    )
    assert len(rows) == account["quarantined"]
    assert all(reasons and original is not None for _, original, reasons in rows)
    for total in report["totals"]:
        assert bool(float(total["difference"])) <= bool(total["because"])
    read_ledger(out)  # the contract holds for whatever was accepted
    return report


def check(seed: int, folder: Path) -> None:
    name, mutation, clean, damaged = case(seed)
    report = run(name, damaged, folder)
    if mutation in LOSSLESS:
        (folder / "clean").mkdir()
        untouched = run(name, clean, folder / "clean")
        assert report is not None
        assert untouched is not None
        same = read_ledger(folder / "ledger").fingerprint == read_ledger(folder / "clean" / "ledger").fingerprint
        assert same or report["rows"]["quarantined"] > untouched["rows"]["quarantined"], mutation.__name__


@pytest.mark.parametrize("seed", range(QUICK))
def test_damaged_file_is_accounted_for(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(QUICK, WHOLE))
def test_damaged_file_is_accounted_for_whole_corpus(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


# what XML keeps its meaning under, and what damages it
XML_LOSSLESS: tuple[Mutation, ...] = (bom, windows_newlines, no_last_newline)
XML_LOSSY: tuple[Mutation, ...] = (
    truncated,
    lost_bytes,
    noise,
    flipped_byte,
    null_bytes,
    contradiction,
    odd_numbers,
    odd_dates,
    injection,
)
ELEMENTS = (
    "CustomerID",
    "InvoiceNo",
    "InvoiceDate",
    "GrossTotal",
    "CurrencyCode",
    "PaymentRefNo",
    "TransactionDate",
    "CreditAmount",
    "Line",
)


def without_an_element(content: bytes, dice: random.Random) -> bytes:
    """One element of a SAF-T file, with what it holds, is not there."""
    name = dice.choice(ELEMENTS)
    found = list(re.finditer(f"<{name}>.*?</{name}>".encode(), content, re.DOTALL))
    chosen = dice.choice(found)
    return content[: chosen.start()] + content[chosen.end() :]


def check_saft(seed: int, folder: Path) -> None:
    """Damage a SAF-T file and hold what must always hold of its import."""
    dice = random.Random(seed)
    mutations = (*XML_LOSSLESS, *XML_LOSSY, without_an_element, without_an_element)
    mutation = mutations[seed % len(mutations)]
    source, clean = folder / "saft.xml", SAFT.read_bytes()
    damaged = mutation(clean, dice)
    source.write_bytes(damaged)
    try:
        report = import_files(format_named("saft"), [source], folder / "l", OPTIONS)
    except InputError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "\n" not in refused.strip(), "one clear line"
        assert mutation in XML_LOSSY, f"{mutation.__name__}: {refused}"
        return
    (account,) = report["files"]
    assert account["read"] == account["accepted"] + account["quarantined"]
    for total in report["totals"]:
        assert bool(float(total["difference"])) <= bool(total["because"])
    if mutation in XML_LOSSLESS or mutation is without_an_element:
        assert account["read"] == 7, "two customers, four invoices, one payment: each is taken or quarantined"
    read_ledger(folder / "l")


@pytest.mark.parametrize("seed", range(14))
def test_damaged_saft_file_is_accounted_for(seed: int, tmp_path: Path) -> None:
    check_saft(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(14, 300))
def test_damaged_saft_file_is_accounted_for_whole_corpus(seed: int, tmp_path: Path) -> None:
    check_saft(seed, tmp_path)


def test_the_corpus_is_large_enough_and_reaches_both_ends() -> None:
    assert WHOLE >= 500
    assert {case(seed)[1] for seed in range(QUICK)} == {*LOSSLESS, *LOSSY}
