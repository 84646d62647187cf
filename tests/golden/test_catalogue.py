"""The catalogue's independent witness: what is declared once is written down a second time and compared."""

from pathlib import Path

from features.catalogue import CATALOGUE
from features.catalogue.page import PAGE, golden_line, page

GOLDEN = Path(__file__).parent / "catalogue.tsv"
REMEDY = "If the change is meant, run `python -m features.catalogue.page --golden` and say in CHANGELOG.md that scores change."


def test_every_column_is_as_it_was_written_down() -> None:
    golden, declared = GOLDEN.read_text(encoding="utf-8").splitlines(), [golden_line(c) for c in CATALOGUE.columns()]
    assert sorted(declared) == sorted(golden), REMEDY


def test_the_page_is_generated_from_the_declarations() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m features.catalogue.page`."


def test_each_column_has_a_reason_in_both_languages_and_a_meaning() -> None:
    for column in CATALOGUE.columns():
        assert "{value}" in column.reason["en"]
        assert "{value}" in column.reason["zh"]
        assert column.meaning.endswith(".")
        assert "{window}" not in column.meaning + column.reason["en"] + column.reason["zh"]


def test_the_catalogue_is_broad() -> None:
    assert len(CATALOGUE.features) >= 50
    assert len(CATALOGUE.columns(level="customer")) >= 120
