"""Small exports of ERP systems by hand: SAP lists in three languages, terms tables, bills; instalments and moved credits elsewhere."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from importing.engine.format import SourceError
from importing.engine.run import Options, import_files
from importing.formats import format_named
from ledger.ageing import ageing_by
from ledger.ledger import Ledger, read_ledger
from ledger.settlement import settle

KNOWN_ON = date(2024, 12, 31)


def load(folder: Path, name: str, known_on: date = KNOWN_ON, **texts: str | bytes) -> tuple[dict[str, Any], Ledger]:
    files = []
    for stem, text in texts.items():
        files.append(folder / f"{stem}.csv")
        files[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
    report = import_files(format_named(name), files, folder / "l", Options(known_on=known_on))
    return report, read_ledger(folder / "l")


def totals(report: dict[str, Any], currency: str = "EUR") -> dict[str, str]:
    return {t["measure"]: t["after"] for t in report["totals"] if t["currency"] == currency}


# One invoice of 1,190 due on 14 February and paid on the 20th, in each kind of list.
SHORT = """BuKr;Konto;BelegNr;Jahr;Pos;BlArt;S/H;Betrag in BW;BWähr;Belegdatum;Buch.dat.;Basisdat.;ZBed;Tage 1;Tage 2;Tage netto;Ausgl.dat.;AusglBeleg
1000;4711;1800000001;2024;1;RV;S;1.190,00;EUR;15.01.2024;15.01.2024;15.01.2024;Z030;10;20;30;20.02.2024;1400000001
1000;4711;1400000001;2024;1;DZ;H;1.190,00;EUR;20.02.2024;20.02.2024;;;;;;20.02.2024;1400000001
"""
LONG = """Buchungskreis\tDebitor\tBelegnummer\tBelegart\tBetrag in Belegwährung\tBelegwährung\tBelegdatum\tBuchungsdatum\tNettofälligkeit\tAusgleichsdatum\tAusgleichsbeleg
1000\t4711\t1800000001\tRV\t1.190,00\tEUR\t15.01.2024\t15.01.2024\t14.02.2024\t20.02.2024\t1400000001
1000\t4711\t1400000001\tDZ\t1.190,00-\tEUR\t20.02.2024\t20.02.2024\t\t20.02.2024\t1400000001
"""
CHINESE = """公司代码,客户,凭证编号,会计年度,行项目,凭证类型,借/贷标识,凭证货币金额,凭证货币,凭证日期,过账日期,净到期日,清账日期,清账凭证
1000,4711,1800000001,2024,1,RV,S,1190.00,EUR,2024.01.15,2024.01.15,2024.02.14,2024.02.20,1400000001
1000,4711,1400000001,2024,1,DZ,H,1190.00,EUR,2024.02.20,2024.02.20,,2024.02.20,1400000001
"""
UNCONVERTED = """Debitoren Einzelpostenliste

Debitor        4711
Firma          Müller GmbH
-----------------------------------------------------------------------------------------------
|St|BelegNr   |Art|Belegdatum|Buch.dat.  |Nettofäll.|Betrag in BW|BWähr|Ausgl.bel.|Ausgl.dat.|
-----------------------------------------------------------------------------------------------
|  |1800000001|RV |15.01.2024|15.01.2024|14.02.2024|   1.190,00 |EUR  |1400000001|20.02.2024|
|  |1400000001|DZ |20.02.2024|20.02.2024|          |   1.190,00-|EUR  |1400000001|20.02.2024|
-----------------------------------------------------------------------------------------------
|* |          |   |          |          |          |       0,00 |EUR  |          |          |

Debitor        4712
-----------------------------------------------------------------------------------------------
|St|BelegNr   |Art|Belegdatum|Buch.dat.  |Nettofäll.|Betrag in BW|BWähr|Ausgl.bel.|Ausgl.dat.|
|  |1800000003|RV |15.02.2024|15.02.2024|16.03.2024|     300,00 |EUR  |          |          |
|* |          |   |          |          |          |     300,00 |EUR  |          |          |
"""


@pytest.mark.parametrize(("text", "encoding"), [
    (SHORT, "cp1252"), (LONG, "utf-8"), (CHINESE, "gbk"), (UNCONVERTED, "cp1252"),
], ids=["german short", "german long", "chinese", "unconverted, accounts above"])  # fmt: skip
def test_sap_lists(text: str, encoding: str, tmp_path: Path) -> None:
    report, book = load(tmp_path, "sap", items=text.encode(encoding))
    state = settle(book).at(KNOWN_ON)
    state = state[state["customer_id"] == "4711"].iloc[0]
    assert (state["document_amount_cents"], state["closed_kind"], state["days_late"]) == (119_000, "paid", 6)
    if text is UNCONVERTED:
        assert totals(report)["open"] == "300.00"
        assert sorted(book.customers["customer_id"]) == ["4711", "4712"]
        assert report["left_out"] == [{"what": "totals rows and titles", "rows": 6, "sums": {"invoices": 300.0}}]


def test_a_sap_list_without_accounts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no column has the customer_id"):
        load(tmp_path, "sap", items="BELNR,BLART,WRBTR,WAERS,BLDAT,BUDAT\n1,RV,5,EUR,20240101,20240101\n")


def test_sap_terms_by_table_discounts_and_a_dishonoured_bill(tmp_path: Path) -> None:
    report, book = load(
        tmp_path, "sap",
        items="BUKRS,KUNNR,BELNR,GJAHR,BUZEI,BLART,SHKZG,WRBTR,WAERS,BLDAT,BUDAT,ZFBDT,ZTERM,AUGDT,AUGBL,UMSKZ,WSKTO\n"
        # 1,000 less 2 % within 10 days: 980 in cash, settled
        "1,C1,18001,2024,1,RV,S,1000.00,EUR,20240105,20240105,20240105,Z2/10,20240112,14001,,\n"
        "1,C1,14001,2024,1,DZ,H,1000.00,EUR,20240112,20240112,,,20240112,14001,,20.00\n"
        # due on the last day of next month
        "1,C2,18002,2024,1,RV,S,500.00,EUR,20240110,20240110,20240110,ZEOM,,,,\n"
        # a bill given on 5 February that matures on 5 May comes back on the 6th
        "1,C3,18003,2024,1,RV,S,10000.00,EUR,20240115,20240115,20240115,Z030,20240205,14003,,\n"
        "1,C3,14003,2024,1,DZ,H,10000.00,EUR,20240205,20240205,,,20240205,14003,,\n"
        "1,C3,14003,2024,2,DZ,S,10000.00,EUR,20240205,20240205,20240505,,20240506,19003,W,\n"
        "1,C3,19003,2024,1,DA,H,10000.00,EUR,20240506,20240506,,,20240506,19003,W,\n"
        "1,C3,19003,2024,2,DA,S,10000.00,EUR,20240506,20240506,20240506,Z030,,,,\n",
        T052="ZTERM,ZTAG1,ZTAG2,ZTAG3,ZSTG1,ZSMN1\nZ2/10,10,30,0,0,0\nZEOM,0,0,0,31,1\nZ030,30,0,0,0,0\n",
    )  # fmt: skip
    assert (totals(report)["discounts"], totals(report)["bills"], totals(report)["open"]) == (
        "20.00",
        "10000.00",
        "10500.00",
    )
    due = book.invoices.set_index("customer_id")["due_on"].dt.strftime("%F")
    assert due.to_dict() == {"C1": "2024-02-04", "C2": "2024-02-29", "C3": "2024-02-14"}
    settlement = settle(book)

    def of_c3(on: str) -> tuple[str, float]:
        row = settlement.at(on).set_index("customer_id").loc["C3"]
        return row["closed_kind"], row["document_open_cents"] / 100

    assert of_c3("2024-03-01")[1] == 0
    assert of_c3("2024-05-06") == ("open", 10_000)


def test_erpnext_payment_schedule_gives_instalments(tmp_path: Path) -> None:
    _, book = load(
        tmp_path, "erpnext",
        sales_invoice="name,customer,posting_date,due_date,grand_total,currency,is_return,docstatus\n"
        "SI-1,C1,2024-01-05,2024-03-05,300,EUR,0,1\nSI-2,C1,2024-01-05,2024-02-04,50,EUR,0,1\n",
        ple="name,voucher_type,voucher_no,against_voucher_type,against_voucher_no,party,posting_date,amount_in_account_currency,account_currency\n"
        "1,Sales Invoice,SI-1,Sales Invoice,SI-1,C1,2024-01-05,300,EUR\n2,Payment Entry,PE-1,Sales Invoice,SI-1,C1,2024-02-01,-100,EUR\n",
        schedule="parent,payment_term,due_date,invoice_portion,payment_amount\nSI-1,T1,2024-01-05,33.3,100\nSI-1,T2,2024-02-05,33.3,100\n"
        "SI-1,retention,2025-01-05,33.4,100\nSI-2,T1,2024-02-04,100,50\n",
    )  # fmt: skip
    rows = book.tables["instalments"].sort_values("number")
    assert rows["due_on"].dt.strftime("%F").tolist() == ["2024-01-05", "2024-02-05", "2025-01-05"]  # SI-2 has one: none
    items = ageing_by(book, date(2024, 3, 1), "customer").items
    assert sorted(zip(items["days_past_due"], items["open"], strict=True)) == [(0, 100), (25, 100), (26, 50)]


def test_odoo_lines_of_several_due_dates_give_instalments(tmp_path: Path) -> None:
    _, book = load(
        tmp_path, "odoo",
        move="name,move_type,state,partner_id,date,invoice_date,invoice_date_due,amount_total,currency_id\n"
        "INV/1,out_invoice,posted,Acme,2024-01-05,2024-01-05,2024-03-05,300,EUR\nPBNK1/1,entry,posted,Acme,2024-02-01,,,100,EUR\n",
        reconcile="id,debit_move_id/move_id,credit_move_id/move_id,amount,max_date\n7,INV/1,PBNK1/1,100,2024-02-01\n",
        line="id,move_id,date_maturity,amount_currency,account_id/account_type\n1,INV/1,2024-01-05,100,asset_receivable\n"
        "2,INV/1,2024-02-05,100,asset_receivable\n3,INV/1,2024-03-05,100,asset_receivable\n4,INV/1,,-300,income\n",
    )  # fmt: skip
    items = ageing_by(book, date(2024, 3, 1), "customer").items
    assert sorted(zip(items["days_past_due"], items["open"], strict=True)) == [(0, 100), (25, 100)]


ODOO = {
    "move": "name,move_type,state,partner_id,date,invoice_date,invoice_date_due,amount_total,currency_id\n"
    "INV/1,out_invoice,posted,Acme,2024-01-05,2024-01-05,2024-03-05,300,EUR\nPBNK1/1,entry,posted,Acme,2024-02-01,,,321,USD\n",
    "reconcile": "id,debit_move_id/move_id,credit_move_id/move_id,amount,debit_amount_currency,credit_amount_currency,max_date\n"
    "7,INV/1,PBNK1/1,321,300,321,2024-02-01\n",
}  # fmt: skip


def test_odoo_a_dollar_payment_settles_a_euro_invoice(tmp_path: Path) -> None:
    report, book = load(tmp_path, "odoo", **ODOO)
    assert totals(report)["open"] == "0.00"
    assert totals(report, "USD") == {}  # all of the 321 USD went to the invoice
    assert settle(book).at(KNOWN_ON)["closed_kind"].tolist() == ["paid"]


def test_odoo_the_companys_amounts_are_not_taken_for_the_documents(tmp_path: Path) -> None:
    lines = [line.split(",") for line in ODOO["reconcile"].splitlines()]
    company = "".join(
        ",".join([*cells[:4], cells[6]]) + "\n" for cells in lines
    )  # amount alone, in the company's currency
    report, _ = load(tmp_path, "odoo", move=ODOO["move"], reconcile=company)
    assert totals(report)["open"] == "300.00"
    assert ["company's currency" in r["reason"] for r in report["reasons"]] == [True]


ERPNEXT = "name,customer,posting_date,due_date,grand_total,currency,is_return,return_against,docstatus\n"
ENTRIES = (
    "name,voucher_type,voucher_no,against_voucher_type,against_voucher_no,party,posting_date,amount_in_account_currency,"
    "account_currency,delinked,creation,modified\n"
)


def test_erpnext_money_on_account_is_allocated_later(tmp_path: Path) -> None:
    _, book = load(
        tmp_path, "erpnext", sales_invoice=ERPNEXT + "SI-1,C1,2024-02-05,2024-03-05,300,EUR,0,,1\n",
        ple=ENTRIES + "1,Sales Invoice,SI-1,Sales Invoice,SI-1,C1,2024-02-05,300,EUR,0,2024-02-05,\n"
        "2,Payment Entry,PE-1,Payment Entry,PE-1,C1,2024-01-20,-200,EUR,1,2024-01-20,2024-02-10\n"
        "3,Payment Entry,PE-1,Sales Invoice,SI-1,C1,2024-01-20,-200,EUR,0,2024-02-10,\n",
    )  # fmt: skip
    settlement = settle(book)
    left = [settlement.at(on)["document_open_cents"].sum() / 100 for on in ("2024-02-09", "2024-02-10")]
    assert left == [300, 100]  # the books linked the money on 10 February


def test_erpnext_a_return_is_moved_to_another_invoice(tmp_path: Path) -> None:
    documents = ERPNEXT + (
        "SI-1,C1,2024-01-05,2024-02-05,300,EUR,0,,1\nSI-2,C1,2024-01-06,2024-02-06,200,EUR,0,,1\nSR-1,C1,2024-01-10,,-100,EUR,1,SI-1,1\n"
    )
    own = (
        ENTRIES
        + "1,Sales Invoice,SI-1,Sales Invoice,SI-1,C1,2024-01-05,300,EUR,0,,\n2,Sales Invoice,SI-2,Sales Invoice,SI-2,C1,2024-01-06,200,EUR,0,,\n"
    )
    before = "3,Sales Invoice,SR-1,Sales Invoice,SI-1,C1,2024-01-10,-100,EUR,{},2024-01-10,{}\n"
    after = "4,Sales Invoice,SR-1,Sales Invoice,SI-2,C1,2024-01-10,-100,EUR,0,2024-02-01,\n"
    load(tmp_path, "erpnext", date(2024, 1, 31), sales_invoice=documents, ple=own + before.format(0, ""))
    _, book = load(
        tmp_path, "erpnext", date(2024, 2, 1), sales_invoice=documents, ple=own + before.format(1, "2024-02-01") + after
    )
    settlement = settle(book)

    def left(on: str) -> dict[str, float]:
        state = settlement.at(on).set_index("invoice_id")["document_open_cents"]
        return {name: state[name] / 100 for name in ("SI-1", "SI-2")}

    assert left("2024-01-31") == {"SI-1": 200, "SI-2": 200}
    assert left("2024-02-01") == {"SI-1": 300, "SI-2": 100}


def test_a_credit_note_of_a_table_is_moved_to_another_invoice(tmp_path: Path) -> None:
    rows = "invoice_id,customer_id,kind,issued_on,due_on,amount,currency,applies_to\na,c,invoice,2024-01-05,2024-02-05,300,EUR,\n"
    rows += "b,c,invoice,2024-01-06,2024-02-06,200,EUR,\nk,c,credit_note,2024-01-10,2024-01-10,100,EUR,{}\n"
    payments = "payment_id,customer_id,invoice_id,paid_on,amount,currency,kind\np,c,a,2024-01-20,10,EUR,payment\n"
    load(tmp_path, "table", date(2024, 1, 31), invoices=rows.format("a"), payments=payments)
    _, book = load(tmp_path, "table", date(2024, 2, 1), invoices=rows.format("b"), payments=payments)
    settlement = settle(book)
    state = {
        on: settlement.at(on).set_index("invoice_id")["document_open_cents"] / 100
        for on in ("2024-01-31", "2024-02-01")
    }
    assert (state["2024-01-31"]["a"], state["2024-01-31"]["b"]) == (190, 200)
    assert (state["2024-02-01"]["a"], state["2024-02-01"]["b"]) == (290, 100)


def test_quickbooks_open_payments_and_credit_memos_are_laid_on_nothing(tmp_path: Path) -> None:
    report, _ = load(
        tmp_path, "quickbooks",
        aged="A/R Aging Detail\n\nDate,Transaction type,Num,Customer full name,Due date,Amount,Open balance\n"
        '10/15/2023,Invoice,1001,"Acme, Inc.",11/14/2023,"1,000.00",400.00\n'
        '03/25/2024,Payment,,"Acme, Inc.",03/25/2024,-50.00,-50.00\n03/26/2024,Credit Memo,CM1,"Acme, Inc.",03/26/2024,-30.00,-10.00\n'
        'TOTAL,,,,,920.00,340.00\n',
    )  # fmt: skip
    # 20 of the credit memo were used for 1001, the other 580 that it lacks were paid on days that the report does not tell
    assert totals(report, "USD") == {
        "invoiced": "1000.00", "credited": "30.00", "paid": "630.00", "unapplied": "50.00", "open": "390.00",
    }  # fmt: skip
