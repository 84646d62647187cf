"""Name the columns of SAP line items: technical, short, medium and long headers in English, German and Chinese."""

from __future__ import annotations

from importing.engine.format import DATE, ID, INTEGER, NUMBER, TEXT, Field

ITEM_FIELDS = {
    # the item, its customer and its kind
    "company": Field(
        names=(
            "BUKRS", "Company Code", "CoCd", "CoCode", "Co. Code", "Buchungskreis", "BuKr", "BuKr.", "公司代码", "公司",
        ),
        type=ID, meaning="part of the item's id",
    ),
    "customer_id": Field(
        names=(
            "KUNNR", "Customer", "Account", "Customer Number", "Cust. No.", "Debitor", "Debitorennummer", "Kunde",
            "Kundennummer", "Konto", "客户", "客户编号", "客户代码", "账户", "帐户", "科目",
        ),
        type=ID, required=True, meaning="customer_id",
    ),
    "customer_name": Field(
        names=(
            "NAME1", "Customer Name", "Name 1", "Name", "Kundenname", "Name des Debitors", "客户名称", "名称 1",
            "名称",
        ),
        type=TEXT, meaning="customers.name",
    ),
    "document": Field(
        names=(
            "BELNR", "Document Number", "DocumentNo", "Document No.", "Doc. No.", "Belegnummer", "Belegnr.", "BelegNr",
            "凭证编号", "凭证号", "凭证号码", "会计凭证",
        ),
        type=ID, required=True, meaning="part of the item's id",
    ),
    "year": Field(
        names=(
            "GJAHR", "Fiscal Year", "Year", "Geschäftsjahr", "GJahr", "Jahr", "会计年度", "年度",
        ),
        type=ID, meaning="part of the item's id",
    ),
    "position": Field(
        names=(
            "BUZEI", "Line item", "Itm", "Item", "Buchungszeile", "Position", "Pos", "Pos.", "BuZei", "行项目", "项目",
        ),
        type=ID, meaning="part of the item's id",
    ),
    "type": Field(
        names=(
            "BLART", "Document Type", "Doc. Type", "Type", "Ty.", "Belegart", "BlArt", "Art", "凭证类型", "类型",
        ),
        type=TEXT, required=True, meaning="payment or credit note",
    ),
    "side": Field(
        names=(
            "SHKZG", "Debit/Credit ind", "Debit/Credit Indicator", "Debit/Credit", "D/C", "Soll/Haben-Kennzeichen",
            "Soll/Haben-Kennz.", "Soll/Haben", "S/H", "借方/贷方标识", "借/贷标识", "借贷标识",
            "借贷方标识",
        ),
        type=TEXT, meaning="S debit, H credit; without it the sign of the amount",
    ),
    "special": Field(
        names=(
            "UMSKZ", "Special G/L ind.", "Special G/L indicator", "Special G/L", "SG", "Sonderhauptbuchkennzeichen",
            "Sonderhauptb.Kennz.", "SHB-Kennz.", "SHB", "Sonderhauptbuch", "特殊总账标志", "特别总账标志",
            "特别总帐标志", "特殊总账标识",
        ),
        type=TEXT, meaning="A: down payment",
    ),
    # amounts
    "amount": Field(
        names=(
            "WRBTR", "Amount in doc. curr.", "Amount in document currency", "Amount in DC", "Amount doc. curr.", "Amount",
            "Betrag in Belegwährung", "Betrag in BW", "BetragBelegwähr", "Betrag Belegwährung", "凭证货币金额",
            "以凭证货币计的金额", "凭证货币计的金额", "凭证货币中的金额", "金额",
        ),
        type=NUMBER, required=True, meaning="amount",
    ),
    "currency": Field(
        names=(
            "WAERS", "Document currency", "Currency", "Curr.", "Crcy", "Belegwährung", "Währung", "Währg", "Waehrung",
            "BWähr", "凭证货币", "货币", "货币码",
        ),
        type=TEXT, required=True, meaning="currency",
    ),
    "discount": Field(
        names=(
            "WSKTO", "Cash discount amount", "Discount amount", "SKNTO", "Skontobetrag", "Skonto", "现金折扣金额",
        ),
        type=NUMBER, meaning="on a payment: the discount that was taken, payments of kind discount",
    ),
    # days
    "document_on": Field(
        names=(
            "BLDAT", "Document Date", "Doc. Date", "Doc.Date", "Belegdatum", "Belegdat.", "凭证日期", "单据日期",
        ),
        type=DATE, required=True, meaning="invoices.issued_on",
    ),
    "posted_on": Field(
        names=(
            "BUDAT", "Posting Date", "Pstng Date", "Post. Date", "Buchungsdatum", "Buch.dat.", "Buch.datum", "BuchDatum",
            "过账日期", "过帐日期", "记账日期",
        ),
        type=DATE, required=True, meaning="payments.paid_on",
    ),
    "entered_on": Field(
        names=(
            "CPUDT", "Entry Date", "Entered on", "Entry Dte", "Erfassungsdatum", "Erf.datum", "Erfaßt am", "Erfasst am",
            "输入日期", "录入日期", "输入日",
        ),
        type=DATE, meaning="booked_on",
    ),
    "baseline_on": Field(
        names=(
            "ZFBDT", "Baseline Payment Date", "Baseline Date", "Baseline Date for Due Date Calculation", "Bline date",
            "Bas. date", "Basisdatum", "Basisdatum für Fälligkeitsberechnung", "Basisdat.", "Zahlungsfristbasisdatum",
            "基准日期", "付款基准日期", "到期日计算的基准日期", "基线日期",
        ),
        type=DATE, meaning="start of the terms",
    ),
    "net_due_on": Field(
        names=(
            "FAEDT", "Net due date", "Net due dt", "Due Date", "Due on", "Nettofälligkeit", "Nettofälligkeitsdatum",
            "Nettofäll.", "Netto fällig am", "Fälligkeit", "净到期日", "净值到期日", "净到期日期",
            "到期日", "到期日期",
        ),
        type=DATE, meaning="invoices.due_on, where given",
    ),
    "cleared_on": Field(
        names=(
            "AUGDT", "Clearing date", "Clearing", "Clrng date", "Ausgleichsdatum", "Ausgleich", "Ausgl.dat.", "Ausgl.datum",
            "清帐日期", "清账日期", "结清日期", "清算日期",
        ),
        type=DATE, meaning="day of the clearing",
    ),
    # terms
    "terms": Field(
        names=(
            "ZTERM", "Payment terms", "Terms of payment", "Payt terms", "PayT", "Zahlungsbedingung", "Zahlungsbedingungen",
            "ZahlBed", "ZBed", "付款条件", "付款条款", "收付条件",
        ),
        type=TEXT, meaning="invoices.payment_terms",
    ),
    "days_1": Field(
        names=(
            "ZBD1T", "Days 1", "Cash Discount Days 1", "Tage 1", "Skontotage 1", "天数 1", "天数1",
        ),
        type=INTEGER, meaning="days of the terms",
    ),
    "days_2": Field(
        names=(
            "ZBD2T", "Days 2", "Cash Discount Days 2", "Tage 2", "Skontotage 2", "天数 2", "天数2",
        ),
        type=INTEGER, meaning="days of the terms",
    ),
    "days_3": Field(
        names=(
            "ZBD3T", "Days net", "Days 3", "Net Payment Terms Period", "Tage netto", "Nettotage", "Nettofrist", "Tage 3",
            "净天数", "天数 3", "天数3",
        ),
        type=INTEGER, meaning="days of the terms",
    ),
    # links
    "clearing": Field(
        names=(
            "AUGBL", "Clearing Document", "Clrng doc.", "Clearing Doc.", "Ausgleichsbeleg", "AusglBeleg", "Ausgl.bel.",
            "清帐凭证", "清账凭证", "结清凭证", "清算凭证",
        ),
        type=ID, meaning="the clearing document",
    ),
    "reference": Field(
        names=(
            "REBZG", "Invoice reference", "Inv. ref.", "Invoice Ref.", "Rechnungsbezug", "Rechn.bezug", "Rechn.bez",
            "发票参考", "参考发票", "发票参照",
        ),
        type=ID, meaning="the invoice it belongs to",
    ),
    "reference_year": Field(
        names=(
            "REBZJ", "Fiscal Year of the Relevant Invoice", "Jahr des Rechnungsbezugs", "相关发票的会计年度",
        ),
        type=ID, meaning="its year",
    ),
    "reference_position": Field(
        names=(
            "REBZZ", "Line Item in the Relevant Invoice", "Position des Rechnungsbezugs", "相关发票的行项目",
        ),
        type=ID, meaning="its line",
    ),
    # dunning and disputes
    "dunning_level": Field(
        names=(
            "MANST", "Dunning level", "Dunn. level", "Mahnstufe", "MahnSt", "催款级别", "催款级",
        ),
        type=INTEGER, meaning="an event dunning",
    ),
    "dunned_on": Field(
        names=(
            "MADAT", "Last dunned", "Last dunning notice", "Letzte Mahnung", "Letztes Mahndatum", "上次催款日期",
            "最近催款",
        ),
        type=DATE, meaning="its day",
    ),
    "dunning_block": Field(names=("MANSP", "Dunning block", "Mahnsperre", "催款冻结"), type=TEXT, meaning="events.detail"),
    "dispute": Field(names=("CASE_GUID", "Dispute case", "Case ID"), type=ID, meaning="an event dispute_opened"),
    "disputed_on": Field(names=("Dispute created on", "Case created on"), type=DATE, meaning="its day"),
}  # fmt: skip
TERM_FIELDS = {
    "key": Field(
        names=(
            "ZTERM", "Payment terms", "Zahlungsbedingung", "付款条件",
        ),
        type=TEXT, required=True, meaning="the key",
    ),
    "days_1": Field(
        names=(
            "ZTAG1", "Days 1", "Tage 1",
        ),
        type=INTEGER, required=True, optional_value=True, meaning="days",
    ),
    "days_2": Field(names=("ZTAG2", "Days 2", "Tage 2"), type=INTEGER, meaning="days"),
    "days_3": Field(names=("ZTAG3", "Days 3", "Tage 3"), type=INTEGER, meaning="days"),
    "day_1": Field(names=("ZSTG1", "Fixed day 1"), type=INTEGER, meaning="fixed day of a month"),
    "day_2": Field(names=("ZSTG2", "Fixed day 2"), type=INTEGER, meaning="fixed day of a month"),
    "day_3": Field(names=("ZSTG3", "Fixed day 3"), type=INTEGER, meaning="fixed day of a month"),
    "months_1": Field(names=("ZSMN1", "Months 1"), type=INTEGER, meaning="months later"),
    "months_2": Field(names=("ZSMN2", "Months 2"), type=INTEGER, meaning="months later"),
    "months_3": Field(names=("ZSMN3", "Months 3"), type=INTEGER, meaning="months later"),
}  # fmt: skip
