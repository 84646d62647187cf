"""A corrected payment changes no history of a day before the correction, to the last bit."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
from pandas.testing import assert_frame_equal

from features.engine.histories import build
from importing.engine.run import Options, import_files
from ledger.ledger import Ledger, read_ledger
from tests.property.test_import_fuzz import PLAIN, plain_table


def load(folder: Path, content: bytes, known_on: date) -> Ledger:
    (folder / "export.csv").write_bytes(content)
    import_files(PLAIN, [folder / "export.csv"], folder / "ledger", Options(known_on=known_on))
    return read_ledger(folder / "ledger")


def histories(ledger: Ledger, as_of: str) -> pd.DataFrame:
    return build(ledger, pd.DataFrame({"customer_id": ledger.customers["customer_id"], "as_of": pd.Timestamp(as_of)}))


def test_history_before_a_correction_is_unchanged(tmp_path: Path) -> None:
    before = load(tmp_path, plain_table(), date(2024, 1, 31))
    first = before.payments.iloc[0]
    old = f",{first['amount']:.2f},{first['paid_on'].date()},".encode()
    assert plain_table().count(old) == 1
    corrected = plain_table().replace(old, f",{first['amount']:.2f},2023-12-30,".encode())
    after = load(tmp_path, corrected, date(2024, 1, 31))
    assert after.payments["superseded_on"].notna().sum() == 1
    for as_of in ("2023-03-31", "2023-12-31", "2024-01-30"):
        assert_frame_equal(histories(before, as_of), histories(after, as_of), check_exact=True)
    assert not histories(before, "2024-01-31").equals(histories(after, "2024-01-31"))
