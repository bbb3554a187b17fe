"""What may go wrong when a run is taken away (aws-facts §12; the row is in each test's name)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.crash.story import Begin, Story, clean, left_running

from aws_run.errors import AwsRunError, TeardownError
from aws_run.lifecycle import lookup
from aws_run.lifecycle.end import teardown
from aws_run.local.http.protocol import Reply
from aws_run.runs.locks import LOCK_S
from aws_run.runs.writer import RecordWriter
from aws_run.usecases import destroy as destroying

NOT_SHARED = {"AWS_RUN_KEEP": "bucket"}  # what a project's runs share goes with the last of them
DELETES = (
    "autoscaling:DeleteAutoScalingGroup", "ecs:DeleteCapacityProvider", "ecs:DeleteCluster", "ec2:DeleteLaunchTemplate",
    "ecs:DeregisterTaskDefinition", "iam:DeleteRole", "iam:DeleteInstanceProfile", "logs:DeleteLogGroup",
)  # fmt: skip


def test_row_07_deletes_that_fail_with_a_server_error_are_tried_again(begin: Begin) -> None:
    story = begin()
    story.settings = NOT_SHARED
    for name in DELETES:
        story.refuse(name, "InternalFailure", times=3)
    assert story.submit(backend="ec2").exit_code == 0
    assert story.account.left(shared=True) == {}


def test_row_07_deletes_whose_answers_get_lost_are_repeated_and_what_is_gone_is_gone(begin: Begin) -> None:
    story = begin()
    story.settings = NOT_SHARED
    for name in DELETES:
        story.lose(name)
    assert story.submit(backend="ec2").exit_code == 0
    assert story.account.left(shared=True) == {}


@pytest.mark.parametrize(
    ("call", "kind", "by_hand"),
    [
        ("autoscaling:DeleteAutoScalingGroup", "group", "aws autoscaling delete-auto-scaling-group"),
        ("ecs:DeleteCluster", "cluster", "aws ecs delete-cluster"),
        ("ec2:DeleteLaunchTemplate", "launch-template", "aws ec2 delete-launch-template"),
    ],
)
def test_row_07_one_delete_that_never_works_keeps_no_other_from_being_tried_and_is_told(
    begin: Begin, call: str, kind: str, by_hand: str
) -> None:
    story = begin()
    story.refuse(call, "UnauthorizedOperation", "not you", times=None)
    done = story.submit(backend="ec2")
    assert done.exit_code == 125
    assert done.teardown_error is not None
    assert [line for line in done.teardown_error.commands if line.startswith(by_hand)]
    left = story.account.left()
    # The provider hangs on its group, and the mark says that the run still holds something.
    assert kind in left
    assert set(left) <= {kind, "capacity-provider", "cluster", "mark", "role", "log-group", "instance-profile"}
    assert story.account.still_bills() == []


def test_row_24_of_two_runs_at_once_neither_takes_what_the_other_needs(begin: Begin) -> None:
    story = begin()
    first = left_running(story)
    assert story.submit(backend="ec2", output=str(story.home / "other")).exit_code == 0
    assert story.account.running()
    left = story.account.left(shared=True)
    assert left["role"] == [
        f"arun-{first}-task", "arun-tiny-us-east-1-execution", "arun-tiny-us-east-1-instance"
    ]  # fmt: skip
    assert left["group"] == [f"arun-{first}"]
    assert clean(story, first).failed == ()
    assert story.account.left() == {}


def test_row_24_the_last_to_leave_takes_what_runs_on_the_other_backend_shared(begin: Begin) -> None:
    story = begin()
    story.settings = NOT_SHARED
    last = left_running(story, "fargate")
    assert story.submit(backend="ec2", output=str(story.home / "other")).exit_code == 0
    assert "arun-tiny-us-east-1-instance" in story.account.left(shared=True)["role"]
    assert clean(story, last).failed == ()
    assert story.account.left(shared=True) == {}


def test_row_24_destroy_does_not_take_roles_from_under_a_live_run(begin: Begin) -> None:
    story = begin()
    left_running(story)
    context = story.new_bench()
    with pytest.raises(AwsRunError, match="1 run"):
        destroying.destroy(context, "tiny", destroying.plan_destroy(context, "tiny", everything=False))
    assert story.account.running()
    assert "arun-tiny-us-east-1-execution" in story.account.left(shared=True)["role"]


def test_row_24_a_lock_whose_owner_died_is_passed_over_when_its_time_is_up(begin: Begin) -> None:
    story = begin()
    story.settings = NOT_SHARED
    run_id = left_running(story, "fargate")
    bucket = "arun-123456789012-us-east-1-an"
    began = story.account.now()
    story.context.aws.call("s3", "put_object", Bucket=bucket, Key="locks/tiny", Body=b"somebody who died")
    assert clean(story, run_id).failed == ()
    assert (story.account.now() - began).total_seconds() >= LOCK_S - 1  # S3 tells whole seconds
    assert [text for text in story.notices() if "another client is removing" in text]
    assert story.account.left() == {}


def test_row_25_what_was_half_made_is_taken_away_whichever_step_failed(begin: Begin) -> None:
    story = begin()
    for call in ("ecr:CreateRepository", "ecs:CreateCluster", "ec2:CreateLaunchTemplate", "ecs:CreateCapacityProvider",
                 "autoscaling:CreateAutoScalingGroup", "ecs:RegisterTaskDefinition"):  # fmt: skip
        story.refuse(call, "AccessDeniedException", f"no {call}")
        with pytest.raises(AwsRunError):
            story.submit(backend="ec2", context=story.new_bench())
        assert story.account.left() == {}, call
        assert story.account.still_bills() == []


def test_row_26_a_cleanup_that_got_half_way_is_finished_by_the_next_and_a_third_finds_nothing(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story)
    story.refuse("ecs:DeleteCluster", "LimitExceededException", "not yet", times=None)
    assert [removal.ref.kind for removal in clean(story, run_id).failed] == ["cluster"]
    assert clean(story, run_id).failed != ()
    story.script.on_call.clear()
    assert clean(story, run_id).failed == ()
    assert story.account.left() == {}
    assert clean(story, run_id).failed == ()


def test_row_26_destroy_can_be_repeated(begin: Begin) -> None:
    story = begin()
    assert story.submit(backend="fargate", keep=("all",)).exit_code == 0
    clean(story, story.record().run_id)
    for _ in range(2):
        context = story.new_bench()
        removable = destroying.plan_destroy(context, "tiny", everything=True)
        assert destroying.destroy(context, "tiny", removable).failed == ()
    assert story.context.aws.call("s3", "list_buckets")["Buckets"] == []


def test_row_27_a_provider_whose_delete_failed_behind_our_back_is_deleted_again(begin: Begin) -> None:
    story = begin()

    def fails_later(seen: Any, call: Any) -> Reply:
        (provider,) = story.world.place("us-east-1").providers.values()
        provider.update_status = "DELETE_FAILED"
        reply: Reply = call.reply({"capacityProvider": {"name": provider.name, "status": "ACTIVE"}})
        return reply

    story.on_call("ecs:DeleteCapacityProvider", fails_later, times=2)
    assert story.submit(backend="ec2").exit_code == 0
    assert story.operations().count("ecs:DeleteCapacityProvider") == 3
    assert story.account.left() == {}


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("ecs:DeleteCluster", "ClusterContainsTasksException"),
        ("ecs:DeleteCluster", "ClusterContainsContainerInstancesException"),
        ("ecs:DeleteCluster", "UpdateInProgressException"),
        ("ecs:PutClusterCapacityProviders", "UpdateInProgressException"),
        ("ecs:DeleteCapacityProvider", "ResourceInUseException"),
        ("autoscaling:DeleteAutoScalingGroup", "ScalingActivityInProgress"),
        ("autoscaling:DeleteAutoScalingGroup", "ResourceInUse"),
        ("autoscaling:DeleteAutoScalingGroup", "ResourceContention"),
        ("iam:DeleteRole", "DeleteConflict"),
    ],
)
def test_row_28_what_aws_is_still_busy_with_is_waited_for(begin: Begin, call: str, code: str) -> None:
    story = begin()
    run_id = left_running(story)
    story.refuse(call, code, times=3)
    assert clean(story, run_id).failed == ()
    assert story.account.left() == {}


def test_row_28_tasks_and_machines_that_are_still_on_the_cluster_are_taken_off_it(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story)
    # The record does not know of the task: RunTask's answer was lost, and so was the client.
    _change_record(story, run_id, tasks=[], state="starting")
    assert clean(story, run_id).failed == ()
    assert story.account.left() == {}


def test_row_28_a_fargate_task_that_cannot_be_stopped_keeps_its_switch_which_stops_it(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story, "fargate")
    story.refuse("ecs:StopTask", "AccessDeniedException", "not you", times=None)
    context = story.new_bench()
    store = lookup.store(context)
    torn = teardown.teardown(
        context.aws, context.clock, context.emit, store, RecordWriter.resume(store, run_id, context.clock)
    )
    assert {removal.ref.kind for removal in torn.failed} == {"cluster", "schedule", "role"}
    with pytest.raises(TeardownError) as left:
        torn.raise_if_failed("us-east-1")
    assert left.value.commands[0] == f"aws-run cleanup {run_id} --region us-east-1"
    assert story.account.running()
    story.account.advance(2 * 3600 + 6 * 60)
    assert story.account.still_bills() == []
    assert clean(story, run_id).failed == ()
    assert story.account.left() == {}


def test_row_29_scale_in_protection_keeps_no_machine(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story)
    (instance,) = story.world.place("us-east-1").instances.values()
    instance.protected = True
    instance.user_data = ""  # no guard that would end it instead
    assert clean(story, run_id).failed == ()
    assert story.account.still_bills() == []
    assert story.account.left() == {}


def test_row_26_a_group_that_another_client_is_deleting_is_waited_for(begin: Begin) -> None:
    """As after a cleanup that was killed half-way, or beside one that is still at it."""
    story = begin(settle_s=45.0)
    run_id = left_running(story)
    name = f"arun-{run_id}"
    story.context.aws.call("autoscaling", "delete_auto_scaling_group", AutoScalingGroupName=name, ForceDelete=True)
    assert clean(story, run_id).failed == ()
    assert story.account.left() == {}


def test_row_26_a_job_that_succeeded_is_a_success_though_another_client_took_its_group(begin: Begin) -> None:
    story = begin(settle_s=45.0)

    def taken(seen: Any, call: Any) -> None:
        """Between this client's last look and its first step of the teardown."""
        name = f"arun-{story.record().run_id}"
        story.new_bench().aws.call(
            "autoscaling", "delete_auto_scaling_group", AutoScalingGroupName=name, ForceDelete=True
        )

    story.on_call("autoscaling:UpdateAutoScalingGroup", taken, skip=1)
    done = story.submit(backend="ec2")
    assert (done.exit_code, done.teardown_error) == (0, None)
    assert story.account.left() == {}


@pytest.mark.parametrize("changes", [{"region": "eu-west-1"}, {"account": "999999999999"}])
def test_row_40_a_run_of_another_account_or_region_is_not_touched(begin: Begin, changes: dict[str, str]) -> None:
    story = begin()
    run_id = left_running(story)
    _change_record(story, run_id, **changes)
    story.script.happened.clear()
    with pytest.raises(AwsRunError, match="lives in account") as refused:
        clean(story, run_id)
    assert "profile and region" in str(refused.value.hint)
    assert story.account.running()
    assert not [name for name in story.operations() if "Delete" in name or "Stop" in name or "Update" in name]


def _change_record(story: Story, run_id: str, **changes: Any) -> None:
    text = {**story.account.object(f"runs/{run_id}/run.json"), **changes}
    if "region" in changes:  # it is in the names of what a project shares
        text["resources"] = json.loads(json.dumps(text["resources"]).replace("us-east-1", changes["region"]))
    story.context.aws.call(
        "s3", "put_object", Bucket="arun-123456789012-us-east-1-an", Key=f"runs/{run_id}/run.json",
        Body=json.dumps(text).encode(),
    )  # fmt: skip


def test_a_teardown_error_names_every_resource_and_a_command_for_each(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story, "fargate")
    for call in ("ecs:DeleteCluster", "logs:DeleteLogGroup"):
        story.refuse(call, "AccessDenied", "no", times=None)
    with pytest.raises(TeardownError) as failed:
        clean(story, run_id).raise_if_failed("us-east-1")
    assert f"cluster arun-{run_id}" in failed.value.message
    assert f"aws ecs delete-cluster --cluster arun-{run_id} --region us-east-1" in failed.value.commands
