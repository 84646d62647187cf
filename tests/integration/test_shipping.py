"""What is shipped: a bento that serves from another folder, and the texts of container and composition."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from tests.integration.conftest import ROOT, ask, wait_for


def test_the_containerfile_runs_without_root_and_copies_every_room_that_is_there():
    text = (ROOT / "deploy" / "Containerfile").read_text()
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    copied = {words[1] for words in lines if words[0] == "COPY" and len(words) == 3}
    rooms = {"ledger", "importing", "sample", "features", "models", "decisions", "training", "serving", "cli"}
    assert rooms <= copied
    assert all((ROOT / name).is_dir() for name in rooms)
    assert ["USER", "10001"] in lines
    after_user = text.index("USER 10001")
    assert after_user < text.index("ENTRYPOINT")
    assert not re.search(r"(?i)password|secret|index-url", text)
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD", "&&"}
    starts = re.sub(r"\\\n\s*", " ", text)
    assert {
        line.split()[0] for line in starts.splitlines() if line.strip() and not line.startswith((" ", "#"))
    } <= known


def test_a_linter_finds_nothing_in_the_containerfile_and_sees_a_fault(tmp_path):
    hadolint = Path(sys.executable).parent / "hadolint"
    found = subprocess.run([hadolint, ROOT / "deploy" / "Containerfile"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")
    worse = tmp_path / "Containerfile"
    worse.write_text((ROOT / "deploy" / "Containerfile").read_text() + "\nUSER root\n")
    found = subprocess.run([hadolint, worse], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "DL3002" in found.stdout  # the last user is root


def test_images_are_pinned_to_a_patch_version():
    images = re.findall(r"(?m)^FROM (\S+)", (ROOT / "deploy" / "Containerfile").read_text())
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"].values()
    images += [service["image"] for service in services if not service["image"].startswith("tradecredit:")]
    assert len(images) == 3
    assert all(re.search(r":\d+\.\d+(\.\d+)?-", image) for image in images), images


def test_the_composition_is_yaml_whose_services_share_one_store_and_write_nowhere_else():
    found = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    replicas = [found["services"][name] for name in ("first", "second")]
    assert replicas[0]["environment"]["TRADECREDIT_STORE"] == replicas[1]["environment"]["TRADECREDIT_STORE"]
    assert replicas[0]["environment"]["TRADECREDIT_HEADS"] != replicas[1]["environment"]["TRADECREDIT_HEADS"]
    for replica in replicas:
        assert replica["read_only"] is True
        assert replica["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in replica["ports"])
    assert "${STORE_PASSWORD:?" in str(found)


@pytest.mark.slow
def test_a_bento_that_was_built_serves_from_another_folder(journey, tmp_path):
    environment = journey.environment | {
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "TRADECREDIT_LEDGER": str(journey.ledger),
    }
    environment["TRADECREDIT_STORE"] = f"sqlite:///{tmp_path / 'store.sqlite'}"
    bentoml = str(Path(sys.executable).parent / "bentoml")
    built = subprocess.run(
        [bentoml, "build", "-o", "tag"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    tag = built.stdout.strip().rpartition("__tag__:")[2].strip()
    port = 39000 + os.getpid() % 1000
    outside = {k: v for k, v in environment.items() if k != "PYTHONPATH"}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [bentoml, "serve", tag, "--port", str(port)], cwd=tmp_path, env=outside, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, "/readyz", 200, server)
            customer = journey.answers["score"][1]["scores"][0]
            status, answer = ask(address, "/score", {"customer_ids": [customer["customer_id"]]})
            assert status == 200, answer
            assert answer["scores"][0]["pd"] == customer["pd"]  # the same number as from the checkout
            worker = next(p for p in psutil.Process(server.pid).children() if "_bentoml_impl" in " ".join(p.cmdline()))
            assert str(tmp_path / "bentoml") in worker.cwd()  # it runs the bento's files
        finally:
            server.terminate()
            server.wait(timeout=60)
