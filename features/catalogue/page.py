"""The catalogue as a page: `python -m features.catalogue.page` writes CATALOGUE.md from the declarations."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from features.catalogue import CATALOGUE
from features.language import Column, Feature, Level, Missing, Node, Risk, Rows

SIGNS = {
    "add": "+",
    "sub": "-",
    "mul": "·",
    "gt": ">",
    "ge": "≥",
    "lt": "<",
    "le": "≤",
    "eq": "=",
    "and": "and",
    "or": "or",
}
RISKS = {Risk.RISES: "rises", Risk.FALLS: "falls", Risk.NONE: "–"}
MISSING = {
    Missing.NO_HISTORY: "no history",
    Missing.NOT_REPORTED: "not reported",
    Missing.NOT_APPLICABLE: "not applicable",
}
PAGE = Path(__file__).with_name("CATALOGUE.md")


def page() -> str:
    """Return CATALOGUE.md: every feature by family with unit, direction, meaning, formula, missing value and
    reasons.
    """
    columns = CATALOGUE.columns()
    of_customers = sum(c.level is Level.CUSTOMER for c in columns)
    lines = [
        "# Catalogue of features",
        "",
        f"{len(CATALOGUE.features)} declared features make {len(columns)} columns: {of_customers} describe a customer at the end of a",
        f"day, {len(columns) - of_customers} one item. Generated from `features/catalogue/` by `python -m features.catalogue.page`;",
        "a test holds it equal to the declarations. Money is in the reporting currency. *Risk* says which way risk goes when the",
        "value rises; – claims neither. A window of W days holds what lies after as_of − W and up to as_of.",
    ]
    for family, features in groupby(CATALOGUE.features, key=lambda f: f.family):
        lines += ["", f"## {family}"]
        for feature in features:
            lines += ["", *_entry(feature)]
    return "\n".join(lines) + "\n"


def _entry(feature: Feature) -> list[str]:
    columns = list(feature.columns())
    first = columns[0]
    meaning = feature.meaning.replace("{window}", "window") if feature.windows else feature.meaning
    source = f" Source: {feature.source}." if feature.source else ""
    return [
        f"**{', '.join(f'`{c.name}`' for c in columns)}**  ",
        f"{meaning}{source}  ",
        f"unit {first.unit.value} · risk {RISKS[first.risk]} · missing: {MISSING[first.missing]} · `{formula(feature.value)}`  ",
        f"“{feature.reason['en'].replace('{window}', 'window')}” · “{feature.reason['zh'].replace('{window}', '期间')}”",
    ]


def formula(node: Any) -> str:
    """Return a value's tree as one line for a reader."""
    if isinstance(node, Rows):
        parts = [node.population]
        if node.window:
            parts.append(f"{node.day} in {node.window if isinstance(node.window, str) else f'{node.window} days'}")
        if node.where is not None:
            parts.append(formula(node.where))
        return ", ".join(parts)
    if not isinstance(node, Node):
        return str(node)
    if node.op in ("field", "given", "column"):
        name = str(node.args[0])
        return f"days since {name[4:]}" if name.startswith("age:") else name
    if node.op in SIGNS:
        return f"({formula(node.args[0])} {SIGNS[node.op]} {formula(node.args[1])})"
    if node.op == "ratio":
        return f"{formula(node.args[0])} / {formula(node.args[1])}"
    if node.op == "not":
        return f"not {formula(node.args[0])}"
    if node.op == "atleast":
        return f"max({formula(node.args[0])}, {formula(node.args[1])})"
    if len(node.args) == 2:
        return f"{node.op}[{formula(node.args[1])} | {formula(node.args[0])}]"
    return f"{node.op}[{formula(node.args[0])}]"


def golden_line(column: Column) -> str:
    """Return one column as a line of the golden file: what must not change unnoticed."""
    return "\t".join((
        column.name, column.level.value, column.family, column.unit.value, column.risk.name, column.missing.name, formula(column.value)
    ))  # fmt: skip


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    if "--golden" in sys.argv:
        golden = Path(__file__).parents[2] / "tests" / "golden" / "catalogue.tsv"
        golden.write_text("".join(golden_line(c) + "\n" for c in CATALOGUE.columns()), encoding="utf-8")
