"""The first line of a comment: what it may say, and that nothing else gets through, whatever is written there."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.errors import UsageError
from aws_run.github.comments.caps import Caps, check, read_caps
from aws_run.github.comments.command import FLAGS, Command, parse

LIMITS = {
    "max-cpu": "4", "max-memory": "16GB", "max-gpus": "1", "max-timeout": "1h", "allow-spot": "true",
    "instance-types": "g6.*, g5.xlarge",
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/aws-run", Command(verb="run")),
        ("/aws-run --gpu 1 --spot\nand more text", Command(verb="run", flags={"gpu": "1", "spot": "true"})),
        ("/aws-run --gpu=L4:1 --timeout '30m'", Command(verb="run", flags={"gpu": "L4:1", "timeout": "30m"})),
        ("/aws-run help", Command(verb="help")),
        ("/aws-run\tstatus\r\nx", Command(verb="status")),
        ("/aws-run stop", Command(verb="stop")),
        ("/aws-run cost", Command(verb="cost")),
        (f"/aws-run --sha {'a' * 40}", Command(verb="run", flags={"sha": "a" * 40})),
        ("/aws-runner", None),
        (" /aws-run", None),
        ("> /aws-run", None),
        ("please /aws-run", None),
        ("text\n/aws-run", None),
        ("", None),
    ],
)
def test_only_the_first_line_counts_and_the_trigger_stands_at_its_start(body: str, expected: Command | None) -> None:
    assert parse(body) == expected


@pytest.mark.parametrize(
    "rest",
    [
        "--role arn:aws:iam::1:role/x", "--secret A=b", "--env A=b", "--image evil", "--bucket b", "--subnets s",
        "--permissions-boundary x", "--task-role x", "-i s3://b/x", "--gp 1", "--gpu", "--gpu 1 --gpu 2", "--spot=false",
        "--gpu ''", "--gpu -1", "--gpu 1;id", "--gpu $(id)", "--cpu 1e9", "--memory 16", "--timeout 0s", "--timeout 1y",
        "--backend local", "--instance-type ../x", "--sha HEAD", "--", "- -", "run", "help now", "destroy", "--gpu '1",
        "--gpu 1\x00", "--gpu \u0661", "--memory 1GB --", "--json", "@file", "--config x", "--trust-project-file",
        "x" * 600,
    ],
)  # fmt: skip
def test_what_is_not_in_the_table_is_refused(rest: str) -> None:
    with pytest.raises(UsageError):
        parse(f"/aws-run {rest}")


# All that a comment may ever set. Written out, so that a flag more in the parser's table is seen here.
MAY_BE_SET = {"gpu", "cpu", "memory", "spot", "timeout", "backend", "instance-type", "sha"}
# A value that gets through is of these signs only: none of them means anything to a shell, to YAML or to the runner.
_HARMLESS = re.compile(r"[A-Za-z0-9.:+-]{1,40}")
_WORDS = (
    *(f"--{name}" for name in FLAGS), "--role", "--secret", "--env", "--image", "--task-role", "--bucket", "--gp", "--s", "1", "8",
    "L4:1", "16GB", "2", "30m", "ec2", "g6.xlarge", "auto", "a" * 40, "help", "stop", "-x",
)  # fmt: skip
_HOSTILE = (
    "$(touch canary)", "`touch canary`", ";touch canary", "|touch canary", "&touch canary", "\ntouch canary\n", "${IFS}touch",
    "'", '"', "\\", "\n", "\r", "\x00", "=", "\u0661", "\u202e", "${{ github.token }}", "%0A::set-output name=run::true",
    "##[save-state name=RUN_ID]x", "<<EOF", "--", "../", "*", "~", "#", "!", "\U0001f600",
)  # fmt: skip


def lines(seed: int, count: int) -> Iterator[str]:
    """What stands after `/aws-run`: words and signs in any order, and good commands into which something is put."""
    draw = random.Random(seed)
    for _ in range(count):
        kind = draw.randrange(3)
        if kind == 0:
            yield " ".join(draw.choice((*_WORDS, *_HOSTILE)) for _ in range(draw.randrange(8)))
            continue
        flags = draw.sample(("--gpu L4:1", "--cpu=4+", "--memory 16GB", "--spot", "--timeout 1h", "--backend=ec2"), 2)
        line = " ".join(flags)
        for _ in range(draw.randrange(3 if kind == 1 else 2)):
            at = draw.randrange(len(line) + 1)
            piece = (
                draw.choice((*_HOSTILE, *_WORDS))
                if kind == 1
                else chr(draw.choice((draw.randrange(128), draw.randrange(0x3000))))
            )
            line = line[:at] + piece + line[at:]
        yield line


def as_script(values: Iterable[str]) -> str:
    """The worst that a workflow could do with them: their text as a part of its script."""
    return "\n".join(f": --flag {value}" for value in values)


def ran(script: str, folder: Path) -> bool:
    """Whether the script did more than it should."""
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, check=False, text=True)
    return (folder / "canary").exists() or done.returncode != 0 or done.stderr != ""


def test_no_flag_and_no_sign_gets_through_that_the_table_has_not(tmp_path: Path) -> None:
    seed = int(os.environ.get("AWS_RUN_TEST_SEED", "12"))
    through: list[str] = []
    for line in lines(seed, 10_000):
        try:
            command = parse(f"/aws-run {line}")
        except UsageError:
            continue
        assert command is not None, line
        assert set(command.flags) <= MAY_BE_SET, line
        for name, value in command.flags.items():
            assert _HARMLESS.fullmatch(value), (line, name, value)
            through.append(value)
    assert len(through) > 1000, "else nothing much was tried"
    assert not ran(as_script(through), tmp_path)


def test_a_value_that_is_a_command_would_have_been_seen(tmp_path: Path) -> None:
    assert ran(as_script(["4", "$(touch canary)"]), tmp_path)


@given(line=st.text(max_size=80))
def test_any_text_is_a_command_or_a_refusal(line: str) -> None:
    try:
        command = parse(f"/aws-run {line}")
    except UsageError:
        return
    assert command is not None
    assert set(command.flags) <= MAY_BE_SET


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"cpu": "4.5"}, "--cpu"),
        ({"cpu": "5+"}, "--cpu"),
        ({"memory": "17GB"}, "--memory"),
        ({"memory": "1TB+"}, "--memory"),
        ({"gpu": "2"}, "--gpu"),
        ({"gpu": "L4:2"}, "--gpu"),
        ({"timeout": "61m"}, "--timeout"),
        ({"timeout": "2h"}, "--timeout"),
        ({"instance-type": "p5.48xlarge"}, "--instance-type"),
        ({"instance-type": "g5.2xlarge"}, "--instance-type"),
    ],
)
def test_what_is_beyond_a_limit_is_refused(flags: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError) as refusal:
        check(flags, read_caps(LIMITS))
    assert refusal.value.message.startswith(named)


def test_what_is_at_the_limit_passes() -> None:
    limits = read_caps(LIMITS)
    flags = {"cpu": "4", "memory": "16GB", "gpu": "L4:1", "timeout": "1h", "spot": "true", "instance-type": "g6.xlarge"}
    check(flags, limits)
    with pytest.raises(UsageError, match="--spot"):
        check({"spot": "true"}, read_caps({**LIMITS, "allow-spot": "false"}))


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_a_limit_that_can_not_be_read_allows_nothing(name: str) -> None:
    if name == "instance-types":
        assert read_caps({**LIMITS, name: ""}).instance_types == ()
        return
    for broken in ("", "many", "-"):
        with pytest.raises(UsageError):
            read_caps({**LIMITS, name: broken})


@given(count=st.integers(0, 99), limit=st.integers(0, 99))
def test_the_number_of_gpus_is_what_is_limited(count: int, limit: int) -> None:
    caps = Caps(cpu=read_caps(LIMITS).cpu, memory_mib=1, gpus=limit, timeout_s=1, spot=True, instance_types=())
    for text in (str(count), f"H100:{count}"):
        if count > limit:
            with pytest.raises(UsageError):
                check({"gpu": text}, caps)
        else:
            check({"gpu": text}, caps)
