"""What a job, AWS, a registry or a project wrote has no power over the terminal or the CI system that shows it.

Each renderer gets arbitrary text in every field that it can get, and its output is read as a terminal and as GitHub's
runner read it.
"""

from __future__ import annotations

import ast
import dataclasses
import io
import json
import re
import typing
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from tests.unit.fakes import FakeClock

from aws_run import events
from aws_run.cli import say
from aws_run.errors import AwsRunError, BuildError, TeardownError
from aws_run.report import format as fmt
from aws_run.report.console import ConsoleReporter
from aws_run.report.jsonlines import JsonReporter
from aws_run.report.live import LiveState, LiveView
from aws_run.report.plain import PlainReporter
from aws_run.report.tables import Mark, table
from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView

CLI = Path(say.__file__).parent
# Characters that carry no width of their own; the runner's comparisons pass over them.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
PAYLOADS = [
    "\x1b]52;c;cm0gLXJm\x07", "\x1b]0;PWNED\x07", "\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\", "\x9d0;t\x9c", "\x9b2J",
    "\x1b[2J\x1b[H", "\x1bP+q\x1b\\", "\x00", "\x7f", "\x85", "\u202egpj.exe", "\u2066x\u2069", "\u2028", "ok\rFAKED", "a\r\nb",
    "::set-output name=a::b", "  ::add-mask::a", "\u3000::stop-commands::x", "\n::error::x", "\r::error::x", "\x85::error::x",
    "##[set-output name=a]b", "x ##[add-mask]y", "##\u200b[add-mask]y", "#\u200d#\ufe0f[add-mask]y", "\u200d::error::x",
    ":\u200c:error:\ufe0f:x", "##vso[task.setvariable variable=a]b", "##teamcity[x]", ":::error:::x", "###[error]", "\ud800",
    "\x1b]52;c;x\n::error::y", "::er\u00adror::x", "\ufeff::error::x", "\u115f::error::x", "\U000e0001::error::x",
]  # fmt: skip
hostile = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="\x1b[]P\\\x07\r\n\t \x9b\x9d\u200d\u200b\ufe0f:#[]ab", max_size=24),
    st.lists(st.sampled_from(PAYLOADS), max_size=4).map("".join),
)


def as_the_runner_reads(line: str) -> list[str]:
    """The commands in a line, by the rules of actions/runner's ActionCommand.cs and of Azure Pipelines' and TeamCity's."""
    seen = _IGNORABLE.sub("", line)
    start = seen.lstrip()
    commands = re.findall(r"##\w*\[", seen)
    if start.startswith("::") and "::" in start[2:]:
        name = start[2:].partition("::")[0].partition(" ")[0]  # all registered ones are words
        commands += [name] if re.match(r"[^\W\d_]", name) else []
    return commands


def assert_harmless(output: str) -> None:
    bad = [c for c in output if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} and c not in "\n\t"]
    assert not bad, output
    assert not [
        c
        for c in output
        if unicodedata.bidirectional(c) in {"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}
    ]
    for line in output.split("\n"):
        assert not as_the_runner_reads(line), output


def test_the_reader_in_these_tests_knows_a_command_when_it_sees_one() -> None:
    for line in ("::a::b", "  ::a b=c::d", "x##[a]", "\u200d::a::", "#\u200d#[a]"):
        assert as_the_runner_reads(line), line
    for line in ("a::b::c", "::  a ::", "::1 ::", "::1 is this host", "# #[a]", "## heading [1]"):
        assert not as_the_runner_reads(line), line


@pytest.mark.parametrize("text", PAYLOADS)
def test_each_known_trick_is_disarmed(text: str) -> None:
    assert_harmless(fmt.clean(text))
    assert_harmless(fmt.clean(f"before {text} after"))


@settings(deadline=None)
@given(hostile)
def test_cleaned_text_is_one_line_that_neither_a_terminal_nor_ci_obeys(text: str) -> None:
    shown = fmt.clean(text)
    assert "\n" not in shown
    assert_harmless(shown)
    assert fmt.clean(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "::1 localhost", "std::vector<int>", "tests/x.py::test_a PASSED", "## heading [1]", "a ## b", "#[derive(Debug)]",
        "می\N{ZERO WIDTH NON-JOINER}خواهم", "\N{MAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}", "e\N{COMBINING ACUTE ACCENT}",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_command_stays_as_it_is(text: str) -> None:
    assert fmt.clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("##[set-output name=a]b", "# #[set-output name=a]b"),
        ("::set-output name=a::b", ": :set-output name=a::b"),
        ("##vso[task.complete]", "# #vso[task.complete]"),
    ],
)
def test_a_command_is_shown_and_not_carried_out(text: str, shown: str) -> None:
    assert fmt.clean(text) == shown


@settings(deadline=None)
@given(hostile)
def test_json_gives_foreign_text_back_as_it_was_and_holds_no_command(text: str) -> None:
    written = fmt.json_text({"text": text, text: [text]})
    assert written.isascii()
    assert written.isprintable()
    assert not as_the_runner_reads(written)
    assert json.loads(written) == {"text": text, text: [text]}


# -- every renderer -----------------------------------------------------------------------------------------------


def filled(kind: Any, text: str) -> Any:
    """A value of a type, with `text` wherever a string may be; a Literal has its first word."""
    if kind is str:
        return text
    if kind is Path:
        return Path(text.replace("\0", "") or "x")
    if kind in (int, float, Decimal):
        return kind(3)
    if kind is bool:
        return True
    if kind is datetime:
        return datetime(2026, 1, 2, tzinfo=timezone.utc)
    if kind is date:
        return date(2026, 1, 2)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return tuple(filled(one, text) for one in arguments if one is not Ellipsis)
    if origin is typing.Literal:
        return arguments[0]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{field.name: filled(hints[field.name], text) for field in dataclasses.fields(kind)})  # type: ignore[operator]
    wanted = [one for one in arguments if one is not type(None)]
    assert wanted, kind
    return filled(wanted[0], text)


def show_everything(reporter: Any, text: str) -> None:
    for kind in typing.get_args(events.Event):
        event = filled(kind, text)
        reporter.emit(event)
        if "state" in {field.name for field in dataclasses.fields(event)}:
            for state in ("removing", "gone", "kept", "failed"):
                reporter.emit(dataclasses.replace(event, state=state))
        if isinstance(event, events.Notice):
            for level in ("info", "warning", "debug"):
                reporter.emit(dataclasses.replace(event, level=level))
    reporter.plan(filled(PlanView, text))
    reporter.receipt(filled(ReceiptView, text))
    reporter.left(filled(LeftView, text))
    reporter.outcome(filled(OutcomeView, text))
    for error in (
        AwsRunError(text, hint=text),
        BuildError(text, log_tail=(text,), hint=text),
        TeardownError(text, commands=(text,), hint=text),
    ):
        reporter.error(error)


@settings(deadline=None)
@given(hostile)
def test_plain_lines_are_harmless_whatever_is_in_a_field(text: str) -> None:
    stream = io.StringIO()
    show_everything(PlainReporter(stream, clock=FakeClock(), debug=True), text)
    assert_harmless(stream.getvalue())


@settings(deadline=None)
@example("ok\rFAKED\x85::error::x\x85::error::x", 40)  # wrapped before its last command
@given(hostile, st.sampled_from([40, 120, 200]))
def test_a_terminals_lines_are_harmless_whatever_is_in_a_field(text: str, width: int) -> None:
    """Without colours, so that every escape in it is somebody else's."""
    stream = io.StringIO()
    reporter = ConsoleReporter(stream, clock=FakeClock(), debug=True, environ={}, width=width, force_terminal=False)
    show_everything(reporter, text)
    assert_harmless(stream.getvalue())


@settings(deadline=None)
@given(hostile)
def test_what_moves_on_a_terminal_is_harmless(text: str) -> None:
    stream = io.StringIO()
    shown: list[LiveState] = []

    class Still(ConsoleReporter):
        def _refresh(self) -> None:
            shown.append(self._state)
            Console(file=stream, width=100, force_terminal=False, _environ={}).print(LiveView(self._state))

    show_everything(Still(io.StringIO(), clock=FakeClock(), environ={}, width=100, force_terminal=False), text)
    assert shown
    assert_harmless(stream.getvalue())


@settings(deadline=None)
@given(hostile)
def test_json_lines_are_harmless_and_faithful(text: str) -> None:
    stream = io.StringIO()
    reporter = JsonReporter(stream, clock=FakeClock(), debug=True)
    show_everything(reporter, text)
    reporter.emit(events.LogLine(timestamp_ms=1, text=text))
    assert_harmless(stream.getvalue())
    assert json.loads(stream.getvalue().splitlines()[-1])["text"] == text


@settings(deadline=None)
@given(hostile, st.sampled_from([40, 200]))
def test_tables_are_harmless(text: str, width: int) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    rows = [(text, Mark(state="ok", text=text)), (text, text)]
    rows += [("::set-output name=a", f"b::{text}"), ("##", "[add-mask]"), ("::", text)]
    plain, drawn = io.StringIO(), Terminal()
    table(text, ("a", "b"), rows, stream=plain, environ={})
    table(text, ("a", "b"), rows, stream=drawn, environ={"NO_COLOR": "1", "COLUMNS": str(width), "TERM": "xterm"})
    assert_harmless(plain.getvalue())
    assert_harmless(re.sub(r"\x1b\[[0-9;]*m", "", drawn.getvalue()))


@settings(deadline=None)
@given(hostile)
def test_the_commands_own_lines_are_harmless(text: str) -> None:
    import click
    from click.testing import CliRunner

    @click.command()
    def told() -> None:
        say.say(text)
        say.result(text)
        say.result_json({"text": text})

    done = CliRunner().invoke(told, catch_exceptions=False)
    assert_harmless(done.stdout)
    assert_harmless(done.stderr)


def test_commands_print_by_no_other_way() -> None:
    """A `click.echo`, `print` or `write` in a command would be a place that nobody cleans."""
    ways = {"echo", "secho", "print", "write", "print_exc", "show"}
    # Into a buffer, whose lines are then said; into the file of a job spec; into the lock of a folder of results.
    allowed = {
        "main.py: error.show(shown)",
        "spec_file.py: file.write(text)",
        "output_claim.py: os.write(descriptor, run_id.encode())",
    }
    printed = {
        f"{path.name}: {ast.unparse(node)}"
        for path in CLI.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) in ways
        and path.name != "say.py"
    }
    assert printed == allowed


@pytest.mark.parametrize("make", [lambda n: "\x1b]" * n, lambda n: "\x1b[" * n + "0", lambda n: "::" * n, lambda n: ": :" * n,
                                  lambda n: "#" * n, lambda n: "##a" * n, lambda n: "\u200d" * n + "::", lambda n: "\x1b]0;\n" * n])  # fmt: skip
def test_cleaning_takes_no_more_steps_than_the_text_is_long(make: Callable[[int], str]) -> None:
    """No time is measured: what takes the square of 200,000 steps would not end within the suite."""
    assert_harmless(fmt.clean(make(200_000)))
