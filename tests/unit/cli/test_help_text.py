"""Help at any width: no option and no file's name is broken at its hyphen, and no command is cut."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from aws_run.cli.help_text import WholeSentences, use_whole_words

WORDS = "Take packages from --extra-index-url, or from where aws-run.yaml says; `aws-run local start` shows it."


@click.group(cls=WholeSentences)
def group() -> None:
    """A group."""


@group.command()
def stop() -> None:
    """Stop it and whatever else is still going on in it, in this terminal and elsewhere: eval "$(aws-run local stop)".

    Nothing stays.
    """


@pytest.mark.parametrize("width", range(30, 100, 3))
def test_no_word_with_a_hyphen_is_broken(width: int) -> None:
    use_whole_words()
    command = click.Command("x", help=WORDS, params=[click.Option(["--a"], help=WORDS)])
    context = click.Context(command, info_name="x", max_content_width=width, terminal_width=width)
    text = command.get_help(context)
    assert "--extra-index-url" in text
    assert "aws-run.yaml" in text
    assert {word for word in text.split() if word.endswith("-")} == set()


def test_a_group_tells_the_whole_first_sentence_of_a_command() -> None:
    use_whole_words()
    context = click.Context(group, info_name="g", terminal_width=60)
    text = " ".join(group.get_help(context).split())
    assert 'elsewhere: eval "$(aws-run local stop)".' in text
    assert "..." not in text.replace("[ARGS]...", "")
    assert "Nothing stays" not in text


@pytest.mark.parametrize("words", [["local"], ["network"], ["quota"], ["submit"], ["allowance"]])
def test_nothing_is_cut_in_ours(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aws_run.cli", *words, "--help"],
        env={"COLUMNS": "80", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.replace("ARGS]...", "").replace("ARGS...", "").splitlines()
    assert [line for line in lines if line.endswith(("...", "-"))] == []
