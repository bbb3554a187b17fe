from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.image.support import source_of

from aws_run.config import Build
from aws_run.errors import ConfigError, SourceError
from aws_run.image.recipe.dependencies import dependency_digest
from aws_run.image.recipe.recipe import OwnDockerfile, StandardRecipe, choose_recipe

PYPROJECT = '[project]\nname = "p"\nversion = "1"\ndependencies = ["numpy"]\n'
PATH_SOURCE = '[tool.uv.sources]\nlib = {path = "lib"}\n'
BACKEND = '[build-system]\nrequires = ["hatchling"]\n'


def standard(root: Path, files: dict[str, str], build: Build | None = None) -> StandardRecipe:
    recipe = choose_recipe(build or Build(), source_of(root, files))
    assert isinstance(recipe, StandardRecipe)
    return recipe


def test_a_base_image_of_ones_own_decides_the_python(tmp_path: Path) -> None:
    recipe = standard(tmp_path, {}, Build(base_image="mine:1", python="3.10"))
    assert (recipe.base_image, recipe.python) == ("mine:1", None)


def test_a_version_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"build\.python is 'latest'"):
        choose_recipe(Build(python="latest"), source_of(tmp_path, {}))


def test_a_dockerfile_is_used_where_there_is_one(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"Dockerfile": "FROM x", "docker/gpu.Dockerfile": "FROM y"})
    assert choose_recipe(Build(), source) == OwnDockerfile(path="Dockerfile")
    assert choose_recipe(Build(dockerfile="none"), source) != OwnDockerfile(path="Dockerfile")
    chosen = Build(dockerfile="./docker/gpu.Dockerfile", base_image="b")
    assert choose_recipe(chosen, source) == OwnDockerfile(path="docker/gpu.Dockerfile", base_image="b")


def test_a_dockerfile_that_ignore_files_leave_out_is_used_all_the_same(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"Dockerfile": "FROM x", ".dockerignore": "Dockerfile\n"})
    assert choose_recipe(Build(), source) == OwnDockerfile(path="Dockerfile")


@pytest.mark.parametrize("path", ["absent", "../Dockerfile", "/etc/Dockerfile"])
def test_a_dockerfile_that_is_not_there_is_a_config_error(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError, match=r"build\.dockerfile"):
        choose_recipe(Build(dockerfile=path), source_of(tmp_path, {}))


@pytest.mark.parametrize(
    ("files", "kind", "used", "whole"),
    [
        ({}, "none", (), False),
        ({"requirements.txt": "numpy\n"}, "requirements", ("requirements.txt",), False),
        ({"requirements.txt": "numpy\n", "pyproject.toml": PYPROJECT}, "requirements", ("requirements.txt",), False),
        ({"pyproject.toml": PYPROJECT}, "pyproject", ("pyproject.toml",), False),
        ({"pyproject.toml": PYPROJECT, "uv.lock": ""}, "lock", ("pyproject.toml", "uv.lock"), False),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, "none", (), False),
        ({"pyproject.toml": '[project]\nname = "p"\n'}, "none", (), False),
        ({"pyproject.toml": '[project]\ndynamic = ["dependencies"]\n'}, "pyproject", ("pyproject.toml",), True),
        ({"pyproject.toml": f"[tool.poetry]\n{BACKEND}"}, "pyproject", ("pyproject.toml",), True),
        ({"pyproject.toml": PYPROJECT + PATH_SOURCE}, "pyproject", ("pyproject.toml",), True),
        (
            {"pyproject.toml": PYPROJECT, "uv.lock": 'source = { editable = "." }\nsource = { directory = "lib" }\n'},
            "lock",
            ("pyproject.toml", "uv.lock"),
            True,
        ),
        (
            {"pyproject.toml": PYPROJECT, "uv.lock": '[[package]]\nsource = { virtual = "." }\n'},
            "lock",
            ("pyproject.toml", "uv.lock"),
            False,
        ),
    ],
)  # fmt: skip
def test_dependencies(tmp_path: Path, files: dict[str, str], kind: str, used: tuple[str, ...], whole: bool) -> None:
    found = standard(tmp_path, files).dependencies
    assert (found.kind, found.files, found.whole_project) == (kind, used, whole)


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("-e .", True),
        ("--editable=./lib", True),
        (".", True),
        ("./wheels/x.whl", True),
        ("lib @ file:./lib", True),
        ("numpy  # not ./local", False),
        ("numpy==2.*; python_version > '3.9'", False),
        ("--extra-index-url https://example.com/simple", False),
        ("--find-links https://example.com/x.tar.gz", False),
        ("lib @ https://example.com/lib.tar.gz", False),
        ("git+https://example.com/lib.git", False),
        ("numpy \\\n  --hash=sha256:00", False),
    ],
)
def test_lines_that_install_from_the_folder_need_all_of_it(tmp_path: Path, line: str, whole: bool) -> None:
    assert standard(tmp_path, {"requirements.txt": f"{line}\n"}).dependencies.whole_project is whole


def test_included_requirements_belong_to_the_dependencies(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "-r req/base.txt\n-c constraints.txt\n-r https://example.com/more.txt\n",
        "req/base.txt": "-r more.txt\n",
        "req/more.txt": "-r base.txt\nnumpy\n",
        "constraints.txt": "numpy<3\n",
    }
    found = standard(tmp_path, files).dependencies.files
    assert found == ("requirements.txt", "req/base.txt", "req/more.txt", "constraints.txt")


@pytest.mark.parametrize("included", ["absent.txt", "../outside.txt", "/etc/hosts"])
def test_an_include_that_is_not_in_the_project_is_named(tmp_path: Path, included: str) -> None:
    with pytest.raises(SourceError, match=included):
        standard(tmp_path, {"requirements.txt": f"-r {included}\n"})


def test_the_dependency_digest_sees_every_file_and_the_kind(tmp_path: Path) -> None:
    files = {"requirements.txt": "-r a.txt\n", "a.txt": "numpy\n"}
    digests = set()
    for name, changed in [("1", {}), ("2", {"a.txt": "scipy\n"}), ("3", {"requirements.txt": "-r a.txt\nx\n"})]:
        source = source_of(tmp_path / name, {**files, **changed})
        recipe = choose_recipe(Build(), source)
        assert isinstance(recipe, StandardRecipe)
        digests.add(dependency_digest(source, recipe.dependencies))
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"pyproject.toml": PYPROJECT + BACKEND, "src/p/__init__.py": ""}, ("src",)),
        ({"pyproject.toml": PYPROJECT + BACKEND, "p/__init__.py": ""}, ("",)),
        ({"pyproject.toml": PYPROJECT, "src/p/__init__.py": ""}, ()),
    ],
)
def test_a_project_that_would_be_installed_can_be_imported(
    tmp_path: Path, files: dict[str, str], path: tuple[str, ...]
) -> None:
    assert standard(tmp_path, files).python_path == path


def test_a_broken_pyproject_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"pyproject\.toml can't be read"):
        choose_recipe(Build(), source_of(tmp_path, {"pyproject.toml": "[project\n"}))
