"""A Dockerfile whose text shows that -i and -o would be lost is refused before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.image.support import LAYER, SCRIPT, config_of, write

from aws_run.errors import SourceError
from aws_run.image.plan import plan_image
from aws_run.image.recipe.shell_form import refuse_shell_form


def test_the_plan_of_a_project_refuses_it(tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"Dockerfile": "FROM python\nCMD python main.py", "main.py": SCRIPT})
    with pytest.raises(SourceError, match="CMD in Dockerfile is in shell form"):
        plan_image(config_of(root), entrypoint_layer=lambda: LAYER)


def refused(text: str, *, own_command: bool = False) -> str:
    try:
        refuse_shell_form(text, "Dockerfile", own_command=own_command, root=Path("/p"))
    except SourceError as error:
        return error.message.split()[0]
    return ""


@pytest.mark.parametrize(
    ("text", "instruction"),
    [
        ("FROM python\nCMD python main.py", "CMD"),
        ("FROM python\nCMD python main.py --in {input} --out {output}", ""),
        ("FROM python\nCMD python main.py --in {input}", "CMD"),
        ("FROM python\ncmd python main.py", "CMD"),
        ("FROM python\nENTRYPOINT python main.py", "ENTRYPOINT"),
        ("FROM python\nENTRYPOINT python \\\n  main.py", "ENTRYPOINT"),
        ("FROM python\nENTRYPOINT \\\n# why\n  python main.py", "ENTRYPOINT"),
        ("# escape=`\nFROM python\nCMD python `\n main.py", "CMD"),
        ("FROM python AS base\nENTRYPOINT python main.py\nFROM base", "ENTRYPOINT"),
        ("FROM python\nCMD ['python', 'main.py']", "CMD"),  # not JSON: Docker takes it for shell form
        ("FROM python\nRUN <<EOF\nENTRYPOINT x\nEOF\nCMD python main.py", "CMD"),
        ('FROM python\nCMD ["python", "main.py"]', ""),
        ('FROM python\nENTRYPOINT [ "python",\\\n "main.py"]\nCMD --fast', ""),
        ('FROM python\nCMD python main.py "$@"', ""),
        ('FROM python AS build\nCMD make\nFROM python\nCMD ["python", "main.py"]', ""),
        ('FROM python\nCMD python old.py\nCMD ["python", "main.py"]', ""),
        ("FROM python\nENTRYPOINT []\nCMD []", ""),
        ("FROM python\n# CMD python main.py", ""),
        ("FROM python\nRUN <<EOF\nCMD python main.py\nEOF", ""),
        ('FROM python\nSHELL ["python", "-c"]\nCMD print(1)', ""),
        ('FROM python\nENTRYPOINT ["tini", "--"]\nCMD python main.py', "CMD"),
        ('FROM python\nSHELL ["/bin/bash", "-lc"]\nCMD python main.py', "CMD"),
        ("FROM python", ""),
        ("", ""),
        ("FROM --platform=linux/amd64 python AS a\nCMD python x\nFROM A", "CMD"),
    ],
)
def test_the_last_stage_decides(text: str, instruction: str) -> None:
    assert refused(text) == instruction


def test_a_command_of_the_config_takes_the_place_of_cmd_and_not_of_entrypoint() -> None:
    assert refused("FROM python\nCMD python main.py", own_command=True) == ""
    assert refused("FROM python\nENTRYPOINT python main.py", own_command=True) == "ENTRYPOINT"
