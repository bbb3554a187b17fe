"""A script in a folder finds the modules of the project's top, and what lies beside a project is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.image.support import source_of

from aws_run.config import Build
from aws_run.errors import SourceError
from aws_run.image.recipe.find_dependencies import find_dependencies
from aws_run.image.recipe.imports_from_top import find_import_from_top
from aws_run.image.recipe.recipe import StandardRecipe, choose_recipe, read_pyproject
from aws_run.project.requirements import read_requirements

COMMAND = ("python", "scripts/train.py")


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("from lib.util import N\n", "lib"),
        ("import settings\n", "settings"),
        ("import numpy\nimport beside\n", None),
        ("from beside import x\n", None),
        ("import docs\n", None),  # a folder without any module
        ("import lib(\n", None),
    ],
)
def test_what_a_script_imports_from_the_top_is_known(tmp_path: Path, text: str, module: str | None) -> None:
    files = {"scripts/train.py": text, "scripts/beside.py": "", "beside.py": "", "lib/util.py": "", "settings.py": ""}
    source = source_of(tmp_path, {**files, "docs/a.md": ""})
    found = find_import_from_top(source, COMMAND)
    assert (found.module if found is not None else None) == module
    assert find_import_from_top(source, ("python", "-m", "scripts.train")) is None


def test_the_top_is_on_the_path_of_such_a_script_and_that_is_told(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"scripts/train.py": "import lib.util\n", "lib/util.py": ""})
    recipe = choose_recipe(Build(), source, COMMAND)
    assert isinstance(recipe, StandardRecipe)
    assert recipe.python_path == ("",)
    assert any("PYTHONPATH, because scripts/train.py imports lib from it" in note for note in recipe.notes)
    other = choose_recipe(Build(), source, ("python", "lib/util.py"))
    assert isinstance(other, StandardRecipe)
    assert other.python_path == ()


@pytest.mark.parametrize("entry", ["{workspace = true}", '{path = "../sibling", editable = true}'])
@pytest.mark.parametrize("lock", [{}, {"uv.lock": "version = 1\n"}])
def test_a_package_beside_the_project_is_named_before_the_build(
    tmp_path: Path, entry: str, lock: dict[str, str]
) -> None:
    text = f'[project]\nname = "x"\nversion = "1"\ndependencies = ["sibling"]\n[tool.uv.sources]\nsibling = {entry}\n'
    source = source_of(tmp_path, {"pyproject.toml": text, **lock})
    with pytest.raises(SourceError, match=r"asks for sibling, .* which lies outside of this folder"):
        find_dependencies(source, read_pyproject(source))
    whole = source_of(tmp_path / "whole", {"pyproject.toml": text + "[tool.uv.workspace]\nmembers = ['a']\n", **lock})
    if "workspace = true" in entry:
        assert find_dependencies(whole, read_pyproject(whole)).kind in ("pyproject", "lock")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Package    Version\n---------- -------\nsix        1.16.0\n",
            "line 3: six 1.16.0 (a row of a table; six==1.16.0",
        ),
        ("# Name  Version  Build\nsix   1.16.0   pyhd3eb1b0_1  conda-forge\n", "six==1.16.0 is meant"),
        ("-e file:///home/me/own\nsix\n", "line 1: -e file:///home/me/own"),
    ],
)
def test_what_other_programs_print_is_named_line_by_line(tmp_path: Path, text: str, told: str) -> None:
    source = source_of(tmp_path, {"requirements.txt": text})
    with pytest.raises(SourceError) as caught:
        read_requirements(source, "requirements.txt")
    assert told in caught.value.message


@pytest.mark.parametrize(
    "text", ["six == 1.16.0\n", "six 1.16.0; python_version<'3'\n", "-e ./a\n", "six @ https://x/a.whl\n"]
)
def test_what_pip_takes_is_no_table(tmp_path: Path, text: str) -> None:
    assert (
        read_requirements(source_of(tmp_path, {"requirements.txt": text, "a/x": ""}), "requirements.txt").packages == 1
    )
