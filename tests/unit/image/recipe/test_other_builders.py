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


@pytest.mark.parametrize("path", ["binder/environment.yml", ".binder/requirements.txt", "conda.yaml"])
def test_a_list_in_another_builders_place_is_installed(tmp_path: Path, path: str) -> None:
    text = "six\n" if path.endswith("txt") else "dependencies:\n  - pip:\n      - six\n"
    recipe = recipe_of(tmp_path, {path: text})
    assert recipe.dependencies.title.startswith(path)


def test_scripts_of_repo2docker_are_told_and_not_run(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, {"postBuild": "#!/bin/bash\n", "binder/start": "", "start": ""})
    assert any("postBuild, binder/start of repo2docker is not run" in note for note in recipe.notes)


# What is there → the words of the sentence about it: the file, and what to do.
TOLD = {
    "pixi.toml": ("[dependencies]\nnumpy = '*'\n", "pixi.toml is not read; `pixi workspace export conda-environment"),
    "pixi.lock": ("version: 6\n", "pixi.lock is not read; `pixi workspace export conda-environment"),
    "conda-lock.yml": ("version: 1\n", "conda-lock.yml is not read; `conda-lock render --kind env"),
    "gpu.conda-lock.yml": ("version: 1\n", "gpu.conda-lock.yml is not read; `conda-lock render --kind env"),
    "environment.lock": ("@EXPLICIT\nhttps://x/a.conda\n", "environment.lock is not read; `conda env export"),
    "conda-linux-64.lock": ("@EXPLICIT\n", "conda-linux-64.lock is not read; `conda env export"),
    "meta.yaml": ("package:\nrequirements:\n  run: [numpy]\n", "meta.yaml is not read; it is a recipe"),
    "conda.recipe/meta.yaml": ("requirements:\n", "conda.recipe/meta.yaml is not read; it is a recipe"),
    "python_env.yaml": ("python: '3.10'\n", "python_env.yaml is not read; it is MLflow's"),
    "cog.yaml": ("build:\n  gpu: true\n", "cog.yaml is not read; `build: {apt, dependencies, python}`"),
    "nixpacks.toml": ("[phases.setup]\n", "nixpacks.toml is not read; `build: {apt, dependencies, python}`"),
    "project.toml": ("[build]\n", "project.toml is not read; `build: {apt, dependencies, python}`"),
    "packages.txt": ("ffmpeg\n", "packages.txt is not read; where it lists Debian packages, `build: {apt: [NAME]}`"),
    ".devcontainer/devcontainer.json": ("{}", ".devcontainer/devcontainer.json is not read; `build:"),
    "DESCRIPTION": ("Package: x\n", "what DESCRIPTION names (R) is not in the image; a Dockerfile brings it"),
    "renv.lock": ("{}", "what renv.lock names (R) is not in the image"),
    "binder/install.R": ("", "what binder/install.R names (R) is not in the image"),
    "Project.toml": ("[deps]\n", "what Project.toml names (Julia) is not in the image"),
    "package.json": ("{}", "what package.json names (Node.js) is not in the image"),
    "default.nix": ("", "what default.nix names (Nix) is not in the image"),
    "src/tools/requirements.txt": ("six\n", "`build: {dependencies: src/tools/requirements.txt}` installs that one"),
    "requirements-dev.txt": ("six\n", "`build: {dependencies: requirements-dev.txt}` installs that one"),
    "services/api/pyproject.toml": ("[project]\n", "`aws-run submit services/api` runs that folder"),
    "environment.yml": ("dependencies: [six]\nvariables: {MODE: fast}\n", "environment.yml also sets MODE, which"),
    "pyproject.toml": ("[tool.pixi.dependencies]\nx = '*'\n", "[tool.pixi] of pyproject.toml is not read; `pixi"),
}


@pytest.mark.parametrize("path", TOLD)
def test_what_names_packages_and_is_not_followed_is_told_with_what_to_do(tmp_path: Path, path: str) -> None:
    text, sentence = TOLD[path]
    notes = recipe_of(tmp_path, {path: text}).notes
    assert [note for note in notes if sentence in note], notes


@pytest.mark.parametrize("path", ["environment.lock", "meta.yaml", "cog.yaml", "conda-env.yml"])
def test_a_file_that_only_has_such_a_name_is_no_news(tmp_path: Path, path: str) -> None:
    assert recipe_of(tmp_path, {path: "something: else\n"}).notes == ("dependencies: none",)


def test_pixis_two_files_are_one_sentence(tmp_path: Path) -> None:
    notes = recipe_of(tmp_path, {"pixi.toml": "", "pixi.lock": "", "requirements.txt": "six\n"}).notes
    assert [note for note in notes if "pixi" in note] == [
        "pixi.lock, pixi.toml are not read; `pixi workspace export conda-environment environment.yml` writes a list "
        "that is (`--from-lock-file` with the locked versions)"
    ]


@pytest.mark.parametrize(
    "name", ["environment-gpu.yml", "env.yaml", "conda_dependencies.yml", "conda-linux-64.lock.yml"]
)
def test_a_list_of_condas_under_another_name_is_installed(tmp_path: Path, name: str) -> None:
    text = "channels: [conda-forge]\ndependencies:\n  - python=3.11\n  - pip:\n      - six\n"
    recipe = recipe_of(tmp_path, {name: text})
    assert (recipe.dependencies.files[0], recipe.python) == (name, "3.11")


def test_ryes_lock_goes_before_the_manifest(tmp_path: Path) -> None:
    files = {"requirements.lock": "# rye\n-e file:.\nsix==1.16.0\n", "pyproject.toml": "[project]\nname = 'p'\n"}
    recipe = recipe_of(tmp_path, files)
    assert recipe.dependencies.title == "requirements.lock, 2 packages"
    assert recipe.dependencies.whole_project


def test_the_list_beside_the_script_is_taken_where_the_top_folder_has_none(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"src/job/main.py": SCRIPT, "src/requirements.txt": "six\n"})
    recipe = choose_recipe(Build(), source, ("python", "src/job/main.py"))
    assert isinstance(recipe, StandardRecipe)
    assert recipe.dependencies.files == ("src/requirements.txt",)


def test_the_list_inside_of_the_script_is_told_where_another_is_installed(tmp_path: Path) -> None:
    block = '# /// script\n# dependencies = ["attrs"]\n# ///\n'
    source = source_of(tmp_path, {"main.py": block + SCRIPT, "requirements.txt": "six\n"})
    recipe = choose_recipe(Build(), source, ("python", "main.py"))
    told = "requirements.txt is installed and main.py is not; `build: {dependencies: main.py}` chooses that one"
    assert told in recipe.notes


@pytest.mark.parametrize(
    ("pyproject", "lock", "told"),
    [
        ('[dependency-groups]\ngpu = ["six"]\ndev = ["pytest"]\n', "", "the group gpu is not installed; `build: {groups: [gpu]}`"),
        ('[dependency-groups]\ndev = ["pytest"]\ntest = []\n', "", ""),
        ('[dependency-groups]\ngpu = ["six"]\n[tool.uv]\ndefault-groups = ["gpu"]\n', "version = 1\n", ""),
        ('[project.optional-dependencies]\na = ["six"]\nb = ["six"]\n', "", "the extras a, b are not installed; `build: {extras: [a]}`"),
    ],
)  # fmt: skip
def test_groups_and_extras_that_are_left_out_are_told(tmp_path: Path, pyproject: str, lock: str, told: str) -> None:
    text = '[project]\nname = "p"\nversion = "1"\ndependencies = ["attrs"]\n' + pyproject
    notes = recipe_of(tmp_path, {"pyproject.toml": text, **({"uv.lock": lock} if lock else {})}).notes
    said = [note for note in notes if "installed; " in note]
    assert (said[0].startswith(told) and len(said) == 1) if told else not said
