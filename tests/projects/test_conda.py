"""environment.yml with what only conda has: micromamba makes the environment in the build.

No conda channel is in reach of every machine, so micromamba itself is not run here: what it is given, how it is called
and how a job is started in its environment is.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from aws_run.config import Build
from aws_run.errors import DockerError, SourceError
from aws_run.image.builder import Login
from aws_run.image.docker.context import write_standard
from aws_run.image.plan import ImagePlan, standard_dockerfile
from aws_run.image.recipe.recipe import StandardRecipe
from aws_run.local.options import LocalAws
from aws_run.local.runtime.builder import ProcessBuilder

from .support import VERSION_OF_SIX, plan_project, run_project, write

ENVIRONMENT = """\
name: geo
channels: [conda-forge, bioconda, nodefaults]
dependencies:
  - gdal=3.8
  - bioconda::samtools >=1.20
  - pytorch-gpu
  - pip
  - pip:
      - -r more.txt
      - six==1.16.0
prefix: /home/somebody/miniconda3/envs/geo
"""
FILES = {"main.py": VERSION_OF_SIX, "environment.yml": ENVIRONMENT, "more.txt": "packaging==24.1\n"}


def context_of(plan: ImagePlan) -> dict[str, str]:
    """The small files that the build is sent."""
    out = io.BytesIO()
    assert isinstance(plan.recipe, StandardRecipe)
    write_standard(plan, plan.recipe, out, cache_id="x")
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        return {member.name: (tar.extractfile(member) or out).read().decode() for member in tar if member.isfile()}


def test_what_only_conda_has_is_told_and_made_by_micromamba(tmp_path: Path) -> None:
    plan = plan_project(write(tmp_path, FILES))
    assert "dependencies: environment.yml (conda), 6 packages" in plan.notes
    assert "micromamba makes the environment, because only conda has gdal, samtools" in plan.notes
    sent = context_of(plan)
    assert json.loads(sent["deps/aws-run-environment.yml"]) == {
        "channels": ["conda-forge", "bioconda", "nodefaults"],
        "dependencies": ["gdal=3.8", "bioconda::samtools >=1.20", "pytorch-gpu", "pip", "python=3.12"],
    }
    assert sent["deps/aws-run-requirements.txt"] == "-r more.txt\nsix==1.16.0\n"
    assert sent["deps/more.txt"] == "packaging==24.1\n"


def test_the_python_of_the_list_is_the_one_of_the_environment(tmp_path: Path) -> None:
    listed = "dependencies:\n  - python=3.10\n  - r-base=4.3\n"
    plan = plan_project(write(tmp_path, {"main.py": VERSION_OF_SIX, "environment.yml": listed}))
    assert isinstance(plan.recipe, StandardRecipe)
    assert plan.recipe.python == "3.10"
    sent = context_of(plan)
    assert json.loads(sent["deps/aws-run-environment.yml"])["dependencies"] == ["python=3.10", "r-base=4.3"]
    assert "deps/aws-run-requirements.txt" not in sent


def test_the_recipe_with_conda_is_pinned_and_each_of_its_steps_is_a_shell_script(tmp_path: Path) -> None:
    plan = plan_project(write(tmp_path, {**FILES, "setup.py": "from setuptools import setup\nsetup(name='x')\n"}))
    assert isinstance(plan.recipe, StandardRecipe)
    text = standard_dockerfile(plan.recipe)
    pulled = re.search(r"^FROM (\S*micromamba\S*) AS micromamba$", text, re.MULTILINE)
    assert pulled is not None
    assert re.fullmatch(r"docker\.io/mambaorg/micromamba:[\d.]+@sha256:[0-9a-f]{64}", pulled[1])
    steps = re.findall(r"^RUN ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert any("micromamba create" in step for step in steps)
    for step in steps:
        script = re.sub(r"--mount=\S+ *", "", step.replace("\\\n", " "))
        subprocess.run(["sh", "-n", "-c", script.strip()], check=True)
    other = plan_project(tmp_path, build=Build(dependencies="none"))
    assert isinstance(other.recipe, StandardRecipe)
    assert "micromamba" not in standard_dockerfile(other.recipe)


@pytest.mark.parametrize(
    ("entry", "cuda"),
    [("cudatoolkit=11.8", "11.8"), ("cuda-version 12.1.*", "12.1"), ("pytorch-gpu", "12.4"), ("gdal", "")],
)
def test_a_list_for_a_gpu_is_solved_for_its_cuda_on_a_machine_without_one(
    tmp_path: Path, entry: str, cuda: str
) -> None:
    listed = f"dependencies:\n  - {entry}\n  - r-base\n"
    plan = plan_project(write(tmp_path, {"main.py": VERSION_OF_SIX, "environment.yml": listed}))
    assert isinstance(plan.recipe, StandardRecipe)
    assert plan.recipe.dependencies.conda is not None
    assert (plan.recipe.dependencies.conda.cuda or "") == cuda


def test_a_job_starts_with_what_the_packages_of_conda_set(tmp_path: Path) -> None:
    """Their scripts are written for bash, and one may be unreadable or end with an error."""
    plan = plan_project(write(tmp_path / "project", FILES))
    script = tmp_path / "activate"
    script.write_text(context_of(plan)["activate"])
    hooks = tmp_path / "env/etc/conda/activate.d"
    hooks.mkdir(parents=True)
    (hooks / "gdal.sh").write_text(
        'if [[ -z "${GDAL_DATA:-}" ]]; then export GDAL_DATA="$CONDA_PREFIX/share"; fi\nfalse\n'
    )
    (hooks / "gone.sh").symlink_to("nowhere")
    argv = [
        "bash",
        str(script),
        "python3",
        "-c",
        "import os, sys; print(os.environ['GDAL_DATA'], sys.argv[1:])",
        "-i",
        "a b",
    ]
    environment = {**os.environ, "CONDA_PREFIX": str(tmp_path / "env")}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path}/env/share ['-i', 'a b']\n"


def test_without_docker_what_only_conda_has_is_one_sentence(tmp_path: Path) -> None:
    plan = plan_project(write(tmp_path, FILES))
    local = LocalAws.__new__(LocalAws)  # it is refused before anything of it is looked at
    login: Login = None  # type: ignore[assignment]
    with pytest.raises(DockerError, match=r"only conda has \(gdal, samtools.*no Docker engine") as caught:
        ProcessBuilder(local).build_push(plan, "r/x", "t", login, lambda event: None)
    assert "build: {dependencies:" in (caught.value.hint or "")


def test_the_pip_section_may_name_files_of_the_project(tmp_path: Path) -> None:
    listed = "dependencies:\n  - python\n  - pip:\n      - -r more.txt\n"
    files = {"main.py": VERSION_OF_SIX, "environment.yml": listed, "more.txt": "six==1.15.0\n"}
    assert run_project(write(tmp_path, files)).answer == "1.15.0"
    elsewhere = listed.replace("-r more.txt", "job @ file:///home/somebody/job")
    with pytest.raises(SourceError, match=r"environment\.yml holds what means something only on the machine"):
        plan_project(write(tmp_path, {"environment.yml": elsewhere}))
