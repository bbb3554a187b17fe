"""The generated pages of docs/ say what the code says."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.picture_sums import is_of

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "tools" / "gen-docs"


def test_the_generated_pages_are_what_the_code_makes_now() -> None:
    command = [sys.executable, str(GENERATOR), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_of_a_comment_is_of_the_golden_text(theme: str) -> None:
    golden = (ROOT / "tests/github/golden/comment-succeeded.md").read_bytes()
    picture = (ROOT / f"docs/comment-{theme}.png").read_bytes()
    assert is_of(picture, golden), "draw it again: tools/comment-picture"
    assert not is_of(picture, golden + b"x")


def test_the_picture_of_the_terminal_is_of_the_run_that_readme_has_as_text() -> None:
    """tests/local/test_terminal_picture.py runs it anew."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- terminal: [^>]*-->\n```console\n(.*?)\n```\n", readme, re.DOTALL)
    assert shown is not None
    picture = (ROOT / "docs/terminal.svg").read_text(encoding="utf-8")
    assert hashlib.sha256(shown[1].encode()).hexdigest() in picture, "record it again: tools/terminal-picture"
