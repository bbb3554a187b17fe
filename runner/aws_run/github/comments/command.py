"""What a comment asks for: its first line, read without a shell, without abbreviations, by the table below.

A comment is written by whoever can write comments. So every value has a form of its own, and nothing that decides about
rights, places or secrets (roles, buckets, networks, environment, images) has a flag here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from aws_run.errors import UsageError
from aws_run.frozen import frozen

Verb = Literal["run", "help", "status", "stop", "cost"]
VERBS: tuple[Verb, ...] = ("help", "status", "stop", "cost")
TRIGGER = "/aws-run"
_LONGEST = 500
# Flag -> the whole form of its value; None: it takes none. The names are those of `aws-run submit`.
FLAGS: Mapping[str, str | None] = {
    "gpu": r"[A-Za-z0-9]{1,12}(:[0-9]{1,2})?",
    "cpu": r"[0-9]{1,3}(\.[0-9]{1,2})?\+?",
    "memory": r"[0-9]{1,6}(MB|GB|TB|MiB|GiB|TiB)\+?",
    "spot": None,
    "timeout": r"[1-9][0-9]{0,5}[smhd]",
    "backend": r"auto|fargate|ec2",
    "instance-type": r"[a-z][a-z0-9-]{0,15}\.[a-z0-9-]{1,16}",
    "sha": r"[0-9a-f]{40}",
}


@frozen
class Command:
    """`flags`: by their names without dashes; of `spot` the value is "true". Those of a run; else empty."""

    verb: Verb
    flags: Mapping[str, str] = field(default_factory=dict)


def parse(body: str, trigger: str = TRIGGER) -> Command | None:
    """None: the comment is no command of ours. UsageError: it is one that can't be carried out; says what is wrong."""
    line = re.split(r"[\r\n]", body, maxsplit=1)[0]
    if not re.match(rf"{re.escape(trigger)}(?:[ \t]|$)", line):
        return None
    if len(line) > _LONGEST:
        raise UsageError(f"The command is longer than {_LONGEST} characters")
    if re.search(r"[^\x20-\x7e\t]", line):
        raise UsageError("The command has characters other than letters, digits and signs of ASCII")
    try:
        words = shlex.split(line[len(trigger) :])
    except ValueError as error:
        raise UsageError(f"The command can't be split into words: {str(error).lower()}") from None
    if words and not words[0].startswith("-"):
        return _verb(words, trigger)
    return Command(verb="run", flags=_flags(words, trigger))


def _verb(words: list[str], trigger: str) -> Command:
    verb = next((verb for verb in VERBS if verb == words[0]), None)
    if verb is None:
        raise UsageError(f"There is no command {words[0]!r}", hint=f"{trigger} help")
    if len(words) > 1:
        raise UsageError(f"`{verb}` takes nothing after it", hint=f"{trigger} {verb}")
    return Command(verb=verb)


def _flags(words: list[str], trigger: str) -> dict[str, str]:
    flags: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in FLAGS:
            raise UsageError(f"{word!r} can't be set by a comment", hint=f"{trigger} help lists what can")
        if name in flags:
            raise UsageError(f"--{name} is given twice")
        form = FLAGS[name]
        if form is None:
            if equals:
                raise UsageError(f"--{name} takes no value")
            flags[name] = "true"
            continue
        if not equals:
            value = next(rest, "")
        if not re.fullmatch(form, value):
            raise UsageError(f"--{name} {value!r}: that is not a value for it", hint=f"{trigger} help")
        flags[name] = value
    return flags


def help_text(trigger: str = TRIGGER) -> str:
    """Markdown."""
    flags = " ".join(f"`--{name}`" for name in FLAGS if name != "sha")
    return "\n".join(
        (
            f"`{trigger}` runs this pull request's code on AWS. Only the first line of a new comment counts.",
            "",
            "| | |",
            "|---|---|",
            f"| `{trigger}` | with what the workflow sets |",
            f"| `{trigger} --gpu L4:1 --spot` | other hardware, up to the workflow's limits: {flags} |",
            f"| `{trigger} --sha COMMIT` | exactly this commit (40 digits); a fork's code runs by it alone |",
            f"| `{trigger} status`, `cost` | how the newest run stands; what the runs of this pull request cost |",
            f"| `{trigger} stop` | stops the run and removes what it uses |",
        )
    )
