"""What may go wrong until a task runs (aws-facts §12; the row is in each test's name). Time is the account's, not ours."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
from tests.crash.story import Begin, Story

from aws_run.errors import AwsCallError, AwsRunError, CapacityError, PreflightError, UsageError
from aws_run.local.testing.launch_failures import parse
from aws_run.pricing.catalogue import InstanceType
from aws_run.runs.spec import JobSpec
from aws_run.usecases import quota


def creations(story: Story) -> list[str]:
    """What was asked to be made, but for the bucket."""
    return [name for name in story.operations() if ":Create" in name or ":Register" in name or name == "ecs:RunTask"]


def launched(story: Story) -> list[str]:
    return [line.detail for line in story.account.bill() if line.kind == "instance"]


EC2_CALLS = (
    "s3:PUT /arun-123456789012-us-east-1-an",  # the bucket itself
    "s3:PUT /arun-123456789012-us-east-1-an/runs/",
    "logs:CreateLogGroup",
    "iam:CreateRole",
    "iam:CreateInstanceProfile",
    "iam:AddRoleToInstanceProfile",
    "ecr:CreateRepository",
    "ecs:CreateCluster",
    "ec2:CreateLaunchTemplate",
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:PutScheduledUpdateGroupAction",
    "autoscaling:UpdateAutoScalingGroup",
    "ecs:CreateCapacityProvider",
    "ecs:PutClusterCapacityProviders",
    "ecs:RegisterTaskDefinition",
    "ecs:RunTask",
)


@pytest.mark.parametrize(("backend", "calls"), [("ec2", EC2_CALLS), ("fargate", ("ecs:RunTask", "scheduler:POST "))])
def test_row_06_what_a_lost_answer_had_made_is_adopted_and_no_task_runs_twice(
    begin: Begin, backend: str, calls: tuple[str, ...]
) -> None:
    story = begin()
    for name in calls:
        story.lose(name)
    assert story.submit(backend=backend).exit_code == 0
    for name in calls:
        assert sum(done.startswith(name) for done in story.operations()) >= 2, f"{name} was not repeated"
    kind = "instance" if backend == "ec2" else "fargate-task"
    assert sum(line.kind == kind for line in story.account.bill()) == 1
    # The token is in the record before the call, so that whoever repeats it, in whatever process, asks for the same task.
    asked = {seen.text for seen in story.script.happened if seen.operation == "RunTask"}
    assert all(f'"clientToken": "{story.record().client_token(1)}"' in text for text in asked)
    assert story.outputs() == {"a.txt": "HELLO\n", "b c.txt": "AGAIN\n"}
    assert story.account.left() == {}


@pytest.mark.parametrize("rule", ["*=InvalidInstanceProfile#1", "*=AuthenticationFailure#2"])
def test_row_08_a_launch_that_fails_while_a_new_role_spreads_is_waited_for(begin: Begin, rule: str) -> None:
    story = begin(no_capacity=(rule,))
    assert story.submit(backend="ec2").exit_code == 0
    assert any("waiting for AWS" in text for text in story.notices())


def test_row_09_no_capacity_at_all_is_known_within_30_seconds_and_says_what_was_asked_and_why(begin: Begin) -> None:
    story = begin(no_capacity=("*",))
    asked: list[float] = []
    clock = story.world.clock
    story.on_call("ecs:RunTask", lambda seen, call: asked.append(clock.seconds()))
    story.on_call("ecs:StopTask", lambda seen, call: asked.append(clock.seconds()))
    done = story.submit(backend="ec2")
    assert done.exit_code == 125
    assert "AWS has no machine for this run: InsufficientInstanceCapacity (" in done.view.status
    assert "; before that: m5a.large" in done.view.status
    assert "--spot-policy auto" in done.view.status
    assert asked[1] - asked[0] <= 30  # for the first choices and for those after them
    assert launched(story) == []
    assert story.account.left() == {}


def test_row_09_without_spot_capacity_the_same_run_goes_on_on_demand(begin: Begin) -> None:
    story = begin(no_capacity=("spot:*",))
    assert story.submit(backend="ec2", spot_policy="auto").exit_code == 0
    assert any(text.startswith("asking for ") and "on demand instead" in text for text in story.notices())
    (machine,) = launched(story)
    assert machine.endswith(" on-demand")


def test_row_09_spot_refused_and_the_first_three_choices_short_ends_well_and_says_what_was_tried(begin: Begin) -> None:
    story = begin()
    view = story.context.backends["ec2"].inspect(JobSpec.from_config(story.config(backend="ec2")))
    short = view.hardware.instance_types[:3]
    for rule in ("spot:*", *(f"on-demand:{name}" for name in short)):
        story.world.shortages.rules.append(parse(rule))
    done = story.submit(backend="ec2", spot_policy="auto")
    assert done.exit_code == 0
    assert launched(story) == [f"{view.hardware.instance_types[3]} on-demand"]
    spot, *others = [text for text in story.notices() if text.startswith("tried: ")]
    assert " spot in us-east-1a" in spot
    assert "no capacity (UnfulfillableCapacity)" in spot
    assert [line.partition(" on demand in ")[0] for line in others] == [f"tried: {name}" for name in short]
    assert all("no capacity" in line for line in others)
    assert story.record().tried == (spot, *others)


def test_row_09_when_a_whole_group_is_short_the_next_offers_are_asked_for(begin: Begin) -> None:
    story = begin()
    offer = story.context.backends["ec2"].inspect(JobSpec.from_config(story.config(backend="ec2")))
    for name in offer.hardware.instance_types:
        story.world.shortages.rules.append(parse(name))
    done = story.submit(backend="ec2")
    assert done.exit_code == 0
    assert launched(story) == [f"{offer.ladder[0].instance_types[0]} on-demand"]
    assert story.record().tried != ()
    receipt = done.view.receipt
    assert receipt is not None
    assert receipt.lines[0].what == offer.ladder[0].instance_types[0]
    assert story.account.left() == {}


def test_row_09_when_one_type_is_short_the_next_of_the_choices_is_taken(begin: Begin) -> None:
    story = begin(no_capacity=("t3.large",))
    assert story.submit(backend="ec2", instance_type=("t3.large", "m6i.large")).exit_code == 0
    assert launched(story) == ["m6i.large on-demand"]


def test_row_09_a_launch_that_fails_for_a_reason_nobody_knows_ends_with_awss_own_words(begin: Begin) -> None:
    story = begin(no_capacity=("*=PendingVerification",))
    began = story.account.now()
    done = story.submit(backend="ec2")
    assert done.exit_code == 125
    assert "request for accessing resources in this region is being validated" in done.view.status
    assert (story.account.now() - began).total_seconds() < 5 * 60
    assert sum("is being validated" in text for text in story.notices() if text.startswith("waiting for AWS")) >= 1
    assert story.account.left() == {}


def test_row_09_fargate_without_room_says_so_and_leaves_nothing(begin: Begin) -> None:
    story = begin(no_capacity=("FARGATE",))
    done = story.submit(backend="fargate")
    assert done.exit_code == 125
    assert "Capacity is unavailable" in done.view.status
    assert story.account.left() == {}


def test_row_10_a_quota_of_zero_is_named_with_its_link_before_anything_is_made(begin: Begin) -> None:
    story = begin(quotas={"L-DB2E81BA": 0})
    with pytest.raises(PreflightError, match=r"g6\.xlarge needs 4 vCPUs, and this account may use 0") as refused:
        story.submit(backend="ec2", gpu="L4:1")
    assert "servicequotas/home/services/ec2/quotas/L-DB2E81BA" in str(refused.value.hint)
    assert story.account.stored() == []
    assert creations(story) == []


def test_row_10_a_quota_that_was_raised_lets_the_same_run_start(begin: Begin) -> None:
    story = begin(quotas={"L-1216C47A": 1, "L-34B43A08": 64})
    with pytest.raises(PreflightError, match=r"needs 2 vCPUs, and this account may use 1 \(Running") as refused:
        story.submit(backend="ec2")
    hint = str(refused.value.hint)
    assert hint.startswith("inside the quotas the nearest is ")
    assert "--spot-policy spot" in hint
    assert "aws-run quota request L-1216C47A" in hint
    made = quota.request(story.new_bench(), "L-1216C47A", value=32, needs=None)
    again = quota.request(story.new_bench(), "L-1216C47A", value=64, needs=None)
    assert (made.status, again.id) == ("PENDING", made.id)
    assert quota.watch(story.new_bench(), made, lambda one: None).status == "APPROVED"
    assert story.submit(backend="ec2", context=story.new_bench()).exit_code == 0


def test_row_10_a_spot_count_that_is_used_up_names_the_quota(begin: Begin) -> None:
    story = begin(no_capacity=("spot:*=MaxSpotInstanceCountExceeded",))
    done = story.submit(backend="ec2", spot=True)
    assert done.exit_code == 125
    assert "MaxSpotInstanceCountExceeded" in done.view.status
    assert "Spot quota" in done.view.status


def test_row_11_a_type_that_no_zone_offers_is_refused_before_anything_is_made(begin: Begin) -> None:
    story = begin()
    with pytest.raises(UsageError, match=r"no EC2 type 'hpc6a\.48xlarge' in this region"):
        story.submit(backend="ec2", instance_type=("hpc6a.48xlarge",))
    assert creations(story) == []


def test_row_11_of_several_types_only_those_offered_are_asked_for(begin: Begin) -> None:
    story = begin()
    assert story.submit(backend="ec2", instance_type=("hpc6a.48xlarge", "m6i.large")).exit_code == 0
    asked = [seen.text for seen in story.script.happened if seen.operation == "CreateAutoScalingGroup"]
    assert "m6i.large" in asked[0]
    assert "hpc6a" not in asked[0]


def test_row_12_a_type_too_small_for_the_task_is_no_choice_of_the_group(begin: Begin) -> None:
    story = begin()
    assert story.submit(backend="ec2", memory="8GB", instance_type=("t3.medium", "m6i.large")).exit_code == 0
    asked = [seen.text for seen in story.script.happened if seen.operation == "CreateAutoScalingGroup"]
    assert "t3.medium" not in asked[0]


def test_row_12_the_task_fits_the_smallest_of_the_choices_beside_the_agent(begin: Begin) -> None:
    story = begin()
    assert story.submit(backend="ec2", instance_type=("m6i.large", "t3.medium")).exit_code == 0
    hardware = story.record().hardware
    assert hardware is not None
    assert hardware.memory_mib == InstanceType(name="", vcpu=2, memory_mib=4096).usable_memory_mib < 4096


def test_row_13_the_group_can_never_hold_more_than_one_machine(begin: Begin) -> None:
    story = begin()
    assert story.submit("--hang", backend="ec2", detach=True).exit_code == 0
    story.account.until(story.account.running)
    (group,) = story.world.place("us-east-1").groups.values()
    assert (group.min_size, group.max_size, group.desired) == (1, 1, 1)
    # Managed scaling asks for 200 % when it starts from nothing (aws-facts §2).
    with pytest.raises(AwsCallError, match="above max value 1"):
        story.context.aws.call(
            "autoscaling", "set_desired_capacity", AutoScalingGroupName=group.name, DesiredCapacity=2
        )
    (machine,) = launched(story)
    assert machine.endswith(" on-demand")


def test_row_22_a_task_that_ecs_does_not_take_says_ecs_reason_and_nothing_is_left(begin: Begin) -> None:
    story = begin()
    failures = {"tasks": [], "failures": [{"arn": "arn:aws:ecs:x", "reason": "RESOURCE:GPU"}]}
    story.on_call("ecs:RunTask", lambda seen, call: call.reply(failures))
    with pytest.raises(CapacityError, match="RESOURCE:GPU") as refused:
        story.submit(backend="ec2")
    assert "fewer GPUs" in str(refused.value.hint)
    assert story.account.left() == {}
    assert story.account.still_bills() == []


def test_row_23_a_role_that_ecs_does_not_know_yet_is_waited_for(begin: Begin) -> None:
    story = begin(role_propagation_s=40.0)
    assert story.submit(backend="fargate").exit_code == 0
    assert story.operations().count("ecs:RunTask") > 2


def test_row_23_a_role_that_ecs_never_gets_to_know_ends_the_wait_after_two_minutes(begin: Begin) -> None:
    story = begin(role_propagation_s=1e6)
    began = story.world.clock.seconds()
    with pytest.raises(AwsCallError, match="unable to assume the role"):
        story.submit(backend="fargate")
    assert story.world.clock.seconds() - began < 240
    assert story.account.left() == {}


def test_row_23_the_service_linked_role_of_a_first_cluster_is_waited_for(begin: Begin) -> None:
    story = begin()
    story.refuse("ecs:CreateCluster", "InvalidParameterException", "Unable to assume the service linked role.", times=3)
    assert story.submit(backend="fargate").exit_code == 0


def test_row_31_a_bucket_that_somebody_else_holds_is_refused_and_nothing_is_made(begin: Begin) -> None:
    story = begin(foreign_buckets=("arun-123456789012-us-east-1-an",))
    with pytest.raises(PreflightError, match=r"belongs to another account|taken by another account"):
        story.submit(backend="fargate")
    assert creations(story) == []


def test_row_37_where_nothing_may_be_deleted_the_machine_ends_all_the_same_and_the_commands_are_printed(
    begin: Begin,
) -> None:
    story = begin()
    for name in ("autoscaling:Delete*", "ecs:Delete*", "ecs:Deregister*", "ec2:Delete*", "iam:Delete*",
                 "iam:Remove*", "logs:Delete*"):  # fmt: skip
        story.refuse(name, "AccessDenied", "You are not authorized to perform this operation.", times=None)
    done = story.submit(backend="ec2")
    assert done.exit_code == 125
    assert story.account.still_bills() == []
    assert done.teardown_error is not None
    assert any("delete-auto-scaling-group" in line for line in done.teardown_error.commands)
    assert any("delete-role" in line for line in done.teardown_error.commands)


def test_row_38_when_the_switch_can_not_be_armed_no_machine_is_asked_for(begin: Begin) -> None:
    story = begin()
    story.refuse("autoscaling:PutScheduledUpdateGroupAction", "AccessDenied", "not you", times=None)
    with pytest.raises(CapacityError, match="could not be armed"):
        story.submit(backend="ec2")
    assert launched(story) == []
    assert "ecs:RunTask" not in story.operations()
    assert story.account.left() == {}


def test_row_38_a_lease_that_can_not_be_extended_ends_the_run_at_once_and_not_in_twenty_minutes(begin: Begin) -> None:
    story = begin(boot_s=60.0)  # the task still waits for its machine, and a provider that one waits for is in use
    story.refuse("autoscaling:PutScheduledUpdateGroupAction", "AccessDenied", "not you any more", skip=1, times=None)
    with pytest.raises(AwsRunError, match="not you any more"):
        story.submit(backend="ec2")
    assert story.account.still_bills() == []
    assert story.account.left() == {}


def test_row_41_a_run_that_can_not_be_recorded_creates_nothing(begin: Begin) -> None:
    story = begin()
    bucket = "arun-123456789012-us-east-1-an"
    story.refuse(f"s3:PUT /{bucket}/runs/", "AccessDenied", "Access Denied", times=None)
    with pytest.raises(AwsRunError, match=r"could not be recorded in .* so nothing was created"):
        story.submit(backend="ec2")
    assert creations(story) == []
    assert "mark" not in story.account.left()


def test_a_size_that_fargate_lacks_is_refused_without_a_call(begin: Begin) -> None:
    story = begin()
    with pytest.raises(UsageError, match="Fargate has no size"):
        story.submit(backend="fargate", cpu="3")
    assert creations(story) == []


@pytest.mark.skipif(sys.platform == "win32", reason="nothing can be shown to be left there")
def test_even_a_submit_that_builds_nothing_removes_the_passwords_of_a_build_whose_client_was_killed(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = begin()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "aws-run-build-x"
    left.mkdir(mode=0o700)
    (left / "lock").touch()
    (left / "secret-settings").write_text("UV_INDEX_URL=https://user:password@index.example")
    with pytest.raises(UsageError, match="Fargate has no size"):
        story.submit(backend="fargate", cpu="3")
    assert not left.exists()
