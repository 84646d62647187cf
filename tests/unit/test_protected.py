"""Sole traders are natural persons: nothing protected, and no plain stand-in for it, gets in by any door."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE, columns
from features.engine.histories import build
from features.language import ATTRIBUTE_NAMES
from ledger.default_status import PRIMARY
from ledger.errors import InputError
from ledger.ledger import TABLES, Ledger
from models.protected import ATTRIBUTES, PROXIES, refuse_protected
from serving.sent_ledger import sent_ledger
from tests.golden import importing
from tests.served import small
from training.default.cold_start import DOOR, with_door
from training.default.columns import SELECTED
from training.default.data import histories

WORDS = sorted(ATTRIBUTES | PROXIES)
INVOICE = {"invoice_id": "1", "customer_id": "a", "kind": "invoice", "issued_on": "2024-01-05", "due_on": "2024-02-05",
           "amount": 100, "currency": "EUR"}  # fmt: skip


def tables(name: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    for path in sorted((importing.FOLDER / name / "expected").glob("*.tsv")):
        with path.open(encoding="utf-8") as text:
            yield path.stem, list(csv.DictReader(text, delimiter="\t"))


@pytest.mark.parametrize("name", importing.names())
def test_no_import_keeps_a_protected_fact(name):
    for table, rows in tables(name):
        if table == "attributes":
            refuse_protected({row["name"] for row in rows})
        elif table in TABLES and table != "customers":
            refuse_protected(column for column in (rows[0] if rows else []) if column != "name")


def test_the_exports_do_hold_such_columns_so_that_the_test_means_something():
    def header(path: Path) -> set[str]:
        return set(path.read_text(encoding="utf-8").splitlines()[0].replace(";", ",").split(","))

    assert {"SEX", "AGE", "MARRIAGE", "EDUCATION"} <= header(importing.FOLDER / "uci-card" / "default.csv")
    assert {"DDD", "CEP_2_DIG", "DOMINIO_EMAIL"} <= header(importing.FOLDER / "datarisk" / "base_cadastral.csv")


@pytest.mark.parametrize("word", WORDS)
def test_each_word_is_refused_wherever_it_stands(word):
    for name in (word, f"customer_{word}", f"{word}_12m", word.upper()):
        with pytest.raises(InputError, match="protected attributes"):
            refuse_protected(["late_share_12m", name])


def test_no_column_of_the_catalogue_and_no_attribute_that_it_reads_is_protected():
    refuse_protected(c.name for c in CATALOGUE.columns())
    refuse_protected((*ATTRIBUTE_NAMES, *SELECTED, *DOOR))


def test_training_refuses_them_by_name():
    with pytest.raises(InputError, match="owner_age name protected attributes"):
        histories(small().ledger, small().prepared.data_known_to, PRIMARY, (*SELECTED, "owner_age"))
    with pytest.raises(InputError, match="nationality name protected attributes"):
        with_door((*SELECTED, "nationality"))


def test_no_model_is_made_or_loaded_with_them():
    bag = small().default.history
    with pytest.raises(InputError, match="sex name protected attributes"):
        replace(bag, columns=(*bag.columns[:-1], "sex"))


@pytest.mark.parametrize("word", ["sex", "owner_age", "nationality", "postcode"])
def test_the_service_refuses_them_as_attributes_and_as_columns(word):
    body = {"customers": [{"customer_id": "a"}], "invoices": [INVOICE]}
    fact = {"customer_id": "a", "name": word, "observed_on": "2024-01-01", "value": "1"}
    with pytest.raises(InputError, match=f"{word} name protected attributes"):
        sent_ledger({**body, "attributes": [fact]})
    with pytest.raises(InputError, match=f"{word} are not columns"):
        sent_ledger({**body, "customers": [{"customer_id": "a", word: "1"}]})


def test_who_a_customer_is_as_a_person_changes_no_column_to_the_last_bit():
    ledger = small().ledger
    frames = {name: frame for name, frame in ledger.tables.items() if len(frame)}
    rng = np.random.default_rng(1)
    count = len(frames["customers"])
    frames["customers"] = frames["customers"].assign(
        name=rng.permutation([f"Person {i}" for i in range(count)]), is_natural_person=rng.random(count) < 0.5,
        legal_form="sole trader",
    )  # fmt: skip
    other = Ledger.from_frames(**frames)
    rows = pd.DataFrame({
        "customer_id": ledger.customers["customer_id"], "as_of": pd.Timestamp(small().prepared.data_known_to),
    })  # fmt: skip
    names = [c.name for c in columns(level="customer")]
    pd.testing.assert_frame_equal(build(other, rows, names), build(ledger, rows, names), check_exact=True)
