"""The validation report of a run in the registry: its artifacts and its model checked, the champion loaded beside them."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger.errors import InputError
from models import registry
from models.registry import CHAMPION, NoModel, Served, Settings
from training.lifecycle.gates import Report as GatesReport
from training.lifecycle.gates import run_gates
from training.lifecycle.gates_file import Gates
from training.lifecycle.promotion import candidate_of
from training.lifecycle.runs import run_of
from training.lifecycle.validation import Artifacts, Report
from training.lifecycle.validation_sections import build


def version_of_run(settings: Settings, run: str) -> Served:
    """Return the registered version of a run id, or the champion for the words default and delay.

    Raises InputError for an unknown run, or one that registered no model.
    """
    if run in registry.NAMES:
        return registry.load(settings, registry.NAMES[run])
    found = run_of(settings, run)
    versions = registry.client(settings).search_model_versions(f"run_id = '{found.info.run_id}'")
    if not versions:
        raise InputError(
            f"run {run} ({found.info.run_name}) registered no model; give the id of a run of the experiments "
            f"{settings.experiment('default')} or {settings.experiment('delay')}."
        )
    return registry.load(settings, str(versions[0].name), str(versions[0].version))


def validation(settings: Settings, run: str, gates: Gates) -> tuple[Report, GatesReport]:
    """Return the validation report of a run and its gates' results. Raises DigestMismatch for altered artifacts."""
    served = version_of_run(settings, run)
    candidate = candidate_of(settings, served)
    champion = None
    try:
        present = registry.load(settings, served.name, CHAMPION)
        champion = None if present.version == served.version else candidate_of(settings, present)
    except NoModel:
        pass  # there is no champion yet: the gates note it
    result = run_gates(candidate, champion, gates)
    started = datetime.fromtimestamp(run_of(settings, served.run_id).info.start_time / 1000, UTC)
    facts = {
        "model": f"{served.name} version {served.version}", "run": served.run_id,
        "trained": f"{started.isoformat(timespec='seconds')} by {served.tags.get('mlflow.user', 'not known')}",
        "model digest (SHA-256)": served.digest, "artifacts digest (SHA-256)": served.tags.get(registry.ARTIFACTS_TAG, "–"),
        "compared with": "no champion" if champion is None else f"champion, {champion.name}",
    }  # fmt: skip
    folder = registry.run_artifacts(settings, served.run_id)
    return build(Artifacts(folder=folder, run_id=served.run_id, facts=facts), candidate, result), result
