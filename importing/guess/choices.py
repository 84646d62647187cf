"""Hold what a guess chose: the columns of a file with their evidence, and what its rows are."""

from __future__ import annotations

from dataclasses import dataclass, field

from importing.guess.columns import Sampled, SampledFile


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One column that was chosen: its header, how alike the name is, and the evidence of its values."""

    header: str
    score: float
    evidence: str


@dataclass(kw_only=True)
class FileGuess:
    """Hold what one file is taken for.

    choices : (ledger table, column) -> the chosen column. undecided : sentences. day_first : how its dates are read, None
    where nothing tells. status, kinds : meaning -> the words of the column that have it. units : (table, column) -> unit.
    repeats : ("payments", "lines" or "document", evidence) where an invoice has several rows. calendar : which the dates seem to be of.
    ages : the columns of an ageing list that add up to the amount. cell_currencies : ISO code or sign of several currencies -> how many cells of the amount name it. header_currency : the code in its
    header. notes : what was noticed.
    """

    file: SampledFile
    choices: dict[tuple[str, str], Choice] = field(default_factory=dict)
    undecided: list[str] = field(default_factory=list)
    day_first: bool | None = None
    day_evidence: str = ""
    status: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, list[str]] = field(default_factory=dict)
    units: dict[tuple[str, str], str] = field(default_factory=dict)
    repeats: tuple[str, str] | None = None
    calendar: str | None = None
    ages: tuple[str, ...] = ()
    cell_currencies: dict[str, int] = field(default_factory=dict)
    header_currency: str | None = None
    notes: list[str] = field(default_factory=list)

    def column(self, table: str, name: str) -> Sampled | None:
        """Return the chosen column of the sample."""
        choice = self.choices.get((table, name))
        return None if choice is None else self.file.column(choice.header)
