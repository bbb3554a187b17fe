"""ENTRYPOINT and CMD as a Dockerfile writes them, read without Docker: what can't work is refused before anything is
made. Only what the text itself shows is judged; what a base image brings is known after the build (docker_builder)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aws_run.command_line import has_places
from aws_run.errors import Place, SourceError
from aws_run.frozen import frozen
from aws_run.image.recipe.entrypoint_layer import is_shell
from aws_run.image.recipe.shell_text import is_one_command

_HEREDOC = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_FROM = re.compile(r"(?:--\S+\s+)*(?P<base>\S+)(?:\s+as\s+(?P<name>\S+))?\s*$", re.IGNORECASE)


@dataclass(kw_only=True)
class _Stage:
    """The text after ENTRYPOINT and CMD; None: there is no such line. `shell`: a shell runs the shell form."""

    entrypoint: str | None = None
    cmd: str | None = None
    shell: bool = True


def refuse_shell_form(text: str, path: str, *, own_command: bool, root: Path, target: str | None = None) -> str | None:
    """SourceError where `sh -c TEXT` would swallow -i and -o; a sentence for the plan where they are put behind TEXT,
    which is one plain command. `own_command`: `command` of the config replaces CMD. `target`: the stage that is built,
    by its name or number; None: the last."""
    stage = _stage_of(text, target)
    if not stage.shell:
        return None
    note = None
    judged = [("ENTRYPOINT", stage.entrypoint)]
    behind = stage.entrypoint is not None and bool(stage.cmd) and (stage.cmd or "").startswith("-")
    # `CMD --fast` behind an ENTRYPOINT is no program; an init like tini starts the shell, which drops the arguments.
    if not own_command and not behind and (stage.entrypoint is None or not _in_shell_form(stage.entrypoint)):
        judged.append(("CMD", stage.cmd))
    for name, written in judged:
        if written and _in_shell_form(written) and "$@" not in written and not has_places([written]):
            if is_one_command(written) and (name == "CMD" or not own_command):
                note = f"{name} in {path} is in shell form; the folders are put behind its command"
                continue
            raise SourceError(
                f"{name} in {path} is in shell form, so -i and -o would not reach the program",
                hint=f"write it as a list: {name} {as_list(written)}",
                place=Place(path=root / path, line=line_of(text, name, written)),
            )
    return note


def line_of(text: str, word: str, rest: str) -> int | None:
    """The line on which the last such instruction of a Dockerfile begins."""
    wanted = " ".join(rest.split())
    same = (
        each.lines[0] + 1 for each in _instructions(text) if each.word == word and " ".join(each.rest.split()) == wanted
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


def _stage_of(text: str, target: str | None) -> _Stage:
    """The last one, or `target`, with what it has from earlier stages of the same file that it stands on."""
    stages: dict[str, _Stage] = {}
    stage = _Stage()
    built: list[_Stage] = []
    for count, each in enumerate(_instructions(text)):
        rest = each.rest
        match each.word:
            case "FROM" if (base := _FROM.match(rest)) is not None:
                below = stages.get(base["base"].lower(), _Stage())
                stage = _Stage(entrypoint=below.entrypoint, cmd=below.cmd, shell=below.shell)
                stages[(base["name"] or f" {count}").lower()] = stage
                built.append(stage)
            case "ENTRYPOINT":
                # A new ENTRYPOINT takes away a CMD that came from below.
                stage.entrypoint = rest
            case "CMD":
                stage.cmd = rest
            case "SHELL":
                stage.shell = _is_shell(rest)
    if target is None:
        return stage
    numbered = built[int(target)] if target.isdecimal() and int(target) < len(built) else stage
    return stages.get(target.lower(), numbered)


def without_triggers(text: str, target: str | None = None) -> str:
    """A Dockerfile without the ONBUILD lines of its last stage (or of `target`): they are for images that stand on this
    one, and the only one that does is ours, with which they have nothing to do."""
    spans: dict[str, list[range]] = {}
    names = [""]
    for each in _instructions(text):
        if each.word == "FROM" and (base := _FROM.match(each.rest)) is not None:
            names.append((base["name"] or f" {len(names)}").lower())
        elif each.word == "ONBUILD":
            spans.setdefault(names[-1], []).append(each.lines)
    wanted = target.lower() if target else names[-1]
    if target and target.isdecimal() and target not in names:
        wanted = names[int(target) + 1] if int(target) + 1 < len(names) else wanted
    left_out = {number for span in spans.get(wanted, ()) for number in span}
    if not left_out:
        return text
    kept = (line for number, line in enumerate(text.splitlines(keepends=True)) if number not in left_out)
    return "".join(kept)


@frozen
class _Instruction:
    """`lines`: the numbers of its lines in the text, from 0."""

    word: str
    rest: str
    lines: range


def _instructions(text: str) -> Iterator[_Instruction]:
    """Each with its continued lines joined; comments and heredocs are left out."""
    escape = "`" if re.match(r"\s*#\s*escape\s*=\s*`", text, re.IGNORECASE) else "\\"
    lines = enumerate(text.splitlines())
    for begin, line in lines:
        joined = line.strip()
        if not joined or joined.startswith("#"):
            continue
        parts, end = [joined], begin
        while parts[-1].endswith(escape):
            more = next((each for each in lines if not each[1].lstrip().startswith("#")), None)
            if more is None:
                break
            end = more[0]
            parts[-1] = parts[-1][:-1].rstrip()
            parts.append(more[1].strip())
        word, _, rest = " ".join(parts).partition(" ")
        if word.upper() in ("RUN", "COPY", "ADD"):
            for mark in _HEREDOC.findall(rest):
                for end, inner in lines:  # noqa: B007 - where the heredoc ends is where the instruction does
                    if inner.strip() == mark:
                        break
        yield _Instruction(word=word.upper(), rest=rest.strip(), lines=range(begin, end + 1))
