"""`python -m benchmarks.training [--customers 600 --months 48] [--model default|delay|both]`: processor seconds of a fit by stage.

Each stage's seconds are its own: those of a stage that it calls are left out. Processor seconds of all threads, since members
are fitted on two. What the aim of the default model compares is printed below: all seconds against LightGBM's calls plus
histories.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightgbm as lgb

from benchmarks.default_book import print_table
from ledger.ledger import Ledger, read_ledger
from sample.generator import write_sample

LIGHTGBM, HISTORIES = "LightGBM", "histories"
TRAINED, BINNED, PREDICTED = (f"{LIGHTGBM}: {what}" for what in ("training", "datasets", "predictions"))
# stage -> places whose functions belong to it: module, attribute (of a class where it has a dot)
COMMON = {
    TRAINED: (("lightgbm", "train"),),
    BINNED: (("lightgbm", "Dataset.construct"), ("lightgbm", "Dataset.subset")),
    PREDICTED: (("lightgbm", "Booster.predict"),),
    "bootstrap over customers": (
        ("models.metrics", "intervals_by_customer"), ("models.metrics", "paired_by_customer"),
        ("models.metrics", "by_customer"),
    ),
    "folds of customers": (("training.default.ensembles", "customer_folds"),),
}  # fmt: skip
STAGES: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "default": {
        **COMMON,
        HISTORIES: (
            ("training.default.fit", "histories"), ("training.default.data", "build"),
            ("training.default.data", "prepare"),
        ),
        "outcomes": (("training.default.data", "Histories.outcomes"),),
        "calibration": (
            ("training.default.fit", "calibrate"), ("training.default.cold_start", "calibrate"),
            ("training.default.fit", "jackknife_widening"),
        ),
        "term structure": (("training.default.stages", "fit_term_structure"),),
        "roll to default": (("training.default.stages", "rolled"), ("training.default.stages", "fit_roll")),
        "evaluation": (("training.default.fit", "judge"), ("training.default.cold_start", "Doors.figures")),
        "evidence": (("training.default.fit", "evidence_rows"),),
    },
    "delay": {
        **COMMON,
        f"{HISTORIES}: settlement": (("training.delay.fit", "prepare"), ("training.labels", "settle")),
        f"{HISTORIES}: history rows": (("features.engine.histories", "rows_of"),),
        f"{HISTORIES}: similar invoices": (("features.engine.items", "similar_values"),),
        f"{HISTORIES}: other item columns": (
            ("training.delay.fit", "build_items"), ("training.delay.dependence", "build_items"),
            ("training.delay.matrices", "build_items"),
        ),
        "outcomes": (("training.delay.fit", "outcomes"),),
        "steps and their matrices": (
            ("training.delay.fit", "step_matrix"), ("models.delay.model", "step_matrix"),
            ("training.delay.fit", "steps_seen"), ("models.delay.model", "steps_after"),
        ),
        "curves": (("models.delay.model", "DelayModel.curves"),),
        "base of explanations": (
            ("training.delay.fit", "mean_margins"), ("training.delay.late_threshold", "question_shap_values"),
        ),
        "calibration": (
            ("training.delay.fit", "fit_late_calibration"), ("training.delay.fit", "levels_of"),
            ("training.delay.fit", "recalibrated"), ("training.delay.fit", "thickness_table"),
        ),
        "dependence of payments": (
            ("training.delay.fit", "dependence"), ("training.delay.fit", "widened_by_forecasts"),
        ),
        "evaluation": (("training.delay.fit", "evaluate"), ("training.delay.fit", "deciles")),
        "evidence": (("training.delay.fit", "evidence_rows"),),
        "plots": (("training.delay.fit", "lateness_plots"),),
    },
}  # fmt: skip


class Clock:
    """Processor seconds by stage, each without those of the stages that it calls.

    A stage in the main thread counts the whole process, less what stages in other threads counted meanwhile: compiled
    loops start threads of their own. A stage in another thread counts that thread.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self.of_workers = 0.0
        self._own = threading.local()
        self._lock = threading.Lock()

    def _now(self, *, is_main: bool) -> float:
        return time.process_time() - self.of_workers if is_main else time.thread_time()

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its seconds counted under `stage`."""

        def counted(*arguments: Any, **named: Any) -> Any:
            is_main = threading.current_thread() is threading.main_thread()
            stack = self._own.__dict__.setdefault("stack", [])
            stack.append(0.0)
            began = self._now(is_main=is_main)
            try:
                return function(*arguments, **named)
            finally:
                used = self._now(is_main=is_main) - began
                inner = stack.pop()
                if stack:
                    stack[-1] += used
                with self._lock:
                    self.seconds[stage] += used - inner
                    self.calls[stage] += 1
                    if not is_main and not stack:
                        self.of_workers += used

        return counted


@contextmanager
def watched(stages: dict[str, tuple[tuple[str, str], ...]]) -> Iterator[Clock]:
    """Give a clock that counts the stages' functions while the context lasts."""
    clock, before = Clock(), []
    for stage, places in stages.items():
        for module, attribute in places:
            if find_spec(module) is None:
                continue
            owner: Any = import_module(module)
            *parents, name = attribute.split(".")
            for parent in parents:
                owner = getattr(owner, parent)
            if not hasattr(owner, name):
                continue
            before.append((owner, name, getattr(owner, name)))
            setattr(owner, name, clock.timed(stage, getattr(owner, name)))
    try:
        yield clock
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)


def measured(model: str, ledger: Ledger) -> tuple[float, Clock]:
    """Fit one model on the ledger's last day; (processor seconds of all, by stage)."""
    fit = import_module(f"training.{model}.fit").fit
    with watched(STAGES[model]) as clock:
        began = time.process_time()
        fit(ledger, as_of=ledger.last_known_on)
        return time.process_time() - began, clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=[600])
    parser.add_argument("--months", type=int, default=48)
    parser.add_argument("--model", choices=["default", "delay", "both"], default="both")
    asked = parser.parse_args()
    models = ["default", "delay"] if asked.model == "both" else [asked.model]
    for customers in asked.customers:
        with tempfile.TemporaryDirectory() as folder:
            write_sample(Path(folder), customers=customers, months=asked.months)
            ledger = read_ledger(folder)
        for model in models:
            seconds, clock = measured(model, ledger)
            of = sorted(clock.seconds.items(), key=lambda pair: -pair[1])
            rest = seconds - sum(clock.seconds.values())
            lines = [(name, clock.calls[name], used, f"{used / seconds:.0%}") for name, used in of]
            print(
                f"{model} model, sample of {customers:,} customers x {asked.months} months: {seconds:.1f} processor seconds\n"
            )
            print_table(
                [*lines, ("all else", "", rest, f"{rest / seconds:.0%}")], ["stage", "calls", "seconds", "share"]
            )
            floor = sum(used for name, used in clock.seconds.items() if name.startswith((LIGHTGBM, HISTORIES)))
            print(
                f"{seconds / floor:.2f} times LightGBM's calls plus histories ({floor:.1f} s); LightGBM {lgb.__version__}\n"
            )


if __name__ == "__main__":
    main()
