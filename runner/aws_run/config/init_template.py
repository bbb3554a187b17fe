"""The aws-run.yaml that `aws-run init` writes: each setting that the folder shows, with a word on why; all others in
comments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aws_run.frozen import frozen

INPUT_NAMES = ("data/raw", "data", "input", "inputs", "dataset", "datasets")
SCHEMA_FILE = ".aws-run.schema.json"
_MOST_NAMES = 6


@frozen
class ProjectSurvey:
    """What a project folder shows. `command` None: none is clear, and `problems` say why; `why`: what is done with it,
    where that is more than to start it. `arguments`: how it is given the two folders. `dockerfile`, `dependencies`,
    `input`: paths inside the folder. `list_problem`: why the list of packages can't be read.
    `apt_for`: the Python packages that need `apt`. `not_followed`: sentences about
    what is there and not used. `extras`, `groups`: those that the
    project has. `env_names`: the variables of its .env; `hand_over_env`: the user wants the job to get them."""

    name: str
    command: tuple[str, ...] | None = None
    arguments: tuple[str, str] | None = None
    why: str | None = None
    problems: tuple[str, ...] = ()
    dockerfile: str | None = None
    input: str | None = None
    python: str | None = None
    dependencies: str | None = None
    dependencies_title: str = "none"
    list_problem: str | None = None
    notes: tuple[str, ...] = ()
    not_followed: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()
    apt_for: tuple[str, ...] = ()
    installs_itself: bool = False
    env_names: tuple[str, ...] = ()
    hand_over_env: bool = False

    def with_program(self, **program: Any) -> ProjectSurvey:
        return replace(self, **program)

    def with_env(self, hand_over: bool) -> ProjectSurvey:
        return replace(self, hand_over_env=hand_over)


def schema_line(schema: str) -> str:
    """By what editors find the schema: the first line of an aws-run.yaml beside it."""
    return f"# yaml-language-server: $schema={schema}"


def render_yaml(survey: ProjectSurvey, schema: str | None = None) -> str:
    """An aws-run.yaml that `load_config` accepts. `schema`: the file beside it by which editors know its keys."""
    lines = [
        *([schema_line(schema)] if schema else []),
        "# aws-run.yaml: how this project runs on AWS. Flags and AWS_RUN_* variables override it.",
        "# Every key: aws-run config schema" + ("" if schema else "; for editors: aws-run init --schema"),
        "version: 1",
        f"name: {survey.name}",
        *_command(survey),
        *_arguments(survey),
        f"input: {_scalar(f'./{survey.input}')}" if survey.input else _comment("input: ./data", "or give -i"),
        "output: ./out",
        *_env_file(survey),
        "",
        *_build(survey),
        "",
        _comment("backend: auto", "ec2 or fargate; auto: Fargate, unless only EC2 has the hardware"),
        "resources:",
        "  cpu: 2",
        "  memory: 8GB",
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
        placed = "{input}" in " ".join(survey.command)
        how = "; {input} and {output} stand for them" if placed else ", which are appended"
        why = survey.why or f"the one that takes the two folders{how}"
        return [f"command: {_scalar(shlex.join(survey.command))}  # {_plain(why)}"]
    if survey.dockerfile:
        return [_comment("command: python main.py", "default: the Dockerfile's own; -i and -o are appended")]
    return [
        *(f"# {_plain(problem)}" for problem in survey.problems),
        _comment(
            "command: python main.py", "what takes -i and -o, which are appended; {input} and {output} place them"
        ),
    ]


def _arguments(survey: ProjectSurvey) -> list[str]:
    if survey.command is None or survey.why is not None or "{input}" in " ".join(survey.command):
        return []
    if survey.arguments is None or survey.arguments == ("-i", "-o"):
        return [_comment("arguments: {input: --input-dir, output: --output-dir}", "default: -i and -o, as declared")]
    first, second = (_scalar(option) if option else '""' for option in survey.arguments)
    why = (
        "as it declares them"
        if survey.arguments != ("", "")
        else "it takes the folders without options, the input first"
    )
    return [f"arguments:  # {why}", f"  input: {first}", f"  output: {second}"]


def _env_file(survey: ProjectSurvey) -> list[str]:
    if not survey.env_names:
        return []
    names = _listed(survey.env_names)
    if survey.hand_over_env:
        return [f"env_file: .env  # the job gets {names}"]
    return [_comment("env_file: .env", f"would give the job {names}; without it .env stays on this machine")]


def _build(survey: ProjectSurvey) -> list[str]:
    if survey.dockerfile:
        return ["build:", f"  dockerfile: {_scalar(survey.dockerfile)}  # says all that is installed"]
    lines = []
    if survey.dependencies:
        lines.append(f"  dependencies: {_scalar(survey.dependencies)}  # {_plain(_why_list(survey))}")
    elif survey.list_problem:
        lines.append(f"  # {_plain(survey.list_problem)}")
    else:
        lines.append(_comment("dependencies: requirements.txt", "no list was found, so nothing is installed", "  "))
    if survey.python:
        lines.append(f'  python: "{survey.python}"  # what the project asks for, or else the default')
    if survey.extras:
        lines.append(
            _comment(f"extras: [{_plain(survey.extras[0])}]", f"the project has {_listed(survey.extras)}", "  ")
        )
    if survey.groups:
        lines.append(
            _comment(f"groups: [{_plain(survey.groups[0])}]", f"the project has {_listed(survey.groups)}", "  ")
        )
    if survey.apt:
        lines.append(f"  apt: [{', '.join(survey.apt)}]  # Debian packages that {_listed(survey.apt_for)} need")
    else:
        lines.append(_comment("apt: [ffmpeg]", "Debian packages, as apt-get install takes them", "  "))
    if survey.installs_itself:
        lines.append(_comment("install: false", "the project itself is installed: it is a package", "  "))
    lines += [f"  # note: {_plain(sentence)}" for sentence in survey.not_followed]
    active = any(not line.lstrip().startswith("#") for line in lines)
    return ["build:  # no Dockerfile: aws-run brings its own" if active else "# build:", *lines]


def _why_list(survey: ProjectSurvey) -> str:
    title = survey.dependencies_title.removeprefix(f"{survey.dependencies}").lstrip(", ") or "as it says"
    return "; ".join([title, *survey.notes])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return _plain(", ".join(names[:_MOST_NAMES]) + more)


def _comment(text: str, why: str, indent: str = "") -> str:
    return f"{indent}# {text}  # {why}"


def _plain(text: str) -> str:
    """For a comment: one line, whatever a file of the project is called."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _scalar(text: str) -> str:
    """Plain if YAML reads it back unchanged, otherwise in double quotes."""
    plain = re.fullmatch(r"[A-Za-z0-9_./][A-Za-z0-9_./ -]*", text) is not None and text.strip() == text
    if plain and text.lower() != "null":  # that word alone is no text
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
