"""A newcomer's feature: `python -m benchmarks.newcomer` applies the first diff of CONTRIBUTING.md and shows where it turns up.

It is applied to a copy, which is thrown away. Nothing but the diff is added by hand: the golden file and the catalogue's page
are written by the command that the docs name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.newcomer import apply, copy_tracked, newcomer_diffs

SHOWN = """
import json
import numpy as np, pandas as pd
from features.catalogue import CATALOGUE
from features.engine.histories import build, missing_codes
from models.explanation import explain
from models.reasons.sentences import sentence
from tests import served
from training.lifecycle.monitor import Observed, drift

name = "late_15_share_3m"
column = CATALOGUE[name]
small = served.small()
book, last = small.book.book, pd.Timestamp(small.book.data_known_to)
asked = pd.DataFrame({"customer_id": small.ledger.customers["customer_id"], "as_of": last})
matrix = build(book, asked)
codes = missing_codes(book, matrix)[name]
counts = {word: int((codes == code).sum()) for code, word in enumerate(("values", "no history", "not reported", "not applicable"))}
print("matrix       ", counts)
scorer = small.scorer
place = scorer.default.columns.index(name)
member = scorer.default.members[0] if hasattr(scorer.default, "members") else scorer.default.history.members[0]
constraints = member.params["monotone_constraints"]
print("constraint   ", int(constraints[place]), "among", len(constraints))
scores = scorer.score(list(asked["customer_id"]))
found = scores.X[name].dropna()
print("service       inputs of", len(scores.X), "scored customers hold it, e.g.", found.index[0], float(found.iloc[0]))
why = scorer.explain(scorer.score([found.index[0]]), "pd")
print("contribution ", name in set(why.contributions["feature"]))
print("reason en    ", sentence(column, 0.25, "en"))
print("reason zh    ", sentence(column, 0.25, "zh"))
days = [Observed.on(book, day) for day in (last - pd.Timedelta(days=90), last)]
row = drift(*days).set_index("column").loc[name]
print(f"monitor       PSI {row['psi']:.4f}, by chance up to {row['limit']:.4f}, moved {bool(row['is_moved'])}")
"""


def main() -> int:
    """Copy, apply, write the golden file and the page, run the tests, show; 1 where a test is red."""
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place)
        copy_tracked(tree)
        apply(newcomer_diffs()[0], tree)
        environment = os.environ | {"PYTHONPATH": str(tree)}

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, *words], cwd=tree, env=environment, capture_output=True, text=True, check=False
            )

        tests = (
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/golden/test_catalogue.py",
            "tests/spec/test_features.py",
        )
        print("tests before the golden file:", run(*tests).stdout.splitlines()[-1])
        run("-m", "features.catalogue.page", "--golden")
        after = run(*tests)
        print("tests after it:              ", after.stdout.splitlines()[-1])
        page = (tree / "features/catalogue/CATALOGUE.md").read_text(encoding="utf-8")
        print("catalogue    ", next(line for line in page.splitlines() if "late_15_share" in line))
        shown = run("-c", SHOWN)
        print(shown.stdout or shown.stderr, end="")
    return 1 if after.returncode or shown.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
