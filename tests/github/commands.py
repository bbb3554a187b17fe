"""What GitHub's runner takes out of a step's log and files (actions/runner: ActionCommand.cs, FileCommandManager.cs)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_COLONS = re.compile(r"^\s*::(?P<head>[^:]*(?::[^:]+)*?)::(?P<data>.*)$")
_HASHES = re.compile(r"##\[(?P<head>[^\]]*)\](?P<data>.*)$")
KNOWN = frozenset(
    {
        "group", "endgroup", "error", "warning", "notice", "debug", "add-mask", "add-matcher", "remove-matcher", "echo",
        "set-output", "save-state", "set-env", "add-path", "stop-commands", "internal-set-repo-path",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Annotation:
    level: str
    message: str
    properties: dict[str, str]


@dataclass
class Log:
    """The log of one step, line by line. `lines`: all that a reader sees."""

    lines: list[str] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)  # by the old commands on stdout, which still work
    state: dict[str, str] = field(default_factory=dict)
    masks: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    depth: int = 0
    _token: str | None = None

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def stopped(self) -> bool:
        return self._token is not None

    def take(self, line: str) -> None:
        name, properties, data = _parse(line)
        if self._token is not None:
            if name == self._token:
                self._token = None
            else:
                self.lines.append(line)
            return
        if name == "stop-commands":
            assert data not in KNOWN, "the runner refuses such a token"
            self._token = data
        elif name == "group":
            self.groups.append(data)
            self.depth += 1
            self.lines.append(f"> {data}")
        elif name == "endgroup":
            self.depth -= 1
        elif name in ("error", "warning", "notice"):
            self.annotations.append(Annotation(name, data, properties))
            self.lines.append(f"{name}: {data}")
        elif name == "set-output":
            self.outputs[properties["name"]] = data
        elif name == "save-state":
            self.state[properties["name"]] = data
        elif name == "add-mask":
            self.masks.append(data)
        elif name in KNOWN:
            self.others.append(line)
        else:
            self.lines.append(line)


def _parse(line: str) -> tuple[str | None, dict[str, str], str]:
    match = _COLONS.match(line) or _HASHES.search(line)
    if match is None:
        return None, {}, ""
    name, _, rest = match["head"].partition(" ")
    properties = {}
    for part in rest.split(","):
        key, equals, value = part.strip().partition("=")
        if equals:
            properties[key] = _unescape(value, {"%3A": ":", "%2C": ",", "%5D": "]", "%3B": ";"})
    return name.lower(), properties, _unescape(match["data"], {})


def _unescape(text: str, more: dict[str, str]) -> str:
    for coded, plain in {**more, "%0D": "\r", "%0A": "\n", "%25": "%"}.items():
        text = text.replace(coded, plain)
    return text


def read_values(path: Path) -> dict[str, str]:
    """GITHUB_OUTPUT, GITHUB_STATE or GITHUB_ENV: `NAME=VALUE` lines and heredocs; what is neither fails the step."""
    values: dict[str, str] = {}
    lines = iter(path.read_text(encoding="utf-8").splitlines() if path.exists() else ())
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, _, delimiter = line.partition("<<")
            body = []
            for inner in lines:
                if inner == delimiter:
                    break
                body.append(inner)
            else:
                raise AssertionError(f"Matching delimiter not found: {delimiter}")
            values[name] = "\n".join(body)
        else:
            assert equals > 0, f"Invalid format: {line!r}"
            values[line[:equals]] = line[equals + 1 :]
    return values
