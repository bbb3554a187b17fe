from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run import contract
from aws_run.image.plan import standard_dockerfile, uv_requirements
from aws_run.image.recipe.dependencies import Dependencies
from aws_run.image.recipe.entrypoint_layer import ENTRYPOINT, drops_arguments, wrap_dockerfile
from aws_run.image.recipe.recipe import StandardRecipe

ROOT = Path(__file__).resolve().parents[4]


def final_stage() -> str:
    return standard_dockerfile().rpartition("\nFROM ")[2]


def test_the_recipe_that_is_used_is_the_one_at_the_top_of_the_repository() -> None:
    assert standard_dockerfile() == (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_recipe_needs_no_pull_but_the_base() -> None:
    text = standard_dockerfile(StandardRecipe(base_image="b", python=None, dependencies=Dependencies(kind="lock")))
    assert not re.search(r"^# *syntax", text, re.M)
    assert set(re.findall(r"^FROM (\S+)", text, re.M)) == {"${BASE_IMAGE}", "uv"}


def test_uv_is_one_version_with_hashes_and_neither_built_nor_resolved() -> None:
    """Without any cache of pip's: what the step leaves depends on the base image and on uv.txt alone."""
    install = re.search(r"pip install(.*?);", standard_dockerfile(), re.S)
    assert install is not None
    options = install[1].replace("\\\n", " ").split()
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:", "--no-cache-dir"} <= set(options)
    assert options[-2:] == ["-r", "/opt/uv.txt"]
    assert re.findall(r"^(\w+)==[\d.]+ ", uv_requirements(), re.M) == ["uv"]
    assert uv_requirements() == (ROOT / "requirements" / "uv.txt").read_text(encoding="utf-8")


def test_secrets_are_mounted_and_no_argument_or_variable_holds_one() -> None:
    text = standard_dockerfile()
    assert set(re.findall(r"^ARG (\w+)", text, re.M)) == {
        "BASE_IMAGE",
        "INSTALL_UV",
        "DEPENDENCIES",
        "PYTHON_PATH",
        "MACHINE",
        "UV_OPTIONS",
        "REQUIREMENTS",
        "FIND_LINKS",
        "VENV_OPTIONS",
        "CUDA",
        "APT",
        "INSTALL_REQUIRED",
        "VERSION_VARIABLE",
        "VERSION",
        "TOOLS",
        "MANAGED_PYTHON",
    }
    assert "/run/secrets" not in final_stage()
    assert "secret" not in final_stage()


def test_the_job_is_not_root_and_its_code_is_the_last_layer() -> None:
    instructions = re.findall(r"^([A-Z]+) (.*)$", final_stage(), re.M)
    names = [name for name, _ in instructions]
    assert ("USER", "10001:10001") in instructions
    copies = [index for index, name in enumerate(names) if name in ("COPY", "ADD", "RUN")]
    assert instructions[copies[-1]] == ("COPY", "--chown=10001:10001 code/ /")


def test_both_ways_start_the_same_entrypoint() -> None:
    assert f"ENTRYPOINT {json.dumps(list(ENTRYPOINT))}" in final_stage()
    assert f"ENTRYPOINT {json.dumps(list(ENTRYPOINT))}" in wrap_dockerfile(["x"], [])


def test_the_projects_own_entrypoint_and_cmd_are_kept() -> None:
    lines = wrap_dockerfile(["python", "/a b.py"], ["--by", "month"]).splitlines()
    assert lines[-1] == 'CMD ["--by", "month"]'
    assert rf'ENV {contract.IMAGE_ENTRYPOINT}="[\"python\",\"/a b.py\"]"' in lines


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3))
def test_any_entrypoint_survives_the_quoting_of_env(argv: list[str]) -> None:
    line = next(line for line in wrap_dockerfile(argv, argv).split("\n") if line.startswith("ENV "))
    quoted = line.partition("=")[2]
    assert quoted[0] == quoted[-1] == '"'
    # Docker takes a backslash and what follows for that character, inside double quotes.
    assert json.loads(re.sub(r"\\(.)", r"\1", quoted[1:-1])) == argv
    assert not re.search(r'(?<!\\)(?:\\\\)*[$"]', quoted[1:-1])


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "instruction"),
    [
        (["python", "x"], ["a"], None),
        ([], ["python", "x.py"], None),
        ([], ["/bin/sh", "-c", "python x.py"], "CMD"),
        (["/bin/sh", "-c", "python x.py"], ["a"], "ENTRYPOINT"),
        (["/bin/bash", "-c", 'python x.py "$@"', "x"], [], None),
        (["/bin/sh", "-c", 'exec python x.py "$0" "$@"'], [], None),
        (["tini", "--"], ["/bin/sh", "-c", "x"], "CMD"),
        ([], ["/bin/bash", "-lc", "python x.py"], "CMD"),
        ([], ["/bin/bash", "-o", "pipefail", "-ec", "python x.py"], "CMD"),
        (["tini", "--", "bash", "-c", "python x.py"], [], "ENTRYPOINT"),
        ([], ["bash", "start.sh", "abc"], None),
    ],
)
def test_a_shell_form_that_swallows_arguments_is_seen(
    entrypoint: list[str], cmd: list[str], instruction: str | None
) -> None:
    assert drops_arguments(entrypoint, cmd) == instruction
