"""UCI 'default of credit card clients': six monthly statements of a consumer's card as a ledger, in New Taiwan dollars.

A statement with a balance above 0 becomes an invoice, issued on the last day of its month and due 20 days later. What
was paid in a month pays the statement of the month before; what is left of that statement is carried into the next
one by a netting on the next statement's day, so the open balance is the last statement's and not the sum of six. A
payment before the first statement in the file is unapplied cash. The set's own repayment status (-2 nothing bought,
-1 paid in full, 0 revolving, n months late) and the signed balance are dated attributes, known on the last day of
their month; the limit is in credit_terms.

The set's label, default in the month after the last statement, is an event of kind write_off on that month's last day,
without an amount: features as of 2005-09-30 cannot see it, and the label code can. SEX, EDUCATION, MARRIAGE and
AGE are not mapped and so never reach the ledger.
"""

from __future__ import annotations

from importing.engine.format import FLAG, ID, INTEGER, NUMBER, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

# statement 1 is the latest; the day is its month's last
MONTHS = {1: "2005-09-30", 2: "2005-08-31", 3: "2005-07-31", 4: "2005-06-30", 5: "2005-05-31", 6: "2005-04-30"}
OUTCOME_ON = "2005-10-31"
DUE_DAYS = 20

CARDS = File(
    fields={
        "customer_id": Field(names=("ID",), type=ID, required=True, meaning="customer_id"),
        "credit_limit": Field(names=("LIMIT_BAL",), type=NUMBER, required=True, meaning="credit_terms.credit_limit"),
        **{
            f"status_{i}": Field(
                names=("PAY_0", "PAY_1") if i == 1 else (f"PAY_{i}",),
                type=INTEGER,
                required=True,
                meaning=f"attribute repayment_status on {day}",
            )
            for i, day in MONTHS.items()
        },
        **{
            f"balance_{i}": Field(
                names=(f"BILL_AMT{i}",),
                type=NUMBER,
                required=True,
                meaning=f"statement of {day}: an invoice where above 0; attribute statement_balance",
            )
            for i, day in MONTHS.items()
        },
        **{
            f"paid_{i}": Field(
                names=(f"PAY_AMT{i}",),
                type=NUMBER,
                required=True,
                meaning=f"paid in the month of {day}, for the statement before",
            )
            for i, day in MONTHS.items()
        },
        "has_defaulted": Field(
            names=("default payment next month", "default.payment.next.month"),
            type=FLAG,
            required=True,
            optional_value=True,
            meaning=f"an event write_off on {OUTCOME_ON}",
        ),
    },
    refuse=tuple((f"paid_{i} < 0", f"PAY_AMT{i} is negative") for i in MONTHS),
)


QUERIES = queries_of(__file__)

FORMAT = Format(
    name="uci-card",
    title="UCI default of credit card clients (Taiwan, 2005)",
    currency="TWD",
    files={"cards": CARDS},
    prepared=QUERIES.prepared,
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words="currency: the source has none, the format's (or --currency) is taken",
            sql="SELECT customer_id FROM cards",
        ),
        Notice(
            words=f"days: the source names months; statements on the last day, due {DUE_DAYS} days later, payments "
            f"on the 20th",
            sql="SELECT invoice_id FROM statements",
        ),
        Notice(
            words="remainders carried from one statement into the next (netting)",
            sql="SELECT invoice_id FROM months WHERE carried > 0",
        ),
    ),
    noticed=(
        Notice(
            words="statements without a balance to pay (0 or a credit): no invoice, kept as attribute",
            sql="SELECT invoice_id FROM statements WHERE balance <= 0",
        ),
    ),
    traps=(
        "a statement's balance includes the one before",
        "the label must not be visible before its month",
        "protected columns beside the rest",
    ),
)
