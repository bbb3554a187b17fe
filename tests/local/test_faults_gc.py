"""What `gc` finds and takes away, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.crash.story import Begin, Story, clean, left_running

from aws_run.lifecycle.end import leftovers as collector


def verdicts(story: Story) -> dict[str, tuple[bool, str]]:
    return {found.run_id: (found.removable, found.why) for found in collector.find_leftovers(story.new_bench())}


def test_gc_keeps_a_run_that_runs_and_says_until_when(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story)
    removable, why = verdicts(story)[run_id]
    assert not removable
    assert why == f"running until {story.record().deadline} at the latest"


def test_gc_takes_what_is_past_its_deadline_even_when_the_record_is_gone(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story)
    story.context.aws.call(
        "s3", "delete_object", Bucket="arun-123456789012-us-east-1-an", Key=f"runs/{run_id}/run.json"
    )
    story.account.advance(15 * 60)
    assert verdicts(story)[run_id] == (True, "no record of it")
    context = story.new_bench()
    assert not [removal for removal in collector.collect(context, collector.find_leftovers(context)) if removal.error]
    assert story.account.still_bills() == []
    assert set(story.account.left()) <= {"role", "instance-profile", "log-group"}


def test_gc_finds_a_machine_by_its_tag_when_its_group_is_gone(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story)
    assert not [removal for removal in clean(story, run_id).removed if removal.error]
    mark = {"ResourceType": "instance", "Tags": [{"Key": "aws-run:run", "Value": run_id}]}
    aws = story.context.aws
    (machine,) = aws.call(
        "ec2", "run_instances", ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=[mark]
    )["Instances"]

    def state() -> str:
        answer = aws.call("ec2", "describe_instances", InstanceIds=[machine["InstanceId"]])
        return str(answer["Reservations"][0]["Instances"][0]["State"]["Name"])

    assert state() in ("pending", "running")
    story.account.advance(3600)
    context = story.new_bench()
    assert not [removal for removal in collector.collect(context, collector.find_leftovers(context)) if removal.error]
    assert state() in ("shutting-down", "terminated")


def test_gc_touches_nothing_that_does_not_bear_a_run_of_ours(begin: Begin) -> None:
    story = begin()
    aws = story.context.aws
    aws.call("ecs", "create_cluster", clusterName="arun-of-somebody-else")
    aws.call("ecs", "create_cluster", clusterName="production")
    story.account.advance(24 * 3600)
    context = story.new_bench()
    assert collector.find_leftovers(context) == ()
    assert collector.collect(context, collector.find_leftovers(context)) == ()
    assert len(aws.call("ecs", "list_clusters")["clusterArns"]) == 2


def test_one_runs_trouble_keeps_gc_from_no_other(begin: Begin) -> None:
    story = begin()
    first = left_running(story, "fargate")
    assert story.submit("--hang", backend="fargate", detach=True).exit_code == 0
    second = story.record().run_id
    story.account.advance(3 * 3600)
    story.on_call(
        "s3:GET /arun-123456789012-us-east-1-an/runs/" + first,
        lambda seen, call: call.refuse(_denied()),
        skip=1,
        times=99,
    )
    context = story.new_bench()
    removed = collector.collect(context, collector.find_leftovers(context))
    failed = {removal.ref.name for removal in removed if removal.error}
    assert failed
    assert all(first in name for name in failed)
    assert not [name for names in story.account.left().values() for name in names if second in name]


def _denied() -> Any:
    from aws_run.local.http.protocol import Refusal

    return Refusal("AccessDenied", "Access Denied", status=403)


def test_the_bounded_gc_of_a_submit_takes_what_an_earlier_client_left(begin: Begin) -> None:
    story = begin()
    lost = left_running(story, "fargate")
    story.account.advance(3 * 3600)
    assert lost in str(story.account.left())
    context = story.new_bench()
    story.account.until(lambda: story.submit(backend="fargate", context=replace(context)).exit_code == 0)
    story.account.until(lambda: story.account.left() == {})
