"""What `build:` says of a project's environment: secrets of package indexes, pip for the job."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws_run.config import Build
from aws_run.errors import ConfigError, SourceError

from .support import HEAD, VERSION_OF_SIX, plan_project, run_project, write

CALLS_PIP = HEAD + (
    "import subprocess, sys\n"
    'subprocess.check_call([sys.executable, "-m", "pip", "--version"])\n'
    '(args.o / "answer.txt").write_text("pip is there")\n'
)


def test_a_variable_in_an_address_is_the_users_to_give(tmp_path: Path) -> None:
    lines = "--extra-index-url https://reader:${READERS_TOKEN}@packages.example/simple\nsix==1.16.0\n"
    root = write(tmp_path, {"main.py": VERSION_OF_SIX, "requirements.txt": lines})
    with pytest.raises(
        SourceError, match=r"requirements\.txt puts READERS_TOKEN of this shell into an address"
    ) as error:
        plan_project(root)
    assert "--build-secret READERS_TOKEN" in (error.value.hint or "")
    plan = plan_project(root, build=Build(secrets=("READERS_TOKEN",)))
    assert "the image build can read READERS_TOKEN" in plan.notes


def test_a_word_that_pip_does_not_replace_is_no_variable(tmp_path: Path) -> None:
    lines = "six==1.16.0  # ${NOT_READ}\nsix==1.16.0 --config-settings=a=${lower} --config-settings=b=$PLAIN\n"
    plan_project(write(tmp_path, {"main.py": VERSION_OF_SIX, "requirements.txt": lines}))


def test_a_job_that_calls_pip_has_it_and_that_is_told(tmp_path: Path) -> None:
    ran = run_project(write(tmp_path, {"main.py": CALLS_PIP}))
    assert ran.answer == "pip is there"
    assert "the job has pip, because main.py calls it" in ran.notes


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("get.py", 'os.system("python3 -m pip install x")', True),
        ("get.py", 'subprocess.run(["pip", "install", "x"])', True),
        ("get.py", "import spacy\nspacy.cli.download('en')", True),
        ("get.sh", "set -e\npip install x\n", True),
        ("get.ipynb", '{"source": ["%pip install x"]}', True),
        ("get.py", '"""Usage: first run pip install x."""', False),
        ("tests/get.py", 'subprocess.run(["pip", "install", "x"])', False),
        ("README.md", "pip install x", False),
    ],
)
def test_what_calls_pip(tmp_path: Path, name: str, text: str, found: bool) -> None:
    plan = plan_project(write(tmp_path, {"main.py": VERSION_OF_SIX, name: text}))
    assert any(note.startswith("the job has pip") for note in plan.notes) == found
    told = plan_project(tmp_path, build=Build(pip=not found)).notes
    assert any(note.startswith("the job has pip") for note in told) != found


def test_what_a_dockerfile_decides_instead_is_told(tmp_path: Path) -> None:
    root = write(tmp_path, {"Dockerfile": 'FROM x\nCMD ["python", "main.py"]\n', "main.py": VERSION_OF_SIX})
    notes = plan_project(root, build=Build(apt=("git",), pip=True)).notes
    assert any(note.startswith("build.apt, build.pip are not followed") for note in notes)
    with pytest.raises(ConfigError, match=r"build\.context are for a Dockerfile"):
        plan_project(root, build=Build(dockerfile="none", context="app"))


POETRY = (
    '[tool.poetry]\nname = "job"\nversion = "1"\npackage-mode = false\n[tool.poetry.dependencies]\npython = "^3.9"\n'
    'six = {version = "1.16.0", optional = true}\n[tool.poetry.extras]\ntrain = ["six"]\n'
)
LOCKED = '[[package]]\nname = "packaging"\nversion = "24.1"\noptional = true\n%s[[package]]\nname = "six"\n' + (
    'version = "1.15.0"\noptional = true\n%s[package.dependencies]\npackaging = "*"\n[extras]\ntrain = ["six"]\n'
)
TWO = 'groups = ["main"]\nmarkers = "extra == \\"train\\""\n'
PDM = (
    '[[package]]\nname = "six"\nversion = "1.15.0"\ngroups = ["train"]\n'
    '[[package]]\nname = "packaging"\nversion = "24.1"\ngroups = ["train"]\n'
)
PROJECT = (
    '[project]\nname = "job"\nversion = "1"\n[project.optional-dependencies]\ntrain = ["six==1.15.0", "packaging"]\n'
)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": POETRY.replace("1.16.0", "^1.10"), "poetry.lock": LOCKED % (TWO, TWO)},
        {"pyproject.toml": POETRY.replace("1.16.0", "^1.10"), "poetry.lock": LOCKED % ("", "")},
        {"pyproject.toml": POETRY.replace("1.16.0", "1.15.0")},
        {"pyproject.toml": PROJECT, "pdm.lock": PDM},
        {"pyproject.toml": PROJECT},
    ],
)
def test_an_extra_is_installed_from_whatever_lists_it(tmp_path: Path, files: dict[str, str]) -> None:
    root = write(tmp_path, {"main.py": VERSION_OF_SIX, **files})
    assert run_project(root, build_options=Build(extras=("train",))).answer == "1.15.0"


@pytest.mark.parametrize(
    ("files", "build", "told"),
    [
        ({"pyproject.toml": POETRY + 'tqdm = "*"\n'}, Build(extras=("trian",)), "trian, which .* has .*train"),
        ({"pyproject.toml": PROJECT}, Build(groups=("dev",)), "groups names dev, .*it has none"),
        ({"requirements.txt": "six\n"}, Build(extras=("train",)), r"requirements\.txt does not have"),
        ({"Pipfile": '[packages]\nsix = "*"\n[gpu]\nx = "*"\n'}, Build(groups=("cpu",)), "it has gpu, packages"),
    ],
)
def test_an_extra_or_group_that_is_not_there_is_refused(
    tmp_path: Path, files: dict[str, str], build: Build, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        plan_project(write(tmp_path, {"main.py": VERSION_OF_SIX, **files}), build=build)


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({"setup.cfg": "[metadata]\nname = job\n[options]\npython_requires = >=3.9,<3.12\n"}, "3.11"),
        ({"setup.py": "from setuptools import setup\nsetup(name='job', python_requires='~=3.10.0')\n"}, "3.10"),
        ({"pyproject.toml": '[project]\nname = "j"\nversion = "1"\nrequires-python = ">=3.13.0rc1"\n'}, "3.13"),
        ({".python-version": "3.7.9\n"}, None),
        ({"runtime.txt": "python-2.7.18"}, None),
        ({".python-version": "3.99"}, None),
        ({"setup.cfg": "[metadata]\nname = job\n[options]\npython_requires = <3.8\n"}, None),
        ({"environment.yml": "dependencies:\n  - python=3.6\n  - six\n"}, None),
    ],
)
def test_the_python_that_is_asked_for_is_taken_or_refused_before_the_build(
    tmp_path: Path, files: dict[str, str], python: str | None
) -> None:
    root = write(tmp_path, {"main.py": VERSION_OF_SIX, **files})
    if python is None:
        with pytest.raises(SourceError, match=r"asks for Python .*, which neither a base image nor uv has") as caught:
            plan_project(root)
        assert "build.python" in (caught.value.hint or "")
        assert plan_project(root, build=Build(python="3.11")).recipe.base_image is not None
    else:
        assert getattr(plan_project(root).recipe, "python", None) == python
