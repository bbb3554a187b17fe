"""An error that a file of the project's causes names the file and the line, for whoever marks it there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.image.docker.test_build_log import fed

from aws_run.config import Config
from aws_run.config.load import load_config
from aws_run.errors import AwsRunError, Place
from aws_run.image.docker.build_causes import build_failure
from aws_run.image.docker.build_place import place_in_project
from aws_run.image.plan import plan_image

SCRIPT = "import argparse\np = argparse.ArgumentParser()\np.add_argument('-i')\np.add_argument('-o')\np.parse_args()\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: p\nresources:\n  cpu: many\n", 3),
        ("name: p\nmemory: 1GB\n", 2),
        ("name: p\n\nname: q\n", 3),
        ("version: 2\n", 1),
        ("name: [\n", 2),
        ("exclude: [*.tmp]\n", 1),
        ("env:\n  A: 1\n  A B: 2\n", 3),
        ("timeout: 2h\nretry:\n  on:\n    - interruption\n    - rain\n", 5),
        ("backend: fargate\nresources:\n  gpu: 1\n", 3),
        ("input: ./nowhere\noutput: ./out\n", 1),
        ("- a\n", 1),
    ],
)
def test_a_mistake_in_the_yaml_has_its_line(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "aws-run.yaml").write_text(text)
    with pytest.raises(AwsRunError) as refused:
        load_config(tmp_path, file=None, flags={}, environ={}, cwd=tmp_path)
    assert refused.value.place == Place(path=Path("aws-run.yaml"), line=line)


def test_a_mistake_on_the_command_line_has_no_place(tmp_path: Path) -> None:
    with pytest.raises(AwsRunError) as refused:
        load_config(tmp_path, file=None, flags={"cpu": "many"}, environ={}, cwd=tmp_path)
    assert refused.value.place is None


def project(folder: Path, **files: str) -> Config:
    (folder / "main.py").write_text(SCRIPT)
    for name, text in files.items():
        (folder / name.replace("_txt", ".txt")).write_text(text)
    return Config(project_dir=folder, name="p")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("numpy\n# here\nlocal @ file:///home/me/local.whl\n", 3),
        ("numpy\n-r missing.txt\n", 2),
        ("numpy\n\n--find-links wheels\n", 3),
        ("a==1\nb @ file:///C:/b.whl\nc @ file:///c.whl\n", 2),
    ],
)
def test_a_mistake_in_requirements_has_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(AwsRunError) as refused:
        plan_image(project(tmp_path, requirements_txt=text))
    assert refused.value.place == Place(path=tmp_path / "requirements.txt", line=line)


def test_a_command_in_shell_form_has_its_line(tmp_path: Path) -> None:
    text = "FROM python\n# CMD x\nRUN a \\\n  b\nCMD   cd x; python main.py\n"
    with pytest.raises(AwsRunError) as refused:
        plan_image(project(tmp_path, Dockerfile=text))
    assert refused.value.place == Place(path=tmp_path / "Dockerfile", line=5)


def test_a_step_of_the_dockerfile_that_fails_has_its_line(tmp_path: Path) -> None:
    text = 'FROM python:3.12\nRUN true\nRUN make  everything \\\n    twice\nCMD ["python", "main.py"]\n'
    plan = plan_image(project(tmp_path, Dockerfile=text))
    assert place_in_project(plan, "RUN make everything twice", "") == Place(path=tmp_path / "Dockerfile", line=3)
    assert place_in_project(plan, "FROM python:3.12", "") == Place(path=tmp_path / "Dockerfile", line=1)
    assert place_in_project(plan, "load build context", "") == Place(path=tmp_path / "Dockerfile", line=None)


def test_a_requirement_that_does_not_exist_has_its_line(tmp_path: Path) -> None:
    plan = plan_image(project(tmp_path, requirements_txt="numpy>=2\nNo.Such_Package==1.0  # typo\n"))
    log = fed(
        "#5 [stage 2/3] RUN uv pip install\n#5 0.9 Because no-such-package was not found in the package registry\n"
        '#5 ERROR: process "/bin/sh -c uv" did not complete successfully: exit code: 1\n'
    )[0]
    error = build_failure(log, "x", "x86_64", lambda step, named: place_in_project(plan, step, named))
    assert error.place == Place(path=tmp_path / "requirements.txt", line=2)
