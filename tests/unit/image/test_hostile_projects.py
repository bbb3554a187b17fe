"""Files of a project that are made to keep a parser busy, fill its stack or hold whoever opens them: a sentence, soon."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from tests.unit.image.support import LAYER, SCRIPT, config_of, paths, source_of, write

import aws_run
from aws_run.config import Build, load_config
from aws_run.errors import ConfigError, SourceError, UsageError
from aws_run.image.plan import plan_image
from aws_run.image.recipe.command import find_program
from aws_run.image.recipe.find_dependencies import find_dependencies
from aws_run.image.recipe.python_scripts import has_too_many_tokens
from aws_run.image.recipe.recipe import choose_recipe, read_pyproject
from aws_run.image.recipe.shell_form import refuse_shell_form
from aws_run.image.sources import results
from aws_run.image.sources.listing import MAX_DEPTH
from aws_run.image.sources.source import read_source

DEEP_SCRIPTS = {
    "signs": "x=" + "-" * 100_000 + "1",
    "lambdas": "x=" + "lambda:" * 50_000 + "1",
    "brackets": "x=" + "(" * 100_000,
    "sums": "x=1" + "+1" * 100_000,
    "attributes": "x=a" + ".b" * 100_000,
    "calls": "x=a" + "()" * 100_000,
    "branches": "if a:\n b()\n" + "elif a:\n b()\n" * 2_000,
    "tuples": "add_argument(" + "(" * 190 + "'-i'" + ",)" * 190 + ")",
    "nul": "x='\0'",
}


@pytest.mark.parametrize("text", DEEP_SCRIPTS.values(), ids=DEEP_SCRIPTS)
@pytest.mark.skipif(sys.version_info < (3, 11), reason="see the test of has_too_many_tokens")
def test_a_script_that_fills_the_parsers_stack_is_passed_over(tmp_path: Path, text: str) -> None:
    source = source_of(tmp_path, {"main.py": SCRIPT, "bad.py": f'# "-i" "-o"\n{text}\n'})
    assert find_program(source).command == ("python", "main.py")


@pytest.mark.parametrize("name", ["sums", "attributes", "calls", "signs", "brackets"])
def test_python_3_10_is_not_shown_a_line_that_would_end_it(name: str) -> None:
    """Its parser crashes on long chains, which no exception tells."""
    assert has_too_many_tokens(DEEP_SCRIPTS[name])


def test_whatever_python_a_project_has_goes_through_the_one_guarded_parser() -> None:
    """Cells of notebooks and scripts that a command names, too."""
    callers = [
        path.name
        for path in Path(aws_run.__file__).parent.rglob("*.py")
        if "local" not in path.parts and re.search(r"\bast\.parse\(|\bliteral_eval\(", path.read_text("utf-8"))
    ]
    assert callers == ["python_scripts.py"]
    text = Path(aws_run.__file__).with_name("image").joinpath("recipe", "python_scripts.py").read_text("utf-8")
    assert text.count("ast.parse(") == 1


def test_ordinary_scripts_of_any_length_are_shown_to_it() -> None:
    assert not has_too_many_tokens("x = [1, 2]\ny = a.b.c()\n" * 5_000)


@pytest.mark.parametrize("text", ["x=" + "[" * 5_000, "x." + "y." * 5_000 + "z=[", "x = " + "9" * 10_000, "\xff"])
def test_a_pyproject_that_can_not_be_read_is_a_sentence(tmp_path: Path, text: str) -> None:
    source = source_of(tmp_path, {"main.py": SCRIPT, "pyproject.toml": text.encode("latin-1")})
    with pytest.raises(SourceError, match=r"pyproject\.toml"):
        read_pyproject(source)


def test_numbers_without_end_are_no_python_version(tmp_path: Path) -> None:
    long = "3." + "1" * 10_000
    for files in ({".python-version": long}, {"pyproject.toml": f"[project]\nname='x'\nrequires-python='>={long}'\n"}):
        recipe = choose_recipe(
            Build(), source_of(tmp_path / str(len(files[next(iter(files))])), {"main.py": SCRIPT, **files})
        )
        assert "3.12" in recipe.summary


def test_a_chain_of_requirements_is_followed_only_so_far(tmp_path: Path) -> None:
    files = {f"r{n}.txt": f"-r r{n + 1}.txt\n" for n in range(150)}
    source = source_of(tmp_path, {"main.py": SCRIPT, "requirements.txt": "-r r0.txt\n", **files, "r150.txt": ""})
    with pytest.raises(SourceError, match="more than 100 files"):
        find_dependencies(source, {})


def test_a_line_of_blanks_in_requirements_takes_no_time(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"requirements.txt": "a" + " " * 900_000 + "b\n"})
    assert find_dependencies(source, {}).kind == "requirements"


@pytest.mark.parametrize(
    "text", ["ENTRYPOINT " + "[" * 100_000, "FROM a\n" + "RUN a\\\n" * 100_000, "FROM " + "--a " * 100_000]
)
def test_a_dockerfile_is_read_in_one_pass(text: str) -> None:
    try:
        refuse_shell_form(text, "Dockerfile", own_command=False, root=Path("/p"))
    except SourceError as error:
        assert "shell form" in error.message  # noqa: PT017 (either outcome is right)


@pytest.mark.parametrize(
    "name",
    [
        "requirements.txt",
        "pyproject.toml",
        "Dockerfile",
        ".python-version",
        ".dockerignore",
        ".awsrunignore",
        "aws-run.yaml",
    ],
)
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "device", "link out", "huge"])
def test_nothing_but_a_regular_file_of_the_project_is_read(tmp_path: Path, name: str, kind: str) -> None:
    root = write(tmp_path / "project", {"main.py": SCRIPT, ".awsrunignore": "/secret\n" + "".join(f"/{name}\n")})
    write(tmp_path, {"secret": "hunter2"})
    path = root / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a pipe":
        os.mkfifo(root / "pipe")
        path.symlink_to("pipe")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "link out":
        path.symlink_to("../secret")
    else:
        path.write_bytes(b"# " + b"x" * (1 << 20))
    with pytest.raises(UsageError) as caught:
        planned(root)
    assert name in caught.value.message
    assert "hunter2" not in caught.value.message


def planned(root: Path) -> object:
    config = load_config(root, file=None, flags={}, environ={}, cwd=root, for_run=False)
    return plan_image(config, (), entrypoint_layer=lambda: LAYER)


@pytest.mark.parametrize("included", [".env", "sub/.npmrc", "../secret", "out/secret", ".git/config"])
def test_requirements_include_no_secret_and_nothing_from_elsewhere(tmp_path: Path, included: str) -> None:
    files = {".env": "s", "sub/.npmrc": "s", ".git/config": "", "requirements.txt": f"-r {included}\n"}
    root = write(tmp_path / "project", {"main.py": SCRIPT, ".dockerignore": "out\n", **files})
    (root / ".git" / "config").unlink()
    (root / ".git").rmdir()
    write(tmp_path, {"secret": "s"})
    (root / "out").symlink_to("..")
    with pytest.raises(SourceError, match=r"never goes into an image|is not in|leads out of"):
        plan_image(config_of(root), (), entrypoint_layer=lambda: LAYER)


def test_a_dockerfile_has_no_name_of_a_secret(tmp_path: Path) -> None:
    root = write(tmp_path, {"main.py": SCRIPT, ".env": "FROM x\n"})
    with pytest.raises(ConfigError, match="never goes into an image"):
        choose_recipe(Build(dockerfile=".env"), read_source(root))


def test_folders_in_folders_without_end_are_refused(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(MAX_DEPTH + 2):
        folder = folder / "d"
        folder.mkdir()
    (folder / "x.py").touch()
    with pytest.raises(SourceError, match="folders deep"):
        read_source(tmp_path)


@pytest.mark.parametrize(("name", "text"), [(".awsrunignore", "ok\n[z-a]\n"), (".dockerignore", "ok\n" + "a" * 1025)])
def test_a_pattern_that_can_not_be_is_named_by_file_and_line(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SourceError, match=rf"^\{name}:2: the pattern"):
        source_of(tmp_path, {"main.py": SCRIPT, name: text})


def test_ignore_patterns_of_a_project_are_judged_at_once(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 60) + "/x.py"
    files = {deep: "1", "a" * 200: "1", ".dockerignore": "**/" * 200 + "nothing\n", ".awsrunignore": "*a" * 30 + "b\n"}
    assert deep in paths(source_of(tmp_path, files))


def test_a_yaml_of_many_levels_or_words_is_a_sentence(tmp_path: Path) -> None:
    for text in (
        "name: " + "[" * 100_000,
        "- " * 100_000,
        "? " * 50_000,
        "a: &a [*a]",
        "env: {" + "x: y, " * 30_000 + "}",
    ):
        write(tmp_path, {"aws-run.yaml": text})
        with pytest.raises(ConfigError, match=r"^aws-run\.yaml"):
            load_config(tmp_path, file=None, flags={}, environ={}, cwd=tmp_path, for_run=False)


def test_the_marker_of_results_replaces_no_file_that_a_link_leads_to(tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"main.py": "1", "out/a": "1"})
    (tmp_path / ".bashrc").write_text("mine")
    (root / "out" / results.MARKER).symlink_to(tmp_path / ".bashrc")
    results.mark(root / "out", root)
    assert (tmp_path / ".bashrc").read_text() == "mine"
    assert not (root / "out" / results.MARKER).is_symlink()
    assert (root / "out" / results.MARKER).is_file()


def test_a_pipe_in_the_markers_place_holds_nobody(tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"main.py": "1", "out/a": "1"})
    os.mkfifo(root / "out" / results.MARKER)
    results.mark(root / "out", root)
