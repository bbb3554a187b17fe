"""Which quota counts a type's vCPUs: by family and market, where P5 on spot has one of its own."""

from __future__ import annotations

import moto.ec2.models.instance_types as moto_types
import pytest
from tests.unit.fakes import FakeAws, refused

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
