"""`destroy`: a run that lives, seen before or only under the lock, keeps what it stands on."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fakes import BUCKET, RUN, FakeAccount, refused
from tests.unit.lifecycle.memory_run import detached

from aws_run.errors import AwsRunError
from aws_run.events import Notice
from aws_run.infra.resources import Ref
from aws_run.lifecycle import lookup
from aws_run.usecases.destroy import DestroyPlan, destroy, plan_destroy

LOGS = Ref(kind="log-group", name="/aws-run/demo", scope="shared")
STORE = Ref(kind="bucket", name=BUCKET, scope="kept")
OTHER = "other-20260102-030405-0001"


def test_a_run_that_started_after_the_look_keeps_its_roles() -> None:
    account = FakeAccount()
    seen = DestroyPlan(refs=(LOGS,), live_runs=())
    account.store.locks.mark_live(RUN)
    with pytest.raises(AwsRunError, match=RUN) as caught:
        destroy(account.context, "demo", seen)
    assert caught.value.hint == f"aws-run cancel {RUN}"
    assert "delete_log_group" not in account.aws.operations
    assert not any(key.startswith("locks/") for key in account.bucket.objects)


def test_another_projects_run_keeps_the_accounts_bucket_but_not_this_projects_roles() -> None:
    account = FakeAccount()
    account.store.locks.mark_live(OTHER)
    with pytest.raises(AwsRunError, match=OTHER):
        destroy(account.context, "demo", DestroyPlan(refs=(LOGS, STORE), live_runs=()))
    torn = destroy(account.context, "demo", DestroyPlan(refs=(LOGS,), live_runs=()))
    assert [(removal.ref, removal.error) for removal in torn.removed] == [(LOGS, None)]


def test_the_look_tells_whom_it_would_hurt() -> None:
    account = FakeAccount()
    account.aws.on("get_role", refused("NoSuchEntity"))
    account.store.locks.mark_live(OTHER)
    account.store.locks.mark_live(RUN)
    assert plan_destroy(account.context, "demo", everything=False).live_runs == (RUN,)
    assert set(plan_destroy(account.context, "demo", everything=True).live_runs) == {RUN, OTHER}


class Versions:
    """`list_object_versions` and `delete_objects` on the fake bucket, `page` versions at once."""

    def __init__(self, account: FakeAccount, page: int = 1000) -> None:
        self.objects, self.page = account.bucket.objects, page
        account.aws.on("list_object_versions", self.listed).on("delete_objects", self.deleted)

    def listed(self, *, Prefix: str, KeyMarker: str = "", **_: Any) -> Any:
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > KeyMarker)
        shown = keys[: self.page]
        versions = [{"Key": key, "VersionId": "1"} for key in shown]
        more = {"NextKeyMarker": shown[-1], "NextVersionIdMarker": "1"} if len(keys) > self.page else {}
        return {"Versions": versions, "IsTruncated": bool(more), **more}

    def deleted(self, *, Delete: Any, **_: Any) -> Any:
        for one in Delete["Objects"]:
            self.objects.pop(one["Key"], None)
        return {}


MINE = (f"runs/{RUN}/run.json", f"runs/{RUN}/output/a", "inputs/demo/data/a", f"leaving/{RUN}")
# A project whose name begins like this one's.
THEIRS = ("runs/demo-two-20260102-030405-0001/run.json", "inputs/demo-two/data/b", "inputs/alpha/data/c")


def filled(*keys: str) -> FakeAccount:
    account = FakeAccount()
    Versions(account)
    for key in keys:
        account.aws.call("s3", "put_object", Key=key, Body=b"x")
    account.aws.on("get_bucket_tagging", {"TagSet": [{"Key": "aws-run:project", "Value": "demo"}]})
    for operation, code in (("get_role", "NoSuchEntity"), ("describe_repositories", "RepositoryNotFoundException")):
        account.aws.on(operation, refused(code))
    return account


def test_everything_of_a_project_leaves_other_projects_data_where_it_is() -> None:
    account = filled(*MINE, *THEIRS)
    seen = plan_destroy(account.context, "demo", everything=True)
    assert seen.others == {"alpha": 0, "demo-two": 1}
    assert not any(ref.kind == "bucket" for ref in seen.refs)
    assert destroy(account.context, "demo", seen).failed == ()
    assert sorted(account.bucket.objects) == sorted(THEIRS)
    assert "delete_bucket" not in account.aws.operations


def test_many_runs_take_few_requests_and_other_projects_versions_are_passed_over() -> None:
    runs = [f"runs/demo-20260102-0304{number:02}-ab12/{name}" for number in range(50) for name in ("run.json", "a")]
    account = filled(*runs, *MINE, *THEIRS)
    Versions(account, page=25)
    seen = plan_destroy(account.context, "demo", everything=True)
    before = len(account.aws.operations)
    destroy(account.context, "demo", seen)
    assert sorted(account.bucket.objects) == sorted(THEIRS)
    made = account.aws.operations[before:]
    assert made.count("delete_objects") == 7
    assert made.count("list_object_versions") < 20


def test_the_bucket_goes_with_its_last_project() -> None:
    account = filled(*MINE)
    seen = plan_destroy(account.context, "demo", everything=True)
    assert STORE in seen.refs
    assert not seen.data
    destroy(account.context, "demo", seen)
    assert account.bucket.objects == {}
    assert "delete_bucket" in account.aws.operations


def test_a_project_that_came_to_the_bucket_after_the_look_keeps_it() -> None:
    account = filled(*MINE)
    seen = plan_destroy(account.context, "demo", everything=True)
    account.aws.call("s3", "put_object", Key=THEIRS[1], Body=b"x")
    with pytest.raises(AwsRunError, match="demo-two was added"):
        destroy(account.context, "demo", seen)
    assert {*MINE, THEIRS[1]} <= set(account.bucket.objects)


def test_without_everything_no_data_goes() -> None:
    account = filled(*MINE)
    destroy(account.context, "demo", plan_destroy(account.context, "demo", everything=False))
    assert sorted(account.bucket.objects) == sorted(MINE)


def test_a_detached_run_that_has_ended_is_settled_and_keeps_nothing() -> None:
    run = detached(exit_code=3)
    for _ in range(3):
        run.service.step("memory-1")
    run.clock.elapsed_s += 600
    assert lookup.store(run.context).locks.live() == [run.record.run_id]
    looked = DestroyPlan(refs=(), live_runs=(run.record.run_id,))
    destroy(run.context, run.record.project, looked)
    assert (run.record.state, run.record.outcome and run.record.outcome.exit_code) == ("removed", 3)
    assert [event.text for event in run.events.of(Notice)] == [
        "looking at 1 run that may still need what is to go",
        f"{run.record.run_id} had ended; its result is noted, and what it used is removed",
    ]


def test_a_run_that_goes_on_is_not_settled() -> None:
    run = detached()
    run.service.step("memory-1")
    with pytest.raises(AwsRunError, match="still used by 1 run"):
        destroy(run.context, run.record.project, DestroyPlan(refs=(), live_runs=(run.record.run_id,)))
    assert run.record.outcome is None
