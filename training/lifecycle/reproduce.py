"""Reproduce a run: fit again from the same ledger, parameters and seed, and compare; every difference is named."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from ledger.default_status import policy_named
from ledger.errors import InputError
from ledger.ledger import Ledger
from models import registry
from training.default.ensembles import Shape
from training.default.stages import Options
from training.lifecycle.headline import all_metrics
from training.lifecycle.runs import commit, libraries
from training.result import Fitted


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something that is not what the run logged. is_cause : it may explain others (ledger, commit, policy, a library)."""

    name: str
    logged: str
    now: str
    is_cause: bool = False


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The result: () for the same digest and metrics. metrics : how many were compared."""

    run_id: str
    differences: tuple[Difference, ...]
    metrics: int
    digest: str

    @property
    def is_same(self) -> bool:
        """Return True if the model's files and every metric are the same."""
        return all(d.is_cause for d in self.differences)


def fit_again(
    kind: str, ledger: Ledger, parameters: Mapping[str, Any], *, with_challengers: bool, truth: pd.DataFrame | None
) -> Fitted:
    """Fit a model by the parameters that a run logged."""
    as_of, seed = date.fromisoformat(str(parameters["as_of"])), int(parameters["seed"])
    if kind == "delay":
        from training.delay import fit as delay_fit

        return delay_fit.fit(ledger, as_of=as_of, seed=seed)
    from training.default import fit as default_fit

    options = Options(**{f.name: parameters[f"option_{f.name}"] for f in fields(Options)})
    shape = Shape(**{f.name: parameters[f"shape_{f.name}"] for f in fields(Shape)})
    return default_fit.fit(
        ledger, as_of=as_of, policy=policy_named(str(parameters["policy"])), seed=seed, truth=truth, shape=shape, options=options,
        with_challengers=with_challengers,
    )  # fmt: skip


def causes(logged: Mapping[str, Any], ledger: Ledger) -> list[Difference]:
    """Return what differs before anything is fitted: ledger, commit, policy, libraries."""
    parameters = logged["parameters"]
    found = []
    pairs = [
        ("ledger fingerprint", parameters["ledger_fingerprint"], ledger.fingerprint),
        ("code commit", logged["commit"], commit()),
    ]
    if "policy" in parameters:
        now = policy_named(str(parameters["policy"]))
        pairs.append(
            ("policy version", f"{parameters['policy']} {parameters['policy_version']}", f"{now.name} {now.version}")
        )
    now_installed = libraries()
    pairs += [
        (f"library {name}", was, now_installed.get(name, "not installed"))
        for name, was in logged.get("libraries", {}).items()
    ]
    for name, was, now_is in pairs:
        if str(was) != str(now_is):
            found.append(Difference(name=name, logged=str(was), now=str(now_is), is_cause=True))
    return found


def _of_a_sample(run_id: str, parameters: Mapping[str, Any], digest: str) -> InputError:
    own = {name: parameters[name] for name in ("as_of", "sample_goods", "seed")}
    return InputError(
        f"run {run_id} was fitted on a sample of the rows ({parameters['sample_goods']:.3g} of those without a default), from histories "
        "in parts. Make it again by `tradecredit features LEDGER --for-model default --out FOLDER` and `tradecredit train LEDGER --model "
        "default --as-of {as_of} --histories FOLDER --sample-goods {sample_goods} --seed {seed}`; ".format(**own)
        + f"the registered version's digest must then be {digest}."
    )


def reproduce(run_id: str, folder: Path, digest: str, ledger: Ledger, truth: pd.DataFrame | None) -> Reproduction:
    """Fit a run again and compare its model's digest and every metric.

    Parameters
    ----------
    folder : the run's artifacts, checked (`registry.run_artifacts`). digest : that of its registered model.

    Raises
    ------
    InputError
        The run was fitted on a sample of histories in parts: such a fit is made again by its own two commands.
    """
    logged = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if "sample_goods" in logged["parameters"]:
        raise _of_a_sample(run_id, logged["parameters"], digest)
    before = {k: float(v) for k, v in json.loads((folder / "metrics.json").read_text(encoding="utf-8")).items()}
    found = causes(logged, ledger)
    fitted = fit_again(
        logged["kind"], ledger, logged["parameters"], with_challengers=bool(logged["challengers"]), truth=truth
    )
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "model"
        place.mkdir()
        fitted.model.save(place)
        (place / "kind.json").write_text(json.dumps({"kind": logged["kind"]}))
        own = registry.digest(place)
    if own != digest:
        found.append(Difference(name="model digest", logged=digest, now=own))
    now = all_metrics(logged["kind"], fitted)
    for name in sorted(set(before) | set(now)):
        was, is_now = before.get(name), now.get(name)
        if was is None or is_now is None or not (was == is_now or (math.isnan(was) and math.isnan(is_now))):
            found.append(Difference(name=f"metric {name}", logged=_text(was), now=_text(is_now)))
    return Reproduction(run_id=run_id, differences=tuple(found), metrics=len(before), digest=own)


def _text(value: float | None) -> str:
    return "not there" if value is None else repr(value)
