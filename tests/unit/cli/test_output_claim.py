"""Two commands that write into one folder: the second one is told of the first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aws_run.cli.output_claim import claim_output

ONE, OTHER = "demo-20260101-000000-aaaa", "demo-20260101-000000-bbbb"
CLAIM = "import sys, pathlib; from aws_run.cli.output_claim import claim_output;"
HOLD = CLAIM + "print(claim_output(pathlib.Path(sys.argv[1]), sys.argv[2]), flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_the_second_run_into_a_folder_is_told_of_the_first_until_that_ends(tmp_path: Path) -> None:
    out, link = tmp_path / "out", tmp_path / "link"
    out.mkdir()
    link.symlink_to(out)
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(link), ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    assert first.stdout.readline().strip() == "None"
    assert claim_output(out, OTHER) == ONE
    assert claim_output(tmp_path / "elsewhere", OTHER) is None
    first.communicate("")
    assert claim_output(out, OTHER) is None


def test_where_no_claim_can_be_kept_nobody_is_stopped(state: Path, tmp_path: Path) -> None:
    (state / "aws-run").mkdir(parents=True)
    (state / "aws-run" / "writing").write_text("in the way")
    assert claim_output(tmp_path / "out", ONE) is None


def test_what_is_no_run_in_a_claim_is_not_repeated(state: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert claim_output(out, ONE) is None
    (claim,) = (state / "aws-run" / "writing").iterdir()
    claim.write_bytes(b"\x1b[31m" * 9)
    assert claim.stat().st_mode & 0o777 == 0o600
    assert claim_output(out, OTHER) == "another run"
