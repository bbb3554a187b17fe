"""A Dockerfile whose text shows that -i and -o would be lost is refused before anything is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.image.support import LAYER, SCRIPT, config_of, write

from aws_run.errors import SourceError
from aws_run.image.plan import plan_image
from aws_run.image.recipe.entrypoint_layer import keep_arguments
from aws_run.image.recipe.shell_form import refuse_shell_form, without_triggers
from aws_run.image.recipe.shell_text import is_one_command


def test_the_plan_of_a_project_refuses_it(tmp_path: Path) -> None:
    root = write(
        tmp_path / "project", {"Dockerfile": "FROM python\nCMD python a.py; python main.py", "main.py": SCRIPT}
    )
    with pytest.raises(SourceError, match="CMD in Dockerfile is in shell form"):
        plan_image(config_of(root), entrypoint_layer=lambda: LAYER)


def test_the_plan_tells_where_the_folders_are_put_behind_a_plain_command(tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"Dockerfile": "FROM python\nCMD python main.py", "main.py": SCRIPT})
    plan = plan_image(config_of(root), entrypoint_layer=lambda: LAYER)
    assert "CMD in Dockerfile is in shell form; the folders are put behind its command" in plan.notes


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("python main.py --n $N --title 'a b'", True),
        ("exec python -u main.py", True),
        ("python ${SCRIPT:-main.py}", True),
        ("cd /app && python main.py", True),
        ("cd /app && export A=1 && exec python main.py", True),
        (". ./env.sh && python main.py", True),
        ("python first.py && python main.py", False),
        ("cd /app && python main.py; ls", False),
        ("cd /app || python main.py", False),
        ("python main.py &", False),
        ("cd /app &&", False),
        ("cd /app", False),
        ("python main.py | tee log", False),
        ("python main.py # all", True),
        ("python main.py # isn't that nice", False),
        ("python main.py a#b", True),
        ("MODE=fast N='1 2' python main.py", True),
        ("MODE=fast", False),
        ("MODE=fast exec", False),
        ("source env.sh", False),
        ("python main.py $(date)", False),
        ("python main.py 'a", False),
        ("python main.py --in {input}", False),
        ("python main.py 2> log", False),
        ("exec", False),
        ("", False),
    ],
)
def test_one_plain_command_takes_arguments_behind_it(text: str, plain: bool) -> None:
    assert is_one_command(text) == plain


@pytest.mark.parametrize(
    "shell", [["sh", "-c"], ["bash", "-lc"], ["tini_stands_here", "bash", "-euo", "pipefail", "-c"]]
)
def test_what_is_put_behind_a_plain_command_reaches_the_program_as_it_is(tmp_path: Path, shell: list[str]) -> None:
    script = tmp_path / "show.py"
    script.write_text('import sys, os\nprint(sys.argv[1:], os.environ["N"])\n')
    written = f'{sys.executable} {script} "$N"'
    entrypoint, cmd = keep_arguments([], [*shell, written], own_command=False)
    assert entrypoint == ()
    argv = [word for word in cmd if word != "tini_stands_here"]
    given = ["-i", "a b", "-o", "$HOME'\""]
    done = subprocess.run(
        [*argv, *given], env={"N": "7 8", "PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{['7 8', *given]} 7 8\n"


def test_behind_an_entrypoint_in_shell_form_cmd_is_nothing_as_docker_has_it() -> None:
    shell = ["/bin/sh", "-c", "python main.py"]
    assert keep_arguments(shell, ["--fast"], own_command=False)[1] == ()
    assert keep_arguments(shell, [], own_command=True) == (tuple(shell), ())
    assert keep_arguments([], ["/bin/sh", "-c", "a && b"], own_command=False) == ((), ("/bin/sh", "-c", "a && b"))


@pytest.mark.parametrize("text", ['exec python main.py "$@"', "python main.py $*"])
def test_a_text_that_takes_the_arguments_is_given_the_word_that_a_shell_takes_for_its_name(text: str) -> None:
    written = ("/bin/bash", "-o", "pipefail", "-c", text)
    assert keep_arguments([], written, own_command=False) == ((), (*written, "sh"))
    assert keep_arguments(written, [], own_command=False) == ((*written, "sh"), ())
    assert keep_arguments(written, ["python"], own_command=True) == ((*written, "sh"), ("python",))
    # Whoever wrote the word already, or counts the first one in, means it so.
    assert keep_arguments(written, ["--"], own_command=False) == (written, ("--",))
    assert keep_arguments([], [*written, "sh"], own_command=False) == ((), (*written, "sh"))
    named = ("sh", "-c", '"$0" "$@"')
    assert keep_arguments(named, [], own_command=False) == (named, ())


def refused(text: str, *, own_command: bool = False) -> str:
    """The instruction that is refused, or told to be rewritten."""
    try:
        note = refuse_shell_form(text, "Dockerfile", own_command=own_command, root=Path("/p"))
    except SourceError as error:
        return error.message.split()[0]
    return note.split()[0] if note else ""


@pytest.mark.parametrize(
    ("text", "instruction"),
    [
        ("FROM python\nCMD python main.py", "CMD"),
        ("FROM python\nCMD python main.py --in {input} --out {output}", ""),
        ("FROM python\nCMD python main.py --in {input}", "CMD"),
        ("FROM python\nCMD cd app && python main.py", "CMD"),
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


STAGES = (
    "FROM python AS base\nCMD python base.py | tee x\n"
    'FROM base AS prod\nCMD ["python", "main.py"]\nFROM base AS test\nCMD pytest | tee y\n'
)


@pytest.mark.parametrize(
    ("target", "refuses"), [(None, True), ("test", True), ("PROD", False), ("1", False), ("0", True)]
)
def test_the_stage_that_is_built_decides(target: str | None, refuses: bool) -> None:
    def read() -> str | None:
        return refuse_shell_form(STAGES, "Dockerfile", own_command=False, root=Path("/p"), target=target)

    if refuses:
        with pytest.raises(SourceError):
            read()
    else:
        assert read() is None


@pytest.mark.parametrize(
    "written", ["cd {folder} && N=3 {python} show.py # all", "export N=3 && cd {folder} && exec {python} show.py"]
)
def test_what_prepares_for_the_command_is_kept(tmp_path: Path, written: str) -> None:
    (tmp_path / "show.py").write_text('import sys, os\nprint(sys.argv[1:], os.environ["N"])\n')
    text = written.format(folder=tmp_path, python=sys.executable)
    _, cmd = keep_arguments([], ["/bin/sh", "-c", text], own_command=False)
    done = subprocess.run(
        [*cmd, "-i", "a b"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['-i', 'a b'] 3\n"


def test_a_command_of_the_config_takes_the_place_of_cmd_and_not_of_entrypoint() -> None:
    assert refused("FROM python\nCMD python main.py", own_command=True) == ""
    assert refused("FROM python\nENTRYPOINT python main.py", own_command=True) == "ENTRYPOINT"


TRIGGERS = (
    "FROM a AS one\nONBUILD RUN x \\\n  # why\n  && y\nRUN <<EOF\nONBUILD not this\nEOF\n"
    'FROM b\nonbuild COPY . /\nCMD ["c"]\n'
)


@pytest.mark.parametrize(
    ("target", "left_out"),
    [
        (None, ["onbuild COPY . /"]),
        ("ONE", ["ONBUILD RUN x \\", "  # why", "  && y"]),
        ("0", ["ONBUILD RUN x \\", "  # why", "  && y"]),
        ("other", []),
    ],
)
def test_triggers_for_other_images_are_left_out_of_the_stage_that_is_built(
    target: str | None, left_out: list[str]
) -> None:
    kept = without_triggers(TRIGGERS, target).splitlines()
    assert [line for line in TRIGGERS.splitlines() if line not in kept] == left_out
    assert "ONBUILD not this" in kept
