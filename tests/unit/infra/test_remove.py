"""Teardown: what costs money first, every step tried whatever fails, and nothing called gone that a listing shows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fakes import ACCOUNT, REGION, RUN, Events, FakeAws, FakeClock, refused
from tests.unit.infra.removal_support import NAME, OURS, empty_cloud

from aws_run.errors import CredentialsError
from aws_run.events import Notice, TeardownStep
from aws_run.infra.remove import commands, remove
from aws_run.infra.resources import Kind, Ref

KINDS = tuple(
    map(
        Kind,
        (
            "cluster",
            "task-definition",
            "role",
            "launch-template",
            "capacity-provider",
            "group",
            "log-group",
        ),
    )
)
REMOVABLE = tuple(Ref(kind=kind, name=NAME, scope="run") for kind in KINDS)
# The call that removes each kind.
LAST_CALL = {
    "cluster": "delete_cluster",
    "role": "delete_role",
    "launch-template": "delete_launch_template",
    "capacity-provider": "delete_capacity_provider",
    "group": "delete_auto_scaling_group",
    "log-group": "delete_log_group",
}


def test_the_group_is_emptied_before_anything_else_is_even_looked_at() -> None:
    aws = empty_cloud()
    remove(aws, REMOVABLE, FakeClock(), Events().emit)
    # But for whose it is: emptying somebody else's group would end their machines.
    assert aws.operations[:2] == ["describe_auto_scaling_groups", "update_auto_scaling_group"]
    assert aws.sent("update_auto_scaling_group")[0]["DesiredCapacity"] == 0


def test_group_then_provider_then_cluster() -> None:
    aws = empty_cloud()
    remove(aws, REMOVABLE, FakeClock(), Events().emit)
    order = [aws.operations.index(LAST_CALL[kind]) for kind in ("group", "capacity-provider", "cluster")]
    assert order == sorted(order)


def test_all_that_is_shown_absent_is_reported_and_told() -> None:
    events = Events()
    gone: list[Ref] = []
    removed = remove(empty_cloud(), REMOVABLE, FakeClock(), events.emit, on_gone=gone.append)
    assert {removal.ref for removal in removed} == set(REMOVABLE) == set(gone)
    assert [removal.error for removal in removed] == [None] * len(REMOVABLE)
    states = {(step.kind, step.state) for step in events.of(TeardownStep)}
    assert states == {(kind, state) for kind in KINDS for state in ("removing", "gone")}


@pytest.mark.parametrize("kind", LAST_CALL)
def test_one_refusal_keeps_nothing_else_from_going(kind: str) -> None:
    aws, events = empty_cloud().on(LAST_CALL[kind], refused("AccessDenied")), Events()
    gone: list[Ref] = []
    removed = remove(aws, REMOVABLE, FakeClock(), events.emit, on_gone=gone.append)
    failed = [removal for removal in removed if removal.error]
    assert [removal.ref.kind for removal in failed] == [kind]
    assert "AccessDenied" in str(failed[0].error)
    assert {ref.kind for ref in gone} == set(KINDS) - {kind}
    assert [step.kind for step in events.of(TeardownStep) if step.state == "failed"] == [kind]


def test_an_emptying_that_fails_does_not_stop_the_delete() -> None:
    aws = empty_cloud().on("update_auto_scaling_group", refused("AccessDenied"), {})
    removed = remove(aws, REMOVABLE, FakeClock(), Events().emit)
    assert not any(removal.error for removal in removed)


def test_what_aws_still_lists_after_its_delete_is_not_gone() -> None:
    aws = empty_cloud().on("describe_launch_templates", {"LaunchTemplates": [{"Tags": OURS}]})
    removed = remove(aws, [Ref(kind="launch-template", name=NAME, scope="run")], FakeClock(), Events().emit)
    assert [removal.error for removal in removed] == ["AWS still lists it"]


def test_a_listing_that_lags_is_given_a_moment() -> None:
    there: dict[str, Any] = {"LaunchTemplates": [{"Tags": OURS}]}
    aws = empty_cloud().on("describe_launch_templates", there, there, there, {})
    clock = FakeClock()
    removed = remove(aws, [Ref(kind="launch-template", name=NAME, scope="run")], clock, Events().emit)
    assert [removal.error for removal in removed] == [None]
    assert clock.elapsed_s == 2


@pytest.mark.parametrize("code", ["ServiceUnavailable", "Throttling", "InternalFailure", "ConnectionError"])
def test_a_bad_minute_of_aws_is_waited_out(code: str) -> None:
    aws = empty_cloud().on("delete_launch_template", *[refused(code)] * 4, {})
    removed = remove(aws, [Ref(kind="launch-template", name=NAME, scope="run")], FakeClock(), Events().emit)
    assert [removal.error for removal in removed] == [None]


def test_a_listing_that_is_refused_shows_nothing_gone() -> None:
    aws = empty_cloud().on("get_role", refused("AccessDenied"))
    removed = remove(aws, [Ref(kind="role", name=NAME, scope="run")], FakeClock(), Events().emit)
    assert "AccessDenied" in str(removed[0].error)


def test_credentials_that_ended_are_every_resources_error_and_no_traceback() -> None:
    aws = empty_cloud()
    for operation in LAST_CALL.values():
        aws.on(operation, CredentialsError("The AWS credentials have expired"))
    removed = remove(aws, REMOVABLE, FakeClock(), Events().emit)
    assert {removal.ref.kind for removal in removed if removal.error} == set(LAST_CALL)


def test_a_record_that_cannot_be_written_stops_no_removal() -> None:
    def gone(_: Ref) -> None:
        raise refused("ServiceUnavailable")

    events = Events()
    removed = remove(empty_cloud(), REMOVABLE, FakeClock(), events.emit, on_gone=gone)
    assert {removal.ref for removal in removed} == set(REMOVABLE)
    assert len(events.of(Notice)) == len(REMOVABLE)


def test_the_commands_go_to_the_end() -> None:
    machine = commands(Ref(kind="role", name=f"arun-demo-{REGION}-instance", scope="shared"), REGION)
    assert [line.split()[2] for line in machine] == [
        "remove-role-from-instance-profile",
        "delete-instance-profile",
        "delete-role-policy",
        "delete-role",
    ]
    plain = commands(Ref(kind="role", name=f"{NAME}-task", scope="run"), REGION)
    assert [line.split()[2] for line in plain] == ["delete-role-policy", "delete-role"]
    assert (
        commands(Ref(kind="cluster", name=NAME, scope="run"), REGION)[0] == f"aws-run cleanup {RUN} --region {REGION}"
    )
    definitions = commands(Ref(kind="task-definition", name=NAME, scope="run"), REGION)[0]
    assert "list-task-definitions" in definitions
    assert "deregister-task-definition" in definitions


# -- the dead-man's switch of a Fargate run ---------------------------------------------------------------------------

SWITCH = (Ref(kind="schedule", name=NAME, scope="run"), Ref(kind="role", name=f"{NAME}-stop", scope="run"))
FARGATE = (*SWITCH, Ref(kind="cluster", name=NAME, scope="run"), Ref(kind="role", name=f"{NAME}-task", scope="run"))


def switched(at: str = "2026-01-02T05:09:05") -> FakeAws:
    return empty_cloud().on("get_schedule", {"ScheduleExpression": f"at({at})"})


def fargate_failed(aws: FakeAws, removable: tuple[Ref, ...] = FARGATE) -> dict[str, str]:
    removed = remove(aws, removable, FakeClock(), Events().emit)
    return {f"{one.ref.kind} {one.ref.name}": one.error for one in removed if one.error}


def test_the_switch_goes_after_the_cluster() -> None:
    aws = switched().on("get_schedule", refused("ResourceNotFoundException"))
    assert fargate_failed(aws) == {}
    order = [aws.operations.index("delete_cluster"), aws.operations.index("delete_schedule")]
    stop_role = next(i for i, call in enumerate(aws.calls) if call.parameters.get("RoleName") == f"{NAME}-stop")
    assert [*order, stop_role] == sorted([*order, stop_role])


def test_a_switch_is_kept_and_told_while_its_task_may_go_on() -> None:
    aws = switched().on("list_tasks", ["task/1"]).on("stop_task", refused("AccessDeniedException", "not you"))
    failed = fargate_failed(aws)
    assert set(failed) == {f"cluster {NAME}", f"schedule {NAME}", f"role {NAME}-stop"}
    assert "it stops that at 2026-01-02T05:09:05Z" in failed[f"schedule {NAME}"]
    assert "delete_schedule" not in aws.operations
    assert {sent["RoleName"] for sent in aws.sent("delete_role")} == {f"{NAME}-task"}


def test_a_switch_that_cannot_be_read_is_kept() -> None:
    aws = (
        empty_cloud().on("get_schedule", refused("AccessDeniedException")).on("delete_cluster", refused("AccessDenied"))
    )
    assert set(fargate_failed(aws)) == {f"cluster {NAME}", f"schedule {NAME}", f"role {NAME}-stop"}
    assert "delete_schedule" not in aws.operations


@pytest.mark.parametrize("at", ["2026-01-02T03:04:00", None], ids=["it should have fired", "it has fired"])
def test_a_switch_whose_time_is_over_goes_whatever_is_left(at: str | None) -> None:
    aws = switched(at) if at else empty_cloud()
    aws.on("delete_cluster", refused("AccessDenied"))
    if at:  # there before its delete, and not after it
        shown = {"ScheduleExpression": f"at({at})"}
        aws.on("get_schedule", shown, refused("ResourceNotFoundException"))
    assert set(fargate_failed(aws)) == {f"cluster {NAME}"}


@pytest.mark.parametrize(("tasks", "kept"), [(["task/1"], {f"schedule {NAME}", f"role {NAME}-stop"}), ([], set())])
def test_the_switch_of_a_cluster_that_stays_goes_when_no_task_is_on_it(tasks: list[str], kept: set[str]) -> None:
    aws = switched().on("list_tasks", tasks)
    if not kept:
        aws.on("get_schedule", refused("ResourceNotFoundException"))
    assert set(fargate_failed(aws, SWITCH)) == kept


# -- what is not ours -------------------------------------------------------------------------------------------------

FOREIGN: list[tuple[str, str, Any, str]] = [
    ("role", "get_role", {"Role": {"Tags": []}}, "delete_role"),
    ("group", "describe_auto_scaling_groups", {"AutoScalingGroups": [{"Tags": []}]}, "delete_auto_scaling_group"),
    ("launch-template", "describe_launch_templates", {"LaunchTemplates": [{}]}, "delete_launch_template"),
    ("cluster", "describe_clusters", {"clusters": [{"status": "ACTIVE", "tags": []}]}, "delete_cluster"),
    ("repository", "list_tags_for_resource", {"tags": [{"Key": "team", "Value": "x"}]}, "delete_repository"),
    ("bucket", "get_bucket_tagging", refused("NoSuchTagSet"), "delete_bucket"),
]


@pytest.mark.parametrize(("kind", "read", "answer", "delete"), FOREIGN, ids=[row[0] for row in FOREIGN])
def test_what_does_not_carry_our_tag_is_left_alone(kind: str, read: str, answer: Any, delete: str) -> None:
    aws = FakeAws().on(read, answer)
    removed = remove(aws, [Ref(kind=kind, name=NAME, scope="run")], FakeClock(), Events().emit)
    assert [(r.error, r.foreign) for r in removed] == [("it does not carry aws-run's tag, so it was left alone", True)]
    assert set(aws.operations) == {read}


TAGGED: list[tuple[str, str, Any, Any, str]] = [
    ("role", "get_role", {"Role": {"Tags": OURS}}, refused("NoSuchEntity"), "delete_role"),
    ("launch-template", "describe_launch_templates", {"LaunchTemplates": [{"Tags": OURS}]}, {}, "delete_launch_template"),
    ("cluster", "describe_clusters", {"clusters": [{"status": "ACTIVE", "tags": [{"key": "aws-run:run", "value": RUN}]}]},
     {}, "delete_cluster"),
    ("repository", "list_tags_for_resource", {"tags": [{"Key": "aws-run:project", "Value": "demo"}]}, {}, "delete_repository"),
    ("bucket", "get_bucket_tagging", {"TagSet": [{"Key": "aws-run:account", "Value": ACCOUNT}]}, {}, "delete_bucket"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "read", "answer", "then", "delete"), TAGGED, ids=[row[0] for row in TAGGED])
def test_what_carries_our_tag_goes(kind: str, read: str, answer: Any, then: Any, delete: str) -> None:
    aws = FakeAws().on(read, answer, then)
    aws.on("head_bucket", refused("404")).on("describe_repositories", refused("RepositoryNotFoundException"))
    removed = remove(aws, [Ref(kind=kind, name=NAME, scope="run")], FakeClock(), Events().emit)
    assert [r.error for r in removed] == [None]
    assert delete in aws.operations


def test_tags_that_may_not_be_read_keep_no_machine_running() -> None:
    aws = FakeAws().on("describe_auto_scaling_groups", refused("AccessDenied"))
    removed = remove(aws, [Ref(kind="group", name=NAME, scope="run")], FakeClock(), Events().emit)
    assert "AccessDenied" in str(removed[0].error)
    assert aws.sent("update_auto_scaling_group")[0]["DesiredCapacity"] == 0


def test_a_renderer_that_fails_keeps_nothing_from_being_removed() -> None:
    def emit(_: object) -> None:
        raise ValueError("it can't be drawn")

    (removal,) = remove(empty_cloud(), [Ref(kind="group", name=NAME, scope="run")], FakeClock(), emit)
    assert removal.error is None
