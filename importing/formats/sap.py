"""SAP customer line items: BSID (open) and BSAD (cleared), or an FBL5N list with either technical or English headings.

Debits (SHKZG S) are invoices, credits (H) payments (BLART DZ, ZP, ZV, AB, …) or credit notes (all others). An item is
BUKRS-GJAHR-BELNR-BUZEI. What is due: ZFBDT plus the last of ZBD3T, ZBD2T, ZBD1T that is not 0; a credit memo without an
invoice reference is due on ZFBDT. CPUDT is the day on which the books first held an item.

- A *partial payment* is a credit that names its invoice (REBZG, REBZJ, REBZZ): a payment row, the invoice stays open.
- A *residual item* is a debit of a payment document that names an invoice (REBZG) or was posted by its clearing. SAP
  clears the invoice in full; it was not paid in full. The residual carries the invoice on: only the money that came
  is a payment, what clears the residual later pays the same invoice, along the whole chain of residuals. So the
  invoice is settled on the day on which the last residual is, and days late are what the customer really took, counted
  from the invoice's own due date: a new document is no new term. What SAP gives the residual (its number, amount, due
  date, terms) is kept as an event `residual` of the invoice, which the timeline shows and no balance counts.
- A *clearing* (AUGBL, AUGDT) joins debits and credits of one clearing document. Credits without a reference are laid
  on its invoices, oldest due first; they count from the later of entry and clearing, since until then the books did
  not link them. A credit note that clears an invoice is a credit note and no payment.
- An invoice cleared in an export that holds no credit item of its clearing at all is taken as paid on AUGDT, counted
  as inferred.
- A *bill* (UMSKZ W) given for an invoice makes the payment of its document a payment of kind `bill`, which matures on
  its due date; a bill that is cleared by a debit of the same amount was dishonoured, and its invoice is open again.
- A *discount* taken (WSKTO, SKNTO of a payment) is a payment of kind `discount`.
- Terms without days (a key in ZTERM, no ZBD1T to ZBD3T, no net due date) need the table T052 among the sources; without it
  such items are quarantined, never due on the baseline day.
- A credit without reference and clearing is unapplied cash. Special G/L items (UMSKZ) other than down payments (A) and
  bills (W) are refused.
"""

from __future__ import annotations

from importing.engine.format import DATE, ID, INTEGER, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.oldest_first import oldest_first
from importing.engine.sql_file import queries_of

BILL = "W"  # special ledger indicator of a bill of exchange or bank acceptance draft
PAYMENT_TYPES = "('DZ', 'ZP', 'ZV', 'AB', 'ZA', 'ZE', 'EZ')"

ITEMS = File(
    fields={
        "company": Field(
            names=(
                "BUKRS",
                "Company Code",
                "CoCd",
                "CoCode",
                "Co. Code",
                "Buchungskreis",
                "BuKr",
                "BuKr.",
                "公司代码",
                "公司",
            ),
            type=ID,
            meaning="part of the item's id",
        ),
        "customer_id": Field(
            names=(
                "KUNNR",
                "Customer",
                "Account",
                "Customer Number",
                "Cust. No.",
                "Debitor",
                "Debitorennummer",
                "Kunde",
                "Kundennummer",
                "Konto",
                "客户",
                "客户编号",
                "客户代码",
                "账户",
                "帐户",
                "科目",
            ),
            type=ID,
            required=True,
            meaning="customer_id",
        ),
        "customer_name": Field(
            names=(
                "NAME1",
                "Customer Name",
                "Name 1",
                "Name",
                "Kundenname",
                "Name des Debitors",
                "客户名称",
                "名称 1",
                "名称",
            ),
            type=TEXT,
            meaning="customers.name",
        ),
        "document": Field(
            names=(
                "BELNR",
                "Document Number",
                "DocumentNo",
                "Document No.",
                "Doc. No.",
                "Belegnummer",
                "Belegnr.",
                "BelegNr",
                "凭证编号",
                "凭证号",
                "凭证号码",
                "会计凭证",
            ),
            type=ID,
            required=True,
            meaning="part of the item's id",
        ),
        "year": Field(
            names=("GJAHR", "Fiscal Year", "Year", "Geschäftsjahr", "GJahr", "Jahr", "会计年度", "年度"),
            type=ID,
            meaning="part of the item's id",
        ),
        "position": Field(
            names=(
                "BUZEI",
                "Line item",
                "Itm",
                "Item",
                "Buchungszeile",
                "Position",
                "Pos",
                "Pos.",
                "BuZei",
                "行项目",
                "项目",
            ),
            type=ID,
            meaning="part of the item's id",
        ),
        "type": Field(
            names=(
                "BLART",
                "Document Type",
                "Doc. Type",
                "Type",
                "Ty.",
                "Belegart",
                "BlArt",
                "Art",
                "凭证类型",
                "类型",
            ),
            type=TEXT,
            required=True,
            meaning="payment or credit note",
        ),
        "side": Field(
            names=(
                "SHKZG",
                "Debit/Credit ind",
                "Debit/Credit Indicator",
                "Debit/Credit",
                "D/C",
                "Soll/Haben-Kennzeichen",
                "Soll/Haben-Kennz.",
                "Soll/Haben",
                "S/H",
                "借方/贷方标识",
                "借/贷标识",
                "借贷标识",
                "借贷方标识",
            ),
            type=TEXT,
            meaning="S debit, H credit; without it the sign of the amount",
        ),
        "amount": Field(
            names=(
                "WRBTR",
                "Amount in doc. curr.",
                "Amount in document currency",
                "Amount in DC",
                "Amount doc. curr.",
                "Amount",
                "Betrag in Belegwährung",
                "Betrag in BW",
                "BetragBelegwähr",
                "Betrag Belegwährung",
                "凭证货币金额",
                "以凭证货币计的金额",
                "凭证货币计的金额",
                "凭证货币中的金额",
                "金额",
            ),
            type=NUMBER,
            required=True,
            meaning="amount",
        ),
        "currency": Field(
            names=(
                "WAERS",
                "Document currency",
                "Currency",
                "Curr.",
                "Crcy",
                "Belegwährung",
                "Währung",
                "Währg",
                "Waehrung",
                "BWähr",
                "凭证货币",
                "货币",
                "货币码",
            ),
            type=TEXT,
            required=True,
            meaning="currency",
        ),
        "document_on": Field(
            names=(
                "BLDAT",
                "Document Date",
                "Doc. Date",
                "Doc.Date",
                "Belegdatum",
                "Belegdat.",
                "凭证日期",
                "单据日期",
            ),
            type=DATE,
            required=True,
            meaning="invoices.issued_on",
        ),
        "posted_on": Field(
            names=(
                "BUDAT",
                "Posting Date",
                "Pstng Date",
                "Post. Date",
                "Buchungsdatum",
                "Buch.dat.",
                "Buch.datum",
                "BuchDatum",
                "过账日期",
                "过帐日期",
                "记账日期",
            ),
            type=DATE,
            required=True,
            meaning="payments.paid_on",
        ),
        "entered_on": Field(
            names=(
                "CPUDT",
                "Entry Date",
                "Entered on",
                "Entry Dte",
                "Erfassungsdatum",
                "Erf.datum",
                "Erfaßt am",
                "Erfasst am",
                "输入日期",
                "录入日期",
                "输入日",
            ),
            type=DATE,
            meaning="booked_on",
        ),
        "baseline_on": Field(
            names=(
                "ZFBDT",
                "Baseline Payment Date",
                "Baseline Date",
                "Baseline Date for Due Date Calculation",
                "Bline date",
                "Bas. date",
                "Basisdatum",
                "Basisdatum für Fälligkeitsberechnung",
                "Basisdat.",
                "Zahlungsfristbasisdatum",
                "基准日期",
                "付款基准日期",
                "到期日计算的基准日期",
                "基线日期",
            ),
            type=DATE,
            meaning="start of the terms",
        ),
        "net_due_on": Field(
            names=(
                "FAEDT",
                "Net due date",
                "Net due dt",
                "Due Date",
                "Due on",
                "Nettofälligkeit",
                "Nettofälligkeitsdatum",
                "Nettofäll.",
                "Netto fällig am",
                "Fälligkeit",
                "净到期日",
                "净值到期日",
                "净到期日期",
                "到期日",
                "到期日期",
            ),
            type=DATE,
            meaning="invoices.due_on, where given",
        ),
        "terms": Field(
            names=(
                "ZTERM",
                "Payment terms",
                "Terms of payment",
                "Payt terms",
                "PayT",
                "Zahlungsbedingung",
                "Zahlungsbedingungen",
                "ZahlBed",
                "ZBed",
                "付款条件",
                "付款条款",
                "收付条件",
            ),
            type=TEXT,
            meaning="invoices.payment_terms",
        ),
        "days_1": Field(
            names=("ZBD1T", "Days 1", "Cash Discount Days 1", "Tage 1", "Skontotage 1", "天数 1", "天数1"),
            type=INTEGER,
            meaning="days of the terms",
        ),
        "days_2": Field(
            names=("ZBD2T", "Days 2", "Cash Discount Days 2", "Tage 2", "Skontotage 2", "天数 2", "天数2"),
            type=INTEGER,
            meaning="days of the terms",
        ),
        "days_3": Field(
            names=(
                "ZBD3T",
                "Days net",
                "Days 3",
                "Net Payment Terms Period",
                "Tage netto",
                "Nettotage",
                "Nettofrist",
                "Tage 3",
                "净天数",
                "天数 3",
                "天数3",
            ),
            type=INTEGER,
            meaning="days of the terms",
        ),
        "cleared_on": Field(
            names=(
                "AUGDT",
                "Clearing date",
                "Clearing",
                "Clrng date",
                "Ausgleichsdatum",
                "Ausgleich",
                "Ausgl.dat.",
                "Ausgl.datum",
                "清帐日期",
                "清账日期",
                "结清日期",
                "清算日期",
            ),
            type=DATE,
            meaning="day of the clearing",
        ),
        "clearing": Field(
            names=(
                "AUGBL",
                "Clearing Document",
                "Clrng doc.",
                "Clearing Doc.",
                "Ausgleichsbeleg",
                "AusglBeleg",
                "Ausgl.bel.",
                "清帐凭证",
                "清账凭证",
                "结清凭证",
                "清算凭证",
            ),
            type=ID,
            meaning="the clearing document",
        ),
        "reference": Field(
            names=(
                "REBZG",
                "Invoice reference",
                "Inv. ref.",
                "Invoice Ref.",
                "Rechnungsbezug",
                "Rechn.bezug",
                "Rechn.bez",
                "发票参考",
                "参考发票",
                "发票参照",
            ),
            type=ID,
            meaning="the invoice it belongs to",
        ),
        "reference_year": Field(
            names=("REBZJ", "Fiscal Year of the Relevant Invoice", "Jahr des Rechnungsbezugs", "相关发票的会计年度"),
            type=ID,
            meaning="its year",
        ),
        "reference_position": Field(
            names=("REBZZ", "Line Item in the Relevant Invoice", "Position des Rechnungsbezugs", "相关发票的行项目"),
            type=ID,
            meaning="its line",
        ),
        "special": Field(
            names=(
                "UMSKZ",
                "Special G/L ind.",
                "Special G/L indicator",
                "Special G/L",
                "SG",
                "Sonderhauptbuchkennzeichen",
                "Sonderhauptb.Kennz.",
                "SHB-Kennz.",
                "SHB",
                "Sonderhauptbuch",
                "特殊总账标志",
                "特别总账标志",
                "特别总帐标志",
                "特殊总账标识",
            ),
            type=TEXT,
            meaning="A: down payment",
        ),
        "dunning_level": Field(
            names=("MANST", "Dunning level", "Dunn. level", "Mahnstufe", "MahnSt", "催款级别", "催款级"),
            type=INTEGER,
            meaning="an event dunning",
        ),
        "dunned_on": Field(
            names=(
                "MADAT",
                "Last dunned",
                "Last dunning notice",
                "Letzte Mahnung",
                "Letztes Mahndatum",
                "上次催款日期",
                "最近催款",
            ),
            type=DATE,
            meaning="its day",
        ),
        "dunning_block": Field(
            names=("MANSP", "Dunning block", "Mahnsperre", "催款冻结"), type=TEXT, meaning="events.detail"
        ),
        "discount": Field(
            names=(
                "WSKTO",
                "Cash discount amount",
                "Discount amount",
                "SKNTO",
                "Skontobetrag",
                "Skonto",
                "现金折扣金额",
            ),
            type=NUMBER,
            meaning="on a payment: the discount that was taken, payments of kind discount",
        ),
        "dispute": Field(names=("CASE_GUID", "Dispute case", "Case ID"), type=ID, meaning="an event dispute_opened"),
        "disputed_on": Field(names=("Dispute created on", "Case created on"), type=DATE, meaning="its day"),
    },
    refuse=(
        ("side IS NOT NULL AND side NOT IN ('S', 'H', 'D', 'C')", "SHKZG is neither S nor H"),
        (
            f"special IS NOT NULL AND special NOT IN ('A', '{BILL}')",
            "a special G/L item (guarantee, bill request, …), not a receivable of its own",
        ),
        (
            f"special IS NULL AND NOT coalesce(side IN ('H', 'C'), amount < 0) AND type NOT IN {PAYMENT_TYPES} AND "
            "net_due_on IS NULL AND coalesce(days_1, days_2, days_3) IS NULL AND (terms IS NULL OR terms NOT IN (SELECT key "
            "FROM terms_table WHERE key IS NOT NULL))",
            "no due date, and no days of the terms (ZBD1T to ZBD3T): export them, or add table T052 to the sources",
        ),
        (
            "special = 'A' AND (side IN ('S', 'D') OR (side IS NULL AND amount > 0))",
            "a down payment request, not a receivable",
        ),
        ("cleared_on IS NOT NULL AND clearing IS NULL", "AUGDT without AUGBL"),
    ),
    informs=True,
)


CREDITS_FIRST = "SELECT grp, key, cents, (class <> 'credit_note', ord) AS ord FROM pool"

TERMS = File(
    optional=True,
    informs=True,
    fields={
        "key": Field(
            names=("ZTERM", "Payment terms", "Zahlungsbedingung", "付款条件"),
            type=TEXT,
            required=True,
            meaning="the key",
        ),
        "days_1": Field(
            names=("ZTAG1", "Days 1", "Tage 1"), type=INTEGER, required=True, optional_value=True, meaning="days"
        ),
        "days_2": Field(names=("ZTAG2", "Days 2", "Tage 2"), type=INTEGER, meaning="days"),
        "days_3": Field(names=("ZTAG3", "Days 3", "Tage 3"), type=INTEGER, meaning="days"),
        "day_1": Field(names=("ZSTG1", "Fixed day 1"), type=INTEGER, meaning="fixed day of a month"),
        "day_2": Field(names=("ZSTG2", "Fixed day 2"), type=INTEGER, meaning="fixed day of a month"),
        "day_3": Field(names=("ZSTG3", "Fixed day 3"), type=INTEGER, meaning="fixed day of a month"),
        "months_1": Field(names=("ZSMN1", "Months 1"), type=INTEGER, meaning="months later"),
        "months_2": Field(names=("ZSMN2", "Months 2"), type=INTEGER, meaning="months later"),
        "months_3": Field(names=("ZSMN3", "Months 3"), type=INTEGER, meaning="months later"),
    },
)


QUERIES = queries_of(__file__, OLDEST_FIRST=oldest_first("SELECT * FROM needs", CREDITS_FIRST))

FORMAT = Format(
    name="sap",
    title="SAP FI customer line items (BSID, BSAD, FBL5N)",
    splits_documents=True,
    files={"items": ITEMS, "terms_table": TERMS},
    prepared=QUERIES.prepared,
    tables=QUERIES.tables,
    # an invoice taken as paid on AUGDT, until an export holds the credit that cleared it
    withdrawn={"payments": "payment_id IN (SELECT item_id || ':cleared' FROM classed)"},
    inferred=(
        Notice(
            words="due dates computed from ZFBDT and the days of the terms",
            sql="SELECT item_id FROM classed WHERE class = 'invoice' AND net_due_on IS NULL AND baseline_on IS NOT "
            "NULL",
        ),
        Notice(
            words="credits without a reference laid on their clearing's invoices, oldest first",
            sql="SELECT credit_id FROM applied WHERE reference_id IS NULL",
        ),
        Notice(
            words="invoices whose clearing has no credit item in the export, taken as paid on AUGDT",
            sql="SELECT item_id FROM alone",
        ),
    ),
    noticed=(
        Notice(
            words="bills of exchange and acceptance drafts (UMSKZ W): exposure until they mature",
            sql="SELECT item_id FROM bills",
        ),
        Notice(
            words="residual items: not paid; they carry their invoice on, their own due dates stand in events",
            sql="SELECT item_id FROM residuals",
        ),
        Notice(
            words="debits cleared for more than the credits of their clearing: the difference stays open",
            sql="SELECT n.key FROM needs n LEFT JOIN (SELECT debit_id, sum(cents) AS cents FROM applied WHERE "
            "reference_id IS NULL GROUP BY 1) a "
            "ON a.debit_id = n.key WHERE n.cents - coalesce(a.cents, 0) > 0 AND n.key NOT IN (SELECT item_id "
            "FROM alone)",
        ),
        Notice(
            words="dunning levels or disputes without a day: no event",
            sql="SELECT item_id FROM classed WHERE "
            "class = 'invoice' "
            "AND ((dunning_level > 0 AND dunned_on IS NULL) OR (dispute IS NOT NULL AND disputed_on IS NULL))",
        ),
    ),
    traps=(
        "residual against partial payments",
        "credit notes set a clearing date",
        "SHKZG or the sign",
        "terms in ZBD1T to ZBD3T",
        "payments entered weeks late (CPUDT)",
        "special G/L items",
    ),
)
