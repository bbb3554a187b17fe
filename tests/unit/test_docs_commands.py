"""Every command and option of `aws-run` that a page names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from aws_run.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md"))
    if path.name not in ("CHANGELOG.md", "cli.md")  # what there was, too; and what click itself prints
)
_ENDS = {";", "&&", "||", "|", ">", ">>", "2>", "#", "…", "--", "and", "or"}
# Of other programs, named by themselves.
ELSEWHERE = frozenset(
    {
        "--mount", "--require-hashes", "--extra-index-url", "--pre", "--find-links",  # Docker's and pip's
        "--input-dir", "--output_dir", "--data", "--results",  # of a user's script
        "--registry",  # of tests/smoke
    }
)  # fmt: skip


def pieces(text: str) -> Iterator[str]:
    """Each line of a block of code, and each piece of code in a sentence."""
    for block in re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


@cache
def options_of(words: tuple[str, ...]) -> frozenset[str] | None:
    """Of the command of that name; None where there is none."""
    command: click.Command | None = cli
    for word in words:
        command = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        if command is None:
            return None
    assert command is not None
    return frozenset(name for each in command.params for name in (*each.opts, *each.secondary_opts)) | {"--help"}


def is_group(words: tuple[str, ...]) -> bool:
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return isinstance(command, click.Group)


@cache
def all_options() -> frozenset[str]:
    found: set[str] = set()

    def walk(words: tuple[str, ...], command: click.Command) -> None:
        found.update(options_of(words) or ())
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                assert below is not None
                walk((*words, name), below)

    walk((), cli)
    return frozenset(found)


def faults(piece: str) -> Iterator[str]:
    """What `aws-run …` in a piece of code names and is not there; and a lone option that no command has."""
    named = [not word.endswith(":") for word in piece.split()]  # not the beginning of a line of its log
    words = [word.strip("`\"'()[],:.") if word not in _ENDS else word for word in piece.split()]
    if words and words[0].startswith("--"):
        name = words[0].partition("=")[0]
        if len(name) > 2 and name not in all_options() | ELSEWHERE:
            yield f"{name} is an option of no command"
    for start in (place for place, word in enumerate(words) if word == "aws-run" and named[place]):
        yield from _call(words[start + 1 :], piece)


def _call(words: list[str], piece: str) -> Iterator[str]:
    command: tuple[str, ...] = ()
    for word in words:
        if word in _ENDS:
            return
        if not word.startswith("-"):
            if is_group(command) and re.fullmatch(r"[a-z][a-z0-9-]*", word):
                command = (*command, word)
                if options_of(command) is None:
                    yield f"`{piece}` names the command {' '.join(command)}, which is not there"
                    return
            continue
        name = word.partition("=")[0]
        if name not in (options_of(command) or ()):
            yield f"`{piece}` gives {' '.join(command) or 'aws-run'} the option {name}, which it does not have"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [fault for piece in pieces(text) for fault in faults(piece)] == []


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        ("aws-run submit . -i data -o out --cpu 4 -- --epochs 3", []),
        ("aws-run local start --runtime process", []),
        ("--subnets subnet-1", []),
        ("--subnet", ["--subnet is an option of no command"]),
        ("aws-run submitt .", ["`aws-run submitt .` names the command submitt, which is not there"]),
        ("aws-run wait --cpu 4", ["`aws-run wait --cpu 4` gives wait the option --cpu, which it does not have"]),
    ],
)
def test_what_is_not_there_is_found(piece: str, said: list[str]) -> None:
    assert list(faults(piece)) == said
