"""A real browser goes from the queue to a decision that a second person confirms: both languages, three widths, without and
with JavaScript; axe-core finds nothing serious; nothing scrolls sideways; the printed memo has two pages.

Slow; needs Chromium (Debian's package `chromium`), else it is skipped with the reason.
"""

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
from pathlib import Path

import pytest

from tests.served import customer_with, small

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTHS = (1200, 768, 390)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; install Debian's package `chromium`"),
]

# serves the small ledger and models of tests/served.py: real pages, nothing trained
SERVER = """
import sys
import uvicorn
from pathlib import Path
from models.registry import Settings
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.running import Running
from serving.service import ServiceState, TradeCredit
from tests.served import champions
app = TradeCredit.to_asgi()

class App:
    ready = False
    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and not App.ready:
            Running.service_state.stop()
            Running.service_state = ServiceState(
                served_models=ServedModels.of(Settings.from_environment(), champions()), log=DecisionLog(Path(sys.argv[2]))
            )
            App.ready = True
        await app(scope, receive, send)
uvicorn.run(App(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("browser")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "TRADECREDIT_HOME": str(home), "TRADECREDIT_LEDGER": str(home / "none"), "PYTHONPATH": str(ROOT),
        "TRADECREDIT_REFRESH": "false",
    }  # fmt: skip
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port), str(home / "log.sqlite")],
        env=environment,
        cwd=ROOT,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/policy", timeout=60).read()
                break
            except OSError:
                assert server.poll() is None, "the server has ended"
                time.sleep(0.5)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield found
        found.close()


def risky_customer() -> str:
    """The customer with the highest PD: the policy recommends far less than 90,000 for it."""
    scorer = small().scorer
    brief = scorer.brief([str(i) for i in scorer.served.prepared.owners.ids], scorer.served.data_known_to)
    return str(brief["pd"].idxmax())


@pytest.mark.parametrize("script", [False, True])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_from_the_queue_to_a_decision_confirmed_by_a_second_person(address, browser, language, script):
    from serving.translations import translate

    t = translate(language)
    for width in WIDTHS:
        context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=script)
        page = context.new_page()
        page.goto(f"{address}/?language={language}")
        page.fill("input[type=search]", risky_customer())
        page.click("form.filters button")
        page.click("table.rows a.open")
        assert not sideways(page, script), width
        page.fill("form[method=get] input[name=limit] >> nth=0", "90000")
        page.click("section[aria-labelledby=h-recommended] button")
        page.check("input[name=action][value=approve]")
        page.fill("#decide form[action*='/customer/decide'] input[name=limit]", "90000")
        page.fill("#decide form[action*='/customer/decide'] input[name=by]", "First Person")
        page.fill("textarea[name=reason]", "secured by a parent guarantee")
        page.click("#decide form[action*='/customer/decide'] button")
        assert t.text("Proposed: a second person confirms it.") in page.inner_text("main")
        form = "form[action*='/customer/confirm'] "
        page.fill(f"{form}input[name=by]", "Second Person")
        page.click(f"{form}button[value=confirm]")
        assert t.text("Recorded.") in page.inner_text("main")
        page.click("a[href*='/letter']")
        assert page.locator("article.letter").count() == 1
        assert not sideways(page, script), width
        context.close()


def sideways(page: object, script: bool) -> bool:
    """Whether a page scrolls sideways; measured in the browser, so only where scripts run."""
    if not script:
        return False
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")  # type: ignore[attr-defined]


def test_nothing_serious_for_axe_and_nothing_scrolls_sideways(address, browser, capsys):
    from axe_playwright_python.sync_playwright import Axe

    customer, checked = customer_with(None), 0
    for language in ("en", "zh"):
        for scheme in ("light", "dark"):
            for path in (
                "/",
                "/watch_list",
                "/models",
                "/policy",
                "/practice",
                f"/customer?id={customer}&limit=5000&show=levers",
            ):
                context = browser.new_context(viewport={"width": 390, "height": 900}, color_scheme=scheme)
                page = context.new_page()
                page.goto(f"{address}{path}{'&' if '?' in path else '?'}language={language}")
                assert not sideways(page, True), path
                found = Axe().run(page).response["violations"]
                serious = [v for v in found if v["impact"] in ("serious", "critical")]
                assert not serious, (path, scheme, [(v["id"], v["nodes"][0]["html"][:200]) for v in serious])
                checked += 1
                context.close()
    with capsys.disabled():
        print(f"\n{checked} pages checked by axe-core at 390 px: nothing serious, nothing sideways")


def test_the_printed_case_is_a_memo_of_two_pages_without_forms(address, browser, tmp_path):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/customer?id={customer_with(None)}&limit=5000")
    page.emulate_media(media="print")
    assert page.locator("form:visible").count() == 0
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    pages = printed.count(b"/Type /Page\n") or printed.count(b"/Type /Page ") or printed.count(b"/Type /Page/")
    assert 1 <= pages <= 2, pages
    context.close()
