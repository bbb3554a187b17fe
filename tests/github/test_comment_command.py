"""The first line of a comment: what it may say, and that nothing else gets through, whatever is written there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
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


_WORDS = st.sampled_from(
    [*(f"--{name}" for name in FLAGS), "--role", "--secret", "--env", "--image", "--gp", "1", "L4:1", "16GB", "30m", "ec2",
     "$(touch canary)", "`touch canary`", ";touch canary", "|touch", "&&", "${IFS}", "'", '"', "\\", "\n", "\x00", "=",
     "a" * 40, "--spot", "help", "stop", "-x", "${{ github.token }}", "%0A::set-output name=run::true"]
)  # fmt: skip
_LINES = st.one_of(
    st.lists(_WORDS, max_size=8).map(" ".join),
    st.text(max_size=80),
    st.tuples(st.sampled_from(sorted(FLAGS)), st.text(max_size=20)).map(lambda pair: f"--{pair[0]} {pair[1]}"),
    st.tuples(st.sampled_from(sorted(FLAGS)), st.from_regex(r"[A-Za-z0-9.:+-]{1,12}", fullmatch=True)).map(
        lambda pair: f"--{pair[0]}={pair[1]}"
    ),
)
# A value that gets through is of these signs only: none of them means anything to a shell, to YAML or to the runner.
_HARMLESS = re.compile(r"[A-Za-z0-9.:+-]{1,40}")


@settings(max_examples=10_000)
@given(line=_LINES)
def test_no_flag_and_no_sign_gets_through_that_the_table_has_not(line: str) -> None:
    try:
        command = parse(f"/aws-run {line}")
    except UsageError:
        return
    assert command is not None
    assert set(command.flags) <= set(FLAGS)
    for name, value in command.flags.items():
        assert _HARMLESS.fullmatch(value), (name, value)
        form = FLAGS[name]
        assert re.fullmatch(form, value) if form else value == "true"
    assert not Path("canary").exists()


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
