"""Shell scripts as the program, and what keeps a file from being started."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.image.support import source_of

from aws_run.errors import SourceError
from aws_run.image.recipe.command import find_program, program_of
from aws_run.image.recipe.script_options import POSITIONAL, SHORT

GETOPTS = '#!/usr/bin/env bash\nwhile getopts "hi:o:" opt; do case $opt in i) a=$OPTARG;; o) b=$OPTARG;; esac; done\n'
CASES = '#!/bin/sh\nwhile [ $# -gt 0 ]; do case "$1" in --input|--in) i=$2;; --output) o=$2;; esac; shift 2; done\n'
PLACES = '#!/bin/bash\nINPUT_DIR="$1"\nOUTPUT_DIR=${2:-out}\ncp -r "$INPUT_DIR" "$OUTPUT_DIR"\n'


@pytest.mark.parametrize(
    ("text", "shell", "arguments"),
    [
        (GETOPTS, "bash", SHORT),
        (CASES, "sh", ("--input", "--output")),
        (CASES.replace("--input|--in", "-i").replace("--output", "-o"), "sh", SHORT),
        (PLACES, "bash", POSITIONAL),
        ("in=$1; out=$2\ncp -r $in $out\n", "bash", POSITIONAL),
        ("set -e; readonly input=$1 && output=${2}\n", "bash", POSITIONAL),
    ],
)
def test_a_script_that_takes_the_folders_is_run_by_its_shell(
    tmp_path: Path, text: str, shell: str, arguments: tuple[str, str]
) -> None:
    source = source_of(tmp_path, {"run.sh": text, "setup.sh": "#!/bin/sh\napt-get install x\n"})
    program = find_program(source)
    assert (program.command, program.arguments) == ((shell, "run.sh"), arguments)
    assert program_of(("bash", "run.sh"), source).arguments == arguments


def _executable(root: Path, name: str) -> None:
    (root / name).chmod(0o755)


@pytest.mark.parametrize(
    ("content", "executable", "message"),
    [
        ("#!/bin/sh\necho\n", False, "run.sh is not executable"),
        ("#!/bin/sh\r\necho\r\n", True, "run.sh has Windows line ends"),
        ("echo\n", True, "run.sh does not begin with #!"),
        ("#!/bin/sh\necho\n", True, ""),
    ],
)
def test_a_file_that_can_not_be_started_is_refused_with_the_reason(
    tmp_path: Path, content: str, executable: bool, message: str
) -> None:
    (tmp_path / "run.sh").write_bytes(content.encode())
    if executable:
        _executable(tmp_path, "run.sh")
    source = source_of(tmp_path, {"main.py": "x = 1\n"})
    if not message:
        assert program_of(("./run.sh",), source).command == ("./run.sh",)
        return
    with pytest.raises(SourceError, match=message) as caught:
        program_of(("./run.sh",), source)
    assert "run.sh" in (caught.value.hint or "")


def test_a_python_script_of_windows_that_is_started_by_its_first_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job/main.py").write_bytes(b"#!/usr/bin/env python3\r\nprint(1)\r\n")
    _executable(tmp_path, "job/main.py")
    source = source_of(tmp_path, {})
    with pytest.raises(SourceError, match="a part of its interpreter's name"):
        program_of(("job/main.py",), source)
    assert program_of(("python", "job/main.py"), source).command == ("python", "job/main.py")


def test_a_file_in_place_of_a_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no program on the PATH") as caught:
        program_of(("main.py", "--fast"), source_of(tmp_path, {"main.py": "x = 1\n"}))
    assert caught.value.hint == "`command: python main.py`"


@pytest.mark.parametrize("command", [None, ("bash", "run.sh")])
def test_windows_line_ends_are_told_before_a_shell_meets_them(tmp_path: Path, command: tuple[str, ...] | None) -> None:
    (tmp_path / "run.sh").write_bytes(GETOPTS.replace("\n", "\r\n").encode())
    source = source_of(tmp_path, {})
    with pytest.raises(SourceError, match="Windows line ends"):
        find_program(source) if command is None else program_of(command, source)


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({"analysis.R": "x <- 1\n"}, "only R: analysis.R", "Dockerfile"),
        ({"src/main.jl": "x = 1\n"}, "only Julia: src/main.jl", "Dockerfile"),
        ({"run.sh": "#!/bin/sh\necho\n"}, "how run.sh takes the two folders is not clear", "{input} {output}"),
    ],
)
def test_a_project_without_python_is_told_what_it_needs(
    tmp_path: Path, files: dict[str, str], message: str, hint: str
) -> None:
    with pytest.raises(SourceError) as caught:
        find_program(source_of(tmp_path, files))
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_script_of_nothing_but_line_ends_takes_no_time(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"run.sh": "#!/bin/sh\n" + "\n" * 500_000})
    with pytest.raises(SourceError, match="is not clear"):
        find_program(source)
