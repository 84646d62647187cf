"""Walk from import to rollback as an analyst does, and write every output and picture of docs/analyst.md.

    python -m benchmarks.walk              # the sample, and Datarisk where ../shared/data is
    python -m benchmarks.walk sample

Each step is a command of ours in a process of its own, in an empty folder. At the end what they printed replaces the
blocks of their names in docs/analyst.md (`<!-- walk: NAME -->`): all outputs of a walk are of one commit, which the block
`SET commit` names.
Pictures of MLflow's pages are taken by a headless browser: the one that CHROMIUM names, else Playwright's own.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.lifecycle.runs import commit

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "analyst.md"
PICTURES = ROOT / "docs" / "pictures"
SHARED = Path(os.environ.get("TRADECREDIT_SHARED_DATA", ROOT.parent / "shared" / "data"))
NOISE = re.compile(r"INFO|Successfully registered|Created version|^training the |Registered model .* already exists")
SIZE = {"width": 1360, "height": 820}


class Walk:
    """One walk in a folder of its own: runs commands and keeps what they print."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder, self.started = name, folder, time.monotonic()
        self.pictures = folder / "pictures"
        self.pictures.mkdir()
        self.environment = os.environ | {
            "PYTHONPATH": str(ROOT), "TRADECREDIT_HOME": "build", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
            "GIT_PYTHON_REFRESH": "quiet",
        }  # fmt: skip
        self.environment.pop("MLFLOW_TRACKING_URI", None)
        self.blocks = {"commit": f"Run on {datetime.now(UTC).date()} at commit `{commit()[:12]}`."}

    def run(self, step: str, line: str, *, most: int = 40, code: int | None = 0, **more: str) -> str:
        """Run one command line (without the program's name), write its block, return what it printed.

        most : lines shown; the rest is "…". code : the exit code that it must have; None: 0 or 1, shown as it is. more : of
        the environment.
        """
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *shlex.split(line)], cwd=self.folder, env=self.environment | more,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        print(f"[{time.monotonic() - self.started:6.0f} s] tradecredit {line} → {done.returncode}", flush=True)
        if done.returncode not in ((0, 1) if code is None else (code,)):
            raise SystemExit(f"exit code {done.returncode}, {code} was expected:\n{done.stdout}")
        lines = [text.rstrip() for text in done.stdout.strip("\n").splitlines() if not NOISE.search(text)]
        lines = lines[:most] + (["…"] if len(lines) > most else [])
        end = [f"(exit {done.returncode})"] if done.returncode else []
        self.blocks[step] = "\n".join(["```", f"$ tradecredit {line}", *lines, *end, "```"])
        return done.stdout

    def write(self) -> None:
        """Write all blocks and pictures into the docs, at the end: until then the tree is that of the commit."""
        page = PAGE.read_text(encoding="utf-8")
        for step, text in self.blocks.items():
            page = with_block(page, f"{self.name} {step}", text)
        PAGE.write_text(page, encoding="utf-8")
        for file in sorted(self.pictures.glob("*.png")):
            shutil.copy(file, PICTURES / file.name)


def with_block(page: str, name: str, text: str) -> str:
    """Return a page with the block of a name replaced. Raises SystemExit where the page has no such block."""
    block = re.compile(rf"(<!-- walk: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not block.search(page):
        raise SystemExit(f"docs/analyst.md has no block '{name}'")
    return block.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)


def runs_in(printed: str) -> dict[str, str]:
    """Return model name -> run id from what `train` printed."""
    return dict(re.findall(r"(tradecredit-\w+) version \d+ \(run (\w{32})\)", printed))


@contextmanager
def mlflow_pages(walk: Walk) -> Iterator[str]:
    """Start `tradecredit ui` on a free port and give its address; it is stopped at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "ui", "--port", str(port)], cwd=walk.folder, env=walk.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5)
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("MLflow's pages did not start") from None
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=60)


@contextmanager
def browser_page() -> Iterator[Any]:
    """Give a page of a headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or None,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        try:
            yield browser.new_page(viewport=SIZE)
        finally:
            browser.close()


def picture(page: Any, address: str, path: Path, *, wait: str = "", seconds: float = 2.0) -> None:
    """Take a picture of a page once a text stands on it."""
    page.goto(address, wait_until="domcontentloaded", timeout=120_000)
    if wait:
        page.get_by_text(wait, exact=False).first.wait_for(timeout=120_000)
    close = page.get_by_role("button", name="Close")  # of MLflow's assistant, which opens by itself
    if close.count():
        close.last.click()
    page.wait_for_timeout(1000 * seconds)
    for text in page.get_by_text("Path: file:").all():  # the folder of this walk is nobody's
        text.evaluate("element => { element.style.visibility = 'hidden' }")
    page.screenshot(path=path)


def pictures(walk: Walk, run: str, monitored: str) -> None:
    """Take the pictures of MLflow's pages: list of runs, one run, its plots, the monitor's series."""
    import mlflow

    store = mlflow.MlflowClient(f"sqlite:///{walk.folder / 'build' / 'mlflow.db'}")
    experiments = {e.name: e.experiment_id for e in store.search_experiments()}
    series = store.search_runs([experiments["tradecredit/monitoring"]])[0].info.run_id
    default, out = experiments["tradecredit/default"], walk.pictures
    with mlflow_pages(walk) as address, browser_page() as page:
        page.goto(address, wait_until="domcontentloaded", timeout=120_000)
        choice = page.get_by_text("Model training", exact=True).first
        choice.wait_for(timeout=120_000)
        choice.click()
        runs = f"{address}/#/experiments/{default}/runs"
        picture(page, runs, out / "mlflow-runs.png", wait="default 20", seconds=3)
        picture(page, f"{runs}/{run}", out / "mlflow-run.png", wait="Registered models", seconds=3)
        picture(
            page,
            f"{runs}/{run}/artifacts/plots/shap_summary.png",
            out / "mlflow-plot.png",
            wait="shap_summary",
            seconds=4,
        )
        picture(
            page, f"{address}/#/experiments/{experiments['tradecredit/monitoring']}/runs/{series}/model-metrics",
            out / "mlflow-monitoring.png", wait="alarms", seconds=4,
        )  # fmt: skip
        for html, name in (("build/validation/validation.html", "validation-report"), (monitored, "monitor-page")):
            picture(page, (walk.folder / html).as_uri(), out / f"{name}.png")
    print(f"[{time.monotonic() - walk.started:6.0f} s] pictures", flush=True)


def overridden(walk: Walk, why: str, agreed: str) -> None:
    """Promote a refused version by two persons: one is this account, the other one has an API key."""
    walk.run("override", f'promote default --override "{why}"', code=1)
    key = walk.run("key", "keys create --subject ben@example.com --scope admin --json", most=0)  # the key is not shown
    secret = re.search(r'"key": "([^"]+)"', key)
    if secret is None:
        raise SystemExit("`keys create` printed no key")
    walk.run("confirmed", f'promote default --override "{agreed}"', TRADECREDIT_KEY=secret[1])


def sample_walk(folder: Path) -> None:
    """Walk on a generated ledger of 500 customers over 42 months."""
    walk = Walk("sample", folder)
    walk.run("ledger", "sample build/ledger --customers 500 --months 42 --seed 1", most=8)
    walk.run("check", "check build/ledger")
    trained = walk.run("train", "train build/ledger --as-of 2024-08-31 --policy short_history", most=50)
    walk.run("promote", 'promote all --why "first version"')
    walk.run("validate", "validate default --out build/validation")
    walk.run("monitor before", "monitor build/ledger --as-of 2024-11-30")
    walk.run("monitor", "monitor build/ledger --out build/monitor.html")
    pictures(walk, runs_in(trained)["tradecredit-default"], "build/monitor.html")
    walk.run("retrain", "train build/ledger --model default --policy short_history", most=8)
    walk.run("refused", 'promote default --why "quarterly retraining"', code=1)
    overridden(walk, "newer year-end data, same recipe", "agreed for the pilot")
    walk.run("rollback", 'rollback default --why "second opinion wanted"')
    walk.run("journal", "journal --model default")
    walk.run("served-at", f"served-at {datetime.now(UTC).date()}")
    walk.run("reproduce", "reproduce default")
    walk.write()


def datarisk_walk(folder: Path) -> None:
    """Walk on Datarisk's invoices; skipped where the files are not there."""
    if not (SHARED / "datarisk").is_dir():
        print("skipped: ../shared/data/datarisk is not here.")
        return
    (folder / "datarisk").symlink_to(SHARED / "datarisk")
    walk = Walk("datarisk", folder)
    files = " ".join(f"datarisk/{path.name}" for path in sorted((SHARED / "datarisk").glob("*.csv")))
    walk.run("import", f"import datarisk {files} --out build/datarisk", most=34)
    walk.run("check", "check build/datarisk", most=12)
    walk.run("train", "train build/datarisk --as-of 2020-04-30 --policy short_history", most=50)
    walk.run("promote default", 'promote default --why "first version"')
    walk.run("promote delay", 'promote delay --why "first version"', code=1)
    walk.run("validate", "validate default --out build/validation")
    walk.run("monitor", "monitor build/datarisk", code=None)
    walk.run("retrain", "train build/datarisk --model default --policy short_history", most=8)
    walk.run("promote again", 'promote default --why "two months more"', code=1)
    overridden(walk, "the months of 2020 are in it", "agreed for a comparison")
    walk.run("rollback", 'rollback default --why "the months of 2020 are examined first"')
    walk.run("journal", "journal")
    walk.write()


WALKS = {"sample": sample_walk, "datarisk": datarisk_walk}


def main() -> None:
    """Walk on the set named, or on both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("walk", nargs="?", choices=[*WALKS, "all"], default="all")
    asked = parser.parse_args().walk
    for name in WALKS if asked == "all" else (asked,):
        folder = Path(tempfile.mkdtemp())
        try:
            WALKS[name](folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
