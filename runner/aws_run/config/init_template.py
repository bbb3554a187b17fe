"""`aws-run init`: writes an aws-run.yaml with what the folder shows; everything else is in comments."""

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
    """What a project folder shows. `command` None: the script is not clear, and `candidates` lists those there are.
    `python` None: not declared. `dockerfile`, `input`, `dependencies`: paths inside the folder."""

    name: str
    command: tuple[str, ...] | None
    candidates: tuple[str, ...] = ()
    dockerfile: str | None = None
    python: str | None = None
    input: str | None = None
    dependencies: str | None = None


def survey_project(
    project_dir: Path, *, command: Sequence[str] | None, candidates: Sequence[str] = (), python: str | None = None
) -> ProjectSurvey:
    """Looks at names only. The command and the Python version come from `image/`, which reads files."""
    return ProjectSurvey(
        name=naming.project_name(project_dir.resolve().name),
        command=tuple(command) if command else None,
        candidates=tuple(candidates),
        dockerfile="Dockerfile" if (project_dir / "Dockerfile").is_file() else None,
        python=python,
        input=next((name for name in _INPUT_NAMES if (project_dir / name).is_dir()), None),
        dependencies=next((name for name in _DEPENDENCY_FILES if (project_dir / name).is_file()), None),
    )


def render_yaml(survey: ProjectSurvey) -> str:
    """An aws-run.yaml that `load_config` accepts."""
    lines = [
        "# aws-run.yaml: how this project runs on AWS. Flags and AWS_RUN_* variables override it.",
        "# Every key: aws-run config schema",
        "version: 1",
        f"name: {survey.name}",
        *_command(survey),
        f"input: {_scalar(f'./{survey.input}')}" if survey.input else _comment("input: ./data", "or give -i"),
        "output: ./out",
        "",
        *_build(survey),
        "",
        _comment("backend: auto", "ec2 or fargate; auto: Fargate, unless only EC2 has the hardware"),
        "resources:",
        "  cpu: 2",
        "  memory: 4GB",
        _comment("gpu: L4:1", "model and number; instances with a GPU", indent="  "),
        _comment("disk: 100GB", "default: what image, input and output need", indent="  "),
        _comment("spot_policy: auto", "spot capacity first: cheaper, may be interrupted", indent=""),
        "",
        "timeout: 2h  # after this the run is stopped and torn down",
        "limits:",
        "  max_cost: 5.00  # USD; the run is stopped before it costs more",
        "",
        _comment("env: {MODE: prod, HF_HOME: null}", "null: the shell's value, with your consent"),
        _comment('secrets: {TOKEN: "arn:aws:secretsmanager:…"}', "read by AWS when the job starts"),
        _comment("exclude: ['*.tmp']", "never sent"),
        "",
    ]
    return "\n".join(lines)


def _command(survey: ProjectSurvey) -> list[str]:
    if survey.command:
        return [f"command: {_scalar(shlex.join(survey.command))}  # -i and -o are appended"]
    if survey.dockerfile:
        return [_comment("command: python main.py", "default: the Dockerfile's own; -i and -o are appended")]
    if survey.candidates:
        scripts = [f"#   python {shlex.quote(name)}" for name in survey.candidates]
        return ["# Several scripts take -i and -o; choose one:", *scripts, "# command: python …"]
    return [_comment("command: python main.py", "the script that takes -i and -o; they are appended")]


def _build(survey: ProjectSurvey) -> list[str]:
    if survey.dockerfile:
        return ["build:", f"  dockerfile: {_scalar(survey.dockerfile)}"]
    source = f"from {survey.dependencies}" if survey.dependencies else "none (no requirements.txt, no pyproject.toml)"
    lines = [f"# No Dockerfile: aws-run brings its own; dependencies: {source}."]
    if survey.python:
        return [*lines, "build:", f'  python: "{survey.python}"']
    return [*lines, _comment('build: {python: "3.12"}', "default: what the project declares")]


def _comment(text: str, why: str, indent: str = "") -> str:
    return f"{indent}# {text}  # {why}"


def _scalar(text: str) -> str:
    """Plain if YAML reads it back unchanged, otherwise in double quotes."""
    plain = re.fullmatch(r"[A-Za-z0-9_./][A-Za-z0-9_./ -]*", text) is not None and text.strip() == text
    if plain and text.lower() != "null":  # that word alone is no text
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
