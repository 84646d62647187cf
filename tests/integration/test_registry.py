"""Models go into the registry with a digest and come out of it only unchanged."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from ledger.ledger import Ledger
from models import registry
from models.champion_alias import move
from models.registry import DEFAULT_MODEL, DigestMismatch, NoModel, Settings
from training.lifecycle import tracking
from training.result import Fitted

ROOT = Path(__file__).parents[2]


class Doubling:
    """The smallest model: one column in, one out."""

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"pd_12m": X["a"] * 2.0})

    def contributions(self, X: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        return 0.0, X * 2.0

    def save(self, folder: Path) -> None:
        (folder / "factor.json").write_text("2.0")


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Ledger.from_frames(
        customers=pd.DataFrame({"customer_id": ["acme"]}),
        invoices=pd.DataFrame({
            "invoice_id": ["a"], "customer_id": "acme", "kind": "invoice", "issued_on": "2024-01-02",
            "due_on": "2024-02-01", "amount": 100, "currency": "EUR",
        }),
        payments=pd.DataFrame({
            "payment_id": ["p"], "customer_id": "acme", "invoice_id": "a", "paid_on": "2024-02-11", "amount": 100,
            "currency": "EUR", "kind": "payment",
        }),
    )  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    return Settings.from_environment()


def fitted() -> Fitted:
    return Fitted(
        model=Doubling(), parameters={"seed": 1}, metrics={"auc": 0.5}, example=pd.DataFrame({"a": [0.1, 0.2]}),
        tables={"grades": pd.DataFrame({"grade": ["A"]})},
    )  # fmt: skip


def test_the_life_of_a_model_in_the_registry(
    settings: Settings, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.pyfunc.load_model", lambda folder: Doubling())
    with pytest.raises(NoModel, match=r"no version 'champion' is registered.*`tradecredit promote default --version "):
        registry.load(settings, DEFAULT_MODEL)
    with pytest.raises(NoModel, match="nothing is registered yet"):
        registry.newest(settings, DEFAULT_MODEL)

    log = {"kind": "default", "ledger": ledger, "as_of": date(2024, 2, 29)}
    first = tracking.log(settings, fitted(), **log)
    second = tracking.log(settings, fitted(), **log)
    assert (first.version, second.version) == ("1", "2")
    assert first.digest == second.digest  # the same files
    assert first.tags["tradecredit.ledger_fingerprint"] == ledger.fingerprint
    assert "MLFLOW_TRACKING_URI" not in os.environ  # MLflow's own habit would overrule the next settings
    assert first.metrics == {"auc": 0.5}
    assert first.parameters["seed"] == "1"
    with pytest.raises(NoModel):  # training serves nothing
        registry.load(settings, DEFAULT_MODEL)

    promoted = move(settings, DEFAULT_MODEL, "1", by="an analyst")
    assert registry.load(settings, DEFAULT_MODEL) == promoted
    assert promoted.promoted_by == "an analyst"
    assert promoted.promoted_at.endswith("+00:00")

    (first.folder / "factor.json").write_text("3.0")
    with pytest.raises(DigestMismatch, match="version 1: its files have digest"):
        registry.load(settings, DEFAULT_MODEL)
    (first.folder / "factor.json").write_text("2.0")
    (first.folder / "stranger.pkl").write_bytes(b"\x80\x04")
    with pytest.raises(DigestMismatch, match=r"stranger\.pkl: a model's folder holds only"):
        move(settings, DEFAULT_MODEL, "1", by="an analyst")


def test_the_digest_names_files_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("1")
    before = registry.digest(tmp_path)
    (tmp_path / "a.json").rename(tmp_path / "b.json")
    renamed = registry.digest(tmp_path)
    (tmp_path / "c.json").write_text("")
    assert len({before, renamed, registry.digest(tmp_path)}) == 3


def test_two_processes_may_make_the_store_at_once(tmp_path: Path) -> None:
    code = (
        "from models import registry\n"
        "settings = registry.Settings.from_environment()\n"
        "print(len(registry.client(settings).search_experiments()))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {
        "TRADECREDIT_HOME": str(tmp_path)
    }
    both = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
