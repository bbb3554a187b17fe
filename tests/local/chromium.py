"""Which browser plays the page."""

from __future__ import annotations

import os
import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """As tools/chromium-up finds it; AssertionError where there is none."""
    found = os.environ.get("AWS_RUN_TEST_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    assert found, "no Chromium is here: tools/chromium-up installs it (as root on Debian)"
    return found


def is_there() -> bool:
    return any(map(shutil.which, _NAMES)) or bool(os.environ.get("AWS_RUN_TEST_CHROMIUM"))
