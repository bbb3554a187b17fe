"""A resource type that nothing in the tool has heard of, all of it in this file: it is made, looked at, listed and
removed in its order like any other. This is what adding one takes (docs: CONTRIBUTING.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from tests.unit.fakes import REGION, RUN, Events, FakeAws, FakeClock, refused
from tests.unit.infra.removal_support import OURS, empty_cloud
from tests.unit.infra.resource_types.contract import CONTRACT, Sample

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError
from aws_run.infra import apply, tags
from aws_run.infra.listing import list_owned
from aws_run.infra.observe import observe
from aws_run.infra.plan import plan
from aws_run.infra.remove import commands, remove
from aws_run.infra.resource_types.base import ABSENT, Listing, Observation, ResourceType
from aws_run.infra.resource_types.cluster import Cluster
from aws_run.infra.resource_types.group import Group
from aws_run.infra.resource_types.registry import RESOURCE_TYPES, Registry
from aws_run.infra.resources import Kind, Ref, Scope, ref

# -- the type ---------------------------------------------------------------------------------------------------------

_GONE = "QueueDoesNotExist"
_TAKEN = "QueueNameExists"


@dataclass(frozen=True, kw_only=True)
class Queue:
    kind: ClassVar[Kind] = Kind("queue")
    name: str
    scope: Scope
    keep_s: int
    tags: Mapping[str, str]


def create(aws: Aws, queue: Queue, clock: Clock) -> str:
    try:
        answer = aws.call("queues", "create_queue", Name=queue.name, KeepSeconds=queue.keep_s, Tags=dict(queue.tags))
    except AwsCallError as error:
        if error.code != _TAKEN:
            raise
        return queue.name
    return str(answer["Url"])


def update(aws: Aws, queue: Queue, clock: Clock) -> None:
    aws.call("queues", "set_queue", Name=queue.name, KeepSeconds=queue.keep_s)


def _describe(aws: Aws, name: str) -> dict[str, Any] | None:
    try:
        return aws.call("queues", "describe_queue", Name=name)
    except AwsCallError as error:
        if error.code == _GONE:
            return None
        raise


def observe_queue(aws: Aws, queue: Queue) -> Observation:
    shown = _describe(aws, queue.name)
    return ABSENT if shown is None else Observation(present=True, current=shown["KeepSeconds"] == queue.keep_s)


def owner_tags(aws: Aws, name: str) -> dict[str, str] | None:
    shown = _describe(aws, name)
    return None if shown is None else dict(shown["Tags"])


def delete(aws: Aws, name: str, clock: Clock) -> None:
    try:
        aws.call("queues", "delete_queue", Name=name)
    except AwsCallError as error:
        if error.code != _GONE:
            raise


def absent(aws: Aws, name: str) -> bool:
    return _describe(aws, name) is None


def names(aws: Aws) -> Iterator[str]:
    yield from aws.pages("queues", "list_queues", "Names")


QUEUE = ResourceType(
    value=Queue,
    scopes=("shared", "run"),
    create=create,
    update=update,
    observe=observe_queue,
    delete=delete,
    absent=absent,
    list_owned=(Listing(what="queues", names=names),),
    owner_tags=owner_tags,
    manual_commands=lambda name, region: (f"aws queues delete-queue --name {name} --region {region}",),
    console_link=lambda name, region: f"https://{region}.console.aws.amazon.com/queues/{name}",
    # The cluster's tasks still send to it.
    depends_on=(Cluster.kind,),
)
TYPES = Registry(*RESOURCE_TYPES, QUEUE)


# -- its service, in a dict -------------------------------------------------------------------------------------------


class QueueService:
    """Answers for the queues of an account, put behind a FakeAws."""

    def __init__(self, aws: FakeAws) -> None:
        self.queues: dict[str, dict[str, Any]] = {}
        aws.on("create_queue", self._create).on("set_queue", self._set).on("describe_queue", self._describe)
        aws.on("delete_queue", self._delete).on("list_queues", lambda: list(self.queues))

    def _create(self, *, Name: str, KeepSeconds: int, Tags: dict[str, str]) -> Any:
        if Name in self.queues:
            raise refused(_TAKEN, operation="CreateQueue")
        self.queues[Name] = {"KeepSeconds": KeepSeconds, "Tags": Tags}
        return {"Url": f"https://queues/{Name}"}

    def _set(self, *, Name: str, KeepSeconds: int) -> Any:
        self._describe(Name=Name)["KeepSeconds"] = KeepSeconds
        return {}

    def _describe(self, *, Name: str) -> Any:
        if Name not in self.queues:
            raise refused(_GONE, operation="DescribeQueue")
        return self.queues[Name]

    def _delete(self, *, Name: str) -> Any:
        self._describe(Name=Name)
        del self.queues[Name]
        return {}


NAME = f"arun-{RUN}"
JOBS = Queue(name="arun-demo-us-east-1-jobs", scope="shared", keep_s=60, tags={"aws-run:project": "demo"})
RESULTS = Queue(name=NAME, scope="run", keep_s=60, tags={"aws-run:run": RUN})


# -- the contract -----------------------------------------------------------------------------------------------------

SHOWN = {"KeepSeconds": 60, "Tags": {"aws-run:run": RUN}}
SAMPLE = Sample(
    resource=RESULTS,
    types=TYPES,
    create_call="create_queue",
    delete_call="delete_queue",
    absent_call="describe_queue",
    observe_call="describe_queue",
    tags_call="describe_queue",
    made={"create_queue": {"Url": "https://queues/1"}},
    present={"create_queue": refused(_TAKEN), "describe_queue": SHOWN},
    changed={"describe_queue": {**SHOWN, "KeepSeconds": 5}},
    gone=dict.fromkeys(("describe_queue", "delete_queue"), refused(_GONE)),
    foreign={"describe_queue": {**SHOWN, "Tags": {"team": "x"}}},
    listed={"list_queues": list},
)


@pytest.mark.parametrize("holds", CONTRACT, ids=lambda holds: holds.__name__)
def test_a_new_type_keeps_the_contract(holds: Callable[[Sample], None]) -> None:
    holds(SAMPLE)


# -- in the tool's own hands ------------------------------------------------------------------------------------------


def bring_about(aws: FakeAws, wanted: tuple[Queue, ...]) -> list[str]:
    """Observe, plan, apply: the actions that were taken."""
    steps = plan(wanted, observe(aws, wanted, TYPES))
    for step in steps:
        apply.apply(aws, step, FakeClock(), TYPES)
    return [step.action for step in steps]


def test_it_is_observed_planned_and_applied() -> None:
    aws = FakeAws()
    service = QueueService(aws)
    assert bring_about(aws, (JOBS, RESULTS)) == ["create", "create"]
    # A run's own is new with each run: it is not looked for, and a second create adopts it.
    assert bring_about(aws, (JOBS, RESULTS)) == ["reuse", "create"]
    service.queues[JOBS.name]["KeepSeconds"] = 5
    assert bring_about(aws, (JOBS,)) == ["update"]
    assert {name: shown["KeepSeconds"] for name, shown in service.queues.items()} == {JOBS.name: 60, NAME: 60}


def test_it_is_listed_among_what_runs_have_left() -> None:
    aws = FakeAws()
    QueueService(aws).queues.update(dict.fromkeys((JOBS.name, NAME, "somebody-elses"), SHOWN))
    assert list_owned(aws, types=TYPES) == [ref(RESULTS)]


def left_by_a_run() -> tuple[FakeAws, QueueService, tuple[Ref, ...]]:
    aws = empty_cloud().on("list_tasks", [])
    service = QueueService(aws)
    service.queues[NAME] = {"KeepSeconds": 60, "Tags": tags.parse(OURS)}
    run = tuple(Ref(kind=kind, name=NAME, scope="run") for kind in (Queue.kind, Cluster.kind, Group.kind))
    return aws, service, run


def test_it_is_removed_after_what_it_depends_on() -> None:
    (lane,) = TYPES.lanes
    assert lane.index(Group.kind) < lane.index(Cluster.kind) < lane.index(Queue.kind)
    assert TYPES.is_ordered(ref(RESULTS))
    aws, service, run = left_by_a_run()
    removed = remove(aws, run, FakeClock(), Events().emit, types=TYPES)
    assert [removal.error for removal in removed] == [None, None, None]
    assert [removal.ref.kind for removal in removed] == ["group", "cluster", "queue"]
    order = [aws.operations.index(f"delete_{what}") for what in ("auto_scaling_group", "cluster", "queue")]
    assert order == sorted(order)
    assert service.queues == {}


def test_one_that_is_somebody_elses_is_left_alone() -> None:
    aws, service, run = left_by_a_run()
    service.queues[NAME]["Tags"] = {"team": "x"}
    removed = {removal.ref.kind: removal for removal in remove(aws, run, FakeClock(), Events().emit, types=TYPES)}
    assert removed[Queue.kind].foreign
    assert list(service.queues) == [NAME]


def test_one_that_cannot_be_removed_is_finished_by_its_commands() -> None:
    aws, _, run = left_by_a_run()
    aws.on("delete_queue", refused("AccessDenied"))
    failed = [each for each in remove(aws, run, FakeClock(), Events().emit, types=TYPES) if each.error]
    assert [each.ref.kind for each in failed] == ["queue"]
    assert commands(failed[0].ref, REGION, TYPES) == (f"aws queues delete-queue --name {NAME} --region {REGION}",)


def test_without_it_in_the_registry_it_is_reported_and_stops_no_other_removal() -> None:
    """As in a record that a newer version wrote."""
    aws, service, run = left_by_a_run()
    removed = {removal.ref.kind: removal.error for removal in remove(aws, run, FakeClock(), Events().emit)}
    assert (removed[Group.kind], removed[Cluster.kind]) == (None, None)
    assert "does not know the resource type queue" in str(removed[Queue.kind])
    assert commands(run[0], REGION) == ()
    assert list(service.queues) == [NAME]


def test_the_registry_of_the_tool_is_not_changed_by_another() -> None:
    assert Queue.kind not in {each.kind for each in RESOURCE_TYPES}
    assert {Queue.kind} == {kind for lane in TYPES.lanes for kind in lane} - {*RESOURCE_TYPES.lanes[0]}
