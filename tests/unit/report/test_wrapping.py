"""Where text is broken: between words, and never within what is copied."""

from __future__ import annotations

import pytest
from tests.unit.report.conftest import Terminal

from aws_run.errors import BuildError, DeclinedError, UsageError
from aws_run.report.errors import render_error
from aws_run.report.wrapping import hanging, lines_for, terminal_width, wrapped

HINT = "hint: start one that stays: `aws-run local start --runtime process`, then run the same command again"


def test_no_word_and_no_option_is_broken() -> None:
    text = "give the index with --extra-index-url, or name it in aws-run.yaml, where it holds for every run"
    for width in range(20, 100):
        lines = wrapped(text, width)
        assert " ".join(lines) == text
        assert all(len(line) <= width for line in lines)


@pytest.mark.parametrize(
    "command",
    [
        "`aws-run local start --runtime process`",
        'eval "$(aws-run local start)"',
        "aws-run logs demo-20260102-030405-abcd -f --local",
        "aws-run network create",
    ],
)
def test_a_command_is_kept_whole_on_the_next_line(command: str) -> None:
    text = f"there is none that runs here now, so do this first: {command}, and then go on"
    for width in range(len(command) + 1, 100):
        assert any(command in line for line in wrapped(text, width)), width


def test_a_command_that_is_longer_than_a_line_is_left_to_the_terminal_which_joins_it_again() -> None:
    command = f"`aws ec2 create-vpc-endpoint {'--route-table-ids rtb-0123 ' * 3}`"
    assert wrapped(f"free: {command} does it", 40) == ["free:", command, "does it"]


def test_what_goes_on_hangs_below_the_text_behind_its_label() -> None:
    assert hanging(HINT, 60) == [
        "hint: start one that stays:",
        "      `aws-run local start --runtime process`, then run the",
        "      same command again",
    ]
    assert hanging("# docker: tasks run in containers", 26) == ["# docker: tasks run in", "# containers"]
    assert hanging("total: one two three four five", 22) == ["total: one two three", "  four five"]
    assert hanging("       one two three four five", 27) == ["       one two three four", "       five"]


def test_a_wide_character_takes_two_columns() -> None:
    assert wrapped("\u8cc7\u6599\u8cc7\u6599\u8cc7 \u6599\u8cc7\u6599\u8cc7\u6599 end", 20) == [
        "\u8cc7\u6599\u8cc7\u6599\u8cc7",
        "\u6599\u8cc7\u6599\u8cc7\u6599 end",
    ]


def test_a_pipe_gets_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    assert lines_for(None, HINT) == [HINT]
    assert len(lines_for(Terminal(), HINT)) == 3
    assert terminal_width(Terminal(), {"TERM": "dumb", "COLUMNS": "60"}) is None


def test_an_error_is_broken_but_not_what_a_build_said() -> None:
    log = "ERROR: Could not find a version that satisfies the requirement torch==2.99 (from versions: none)"
    error = BuildError("The requirement torch==2.99 does not exist in the index", log_tail=(log,), hint=HINT[6:])
    assert render_error(error, 60).splitlines() == [
        "error: The requirement torch==2.99 does not exist in the",
        "       index",
        f"  | {log}",
        *hanging(HINT, 60),
    ]
    assert render_error(error).count("\n") == 2


def test_a_no_is_no_error() -> None:
    assert render_error(UsageError("It can't be right")) == "error: It can't be right"
    assert (
        render_error(DeclinedError("Nothing was sent", hint="leave it out")) == "Nothing was sent\nhint: leave it out"
    )
