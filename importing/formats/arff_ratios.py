"""Financial ratios with an outcome in ARFF (the Polish bankruptcy sets): ratios as attributes, the outcome as an event.

The sets hold no names and no dates. A customer is a data line, the ratios are attributes ratio_01 … ratio_64 observed
and known on 2007-12-31; a bankruptcy is an event of kind insolvency on 2008-12-31, one year on, which stands in for
the horizon that each set names (the 1year set: within five years). Both days are stand-ins and counted as inferred. A
ratio that is '?' is left out: missing, not 0. The ledger has no invoices and no payments.
"""

from __future__ import annotations

from importing.engine.format import FLAG, ID, NUMBER, Field, File, Format, Notice
from importing.engine.sql_file import queries_of

RATIOS = 64
OBSERVED_ON, OUTCOME_ON = "2007-12-31", "2008-12-31"

FIRMS = File(
    fields={
        "row_number": Field(names=("row",), type=ID, required=True, meaning="number of the data line: customer_id"),
        **{
            f"ratio_{i:02d}": Field(
                names=(f"Attr{i}",), type=NUMBER, required=True, optional_value=True, meaning=f"attribute ratio_{i:02d}"
            )
            for i in range(1, RATIOS + 1)
        },
        "is_bankrupt": Field(
            names=("class",), type=FLAG, required=True, meaning=f"an event insolvency on {OUTCOME_ON}"
        ),
    },
)

_VALUES = ", ".join(f"ratio_{i:02d}" for i in range(1, RATIOS + 1))

QUERIES = queries_of(__file__)

FORMAT = Format(
    name="arff-ratios",
    title="Financial ratios with an outcome (ARFF, Polish bankruptcy sets)",
    files={"firms": FIRMS},
    tables=QUERIES.tables,
    inferred=(
        Notice(
            words=f"days: the source has none; ratios on {OBSERVED_ON}, outcomes on {OUTCOME_ON}",
            sql="SELECT row_number FROM firms",
        ),
        Notice(words="country: the source has none, PL is taken", sql="SELECT row_number FROM firms"),
    ),
    noticed=(
        Notice(
            words="ratios that are missing ('?')",
            sql=f"SELECT row_number FROM (SELECT row_number, unnest([{_VALUES}]) AS v FROM firms) WHERE v IS NULL",
        ),
    ),
    traps=("'?' is missing, not 0", "no dates"),
)
