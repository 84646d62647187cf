"""Read the results of `tradecredit monitor` for the committee's report: from MLflow's experiment monitoring, or from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from models.registry import Settings

COLUMNS = ("on", "model", "version", "level", "text")
DEFAULT, DELAY = "tradecredit-default", "tradecredit-delay"


def monitor_results(settings: Settings, as_of: date, why_not: list[str], *, file: Path | None = None) -> pd.DataFrame:
    """Return the findings of the newest monitor result until a day: alarms, notes, then matured outcomes.

    Parameters
    ----------
    why_not : gets a sentence where there is no result, or where the result is of another version than the champion.
    file : the JSON of `tradecredit monitor LEDGER --json`; None: MLflow's experiment monitoring.

    Returns
    -------
    pandas.DataFrame
        on (the day looked at), model, version (of the champion monitored, "" for a file), level (alarm, note, outcome), text.

    Raises
    ------
    InputError
        The file cannot be read, is no monitor result, or looks at a later day than as_of.
    """
    import pandas as pd

    if file is not None:
        result, version = _read(file, as_of), ""
    else:
        newest = _newest(settings, as_of)
        if newest is None:
            why_not.append(
                "no monitor results: the experiment monitoring holds none until this day; run `tradecredit monitor LEDGER`, or "
                "give its JSON with --monitor."
            )
            return pd.DataFrame(columns=list(COLUMNS)).astype({"on": "datetime64[ns]"})
        result, version = newest
    # the run of a registry without a default champion names its version "delay N"
    model = DELAY if version.startswith("delay ") else DEFAULT
    version = version.removeprefix("delay ")
    return pd.DataFrame(
        [(pd.Timestamp(result["as_of"]), model, version, level, text) for level, text in _findings(result)],
        columns=list(COLUMNS),
    )


def _findings(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    alarms, notes = result["alarms"], result["notes"]
    yield "summary", f"{len(alarms)} alarms, {len(notes)} notes on {result['customers']:,} customers"
    yield from (("alarm", text) for text in alarms)
    yield from (("note", text) for text in notes)
    outcomes = [*result["outcomes"], *([result["delay"]] if result.get("delay") else [])]
    yield from (("outcome", o["text"]) for o in outcomes if o["text"] not in {*alarms, *notes})


def _read(file: Path, as_of: date) -> dict[str, Any]:
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
        day = date.fromisoformat(result["as_of"])
        list(_findings(result))
    except OSError as unreadable:
        raise InputError(f"--monitor {file}: {unreadable.strerror or unreadable}.") from unreadable
    except (ValueError, KeyError, TypeError) as other:
        raise InputError(
            f"--monitor {file}: not a result of the monitor; make one by `tradecredit monitor LEDGER --json > {file.name}`."
        ) from other
    if day > as_of:
        raise InputError(f"--monitor {file}: it looks at {day}, after the day of the report, {as_of}.")
    return dict(result)


def _newest(settings: Settings, as_of: date) -> tuple[dict[str, Any], str] | None:
    """Return the newest logged result until a day and the champion version that it is about; None where there is none."""
    import mlflow

    from models import registry

    store = registry.client(settings)
    experiment = store.get_experiment_by_name(settings.experiment("monitoring"))
    if experiment is None:
        return None
    days = [
        (day, run)
        for run in store.search_runs([experiment.experiment_id], "tags.`tradecredit.kind` = 'monitor'")
        for entry in store.list_artifacts(run.info.run_id)
        if entry.is_dir and (day := entry.path) <= as_of.isoformat()
    ]
    if not days:
        return None
    # of two results of one day, that of the run started last
    day, run = max(days, key=lambda found: (found[0], found[1].info.start_time))
    text = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{day}/monitor.json")
    return dict(json.loads(text)), str(run.data.tags.get("tradecredit.version", ""))
