"""The account of each real file: rows read, accepted and quarantined with the reasons, and the control totals.

`python -m benchmarks.import_accounts` imports the files of the optional data folder `../shared/data` and prints the
tables that docs/importing.md quotes; each is imported twice, and the second import must change nothing.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import date
from pathlib import Path

from importing.engine.run import Options, import_files
from importing.formats import format_named
from ledger.ledger import read_ledger

DATA = Path(__file__).parents[1].parent / "shared" / "data"
SOURCES = (
    ("ibm", "ibm"), ("datarisk", "datarisk"), ("highradius", "highradius"), ("uci-card", "uci-credit-card"),
    ("arff-ratios", "polish-bankruptcy"),
)  # fmt: skip


def main() -> None:
    if not DATA.exists():
        sys.exit("skipped: the optional data folder ../shared/data is not here")
    rows, totals, reasons = [], [], []
    options = Options(known_on=date(2024, 1, 1))
    for name, folder in SOURCES:
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / "ledger"
            report = import_files(format_named(name), [DATA / folder], out, options)
            before = read_ledger(out).fingerprint
            import_files(format_named(name), [DATA / folder], out, options)
            again = "equal" if read_ledger(out).fingerprint == before else "DIFFERENT"
        rows += [
            f"| {name} | {f['file']} | {f['read']:,} | {f['accepted']:,} | {f['quarantined']:,} | {again} |"
            for f in report["files"]
        ]
        reasons += [f"| {name} | {r['reason']} | {r['rows']:,} |" for r in report["reasons"]]
        totals += [
            f"| {name} | {t['currency']} | {t['measure']} | {float(t['before']):,.2f} | {float(t['after']):,.2f} | "
            f"{float(t['difference']):,.2f} |"
            for t in report["totals"] if t["measure"] in ("invoiced", "paid", "open")
        ]  # fmt: skip
    print(
        "| format | file | rows read | accepted | quarantined | fingerprint after a second import "
        "|\n|---|---|---|---|---|---|"
    )
    print("\n".join(rows))
    print("\n| format | reason for quarantine | rows |\n|---|---|---|")
    print("\n".join(reasons))
    print("\n| format | currency | total | in the source | in the ledger | left out |\n|---|---|---|---|---|---|")
    print("\n".join(totals))


if __name__ == "__main__":
    main()
