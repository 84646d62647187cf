"""Financial ratios with an outcome in ARFF (the Polish bankruptcy sets): ratios as attributes, the outcome as an event.

The sets hold no names and no dates. A customer is a data line, the ratios are attributes ratio_01 … ratio_64 observed
and known on 2007-12-31; a bankruptcy is an event of kind insolvency on 2008-12-31, one year on, which stands in for
the horizon that each set names (the 1year set: within five years). Both days are stand-ins and counted as inferred. A
ratio that is '?' is left out: missing, not 0. The ledger has no invoices and no payments.
"""

from __future__ import annotations

from importing.engine.format import FLAG, ID, NUMBER, Field, File, Format, Notice

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

_NAMES = ", ".join(f"'ratio_{i:02d}'" for i in range(1, RATIOS + 1))
_VALUES = ", ".join(f"ratio_{i:02d}" for i in range(1, RATIOS + 1))
_ID = "'firm-' || lpad(row_number, 5, '0')"

FORMAT = Format(
    name="arff-ratios",
    title="Financial ratios with an outcome (ARFF, Polish bankruptcy sets)",
    files={"firms": FIRMS},
    tables={
        "customers": f"SELECT file, line, {_ID} AS customer_id, 'PL' AS country, false AS is_natural_person FROM firms",
        "attributes": f"""
            SELECT file, line, customer_id, name, DATE '{OBSERVED_ON}' AS observed_on, CAST(value AS VARCHAR) AS value
            FROM (SELECT file, line, {_ID} AS customer_id, unnest([{_NAMES}]) AS name, unnest([{_VALUES}]) AS value
                FROM firms)
            WHERE value IS NOT NULL""",
        "events": f"""
            SELECT file, line, {_ID} || ':outcome' AS event_id, {_ID} AS customer_id, DATE '{OUTCOME_ON}' AS
                occurred_on,
                'insolvency' AS kind, 'class 1: the label of the set' AS detail FROM firms WHERE is_bankrupt""",
    },
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
