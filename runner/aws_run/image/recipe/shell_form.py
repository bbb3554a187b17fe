"""ENTRYPOINT and CMD as a Dockerfile writes them, read without Docker: what can't work is refused before anything is
made. Only what the text itself shows is judged; what a base image brings is known after the build (docker_builder)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aws_run.errors import Place, SourceError
from aws_run.image.recipe.entrypoint_layer import is_shell
from aws_run.image.recipe.script_options import has_places

_HEREDOC = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_FROM = re.compile(r"(?:--\S+\s+)*(?P<base>\S+)(?:\s+as\s+(?P<name>\S+))?\s*$", re.IGNORECASE)


@dataclass(kw_only=True)
class _Stage:
    """The text after ENTRYPOINT and CMD; None: there is no such line. `shell`: a shell runs the shell form."""

    entrypoint: str | None = None
    cmd: str | None = None
    shell: bool = True


def refuse_shell_form(text: str, path: str, *, own_command: bool, root: Path) -> None:
    """SourceError where `sh -c TEXT` would swallow -i and -o. `own_command`: `command` of the config replaces CMD."""
    stage = _last_stage(text)
    if not stage.shell:
        return
    judged = [("ENTRYPOINT", stage.entrypoint)]
    behind = stage.entrypoint is not None and bool(stage.cmd) and (stage.cmd or "").startswith("-")
    # `CMD --fast` behind an ENTRYPOINT is no program; an init like tini starts the shell, which drops the arguments.
    if not own_command and not behind and (stage.entrypoint is None or not _in_shell_form(stage.entrypoint)):
        judged.append(("CMD", stage.cmd))
    for name, written in judged:
        if written and _in_shell_form(written) and "$@" not in written and not has_places([written]):
            raise SourceError(
                f"{name} in {path} is in shell form, so -i and -o would not reach the program",
                hint=f"write it as a list: {name} {as_list(written)}",
                place=Place(path=root / path, line=line_of(text, name, written)),
            )


def line_of(text: str, word: str, rest: str) -> int | None:
    """The line on which the last such instruction of a Dockerfile begins."""
    wanted = " ".join(rest.split())
    same = (
        number for number, *found in _instructions(text) if found[0] == word and " ".join(found[1].split()) == wanted
    )
    return max(same, default=None)


def as_list(text: str) -> str:
    """The exec form of a plain command; an example for one that needs a shell."""
    words = text.removeprefix("exec ").split()
    plain = all(re.fullmatch(r"[\w./:,@%+-]+", word) for word in words)
    return json.dumps(words if plain and words else ["python", "main.py"])


def _in_shell_form(text: str) -> bool:
    try:
        return not isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return True


def _is_shell(text: str) -> bool:
    """Whether SHELL names one that takes a text after -c, as `["/bin/bash", "-lc"]` does."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(words, list) and bool(words) and is_shell(str(words[0])) and str(words[-1]).endswith("c")


def _last_stage(text: str) -> _Stage:
    """With what it has from earlier stages of the same file that it stands on."""
    stages: dict[str, _Stage] = {}
    stage = _Stage()
    for count, (_, word, rest) in enumerate(_instructions(text)):
        match word:
            case "FROM" if (base := _FROM.match(rest)) is not None:
                below = stages.get(base["base"].lower(), _Stage())
                stage = _Stage(entrypoint=below.entrypoint, cmd=below.cmd, shell=below.shell)
                stages[(base["name"] or f" {count}").lower()] = stage
            case "ENTRYPOINT":
                # A new ENTRYPOINT takes away a CMD that came from below.
                stage.entrypoint = rest
            case "CMD":
                stage.cmd = rest
            case "SHELL":
                stage.shell = _is_shell(rest)
    return stage


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """(number of its first line, WORD, rest) of each instruction, its continued lines joined; comments and heredocs are
    left out."""
    escape = "`" if re.match(r"\s*#\s*escape\s*=\s*`", text, re.IGNORECASE) else "\\"
    numbered = enumerate(text.splitlines(), start=1)
    lines = (line for _, line in numbered)
    for number, line in numbered:
        joined = line.strip()
        if not joined or joined.startswith("#"):
            continue
        parts = [joined]
        while parts[-1].endswith(escape):
            more = next((each for each in lines if not each.lstrip().startswith("#")), None)
            if more is None:
                break
            parts[-1] = parts[-1][:-1].rstrip()
            parts.append(more.strip())
        word, _, rest = " ".join(parts).partition(" ")
        if word.upper() in ("RUN", "COPY", "ADD"):
            for end in _HEREDOC.findall(rest):
                for inner in lines:
                    if inner.strip() == end:
                        break
        yield number, word.upper(), rest.strip()
