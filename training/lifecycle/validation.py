"""The validation report of a run: one HTML page and the same as JSON, from the run's logged artifacts only.

Every figure names the artifact that it comes from and a derivation; `derive` computes it again from that artifact.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

TEMPLATE = Path(__file__).with_name("validation.html")


@dataclass(frozen=True, kw_only=True)
class Artifacts:
    """The artifacts of one run in a local folder, read when they are first used."""

    folder: Path
    run_id: str
    facts: Mapping[str, str]

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Return evidence/rows.parquet; empty where the run was evaluated on nothing."""
        return self._parquet("rows")

    @cached_property
    def matrix(self) -> pd.DataFrame:
        """Return evidence/matrix.parquet: the inputs of `rows`, in the same order."""
        return self._parquet("matrix")

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Return metrics.json."""
        return {k: float(v) for k, v in json.loads((self.folder / "metrics.json").read_text(encoding="utf-8")).items()}

    @cached_property
    def run(self) -> dict[str, Any]:
        """Return run.json: kind, commit, ledger, parameters, challengers."""
        return dict(json.loads((self.folder / "run.json").read_text(encoding="utf-8")))

    @property
    def kind(self) -> str:
        """Return default or delay."""
        return str(self.run["kind"])

    def table(self, name: str) -> pd.DataFrame | None:
        """Return tables/NAME.csv, None where the run has none."""
        path = self.folder / "tables" / f"{name}.csv"
        return pd.read_csv(path) if path.exists() and path.stat().st_size > 1 else None

    def plot(self, name: str) -> str | None:
        """Return plots/NAME.png as a data URI, None where the run has none."""
        path = self.folder / "plots" / f"{name}.png"
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode() if path.exists() else None

    def _parquet(self, name: str) -> pd.DataFrame:
        path = self.folder / "evidence" / f"{name}.parquet"
        return pd.read_parquet(path) if path.exists() else pd.DataFrame()


Derivation = Callable[[Artifacts], float]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number of the report. artifact : the file it comes from. shown : as text with its unit.

    derivation : how it follows from the artifact, in words; `derive` does it.
    """

    name: str
    value: float
    shown: str
    artifact: str
    derivation: str


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A table or plot of a section with the artifact it comes from. rows : cells as text; uri : of a plot."""

    title: str
    artifact: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    uri: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section: sentences, figures, tables and plots in this order."""

    title: str
    text: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    shown: tuple[Shown, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """A validation report. facts : name -> text at its head."""

    title: str
    run_id: str
    facts: Mapping[str, str]
    sections: tuple[Section, ...] = field(default_factory=tuple)

    def figures(self) -> list[Figure]:
        """Return every figure of the report."""
        return [figure for section in self.sections for figure in section.figures]

    def to_json(self) -> dict[str, Any]:
        """Return the report without its plots, as JSON values; a figure that does not exist is null."""
        return {
            "title": self.title, "run_id": self.run_id, "facts": dict(self.facts),
            "sections": [
                {
                    "title": s.title, "text": list(s.text),
                    "figures": [
                        {"name": f.name, "value": f.value if np.isfinite(f.value) else None, "shown": f.shown,
                         "artifact": f.artifact, "derivation": f.derivation}
                        for f in s.figures
                    ],
                    "tables": [
                        {"title": t.title, "artifact": t.artifact, "head": list(t.head), "rows": [list(r) for r in t.rows]}
                        for t in s.shown if not t.uri
                    ],
                    "plots": [{"title": p.title, "artifact": p.artifact} for p in s.shown if p.uri],
                }
                for s in self.sections
            ],
        }  # fmt: skip

    def to_html(self) -> str:
        """Return one self-contained HTML page: no script, no style sheet, font or image from elsewhere."""
        environment = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(report=self)


def as_table(title: str, artifact: str, frame: pd.DataFrame) -> Shown:
    """Return a frame as a table of text cells: counts with separators, other numbers with four digits."""
    return Shown(
        title=title, artifact=artifact, head=tuple(str(c) for c in frame.columns),
        rows=tuple(tuple(text_of(value) for value in line) for line in frame.itertuples(index=False)),
    )  # fmt: skip


def text_of(value: Any) -> str:
    """Return a cell's text; a missing value is a dash."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}"
    if isinstance(value, float | np.floating):
        if not np.isfinite(float(value)):
            return "–"
        number = float(value)
        return f"{number:,.0f}" if number.is_integer() and abs(number) >= 1 else f"{number:.4g}"
    return str(value)
