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


def _id(document: str, year: str, position: str) -> str:
    return f"concat_ws('-', company, {year}, {document}, lpad(coalesce({position}, '1'), 3, '0'))"


CLASSED = f"""
    SELECT *, {_id("document", "year", "position")} AS item_id,
        CASE WHEN reference IS NOT NULL AND reference <> 'V'
             THEN {_id("reference", "coalesce(reference_year, year)", "reference_position")} END AS reference_id,
        CAST(round(abs(amount) * 100) AS BIGINT) AS cents,
        concat_ws('-', company, clearing) AS grp,
        greatest(coalesce(entered_on, posted_on), posted_on) AS known_on,
        CASE
            WHEN special = '{BILL}' AND NOT is_credit THEN 'bill'
            WHEN special IS NOT NULL THEN CASE WHEN special = 'A' AND is_credit THEN 'payment' ELSE 'other' END
            WHEN is_credit AND type IN {PAYMENT_TYPES} THEN 'payment'
            WHEN is_credit THEN 'credit_note'
            WHEN type IN {PAYMENT_TYPES} AND reference IS NOT NULL THEN 'residual'
            WHEN type IN {PAYMENT_TYPES} THEN 'debit_of_payment'
            ELSE 'invoice' END AS class
    FROM (SELECT * REPLACE (coalesce(days_1, t.net_days) AS days_1), t.net_days IS NOT NULL AND days_1 IS NULL AS has_table_days,
            t.fixed_day, t.more_months, coalesce(side IN ('H', 'C'), amount < 0) AS is_credit
          FROM items LEFT JOIN terms_days t ON t.key = items.terms)
"""
# One row a key of the terms table T052: its net days are the last that are given; a fixed day is of a later month.
TERMS_DAYS = """
    SELECT key, any_value(coalesce(nullif(days_3, 0), nullif(days_2, 0), days_1, 0)) AS net_days,
        any_value(nullif(coalesce(nullif(day_3, 0), nullif(day_2, 0), day_1), 0)) AS fixed_day,
        any_value(coalesce(nullif(months_3, 0), nullif(months_2, 0), months_1, 0)) AS more_months
    FROM terms_table WHERE reasons IS NULL AND key IS NOT NULL GROUP BY key
"""
# Bills: debits of the special ledger, each with the credit of the same document that it stands for.
BILLS = """
    SELECT b.item_id, b.company, b.document, b.clearing, b.cents, coalesce(b.net_due_on, b.baseline_on) AS matures_on,
        (SELECT arg_max(p.item_id, p.cents) FROM classed p WHERE p.class = 'payment' AND p.document = b.document
            AND p.company IS NOT DISTINCT FROM b.company AND p.cents >= b.cents) AS payment_id
    FROM classed b WHERE b.class = 'bill'
"""
# A debit of a document that clears a bill without money: the bill was dishonoured, its invoice is open again.
DISHONOURED = """
    SELECT d.item_id, any_value(a.invoice_id) AS invoice_id
    FROM classed d JOIN bills b ON b.clearing = d.document AND b.company IS NOT DISTINCT FROM d.company
    JOIN applied a ON a.credit_id = b.payment_id
    WHERE d.class IN ('debit_of_payment', 'invoice') AND d.special IS NULL AND d.cents = b.cents
    GROUP BY d.item_id HAVING count(DISTINCT a.invoice_id) = 1
"""
# A debit of a payment document whose number is a clearing of exactly one invoice is that invoice's residual too.
RESIDUALS = """
    SELECT r.item_id, coalesce(r.reference_id, c.only_id) AS parent_id, r.cents, r.grp, r.cleared_on, r.company,
        r.document,
        r.file, r.line
    FROM classed r LEFT JOIN (
        SELECT company, clearing, any_value(item_id) AS only_id FROM classed WHERE class = 'invoice'
            AND clearing IS NOT NULL
        GROUP BY company, clearing HAVING count(*) = 1
    ) c ON c.company IS NOT DISTINCT FROM r.company AND c.clearing = r.document
    WHERE r.class = 'residual' OR (r.class = 'debit_of_payment' AND c.only_id IS NOT NULL)
"""
ROOTS = """
    WITH RECURSIVE chain AS (
        SELECT item_id, parent_id AS root_id, 1 AS depth FROM residuals
        UNION ALL
        SELECT chain.item_id, residuals.parent_id, depth + 1 FROM chain JOIN residuals
            ON residuals.item_id = chain.root_id
        WHERE depth < 50
    )
    SELECT item_id, max_by(root_id, depth) AS root_id, max(depth) AS links FROM chain GROUP BY item_id
"""
# All debits that money can be for: invoices and residuals, each with the invoice that it belongs to in the end.
DEBITS = """
    SELECT i.item_id, i.item_id AS root_id, i.grp, i.clearing, i.cleared_on, i.cents, i.company, i.document_on AS ord,
        i.file, i.line, i.customer_id, i.currency
    FROM classed i WHERE class = 'invoice'
    UNION ALL
    SELECT r.item_id, t.root_id, c.grp, c.clearing, c.cleared_on, r.cents, c.company, c.document_on,
        r.file, r.line, c.customer_id, c.currency
    FROM residuals r JOIN roots t USING (item_id) JOIN classed c USING (item_id)
"""
# Within a clearing: a debit less what else cleared it: credit notes and partials that name it, its residual.
NEEDS = """
    SELECT d.grp, d.item_id AS key, d.ord,
        d.cents - coalesce(named.cents, 0) - coalesce(left_over.cents, 0) AS cents
    FROM debits d
    LEFT JOIN (SELECT reference_id, sum(cents) AS cents FROM classed WHERE class IN ('payment', 'credit_note')
               AND reference_id IS NOT NULL AND clearing IS NOT NULL GROUP BY 1) named ON named.reference_id = d.item_id
    LEFT JOIN (SELECT parent_id, sum(cents) AS cents FROM residuals GROUP BY 1) left_over
        ON left_over.parent_id = d.item_id
    WHERE d.clearing IS NOT NULL
"""
# Money of a payment document: the customer's credit less the residuals and debits that the same document posted.
POOL = """
    SELECT p.grp, p.item_id AS key, p.known_on AS ord, p.class, p.cents - coalesce(CASE WHEN p.nth = 1
        THEN back.cents END, 0) AS cents
    FROM (SELECT *, row_number() OVER (PARTITION BY company, document, grp ORDER BY cents DESC, item_id) AS nth
        FROM classed
          WHERE class IN ('payment', 'credit_note') AND reference_id IS NULL AND clearing IS NOT NULL) p
    LEFT JOIN (SELECT company, document, sum(cents) AS cents FROM residuals GROUP BY ALL) back
        ON p.class = 'payment' AND back.company IS NOT DISTINCT FROM p.company AND back.document = p.document
"""
CREDITS_FIRST = "SELECT grp, key, cents, (class <> 'credit_note', ord) AS ord FROM pool"
LAID = f"""
    SELECT a.need_key AS debit_id, a.pool_key AS credit_id, a.cents
        FROM
            ({oldest_first("SELECT * FROM needs", CREDITS_FIRST)}) a
    UNION ALL
    SELECT reference_id, item_id, cents FROM classed WHERE class IN ('payment', 'credit_note')
        AND reference_id IS NOT NULL
"""
APPLIED = """
    SELECT l.*, coalesce(t.root_id, l.debit_id) AS invoice_id, c.class, c.cleared_on, c.reference_id,
        row_number() OVER (PARTITION BY l.credit_id ORDER BY l.debit_id) AS nth, count(*) OVER (PARTITION BY
            l.credit_id) AS parts,
        c.file, c.line, c.customer_id, c.currency, c.posted_on, c.document_on, c.entered_on, c.known_on, c.type
    FROM laid l LEFT JOIN roots t ON t.item_id = l.debit_id JOIN classed c ON c.item_id = l.credit_id WHERE l.cents > 0
"""
# Credits and what of them found no invoice: unapplied cash, or a credit note without one. Residuals are no cash.
LEFT_OVER = """
    SELECT c.*, c.cents - coalesce(used.cents, 0) - coalesce(back.cents, 0) AS rest
    FROM classed c
    LEFT JOIN (SELECT credit_id, sum(cents) AS cents FROM laid GROUP BY 1) used ON used.credit_id = c.item_id
    LEFT JOIN (SELECT p.key, any_value(c2.cents) - any_value(p.cents) AS cents FROM pool p JOIN classed c2
        ON c2.item_id = p.key GROUP BY 1) back
        ON back.key = c.item_id
    WHERE c.class IN ('payment', 'credit_note')
"""
# Debits cleared in a clearing of which the export holds no credit at all.
ALONE = """
    SELECT n.key AS item_id, n.cents, d.root_id, d.cleared_on, d.file, d.line, d.customer_id, d.currency
    FROM needs n JOIN debits d ON d.item_id = n.key
    WHERE n.cents > 0 AND n.grp NOT IN (SELECT grp FROM classed WHERE class IN ('payment', 'credit_note')
        AND clearing IS NOT NULL)
"""

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

DUE = """CASE WHEN net_due_on IS NOT NULL THEN net_due_on
    WHEN class = 'credit_note' AND reference IS NULL THEN greatest(baseline_on, document_on)
    WHEN has_table_days AND fixed_day IS NOT NULL THEN CAST(least(last_day(CAST(baseline_on + to_months(more_months) AS DATE)),
        CAST(date_trunc('month', baseline_on + to_months(more_months)) + to_days(fixed_day - 1) AS DATE)) AS DATE)
    ELSE baseline_on + CAST(coalesce(nullif(days_3, 0), nullif(days_2, 0), days_1, 0) AS INTEGER) END"""

FORMAT = Format(
    name="sap",
    title="SAP FI customer line items (BSID, BSAD, FBL5N)",
    splits_documents=True,
    files={"items": ITEMS, "terms_table": TERMS},
    prepared={
        "terms_days": TERMS_DAYS,
        "classed": CLASSED,
        "residuals": RESIDUALS,
        "roots": ROOTS,
        "debits": DEBITS,
        "needs": NEEDS,
        "pool": POOL,
        "laid": LAID,
        "applied": APPLIED,
        "left_over": LEFT_OVER,
        "bills": BILLS,
        # what was paid, with the discount that was taken and the bill that was given for it
        "paid": """
            SELECT a.*, b.matures_on, CASE WHEN a.nth = 1 THEN least(a.cents,
                    CAST(round(coalesce(c.discount, 0) * 100) AS BIGINT)) ELSE 0 END AS taken
            FROM applied a JOIN classed c ON c.item_id = a.credit_id
            LEFT JOIN (SELECT payment_id, max(matures_on) AS matures_on FROM bills GROUP BY 1) b
                ON b.payment_id = a.credit_id
            WHERE a.class = 'payment'""",
        "dishonoured": DISHONOURED,
        "alone": ALONE,
    },
    tables={
        "customers": """
            SELECT NULL AS file, NULL AS line, true AS is_inferred, customer_id, mode(customer_name ORDER BY
                customer_name) AS name
            FROM items WHERE customer_id IS NOT NULL AND reasons IS NULL GROUP BY customer_id""",
        "invoices": f"""
            SELECT file, line, item_id AS invoice_id, customer_id, 'invoice' AS kind, document_on AS issued_on,
                {DUE} AS due_on,
                abs(amount) AS amount, currency, NULL AS applies_to, terms AS payment_terms, entered_on AS booked_on
            FROM classed WHERE class = 'invoice' AND item_id NOT IN (SELECT item_id FROM dishonoured)
            UNION ALL
            SELECT file, line, credit_id || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END, customer_id,
                'credit_note', document_on,
                document_on, cents / 100, currency, invoice_id, NULL,
                CASE WHEN reference_id IS NULL THEN greatest(entered_on, cleared_on) ELSE entered_on END
            FROM applied WHERE class = 'credit_note'
            UNION ALL
            SELECT file, line, item_id || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id,
                'credit_note', document_on,
                greatest(document_on, {DUE}), rest / 100, currency, NULL, terms, entered_on
            FROM left_over WHERE class = 'credit_note' AND (rest > 0 OR cents = 0)""",
        "payments": """
            SELECT file, line, credit_id || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END AS payment_id,
                customer_id, invoice_id,
                posted_on AS paid_on, (cents - taken) / 100 AS amount, currency, type AS method,
                CASE WHEN matures_on IS NULL THEN 'payment' ELSE 'bill' END AS kind, matures_on,
                CASE WHEN reference_id IS NULL THEN greatest(known_on, cleared_on) ELSE known_on END AS booked_on
            FROM paid WHERE cents > taken
            UNION ALL
            SELECT file, line, credit_id || CASE WHEN parts > 1 THEN '~' || nth ELSE '' END || ':discount', customer_id,
                invoice_id, posted_on, taken / 100, currency, type, 'discount', NULL,
                CASE WHEN reference_id IS NULL THEN greatest(known_on, cleared_on) ELSE known_on END
            FROM paid WHERE taken > 0
            UNION ALL
            SELECT file, line, item_id || CASE WHEN rest < cents THEN '~rest' ELSE '' END, customer_id, NULL,
                posted_on, rest / 100,
                currency, type, CASE WHEN matures_on IS NULL THEN 'payment' ELSE 'bill' END, matures_on, known_on
            FROM left_over LEFT JOIN (SELECT payment_id, max(matures_on) AS matures_on FROM bills GROUP BY 1) b
                ON b.payment_id = item_id WHERE class = 'payment' AND (rest > 0 OR cents = 0)
            UNION ALL
            SELECT file, line, item_id, customer_id, d.invoice_id, posted_on, abs(amount), currency, type, 'reversal',
                NULL, known_on
            FROM classed LEFT JOIN dishonoured d USING (item_id)
            WHERE (class = 'debit_of_payment' OR d.invoice_id IS NOT NULL) AND item_id NOT IN (SELECT item_id FROM residuals)
            UNION ALL
            SELECT file, line, item_id, customer_id, NULL, document_on, abs(amount), currency, type, 'bill',
                greatest(coalesce(net_due_on, baseline_on), document_on), known_on
            FROM classed WHERE class = 'bill' AND clearing IS NULL AND item_id IN (SELECT item_id FROM bills
                WHERE payment_id IS NULL)
            UNION ALL
            SELECT file, line, item_id || ':cleared', customer_id, root_id, cleared_on, cents / 100, currency,
                'clearing date', 'payment', NULL,
                cleared_on FROM alone""",
        "events": f"""
            SELECT file, line, item_id || ':dunned-' || dunning_level AS event_id, customer_id, item_id AS invoice_id,
                dunned_on AS occurred_on, 'dunning' AS kind,
                concat_ws(', ', 'level ' || dunning_level, 'block ' || dunning_block) AS detail
            FROM classed WHERE class = 'invoice' AND dunning_level > 0 AND dunned_on IS NOT NULL
            UNION ALL
            SELECT file, line, item_id || ':dispute-' || dispute, customer_id, item_id, disputed_on,
                'dispute_opened', 'case ' || dispute
            FROM classed WHERE class = 'invoice' AND dispute IS NOT NULL AND disputed_on IS NOT NULL
            UNION ALL BY NAME
            SELECT file, line, c.item_id || ':residual' AS event_id, customer_id, root_id AS invoice_id,
                posted_on AS occurred_on, 'residual' AS kind, cents / 100 AS amount,
                concat_ws(', ', 'residual item ' || c.item_id, 'due ' || due_on, 'terms ' || terms) AS detail,
                known_on AS booked_on
            FROM (SELECT *, {DUE} AS due_on FROM classed) c JOIN roots t ON t.item_id = c.item_id""",
    },
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
