"""The system's Chromium, driven by Playwright, for tests that need a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: As root in a container it has no sandbox of its own; and it is to look for nothing outside.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
#: Why a test was not run, as the last line of a run looks for.
NO_BROWSER = "there is no Chromium: browser tests were not run"
#: The folder that screenshots for the docs are written to, if any.
SCREENSHOTS = "REGULARS_SCREENSHOTS"


def chromium() -> str:
    """Where the system's Chromium is. Skips the test where there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip(NO_BROWSER)
    return found


@contextmanager
def started_browser() -> Iterator[Browser]:
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    executable = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def screenshots() -> Path | None:
    """Where screenshots are asked for."""
    asked = os.environ.get(SCREENSHOTS)
    return Path(asked) if asked else None
