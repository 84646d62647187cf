"""The honest measure of the suite: breaks the project in one place at a time and expects a red test.

Run it with `python -m tests.mutations`: it works on a copy, prints a line a mutation, exits with 1 where one survived.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One way to be wrong: `old` in `file` becomes `new`, and one of `tests` must fail."""

    words: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        words="drop the cut by time on rows of the ledger",
        file="features/engine/compiled.py",
        old="        if known_from > T or known_until_[i] <= T:",
        new="        if known_from > T + 3650 or known_until_[i] <= T:",
        tests=("tests/property/test_histories.py",),
    ),
    Mutation(
        words="cut on paid_on: a fact counts from its event, not from its booking",
        file="ledger/known.py",
        old="    found: Days = days(event) if table.known is None else _later(_seconds(event), _seconds(frame[table.known]))",
        new="    found: Days = days(event)",
        tests=("tests/unit/test_ledger.py",),
    ),
    Mutation(
        words="count superseded rows beside their successors",
        file="ledger/known.py",
        old='    return days(frame["superseded_on"])',
        new="    return np.full(len(frame), NEVER, dtype=np.int32)",
        tests=("tests/unit/test_ledger.py",),
    ),
    Mutation(
        words="earlier invoices like an item: take those that the books did not hold yet",
        file="features/engine/similar_invoices.py",
        old="        if since[j] > T or until[j] <= T:",
        new="        if since[j] > T + 3650 or until[j] <= T:",
        tests=("tests/property/test_histories.py",),
    ),
    Mutation(
        words="an invoice is like itself: its own state enters what is said of it",
        file="features/engine/similar_invoices.py",
        old="            if row[0] == own[i]:",
        new="            if row[0] < 0:",
        tests=("tests/spec/test_similar_invoices.py",),
    ),
    Mutation(
        words="flip a direction of risk",
        file="features/catalogue/timeliness.py",
        old='name="late_30_share_{window}", unit=Unit.SHARE, windows=(90, 180, 365, 730), risk=Risk.RISES',
        new='name="late_30_share_{window}", unit=Unit.SHARE, windows=(90, 180, 365, 730), risk=Risk.FALLS',
        tests=("tests/golden/test_catalogue.py", "tests/property/test_histories.py"),
    ),
    Mutation(
        words="train on immature labels as if they were good",
        file="training/labels.py",
        old="            outcome[~is_mature | standing_in] = pd.NA",
        new="            outcome[standing_in] = pd.NA",
        tests=("tests/spec/test_default_status.py",),
    ),
    Mutation(
        words="learn who is late from invoices too young to be late: the paid ones alone",
        file="training/delay/late_threshold.py",
        old='    seen = (asked.seen_until - asked.items["due_on"]).dt.days.to_numpy() + moved >= LAST_DAY',
        new="    seen = np.ones(len(moved), dtype=bool)",
        tests=("tests/integration/test_delay_model.py",),
    ),
    Mutation(
        words="explain the curve without its late question",
        file="models/delay/attribution.py",
        old="np.flatnonzero(is_open & (asked < LAST_DAY))",
        new="np.flatnonzero(is_open & (asked < LAST_DAY - 10_000))",
        tests=("tests/integration/test_delay_model.py",),
    ),
    Mutation(
        words="skip the calibrator online",
        file="models/default/calibrated_ensemble.py",
        old="        return self.calibration.log_odds(mean), self",
        new="        return mean, self",
        tests=("tests/unit/test_default_model.py",),
    ),
    Mutation(
        words="inner instead of left join: customers without history fall out",
        file="features/engine/histories.py",
        old="    return pd.DataFrame(matrix, index=_index(prepared, customer, days), columns=layout.names.view(), copy=False)",
        new="    return pd.DataFrame(matrix, _index(prepared, customer, days), layout.names).loc[lambda f: f.iloc[:, 0].notna()]",
        tests=("tests/spec/test_features.py", "tests/property/test_histories.py"),
    ),
    Mutation(
        words="count a credit note in full as a payment",
        file="ledger/settlement_kernels.py",
        old="        if credited_since != NEVER and cash_since == NEVER:",
        new="        if credited_since != NEVER and cash_since == NEVER - 1:",
        tests=("tests/spec/test_settlement.py",),
    ),
    Mutation(
        words="take texts for equal whose hashes are equal",
        file="ledger/text_codes.py",
        old="            if _are_equal(data, lo, hi, own, start[row], start[row + 1]):",
        new="            if row >= 0:",
        tests=("tests/unit/test_text_codes.py",),
    ),
    Mutation(
        words="say 'not applicable' where others did not report",
        file="features/engine/missing.py",
        old="            lacks = lacks | (presence[rows, place[of]] == 0)",
        new="            lacks = lacks & (presence[rows, place[of]] == 0)",
        tests=("tests/spec/test_features.py",),
    ),
    Mutation(
        words="send a missing value the wrong way in SHAP values",
        file="models/leaf_tables.py",
        old="nan and bool(trees.nan_left[above]) == is_left",
        new="nan and bool(trees.nan_left[above]) != is_left",
        tests=("tests/unit/test_tree_shap.py",),
    ),
    Mutation(
        words="let the bag's mean depend on how many rows are asked about",
        file="models/ensembles.py",
        old="    return np.asarray(reduce(np.add, found) / len(found))",
        new="    return np.asarray(np.mean(found, axis=0))",
        tests=("tests/unit/test_ensembles.py",),
    ),
    Mutation(
        words="load a model whose files were changed",
        file="models/registry.py",
        old="    if logged != actual or run.data.tags.get(DIGEST_TAG) != actual:",
        new="    if logged is None:",
        tests=("tests/integration/test_registry.py",),
    ),
    Mutation(
        words="let two approvals at once both pass a group's limit: read what was granted before the transaction",
        file="serving/shared_limits.py",
        old="        now = granted.on(as_of, connection) if caps else {}",
        new="        now: dict[str, float] = {}",
        tests=("tests/unit/test_shared_limits.py",),
    ),
    Mutation(
        words="take a token of any audience",
        file="serving/identity.py",
        old='                aud={"essential": True, "value": self.audience}, sub={"essential": True}, exp={"essential": True},',
        new='                aud={"essential": True}, sub={"essential": True}, exp={"essential": True},',
        tests=("tests/integration/test_identity.py",),
    ),
)


def survives(mutation: Mutation, tree: Path) -> bool:
    """Whether every named test still passes with the mutation applied to the copy in `tree`."""
    path = tree / mutation.file
    whole = path.read_text()
    if whole.count(mutation.old) != 1:
        times = whole.count(mutation.old)
        raise SystemExit(f"{mutation.file}: '{mutation.old.strip()}' stands {times} times; renew the mutation.")
    path.write_text(whole.replace(mutation.old, mutation.new))
    try:
        command = [sys.executable, "-m", "pytest", "-qx", "-m", "not slow", "-p", "no:cacheprovider", *mutation.tests]
        environment = os.environ | {"TRADECREDIT_CACHE": str(tree / "cache"), "PYTHONPATH": str(tree)}
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    finally:
        path.write_text(whole)
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest itself failed on '{mutation.words}':\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def main() -> int:
    """Apply each mutation to a copy of the tracked files; 1 where one survived."""
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place) / "main"
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
        subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
        survivors = 0
        for mutation in MUTATIONS:
            alive = survives(mutation, tree)
            survivors += alive
            print(f"{'SURVIVED' if alive else 'red     '}  {mutation.words}", flush=True)
    print(f"{len(MUTATIONS) - survivors} of {len(MUTATIONS)} mutations turn a test red")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
