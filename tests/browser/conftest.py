"""The real thing in a real browser: `zhaoyin serve --demo` with its worker on its own data, Debian's Chromium in front.

`site`  one server per test file, on a copy of a folder prepared once
`desk`  a page of it: desk.sign_in("officer"), desk.open("/materials/"), desk.axe(), desk.shot("review")
Whatever the page throws, whatever it loads from elsewhere, fails the test.
Pictures go to test-results/; with ZHAOYIN_DOCS_IMAGES=1 those the readme shows go to docs/images/ too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RESULTS = ROOT / "test-results"
IMAGES = ROOT / "docs" / "images"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 375, "height": 812}

expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).is_relative_to(ROOT / "tests" / "browser"):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    quiet = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-component-update disable-sync"
    return {
        "executable_path": CHROMIUM,
        "args": [
            f"--{flag}" for flag in [*quiet.split(), "disable-dev-shm-usage", "font-render-hinting=none"]
        ],
    }


@dataclass
class Site:
    """A running desk: its address, its data, the demo accounts' passwords."""

    url: str
    data: Path
    passwords: dict[str, str]
    process: subprocess.Popen[str]
    log: Path

    def zhaoyin(self, *arguments: str) -> str:
        """Run a verb of the command line on the same data."""
        return _zhaoyin(self.data, *arguments)

    def python(self, code: str) -> str:
        """Run Python inside the desk's settings, to prepare what no page can; gives what it printed."""
        start = "import django; django.setup()\n"
        done = subprocess.run(
            [sys.executable, "-c", start + code],
            env=_environment(self.data),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _environment(data: Path) -> dict[str, str]:
    environment = {k: v for k, v in os.environ.items() if k not in {"ZHAOYIN_DATABASE", "ZHAOYIN_DEBUG"}}
    return environment | {
        "ZHAOYIN_DATA": str(data),
        "ZHAOYIN_LANG": "zh",
        "DJANGO_SETTINGS_MODULE": "zhaoyin.desk.settings",
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONUNBUFFERED": "1",
    }


def _zhaoyin(data: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "zhaoyin.cli", *arguments],
        env=_environment(data),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _start(data: Path, log: Path) -> tuple[subprocess.Popen[str], str]:
    """`zhaoyin serve --demo` on a free port; returns when it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "zhaoyin.cli", "serve", "--demo", "--port", str(port), "--web", "1"]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=_environment(data), stdout=out, stderr=subprocess.STDOUT, text=True
        )
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 240
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=120):
                return process, url
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
    _stop(process)
    raise AssertionError(f"the desk did not answer:\n{log.read_text()}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _passwords(log: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+)\s+(\S+)\s+\S+$", log, re.MULTILINE))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The data of a first `make run`: migrated, the Zhaoyuan pack, one account per role with the printed password."""
    assert Path(CHROMIUM).exists(), "chromium is missing: tools/needs.sh test"
    assert (ROOT / "src/zhaoyin/desk/static/dist/manifest.json").exists(), (
        "the front end is not built: make frontend"
    )
    folder = tmp_path_factory.mktemp("prepared")
    log = folder.parent / "prepared.log"
    process, _ = _start(folder, log)
    _stop(process)
    passwords = _passwords(log.read_text())
    assert {"officer", "admin"} <= set(passwords), log.read_text()
    return folder, passwords


@pytest.fixture(scope="module")
def site(prepared: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    source, passwords = prepared
    data = tmp_path_factory.mktemp("site") / "var"
    shutil.copytree(source, data)
    log = data.parent / "serve.log"
    process, url = _start(data, log)
    yield Site(url, data, passwords, process, log)
    _stop(process)


@dataclass
class Desk:
    """One browser page of the desk."""

    page: Page
    site: Site
    problems: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.site.url + path)

    def sign_in(self, role: str) -> None:
        self.open("/")
        self.page.locator("input[name=username]").fill(role)
        self.page.locator("input[name=password]").fill(self.site.passwords[role])
        self.page.locator("main form button, form button.btn-primary").first.click()
        expect(self.page.locator(".zy-nav").first).to_be_attached()

    def bring_in(self, path: Path) -> None:
        """Upload a file as an officer would, and wait until it is read."""
        self.open("/materials/add/")
        self.page.locator("input[type=file]").set_input_files(path)
        self.page.get_by_role("button", name="录入并读").click()
        expect(self.page.locator("#facts .zy-fact").first).to_be_visible(timeout=60_000)

    def accept_everything_by_keyboard(self) -> int:
        """A and nothing else: each accepted fact leads to the next open one. Gives how many there were."""
        total = int(self.page.locator("[data-review='total']").inner_text())
        already = int(self.page.locator("[data-review='done']").inner_text())
        for done in range(already + 1, total + 1):
            self.page.keyboard.press("a")
            expect(self.page.locator("[data-review='done']")).to_have_text(str(done))
        return total

    def axe(self, within: str | None = None) -> list[str]:
        """WCAG 2.2 AA violations of the page as readable lines; a clean page gives []."""
        assert AXE.exists(), "axe-core is missing: cd frontend && npm ci"
        self.page.add_script_tag(path=str(AXE))
        found = self.page.evaluate(
            """async (within) => (await axe.run(within || document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}))
               .violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary.split("\\n")[1] || v.help}`))""",
            within,
        )
        return list(found)

    def fits(self) -> bool:
        """Nothing makes the page wider than the screen."""
        return bool(
            self.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        )

    def shot(self, name: str, *, docs: bool = False, full: bool = False) -> None:
        RESULTS.mkdir(exist_ok=True)
        self.page.screenshot(path=RESULTS / f"{name}.png", full_page=full)
        if docs and os.environ.get("ZHAOYIN_DOCS_IMAGES") == "1":
            IMAGES.mkdir(parents=True, exist_ok=True)
            shutil.copy(RESULTS / f"{name}.png", IMAGES / f"{name}.png")

    def current_fact(self) -> Locator:
        return self.page.locator("#facts .zy-fact[aria-current]")


def _desk(context: BrowserContext, site: Site) -> Desk:
    page = context.new_page()
    desk = Desk(page, site)
    page.on("pageerror", lambda error: desk.problems.append(f"script: {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((site.url, "data:", "blob:"))
            else desk.problems.append(f"loads from elsewhere: {request.url}")
        ),
    )
    page.on(
        "response",
        lambda response: (
            desk.problems.append(f"{response.status} {response.url}") if response.status >= 500 else None
        ),
    )
    return desk


def _context(browser: Browser, size: dict[str, int], **more: object) -> BrowserContext:
    return browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
def desk(browser: Browser, site: Site) -> Iterator[Desk]:
    context = _context(browser, DESKTOP)
    one = _desk(context, site)
    yield one
    context.close()
    assert not one.problems, json.dumps(one.problems, ensure_ascii=False, indent=1)


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[Desk]:
    """The same on a phone: 375 px wide, touch."""
    context = _context(browser, PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    one = _desk(context, site)
    yield one
    context.close()
    assert not one.problems, json.dumps(one.problems, ensure_ascii=False, indent=1)


@pytest.fixture
def another_desk(browser: Browser, site: Site) -> Iterator[Desk]:
    """A second person at another machine."""
    context = _context(browser, DESKTOP)
    one = _desk(context, site)
    yield one
    context.close()
    assert not one.problems, json.dumps(one.problems, ensure_ascii=False, indent=1)
