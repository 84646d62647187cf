"""The delay model on the real ledgers and splits, asked on the day before issue: python -m benchmarks.delay_real [SET
…]

SET is one of datarisk, datarisk_covid, highradius, highradius_unseen, datarisk_unseen. Reads ../shared/data where it is
there. HighRadius has no issue date: the importer takes the due date less 15 days.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from cli.output import table
from features.book import prepare
from features.history import build_items
from features.importers import format_named
from features.importers.run import Options, import_files
from features.ledger import Ledger, read_ledger
from training.backtest import Window, delay_window
from training.delay import train
from training.delay_evaluation import BASELINE_INPUTS, Scored, evaluate
from training.delay_questions import Asked, outcomes, questions
from training.splits import customer_folds

SHARED = Path(__file__).parents[2] / "shared" / "data"
FOLDS = 3
SPLITS = {
    "datarisk": ("datarisk", "datarisk", "2019-08-01", "2020-01-31"),
    "datarisk_covid": ("datarisk", "datarisk", "2020-02-01", "2020-06-30"),
    "highradius": ("highradius", "highradius/invoices.csv", "2019-09-27", "2019-12-03"),
}
COLUMNS = (
    "auc_late_5",
    "average_precision_late_5",
    "brier_late_5",
    "mae_days",
    "within_3_days_share",
    "crps_days",
    "coverage_80",
    "coverage_80_levels",
)
HEADER = ("", "items", "AUC >=5", "AP >=5", "Brier", "MAE", "within 3", "CRPS", "cover 80", "by level")
RULES = (
    ("always on the day", "baseline_on_the_day_"),
    ("customer's mean", "baseline_customer_mean_"),
    ("customer's median", "baseline_customer_median_"),
    ("customer's late rate", "baseline_customer_late_rate_"),
    ("customer's distribution", "baseline_customer_distribution_"),
    ("Kaplan-Meier", "baseline_kaplan_meier_"),
)


def imported(fmt: str, source: str) -> Ledger:
    """The ledger of a shared export, imported into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as place:
        import_files(
            format_named(fmt),
            [SHARED / source],
            Path(place) / "ledger",
            Options(known_on=pd.Timestamp("2026-01-01").date(), currency=None),
        )
        return read_ledger(Path(place) / "ledger")


def line(name: str, figures: dict[str, float], prefix: str = "") -> list[str]:
    cells = [f"{figures[prefix + c]:.3f}" if prefix + c in figures else "" for c in COLUMNS]
    return [name, f"{figures.get('items', 0):,.0f}" if not prefix else "", *cells]


def segments(scored: Scored, asked_on: pd.Series) -> dict[str, np.ndarray]:
    """Large and small customers, seen and unseen, each month."""
    size = pd.Series(scored.customers).value_counts()
    large = np.isin(scored.customers, size.index[:10].to_numpy(dtype=object))
    first = scored.X["habit_weight"].fillna(0).to_numpy() == 0
    found = {"ten largest customers": large, "all others": ~large, "without history": first, "with history": ~first}
    months = asked_on.dt.to_period("M").astype(str).to_numpy()
    return found | {f"asked in {m}": months == m for m in np.unique(months)}


def run(name: str) -> None:
    """Print one split: the model, its interval, the plain rules, the segments of 500 items or more."""
    fmt, source, first, last = SPLITS[name]
    ledger = imported(fmt, source)
    window = Window(
        origin=pd.Timestamp(first) - pd.Timedelta(days=1), first=pd.Timestamp(first), last=pd.Timestamp(last)
    )
    book, truth = prepare(ledger), outcomes(ledger, pd.Timestamp(ledger.last_known_on), begun_only=False)
    frame, parts = delay_window(ledger, book, truth, window, 1)
    whole = Scored.together(parts)
    begun = whole.ended > whole.curves.asked
    scored, frame = whole.only(begun), frame[begun]
    figures = evaluate(scored)
    rows = [
        line("model", figures),
        [
            "  95 % over customers",
            "",
            f"{figures['auc_late_5_low']:.3f}-{figures['auc_late_5_high']:.3f}",
            "",
            "",
            f"{figures['mae_days_low']:.2f}-{figures['mae_days_high']:.2f}",
        ]
        + [""] * 4,
    ]
    rows += [line(rule, figures, prefix) for rule, prefix in RULES]
    if not begun.all():
        every = evaluate(whole, intervals=False)
        rows.append(line("with those paid before", every))
        rows += [line("  " + rule, every, prefix) for rule, prefix in RULES[:4]]
    print(f"\n{name}: known before {first}, asked {first} to {last}, known outcomes\n")
    print(table(rows, HEADER))
    parts_of = segments(scored, frame["scored_on"])
    rows = [
        line(part, evaluate(scored.only(which), intervals=False))
        for part, which in parts_of.items()
        if which.sum() >= 500
    ]
    print(table(rows, HEADER), flush=True)


def run_unseen(name: str) -> None:
    """Print the same split when the model has seen none of the customers asked about: in FOLDS parts by customer."""
    fmt, source, first, last = SPLITS[name]
    ledger = imported(fmt, source)
    book, origin = prepare(ledger), pd.Timestamp(first) - pd.Timedelta(days=1)
    past, truth = outcomes(ledger, origin), outcomes(ledger, pd.Timestamp(ledger.last_known_on))
    asked = truth.only(truth.items["issued_on"].between(pd.Timestamp(first), pd.Timestamp(last)).to_numpy())

    def of_fold(rows: Asked, fold: int, inside: bool) -> Asked:
        return rows.only((customer_folds(rows.items["customer_id"], FOLDS) == fold) == inside)

    parts = []
    for fold in range(FOLDS):
        model = train(book, questions(of_fold(past, fold, False), 1), seed=1, explain=False)
        some = of_fold(asked, fold, True)
        parts.append(
            Scored.of(
                some, build_items(book, some.items, list(dict.fromkeys((*model.needed, *BASELINE_INPUTS)))), model
            )
        )
    print(f"\n{name}: the same, each customer asked of a model that was fitted without it (no levels)\n")
    print(table([line("model", evaluate(Scored.together(parts), intervals=False))], HEADER), flush=True)


if __name__ == "__main__":
    if not SHARED.exists():
        sys.exit("skipped: ../shared/data is not there; the sample ledger's figures come from benchmarks.delay_truth.")
    for asked_for in sys.argv[1:] or [*SPLITS, *(f"{name}_unseen" for name in ("datarisk", "highradius"))]:
        run_unseen(asked_for.removesuffix("_unseen")) if asked_for.endswith("_unseen") else run(asked_for)
