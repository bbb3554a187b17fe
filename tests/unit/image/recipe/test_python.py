"""Which Python an image gets: what the project says of it, what can be had, and what is told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import uv
from tests.unit.image.support import source_of

from aws_run.config import Build
from aws_run.errors import ConfigError, SourceError
from aws_run.image.plan import standard_dockerfile
from aws_run.image.recipe.python_version import first_line, from_managed, from_pin, from_requires, managed_versions
from aws_run.image.recipe.recipe import StandardRecipe, choose_recipe

PROJECT = '[project]\nname = "p"\nversion = "1"\nrequires-python = "{}"\n'


def recipe_of(root: Path, files: dict[str, str], build: Build | None = None) -> StandardRecipe:
    recipe = choose_recipe(build or Build(), source_of(root, files))
    assert isinstance(recipe, StandardRecipe)
    return recipe


@pytest.mark.parametrize(
    ("text", "requires"),
    [
        ("3.11\n", "==3.11.*"),
        ("3.11.4\n3.10\n", "==3.11.4.*"),
        ("# x\ncpython-3.13.0\n", "==3.13.0.*"),
        ("cpython@3.13", "==3.13.*"),
        ("python-3.11.4", "==3.11.4.*"),
        ("3", "==3.*"),
        ("3.14-dev", "==3.14.*"),
        ("python-3.11.x", "==3.11.*"),
        ("3.10.2/envs/job", "==3.10.2.*"),
        ("cpython-3.11.9-linux-x86_64-gnu", "==3.11.9.*"),
        (">=3.10", ">=3.10"),
        ("pypy3.10\n", None),
        ("miniconda3-latest", None),
    ],
)
def test_a_python_version_file(text: str, requires: str | None) -> None:
    assert from_pin(first_line(text)) == requires


CONDA = "dependencies:\n  - python {}\n  - pip\n"
LOCK = 'version = 1\nrequires-python = "==3.10.*"\n[[package]]\nname = "six"\nversion = "1.16.0"\n'
POETRY_LOCK = '[[package]]\nname = "six"\nversion = "1"\ngroups = ["main"]\n[metadata]\npython-versions = "~3.10"\n'


@pytest.mark.parametrize(
    "files",
    [
        {"environment.yml": CONDA.format(">=3.10,<3.11")},  # nothing else is in it
        {"environment.yml": CONDA.format("3.10"), "requirements.txt": "six\n"},
        {"environment.yml": CONDA.format("3.9.*|3.10.*")},
        {"Pipfile": '[requires]\npython_version = "3.10"\n'},
        {"pyproject.toml": '[project]\nname = "p"\nversion = "1"\n', "uv.lock": LOCK},
        {"pyproject.toml": '[tool.poetry.dependencies]\nsix = "*"\n', "poetry.lock": POETRY_LOCK},
        {".python-versions": "3.10\n3.11\n"},
        {"pyproject.toml": '[project]\nrequires-python = "3.10"\n'},
        {"setup.py": "setup(name='x', python_requires='>=3.9, <3.11')\n"},
    ],
)
def test_a_version_counts_whatever_file_says_it(tmp_path: Path, files: dict[str, str]) -> None:
    recipe = recipe_of(tmp_path, files)
    assert recipe.python == "3.10"
    assert not [note for note in recipe.notes if "not understood" in note]


@pytest.mark.parametrize(
    ("text", "version", "managed"),
    [
        (">=3.9", "3.12", "3.12.16"),
        (">=3.9,<3.12", "3.11", "3.11.18"),
        (">=3.13", "3.13", "3.13.18"),
        ("~=3.10", "3.12", "3.12.16"),
        ("~=3.10.2", "3.10", "3.10.22"),
        ("==3.11.*", "3.11", "3.11.18"),
        ("==3.11", "3.11", "3.11.18"),
        ("<=3.10", "3.10", "3.10.22"),
        (">3.12,<4", "3.13", "3.13.18"),
        (">=3.12.4", "3.12", "3.12.16"),
        (">=3", "3.12", "3.12.16"),
        ("!=3.12.*,>=3.9", "3.13", "3.13.18"),
        ("^3 || banana", None, None),
        (">=3.9,<3.10||>=3.11,<3.12", "3.11", "3.11.18"),
        (">=3.15", None, "3.15.2"),
        ("<3.9", None, "3.8.20"),
        ("==3.11.4", None, "3.11.4"),
        ("==3.11.4.*", "3.11", "3.11.4"),
        ("<=3.9.13,>=3.9", None, "3.9.13"),
        ("==3.11.2", None, None),
        (">=4", None, None),
        ("<3.8", None, None),
        ("banana", None, None),
        ("", "3.12", "3.12.16"),
    ],
)
def test_requires_python(text: str, version: str | None, managed: str | None) -> None:
    assert from_requires(text) == version
    assert from_managed(text) == managed


def test_the_versions_are_those_of_the_uv_that_the_image_gets() -> None:
    listing = [uv.find_uv_bin(), "python", "list", "--no-config", "--all-versions", "--all-arches", "--only-downloads"]
    done = subprocess.run([*listing, "--output-format", "json"], check=True, capture_output=True, text=True)
    by_arch: dict[str, set[str]] = {"x86_64": set(), "aarch64": set()}
    for entry in json.loads(done.stdout):
        plain = entry["implementation"] == "cpython" and entry["variant"] == "default"
        if plain and (entry["os"], entry["libc"]) == ("linux", "gnu") and entry["version"].replace(".", "").isdigit():
            by_arch.setdefault(entry["arch"], set()).add(entry["version"])
    assert {each for versions in managed_versions().values() for each in versions} == set.intersection(
        by_arch["x86_64"], by_arch["aarch64"]
    )


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({".tool-versions": "nodejs 20.1\npython 3.11.4 3.10\n"}, "3.11"),
        ({".tool-versions": "nodejs 20.1\n"}, "3.12"),
        ({".tool-versions": "python 3.11.4\n", ".python-version": "3.10\n"}, "3.10"),
        ({"mise.toml": '[tools]\npython = "3.11"\n'}, "3.11"),
        ({".mise.toml": '[tools]\npython = ["3.10", "3.11"]\n'}, "3.10"),
        ({".config/mise.toml": '[tools.python]\nversion = "3.13"\n'}, "3.13"),
        ({"mise.toml": '[tools]\nnode = "22"\n'}, "3.12"),
        ({"runtime.txt": "python-3.11.4\n"}, "3.11"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.9 || ~3.11"\n'}, "3.11"),
        ({"pyproject.toml": PROJECT.format(">=3.13")}, "3.13"),
        ({".python-version": "3.11\n", "pyproject.toml": PROJECT.format(">=3.11")}, "3.11"),
        ({}, "3.12"),
    ],
)
def test_the_python_is_what_the_first_of_these_says(tmp_path: Path, files: dict[str, str], python: str) -> None:
    recipe = recipe_of(tmp_path, files)
    assert (recipe.python, recipe.managed_python) == (python, False)
    assert recipe.base_image == f"public.ecr.aws/docker/library/python:{python}-slim-bookworm"


def test_the_setting_goes_before_all(tmp_path: Path) -> None:
    assert recipe_of(tmp_path, {".python-version": "3.11\n"}, Build(python="3.10")).python == "3.10"


# What is there → (the Python of the job, that of the base image)
MANAGED = [
    ({"pyproject.toml": PROJECT.format("==3.11.4")}, "3.11.4", "3.11"),
    ({"pyproject.toml": PROJECT.format(">=3.8,<3.9")}, "3.8.20", "3.12"),
    ({".python-version": "3.8\n"}, "3.8.20", "3.12"),
    ({".python-version": "3.8.15\n"}, "3.8.15", "3.12"),
    ({"runtime.txt": "python-3.8.2"}, "3.8.20", "3.12"),
    ({".tool-versions": "python 3.15.1"}, "3.15.1", "3.12"),
    ({"Pipfile": '[requires]\npython_full_version = "3.11.3"\n[packages]\nsix = "*"\n'}, "3.11.3", "3.11"),
    ({"main.py": '# /// script\n# requires-python = "==3.10.4"\n# dependencies = ["six"]\n# ///\n'}, "3.10.4", "3.10"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "python", "base"), MANAGED)
def test_uv_installs_a_python_that_no_base_image_has(
    tmp_path: Path, files: dict[str, str], python: str, base: str
) -> None:
    recipe = recipe_of(tmp_path, files)
    assert (recipe.python, recipe.managed_python) == (python, True)
    assert recipe.base_image.endswith(f"/python:{base}-slim-bookworm")
    assert any(f"uv installs Python {python}, because no base image" in note for note in recipe.notes)
    text = standard_dockerfile(recipe)
    assert 'uv python install --no-config --no-bin "$MANAGED_PYTHON"' in text
    # Its own part runs on the base image's Python: 3.8 is too old for it.
    assert text.count("\nENTRYPOINT ") == 1
    assert '\nENTRYPOINT ["/opt/aws-run/python3"' in text


def test_a_setting_of_3_8_is_managed_and_other_recipes_know_nothing_of_it(tmp_path: Path) -> None:
    assert recipe_of(tmp_path / "a", {}, Build(python="3.8")).python == "3.8.20"
    recipe = recipe_of(tmp_path / "b", {}, Build(python="3.11.4"))  # a tag of the base image, as ever
    assert recipe.base_image.endswith("/python:3.11.4-slim-bookworm")
    text = standard_dockerfile(recipe)
    assert "MANAGED_PYTHON" not in text
    assert text.count("\nENTRYPOINT ") == 1


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"pyproject.toml": PROJECT.format("==3.11.2")}, r"pyproject\.toml asks for Python ==3\.11\.2, which neither"),
        ({"pyproject.toml": PROJECT.format("<3.8")}, r"pyproject\.toml asks for Python <3\.8, which neither"),
        ({".python-version": "2.7.18\n"}, r"\.python-version asks for Python 2\.7\.18, which neither"),
        ({".tool-versions": "python 3.6\n"}, r"\.tool-versions asks for Python 3\.6, which neither"),
        (
            {"environment.yml": "dependencies: [python=3.8, gdal]\n"},
            r"environment\.yml asks for Python ==3\.8\.\*, and in an environment of conda's",
        ),
    ],
)
def test_one_that_cannot_be_had_is_refused_before_the_build(
    tmp_path: Path, files: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SourceError, match=sentence):
        recipe_of(tmp_path, files)


def test_a_setting_that_cannot_be_had_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"build\.python is 3\.8\.1, which can't be had"):
        recipe_of(tmp_path, {}, Build(python="3.8.1"))


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"pyproject.toml": PROJECT.format("^3.9")}, "pyproject.toml asks for Python ^3.9, which is not understood"),
        ({"setup.cfg": "[options]\npython_requires = ~3.9\n"}, "setup.cfg asks for Python ~3.9, which is not understood"),
        (
            {"setup.py": "setup(python_requires='>={}'.format(LOW))\n"},
            "setup.py asks for Python of a python_requires that is computed, which is not understood",
        ),
        (
            {"pyproject.toml": '[tool.poetry.dependencies]\npython = "three"\n'},
            "pyproject.toml asks for Python three, which is not understood",
        ),
        ({".python-version": "pypy3.9-7.3\n"}, ".python-version asks for pypy3.9-7.3, and CPython 3.9 is used in its place"),
        ({".python-version": "3.13t\n"}, ".python-version asks for 3.13t, and CPython 3.13 is used in its place"),
        ({".python-version": "my-venv\n"}, ".python-version asks for Python my-venv, which is not understood"),
        ({"runtime.txt": "r-4.1-2022-01-01\n"}, "runtime.txt asks for Python r-4.1-2022-01-01, which is not"),
        (
            {".python-version": "3.9\n", "pyproject.toml": PROJECT.format(">=3.11")},
            ".python-version decides on Python 3.9, although pyproject.toml asks for >=3.11",
        ),
        ({".python-version": "3.11.4\n"}, ".python-version names Python 3.11.4, and the newest 3.11 is used; `build:"),
        ({".python-version": "3.8.1\n"}, ".python-version names Python 3.8.1, which can't be had; 3.8.20 is used"),
    ],
)  # fmt: skip
def test_what_is_not_followed_to_the_letter_is_told(tmp_path: Path, files: dict[str, str], told: str) -> None:
    notes = recipe_of(tmp_path, files).notes
    assert [note for note in notes if note.startswith(told)], notes
    with_base = recipe_of(tmp_path / "base", files, Build(base_image="mine:1"))
    assert not [note for note in with_base.notes if "Python" in note]
