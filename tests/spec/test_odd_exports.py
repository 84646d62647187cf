"""Odd exports of the kinds that people send, each in a few lines: where every amount stands, and what the guess says of it.

Every amount of a source stands in exactly one of: accepted, quarantined, left out by name with its sum. The mapping is the one
that `import table --guess` proposes; what it cannot decide, it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from importing.engine.format import SourceError, Stated
from importing.engine.run import Options, import_files
from importing.formats.table import read_mapping
from importing.guess.proposal import proposal
from ledger.errors import InputError
from ledger.ledger import read_ledger

KNOWN_ON = date(2025, 1, 31)


@dataclass(frozen=True, kw_only=True)
class Odd:
    """An export as text, and what must come of it.

    totals : currency -> (invoiced, credited, paid, open). left_out : parts of the names of what is left out -> sum.
    proposes, says : lines of the mapping, and parts of what stands below it. quarantined : rows.
    """

    text: str
    totals: dict[str, tuple[str, str, str, str]]
    left_out: dict[str, float] = field(default_factory=dict)
    proposes: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    quarantined: int = 0
    encoding: str = "utf-8"
    add: str = ""


ODD = {
    "german, trailing minus, a totals row, tax not used": Odd(
        text="Rechnungsnr;Kundennr;Rechnungsdatum;Fällig am;Bruttobetrag;MwSt;Bezahlt am;Zahlbetrag;Offen\n"
        "R1;K1;15.01.2024;14.02.2024;1.190,00;190,00;20.02.2024;1.190,00;0,00\n"
        "R2;K2;16.01.2024;15.02.2024;2\u00a0380,50;380,00;;;2\u00a0380,50\n"
        "R3;K1;17.01.2024;16.02.2024;119,00-;19,00-;;;119,00-\nSumme;;;;3.451,50;;;;\n",
        encoding="cp1252", quarantined=1,
        totals={"EUR": ("3570.50", "119.00", "1190.00", "2261.50")},  # 1,190 + 2,380.50; open: - 119 - 1,190
        left_out={"totals rows": 3451.50, "'MwSt'": 551.0},
        proposes=('columns.amount = "Bruttobetrag"', 'open_amount = "Offen"'),
    ),
    "french, euro signs in the cells, a subtotal a customer, paid without a day": Odd(
        text="N° facture;Code client;Date de facture;Date d'échéance;Montant HT;Montant TTC;Montant réglé;Date de règlement;Reste à payer\n"
        "F1;C1;05/01/2024;04/02/2024;1 000,00 €;1 200,00 €;1 200,00 €;03/02/2024;0,00 €\n"
        "F2;C2;06/01/2024;05/02/2024;500,00 €;600,00 €;250,00 €;;350,00 €\n"
        "Sous-total C2;;;;500,00;600,00;;;\nTotal général;;;;1500,00;1800,00;1450,00;;350,00\n",
        encoding="cp1252", quarantined=2,
        totals={"EUR": ("1800.00", "0.00", "1450.00", "350.00")},
        left_out={"totals rows": 600 + 1800.0, "'Montant HT'": 1500.0},
        proposes=('columns.amount = "Montant TTC"', "day_first = true"),
    ),
    "spanish, a status says paid and no day does": Odd(
        text="Nº factura,Cliente,Fecha factura,Fecha vencimiento,Base imponible,Importe total,Estado\n"
        'A1,Uno,03/04/2024,02/07/2024,"1.000,00","1.210,00",Cobrada\nA2,Dos,05/04/2024,04/07/2024,"2.000,00","2.420,00",Pendiente\n'
        'A3,Uno,06/04/2024,05/07/2024,"300,00","363,00",Anulada\nA4,Dos,07/04/2024,06/07/2024,"100,00","121,00",Cobrada parcialmente\n',
        quarantined=1, totals={"EUR": ("3751.00", "0.00", "1210.00", "2541.00")},  # without A3; paid is A1
        left_out={"'Base imponible'": 3400.0},
        says=("'Cobrada parcialmente' on 1 rows of 121.00, but no column says how much",),
    ),
    "portuguese, reais in the cells": Odd(
        text="Nota fiscal;Cód. cliente;Data de emissão;Vencimento;Valor bruto;Valor líquido;Data de pagamento;Valor pago\n"
        "1001;C1;02/01/2024;01/02/2024;R$ 1.234,56;R$ 1.200,00;05/02/2024;R$ 1.234,56\n"
        "1002;C2;03/01/2024;02/02/2024;R$ 500,00;R$ 480,00;;R$ 0,00\n1003;C2;04/01/2024;03/02/2024;R$ 700,00;R$ 680,00;;R$ 300,00\n",
        totals={"BRL": ("2434.56", "0.00", "1534.56", "900.00")},  # the cells' currency, although --currency is EUR
        left_out={"'Valor líquido'": 2360.0}, says=("name a currency: BRL 3 of 3",),
    ),
    "chinese in ten thousands, GBK": Odd(
        text="发票号码,购货单位,开票日期,应收日期,价税合计(万元),回款日期,回款金额(万元),未收金额(万元)\n"
        "FP1,甲公司,2024/1/15,2024/3/15,1.5,2024/3/20,1.5,0\nFP2,乙公司,2024/1/16,2024/3/16,2.25,,,2.25\n合计,,,,3.75,,1.5,2.25\n",
        encoding="gbk", quarantined=1, totals={"EUR": ("37500.00", "0.00", "15000.00", "22500.00")},
        left_out={"totals rows": 37500.0}, proposes=('units.amount = "万"', 'units.open_amount = "万"'),
    ),
    "traditional chinese, Big5, years of the Republic": Odd(
        text="發票號碼,客戶編號,客戶名稱,發票日期,到期日,金額,幣別\nAB1,C01,台北公司,113/01/15,113/03/15,10000,新台幣\n"
        'AB2,C02,高雄公司,113/01/16,113/03/16,"20,500.50",新台幣\n',
        encoding="big5", totals={"TWD": ("30500.50", "0.00", "0.00", "30500.50")},
        says=("looks like a year of the Republic of China", '# calendar = "roc"'), add='[reading]\ncalendar = "roc"\n',
    ),
    "UTF-16, a negative amount in brackets behind its sign": Odd(
        text="Invoice No\tCustomer\tInvoice Date\tDue Date\tAmount\tCurrency\nI1\tC1\t13/01/2024\t12/02/2024\t$1,000.00\tUSD\n"
        "I2\tC1\t14/01/2024\t13/02/2024\t$(250.00)\tUSD\n",
        encoding="utf-16", totals={"USD": ("1000.00", "250.00", "0.00", "750.00")},
    ),
    "what is open stands for what was paid": Odd(
        text="Invoice No,Customer,Date,Due Date,Invoice Amount,Outstanding\nI1,C1,2024-01-15,2024-02-14,100.00,0.00\n"
        "I2,C1,2024-01-16,2024-02-15,200.00,200.00\nI3,C2,2024-01-17,2024-02-16,300.00,120.00\n",
        totals={"EUR": ("600.00", "0.00", "280.00", "320.00")},  # 100 and 180 were paid on days that are not known
        proposes=('open_amount = "Outstanding"  # amount less this was paid',),
    ),
    "an ageing list: the amount is in one of several columns": Odd(
        text="Customer,Invoice,Date,Due,Current,1-30,31-60,>90\nC1,I1,2024-01-15,2024-02-14,,100.00,,\nC2,I2,2024-03-16,2024-04-15,200.00,,,\n"
        "C3,I3,2023-03-16,2023-04-15,,,,7.50\n",
        totals={"EUR": ("307.50", "0.00", "0.00", "307.50")}, proposes=('amount_sum = ["Current", "1-30", ">90"]',),
    ),
    "an account card: debits and credits in two columns": Odd(
        text="Date,Voucher,Party,Debit,Credit,Due\n2024-01-15,S1,C1,100.00,,2024-02-14\n2024-02-20,R1,C1,,90.00,\n"
        "2024-01-16,S2,C2,250.00,,2024-02-15\n",
        totals={"EUR": ("350.00", "0.00", "90.00", "350.00")},  # the receipt names no invoice: money on account
        proposes=('credit_amount = "Credit"',),
    ),
    "a list with credit memos and payments by a column of words": Odd(
        text="Doc No,Type,Customer,Date,Due Date,Amount,Applies to\nI1,Invoice,C1,2024-01-15,2024-02-14,100.00,\n"
        "K1,Credit Memo,C1,2024-01-20,2024-01-20,30.00,I1\nP1,Payment,C1,2024-02-20,,70.00,I1\nI2,Invoice,C2,2024-01-16,2024-02-15,200.00,\n",
        totals={"EUR": ("300.00", "30.00", "70.00", "200.00")},  # I1: 100 - 30 - 70
        proposes=('credit_note = ["Credit Memo"]', 'payment = ["Payment"]', 'columns.applies_to = "Applies to"'),
    ),
    "an invoice has a row a payment": Odd(
        text="Invoice No,Customer,Invoice Date,Due Date,Invoice Amount,Payment Date,Paid Amount\nI1,C1,2024-01-15,2024-02-14,100.00,2024-02-10,60.00\n"
        "I1,C1,2024-01-15,2024-02-14,100.00,2024-02-20,40.00\nI2,C2,2024-01-16,2024-02-15,200.00,,\n",
        totals={"EUR": ("300.00", "0.00", "100.00", "200.00")}, proposes=('repeats = "payments"',),
    ),
    "an invoice has a row an item": Odd(
        text="Invoice No,Customer,Invoice Date,Due Date,Item,Line amount\nI1,C1,2024-01-15,2024-02-14,Widget,60.00\n"
        "I1,C1,2024-01-15,2024-02-14,Gadget,40.00\nI2,C2,2024-01-16,2024-02-15,Widget,200.00\nI3,C2,2024-01-16,2024-02-15,Widget,5.00\n"
        "I3,C2,2024-01-16,2024-02-15,Gadget,five\n",
        quarantined=2,  # both lines of I3: a part of a document is not the document
        totals={"EUR": ("300.00", "0.00", "0.00", "300.00")}, proposes=('repeats = "lines"',),
    ),
    "currencies in the cells, one of them the sign of several": Odd(
        text="Invoice No,Customer,Date,Due Date,Amount\nI1,C1,2024-01-15,2024-02-14,€100.00\nI2,C1,2024-01-16,2024-02-15,$200.00\n"
        "I3,C1,2024-01-17,2024-02-16,CHF 1'050.50\n",
        quarantined=1, totals={"EUR": ("100.00", "0.00", "0.00", "100.00"), "CHF": ("1050.50", "0.00", "0.00", "1050.50"),
                               "$": ("0.00", "0.00", "0.00", "0.00")},
        says=("$ is the sign of several currencies",),
    ),
    "a currency column with an old code and an empty cell": Odd(
        text="Invoice No,Customer,Date,Due Date,Amount,Currency\nI1,C1,2024-01-15,2024-02-14,100.00,EUR\nI2,C1,2024-01-16,2024-02-15,200.00,Euro\n"
        "I3,C1,2024-01-17,2024-02-16,50.00,DEM\nTotal,,,,350.00,\n",
        quarantined=2, left_out={"totals rows": 350.0}, totals={"EUR": ("300.00", "0.00", "0.00", "300.00"), "DEM": ("0.00", "0.00", "0.00", "0.00")},
        proposes=('columns.currency = "Currency"',),
    ),
    "Dr and Cr, lakhs, a total": Odd(
        text='Bill No,Party,Bill Date,Due On,Balance\nB1,P1,1-Apr-24,1-May-24,"10,000.00 Dr"\nB2,P1,2-Apr-24,2-May-24,"2,500.00 Cr"\n'
        'B3,P2,3-Apr-24,3-May-24,"1,50,000.00 Dr"\nTotal,,,,"1,57,500.00 Dr"\n',
        quarantined=1, totals={"EUR": ("160000.00", "2500.00", "0.00", "157500.00")}, left_out={"totals rows": 157500.0},
    ),
    "two amounts under one name": Odd(
        text="Document,Customer,Date,Amount,Amount,Due\nI1,C1,2024-01-15,100.00,119.00,2024-02-14\nI2,C1,2024-01-16,200.00,238.00,2024-02-15\n",
        totals={"EUR": ("300.00", "0.00", "0.00", "300.00")}, left_out={"'Amount'": 357.0}, says=("'Amount' or 'Amount.1'",),
    ),
    "days and months in both orders": Odd(
        text="Invoice No,Customer,Date,Due Date,Amount\nI1,C1,13/01/2024,12/02/2024,100.00\nI2,C2,01/14/2024,02/13/2024,200.00\n"
        "I3,C2,03/04/2024,03/05/2024,10.00\n",
        quarantined=1, totals={"EUR": ("300.00", "0.00", "0.00", "300.00")}, says=("only be read day first and 2 only month first",),
    ),
    "whole numbers: taxes are money, too": Odd(
        text="Invoice,Client,Invoice Date,Due Date,Net,VAT,Total,Paid\n1,A,2024-01-15,2024-02-14,100,20,120,120\n"
        "2,B,2024-01-16,2024-02-15,200,40,240,0\n3,B,2024-01-17,2024-02-16,50,10,60,30\n",
        totals={"EUR": ("420.00", "0.00", "150.00", "270.00")}, left_out={"'Net'": 350.0, "'VAT'": 70.0},
        proposes=('columns.amount = "Total"',),
    ),
    "an item a row, each with the total of the whole invoice": Odd(
        text="Invoice Date,Invoice ID,Customer ID,Due Date,Currency Code,Exchange Rate,Item Name,Item Total,Total,Balance\n"
        "2024-01-15,9001,77,2024-02-14,USD,1.00,Widget,100.00,165.00,0.00\n2024-01-15,9001,77,2024-02-14,USD,1.00,Gadget,50.00,165.00,0.00\n"
        "2024-01-16,9002,78,2024-02-15,USD,1.00,Widget,50.00,55.00,55.00\n",
        totals={"USD": ("220.00", "0.00", "165.00", "55.00")}, left_out={"'Item Total'": 200.0},  # a rate is no money
        proposes=('repeats = "document"', 'open_amount = "Balance"'),
    ),
    "in lakhs by the header of one column of two": Odd(
        text="Bill No.,Party Name,Bill Date,Due Date,Bill Amt (Rs. in Lakhs),Recd Amt,Recd Date\nB1,P1,15-Jan-24,14-Feb-24,1.50,1.50,20-Feb-24\n"
        "B2,P2,16-Jan-24,15-Feb-24,2.25,,\n",
        totals={"EUR": ("375000.00", "0.00", "150000.00", "225000.00")}, proposes=('units.amount = "lakh"',),
    ),
    "two payments on a row": Odd(
        text="Invoice No,Customer,Date,Due Date,Amount,Payment 1,Payment 2\nI1,C1,2024-01-15,2024-02-14,100.00,60.00,40.00\n"
        "I2,C2,2024-01-16,2024-02-15,200.00,,\n",
        totals={"EUR": ("300.00", "0.00", "60.00", "240.00")}, left_out={"'Payment 2'": 40.0},
        says=("'Payment 1' is taken, 'Payment 2' not",),
    ),
    "a header of two lines in quotes, after Excel's own hint": Odd(
        text='sep=;\n"Invoice\nNumber";Customer;"Invoice\nDate";Due;Amount\nI1;C1;15.01.2024;14.02.2024;1.000,50\n',
        totals={"EUR": ("1000.50", "0.00", "0.00", "1000.50")},
    ),
}  # fmt: skip


def check(report: dict[str, Any], odd: Odd) -> None:
    of = {(t["currency"], t["measure"]): t["after"] for t in report["totals"]}
    assert {
        currency: tuple(of[currency, measure] for measure in ("invoiced", "credited", "paid", "open"))
        for currency in {currency for currency, _ in of}
    } == odd.totals
    assert report["rows"]["quarantined"] == odd.quarantined
    assert report["rows"]["read"] == report["rows"]["accepted"] + odd.quarantined
    for name, amount in odd.left_out.items():
        assert [next(iter(i["sums"].values())) for i in report["left_out"] if name in i["what"]] == [amount], name
    for total in report["totals"]:
        assert float(total["difference"]) == pytest.approx(sum(float(b["amount"]) for b in total["because"]))


@pytest.mark.parametrize("name", ODD)
def test_odd_export(name: str, tmp_path: Path) -> None:
    odd, source, mapping = ODD[name], tmp_path / "x.csv", tmp_path / "m.toml"
    source.write_bytes(odd.text.encode(odd.encoding))
    text = proposal(source)
    for line in odd.proposes:
        assert line in text
    for words in odd.says:
        assert words in text
    mapping.write_text(text.replace("[reading]\n", odd.add) if odd.add else text, encoding="utf-8")
    report = import_files(read_mapping(mapping), [source], tmp_path / "l", Options(known_on=KNOWN_ON, currency="EUR"))
    check(report, odd)


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


HEADER = ["Invoice No", "Customer", "Date", "Due Date", "Amount"]


def test_a_workbook_with_a_cover_a_total_on_top_and_another_sheet(tmp_path: Path) -> None:
    source = workbook(
        tmp_path / "x.xlsx",
        Summary=[["Total open", 300.0]],
        Data=[["Total", None, None, None, 300.0], HEADER, ["I1", "C1", "15.01.2024", "14.02.2024", 100.0],
              ["I2", "C2", "16.01.2024", "15.02.2024", 200.0]],
        Notes=[["Credit No", "Customer", "Date", "Amount"], ["K1", "C1", "20.01.2024", 50.0]],
    )  # fmt: skip
    (tmp_path / "m.toml").write_text(proposal(source))
    report = import_files(
        read_mapping(tmp_path / "m.toml"), [source], tmp_path / "l", Options(known_on=KNOWN_ON, currency="EUR")
    )
    check(report, Odd(text="", totals={"EUR": ("300.00", "0.00", "0.00", "300.00")}, left_out={"sheet 'Notes'": 50}))


def test_formulas_without_values_are_said(tmp_path: Path) -> None:
    rows = [[*HEADER, "Gross"], ["I1", "C1", datetime(2024, 1, 15), datetime(2024, 2, 14), 100, "=E2*1.19"]]
    text = proposal(workbook(tmp_path / "x.xlsx", Data=rows))
    assert "'Gross': 1 cells hold formulas without stored values" in text


def test_files_with_the_same_columns_are_read_together(tmp_path: Path) -> None:
    header = "invoice_no,customer,invoice_date,due_date,amount\n"
    (tmp_path / "invoices_2023.csv").write_text(header + "A1,C1,2023-05-15,2023-06-14,100.00\n")
    (tmp_path / "invoices_2024.csv").write_text(header + "A2,C1,2024-05-15,2024-06-14,200.00\n")
    (tmp_path / "receipts.csv").write_text("receipt_no,invoice_no,receipt_date,amount\nP1,A1,2023-06-20,100.00\n")
    (tmp_path / "cities.csv").write_text("city,population\nBonn,330000\n")
    text = proposal(tmp_path)
    assert "invoices_2024.csv has the same columns: its rows are invoices, too" in text
    assert "cities.csv: this file is not used" in text
    assert "open                     200.00" in text


@pytest.mark.parametrize(("text", "words"), [
    ("", "empty"), ("Invoice No,Customer,Date,Due Date,Amount\n", "no rows below the header"),
    ("<html><table><tr><td>Invoice</td></tr></table></html>", "a web page"), ('[{"invoice": "I1"}]', "JSON"),
    ("Invoice   Customer   Amount\nI1        C1         100.00\n", "columns of fixed width"),
    ("I1,C1,2024-01-15,2024-02-14,100.00\nI2,C2,2024-01-16,2024-02-15,200.00\n", "reads like data"),
])  # fmt: skip
def test_what_cannot_be_guessed_says_why(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        proposal(tmp_path / "x.csv")


def test_a_spreadsheet_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "invoices.csv").write_text("invoice_no,customer,date,due,amount\nI1,C1,2024-01-15,2024-02-14,5.00\n")
    (tmp_path / "more.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(InputError, match=r"holds more.xls, which cannot be read"):
        proposal(tmp_path)


def test_an_encoding_that_spells_a_name_in_two_ways_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_bytes("Invoice,Customer,Date,Due,Amount\nI1,Kovč,2024-01-15,2024-02-14,10.00\n".encode("cp1250"))
    with pytest.raises(SourceError, match="'Kovè' in cp1252, 'Kovč' in cp1250"):
        proposal(source)
    (tmp_path / "m.toml").write_text(proposal(source, stated=Stated(encoding="cp1250")), encoding="utf-8")
    options = Options(known_on=KNOWN_ON, currency="EUR")
    import_files(read_mapping(tmp_path / "m.toml"), [source], tmp_path / "l", options)
    assert read_ledger(tmp_path / "l").invoices["customer_id"].tolist() == ["Kovč"]


def test_an_amount_in_another_currency_than_its_row_is_quarantined(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text(
        "no,cust,date,due,amt,cur\nI1,C1,2024-01-15,2024-02-14,€10.00,EUR\nI2,C1,2024-01-15,2024-02-14,£20.00,EUR\n"
        "I3,C1,2024-01-15,2024-02-14,$30.00,USD\n"
    )
    names = {
        "invoice_id": "no",
        "customer_id": "cust",
        "issued_on": "date",
        "due_on": "due",
        "amount": "amt",
        "currency": "cur",
    }
    lines = "".join(f'columns.{name} = "{header}"\n' for name, header in names.items())
    (tmp_path / "m.toml").write_text("[invoices]\n" + lines)
    report = import_files(read_mapping(tmp_path / "m.toml"), [source], tmp_path / "l", Options(known_on=KNOWN_ON))
    assert read_ledger(tmp_path / "l").invoices["invoice_id"].tolist() == ["I1", "I3"]
    assert [r["reason"] for r in report["reasons"]] == ["the amount's cell names another currency than the row"]
