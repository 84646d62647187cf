"""The settled state beside a ledger gives what reading and settling it gives, to the last bit, or is made again."""

from __future__ import annotations

import tempfile
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import settled_state
from ledger.ageing import ageing_by
from ledger.errors import InputError
from ledger.ledger import Ledger, LedgerError, read_ledger
from ledger.settled_state import place_of, settled_ledger
from ledger.settlement import Settlement, settle
from ledger.text_codes import Texts
from tests.drawn import ledger as drawn_ledger
from tests.property.test_ageing import varied

BOOK = {
    "invoices": """
        invoice_id | customer_id | issued_on  | due_on     | amount
        a          | acme        | 2024-01-02 | 2024-02-01 | 100
        b          | bond        | 2024-04-01 | 2024-05-01 | 300
    """,
    "payments": """
        payment_id | invoice_id | paid_on    | amount
        p          | a          | 2024-02-11 | 40
        q          | b          | 2024-05-31 | 300
    """,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    drawn_ledger(**BOOK).write(tmp_path / "book")
    return tmp_path / "book"


def turned(content: bytes) -> bytes:
    """The bytes with one bit of the middle one turned."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def lines_of(folder: Path) -> tuple[Ledger, list[str]]:
    lines: list[str] = []
    return settled_ledger(folder, say=lines.append), lines


def assert_equal(kept: Any, fresh: Any, name: str = "settlement") -> None:
    """Compare two values field by field, to the last bit and of the same types."""
    if isinstance(fresh, np.ndarray):
        assert kept.dtype == fresh.dtype, name
        assert kept.flags.writeable, name
        assert np.array_equal(kept, fresh), name
    elif isinstance(fresh, Texts):
        assert kept.array.equals(fresh.array), name
        assert [kept.data[lo:hi].tobytes() for lo, hi in zip(kept.start, kept.start[1:], strict=False)] == [
            fresh.data[lo:hi].tobytes() for lo, hi in zip(fresh.start, fresh.start[1:], strict=False)
        ], name
    elif is_dataclass(fresh):
        assert isinstance(kept, type(fresh)), name
        for field in fields(fresh):
            assert_equal(getattr(kept, field.name), getattr(fresh, field.name), f"{name}.{field.name}")
    else:
        assert kept == fresh, name
        assert type(kept) is type(fresh), name


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), is_csv=st.booleans())
def test_the_state_holds_every_table_and_field_to_the_last_bit(seed: int, is_csv: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if is_csv:
            for table, frame in varied(seed).tables.items():
                if len(frame):
                    frame.to_csv(folder / f"{table}.csv", index=False)
        else:
            varied(seed).write(folder)
        first, second = settled_ledger(folder), settled_ledger(folder)
        plain = read_ledger(folder)
        assert (place_of(folder) / "state.json").exists()
        assert second.last_known_on == plain.last_known_on
        assert second.currencies == plain.currencies
        assert second.fingerprint == plain.fingerprint
        for ledger in (first, second):
            assert list(ledger.tables) == list(plain.tables)
            for table, frame in plain.tables.items():
                for column in frame:
                    pd.testing.assert_series_equal(ledger.column(table, column), frame[column])
                pd.testing.assert_frame_equal(ledger[table], frame)
            assert_equal(settle(ledger), settle(Ledger(tables=plain.tables)))


def test_a_report_of_any_day_is_that_of_the_plain_ledger(folder: Path) -> None:
    settled_ledger(folder)
    for day in (pd.Timestamp("2024-02-05").date(), pd.Timestamp("2024-06-30").date()):
        kept, plain = (
            ageing_by(settled_ledger(folder), day, "customer"),
            ageing_by(read_ledger(folder), day, "customer"),
        )
        pd.testing.assert_frame_equal(kept.rows, plain.rows)
        pd.testing.assert_frame_equal(kept.items, plain.items)


def test_only_the_columns_that_are_used_are_read(folder: Path) -> None:
    settled_ledger(folder)
    kept = settled_ledger(folder)
    settlement = settle(kept)
    assert set(vars(settlement)) == {"_read"}
    assert settlement.due_on.tolist() == [
        pd.Timestamp(d).value // 86_400 // 10**9 for d in ("2024-02-01", "2024-05-01")
    ]
    assert set(vars(settlement)) == {"_read", "due_on"}


def test_a_changed_ledger_is_settled_again_and_said_so(folder: Path) -> None:
    assert lines_of(folder)[1] == []
    more = BOOK["payments"] + "        r | a | 2024-03-01 | 60\n"
    drawn_ledger(**{**BOOK, "payments": more}).write(folder)
    ledger, lines = lines_of(folder)
    assert lines == [
        f"{folder}: the settled state beside it is of other files: the ledger has changed; it is made again."
    ]
    assert settle(ledger).at("2024-06-30")["open_cents"].tolist() == [0, 0]
    assert lines_of(folder)[1] == []


def test_another_version_of_the_code_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled_ledger(folder)
    monkeypatch.setattr(settled_state, "_code_digest", lambda: "0" * 64)
    assert "of another version of this program" in lines_of(folder)[1][0]
    assert lines_of(folder)[1] == []


@pytest.mark.parametrize("harm", ["cut", "altered", "lost", "manifest"])
def test_a_damaged_state_is_noticed_and_made_again(folder: Path, harm: str) -> None:
    settled_ledger(folder)
    kept = settled_ledger(folder)
    place = place_of(folder)
    for file in [place / "state.json"] if harm == "manifest" else list(place.glob("*.arrow")):
        content = file.read_bytes()
        if harm == "lost":
            file.unlink()
        else:
            file.write_bytes(content[: len(content) // 2] if harm == "cut" else turned(content))
    lines: list[str] = []
    again = settled_ledger(folder, say=lines.append)
    plain = Ledger(tables=read_ledger(folder).tables)
    assert_equal(settle(again), settle(plain))
    pd.testing.assert_frame_equal(again.invoices, plain.invoices)
    assert len(lines) == 1
    assert "it is made again" in lines[0]
    assert_equal(settle(kept), settle(plain))  # a command that had opened the state before goes on
    whole, silent = lines_of(folder)
    assert_equal(settle(whole), settle(plain))
    assert silent == []


def test_a_ledger_that_changes_under_a_damaged_state_is_refused(folder: Path) -> None:
    settled_ledger(folder)
    kept = settled_ledger(folder)
    for file in place_of(folder).glob("*.arrow"):
        file.unlink()
    drawn_ledger(**{**BOOK, "payments": BOOK["payments"].replace("40", "50")}).write(folder)
    with pytest.raises(InputError, match="was changed while it was read; run the command again"):
        _ = settle(kept).open_cents


def test_a_folder_that_cannot_be_written_to_works_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_args: Any, **_named: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(settled_state.Path, "mkdir", refused)
    ledger, lines = lines_of(folder)
    assert lines == []
    assert not place_of(folder).exists()
    assert settle(ledger).at("2024-06-30")["open_cents"].tolist() == [6_000, 0]


def test_a_ledger_without_a_common_currency_keeps_its_tables_alone(folder: Path) -> None:
    two = (
        BOOK["invoices"]
        .replace("| amount", "| amount | currency")
        .replace("| 100", "| 100 | EUR")
        .replace("| 300", "| 300 | USD")
    )
    payments = (
        BOOK["payments"]
        .replace("| amount", "| amount | currency")
        .replace("| 40", "| 40 | EUR")
        .replace("| 300", "| 300 | USD")
    )
    drawn_ledger(invoices=two, payments=payments).write(folder)
    for _ in range(2):
        ledger = settled_ledger(folder)
        assert ageing_by(ledger, pd.Timestamp("2024-06-30").date(), "currency").rows["open"].tolist() == [60.0]
        with pytest.raises(LedgerError, match="have no rate"):
            settle(ledger)


def test_a_settlement_with_a_field_of_no_known_kind_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settled_state, "write_array", lambda *_: (_ for _ in ()).throw(TypeError("no column holds it")))
    ledger, lines = lines_of(folder)
    assert isinstance(settle(ledger), Settlement)
    assert lines == []
    assert not (place_of(folder) / "state.json").exists()


def test_a_duckdb_file_has_its_state_next_to_it(folder: Path, tmp_path: Path) -> None:
    import duckdb

    book = tmp_path / "book.duckdb"
    with duckdb.connect(str(book)) as connection:
        for table in ("customers", "invoices", "payments"):
            connection.execute(f"CREATE TABLE {table} AS FROM read_parquet('{folder / table}.parquet')")
    settled_ledger(book)
    assert (tmp_path / "book.duckdb.settled" / "state.json").exists()
    assert_equal(settle(settled_ledger(book)), settle(read_ledger(book)))
