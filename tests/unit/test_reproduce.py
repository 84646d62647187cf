"""Reproducing a run: the same fit is the same, and whatever differs is named, causes before what follows from them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ledger.errors import InputError
from models import registry
from tests.served import small
from training.lifecycle import reproduce as reproducing
from training.lifecycle.tracking import write_artifacts
from training.result import Fitted


@pytest.fixture
def run(tmp_path: Path) -> tuple[Path, str, Fitted]:
    """The artifacts of a run of the small default model, the digest of its model, and its fit."""
    known = small()
    example = pd.DataFrame(np.zeros((2, len(known.default.needed))), columns=list(known.default.needed))
    fitted = Fitted(model=known.default, parameters={}, metrics={"auc": 0.75, "ks": float("nan")}, example=example)
    parameters = {"as_of": "2023-12-31", "seed": 1, "ledger_fingerprint": known.ledger.fingerprint, "policy": "primary",
                  "policy_version": known.default.policy.version}  # fmt: skip
    write_artifacts(tmp_path / "artifacts", "default", fitted, fitted.metrics, parameters, "small", known.ledger)
    folder = tmp_path / "model"
    folder.mkdir()
    fitted.model.save(folder)
    (folder / "kind.json").write_text(json.dumps({"kind": "default"}))
    return tmp_path / "artifacts", registry.digest(folder), fitted


def test_the_same_fit_is_the_same(run, monkeypatch) -> None:
    folder, digest, fitted = run
    monkeypatch.setattr(reproducing, "fit_again", lambda *a, **k: fitted)
    found = reproducing.reproduce("r", folder, digest, small().ledger, None)
    assert found.is_same
    assert found.differences == ()
    assert found.metrics == 2


def test_what_differs_is_named(run, monkeypatch) -> None:
    folder, _, fitted = run
    monkeypatch.setattr(reproducing, "fit_again", lambda *a, **k: replace(fitted, metrics={"auc": 0.7, "gini": 0.4}))
    monkeypatch.setattr(reproducing, "commit", lambda: "another")
    monkeypatch.setattr(reproducing, "libraries", lambda: {"lightgbm": "0.0"})
    logged = json.loads((folder / "run.json").read_text())
    logged["parameters"]["ledger_fingerprint"] = "f" * 64
    (folder / "run.json").write_text(json.dumps(logged))
    found = reproducing.reproduce("r", folder, "0" * 64, small().ledger, None)
    assert not found.is_same
    names = [d.name for d in found.differences]
    assert names[:2] == ["ledger fingerprint", "code commit"]
    assert {"library lightgbm", "model digest", "metric auc", "metric gini", "metric ks"} <= set(names)
    auc = next(d for d in found.differences if d.name == "metric auc")
    assert (auc.logged, auc.now) == ("0.75", "0.7")


def test_a_fit_on_a_sample_is_not_compared_with_a_fit_on_all_rows(tmp_path: Path) -> None:
    parameters = {"as_of": "2024-08-31", "sample_goods": 0.1, "seed": 1}
    (tmp_path / "run.json").write_text(json.dumps({"kind": "default", "parameters": parameters}))
    with pytest.raises(
        InputError, match=r"run r was fitted on a sample of the rows \(0.1 .*--sample-goods 0.1 --seed 1"
    ):
        reproducing.reproduce("r", tmp_path, "d" * 64, small().ledger, None)
