"""`python -m benchmarks.default_datarisk`: the default model on Datarisk, default = 60 days, 6 months (policy
short_history): figures with intervals beside the rules. A short ledger with few defaults: the intervals say so."""

from __future__ import annotations

from benchmarks.default_book import SHARED, imported, print_table
from ledger.default_status import SHORT_HISTORY
from ledger.errors import InputError
from training.default import fit as default_fit

SOURCE = SHARED / "datarisk"
DAYS = ("2020-01-31", "2020-06-30")  # before the COVID months, and with them


def main() -> None:
    if not SOURCE.exists():
        print("skipped: ../shared/data/datarisk is not here.")
        return
    ledger = imported("datarisk", *sorted(SOURCE.glob("*.csv")))
    for day in DAYS:
        try:
            fitted = default_fit.fit(ledger, as_of=day, policy=SHORT_HISTORY)
        except InputError as too_little:
            print(f"as of {day}: {too_little}\n")
            continue
        m, p = fitted.metrics, fitted.parameters
        print(
            f"Datarisk as of {day}, policy {p['policy']} ({p['consecutive_days']} days, {p['horizon_months']} months), "
            f"judged on month ends after {p['evaluation_origin']} up to {p['evaluation_until']}: "
            f"{m['snapshots']:.0f} snapshots, "
            f"{m['defaulters']:.0f} defaulters, default rate {m['default_rate']:.3f}, mean PD {m['pd_mean']:.3f}.\n"
        )
        names = {"": "default model", "baseline_past_due_30_": "past due > 30 days",
                 "baseline_days_past_due_": "days past due", "baseline_dbt_": "DBT of open items"}  # fmt: skip
        print_table(
            [(words, m[f"{n}auc"], f"{m[f'{n}auc_low']:.3f} to {m[f'{n}auc_high']:.3f}") for n, words in names.items()]
            + [("Brier, model", m["brier"], f"{m['brier_low']:.4f} to {m['brier_high']:.4f}"),
               ("ECE, model", m["ece"], f"{m['ece_low']:.4f} to {m['ece_high']:.4f}")],
            ["AUC of", "value", "95 % interval over customers"],
        )  # fmt: skip


if __name__ == "__main__":
    main()
