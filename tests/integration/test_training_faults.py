"""What breaks under a training or a promotion, with real processes, servers and disks: named in one line, nothing half-registered."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from cli.main import commands
from ledger.errors import InputError
from ledger.ledger import Ledger
from models import journal, registry
from models.journal import Journal
from models.registry import CHALLENGER, DEFAULT_MODEL, DELAY_MODEL, Settings
from tests.integration.test_registry import fitted, ledger
from tests.served import small
from training.lifecycle import tracking
from training.lifecycle.registering import register
from training.lifecycle.runs import TrackingFailed, experiment_id
from training.result import Fitted

__all__ = ["ledger"]

ROOT = Path(__file__).parents[2]
AS_OF = pd.Timestamp("2024-02-29").date()
TRAIN = """
import sys
from datetime import date
import models.pyfunc
from models.registry import Settings
from tests.integration.test_registry import fitted, ledger
from training.lifecycle import tracking
models.pyfunc.load_model = lambda folder: fitted().model
for _ in range(2):
    served = tracking.log(Settings.from_environment(), fitted(), kind="default", ledger=ledger.__wrapped__(), as_of=date(2024, 2, 29))
    print(served.version)
"""


@pytest.fixture(autouse=True)
def loadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.pyfunc.load_model", lambda folder: fitted().model)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, ledger: Ledger) -> Settings:
    """A registry with one version of the default model and no champion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADECREDIT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr("models.pyfunc.load_model", lambda folder: fitted().model)
        settings = Settings.from_environment()
        tracking.log(settings, fitted(), kind="default", ledger=ledger, as_of=AS_OF)
    return settings


def environment(settings: Settings) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {
        "TRADECREDIT_HOME": str(settings.home)
    }


def tradecredit(settings: Settings, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command of ours in its own process."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *words], cwd=ROOT, env=environment(settings) | more, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip


def is_one_message(done: subprocess.CompletedProcess[str], text: str) -> bool:
    """Whether a command ended with exit code 2 and one line on stderr that holds a text."""
    lines = [line for line in done.stderr.splitlines() if "INFO" not in line]
    return done.returncode == 2 and len(lines) == 1 and lines[0].startswith("error: ") and text in lines[0]


def versions(settings: Settings, name: str = DEFAULT_MODEL) -> list[int]:
    """Return the numbers of all registered versions."""
    return sorted(int(v.version) for v in registry.client(settings).search_model_versions(f"name = '{name}'"))


def test_two_trainings_at_once_are_two_versions_with_a_record_each(made: Settings) -> None:
    before = versions(made)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TRAIN], cwd=ROOT, env=environment(made) | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    printed = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    numbers = sorted(int(line) for out, _ in printed for line in out.split())
    assert numbers == [before[-1] + k for k in range(1, 5)]
    log = Journal.of(made)
    assert log.verify().is_whole
    recorded = [int(e.version) for e in log.entries(DEFAULT_MODEL) if e.action == journal.REGISTERED]
    assert recorded == versions(made)
    assert registry.version_at(made, DEFAULT_MODEL, CHALLENGER) == str(numbers[-1])


def test_a_promotion_while_another_process_promotes_is_refused_in_one_line(made: Settings) -> None:
    count = len(Journal.of(made).entries())
    holder = subprocess.Popen(
        [sys.executable, "-c", "from models import journal\nfrom models.registry import Settings\n"
         "with journal.alone(Settings.from_environment()):\n    print('held', flush=True)\n    input()"],
        cwd=ROOT, env=environment(made), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        done = tradecredit(made, "rollback", "default", "--to", "1", "--why", "at once")
    finally:
        holder.communicate("\n", timeout=60)
    assert is_one_message(done, "another promotion is being made on this registry"), done.stderr
    assert len(Journal.of(made).entries()) == count
    with pytest.raises(registry.NoModel):
        registry.version_at(made, DEFAULT_MODEL)


def test_ctrl_c_in_mid_training_marks_the_run_killed_and_registers_nothing(made: Settings, tmp_path: Path) -> None:
    for name, frame in small().ledger.tables.items():
        if len(frame):
            frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
    before = versions(made)
    # a suite that itself runs in a shell's background would hand on that Ctrl-C is ignored
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "train", str(tmp_path), "--model", "delay"], cwd=ROOT, env=environment(made),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, ours)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("training the delay model"):
            break
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=120)
    assert process.returncode == 130, printed
    assert printed.splitlines()[-1] == "stopped."
    assert "Traceback" not in printed
    store = registry.client(made)
    (run,) = store.search_runs([experiment_id(store, made, "train")], f"attributes.run_name LIKE '%{tmp_path.name}'")
    assert run.info.status == "KILLED"
    assert (versions(made), versions(made, DELAY_MODEL)) == (before, [])


def test_where_the_second_model_cannot_be_registered_the_first_one_is_taken_back(
    made: Settings, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    original, before = mlflow.register_model, versions(made)
    challenger = registry.version_at(made, DEFAULT_MODEL, CHALLENGER)
    runs = [tracking.log_run(made, fitted(), kind=kind, ledger=ledger, as_of=AS_OF) for kind in ("default", "delay")]

    def gone_for_delay(uri: str, name: str, **rest: object) -> object:
        if name == DELAY_MODEL:
            raise ConnectionError("the registry is gone")
        return original(uri, name, **rest)

    monkeypatch.setattr(mlflow, "register_model", gone_for_delay)
    with pytest.raises(TrackingFailed, match=r"the registry is gone\. Nothing was registered; the runs are logged"):
        register(made, runs)
    assert (versions(made), versions(made, DELAY_MODEL)) == (before, [])
    assert registry.version_at(made, DEFAULT_MODEL, CHALLENGER) == challenger
    last = Journal.of(made).entries(DEFAULT_MODEL)[-2:]
    assert [e.action for e in last] == [journal.REGISTERED, journal.WITHDRAWN]
    assert len({e.digest for e in last}) == 1


def test_an_altered_artifact_is_named_and_nothing_is_promoted(made: Settings) -> None:
    served = registry.load(made, DEFAULT_MODEL, "1")
    path = registry.run_artifacts(made, served.run_id) / "tables" / "grades.csv"
    before, count = path.read_text(), len(Journal.of(made).entries())
    path.write_text(before + "B\n")
    try:
        done = tradecredit(made, "promote", "default", "--version", "1")
    finally:
        path.write_text(before)
    assert is_one_message(done, "its artifacts (tables, evidence, metrics) have digest"), done.stderr
    assert len(Journal.of(made).entries()) == count


def test_a_gates_file_with_a_typo_is_named_before_anything_is_loaded(made: Settings, tmp_path: Path) -> None:
    text = (ROOT / "models" / "gates.toml").read_text().replace("auc_at_least", "auc_at_lest")
    (tmp_path / "own.toml").write_text(text)
    count = len(Journal.of(made).entries())
    done = tradecredit(made, "promote", "default", "--gates", str(tmp_path / "own.toml"))
    assert is_one_message(done, "default.auc_at_lest: extra"), done.stderr
    assert len(Journal.of(made).entries()) == count


def test_a_ledger_of_one_class_and_one_too_short_are_named(
    made: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody pays on the due day: no default. Three months of invoices: no history."""
    days = pd.date_range("2021-01-31", "2023-12-31", freq="ME")
    invoices = pd.DataFrame({
        "invoice_id": [f"i{c}-{d:%y%m}" for c in range(30) for d in days], "kind": "invoice",
        "customer_id": [f"c{c}" for c in range(30) for _ in days], "issued_on": [d for _ in range(30) for d in days],
        "amount": 100, "currency": "EUR",
    }).assign(due_on=lambda f: f["issued_on"] + pd.Timedelta(days=30))  # fmt: skip
    paid = invoices[invoices["due_on"] <= "2023-12-31"]
    payments = paid[["customer_id", "invoice_id", "amount", "currency"]].assign(
        payment_id="p" + paid["invoice_id"], paid_on=paid["due_on"], booked_on=paid["due_on"], kind="payment"
    )
    tables = {"customers": pd.DataFrame({"customer_id": sorted(set(invoices["customer_id"]))}), "invoices": invoices,
              "payments": payments}  # fmt: skip
    before = versions(made)
    monkeypatch.setenv("TRADECREDIT_HOME", str(made.home))
    for name, since, text in (
        ("one_class", "2021-01-01", "only 0 customers had a default in an outcome known then; at least 10"),
        ("short", "2023-10-15", "the ledger begins on 2023-10-31: 2023-12-31 is too early to train"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        kept = invoices.loc[invoices["issued_on"] >= since, "invoice_id"]
        for table, frame in tables.items():
            own = frame[frame["invoice_id"].isin(kept)] if "invoice_id" in frame else frame
            own.to_parquet(folder / f"{table}.parquet", index=False)
        done = CliRunner().invoke(commands, ["train", str(folder), "--model", "default", "--policy", "primary"])
        assert isinstance(done.exception, InputError)  # exit 2, one line
        assert text in str(done.exception)
        store = registry.client(made)
        (run,) = store.search_runs([experiment_id(store, made, "train")], f"attributes.run_name LIKE '% {name}'")
        assert run.info.status == "FAILED"
    assert versions(made) == before


def test_items_of_one_class_and_constant_inputs_are_named_by_the_gates() -> None:
    from tests.unit.test_gates import candidate
    from training.lifecycle.gates import Candidate, run_gates
    from training.lifecycle.gates_file import read_gates

    default = candidate()
    report = run_gates(Candidate(**{**default.__dict__, "matrix": default.matrix.assign(b=0.0)}), None, read_gates())
    note = next(c for c in report.checks if c.gate == "inputs")
    assert "inputs have one value only (b)" in note.text
    on_time = pd.DataFrame({
        "customer_id": [f"c{k % 40}" for k in range(400)], "is_paid": True, "ended": 0, "p_late_5": 0.0,
    })  # fmt: skip
    delay = Candidate(
        name="version 1", kind="delay", model=None, rows=on_time, matrix=pd.DataFrame(), directions={},
        as_of=pd.Timestamp("2023-12-31"),
    )  # fmt: skip
    assert run_gates(delay, None, read_gates()).reasons == [
        "discrimination: no item, or every item, was 5 or more days late"
    ]


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Mount a file system of a size; skip the test where that is not possible."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def fill(place: Path) -> None:
    """Write to a disk until it is full."""
    with (place / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_under_the_artifacts_is_named_and_registers_nothing(
    made: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    before, artifacts = versions(made), made.artifacts
    kept = artifacts.rename(tmp_path / "kept")
    try:
        with small_disk(tmp_path / "disk", "400k") as disk:
            artifacts.symlink_to(disk)
            try:
                with pytest.raises(TrackingFailed, match=r"No space left on device\. Nothing was registered"):
                    tracking.log(made, _large(), kind="default", ledger=ledger, as_of=AS_OF)
            finally:
                artifacts.unlink()
    finally:
        kept.rename(artifacts)
    store = registry.client(made)
    newest = store.search_runs([experiment_id(store, made, "default")], max_results=1)[0]
    assert newest.info.status == "FAILED"
    assert versions(made) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_under_the_store_is_named_and_registers_nothing(
    made: Settings, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = versions(made)
    with small_disk(tmp_path / "disk", "3m") as disk:
        shutil.copy(made.home / "mlflow.db", disk / "mlflow.db")
        monkeypatch.setenv("TRADECREDIT_HOME", str(disk))
        settings = Settings.from_environment()
        registry.client(settings)
        fill(disk)
        with pytest.raises(TrackingFailed, match=r"(disk is full|unable to open|disk I/O).*Nothing was registered"):
            tracking.log(settings, fitted(), kind="default", ledger=ledger, as_of=AS_OF)
        (disk / "filler").unlink()
        assert versions(settings) == before


def _large() -> Fitted:
    """The small model with a table larger than the small disk."""
    made = fitted()
    return Fitted(
        model=made.model, parameters=made.parameters, metrics=made.metrics, example=made.example,
        tables={"large": pd.DataFrame({"number": range(120_000)})},
    )  # fmt: skip


@pytest.mark.slow
def test_a_tracking_server_that_goes_in_mid_run_is_named_by_every_command(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    for name, value in (
        ("TRADECREDIT_HOME", str(tmp_path / "home")), ("MLFLOW_TRACKING_URI", address),
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1"), ("MLFLOW_HTTP_REQUEST_TIMEOUT", "5"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{tmp_path / 'mlflow.db'}",
         "--artifacts-destination", str(tmp_path / "artifacts"), "--port", str(port), "--workers", "1"],
        cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5)
                break
            except OSError:
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.5)
        settings = Settings.from_environment()
        first = tracking.log(settings, fitted(), kind="default", ledger=ledger, as_of=AS_OF)
        original = mlflow.log_artifacts

        def killed(*words: object, **rest: object) -> None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(timeout=60)
            original(*words, **rest)

        monkeypatch.setattr(mlflow, "log_artifacts", killed)
        with pytest.raises(TrackingFailed, match="Nothing was registered and no alias was moved"):
            tracking.log(settings, fitted(), kind="default", ledger=ledger, as_of=AS_OF)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(timeout=60)
    assert [e.version for e in Journal.of(settings).entries()] == [first.version]
    kept = {"MLFLOW_TRACKING_URI": address}
    for words in (("promote", "default"), ("rollback", "default", "--to", "1", "--why", "x"), ("validate", "default"),
                  ("reproduce", "default"), ("journal",)):  # fmt: skip
        done = tradecredit(settings, *words, **kept)
        assert is_one_message(done, f"the model registry at {address} cannot be used"), (words, done.stderr)
    assert [e.version for e in Journal.of(settings).entries()] == [first.version]
