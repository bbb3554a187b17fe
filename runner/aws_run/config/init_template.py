"""`aws-run init`: what the folder shows → an aws-run.yaml that says it, with the rest as comments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_run import naming

_INPUT_NAMES = ("data", "input", "inputs")
_DEPENDENCY_FILES = ("requirements.txt", "pyproject.toml", "uv.lock")


@dataclass(frozen=True, kw_only=True)
class ProjectSurvey:
    """What a project folder shows. `command` None where the script is not clear; `candidates` are then named.
    `python` None: not declared. `dockerfile`, `input`, `dependencies`: paths inside the folder."""

    name: str
    command: tuple[str, ...] | None
    candidates: tuple[str, ...] = ()
    dockerfile: str | None = None
    python: str | None = None
    input: str | None = None
    dependencies: str | None = None


def look_around(
    project_dir: Path, *, command: Sequence[str] | None, candidates: Sequence[str] = (), python: str | None = None
) -> ProjectSurvey:
    """Found from a folder's names alone. The command and the Python version come from `image/`, which reads files."""
    return ProjectSurvey(
        name=naming.project_name(project_dir.resolve().name),
        command=tuple(command) if command else None,
        candidates=tuple(candidates),
        dockerfile="Dockerfile" if (project_dir / "Dockerfile").is_file() else None,
        python=python,
        input=next((name for name in _INPUT_NAMES if (project_dir / name).is_dir()), None),
        dependencies=next((name for name in _DEPENDENCY_FILES if (project_dir / name).is_file()), None),
    )


def render_yaml(found: ProjectSurvey) -> str:
    """An aws-run.yaml that `load_config` takes."""
    lines = [
        "# aws-run.yaml: how this project runs on AWS. Flags and AWS_RUN_* variables are stronger.",
        "# Every key: aws-run config schema",
        "version: 1",
        f"name: {found.name}",
        *_command(found),
        f"input: {_scalar(f'./{found.input}')}" if found.input else _comment("input: ./data", "or give -i"),
        "output: ./out",
        "",
        *_build(found),
        "",
        _comment("backend: auto", "ec2 or fargate; auto: Fargate unless only EC2 has it"),
        "resources:",
        "  cpu: 2",
        "  memory: 4GB",
        _comment("gpu: L4:1", "model and number; instances with a GPU", indent="  "),
        _comment("disk: 100GB", "default: what image, input and output need", indent="  "),
        _comment("spot_policy: auto", "cheaper, may be interrupted; then on-demand", indent=""),
        "",
        "timeout: 2h  # after that the run is ended and torn down",
        "limits:",
        "  max_cost: 5.00  # USD; the run ends before it costs more",
        "",
        _comment("env: {MODE: prod, HF_HOME: null}", "null is taken from the shell, after a yes"),
        _comment('secrets: {TOKEN: "arn:aws:secretsmanager:…"}', "read by AWS when the job starts"),
        _comment("exclude: ['*.tmp']", "never sent"),
        "",
    ]
    return "\n".join(lines)


def _command(found: ProjectSurvey) -> list[str]:
    if found.command:
        return [f"command: {_scalar(shlex.join(found.command))}  # -i and -o are appended"]
    if found.dockerfile:
        return [_comment("command: python main.py", "default: the Dockerfile's own; -i and -o are appended")]
    if found.candidates:
        listed = [f"#   python {shlex.quote(name)}" for name in found.candidates]
        return ["# Several scripts take -i and -o; say which one runs:", *listed, "# command: python …"]
    return [_comment("command: python main.py", "the script that takes -i and -o; they are appended")]


def _build(found: ProjectSurvey) -> list[str]:
    if found.dockerfile:
        return ["build:", f"  dockerfile: {_scalar(found.dockerfile)}"]
    source = f"from {found.dependencies}" if found.dependencies else "no requirements.txt or pyproject.toml is here"
    lines = [f"# No Dockerfile here: aws-run brings its own; dependencies: {source}."]
    if found.python:
        return [*lines, "build:", f'  python: "{found.python}"']
    return [*lines, _comment('build: {python: "3.12"}', "default: what the project declares")]


def _comment(text: str, why: str, indent: str = "") -> str:
    return f"{indent}# {text}  # {why}"


def _scalar(text: str) -> str:
    """Plain where YAML reads it back as it is, else in double quotes."""
    if re.fullmatch(r"[A-Za-z0-9_./][A-Za-z0-9_./ -]*", text) and text.strip() == text:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
