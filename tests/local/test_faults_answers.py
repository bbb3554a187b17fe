"""Broken answers, denials in the middle and faults of our own around an accepted run: it ends, and nothing is left."""

from __future__ import annotations

from typing import Any

import pytest
from tests.crash.account import Happened
from tests.crash.story import Begin, Story

from aws_run.errors import AwsRunError, OutOfReachError
from aws_run.events import LogLine, Notice, StatusChanged
from aws_run.local.http.protocol import Call, Reply
from aws_run.local.testing.faults import How, spoil
from aws_run.usecases.wait import wait


def spoils(story: Story, name: str, how: How, **which: Any) -> list[str]:
    """`how` for the calls of that name; the list tells of each."""
    app = story.account.embedded.app
    assert app is not None
    met: list[str] = []

    def answer(seen: Happened, call: Call) -> Reply:
        met.append(f"{seen.service}:{seen.operation}")
        return spoil(call, how, lambda: app.dispatch(call))

    story.on_call(name, answer, **which)
    return met


def nothing_is_left(story: Story) -> None:
    """At once, or when the small gc beside the submit has seen it too."""
    story.account.until(lambda: story.account.left() == {})


@pytest.mark.parametrize(
    ("backend", "name", "how"),
    [
        ("fargate", "logs:GetLogEvents", "garbled"),
        ("fargate", "ecs:RunTask", "garbled"),
        ("ec2", "ecs:RunTask", "cut-body"),
        ("ec2", "autoscaling:DeleteAutoScalingGroup", "captive-portal"),
        ("ec2", "iam:ListRolePolicies", "garbled"),
        ("fargate", "iam:DeleteRole", "redirect"),
    ],
)
def test_an_answer_that_is_broken_once_changes_nothing(begin: Begin, backend: str, name: str, how: How) -> None:
    story = begin()
    met = spoils(story, name, how)
    assert story.submit(backend=backend).exit_code == 0
    assert met
    nothing_is_left(story)
    assert len(story.account.bill()) == len({(line.kind, line.id) for line in story.account.bill()})
    assert sum(line.kind in ("instance", "fargate-vcpu") for line in story.account.bill()) <= 1


@pytest.mark.parametrize("how", ["cut-body", "garbled"])
@pytest.mark.parametrize("file", ["result.json", "run.json", "output.json"])
def test_an_object_that_does_not_arrive_whole_is_read_again(begin: Begin, how: How, file: str) -> None:
    story = begin()
    app = story.account.embedded.app
    assert app is not None
    met: list[str] = []

    def answer(seen: Happened, call: Call) -> Reply | None:
        if met or not (seen.operation.startswith("GET ") and seen.operation.endswith(f"/{file}")):
            return None
        met.append(seen.operation)
        return spoil(call, how, lambda: app.dispatch(call))

    story.script.on_call.append(answer)
    done = story.submit(backend="fargate")
    assert (done.exit_code, done.view.status) == (0, "the job finished")
    assert met or file == "run.json"
    nothing_is_left(story)


@pytest.mark.parametrize("how", ["captive-portal", "redirect"])
def test_a_login_page_that_answers_everything_for_a_while_is_waited_out(begin: Begin, how: How) -> None:
    story = begin()

    def behind_a_portal(seen: Happened, call: Call) -> Reply | None:
        spoils(story, "*", how, times=10)
        return None

    story.on_call("ecs:DescribeTasks", behind_a_portal)
    assert story.submit(backend="fargate").exit_code == 0
    nothing_is_left(story)


# -- denied -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ecs:DescribeTasks", "logs:GetLogEvents"])
def test_a_denial_in_the_middle_of_a_run_is_waited_out(begin: Begin, name: str) -> None:
    story = begin()
    spoils(story, name, "denied", times=3)
    assert story.submit(backend="fargate").exit_code == 0
    assert any("the run goes on" in text for text in story.notices())
    nothing_is_left(story)


def test_a_denial_at_the_result_and_in_the_teardown_is_waited_out(begin: Begin) -> None:
    story = begin()
    denied: list[str] = []

    def answer(seen: Happened, call: Call) -> Reply | None:
        is_result = seen.operation.startswith("GET ") and seen.operation.endswith("/result.json")
        if len(denied) >= 6 or not (is_result or seen.operation in ("DeleteCluster", "DeleteRole")):
            return None
        denied.append(seen.operation)
        return spoil(call, "denied", lambda: pytest.fail("it was denied"))

    story.script.on_call.append(answer)
    assert story.submit(backend="ec2").exit_code == 0
    assert len(denied) == 6
    nothing_is_left(story)


def test_a_denial_that_lasts_leaves_the_run_to_itself_and_says_how_to_come_back(begin: Begin) -> None:
    story = begin()

    def vpn_is_off(seen: Happened, call: Call) -> Reply | None:
        spoils(story, "*", "denied", times=None)
        return None

    story.on_call("logs:GetLogEvents", vpn_is_off)
    with pytest.raises(OutOfReachError) as caught:
        story.submit("--hang", backend="ec2")
    run_id = story.record().run_id
    assert f"{run_id} goes on" in caught.value.message
    assert f"aws-run attach {run_id}" in (caught.value.hint or "")
    assert f"aws-run cleanup {run_id}" in (caught.value.hint or "")
    assert story.account.running()
    story.script.on_call.clear()
    story.account.advance(3 * 3600)
    assert wait(story.new_bench(), run_id, None).exit_code not in (0, None)
    assert story.account.still_bills() == []
    nothing_is_left(story)


def test_a_run_that_is_lost_while_its_record_may_not_be_read_is_ended_all_the_same(begin: Begin) -> None:
    story = begin()

    def unknown(seen: Happened, call: Call) -> Reply:
        spoils(story, "s3:GET *", "denied", times=None)
        answer: Reply = call.reply({"tasks": [], "failures": [{"reason": "MISSING"}]})
        return answer

    story.on_call("ecs:DescribeTasks", unknown, times=None)
    done = story.submit("--hang", backend="ec2")
    assert done.exit_code == 125
    assert "does not know the task" in done.view.status
    assert any("aws-run cleanup" in command for command in done.view.next_commands)
    assert story.account.still_bills() == []


# -- faults of our own --------------------------------------------------------------------------------------------


class OursError(Exception):
    """Nothing that the tool knows of."""


def test_a_fault_of_ours_in_the_fetching_cuts_no_teardown_short(begin: Begin) -> None:
    story = begin()
    storage = story.context.storage

    def broken(name: str) -> Any:
        if "STOPPED" in story.statuses():
            raise OursError("a manifest of a kind that nobody thought of")
        return storage(name)

    done = story.submit(context=story.new_bench(storage=broken), backend="ec2")
    assert done.exit_code == 125
    assert "nobody thought of" in done.view.status
    assert done.view.run_id == story.record().run_id
    nothing_is_left(story)
    assert story.record().state == "removed"


@pytest.mark.parametrize("kind", [LogLine, StatusChanged])
@pytest.mark.parametrize("backend", ["ec2", "fargate"])
def test_a_renderer_that_fails_ends_the_run_and_leaves_nothing(begin: Begin, backend: str, kind: type) -> None:
    story = begin()

    def emit(event: Any) -> None:
        story.events.append(event)
        if isinstance(event, kind):
            raise OursError("it can't be drawn")

    done = story.submit(context=story.new_bench(emit=emit), backend=backend)
    run_id = story.record().run_id
    assert done.exit_code == 125
    assert "it can't be drawn" in done.view.status
    assert f"aws-run cleanup {run_id}" in done.view.next_commands
    nothing_is_left(story)
    assert story.account.still_bills() == []


def test_a_renderer_that_fails_at_everything_once_the_task_is_accepted_leaves_nothing(begin: Begin) -> None:
    story = begin()

    def emit(event: Any) -> None:
        if "ecs:RunTask" in story.operations():  # in any thread, the removal's among them
            raise OursError("the terminal has gone mad")

    with pytest.raises(AwsRunError, match="the terminal has gone mad") as caught:
        story.submit(context=story.new_bench(emit=emit), backend="ec2")
    assert caught.value.exit_code == 125
    assert story.record().run_id in caught.value.message
    nothing_is_left(story)


def test_a_renderer_that_fails_as_a_run_is_left_to_itself_costs_nobody_its_id(begin: Begin) -> None:
    story = begin()

    def emit(event: Any) -> None:
        if isinstance(event, Notice) and "detached" in event.text:
            raise OursError("the terminal has gone mad")

    done = story.submit(context=story.new_bench(emit=emit), backend="fargate", detach=True, follow_output=True)
    assert done.view.run_id == story.record().run_id
    assert story.record().detached
