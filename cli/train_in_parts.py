"""Train on a ledger larger than memory, read part by part: the options --histories and --sample-goods of `train`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import progress
from ledger.errors import InputError

if TYPE_CHECKING:
    from ledger.default_status import DefaultPolicy
    from training.default.partitioned import LedgerParts
    from training.default.stages import Options
    from training.result import Fitted


def refuse_with_parts(model: str, *, tune: int, quarantine: bool) -> None:
    """Raise InputError for options that need the whole ledger in memory."""
    if model != "default":
        raise InputError(
            "--histories and --sample-goods are of the default model: add --model default. The delay model learns from at most "
            "30,000 items drawn by lot and reads the ledger whole."
        )
    if tune or quarantine:
        name = "--tune" if tune else "--quarantine"
        raise InputError(
            f"{name} needs the whole ledger in memory: leave out --histories and --sample-goods, or {name}."
        )


def read_book(ledger: Path, as_of: str) -> tuple[date, LedgerParts]:
    """Return the day that the user typed and the ledger divided into parts."""
    from cli.train import as_of_day
    from features.engine.partitioned import last_known_on, part_members
    from training.default.partitioned import read_parts

    part_members(ledger, None)  # refuses what is not a folder of tables before anything is read
    day = as_of_day(as_of, last_known_on(ledger))
    return day, read_parts(ledger, day, watch=lambda parts: progress(parts, what="parts of the ledger"))


def fit_of_parts(
    book: LedgerParts, seed: int, options: Options, histories: Path | None, sample_goods: float | None
) -> Callable[[DefaultPolicy], Fitted]:
    """Return a function from a policy to the default model fitted on the parts."""
    from training.default.fit_in_parts import fit_in_parts

    def fit(policy: DefaultPolicy) -> Fitted:
        return fit_in_parts(
            book, policy=policy, seed=seed, histories=histories, sample_goods=sample_goods, options=options,
            with_challengers=True, watch=lambda parts: progress(parts, what="parts"),
        )  # fmt: skip

    return fit
