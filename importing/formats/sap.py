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
- A list saved as unconverted text (columns between |, rules of dashes, rows of totals that begin with *) is read as it is;
  where it has no column with the account, a line above the items names it (Debitor 4711).
- A credit without reference and clearing is unapplied cash. Special G/L items (UMSKZ) other than down payments (A) and
  bills (W) are refused.
"""

from __future__ import annotations

from importing.engine.format import File, Format, Notice
from importing.engine.oldest_first import oldest_first
from importing.engine.sql_file import queries_of
from importing.formats.sap_fields import ITEM_FIELDS, TERM_FIELDS

BILL = "W"  # special ledger indicator of a bill of exchange or bank acceptance draft
PAYMENT_TYPES = "('DZ', 'ZP', 'ZV', 'AB', 'ZA', 'ZE', 'EZ')"

ITEMS = File(
    fields=ITEM_FIELDS,
    group="customer_id",
    group_line=r"(?:Debitor(?:en)?|Kunden?|Kundennummer|Konto|Customer|Account|客户|账户|帐户)\s*(?:nr\.?|no\.?)?\s*[:：]?\s+(\S+).*",
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

TERMS = File(optional=True, informs=True, fields=TERM_FIELDS)

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
