"""Money onto invoices: explicit references first, then the stated policy; and each thing that can happen, as a life."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from importing.engine.payment_allocation import OLDEST_DUE_FIRST
from importing.engine.run import Options, import_files
from importing.formats import format_named
from ledger.errors import InputError
from ledger.ledger import Ledger, read_ledger
from ledger.settlement import settle
from ledger.timeline import timeline
from tests.drawn import ledger

INVOICES = """invoice_id,customer_id,kind,issued_on,due_on,amount,currency,applies_to
a,acme,invoice,2024-01-02,2024-02-01,100,EUR,
b,acme,invoice,2024-01-10,2024-01-20,50,EUR,
c,acme,invoice,2024-03-01,2024-03-31,70,EUR,
u,acme,invoice,2024-01-02,2024-01-05,30,USD,
x,bolt,invoice,2024-01-02,2024-01-05,40,EUR,
"""
HEADER = "payment_id,customer_id,invoice_id,paid_on,amount,currency,kind,booked_on\n"


def load(folder: Path, payments: str, invoices: str = INVOICES, **options: Any) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    (folder / "invoices.csv").write_text(invoices)
    (folder / "payments.csv").write_text(HEADER + payments)
    given = Options(known_on=date(2024, 6, 30), **{"allocation": OLDEST_DUE_FIRST} | options)
    return import_files(
        format_named("table"), [folder / "invoices.csv", folder / "payments.csv"], folder / "ledger", given
    )


def laid(folder: Path) -> list[tuple[str, str | None, float]]:
    rows = read_ledger(folder / "ledger").payments.sort_values("payment_id")
    rows = rows[rows["superseded_on"].isna()]
    return [(p, None if pd.isna(i) else i, a) for p, i, a in rows[["payment_id", "invoice_id", "amount"]].to_numpy()]


def test_without_a_policy_money_that_names_no_invoice_stays_apart(tmp_path: Path) -> None:
    report = load(tmp_path, "p,acme,,2024-02-05,120,EUR,payment,\n", allocation="unapplied")
    assert laid(tmp_path) == [("p", None, 120.0)]
    assert report["ledger_totals"]["EUR"]["unapplied"] == "120.00"
    assert not [i for i in report["inferred"] if "laid" in i["what"]]


def test_the_oldest_due_is_paid_first_after_what_names_its_invoice(tmp_path: Path) -> None:
    report = load(
        tmp_path,
        "q,acme,a,2024-02-05,10,EUR,payment,\n"  # explicit, of the same day: before the policy
        "p,acme,,2024-02-05,120,EUR,payment,\n"  # b is due before a; c is not issued yet; u is of another currency
        "r,acme,,2024-03-06,200,EUR,payment,\n",  # the rest of a, then c; 110 find no invoice
    )
    assert laid(tmp_path) == [
        ("p~1", "b", 50.0), ("p~2", "a", 70.0), ("q", "a", 10.0),
        ("r~1", "a", 20.0), ("r~2", "c", 70.0), ("r~rest", None, 110.0),
    ]  # fmt: skip
    (said,) = [i for i in report["inferred"] if "laid" in i["what"]]
    assert said["rows"] == 2
    assert said["what"].endswith("oldest due first (allocation oldest_due_first): 210.00 EUR")
    assert report["allocation"] == "oldest_due_first"
    assert [(t["measure"], t["difference"]) for t in report["totals"] if float(t["difference"])] == []


def test_later_rows_do_not_change_how_a_payment_was_laid(tmp_path: Path) -> None:
    first, later = "p,acme,,2024-02-05,60,EUR,payment,\n", "q,acme,b,2024-02-20,50,EUR,payment,\n"
    load(tmp_path / "at once", first + later)
    load(tmp_path / "by day", first)
    load(tmp_path / "by day", later)
    assert (
        laid(tmp_path / "at once")
        == laid(tmp_path / "by day")
        == [("p~1", "b", 50.0), ("p~2", "a", 10.0), ("q", "b", 50.0)]
    )


def test_the_same_file_twice_and_a_part_of_it_change_nothing(tmp_path: Path) -> None:
    both = "p,acme,,2024-02-05,60,EUR,payment,\nq,acme,,2024-02-05,60,EUR,payment,\n"
    load(tmp_path, both)
    before = read_ledger(tmp_path / "ledger").fingerprint
    for again in (both, "q,acme,,2024-02-05,60,EUR,payment,\n"):
        load(tmp_path, again)
        assert read_ledger(tmp_path / "ledger").fingerprint == before


def test_cash_that_was_unapplied_is_laid_from_the_day_on_which_the_policy_was_asked_for(tmp_path: Path) -> None:
    payment = "p,acme,,2024-02-05,60,EUR,payment,\n"
    load(tmp_path, payment, allocation="unapplied")
    load(tmp_path, payment)
    settlement = settle(Ledger(tables=read_ledger(tmp_path / "ledger").tables | {"invoices": _euros(tmp_path)}))
    assert settlement.unapplied_at("2024-06-29")["document_unapplied_cents"].sum() == 6000
    assert settlement.unapplied_at("2024-06-30")["document_unapplied_cents"].sum() == 0
    state = settlement.at("2024-06-30").set_index("invoice_id")
    assert (state.loc["b", "closed_kind"], state.loc["a", "open_cents"]) == ("paid", 9000)


def _euros(folder: Path) -> pd.DataFrame:
    invoices = read_ledger(folder / "ledger").invoices
    return invoices[invoices["currency"] == "EUR"].reset_index(drop=True)


@pytest.mark.parametrize(
    ("before", "on_b"),
    [
        ("q,acme,b,2024-02-01,49.99,EUR,payment,\n", 0.0),  # a cent short is settled: nothing to pay
        ("q,acme,b,2024-02-01,49.98,EUR,payment,\n", 0.02),
        ("q,acme,b,2024-02-01,50,EUR,payment,\nz,acme,b,2024-02-03,20,EUR,reversal,\n", 20.0),
        ("q,acme,b,2024-02-01,55,EUR,payment,\nz,acme,b,2024-02-03,5,EUR,refund,\n", 0.0),
        ("q,acme,b,2024-02-01,50,EUR,factoring,\n", 0.0),
        ("q,acme,b,2024-02-01,30,EUR,netting,\n", 20.0),
        ("q,acme,b,2024-02-01,50,EUR,payment,2024-02-20\n", 50.0),  # booked later: not known on the day
    ],
)
def test_only_what_is_open_on_the_day_is_paid(before: str, on_b: float, tmp_path: Path) -> None:
    load(tmp_path, before + "p,acme,,2024-02-05,60,EUR,payment,\n")
    assert sum(a for p, i, a in laid(tmp_path) if i == "b" and p.startswith("p")) == on_b


def test_credit_notes_count_before_the_policy(tmp_path: Path) -> None:
    load(tmp_path, "p,acme,,2024-02-05,60,EUR,payment,\n",
         INVOICES + "n,acme,credit_note,2024-02-01,2024-02-01,45,EUR,b\n")  # fmt: skip
    assert laid(tmp_path) == [("p~1", "b", 5.0), ("p~2", "a", 55.0)]


def test_what_a_format_leaves_unapplied_is_laid_too(tmp_path: Path) -> None:
    header = "BUKRS,KUNNR,BELNR,GJAHR,BUZEI,BLART,SHKZG,WRBTR,WAERS,BLDAT,BUDAT,ZFBDT,ZBD1T,AUGDT,AUGBL\n"
    (tmp_path / "sap.csv").write_text(
        header + "1,c,10,2024,1,RV,S,60,EUR,20240102,20240102,20240102,30,20240301,99\n"
        "1,c,11,2024,1,RV,S,40,EUR,20240102,20240102,20240102,30,,\n"
        "1,c,99,2024,1,DZ,H,110,EUR,20240210,20240210,20240210,0,20240301,99\n"
    )
    options = Options(known_on=date(2024, 6, 30), allocation=OLDEST_DUE_FIRST)
    for _ in range(2):
        import_files(format_named("sap"), [tmp_path / "sap.csv"], tmp_path / "ledger", options)
    # 60 were cleared on 1 March by a clearing that the books know; of the 50 that are left then, 40 go to the open invoice
    assert laid(tmp_path) == [
        ("1-2024-99-001", "1-2024-10-001", 60.0), ("1-2024-99-001~rest", None, 10.0),
        ("1-2024-99-001~rest-1", "1-2024-11-001", 40.0),
    ]  # fmt: skip
    booked = read_ledger(tmp_path / "ledger").payments.set_index("payment_id")["booked_on"]
    assert booked["1-2024-99-001~rest-1"] == pd.Timestamp("2024-03-01")


def test_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must be one of unapplied, oldest_due_first\. Got newest instead"):
        load(tmp_path, "", allocation="newest")


ONE = "invoice_id | issued_on | due_on | amount\n a | 2024-01-02 | 2024-02-01 | 100"
PAID = "payment_id | invoice_id | paid_on | booked_on | amount | kind\n"
LIVES = {
    "partial payments": (
        {"payments": PAID + "p | a | 2024-02-11 | 2024-02-12 | 60 | payment\n q | a | 2024-02-20 | 2024-02-20 | 40 | payment"},
        [("issued", 100, "open"), ("payment", 40, "open"), ("payment", 0, "paid")],
    ),
    "an underpayment within the tolerance": (
        {"payments": PAID + "p | a | 2024-02-11 | 2024-02-11 | 99.99 | payment"},
        [("issued", 100, "open"), ("payment", 0, "paid")],
    ),
    "an overpayment": (
        {"payments": PAID + "p | a | 2024-02-11 | 2024-02-11 | 120 | payment\n r | a | 2024-02-15 | 2024-02-15 | 20 | refund"},
        [("issued", 100, "open"), ("payment", 0, "paid"), ("refund", 0, "paid")],
    ),
    "a credit note": (
        {"invoices": "invoice_id | kind | issued_on | due_on | amount | applies_to\n a | invoice | 2024-01-02 | 2024-02-01 | 100 |"
                     "\n n | credit_note | 2024-03-01 | 2024-03-01 | 100 | a"},
        [("issued", 100, "open"), ("credit note", 0, "credited")],
    ),
    "a reversal": (
        {"payments": PAID + "p | a | 2024-02-11 | 2024-02-11 | 100 | payment\n z | a | 2024-02-15 | 2024-02-17 | 100 | reversal"},
        [("issued", 100, "open"), ("payment", 0, "paid"), ("reversal", 100, "open")],
    ),
    "netting": (
        {"payments": PAID + "p | a | 2024-02-11 | 2024-02-11 | 100 | netting"},
        [("issued", 100, "open"), ("netting", 0, "paid")],
    ),
    "a sale to a factor": (
        {"payments": PAID + "p | a | 2024-01-05 | 2024-01-05 | 100 | factoring"},
        [("issued", 100, "open"), ("factoring", 0, "factored")],
    ),
    "a write-off": (
        {"payments": PAID + "p | a | 2024-02-11 | 2024-02-11 | 60 | payment",
         "events": "invoice_id | occurred_on | kind\n a | 2024-09-01 | write_off"},
        [("issued", 100, "open"), ("payment", 40, "open"), ("write off", 0, "written_off")],
    ),
    "a chain of residual items": (
        {"payments": PAID + "p | a | 2024-02-11 | 2024-02-11 | 60 | payment\n q | a | 2024-04-01 | 2024-04-01 | 40 | payment",
         "events": "invoice_id | occurred_on | kind | amount | detail\n a | 2024-02-12 | residual | 40 | residual item 7, due 2024-03-05"},
        [("issued", 100, "open"), ("payment", 40, "open"), ("residual", 40, "open"), ("payment", 0, "paid")],
    ),
    "a corrected payment": (
        {"payments": "payment_id | invoice_id | paid_on | booked_on | superseded_on | amount\n"
                     "p | a | 2024-02-11 | 2024-02-11 | 2024-03-10 | 100\n p | a | 2024-02-11 | 2024-03-10 | | 10"},
        [("issued", 100, "open"), ("payment", 0, "paid"), ("payment", 90, "open"), ("corrected: payment", 90, "open")],
    ),
    "a dispute": (
        {"events": "event_id | invoice_id | occurred_on | kind\n d | a | 2024-02-02 | dispute_opened\n e | a | 2024-03-02 | dispute_closed"},
        [("issued", 100, "open"), ("dispute opened", 100, "open"), ("dispute closed", 100, "open")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIVES)
def test_each_thing_that_happens_to_an_invoice_is_a_line_of_its_life(name: str) -> None:
    tables, expected = LIVES[name]
    life = timeline(ledger(**{"invoices": ONE} | tables), "a")
    assert list(life[["what", "open_amount", "state"]].itertuples(index=False, name=None)) == expected
    opened = life["what"].tolist().index("dispute opened") if name == "a dispute" else None
    assert life["is_disputed"].tolist() == [i == opened for i in range(len(life))]


def test_amounts_are_signed_as_they_act_and_what_does_not_act_has_none() -> None:
    tables, _ = LIVES["a chain of residual items"]
    life = timeline(ledger(**{"invoices": ONE} | tables), "a")
    assert life["amount"].tolist()[:2] == [100.0, -60.0]
    assert pd.isna(life["amount"].iloc[2])
    assert life["detail"].iloc[2] == "residual item 7, due 2024-03-05, 40.00"
    assert life["settled_on"].iloc[3] == pd.Timestamp("2024-04-01")  # days late count from the invoice's own due date
