"""A real Chromium for tests of pages: headless, with a profile of its own, asking nobody on the internet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright
from servers.missing import NotInstalled

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def start() -> Iterator[Browser]:
    """A browser for a block; `NotInstalled` where this machine has none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise NotInstalled(f"no browser: install Debian's package chromium (looked for {', '.join(NAMES)})")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to work for root
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=[*FLAGS, *sandbox])
        yield browser
        browser.close()
