"""Pages in Debian's Chromium, watched for errors in their console and for requests to elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, expect

from src.config.settings import Settings
from src.dashboard.reading import Reading
from tests.dashboard.served import served
from tests.servers import ROOT, missing

# A loaded machine is slow, which is no failure.
expect.set_options(timeout=60_000)
SCREENSHOTS = ROOT / "docs" / "screenshots"
_LOST_SERVER = "Failed to fetch|ERR_CONNECTION_REFUSED|the server did not respond"


def chromium(playwright: Playwright) -> Browser:
    """The machine's own Chromium."""
    program = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    if program is None:
        raise missing("no Chromium on this machine: apt-get install chromium")
    # Chromium refuses to shut itself in as root.
    return playwright.chromium.launch(executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else [])


class Site:
    """The dashboard over a database, and pages on it."""

    def __init__(self, address: str, reading: Reading, browser: Browser) -> None:
        self.address = address
        self.reading = reading
        self._browser = browser
        self.problems: list[str] = []

    def open(self, path: str = "/", *, width: int = 1280, height: int = 900, dark: bool = False, language: str = "en-GB") -> Page:
        """A page in a browser context of its own, in the time zone of Seoul."""
        scheme = "dark" if dark else "light"
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, timezone_id="Asia/Seoul", color_scheme=scheme, locale=language  # type: ignore[arg-type]
        )  # fmt: skip
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("request", self._asked)
        page.goto(self.address + path)
        return page

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._note(message.text)

    def _note(self, problem: str) -> None:
        if not re.search(_LOST_SERVER, problem):
            self.problems.append(problem)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.problems.append(f"asked for {request.url}")


@contextmanager
def site(settings: Settings, browser: Browser, seconds: float = 0.5, language: str = "en") -> Iterator[Site]:
    """The real application on a port of its own. When the block ends, no page may have had a problem."""
    with served(settings, seconds, language) as server:
        found = Site(server.address, server.reading, browser)
        try:
            yield found
        finally:
            for context in browser.contexts:
                context.close()
    assert found.problems == []


def shoot(page: Page, name: str) -> None:
    """Keep a picture in docs where TEST_SCREENSHOTS is set."""
    if os.environ.get("TEST_SCREENSHOTS"):
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png")


def command(*words: str, home: Path) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    environment = os.environ | {"COINSPARK_HOME": str(home), "PYTHONUNBUFFERED": "1", "COINSPARK_LOG_FORMAT": "text"}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "coin_spark.py"), *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
