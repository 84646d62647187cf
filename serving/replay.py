"""A past answer computed again: from the inputs that were logged, and from the ledger where it is still the same."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from decisions.scorer import DELAYS, Scorer
from decisions.scoring_ledger import ScoringLedger
from ledger.errors import InputError
from models import registry
from models.default.model import DefaultModel
from models.delay.model import DelayModel
from models.registry import Served, Settings
from serving import answers, what_if
from serving.champions import Champions
from serving.decision_log import DecisionLog, Record
from serving.messages import ExplainRequest, PaymentsRequest, ReviewRequest, ScoreRequest, WhatIfRequest, parsed
from serving.shared_limits import Shared

ANSWERS: Mapping[str, Any] = {
    "score": (ScoreRequest, answers.score, "scores"),
    "explain": (ExplainRequest, answers.explain, None),
    "review": (ReviewRequest, answers.review, None),
    "what_if": (WhatIfRequest, what_if.what_if, None),
    "predict_payments": (PaymentsRequest, answers.predict_payments, "items"),
}
NOT_LOGGED = ("decision_id", "source", "ledger_position")  # of an answer: what says how it was given


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One number of an answer: as logged, and as computed again."""

    name: str
    logged: Any
    again: Any

    @property
    def is_same(self) -> bool:
        """Equal to the last bit: the order of sums does not depend on who else was asked about (models/ensembles.py)."""
        return bool(self.logged == self.again)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What came of it. from_inputs : the models asked again with the logged inputs. from_ledger : the whole answer from
    the ledger, None where that ledger is not the one of then (`why_not_ledger`)."""

    record: Record
    from_inputs: tuple[Compared, ...]
    from_ledger: tuple[Compared, ...] | None
    why_not_ledger: str = ""

    @property
    def is_same(self) -> bool:
        return all(c.is_same for c in (*self.from_inputs, *(self.from_ledger or ())))


def replay(settings: Settings, record: Record, served: ScoringLedger | None) -> Replay:
    """Compute a logged answer again with the model versions of then, from their checked files.

    Raises InputError for a person's decision, which no model computes, NoModel where a version is gone, DigestMismatch where its files are not those of then.
    """
    if record.content["kind"] == "decide":
        raise InputError(
            f"{record.decision_id} is a person's decision; replay the review that it is about: "
            f"{record.content['answer']['review_id']}."
        )
    default, delay = (_as_logged(settings, name, record) for name in (registry.DEFAULT_MODEL, registry.DELAY_MODEL))
    scorer_models = (
        None if default is None else DefaultModel.load(default.folder),
        None if delay is None else DelayModel.load(delay.folder),
    )
    from_inputs = tuple(_from_inputs(record, *scorer_models))
    content = record.content
    if content["kind"] not in ANSWERS:
        why = "the ledger came in the request and was not kept"
    elif served is None:
        why = "no ledger is given"
    elif served.fingerprint != content["ledger_fingerprint"]:
        why = f"the ledger is another now (known to {served.data_known_to}; then {content['answer']['data_known_to']})"
    else:
        scorer = Scorer.with_models(served, *scorer_models)
        champions = Champions(default=default, delay=delay, scorer=scorer, served_since="")
        return Replay(record=record, from_inputs=from_inputs, from_ledger=tuple(_from_ledger(record, champions)))
    return Replay(record=record, from_inputs=from_inputs, from_ledger=None, why_not_ledger=why)


def _as_logged(settings: Settings, name: str, record: Record) -> Served | None:
    """Return the model version that answered; None where that model had no champion then."""
    logged = record.content["models"].get(name)
    if logged is None:
        return None
    served = registry.load(settings, name, logged["version"])
    if served.digest != logged["digest"]:
        raise registry.DigestMismatch(
            f"{name} version {logged['version']}: its files have digest {served.digest[:12]}…, the decision was made "
            f"with {logged['digest'][:12]}…; it cannot be replayed with them."
        )
    return served


def _from_inputs(record: Record, default: DefaultModel | None, delay: DelayModel | None) -> Iterator[Compared]:
    """Yield the models' own numbers from the logged inputs beside the logged ones."""
    answer, inputs = record.content["answer"], record.content["inputs"]
    given = answer if "pd" in answer or "p_late_30" in answer else answer["score"]
    if default is not None and "default" in inputs:
        found = default.predict(_row(inputs["default"])).iloc[0]
        for name in ("score", "grade", "pd_low", "pd_high"):
            yield Compared(name=name, logged=given[name], again=found[name])
        for name, value in given["pd_by_horizon"].items():
            yield Compared(name=name, logged=value, again=float(found[name]))
    lateness = given.get("delay") or (given if "p_late_30" in given else None)
    if delay is not None and "delay" in inputs and lateness:
        found = delay.predict(_row(inputs["delay"])).iloc[0]
        for name in DELAYS:
            yield Compared(name=name, logged=lateness[name], again=float(found[name]))


def _row(inputs: Mapping[str, float | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: [np.nan if value is None else value] for name, value in inputs.items()}, dtype=np.float64
    )


def _from_ledger(record: Record, champions: Champions) -> Iterator[Compared]:
    """Every field of the answer, asked again of the same ledger; the new answer goes to a log that is thrown away."""
    content = record.content
    kind, answer, part = ANSWERS[content["kind"]]
    logged = content["answer"]
    asked = {**content["asked"], "as_of": logged["as_of"]}
    if content["kind"] == "score":
        asked["customer_ids"] = [logged["customer_id"]]
    elif content["kind"] == "predict_payments":
        asked |= {"customer_ids": [], "invoice_ids": [logged["invoice_id"]]}
    with tempfile.TemporaryDirectory() as place:
        log = DecisionLog(Path(place) / "replay.sqlite")
        # what others use of shared caps, and were granted by then, is part of what the answer rests on
        binds = logged.get("before", logged)
        given = {"shared": Shared.of_json(binds)} if "shared_limits" in binds else {}
        again = answer(champions, log, parsed(kind, json.dumps(asked).encode()), **given)
        log.close()
    # one invoice may have several items: the answer's own is found by its instalment
    whole = again if part is None else again[part][_place(again[part], logged.get("instalment", 0))]
    yield from _compared("", logged, {k: v for k, v in whole.items() if k not in NOT_LOGGED})


def _place(parts: Sequence[Mapping[str, Any]], instalment: int) -> int:
    """Return the place of the item with this instalment number; 0 where there is none."""
    return next((k for k, one in enumerate(parts) if one.get("instalment", 0) == instalment), 0)


def _compared(path: str, logged: Any, again: Any) -> Iterator[Compared]:
    if isinstance(logged, dict) and isinstance(again, dict):
        for key in sorted({*logged, *again}):
            yield from _compared(f"{path}.{key}" if path else key, logged.get(key), again.get(key))
    elif isinstance(logged, list) and isinstance(again, list) and len(logged) == len(again):
        for place, (a, b) in enumerate(zip(logged, again, strict=True)):
            yield from _compared(f"{path}[{place}]", a, b)
    else:
        yield Compared(name=path, logged=logged, again=again)
