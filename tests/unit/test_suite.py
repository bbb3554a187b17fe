"""What the suite says about itself: a line a file, and what was left for the night."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml
from hypothesis import settings

ROOT = Path(__file__).parents[2]
MIXED = """
import pytest
def test_passes(): pass
def test_fails(): assert 0
def test_skips(): pytest.skip("here")
@pytest.fixture
def broken(): raise ValueError
def test_never_starts(broken): pass
@pytest.mark.nightly
@pytest.mark.parametrize("n", range(3))
def test_takes_long(n): pass
"""


def run(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """pytest in two workers on a small suite that has this one's conftest; its exit code and its lines."""
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    (folder / "test_fine.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    (folder / "test_mixed.py").write_text(MIXED)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", "-o", "console_output_style=classic", *arguments],
        cwd=folder, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines()


def test_each_file_has_a_line_as_it_ends_a_failure_at_once_and_the_last_line_is_pytests_own(tmp_path: Path) -> None:
    code, lines = run(tmp_path)
    assert code == 1
    assert [line for line in lines if re.fullmatch(r"test_fine\.py  2 passed  \d+\.\d s", line)]
    mixed = [line for line in lines if line.startswith("test_mixed.py  ")]
    assert [line.rpartition("  ")[0] for line in mixed] == ["test_mixed.py  1 passed, 1 failed, 1 error, 1 skipped"]
    assert lines.index("FAILED test_mixed.py::test_fails") < lines.index(mixed[0])
    assert "ERROR test_mixed.py::test_never_starts" in lines
    assert "1 failed, 3 passed, 1 skipped, 3 deselected, 1 error" in lines[-1]


def test_nightly_tests_are_left_out_with_a_word_and_run_when_they_are_wanted(tmp_path: Path) -> None:
    _, lines = run(tmp_path)
    assert "3 nightly tests were deselected; `tools/nightly tests` runs them: 3 of test_mixed.py" in lines
    code, lines = run(tmp_path, "--nightly")
    assert code == 0
    assert "3 passed" in lines[-1]
    assert not any("nightly tests were deselected" in line for line in lines)


def test_the_script_that_runs_the_suite_asks_for_those_lines_and_the_night_is_that_script() -> None:
    assert "-o console_output_style=classic" in (ROOT / "tools/test").read_text()
    assert "tools/test --nightly" in (ROOT / "tools/nightly").read_text()


def test_the_night_is_every_part_that_the_script_knows_and_each_draws_a_seed_that_it_prints() -> None:
    script = (ROOT / "tools/nightly").read_text()
    (known,) = re.findall(r"^case \$what in ([a-z |]+)\) ;;", script, re.MULTILINE)
    workflow = yaml.safe_load((ROOT / ".github/workflows/nightly.yml").read_text())
    parts = workflow["jobs"]["unseen"]["strategy"]["matrix"]["what"]
    assert set(parts) == set(known.split(" | "))
    assert re.findall(r"tools/nightly ([a-z]+)$", (ROOT / "Makefile").read_text(), re.MULTILINE) == [*parts]
    drawn = script.index("RANDOM * 32768")
    printed = script.index('echo "$what: seed $seed')
    for part in set(parts) - {"tests"}:
        assert drawn < printed < script.index(f"\n    {part})"), part
        assert "seed" in script[script.index(f"\n    {part})") :].partition(";;")[0], part


def test_at_night_examples_are_new_in_ci_too() -> None:
    """conftest.py has registered it; with every change, CI's are the same for everybody."""
    assert settings.get_profile("night").derandomize is False
    assert settings.get_profile("suite").derandomize is (os.environ.get("CI") == "true")
