"""The wheel, unpacked beside the locked environment, run from a folder that has packages called models/ and serving/."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.conftest import ask, wait_for

ROOT = Path(__file__).parents[2]
PROGRAM = "from cli.main import main; main()"  # what the installed command `tradecredit` runs


@dataclass(frozen=True, kw_only=True)
class Installed:
    """The unpacked wheel, a working folder with packages of the user's own, and the environment to run it in."""

    site: Path
    folder: Path
    environment: dict[str, str]

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-c", PROGRAM, *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*words), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for name in filter(None, tracked):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/", "benchmarks/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
    ]
    subprocess.run([*pip, "-w", str(place), str(source)], check=True, capture_output=True)
    (wheel,) = place.glob("tradecredit-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(place / "site")
    folder = place / "work"
    for name in ("models", "serving", "ledger"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text('raise ImportError("the user\'s own package")\n')
    environment = os.environ | {"PYTHONPATH": str(place / "site"), "TRADECREDIT_HOME": str(folder / "home")}
    return Installed(site=place / "site", folder=folder, environment=environment)


def test_it_holds_what_messages_and_pages_name(installed):
    held = {path.relative_to(installed.site).as_posix() for path in installed.site.rglob("*") if path.is_file()}
    assert {"features/catalogue/CATALOGUE.md", "features/py.typed", "ledger/quality/quality.html"} <= held
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    rooms = {
        path.parts[0] for p in held if len((path := Path(p)).parts) > 1 and not path.parts[0].endswith("dist-info")
    }
    lacking = {name for name in tracked if name.split("/")[0] in rooms and (ROOT / name).is_file()} - held
    assert lacking == set(), "declare their endings in pyproject.toml under package-data"


def test_sample_and_import_run_from_any_folder(installed):
    done = installed.run("sample", "ledger-1", "--customers", "20", "--months", "13", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    example = ROOT / "examples" / "open-items"
    words = [
        "import",
        "table",
        str(example / "open_items.csv"),
        "--mapping",
        str(example / "mapping.toml"),
        "--out",
        "oi",
    ]
    done = installed.run(*words)
    assert done.returncode == 0, done.stderr
    assert "6,410.65" in installed.run("report", "ageing", "oi", "--as-of", "2024-06-03").stdout


def test_serve_runs_beside_packages_of_the_same_name(installed):
    assert installed.run("sample", "served", "--customers", "20", "--months", "13").returncode == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        installed.words("serve", "served", "--port", str(port)), cwd=installed.folder, env=installed.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}", "/readyz", 503, server)
        status, body = ask(f"http://127.0.0.1:{port}", "/score", {"customer_ids": ["C0000001"]})
        assert (status, body["error"]) == (503, "no_model")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
