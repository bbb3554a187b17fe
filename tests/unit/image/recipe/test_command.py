from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from tests.unit.image.support import SCRIPT, source_of, write

from aws_run.errors import AmbiguousScriptError, SourceError
from aws_run.image.recipe.command import check_command, find_program
from aws_run.image.sources.source import read_source

ARGPARSE = """
import argparse
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", "--input", required=True)
    parser.add_argument('-o', '--output')
    print(parser.parse_args())
if __name__ == "__main__":
    main()
"""
CLICK = """
import click
@click.command()
@click.option("-i", "input_folder")
@click.option("-o", "output_folder")
def run(input_folder, output_folder): ...
run()
"""
TYPER = """
import typer
from typing import Annotated
def main(data: Annotated[str, typer.Option("--data", "-i")], out: str = typer.Option(..., "-o")): ...
if __name__ == "__main__":
    typer.run(main)
"""
GETOPT = """
import getopt, sys
options, rest = getopt.getopt(sys.argv[1:], "hi:o:")
"""
COMPARED = """
import sys
for flag, value in zip(sys.argv[1:], sys.argv[2:]):
    if flag == "-i":
        source = value
    elif flag in ("-o", "--output"):
        target = value
"""
MATCHED = """
import sys
match sys.argv[1:]:
    case ["-i", source, "-o", target]:
        print(source, target)
"""
# Hands -i and -o to another program; takes neither.
FFMPEG = """
import subprocess
subprocess.run(["ffmpeg", "-i", "a.mp4", "-o", "b.mp4"])
"""
MENTIONS = '"""Not a script: give -i and -o to main.py."""\nOPTIONS = ["-i", "-o"]\n'
LIBRARY = "def add_options(parser):\n    parser.add_argument('-i')\n    parser.add_argument('-o')\n"


@pytest.mark.parametrize("text", [ARGPARSE, CLICK, TYPER, GETOPT, COMPARED, MATCHED, SCRIPT])
def test_the_one_script_that_takes_both_is_found_however_it_takes_them(tmp_path: Path, text: str) -> None:
    files = {"job.py": textwrap.dedent(text), "ffmpeg.py": FFMPEG, "notes.py": MENTIONS, "setup.py": SCRIPT}
    source = source_of(tmp_path, {**files, "tests/test_job.py": SCRIPT, "test_more.py": SCRIPT})
    assert find_program(source).command == ("python", "job.py")


def test_nothing_of_the_project_is_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    source = source_of(tmp_path / "p", {"main.py": f"open({str(marker)!r}, 'w')\n{SCRIPT}"})
    assert find_program(source).command == ("python", "main.py")
    assert not marker.exists()


def test_a_script_in_a_folder_keeps_its_path(tmp_path: Path) -> None:
    assert find_program(source_of(tmp_path, {"src/my job.py": SCRIPT})).command == ("python", "src/my job.py")


def test_a_package_runs_as_a_module(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"pkg/__init__.py": "", "pkg/__main__.py": ARGPARSE})
    assert find_program(source).command == ("python", "-m", "pkg")


@pytest.mark.parametrize("line", ["from options import add_options", "import options", "from . import options"])
def test_options_may_be_declared_in_a_module_that_the_script_imports(tmp_path: Path, line: str) -> None:
    source = source_of(tmp_path, {"options.py": LIBRARY, "main.py": f"{line}\nmain()\n", "other.py": "main()\n"})
    assert find_program(source).command == ("python", "main.py")


def test_several_scripts_are_named_and_so_is_the_way_out(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"train.py": SCRIPT, "eval.py": ARGPARSE})
    with pytest.raises(SourceError) as caught:
        find_program(source)
    assert caught.value.message == "Several scripts take -i and -o: eval.py, train.py"
    assert caught.value.hint is not None
    assert "`command: python eval.py`" in caught.value.hint
    assert "`aws-run submit eval.py …`" in caught.value.hint
    assert isinstance(caught.value, AmbiguousScriptError)
    assert caught.value.candidates == (("eval.py", ("python", "eval.py")), ("train.py", ("python", "train.py")))


def test_no_script_names_what_was_looked_at(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"main.py": "print('hello')\n", "deep/er/lib.py": "x = 1\n"})
    with pytest.raises(SourceError, match=r"No script takes both -i and -o \(looked at main\.py\)") as caught:
        find_program(source)
    assert "python main.py" in str(caught.value.hint)


def test_a_folder_without_python_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is no Python script"):
        find_program(source_of(tmp_path, {"readme.txt": ""}))


def test_a_file_that_does_not_parse_is_passed_over(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"old.py": 'print "-i", "-o"\n', "nul.py": '"-i"\0', "main.py": SCRIPT})
    assert find_program(source).command == ("python", "main.py")


def test_warnings_about_the_projects_code_are_its_own_business(tmp_path: Path) -> None:
    assert find_program(source_of(tmp_path, {"main.py": f"x = '\\d'\n{SCRIPT}"})).command == ("python", "main.py")


@pytest.mark.parametrize(
    "command",
    [
        ("python", "main.py"),
        ("python", "./main.py"),
        ("python", "/opt/x.py"),
        ("bash", "run.sh"),
        ("python", "-m", "pkg"),
    ],
)
def test_a_command_that_can_be_right_is_taken(tmp_path: Path, command: tuple[str, ...]) -> None:
    check_command(command, source_of(tmp_path, {"main.py": "", "pkg/__main__.py": ""}))


def test_a_script_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"runs mian\.py, which is not in") as caught:
        check_command(("python", "mian.py"), source_of(tmp_path, {"main.py": ""}))
    assert caught.value.hint == "did you mean main.py?"


def test_a_script_that_is_left_out_says_by_what(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "", ".awsrunignore": "main.py\n"})
    with pytest.raises(SourceError, match="leaves it out") as caught:
        check_command(("python", "main.py"), read_source(tmp_path))
    assert ".awsrunignore" in str(caught.value.hint)
