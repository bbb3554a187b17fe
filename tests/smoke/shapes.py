"""The shape of AWS's answers: which members there are and what kind of value they have, never the values."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_OWN = "ResponseMetadata"  # botocore's
# Members whose keys are names somebody chose.
_MAPS = ("Metadata", "tags", "options", "HTTPHeaders")


def paths(answer: Any, prefix: str = "") -> dict[str, str]:
    """`{"tasks[].taskArn": "str"}` of an answer as boto3 gives it; empty lists and objects have a kind, and no members."""
    kind = type(answer).__name__
    found = {prefix: kind} if prefix else {}
    if isinstance(answer, Mapping) and prefix.rsplit(".", 1)[-1] not in _MAPS:
        for name, value in answer.items():
            if name != _OWN:
                found |= paths(value, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(answer, list):
        for value in answer:
            found |= paths(value, f"{prefix}[]")
    return found


@dataclass
class Answers:
    """All answers of one operation."""

    members: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    refusals: set[str] = field(default_factory=set)


def gather(trace: Iterable[Mapping[str, Any]]) -> dict[str, Answers]:
    """By `service:Operation`, from the lines of `recorded`."""
    seen: defaultdict[str, Answers] = defaultdict(Answers)
    for line in trace:
        answers = seen[f"{line['service']}:{line['operation']}"]
        answers.seconds.append(float(line["seconds"]))
        if line.get("refused"):
            answers.refusals.add(str(line["refused"]))
        answers.members |= line.get("members") or {}
    return dict(seen)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Of one operation. `only_here`: members that this account's answers have and the embedded AWS's have not; `elsewhere`:
    those of them that the embedded AWS has shown in answers of other operations of that service, as a task's do that it
    gets with time."""

    operation: str
    only_here: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    only_embedded: tuple[str, ...] = ()
    other_kind: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()  # codes that the embedded AWS did not answer with

    def __bool__(self) -> bool:
        return bool(self.only_here or self.elsewhere or self.only_embedded or self.other_kind or self.refusals)


def differences(here: Mapping[str, Answers], embedded: Mapping[str, Answers]) -> list[Difference]:
    """Operations that only one of both was sent are no difference of their answers."""
    found = []
    for operation in sorted(here.keys() & embedded.keys()):
        ours, theirs = here[operation], embedded[operation]
        both = ours.members.keys() & theirs.members.keys()
        more = ours.members.keys() - theirs.members.keys()
        elsewhere = more & _of_service(embedded, operation.split(":")[0])
        difference = Difference(
            operation=operation,
            only_here=_outermost(more - elsewhere),
            elsewhere=_outermost(elsewhere),
            only_embedded=_outermost(theirs.members.keys() - ours.members.keys()),
            other_kind=tuple(
                f"{path}: {ours.members[path]}, embedded {theirs.members[path]}"
                for path in sorted(both)
                if ours.members[path] != theirs.members[path]
            ),
            refusals=tuple(sorted(ours.refusals - theirs.refusals)),
        )
        if difference:
            found.append(difference)
    return found


def _of_service(answers: Mapping[str, Answers], service: str) -> set[str]:
    """The members of all its operations' answers."""
    return {name for operation, one in answers.items() if operation.split(":")[0] == service for name in one.members}


def _outermost(found: Iterable[str]) -> tuple[str, ...]:
    """Without what is inside of another one."""
    names = set(found)
    return tuple(
        sorted(
            name for name in names if not any(name.startswith((f"{other}.", f"{other}[]")) for other in names - {name})
        )
    )


def timings(here: Mapping[str, Answers], embedded: Mapping[str, Answers]) -> list[tuple[str, int, float, float | None]]:
    """Operation, how often, and the median of its seconds on both; slowest first."""
    rows = []
    for operation, answers in here.items():
        other = embedded.get(operation)
        theirs = statistics.median(other.seconds) if other else None
        rows.append((operation, len(answers.seconds), statistics.median(answers.seconds), theirs))
    return sorted(rows, key=lambda row: -row[2])
