"""What a project has for other builders is followed here too, or a note says what is left."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.image.support import SCRIPT, source_of

from aws_run.config import Build
from aws_run.image.recipe.recipe import StandardRecipe, choose_recipe


def recipe_of(root: Path, files: dict[str, str], build: Build | None = None) -> StandardRecipe:
    recipe = choose_recipe(build or Build(), source_of(root, {"main.py": SCRIPT, **files}))
    assert isinstance(recipe, StandardRecipe)
    return recipe


@pytest.mark.parametrize("path", ["apt.txt", "Aptfile", "binder/apt.txt", ".binder/apt.txt"])
def test_a_list_of_debian_packages_is_installed_and_told(tmp_path: Path, path: str) -> None:
    recipe = recipe_of(
        tmp_path, {path: "# for plots\ngraphviz\nlibgl1  # opencv\n:repo:deb http://x/ stable\ngraphviz\n"}
    )
    assert recipe.apt == ("graphviz", "libgl1")
    assert f"Debian packages: graphviz, libgl1, of {path}" in recipe.notes
    assert any(":repo:deb http://x/ stable" in note and path in note for note in recipe.notes)


def test_the_users_own_list_goes_before_it(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, {"apt.txt": "graphviz\n"}, Build(apt=("ffmpeg",)))
    assert recipe.apt == ("ffmpeg",)
    assert "Debian packages: ffmpeg" in recipe.notes


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({".tool-versions": "nodejs 20.1\npython 3.11.4 3.10\n"}, "3.11"),
        ({".tool-versions": "nodejs 20.1\n"}, "3.12"),
        ({".tool-versions": "python 3.11.4\n", ".python-version": "3.10\n"}, "3.10"),
    ],
)
def test_the_python_of_tool_versions_is_taken(tmp_path: Path, files: dict[str, str], python: str) -> None:
    assert recipe_of(tmp_path, files).python == python


@pytest.mark.parametrize("path", ["binder/environment.yml", ".binder/requirements.txt", "conda.yaml"])
def test_a_list_in_another_builders_place_is_installed(tmp_path: Path, path: str) -> None:
    text = "six\n" if path.endswith("txt") else "dependencies:\n  - pip:\n      - six\n"
    recipe = recipe_of(tmp_path, {path: text})
    assert recipe.dependencies.title.startswith(path)


def test_scripts_of_repo2docker_are_told_and_not_run(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, {"postBuild": "#!/bin/bash\n", "binder/start": "", "start": ""})
    assert any("postBuild, binder/start of repo2docker is not run" in note for note in recipe.notes)
