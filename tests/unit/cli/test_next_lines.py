"""What is printed to be typed next works when it is typed, and `pull` says what it did."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aws_run.cli.commands.pull import summary
from aws_run.cli.main import _run
from aws_run.cli.running import Terminal, shown_on, with_next_commands, without_cleanup_hint
from aws_run.cli.target import Target
from aws_run.data import PulledOutput
from aws_run.errors import AwsRunError, InterruptedRunError
from aws_run.lifecycle.end.ending import SubmitResult
from aws_run.report.quiet import QuietReporter
from aws_run.report.views import LeftRow, LeftView, OutcomeView

RUN = "demo-20260102-030405-abcd"
VIEW = OutcomeView(
    run_id=RUN,
    exit_code=7,
    status="the job ended with exit code 7",
    s3_uri="s3://b/p",
    console_url="https://console",
    left=LeftView(rows=(LeftRow(kind="bucket", name="b", where="https://console"),)),
    next_commands=(f"aws-run logs {RUN}",),
)


def test_on_aws_itself_all_is_shown() -> None:
    assert with_next_commands(VIEW, Target()) == VIEW


def test_an_embedded_aws_that_stays_is_named_in_the_next_command_unless_it_is_exported() -> None:
    seen = with_next_commands(VIEW, Target(embedded=True, flag=" --local"))
    assert seen.next_commands == (f"aws-run logs {RUN} --local",)
    assert with_next_commands(VIEW, Target(embedded=True)).next_commands == VIEW.next_commands


def test_after_an_embedded_aws_that_goes_with_the_command_no_run_is_named() -> None:
    seen = with_next_commands(VIEW, Target(embedded=True, ephemeral=True))
    assert len(seen.next_commands) == 1
    assert "aws-run local start" in seen.next_commands[0]
    assert RUN not in seen.next_commands[0]


def test_people_read_nothing_of_what_stays_in_an_embedded_aws_that_goes() -> None:
    assert shown_on(Target(), VIEW) == VIEW
    staying = shown_on(Target(embedded=True), VIEW)
    assert (staying.s3_uri, staying.console_url) == (VIEW.s3_uri, None)
    assert staying.left == LeftView(rows=(LeftRow(kind="bucket", name="b"),))
    failed = LeftRow(kind="cluster", name="c", state="failed")
    view = replace(VIEW, kept_days=90, left=LeftView(rows=(LeftRow(kind="bucket", name="b"), failed)))
    gone = shown_on(Target(embedded=True, ephemeral=True), view)
    assert (gone.s3_uri, gone.kept_days, gone.console_url) == (None, None, None)
    assert gone.left == LeftView(rows=(failed,)), "what could not be removed is told all the same"
    assert (gone.status, gone.exit_code) == (VIEW.status, VIEW.exit_code)


def test_a_fault_of_ours_in_the_showing_names_the_run_and_the_way_back_to_it() -> None:
    class Broken:
        def outcome(self, _view: object) -> None:
            raise KeyError("colour")

    terminal = Terminal(reporter=cast(Any, Broken()), target=Target(), as_json=False)
    with pytest.raises(AwsRunError, match=f"itself failed to show how {RUN} stands .KeyError: 'colour'") as caught:
        terminal.report(
            SubmitResult(view=VIEW, exit_code=0, record=cast(Any, SimpleNamespace(outcome=None))), cast(Any, None)
        )
    assert caught.value.exit_code == 125
    assert f"aws-run cleanup {RUN}" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("goes_on", "quiet", "as_json", "printed"),
    [(True, True, False, f"{RUN}\n"), (False, True, False, ""), (True, False, False, ""), (True, True, True, "{")],
)
def test_of_a_quiet_run_that_goes_on_the_id_alone_is_on_stdout(
    goes_on: bool, quiet: bool, as_json: bool, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    view = replace(VIEW, exit_code=0, goes_on=goes_on)
    reporter = QuietReporter(sys.stderr)
    terminal = Terminal(reporter=reporter, target=Target(), as_json=as_json, quiet=quiet)
    done = SubmitResult(view=view, exit_code=0, record=cast(Any, SimpleNamespace(outcome=None)))
    assert terminal.report(done, cast(Any, None)) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(printed)
    assert as_json or shown.out == printed
    assert shown.err == ""


def test_a_quiet_plan_would_print_nothing_and_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["submit", str(tmp_path), "--dry-run", "-q"], debug=False) == 2
    assert "--quiet leaves nothing of a plan" in capsys.readouterr().err


def test_who_leaves_an_embedded_aws_that_goes_has_nothing_to_clean_up() -> None:
    left = InterruptedRunError("Left at once", hint=f"aws-run cleanup {RUN}")
    with pytest.raises(InterruptedRunError) as caught, without_cleanup_hint(Target(ephemeral=True)):
        raise left
    assert caught.value.hint is None
    with pytest.raises(InterruptedRunError) as caught, without_cleanup_hint(Target()):
        raise left
    assert caught.value.hint == f"aws-run cleanup {RUN}"


def test_a_run_that_ends_with_this_command_is_cancelled_by_ctrl_c_without_a_question() -> None:
    nothing = cast(Any, None)
    gone = Terminal(reporter=nothing, target=Target(embedded=True, ephemeral=True), as_json=False)
    assert gone.choose(terminal=True) == "cancel"
    assert Terminal(reporter=nothing, target=Target(), as_json=False).choose(terminal=False) == "cancel"


def pulled(files: int, fetched: int) -> PulledOutput:
    return PulledOutput(files=files, bytes=files * 1024, fetched_files=fetched, fetched_bytes=fetched * 1024, kept=())


def test_pull_says_what_was_fetched_from_where_to_where_and_what_was_there() -> None:
    assert summary(RUN, pulled(5, 3), "s3://b/runs/x/output/", Path("/out")) == [
        f"{RUN}: fetched 3 of 5 files, 3.0 KiB",
        "from: s3://b/runs/x/output/",
        "to:   /out",
        "same: 2 files had been fetched before",
    ]


@pytest.mark.parametrize(("files", "reason"), [(0, "the run has saved no files"), (1, "nothing to fetch")])
def test_a_pull_that_fetches_nothing_says_why(files: int, reason: str) -> None:
    (line,) = summary(RUN, pulled(files, 0), "s3://b/p", Path("/out"))
    assert reason in line
