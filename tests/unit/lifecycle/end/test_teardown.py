"""The end of a run: its own things, then the shared ones where nobody else uses them; what is kept does not bill."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fakes import ACCOUNT, BUCKET, REGION, RUN, Events, FakeBucket, FakeClock, record, refused
from tests.unit.infra.removal_support import NAME, empty_cloud

from aws_run.errors import TeardownError
from aws_run.events import Notice
from aws_run.lifecycle.end import teardown
from aws_run.lifecycle.end.task_times import UNKNOWN
from aws_run.runs.locks import LOCK_FENCE_S, LOCK_S
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import ResourceEntry
from aws_run.runs.store import RunStore
from aws_run.runs.writer import RecordWriter

OWN = [
    ("group", NAME),
    ("capacity-provider", NAME),
    ("cluster", NAME),
    ("role", f"{NAME}-task"),
    ("launch-template", NAME),
]
SHARED = [("role", "arun-demo-us-east-1-execution"), ("log-group", "/aws-run/demo")]
ENTRIES = (
    ResourceEntry(kind="bucket", name=BUCKET, scope="kept", state="created"),
    *(ResourceEntry(kind=kind, name=name, scope="shared", state="created") for kind, name in SHARED),
    *(ResourceEntry(kind=kind, name=name, scope="run", state="created") for kind, name in OWN),
)


class Ended:
    """A run at its end, with another run of the project alive or not."""

    def __init__(self, *, keep: tuple[str, ...] = ()) -> None:
        self.clock = FakeClock()
        self.aws = empty_cloud()
        self.bucket = FakeBucket(self.aws, self.clock)
        self.store = RunStore(self.aws, BUCKET, ACCOUNT)
        self.store.locks.mark_live(RUN)
        self.writer = RecordWriter.begin(self.store, record(resources=ENTRIES, keep=keep, state="stopped"), self.clock)
        self.events = Events()
        self.aws.calls.clear()

    def tear_down(self) -> teardown.TeardownResult:
        return teardown.teardown(self.aws, self.clock, self.events.emit, self.store, self.writer)


def gone(torn: teardown.TeardownResult) -> set[tuple[str, str]]:
    return {(removal.ref.kind, removal.ref.name) for removal in torn.removed if not removal.error}


def test_the_last_run_of_a_project_takes_the_shared_resources_with_it() -> None:
    ended = Ended()
    torn = ended.tear_down()
    assert gone(torn) == {*OWN, *SHARED}
    assert [ref.kind for ref in torn.kept] == ["bucket"]
    assert ended.store.read(RUN)[0].state == "removed"
    assert set(ended.bucket.objects) == {f"runs/{RUN}/run.json"}
    torn.raise_if_failed(REGION)


def test_shared_resources_stay_while_another_run_of_the_project_lives() -> None:
    ended = Ended()
    other = "demo-20260102-040000-0001"
    ended.store.locks.mark_live(other)
    torn = ended.tear_down()
    assert gone(torn) == set(OWN)
    assert {(ref.kind, ref.name) for ref in torn.kept} >= set(SHARED)
    assert ended.store.locks.live() == [other]
    assert not any(key.startswith("locks/") for key in ended.bucket.objects)


def test_another_projects_run_keeps_nothing() -> None:
    ended = Ended()
    ended.store.locks.mark_live("demo-two-20260102-040000-0001")
    assert gone(ended.tear_down()) == {*OWN, *SHARED}


def test_somebody_elses_removal_is_waited_for() -> None:
    """It may have seen this run's mark and left the shared resources to this one."""
    ended = Ended()
    assert ended.store.locks.lock("demo", "somebody", ended.clock)
    began = ended.clock.now()
    assert gone(ended.tear_down()) == {*OWN, *SHARED}
    assert (ended.clock.now() - began).total_seconds() >= LOCK_S


def test_two_clients_of_one_run_never_remove_what_is_shared_at_the_same_time() -> None:
    ended = Ended()
    owners: list[str] = []

    def look_meanwhile(**parameters: Any) -> dict[str, Any]:
        assert not ended.store.locks.lock("demo", RUN, ended.clock)
        owners.append(ended.bucket.objects["locks/demo"][0].decode())
        return {}

    for _ in range(2):
        ended = Ended()
        ended.aws.on("delete_log_group", look_meanwhile)
        ended.tear_down()
    assert len(set(owners)) == 2


def test_a_client_that_slept_since_it_took_the_lock_removes_nothing_shared() -> None:
    ended = Ended()
    listed = ended.bucket._list

    def sleep_then_list(**parameters: Any) -> dict[str, Any]:
        if parameters.get("Prefix") == "live/":
            ended.clock.sleep(LOCK_FENCE_S + 1)
        return listed(**parameters)

    ended.aws.on("list_objects_v2", sleep_then_list)
    torn = ended.tear_down()
    assert gone(torn) == set(OWN)
    assert {removal.error for removal in torn.failed} == {"this client slept, and others may use it now"}
    assert ended.store.read(RUN)[0].state == "removing"  # for gc to come back to


def test_what_is_kept_is_not_removed_and_a_kept_group_bills_no_more() -> None:
    ended = Ended(keep=("group", "roles", "log-group"))
    torn = ended.tear_down()
    assert {("group", NAME), *SHARED} <= {(ref.kind, ref.name) for ref in torn.kept}
    assert ("role", f"{NAME}-task") in gone(torn)
    assert "delete_auto_scaling_group" not in ended.aws.operations
    assert ended.aws.sent("update_auto_scaling_group")[0]["DesiredCapacity"] == 0
    kept = {entry.kind for entry in ended.store.read(RUN)[0].resources if entry.state == "kept"}
    assert kept == {"group"}


@pytest.mark.parametrize("refusals", [0, 1])
def test_a_kept_clusters_task_is_stopped(refusals: int) -> None:
    ended = Ended(keep=("all",))
    ended.aws.on("list_tasks", ["arn:task"])
    ended.aws.on("stop_task", *[refused("ServiceUnavailable")] * refusals, {})
    assert ended.tear_down().failed == ()
    assert ended.aws.sent("stop_task")[-1]["task"] == "arn:task"


def test_a_kept_cluster_whose_task_cannot_be_stopped_is_reported() -> None:
    ended = Ended(keep=("all",))
    ended.aws.on("list_tasks", ["arn:task"])
    ended.aws.on("stop_task", refused("AccessDenied"))
    assert [removal.ref.kind for removal in ended.tear_down().failed] == ["cluster"]


def test_a_kept_group_that_cannot_be_emptied_is_reported_and_the_rest_goes() -> None:
    ended = Ended(keep=("group",))
    ended.aws.on("update_auto_scaling_group", refused("AccessDenied"))
    torn = ended.tear_down()
    assert [removal.ref.kind for removal in torn.failed] == ["group"]
    assert set(OWN) - {("group", NAME)} <= gone(torn)


def test_a_failure_ends_in_the_commands_that_finish_the_job_and_the_record_stays_open() -> None:
    ended = Ended()
    ended.aws.on("delete_cluster", refused("AccessDenied"))
    torn = ended.tear_down()
    with pytest.raises(TeardownError, match=NAME) as caught:
        torn.raise_if_failed(REGION)
    assert caught.value.exit_code == 125
    assert f"aws ecs delete-cluster --cluster {NAME} --region {REGION}" in caught.value.commands
    assert ended.store.read(RUN)[0].state == "removing"
    assert ended.store.locks.live() == [RUN]


def test_a_second_teardown_after_a_failure_finishes_the_job() -> None:
    ended = Ended()
    ended.aws.on("delete_cluster", refused("LimitExceeded"), {})
    assert ended.tear_down().failed
    assert gone(ended.tear_down()) == {("cluster", NAME)}
    assert ended.store.read(RUN)[0].state == "removed"


@pytest.mark.parametrize("code", ["ServiceUnavailable", "AccessDenied", "NoSuchBucket"])
def test_a_bucket_that_takes_nothing_more_keeps_no_machine_running(code: str) -> None:
    ended = Ended()
    for operation in ("put_object", "delete_object", "get_object", "list_objects_v2", "head_object"):
        ended.aws.on(operation, refused(code))
    torn = ended.tear_down()
    assert gone(torn) >= set(OWN)
    assert ended.events.of(Notice)


def test_an_outcome_that_could_not_be_recorded_goes_out_with_the_teardown() -> None:
    from aws_run.runs.record import Outcome

    ended = Ended()
    put = ended.bucket._put
    ended.aws.on("put_object", refused("ServiceUnavailable"), put)
    teardown.note_outcome(
        ended.writer, Outcome(exit_code=7, reason=OutcomeReason.EXIT, sentence=""), UNKNOWN, "2026-01-02T04:00:00Z"
    )
    ended.tear_down()
    stored = ended.store.read(RUN)[0]
    assert stored.outcome is not None
    assert (stored.outcome.exit_code, stored.state) == (7, "removed")


@pytest.mark.parametrize(
    "broken",
    [
        "update_auto_scaling_group",
        "describe_auto_scaling_groups",
        "delete_capacity_provider",
        "delete_cluster",
        "delete_launch_template",
        "delete_role",
        "get_role",
    ],
)
def test_a_fault_of_ours_in_one_step_keeps_no_other_step_from_being_tried(broken: str) -> None:
    ended = Ended()
    ended.aws.on(broken, KeyError("what nobody thought of"))
    torn = ended.tear_down()
    failed = {(removal.ref.kind, removal.ref.name) for removal in torn.failed}
    assert failed
    assert gone(torn) | failed >= set(OWN)
    assert gone(torn) >= {one for one in OWN if one[0] not in {kind for kind, _ in failed}}
    assert all("KeyError: 'what nobody thought of'" in (removal.error or "") for removal in torn.failed)
    assert ended.store.read(RUN)[0].state == "removing"  # for gc to come back to


@pytest.mark.parametrize("operation", ["put_object", "get_object", "head_object", "list_objects_v2", "delete_object"])
def test_a_fault_of_ours_at_the_bucket_keeps_no_machine_running(operation: str) -> None:
    ended = Ended()
    ended.aws.on(operation, TypeError("not of this kind"))
    assert gone(ended.tear_down()) >= set(OWN)


def test_a_renderer_that_fails_keeps_nothing_from_being_removed() -> None:
    ended = Ended()

    def emit(_: object) -> None:
        raise ValueError("it can't be drawn")

    torn = teardown.teardown(ended.aws, ended.clock, emit, ended.store, ended.writer)
    assert gone(torn) == {*OWN, *SHARED}


def test_a_step_that_is_denied_for_a_moment_is_tried_again_and_one_that_stays_denied_is_not_waited_for_long() -> None:
    ended = Ended()
    ended.aws.on("delete_cluster", refused("AccessDeniedException"), refused("AccessDeniedException"), {})
    assert ended.tear_down().failed == ()
    ended = Ended()
    ended.aws.on("delete_cluster", refused("AccessDeniedException"))
    assert [removal.ref.kind for removal in ended.tear_down().failed] == ["cluster"]
    assert 30 <= ended.clock.elapsed_s < 60
