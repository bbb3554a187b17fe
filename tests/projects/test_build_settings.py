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
