"""Situations of trade credit as exports have them: values that a reader can redo from the few lines of each."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from importing.engine.dates import ascii_text, read_date
from importing.engine.encodings import encoding_of
from importing.engine.numbers import bare_and_factor
from importing.engine.payment_terms import terms_of
from importing.engine.run import Options, import_files
from importing.formats import format_named
from importing.formats.table import format_of
from importing.guess.proposal import proposal
from ledger.accounts import accounts
from ledger.ageing import ageing_by
from ledger.errors import InputError
from ledger.known import day
from ledger.ledger import read_ledger
from ledger.settlement import settle

INVOICE_COLUMNS = {"invoice_id": "no", "customer_id": "cust", "issued_on": "date", "due_on": "due", "amount": "amt"}


def load(folder: Path, text: str | bytes, mapping: dict[str, Any], name: str = "x.csv") -> dict[str, Any]:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_files(
        format_of(mapping, "test"), [folder / name], folder / "l", Options(known_on=date(2024, 6, 30), currency="EUR")
    )


def tables(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    files = [folder / f"{name}.csv" for name in texts]
    import_files(format_named("table"), files, folder / "l", Options(known_on=date(2024, 6, 30)))
    return folder / "l"


@pytest.mark.parametrize(("text", "day_first", "read_as"), [
    ("05-JAN-24", True, "2024-01-05"), ("1-Apr-24", True, "2024-04-01"), ("05/Jan/24", True, "2024-01-05"),
    ("5. März 2024", True, "2024-03-05"), ("31-Mrz-24", True, "2024-03-31"), ("30 août 2024", True, "2024-08-30"),
    ("15 févr. 2024", True, "2024-02-15"), ("5 de enero de 2024", True, "2024-01-05"), ("12 out 2024", True, "2024-10-12"),
    ("05-dez-2024", True, "2024-12-05"), ("1 de abr. de 2024", True, "2024-04-01"), ("Jan 5, 2024", True, "2024-01-05"),
    ("2024年1月15日", True, "2024-01-15"), ("二〇二四年十二月三十一日", True, "2024-12-31"), ("٢٠٢٤-٠١-٠٥", True, "2024-01-05"),
    ("1/5/70", False, "1970-01-05"), ("1/5/69", False, "2069-01-05"), ("13 fooo 2024", True, "None"), ("2024-02-30", True, "None"),
])  # fmt: skip
def test_dates(text: str, day_first: bool, read_as: str) -> None:
    assert str(read_date(ascii_text(text), day_first).day) == read_as


@pytest.mark.parametrize(("text", "calendar", "read_as", "says"), [
    ("2567-01-05", None, "None", "Buddhist"), ("05/01/2567", "buddhist", "2024-01-05", None),
    ("113/01/05", None, "None", "Republic of China"), ("1130105", "roc", "2024-01-05", None),
    ("民國113年1月5日", "roc", "2024-01-05", None), ("令和6年1月5日", None, "None", "Japanese"),
])  # fmt: skip
def test_other_calendars_are_refused_unless_stated(
    text: str, calendar: str | None, read_as: str, says: str | None
) -> None:
    found = read_date(text, True, calendar)
    assert str(found.day) == read_as
    assert says is None or says in str(found.doubt)


@pytest.mark.parametrize(("text", "number"), [
    ("￥2000.00", 2000), ("3.5万", 35_000), ("CNY 1.2亿元", 120_000_000), ("1,234.50 Dr", 1234.5), ("1,234.50 Cr", -1234.5),
    ("CHF 1'000.-", 1000), ("R$ 1.234,56", ("1.234,56", 1)), ("(12.50)", -12.5), ("Rs. 1,23,456.00", 123_456), ("100 kr", 100),
    ("12k", None), ("12 pcs", None), ("abc", None), ("-", None),
])  # fmt: skip
def test_numbers(text: str, number: Any) -> None:
    found = bare_and_factor(ascii_text(text))
    if number is None or isinstance(number, tuple):
        assert found == number
    else:
        assert found is not None
        assert float(found[0].replace(",", "")) * found[1] == number


@pytest.mark.parametrize(("encoding", "text"), [
    ("gb18030", "客户编码,客户名称\n0001,重庆钢铁股份有限公司\n"), ("big5hkscs", "客戶,名稱\n1,台積電股份有限公司\n"),
    ("cp932", "no,name\n1,トヨタ自動車株式会社\n"), ("cp949", "no,name\n1,삼성전자 주식회사\n"), ("cp1251", "Клиент,Сумма\n1,ООО Ромашка\n"),
    ("cp1252", "Kunde,Fällig\n1,Müller & Söhne\n"), ("cp1250", "Klient,Kwota\n1,Łódź Żółty płatności\n"),
    ("cp1254", "Müşteri,Vade\n1,İstanbul Şirketi\n"), ("cp1253", "Πελάτης,Ποσό\n1,Αθήνα ΑΕ\n"), ("utf_16_le", "no,name\n1,José and more\n"),
])  # fmt: skip
def test_encodings(encoding: str, text: str) -> None:
    assert encoding_of(Path("x.csv"), text.encode(encoding), is_utf8=False) == encoding


TERMS = {
    "net 30": "2024-02-14", "2/10 net 60": "2024-03-15", "10 Tage 2% Skonto, 30 Tage netto": "2024-02-14",
    "30 days end of month": "2024-02-29", "EOM 30": "2024-03-01", "30 jours fin de mois": "2024-02-29", "月结60天": "2024-03-31",
    "15th of next month": "2024-02-15", "次月15日": "2024-02-15", "3 months": "2024-04-15", "due on receipt": "2024-01-15",
    "sofort": "2024-01-15",
}  # fmt: skip


def test_terms_in_words_are_computed_and_counted(tmp_path: Path) -> None:
    columns = {k: v for k, v in INVOICE_COLUMNS.items() if k != "due_on"} | {"payment_terms": "terms"}
    rows = "".join(f'{i:02d},acme,2024-01-15,"{words}",100\n' for i, words in enumerate(TERMS))
    report = load(tmp_path, "no,cust,date,terms,amt\n" + rows, {"invoices": {"columns": columns}})
    due = read_ledger(tmp_path / "l").invoices.sort_values("invoice_id")["due_on"]
    assert dict(zip(TERMS, due.dt.strftime("%F"), strict=True)) == TERMS
    assert [i["rows"] for i in report["inferred"] if "terms of payment in words" in i["what"]] == [12]
    assert terms_of("whenever") is None


def test_instalments_are_aged_by_their_own_due_dates(tmp_path: Path) -> None:
    book = read_ledger(tables(
        tmp_path,
        invoices="invoice_id,customer_id,kind,issued_on,due_on,amount,currency\na,acme,invoice,2024-01-01,2024-03-31,300,EUR\n",
        payments="payment_id,customer_id,invoice_id,paid_on,amount,currency,kind\np,acme,a,2024-05-01,1,EUR,payment\n",
        instalments="invoice_id,number,due_on,amount\na,1,2024-01-31,100\na,2,2024-03-01,100\na,3,2024-03-31,100\n",
    ))  # fmt: skip
    items = ageing_by(book, date(2024, 3, 15), "customer").items
    assert items["days_past_due"].tolist() == [44, 14, 0]
    assert items["open"].tolist() == [100, 100, 100]


def test_a_discount_settles_the_invoice_early(tmp_path: Path) -> None:
    book = read_ledger(tables(
        tmp_path,
        invoices="invoice_id,customer_id,kind,issued_on,due_on,amount,currency\na,acme,invoice,2024-01-01,2024-01-31,1000,EUR\n",
        payments="payment_id,customer_id,invoice_id,paid_on,amount,currency,kind\n"
        "p,acme,a,2024-01-10,980,EUR,payment\nd,acme,a,2024-01-10,20,EUR,discount\n",
    ))  # fmt: skip
    state = settle(book).at("2024-01-31").iloc[0]
    assert (state["closed_kind"], state["days_late"]) == ("paid", -21)


@pytest.mark.parametrize(("dishonoured", "on", "balance", "bills"), [
    ("", "2024-02-05", 0, 10_000), ("", "2024-08-05", 0, 0),
    ("r,acme,a,2024-08-05,10000,CNY,reversal,\n", "2024-08-05", 10_000, 0),  # open again
])  # fmt: skip
def test_a_bill_is_exposure_until_it_matures(
    tmp_path: Path, dishonoured: str, on: str, balance: float, bills: float
) -> None:
    book = read_ledger(tables(
        tmp_path,
        invoices="invoice_id,customer_id,kind,issued_on,due_on,amount,currency\na,acme,invoice,2024-01-01,2024-01-31,10000,CNY\n",
        payments="payment_id,customer_id,invoice_id,paid_on,amount,currency,kind,matures_on\n"
        "b,acme,a,2024-02-05,10000,CNY,bill,2024-08-05\n" + dishonoured,
    ))  # fmt: skip
    row = accounts(settle(book), ["acme"], day(on)).customers.iloc[0]
    assert (row["balance"], row["bills"], row["exposure"]) == (balance, bills, balance + bills)


@pytest.mark.parametrize(("paid", "method", "left"), [(95, "", 0), (105, "gain", 0)])
def test_exchange_differences_on_both_sides(tmp_path: Path, paid: float, method: str, left: int) -> None:
    book = read_ledger(tables(
        tmp_path,
        invoices="invoice_id,customer_id,kind,issued_on,due_on,amount,currency\na,acme,invoice,2024-01-01,2024-01-31,100,EUR\n",
        payments="payment_id,customer_id,invoice_id,paid_on,amount,currency,kind,method\n"
        f"p,acme,a,2024-01-20,{paid},EUR,payment,\nx,acme,a,2024-01-20,5,EUR,exchange_difference,{method}\n",
    ))  # fmt: skip
    state = settle(book).at("2024-02-01").iloc[0]
    assert (state["closed_kind"], state["document_open_cents"], state["document_excess_cents"]) == ("paid", left, 0)


def test_what_is_paid_on_a_credit_note_goes_back_to_the_customer(tmp_path: Path) -> None:
    mapping = {"invoices": {"columns": INVOICE_COLUMNS},
               "payments": {"same_rows_as": "invoices", "columns": {"paid_on": "paid", "amount": "paid_amt"}}}  # fmt: skip
    load(
        tmp_path,
        "no,cust,date,due,amt,paid,paid_amt\nc,acme,2024-01-05,,-30,2024-02-01,30\ni,acme,2024-01-05,2024-02-04,5,,\n",
        mapping,
    )
    book = read_ledger(tmp_path / "l")
    assert book.payments["kind"].tolist() == ["refund"]
    assert settle(book).unapplied_at("2024-02-01")["document_unapplied_cents"].tolist() == [0]


def test_a_status_column_tells_what_no_day_does(tmp_path: Path) -> None:
    status = {"column": "st", "paid": ["Paid"], "cancelled": ["Void"], "written_off": ["WO"], "protested": ["Prot"]}
    mapping = {"invoices": {"columns": INVOICE_COLUMNS, "status": status}, "payments": {"same_rows_as": "invoices"}}
    rows = "".join(
        f"{i},acme,2024-01-0{i},2024-02-0{i},100,{s}\n"
        for i, s in enumerate(("Paid", "Void", "WO", "Prot", "Open"), start=1)
    )
    report = load(tmp_path, "no,cust,date,due,amt,st\n" + rows, mapping)
    state = settle(read_ledger(tmp_path / "l")).at("2024-06-30").set_index("invoice_id")["closed_kind"]
    assert state.to_dict() == {"1": "undated", "3": "written_off", "4": "open", "5": "open"}
    assert report["reasons"][0]["reason"] == "st says that the document is cancelled"
    assert read_ledger(tmp_path / "l").events["kind"].tolist() == ["write_off", "payment_bounced"]


def test_units_and_what_the_mapping_states_of_reading(tmp_path: Path) -> None:
    mapping = {
        "invoices": {"columns": INVOICE_COLUMNS, "units": {"amount": "万"}},
        "reading": {"day_first": False, "decimal": ","},
    }
    load(tmp_path, 'no,cust,date,due,amt\na,acme,03/04/2024,04/05/2024,"1,5"\n', mapping)
    row = read_ledger(tmp_path / "l").invoices.iloc[0]
    assert (row["issued_on"], row["amount"]) == (pd.Timestamp("2024-03-04"), 15_000)


def test_a_second_sheet_and_an_unused_column_of_amounts_are_named_with_their_sums(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.active.append(["only words"])
    sheet = book.create_sheet("Open")
    sheet.append(["no", "cust", "date", "due", "amt", "tax"])
    sheet.append(["a", "acme", "2024-01-05", "2024-02-04", 100.5, 19.25])
    other = book.create_sheet("2023")
    other.append(["no", "amount"])
    other.append(["z", 70.25])
    book.save(tmp_path / "x.xlsx")
    report = import_files(
        format_of({"invoices": {"columns": INVOICE_COLUMNS}}, "test"), [tmp_path / "x.xlsx"], tmp_path / "l",
        Options(known_on=date(2024, 6, 30), currency="EUR"),
    )  # fmt: skip
    named = {item["what"]: item["sums"] for item in report["left_out"]}
    assert named["sheet '2023' of x.xlsx"] == {"amount": 70.25}
    assert named["column 'tax' of x.xlsx, which no field uses"] == {"tax": 19.25}
    assert read_ledger(tmp_path / "l").invoices["amount"].tolist() == [100.5]


@pytest.mark.parametrize(("headers", "amount"), [
    ("Rechnungsnummer;Kundennummer;Rechnungsdatum;Fälligkeitsdatum;MwSt;Bruttobetrag;Bezahlt am;Zahlbetrag", "Bruttobetrag"),
    ("Numéro de facture;Code client;Date de facture;Date d'échéance;TVA;Montant TTC;Date de paiement;Montant payé", "Montant TTC"),
    ("Número de factura;Cliente;Fecha de emisión;Fecha de vencimiento;IVA;Importe total;Fecha de pago;Importe pagado", "Importe total"),
    ("Nota fiscal;Código do cliente;Data de emissão;Data de vencimento;Imposto;Valor total;Data de pagamento;Valor pago", "Valor total"),
    ("Invoice No;Customer;Invoice Date;Due Date;VAT;Gross;Date Paid;Amount Paid", "Gross"),
    ("发票号码;客户编号;开票日期;到期日期;税额;价税合计;收款日期;已收金额", "价税合计"),
])  # fmt: skip
def test_the_guess_in_six_languages(tmp_path: Path, headers: str, amount: str) -> None:
    rows = "".join(
        f"R{i};K{i % 3};{5 + i:02d}.01.2024;{5 + i:02d}.02.2024;19,00;119,0{i};{'20.02.2024' if i < 3 else ''};{f'119,0{i}' if i < 3 else ''}\n"
        for i in range(6)
    )
    (tmp_path / "x.csv").write_text(headers + "\n" + rows, encoding="utf-8")
    text = proposal(tmp_path / "x.csv")
    names = headers.split(";")
    for column, header in zip(
        ("invoice_id", "customer_id", "issued_on", "due_on", "amount", "paid_on", "amount"),
        (*names[:4], amount, *names[6:]), strict=True,
    ):  # fmt: skip
        assert f'columns.{column} = "{header}"' in text
    assert (
        "357.12" in text or "357.03" in text
    )  # 119.03 + 119.04 + 119.05 stay open, 119.00 + 119.01 + 119.02 were paid


def test_the_guess_says_what_it_cannot_decide(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "invoice,customer,date,due,amount,total\na,c1,01/02/2024,01/02/2024,100.00,119.00\nb,c1,02/03/2024,02/03/2024,50.00,59.50\n"
    )
    text = proposal(tmp_path / "x.csv")
    assert "# undecided: the amount of the invoice: " in text
    assert "# undecided: day or month first" in text


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1001,5,2024-01-05,2024-02-04,100.00\n1002,5,2024-01-06,2024-02-05,50.00\n")
    with pytest.raises(InputError, match="no line names the columns"):
        proposal(tmp_path / "x.csv")
