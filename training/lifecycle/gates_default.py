"""The gates of the default model: evidence, order, level, slope, grades, shape, and the champion on the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models import metrics
from training.lifecycle.gates import Candidate, Check, GateRun, note, passed, ratio_of, spread
from training.lifecycle.gates_file import DefaultGates

Floats = NDArray[np.float64]

EXPLAINED_ROWS = 100
MONOTONE_ROWS = 100
MONOTONE_STEPS = 5


class DefaultRun(GateRun):
    """The gates of a default model."""

    limits: DefaultGates

    def checks(self) -> list[Check]:
        """Return the results in the order of the gates file; evidence first, since the others need it."""
        limits, rows = self.gates.default, self.rows
        self.limits = limits
        defaulters = rows.loc[rows["y"] > 0, "customer_id"].nunique() if len(rows) else 0
        has_evidence = len(rows) >= limits.fewest_rows and defaulters >= limits.fewest_defaulters
        text = (
            f"{len(rows):,} evaluated snapshots with {defaulters} defaulters, at least {limits.fewest_rows} and "
            f"{limits.fewest_defaulters} are needed"
        )
        first = passed("evidence", has_evidence, text, rows=len(rows), defaulters=defaulters)
        if not has_evidence or (rows["y"] == 0).sum() < 2:
            return [first]
        found = [first, self.discrimination(), self.level(), self.slope(), self.by_grade(), self.months()]
        found += [self.monotonicity(), self.additivity(), self.inputs(), self.latency(limits.milliseconds_at_most)]
        return found + (
            self.against_champion() if self.champion is not None else [note("champion", "there is none yet")]
        )

    def discrimination(self) -> Check:
        """Check the AUC and that its interval lies above 0.5."""
        y, score = self.rows["y"].to_numpy(), self.rows["log_odds"].to_numpy()
        auc = self.interval(lambda w: metrics.auc(y, score, w), self.rows["customer_id"])
        least = self.limits.auc_at_least
        text = (
            f"AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}), at least {least:g} and above 0.5 with its interval"
        )
        return passed(
            "discrimination", auc.value >= least and auc.low > 0.5, text, auc=auc.value, low=auc.low, high=auc.high
        )

    def level(self) -> Check:
        """Check the mean PD against the default rate."""
        y, p = self.rows["y"].to_numpy(), self.rows["pd"].to_numpy()
        ratio = self.interval(lambda w: ratio_of(p, y, w), self.rows["customer_id"])
        most = self.limits.level_within
        text = f"mean PD is {ratio.value:.2f} times the default rate ({ratio.low:.2f} to {ratio.high:.2f}), within {1 / most:.2f} to {most:.2f}"
        return passed(
            "calibration level",
            ratio.low <= most and ratio.high >= 1 / most,
            text,
            ratio=ratio.value,
            low=ratio.low,
            high=ratio.high,
        )

    def slope(self) -> Check:
        """Check the slope of the outcomes' log-odds on the predicted ones."""
        y, p = self.rows["y"].to_numpy(), self.rows["pd"].to_numpy()
        slope = self.interval(lambda w: metrics.log_odds_slope(y, p, w)[0], self.rows["customer_id"])
        low, high = self.limits.slope_from, self.limits.slope_to
        text = f"slope {slope.value:.2f} ({slope.low:.2f} to {slope.high:.2f}), within {low:g} to {high:g}"
        return passed(
            "calibration slope",
            slope.low <= high and slope.high >= low,
            text,
            slope=slope.value,
            low=slope.low,
            high=slope.high,
        )

    def by_grade(self) -> Check:
        """Count the grades that fail Jeffreys' test, each customer once a horizon."""
        from training.default.evaluation import cohorts, grade_table

        cohort = cohorts(self.rows["month"].to_numpy(), self.candidate.horizon_months)
        table = grade_table(self.rows["y"].to_numpy()[cohort], self.rows["pd"].to_numpy()[cohort])
        failing = table[table["is_failing"]]
        named = ", ".join(
            f"{g.grade} ({g.defaults} of {g.count}, mean PD {g.pd_mean:.3%})" for g in failing.itertuples()
        )
        most = self.limits.grades_failing_at_most
        return passed(
            "calibration by grade", len(failing) <= most, f"{len(failing)} grades fail Jeffreys' test, at most {most}" + (f": {named}" if named else ""),
            failing=len(failing),
        )  # fmt: skip

    def months(self) -> Check:
        """Check that a customer's score of one month goes with its score of the month before, overall and by segment.

        Scores that jump from month to month are a sign of inputs joined to the wrong customers.
        """
        from scipy.stats import spearmanr

        limits, rows = self.limits, self.rows
        before = rows[["customer_id", "month", "log_odds"]].assign(month=rows["month"] + 1)
        pairs = rows.merge(before, on=["customer_id", "month"], suffixes=("", "_before"))
        if len(pairs) < limits.segment_fewest_rows:
            return note("score stability: months", f"{len(pairs)} pairs of neighbouring months are too few")
        groups = [("all", pairs)] + [
            (f"{name} {value}", part)
            for name in ("country", "industry")
            for value, part in pairs.groupby(name, observed=True)
            if len(part) >= limits.segment_fewest_rows
        ]
        ranks = {name: float(spearmanr(part["log_odds"], part["log_odds_before"]).statistic) for name, part in groups}
        low = {name: rank for name, rank in ranks.items() if rank < limits.month_to_month_rank_at_least}
        text = (
            f"rank correlation of a customer's scores of neighbouring months {ranks['all']:.2f}, lowest of {len(ranks) - 1} segments "
            f"{min(ranks.values()):.2f}, at least {limits.month_to_month_rank_at_least:g}"
        ) + (f": {', '.join(f'{name} {rank:.2f}' for name, rank in low.items())}" if low else "")
        return passed("score stability: months", not low, text, all=ranks["all"], lowest=min(ranks.values()))

    def monotonicity(self) -> Check:
        """Check on evaluated rows that the score never moves against a declared direction of risk."""
        worst, column = monotone_violation(self.candidate)
        text = f"largest move against a declared direction {worst:.2g} log-odds" + (f" ({column})" if column else "")
        return passed("monotonicity", worst <= self.limits.monotone_tolerance, text, violation=worst)

    def additivity(self) -> Check:
        """Check that base value and contributions add up to the margin."""
        X = spread(self.candidate.matrix, EXPLAINED_ROWS)
        try:
            base, parts = self.candidate.model.contributions(X)
        except ArithmeticError as wrong:
            return passed("additivity", False, str(wrong))
        worst = float(
            np.abs(base + parts.to_numpy().sum(axis=1) - self.candidate.model.predict(X)["margin"].to_numpy()).max()
        )
        return passed(
            "additivity",
            worst <= self.limits.additivity,
            f"largest miss {worst:.1g} log-odds, at most {self.limits.additivity:g}",
            miss=worst,
        )

    def against_champion(self) -> list[Check]:
        """Compare with the champion on the same rows: outcomes, order, log loss where neither saw them; level, ranks, segments."""
        assert self.champion is not None
        horizon = f"pd_{self.candidate.horizon_months}m"
        mine, theirs, how = self.same_rows(["customer_id", "as_of"], "as_of")
        enough = len(mine) and mine.loc[mine["y"] > 0, "customer_id"].nunique() >= self.limits.fewest_defaulters
        other = next((theirs[c] for c in ("pd", horizon) if c in theirs), None)
        if not enough or other is None:
            found = [
                note(
                    "champion: outcomes",
                    f"not comparable: too few outcomes that neither {self.candidate.name} nor {self.champion.name} had seen",
                )
            ]
        else:
            found = self.outcomes(mine, theirs, np.clip(other.to_numpy(), 1e-9, 1 - 1e-9), how)
        needed = list(self.champion.model.needed)
        if not set(needed) <= set(self.candidate.matrix.columns):
            lacking = sorted(set(needed) - set(self.candidate.matrix.columns))
            return [
                *found,
                note(
                    "score stability",
                    f"not comparable: the champion's inputs {', '.join(lacking[:3])} are not among the candidate's",
                ),
            ]
        predicted = self.champion.model.predict(self.candidate.matrix[needed])
        if horizon not in predicted:
            return [
                *found,
                note(
                    "score stability",
                    f"not comparable: the champion has no PD over {self.candidate.horizon_months} months",
                ),
            ]
        # scores are compared on all evaluated rows: unlike outcomes they may have been seen
        rows, scores = self.rows.reset_index(drop=True), predicted[horizon].to_numpy()
        p = rows["pd"].to_numpy()
        return [
            *found,
            *self.stability(rows, p, scores),
            self.segments(rows, rows["y"].to_numpy(), p, scores, unseen=False),
        ]

    def outcomes(self, mine: pd.DataFrame, theirs: pd.DataFrame, other_pd: Floats, how: str) -> list[Check]:
        """Compare order and log loss with the champion's by paired bootstrap over customers."""
        assert self.champion is not None
        limits, y, p, who = self.limits, mine["y"].to_numpy(), mine["pd"].to_numpy(), mine["customer_id"]
        found = []
        if "y" in theirs and self.candidate.policy == self.champion.policy:
            differing = float((theirs["y"].to_numpy() != y).mean())
            text = f"{differing:.1%} of the common rows have another outcome than in the champion's run, at most 1 %"
            found.append(passed("same outcomes", differing <= 0.01, text, share=differing))
        gini = self.interval(lambda w: metrics.gini(y, p, w) - metrics.gini(y, other_pd, w), who)
        loss = self.interval(lambda w: metrics.log_loss(y, other_pd, w) - metrics.log_loss(y, p, w), who)
        text = (
            f"Gini {gini.value:+.3f} ({gini.low:+.3f} to {gini.high:+.3f}) against the champion on {len(y):,} {how}; a loss above "
            f"{limits.gini_loss_at_most:g} refuses where its interval lies below 0"
        )
        holds = gini.value >= -limits.gini_loss_at_most or gini.high >= 0
        found.append(passed("champion: order", holds, text, gain=gini.value, low=gini.low, high=gini.high))
        text = (
            f"log loss better by {loss.value:+.4f} ({loss.low:+.4f} to {loss.high:+.4f}) on the same rows; a loss beyond "
            f"{limits.log_loss_gain_at_least:g} refuses where its interval lies below 0"
        )
        holds = loss.value >= limits.log_loss_gain_at_least or loss.high >= 0
        found.append(passed("champion: log loss", holds, text, gain=loss.value, low=loss.low, high=loss.high))
        return [*found, self.segments(mine.reset_index(drop=True), y, p, other_pd, unseen=True)]

    def stability(self, mine: pd.DataFrame, p: Floats, other: Floats) -> list[Check]:
        """Compare level and ranks of the scores of the same rows.

        A level that moves far from the champion's needs outcomes that refute the champion's own level.
        """
        from scipy.stats import spearmanr

        y, limits = mine["y"].to_numpy(), self.limits
        ratio, most = float(p.mean() / other.mean()), limits.level_to_champion_within
        level = self.interval(lambda w: ratio_of(other, y, w), mine["customer_id"])
        refuted = level.low > limits.level_within or level.high < 1 / limits.level_within
        text = (
            f"mean PD {p.mean():.3%} is {ratio:.2f} times the champion's {other.mean():.3%} on the same rows, within "
            f"{1 / most:.2f} to {most:.2f} unless outcomes refute the champion's level (it is {level.value:.2f} times the "
            f"observed rate, {level.low:.2f} to {level.high:.2f})"
        )
        rank = float(spearmanr(p, other).statistic)
        least = limits.rank_to_champion_at_least
        return [
            passed("score stability: level", max(ratio, 1 / ratio) <= most or refuted, text, ratio=ratio),
            passed(
                "score stability: ranks", rank >= least,
                f"rank correlation with the champion's scores {rank:.2f}, at least {least:g}", spearman=rank,
            ),
        ]  # fmt: skip

    def segments(self, mine: pd.DataFrame, y: Floats, p: Floats, other: Floats, *, unseen: bool) -> Check:
        """Compare each country and industry with the champion; names the segments that fail.

        unseen : neither had seen the outcomes: their log loss is compared, where enough customers default. Otherwise order
        and level of the scores are, in every segment with enough rows.
        """
        from scipy.stats import spearmanr

        limits = self.limits
        loss = -(y * np.log(p) + (1 - y) * np.log1p(-p)) + (y * np.log(other) + (1 - y) * np.log1p(-other))
        overall = float(p.mean() / other.mean())
        groups = [
            (f"{name} {value}", part.index.to_numpy(), part.loc[part["y"] > 0, "customer_id"].nunique())
            for name in ("country", "industry")
            for value, part in mine.groupby(name, observed=True)
            if len(part) >= limits.segment_fewest_rows
        ]
        failing = []
        for name, rows, defaulters in groups:
            rank = float(spearmanr(p[rows], other[rows]).statistic)
            ratio = float(p[rows].mean() / other[rows].mean()) / overall
            if not unseen and rank < limits.segment_rank_at_least:
                failing.append(f"{name}: rank correlation {rank:.2f}, {len(rows)} rows")
            elif not unseen and max(ratio, 1 / ratio) > limits.segment_level_within:
                failing.append(f"{name}: level moved by {ratio:.2f} against all, {len(rows)} rows")
            elif unseen and defaulters >= limits.segment_fewest_defaulters:
                of, confidence = loss[rows], 1 - (1 - self.gates.confidence) / len(groups)
                worse = metrics.by_customer(
                    lambda w, of=of: float(np.average(of, weights=w)),  # type: ignore[misc]
                    mine["customer_id"].to_numpy()[rows], draws=self.gates.draws, confidence=confidence,
                )  # fmt: skip
                if worse.low > 0 and worse.value > limits.segment_log_loss_at_most:
                    failing.append(
                        f"{name}: log loss {worse.value:+.3f} ({worse.low:+.3f} to {worse.high:+.3f}), {len(rows)} rows"
                    )
        text = f"{len(failing)} of {len(groups)} segments are worse than with the champion" + (
            f": {'; '.join(failing)}" if failing else ""
        )
        gate = "segments: log loss" if unseen else "segments: scores"
        return passed(gate, not failing, text, tested=len(groups), failing=len(failing))


def monotone_violation(candidate: Candidate) -> tuple[float, str]:
    """Return the largest move of the margin against a declared direction (0 for none), and its column.

    Each constrained column is set to five quantiles of its evaluated values on some rows, all else equal.
    """
    X = spread(candidate.matrix, MONOTONE_ROWS)
    worst, column = 0.0, ""
    for name, direction in candidate.directions.items():
        values = candidate.matrix[name].dropna() if name in candidate.matrix else pd.Series(dtype=np.float64)
        if not direction or values.nunique() < 2:
            continue
        steps = np.unique(values.quantile(np.linspace(0, 1, MONOTONE_STEPS)))
        moved = pd.concat([X.assign(**{name: value}) for value in steps], ignore_index=True)
        margin = candidate.model.predict(moved)["margin"].to_numpy().reshape(len(steps), len(X))
        against = float(-(direction * np.diff(margin, axis=0)).min())
        if against > worst:
            worst, column = against, name
    return worst, column
