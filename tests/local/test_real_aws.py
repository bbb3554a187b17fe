"""Runs on an embedded AWS that takes AWS's own times and windows (docs/real-aws.md): the product copes with each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.crash.account import OUTPUT, Happened
from tests.crash.story import Begin, Story, clean, left_running
from tests.local.breaking_proxy import BreakingProxy
from tests.waiting import PATIENCE_S

from aws_run.errors import AwsCallError, AwsRunError
from aws_run.infra.policies import caller_policy
from aws_run.infra.resources import Kind, Ref
from aws_run.local.http.protocol import Call

CLUSTER_END_S, GPU_END_S = 60.0, 600.0


def assert_nothing_is_left(story: Story, after_s: float) -> None:
    """At once nothing bills; what AWS ends by itself has gone `after_s` later."""
    assert story.account.still_bills() == []
    story.account.advance(after_s)
    assert story.account.left() == {}


def test_a_fargate_spot_run_ends_well_though_its_cluster_is_deprovisioning_for_a_minute(begin: Begin) -> None:
    story = begin(cluster_end_s=CLUSTER_END_S)
    done = story.submit(backend="fargate", spot=True)
    assert (done.exit_code, done.teardown_error) == (0, None)
    assert_nothing_is_left(story, CLUSTER_END_S)


def test_an_on_demand_fargate_run_has_no_provider_whose_end_it_would_wait_for(begin: Begin) -> None:
    story = begin(cluster_end_s=CLUSTER_END_S)
    began: list[datetime] = []
    story.on_call("ecs:DeleteCluster", lambda seen, call: began.append(story.account.now()))
    assert story.submit(backend="fargate").exit_code == 0
    assert story.account.now() - began[0] < timedelta(seconds=10)
    assert story.account.left() == {}


@pytest.mark.parametrize("backend", ["ec2", "fargate"])
def test_an_unchanged_run_registers_its_definition_when_its_roles_are_there(begin: Begin, backend: str) -> None:
    """However long IAM takes for them, and however soon the image is known."""
    story = begin()
    assert story.submit(backend=backend).exit_code == 0
    story.script.happened.clear()
    story.on_call("iam:CreateRole", lambda seen, call: time.sleep(0.5), times=None)
    assert story.submit(backend=backend, context=story.new_bench()).exit_code == 0
    operations = story.operations()
    assert operations.count("ecs:RegisterTaskDefinition") == 1
    assert operations.index("iam:PutRolePolicy") < operations.index("ecs:RegisterTaskDefinition")


def test_an_account_on_the_free_plan_hears_of_it_at_once(begin: Begin) -> None:
    story = begin(no_capacity=("*=FreePlan",))
    began = story.account.now()
    done = story.submit(backend="ec2")
    assert (done.exit_code, "free plan" in done.view.status) == (125, True)
    assert story.account.now() - began < timedelta(seconds=100)
    assert story.account.left() == {}


def test_run_task_waits_until_the_roles_may_be_passed(begin: Begin) -> None:
    story = begin()
    denied = "User: x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/x"
    story.refuse("ecs:RunTask", "AccessDeniedException", denied, times=3)
    assert story.submit(backend="fargate").exit_code == 0
    story.refuse("ecs:RunTask", "AccessDeniedException", "you are not authorized to perform: ecs:RunTask", times=1)
    with pytest.raises(AwsCallError, match="ecs:RunTask"):
        story.submit(backend="fargate", context=story.new_bench())


def test_a_gpu_run_ends_well_though_its_instance_takes_ten_minutes_to_terminate(begin: Begin) -> None:
    story = begin(gpu_instance_end_s=GPU_END_S)
    done = story.submit(backend="ec2", gpu="1")
    assert (done.exit_code, done.teardown_error) == (0, None)
    assert_nothing_is_left(story, GPU_END_S + 10)


def test_a_run_stops_billing_before_auto_scaling_gets_to_its_new_size(begin: Begin) -> None:
    story = begin(scaling_delay_s=60.0)
    told_at: list[datetime] = []

    def note(seen: Happened, call: Call) -> None:
        if "DesiredCapacity=0" in seen.text:
            told_at.append(story.account.now())

    story.on_call("autoscaling:UpdateAutoScalingGroup", note, times=None)
    assert story.submit(backend="ec2").exit_code == 0
    (line,) = [line for line in story.account.bill() if line.kind == "instance"]
    assert line.ended_at is not None
    assert line.ended_at - told_at[0] < timedelta(seconds=10)
    assert_nothing_is_left(story, 120)


@pytest.mark.parametrize("backend", ["ec2", "fargate"])
def test_a_warm_run_waits_until_its_new_roles_may_be_passed(begin: Begin, backend: str) -> None:
    """The image is there already, so nothing else holds up the registration of the definition."""
    story = begin(pass_role_s=15.0)
    assert story.submit(backend=backend).exit_code == 0
    assert story.submit(backend=backend).exit_code == 0
    assert story.account.left() == {}


@pytest.mark.parametrize("backend", ["ec2", "fargate"])
def test_a_task_that_its_new_execution_role_could_not_start_is_started_again(begin: Begin, backend: str) -> None:
    story = begin(policy_propagation_s=25.0)
    assert story.submit(backend=backend).exit_code == 0
    assert story.operations().count("ecs:RunTask") >= 2
    assert [text for text in story.notices() if "its role was just made" in text]
    assert "ec2:TerminateInstances" not in story.operations()[: _last(story.operations(), "ecs:RunTask")]
    assert story.account.left() == {}


def test_runs_one_after_the_other_have_the_role_whose_id_ec2_knows(begin: Begin) -> None:
    """One that was deleted, and made again under its name, is for EC2 the deleted one for a while: no agent joins."""
    story = begin(role_id_s=900.0)
    assert story.submit(backend="ec2").exit_code == 0
    assert story.submit(backend="ec2", context=story.new_bench()).exit_code == 0
    assert "iam:DeleteRole" in story.operations(), "the run's own"


def test_who_destroys_and_submits_again_hears_that_no_agent_joined(begin: Begin) -> None:
    story = begin(role_id_s=100_000.0)
    story.settings = {"AWS_RUN_KEEP": "bucket"}  # what is shared goes with the last run
    assert story.submit(backend="ec2").exit_code == 0
    done = story.submit(backend="ec2", context=story.new_bench())
    assert (done.exit_code, "role that was deleted" in done.view.status) == (125, True)
    assert story.account.still_bills() == []
    assert story.account.left() == {}


def test_an_old_role_that_is_denied_something_is_tried_once(begin: Begin) -> None:
    story = begin()
    assert story.submit(backend="fargate").exit_code == 0
    story.account.advance(300)
    story.world.options = replace(story.world.options, policy_propagation_s=100_000.0)
    story.script.happened.clear()
    assert story.submit(backend="fargate", context=story.new_bench()).exit_code == 125
    assert story.operations().count("ecs:RunTask") == 1


def test_a_container_waits_until_its_new_role_may_read(begin: Begin) -> None:
    story = begin()
    assert story.submit(backend="fargate").exit_code == 0
    story.account.advance(5100)  # by then the execution role, which is kept, is old enough
    story.world.options = replace(story.world.options, policy_propagation_s=5000.0)
    with once_the_container_has_told_that_it_waits(story, policy_propagation_s=0.0):
        assert story.submit(backend="fargate", context=story.new_bench()).exit_code == 0


def test_a_container_waits_until_what_was_put_into_a_new_bucket_is_there(begin: Begin) -> None:
    story = begin(versioning_settle_s=5000.0)
    with once_the_container_has_told_that_it_waits(story, versioning_settle_s=0.0):
        assert story.submit(backend="fargate").exit_code == 0
    assert story.outputs() == OUTPUT


@contextmanager
def once_the_container_has_told_that_it_waits(story: Story, **changes: float) -> Iterator[None]:
    """Changes the account's options then; fails where the container has not."""

    def change() -> None:
        story.account.until(lambda: "the run's role or bucket is new" in story.account.log())
        story.world.options = replace(story.world.options, **changes)  # type: ignore[arg-type]
        changed.append(True)

    changed: list[bool] = []
    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE_S)
    assert changed


def _last(names: list[str], wanted: str) -> int:
    return len(names) - 1 - names[::-1].index(wanted)


def test_a_schedule_waits_until_its_role_may_be_passed_and_assumed(begin: Begin) -> None:
    story = begin(pass_role_s=20.0, role_propagation_s=30.0)
    assert story.submit(backend="fargate").exit_code == 0


def test_a_log_group_that_is_just_going_is_made_a_little_later(begin: Begin) -> None:
    story = begin(settle_s=20.0)
    story.settings = {"AWS_RUN_KEEP": "bucket"}  # what is shared goes with the last run
    assert story.submit(backend="fargate").exit_code == 0
    assert story.submit(backend="fargate").exit_code == 0


def test_a_caller_whose_name_holds_a_comma_can_submit(begin: Begin) -> None:
    story = begin()
    caller = {"Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/dev/ann,bob", "UserId": "x"}
    story.on_call("sts:GetCallerIdentity", lambda seen, call: call.reply(caller), times=None)
    assert story.submit(backend="fargate").exit_code == 0


def test_a_provider_that_turned_inactive_with_its_group_is_gone(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story)
    ecs = {"cluster": f"arun-{run_id}"}
    aws = story.context.aws
    aws.call("autoscaling", "delete_auto_scaling_group", AutoScalingGroupName=f"arun-{run_id}", ForceDelete=True)
    story.account.advance(30)
    aws.call("ecs", "put_cluster_capacity_providers", **ecs, capacityProviders=[], defaultCapacityProviderStrategy=[])
    story.account.advance(5)
    assert clean(story, run_id).failed == ()
    assert story.account.left() == {}


def test_a_task_whose_agent_is_dead_does_not_hold_the_provider(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story)
    place = story.world.place("us-east-1")
    (row,) = place.container_instances.values()
    row.agent_dead = True
    # The group is kept out of this: its machine's end would end the task as well.
    removals = _remove(story, [Ref(kind=Kind("capacity-provider"), name=f"arun-{run_id}", scope="run")])
    assert [removal.error for removal in removals] == [None]


def _remove(story: Story, refs: list[Ref]) -> tuple[Any, ...]:
    from aws_run.infra.remove import remove

    context = story.new_bench()
    return remove(context.aws, refs, context.clock, context.emit)


def test_what_an_organization_denies_is_said_to_be_its_policys(begin: Begin) -> None:
    """AWS names the kind of policy in its refusal; no right of the caller's own helps."""
    story = begin()
    denied = (
        "User: u is not authorized to perform: ecs:CreateCluster on resource: r with an explicit deny in a service "
        "control policy"
    )
    story.refuse("ecs:CreateCluster", "AccessDeniedException", denied, times=None)
    with pytest.raises(AwsRunError, match="service control policy") as refused:
        story.submit(backend="fargate")
    assert "who manages the AWS organization" in str(refused.value.hint)
    assert story.account.left() == {}


def test_a_container_reaches_s3_by_the_proxy_that_it_is_given(begin: Begin) -> None:
    story = begin()
    with BreakingProxy() as proxy:
        assert story.submit(backend="fargate", env=(f"HTTP_PROXY={proxy.url}",)).exit_code == 0
    assert proxy.passed > 0, "nothing of the container came by"
    assert story.outputs() == OUTPUT


@pytest.mark.parametrize("rule", ["FARGATE#2", "FARGATE=NotAccepted#2"])
def test_a_fargate_run_is_requested_again_until_there_is_room(begin: Begin, rule: str) -> None:
    """Whether ECS says it in RunTask's answer or of a task that it has stopped."""
    story = begin(no_capacity=(rule,))
    (story.project / "aws-run.yaml").write_text("retry: {on: [no-capacity], max: 2}\n")
    done = story.submit(backend="fargate")
    assert (done.exit_code, done.teardown_error) == (0, None)
    assert story.script.operations().count("ecs:RunTask") == 3
    assert story.account.left() == {}


def test_a_zone_without_fargate_is_left_out(begin: Begin) -> None:
    story = begin(region="us-west-1", zone_ids={"us-west-1a": "usw1-az2"})
    assert story.submit(backend="fargate").exit_code == 0
    assert story.account.left() == {}


def test_a_region_without_namespaces_of_accounts_has_a_bucket_all_the_same(begin: Begin) -> None:
    story = begin(region="me-south-1", caller_policy=caller_policy(account="123456789012", region="me-south-1"))
    assert story.submit(backend="fargate").exit_code == 0
    (name,) = {seen.text.split("?")[0].split("/")[1] for seen in story.script.happened if seen.service == "s3"} - {""}
    assert name.startswith(f"arun-{story.account.local.account}-me-south-1-")
    assert not name.endswith("-an")
