"""Names of files under a locale that is not UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_COMMAND = """
import os, sys
from aws_run.cli.file_names import in_utf8
in_utf8()
names = os.listdir(sys.argv[1])
print(names == ["donn\\u00e9es"], len(sys.argv), sys.stdout.encoding, sys.flags.isolated)
print("donn\\u00e9es", file=sys.stderr)
"""


@pytest.mark.skipif(os.name != "posix", reason="on Windows names are Unicode by themselves")
def test_names_are_utf8_and_the_terminal_keeps_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "données").mkdir()
    script = tmp_path.with_suffix(".py")
    script.write_text(_COMMAND)
    environ = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    environ.pop("PYTHONIOENCODING", None)
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], env=environ, capture_output=True, check=False)
    names, arguments, encoding, _ = done.stdout.decode("ascii").split()
    assert (names, arguments) == ("True", "2")
    assert encoding.lower() in ("ascii", "ansi_x3.4-1968", "us-ascii")
    assert done.stderr == b"donn\\xe9es\n"


def test_nothing_is_started_anew_where_names_are_utf8(tmp_path: Path) -> None:
    code = "import sys; from aws_run.cli.file_names import in_utf8; in_utf8(); print(sys._xoptions)"
    environ = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout == "{}\n"
