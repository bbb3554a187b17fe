"""Which quota counts a type's vCPUs: by family and market, where P5 on spot has one of its own."""

from __future__ import annotations

import moto.ec2.models.instance_types as moto_types
import pytest
from tests.unit.fakes import FakeAws, FakeClock, refused

from aws_run.aws.cache import MemoryCache
from aws_run.backends.ec2.quotas import Quotas, quota_of
from aws_run.pricing.offers import Choice


@pytest.mark.parametrize(
    ("name", "on_demand", "spot"),
    [
        ("m7i.large", "L-1216C47A", "L-34B43A08"),
        ("hpc7g.4xlarge", "L-F7808C92", None),
        ("t3.medium", "L-1216C47A", "L-34B43A08"),
        ("g6.xlarge", "L-DB2E81BA", "L-3819A6DF"),
        ("gr6.4xlarge", "L-DB2E81BA", "L-3819A6DF"),
        ("vt1.3xlarge", "L-DB2E81BA", "L-3819A6DF"),
        ("p4d.24xlarge", "L-417A185B", "L-7212CCBC"),
        ("p5.4xlarge", "L-417A185B", "L-C4BD4855"),
        ("p5en.48xlarge", "L-417A185B", "L-C4BD4855"),
        ("x2idn.16xlarge", "L-7295265B", "L-E3A00192"),
        ("trn1.2xlarge", "L-2C3B7624", "L-6B0D517C"),
        ("inf2.xlarge", "L-1945791B", "L-B5D1601B"),
        ("u-6tb1.56xlarge", "L-43DA4232", None),
        ("f1.2xlarge", "L-74FC7D96", "L-88CF9481"),
        ("dl1.24xlarge", "L-6E869C2A", "L-85EED4F7"),
    ],
)
def test_a_type_is_counted_by_its_familys_quota(name: str, on_demand: str, spot: str | None) -> None:
    assert quota_of(name, spot=False) == on_demand
    assert quota_of(name, spot=True) == spot


def test_every_type_that_is_chosen_by_itself_has_a_quota() -> None:
    ordinary = [
        name for name, row in moto_types.INSTANCE_TYPES.items()
        if row["CurrentGeneration"] and not row["BareMetal"] and not row.get("NeuronInfo") and name[0] not in "u"
    ]  # fmt: skip
    assert [name for name in ordinary if quota_of(name, spot=False) is None] == []


def choice(name: str, *, spot: bool = False) -> Choice:
    return Choice(
        backend="ec2", name=name, spot=spot, zones=("a",), vcpu=4, memory_mib=1, usable_memory_mib=1, arch="x86_64"
    )  # fmt: skip


def test_what_runs_now_is_taken_off_by_family_and_market() -> None:
    def machine(name: str, cores: int, **more: str) -> dict[str, object]:
        return {"InstanceType": name, "CpuOptions": {"CoreCount": cores, "ThreadsPerCore": 2}, **more}

    running = [machine("g5.xlarge", 2), machine("g6.xlarge", 2, InstanceLifecycle="spot"), machine("m5.large", 1)]
    aws = FakeAws().on("describe_instances", [{"Instances": running}])
    aws.on("get_service_quota", {"Quota": {"QuotaName": "a name", "Value": 8.0}})
    rooms = Quotas(aws).headroom([choice("g6.xlarge"), choice("g6.2xlarge", spot=True), choice("m5.large")])
    assert {key: (room.used, room.free) for key, room in rooms.items()} == {
        ("g6.xlarge", False): (4.0, 4.0),
        ("g6.2xlarge", True): (4.0, 4.0),
        ("m5.large", False): (2.0, 6.0),
    }


def test_what_can_not_be_read_is_missing_and_no_error() -> None:
    aws = FakeAws().on("get_service_quota", refused("AccessDeniedException"))
    assert Quotas(aws).headroom([choice("m5.large")]) == {}
    aws = FakeAws().on("get_service_quota", {"Quota": {"Value": 8.0}}).on("describe_instances", refused("AccessDenied"))
    (room,) = Quotas(aws).headroom([choice("m5.large")]).values()
    assert (room.used, room.free) == (None, 8.0)


def account(*, running: int = 0, spot: bool = False, **limits: float) -> FakeAws:
    """`limits`: by code, with _ for -; all others are 1000. `running`: vCPUs of m5 machines."""
    named = {code.replace("_", "-"): value for code, value in limits.items()}
    life = {"InstanceLifecycle": "spot"} if spot else {}
    machines = [{"InstanceType": "m5.large", "CpuOptions": {"CoreCount": running, "ThreadsPerCore": 1}, **life}]
    aws = FakeAws().on("describe_instances", [{"Instances": machines}] if running else [])
    return aws.on(
        "get_service_quota",
        lambda *, QuotaCode, **_: {"Quota": {"QuotaName": QuotaCode, "Value": named.get(QuotaCode, 1000.0)}},
    )


def test_a_quota_with_plenty_of_room_is_read_once_a_day_and_nothing_else_is() -> None:
    aws, clock = account(), FakeClock()
    held = Quotas(aws, MemoryCache(clock=clock))
    for _ in range(3):
        assert held.shortage(choice("m5.large"), (False,)) is None
    assert aws.operations == ["get_service_quota"]
    clock.sleep(25 * 3600)
    assert held.shortage(choice("m5.large"), (False,)) is None
    assert aws.operations == ["get_service_quota"] * 2


def test_one_that_may_be_short_is_read_anew_each_time_because_it_may_have_been_raised() -> None:
    aws = account(L_1216C47A=0)
    held = Quotas(aws, MemoryCache(clock=FakeClock()))
    assert held.shortage(choice("m5.large"), (False,)) is not None
    aws.on("get_service_quota", {"Quota": {"Value": 100.0}})
    assert held.shortage(choice("m5.large"), (False,)) is None


def test_what_runs_now_counts_in_its_own_market() -> None:
    short = Quotas(account(running=6, L_1216C47A=8)).shortage(choice("m5.large"), (False,))
    assert short is not None
    assert (short.code, short.limit, short.used, short.free) == ("L-1216C47A", 8, 6, 2)
    assert Quotas(account(running=4, L_1216C47A=8)).shortage(choice("m5.large"), (False,)) is None
    assert Quotas(account(running=6, spot=True, L_1216C47A=8)).shortage(choice("m5.large"), (False,)) is None


def test_with_auto_one_market_that_has_room_is_enough() -> None:
    assert Quotas(account(L_34B43A08=0)).shortage(choice("m5.large"), (True, False)) is None
    both = Quotas(account(L_34B43A08=0, L_1216C47A=0)).shortage(choice("m5.large"), (True, False))
    assert both is not None
    assert both.code == "L-1216C47A"


def test_p5_on_spot_is_held_to_its_own_quota() -> None:
    assert Quotas(account(L_7212CCBC=0)).shortage(choice("p5.4xlarge"), (True,)) is None
    assert Quotas(account(L_C4BD4855=0)).shortage(choice("p5.4xlarge"), (True,)) is not None


def test_what_nobody_can_read_keeps_no_run_from_starting() -> None:
    aws = FakeAws().on("get_service_quota", refused("AccessDeniedException"))
    assert Quotas(aws).shortage(choice("m5.large"), (False,)) is None


def test_the_nearest_is_the_first_that_another_quota_has_room_for() -> None:
    held = Quotas(account(L_DB2E81BA=0, L_3819A6DF=0))
    short = held.shortage(choice("g6.xlarge"), (False,))
    assert short is not None
    offers = [choice("g5.xlarge"), choice("g6.xlarge", spot=True), choice("p4d.24xlarge", spot=True)]
    near = held.nearest(offers, short)
    assert near is not None
    assert (near.name, near.spot) == ("p4d.24xlarge", True)
    assert held.nearest(offers[:2], short) is None


@pytest.mark.parametrize(("limit", "free"), [(64.0, 64.0), (8.0, 6.0), (5.0, 3.0)])
def test_the_plan_hears_how_much_of_its_quota_there_is(limit: float, free: float) -> None:
    """What runs is not counted where there is plenty."""
    running = {"InstanceType": "m5.large", "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 2}}
    aws = FakeAws().on("describe_instances", [{"Instances": [running]}])
    aws.on("get_service_quota", {"Quota": {"QuotaName": "a name", "Value": limit}})
    seen = Quotas(aws).look(choice("m5.large"), (False,))
    assert seen is not None
    assert seen.free == free
    assert (Quotas(aws).shortage(choice("m5.large"), (False,)) is None) == (free >= 4)
