"""A project folder, planned and run as the process runtime does it, without AWS around it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aws_run.config import Build, Config, Resources
from aws_run.config.models import Arguments
from aws_run.image.plan import ImagePlan, plan_image
from aws_run.image.recipe.recipe import StandardRecipe
from aws_run.local.runtime.builder import install_request
from aws_run.local.runtime.process_image import build, image_dir
from aws_run_entrypoint.command_line import add_folders, has_places, place_folders

# Environments are made once for a session.
STATE = Path(tempfile.mkdtemp(prefix="aws-run-projects-"))
HEAD = """\
import argparse
import pathlib

parser = argparse.ArgumentParser()
parser.add_argument("-i", type=pathlib.Path, required=True)
parser.add_argument("-o", type=pathlib.Path, required=True)
args = parser.parse_args()
"""
VERSION_OF_SIX = HEAD + 'import six\n\n(args.o / "answer.txt").write_text(six.__version__)\n'


@dataclass(frozen=True, kw_only=True)
class Ran:
    answer: str
    notes: tuple[str, ...]
    plan: ImagePlan


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def plan_project(root: Path, *, command: tuple[str, ...] | None = None, build: Build | None = None) -> ImagePlan:
    config = Config(
        project_dir=root,
        name="demo",
        command=command,
        build=build or Build(),
        resources=Resources(),
        arguments=Arguments(),
    )
    return plan_image(config, entrypoint_layer=lambda: b"")


def run_project(root: Path, *, command: tuple[str, ...] | None = None, build_options: Build | None = None) -> Ran:
    """What the job wrote into answer.txt of its output folder, and what the plan told."""
    return run_plan(plan_project(root, command=command, build=build_options), root)


def run_plan(plan: ImagePlan, folder: Path) -> Ran:
    """`folder`: the job's input."""
    assert isinstance(plan.recipe, StandardRecipe)
    image = build(
        STATE,
        plan.source.root,
        [file.path for file in plan.source.files],
        command=plan.command or (),
        request=install_request(plan, plan.recipe),
        python_path=plan.recipe.python_path,
    )
    app = image_dir(STATE, image.digest) / "src"
    out = Path(tempfile.mkdtemp(dir=STATE))
    venv = STATE / "venvs" / image.environment
    environment = {
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(str(app / path) for path in plan.recipe.python_path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = plan.command or ()
    if has_places(command):
        argv = place_folders(command, str(folder), str(out))
    else:
        argv = add_folders(command, plan.arguments, str(folder), str(out))
    done = subprocess.run(argv, cwd=app, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Ran(answer=(out / "answer.txt").read_text(), notes=(*plan.notes, *image.notes), plan=plan)
