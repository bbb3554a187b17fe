"""What README shows of a run is what a run shows now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RECORDER = Path(__file__).resolve().parents[2] / "tools" / "terminal-picture"


def test_a_run_of_readme_s_script_shows_what_readme_shows() -> None:
    done = subprocess.run([sys.executable, str(RECORDER), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
