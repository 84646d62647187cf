"""A card's columns are those of its ledger as known on the day: neither the label nor a protected column moves them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from benchmarks.default_book import imported
from benchmarks.default_uci import AS_OF
from benchmarks.default_uci_features import reference_classes, statement_features
from ledger.known import known_on
from models.protected import refuse_protected

HEADER = (
    "ID,LIMIT_BAL,SEX,EDUCATION,MARRIAGE,AGE,PAY_0,PAY_2,PAY_3,PAY_4,PAY_5,PAY_6,"
    + ",".join([*(f"BILL_AMT{i}" for i in range(1, 7)), *(f"PAY_AMT{i}" for i in range(1, 7))])
    + ",default payment next month"
)
# latest month first; a's 400 pays August's bill to the dollar, 5000 is round, 120 is neither
A = "a,50000,{p},2,1,0,0,-1,-2,9000,400,6000,6000,2000,100,400,5000,300,120,0,0,{y}"
B = "b,20000,{p},-1,-1,-1,-1,-1,-1,500,300,300,-20,0,100,300,300,0,0,100,50,{y}"


def found(folder: Path, *, protected: str = "2,2,1,24", label: int = 1) -> pd.DataFrame:
    path = folder / "default.csv"
    path.write_text("\n".join([HEADER, *(row.format(p=protected, y=label) for row in (A, B))]) + "\n", encoding="utf-8")
    ids, X = statement_features(known_on(imported("uci-card", path), AS_OF))
    return X.set_index(ids.to_numpy())


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    return found(tmp_path_factory.mktemp("cards"))


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("run_late", 2, 0),
        ("run_not_late", 0, 6),
        ("run_late_longest", 2, 0),
        ("path_3_months", 2 * 16 + 1 * 4, 0),
        ("last_late", 2, 0),
        ("count_worse", 2, 0),
        ("count_statuses", 5, 1),
        ("count_round_1000", 1, 0),
        ("count_odd", 1, 1),  # 120; 50
        ("count_exact", 1, 3),  # a: August's 400; b: August's and July's 300, April's 100
        ("count_bill_credit", 0, 1),
        ("count_bill_0", 0, 1),
        ("count_bill_unchanged", 1, 1),
    ],
)
def test_arithmetic_that_a_reader_can_redo(cards, name, a, b):
    assert cards.loc[["a", "b"], name].tolist() == [a, b]


def test_neither_label_nor_protected_columns_move_a_column(cards, tmp_path):
    refuse_protected(cards.columns)
    assert_frame_equal(cards, found(tmp_path, protected="1,1,2,61", label=0))


def test_classes_are_of_the_path_of_statuses_the_limit_and_its_use(tmp_path):
    """c pays as a does but for the first of six months, with a's limit and use; d as a, with another limit."""
    path = tmp_path / "default.csv"
    a = A.format(p="2,2,1,24", y=1)
    c = a.replace("a,", "c,", 1).replace("2,1,0,0,-1,-2", "2,1,0,0,-1,-1")
    d = a.replace("a,50000", "d,500000", 1)
    path.write_text("\n".join([HEADER, a, B.format(p="2,2,1,24", y=0), c, d]) + "\n", encoding="utf-8")
    ids, X = statement_features(known_on(imported("uci-card", path), AS_OF))
    path_6, path_4, path_limit, path_use, path_paid, late_use = reference_classes(X).T
    of = {name: int(np.flatnonzero(ids == name)[0]) for name in "abcd"}
    assert path_6[of["a"]] == path_6[of["d"]] != path_6[of["c"]]
    assert path_4[of["a"]] == path_4[of["c"]] == path_4[of["d"]] != path_4[of["b"]]
    for codes in (path_limit, path_use, path_paid):
        assert codes[of["a"]] == codes[of["c"]] != codes[of["d"]]
    assert late_use[of["a"]] == late_use[of["c"]] != late_use[of["b"]]
