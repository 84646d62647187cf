"""The gates of the delay model: evidence, order, level, coverage, and the champion on the same items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models import metrics
from training.lifecycle.gates import Check, GateRun, note, passed, ratio_of, spread
from training.lifecycle.gates_file import DelayGates

Floats = NDArray[np.float64]

EXPLAINED_ROWS = 20


class DelayRun(GateRun):
    """The gates of a delay model."""

    limits: DelayGates

    def checks(self) -> list[Check]:
        """Return the results; evidence first, since the others need it."""
        limits, rows = self.gates.delay, self.rows
        self.limits = limits
        first = passed(
            "evidence",
            len(rows) >= limits.fewest_items,
            f"{len(rows):,} evaluated items, at least {limits.fewest_items} are needed",
            items=len(rows),
        )
        if not first.is_passed:
            return [first]
        known = (rows["is_paid"] | (rows["ended"] >= 5)).to_numpy()
        y, p = (rows["ended"].to_numpy()[known] >= 5).astype(np.float64), rows["p_late_5"].to_numpy()[known]
        if not 0 < y.sum() < len(y):
            return [first, passed("discrimination", False, "no item, or every item, was 5 or more days late")]
        who = rows["customer_id"][known]
        auc = self.interval(lambda w: metrics.auc(y, p, w), who)
        ratio = self.interval(lambda w: ratio_of(p, y, w), who)
        paid = rows[rows["is_paid"]]
        inside = ((paid["place"] >= 0.1) & (paid["place"] <= 0.9)).to_numpy(dtype=np.float64)
        cover = self.interval(lambda w: float(np.average(inside, weights=w)), paid["customer_id"])
        least, most = limits.auc_late_5_at_least, limits.level_late_5_within
        found = [
            first,
            passed("discrimination", auc.value >= least and auc.low > 0.5, f"AUC of 5 or more days late {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}), at least {least:g}", auc=auc.value, low=auc.low, high=auc.high),
            passed("calibration level", ratio.low <= most and ratio.high >= 1 / most, f"predicted share 5 or more days late is {ratio.value:.2f} times the observed one ({ratio.low:.2f} to {ratio.high:.2f}), within {1 / most:.2f} to {most:.2f}", ratio=ratio.value, low=ratio.low, high=ratio.high),
            passed("coverage", cover.low <= limits.coverage_to and cover.high >= limits.coverage_from, f"{cover.value:.1%} ({cover.low:.1%} to {cover.high:.1%}) of paid items lie inside their 80 % interval, within {limits.coverage_from:.0%} to {limits.coverage_to:.0%}", coverage=cover.value, low=cover.low, high=cover.high),
            self.order(), self.additivity(), self.inputs(), self.latency(limits.milliseconds_at_most),
        ]  # fmt: skip
        return found + (
            self.against_champion() if self.champion is not None else [note("champion", "there is none yet")]
        )

    def order(self) -> Check:
        """Check that chances fall with the threshold and quantiles rise with the level, on every evaluated item."""
        chances = self.rows[[f"p_late_{k}" for k in (1, 5, 30, 60, 90)]].to_numpy()
        days = self.rows[["days_late_p10", "days_late_p50", "days_late_p90"]].to_numpy()
        wrong = int(((np.diff(chances, axis=1) > 1e-9).any(axis=1) | (np.diff(days, axis=1) < -1e-9).any(axis=1)).sum())
        return passed(
            "monotonicity",
            wrong == 0,
            f"{wrong} items whose chance rises with the threshold or whose quantiles cross",
            items=wrong,
        )

    def additivity(self) -> Check:
        """Check that the model's own explanation adds up on some items; it raises where it does not."""
        try:
            self.candidate.model.contributions(spread(self.candidate.matrix, EXPLAINED_ROWS))
        except ArithmeticError as wrong:
            return passed("additivity", False, str(wrong))
        return passed(
            "additivity", True, f"contributions add up within {self.limits.additivity:g} on {EXPLAINED_ROWS} items"
        )

    def against_champion(self) -> list[Check]:
        """Compare with the champion on the same items: Brier score of 5 or more days late, error in days."""
        assert self.champion is not None
        mine, theirs, how = self.same_rows(["invoice_id", "as_of"], "as_of")
        if mine.empty:
            return [
                note(
                    "champion",
                    f"not comparable: too few items that neither {self.candidate.name} nor {self.champion.name} had seen",
                )
            ]
        known = (mine["is_paid"] | (mine["ended"] >= 5)).to_numpy()
        y = (mine["ended"].to_numpy()[known] >= 5).astype(np.float64)
        p, other = mine["p_late_5"].to_numpy()[known], theirs["p_late_5"].to_numpy()[known]
        brier = self.interval(
            lambda w: float(np.average((p - y) ** 2 - (other - y) ** 2, weights=w)), mine["customer_id"][known]
        )
        paid = mine["is_paid"].to_numpy()
        ended = mine["ended"].to_numpy()[paid]
        worse = np.abs(mine["days_late_p50"].to_numpy()[paid] - ended) - np.abs(
            theirs["days_late_p50"].to_numpy()[paid] - ended
        )
        mae = self.interval(lambda w: float(np.average(worse, weights=w)), mine["customer_id"][paid])
        limits = self.limits
        return [
            passed("champion: Brier score", brier.value <= limits.brier_loss_at_most or brier.low <= 0, f"Brier score {brier.value:+.4f} ({brier.low:+.4f} to {brier.high:+.4f}) against the champion on {len(y):,} {how}; more than {limits.brier_loss_at_most:+g} refuses where its interval lies above 0", loss=brier.value, low=brier.low, high=brier.high),
            passed("champion: error in days", mae.value <= limits.mae_loss_at_most or mae.low <= 0, f"mean absolute error {mae.value:+.2f} days ({mae.low:+.2f} to {mae.high:+.2f}) against the champion; more than {limits.mae_loss_at_most:+g} refuses where its interval lies above 0", loss=mae.value, low=mae.low, high=mae.high),
        ]  # fmt: skip
