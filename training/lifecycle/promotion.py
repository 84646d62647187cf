"""Promotion: a candidate becomes champion if every gate passes, or if two persons override the gates with a reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from features.language import Risk
from ledger.errors import InputError
from models import champion_alias, journal, registry
from models.journal import Entry, Journal
from models.pyfunc import load_model
from models.registry import CHAMPION, NoModel, Served, Settings
from training.lifecycle.gates import Candidate, Check, Report, run_gates
from training.lifecycle.gates_file import Gates


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a promotion request.

    served : the version as it is served now; None where it was refused. waits_for_second_person : an override was requested
    and another person has to confirm it. report : of the gates.
    """

    model: str
    version: str
    served: Served | None
    report: Report
    waits_for_second_person: bool = False


def candidate_of(settings: Settings, served: Served) -> Candidate:
    """Return a registered version with the evidence of its run, both checked against their digests.

    Raises DigestMismatch where a file of the model or an artifact of its run was changed.
    """
    kind = {name: kind for kind, name in registry.NAMES.items()}[served.name]
    model = load_model(served.folder)
    rows, matrix, directions = pd.DataFrame(), pd.DataFrame(), {}
    if registry.ARTIFACTS_TAG in served.tags:
        folder = registry.run_artifacts(settings, served.run_id)
        rows, matrix = (_evidence(folder / "evidence" / f"{name}.parquet") for name in ("rows", "matrix"))
        catalogue = json.loads((folder / "feature_catalogue.json").read_text(encoding="utf-8"))["features"]
        directions = {c["name"]: int(Risk[c["risk"]]) for c in catalogue if kind == "default" and c["name"] in matrix}
    parameters = served.parameters
    return Candidate(
        name=f"version {served.version}", kind=kind, model=model, rows=rows, matrix=matrix, directions=directions,
        as_of=pd.Timestamp(served.tags[registry.AS_OF_TAG]),
        policy=f"{parameters.get('policy', '')} {parameters.get('policy_version', '')}",
        horizon_months=int(parameters.get("horizon_months", 12)),
    )  # fmt: skip


def _evidence(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.exists() else pd.DataFrame()


def evaluate(settings: Settings, name: str, version: str, gates: Gates, *, by: str) -> tuple[Served, Report]:
    """Return a version and the report of its gates, with the present champion compared on the same rows.

    by : who would promote; with `four_eyes` the report holds a check that it is not who trained.
    """
    served = registry.load(settings, name, version)
    champion = None
    try:
        present = registry.load(settings, name, CHAMPION)
        champion = None if present.version == served.version else candidate_of(settings, present)
    except NoModel:
        pass  # there is no champion yet: the gates note it
    report = run_gates(candidate_of(settings, served), champion, gates)
    trained_by = served.tags.get("mlflow.user", "")
    if gates.four_eyes:
        check = Check(
            gate="four eyes", is_passed=trained_by != by,
            text=f"trained by {trained_by or 'unknown'}, promoted by {by}; they must be two persons",
        )  # fmt: skip
        report = Report(gates=report.gates, version=report.version, checks=(*report.checks, check))
    return served, report


def promote(
    settings: Settings, name: str, version: str, gates: Gates, *, by: str, why: str = "", override: str | None = None
) -> Outcome:
    """Run the gates of a version and make it the champion if all pass; record it, or the refusal, in the journal.

    Parameters
    ----------
    by : who acts (an account or an authenticated subject, never free text).
    why : the reason of the promotion.
    override : a reason to promote although a gate refuses. It takes two persons: the first call records the request, the
        call of another person for the same version promotes.

    Raises
    ------
    NoModel, DigestMismatch, Busy, JournalError
        As `models.champion_alias.move`.
    InputError
        An override without a reason.
    """
    if override is not None and not override.strip():
        raise InputError("--override needs a reason: it is written into the journal with the figures of the gates.")
    served, report = evaluate(settings, name, version, gates, by=by)
    log, facts = Journal.of(settings), journal.facts_of(served)
    if report.is_passed:
        moved = champion_alias.move(settings, name, version, by=by, why=why, gates=report.to_json())
        return Outcome(model=name, version=version, served=moved, report=report)
    if override is None:
        log.append(
            journal.REFUSED, name, version, by=by, why="; ".join(report.reasons), gates=report.to_json(), **facts
        )
        return Outcome(model=name, version=version, served=None, report=report)
    first = _request(log, served, by)
    if first is None:
        log.append(journal.OVERRIDE_REQUESTED, name, version, by=by, why=override, gates=report.to_json(), **facts)
        return Outcome(model=name, version=version, served=None, report=report, waits_for_second_person=True)
    moved = champion_alias.move(
        settings, name, version, by=by, why=f"override: {first.why}; confirmed: {override}", gates=report.to_json(),
        second_person=first.by,
    )  # fmt: skip
    return Outcome(model=name, version=version, served=moved, report=report)


def _request(log: Journal, served: Served, by: str) -> Entry | None:
    """Return the open override request of another person for exactly this version, None where there is none.

    A request is open until the next change of the champion alias.
    """
    for entry in reversed(log.entries(served.name)):
        if entry.action in journal.ALIAS_CHANGES:
            return None
        if entry.action == journal.OVERRIDE_REQUESTED and entry.digest == served.digest and entry.by != by:
            return entry
    return None
