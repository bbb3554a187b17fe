"""What an error or a notice tells to type next leads to the AWS that this command was on."""

from __future__ import annotations

import click
import pytest

from aws_run.cli import compose
from aws_run.cli.running import may_leave_something, with_way_back
from aws_run.cli.target import Target
from aws_run.errors import AwsCallError, AwsRunError, InterruptedRunError, TeardownError
from aws_run.events import Event, Notice
from aws_run.hints import command, quoted
from aws_run.lifecycle.follow.patience import goes_on
from aws_run.lifecycle.follow.supervise import leave_on_interrupt
from aws_run.report.views import NetworkPrice, PlanPrice, PlanView

RUN = "demo-20260102-030405-abcd"
FLAGS = {"region": "eu-central-1", "profile": "x"}
WAY = " --region eu-central-1 --profile x"


@pytest.fixture(autouse=True)
def _on_aws_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def test_who_leaves_a_run_at_once_is_told_the_command_that_reaches_it() -> None:
    with (
        pytest.raises(InterruptedRunError) as caught,
        compose.open_target(False, flags=FLAGS),
        leave_on_interrupt(RUN),
    ):
        raise KeyboardInterrupt
    assert caught.value.hint == f"aws-run cleanup {RUN}{WAY}"


def test_so_is_who_can_not_reach_aws_any_more() -> None:
    gone = AwsCallError("no answer", code="", operation="DescribeTasks")
    with pytest.raises(AwsRunError) as caught, compose.open_target(False, flags=FLAGS):
        raise goes_on(gone, RUN)
    assert f"`aws-run attach {RUN}{WAY}`" in (caught.value.hint or "")
    assert f"`aws-run cleanup {RUN}{WAY}`" in (caught.value.hint or "")


def test_without_flags_the_command_is_as_short_as_it_can_be() -> None:
    with pytest.raises(InterruptedRunError) as caught, compose.open_target(False), leave_on_interrupt(RUN):
        raise KeyboardInterrupt
    assert caught.value.hint == f"aws-run cleanup {RUN}"


def test_a_notice_leads_there_too() -> None:
    seen: list[Event] = []
    emit = Target(flag=WAY).leading_back(seen.append)
    emit(Notice(text="later: " + quoted("pull", RUN), hint=quoted("gc") + " gives it back"))
    emit(Notice(text="plain", hint="aws-run gc"))
    assert seen == [
        Notice(text=f"later: `aws-run pull {RUN}{WAY}`", hint=f"`aws-run gc{WAY}` gives it back"),
        Notice(text="plain", hint="aws-run gc"),
    ]


def test_the_commands_that_remove_by_hand_use_the_profile_that_was_given() -> None:
    failed = TeardownError("left", commands=("aws ecs delete-cluster --cluster c --region eu-central-1",))
    target = Target(flag=WAY, profile="my own")
    assert target.lead_back(failed) is failed
    target.lead_back(failed)
    assert failed.commands == (
        "export AWS_PROFILE='my own'",
        "aws ecs delete-cluster --cluster c --region eu-central-1",
    )
    nothing = TeardownError("left", commands=())
    assert target.lead_back(nothing) is nothing
    assert nothing.commands == ()


def test_only_what_starts_a_run_says_what_removes_the_rest_after_a_fault_of_ours() -> None:
    with pytest.raises(AwsRunError) as caught, compose.open_target(False, flags=FLAGS), may_leave_something():
        raise KeyError("x")
    assert caught.value.message == "aws-run itself failed: KeyError: 'x'"
    assert f"`aws-run gc{WAY}` removes anything that is left" in (caught.value.hint or "")


def test_what_is_no_fault_of_ours_passes_as_it_is() -> None:
    for error in (AwsRunError("no"), KeyboardInterrupt(), click.Abort(), click.UsageError("no")):
        with pytest.raises(type(error)) as caught, may_leave_something():
            raise error
        assert caught.value is error


def test_the_commands_of_a_plan_lead_there_too() -> None:
    endpoint = command("network", "s3-endpoint", "--subnets", "subnet-1")
    view = PlanView(
        run_id=RUN, project="demo", region="eu-central-1", account="1", backend="fargate", lanes=(),
        estimate=("network: `" + endpoint + "`",), notes=("plain", quoted("network", "show") + " tells of it"),
        price=PlanPrice(
            per_hour=None, at_most=None, timeout_s=1, network=NetworkPrice(gateway="n", bytes=1, usd=None, command=endpoint)
        ),
    )  # fmt: skip
    seen = with_way_back(view, Target(flag=WAY))
    assert seen.estimate == (f"network: `aws-run network s3-endpoint --subnets subnet-1{WAY}`",)
    assert seen.notes == ("plain", f"`aws-run network show{WAY}` tells of it")
    assert seen.price is not None
    assert seen.price.network is not None
    assert seen.price.network.command == f"aws-run network s3-endpoint --subnets subnet-1{WAY}"
