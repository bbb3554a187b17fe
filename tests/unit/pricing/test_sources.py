"""Catalogue and prices as they come from AWS: asked narrowly, kept with their age, and never another region's."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.fakes import START, FakeAws, FakeClock, refused

from aws_run.aws.cache import MemoryCache
from aws_run.config import Amount, Gpu, Resources
from aws_run.errors import AwsCallError
from aws_run.pricing import packaged
from aws_run.pricing.ec2_catalogue import Ec2Catalogue, filters_for
from aws_run.pricing.price_list import SOURCE, AwsPrices

DAY_S = 86_400


def described(name: str, vcpu: int = 2, memory_mib: int = 8192, **more: Any) -> dict[str, Any]:
    return {
        "InstanceType": name,
        "VCpuInfo": {"DefaultVCpus": vcpu},
        "MemoryInfo": {"SizeInMiB": memory_mib},
        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
        **more,
    }


def product(usage: str, usd: str, published: str = "2026-01-01T00:00:00Z", **attributes: str) -> str:
    rate = {"unit": "Hrs", "beginRange": "0", "pricePerUnit": {"USD": usd}}
    return json.dumps(
        {
            "product": {"attributes": {"usagetype": usage, **attributes}},
            "terms": {"OnDemand": {"T": {"priceDimensions": {"D": rate}}}},
            "publicationDate": published,
        }
    )


def values(filters: list[dict[str, Any]], name: str) -> list[str]:
    return next((one["Values"] for one in filters if one["Name"] == name), [])


# -- the catalogue ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "vcpus"),
    [
        (Resources(), ["1", "2", "4"]),
        (Resources(cpu=Amount(value=8)), ["8"]),
        (Resources(cpu=Amount(value=4, at_least=True), memory_mib=Amount(value=16384)), ["4", "8", "16"]),
        (Resources(memory_mib=Amount(value=121 * 1024)), ["1", "2", "4", "8", "16", "24", "32"]),
    ],
)
def test_only_types_are_asked_for_that_could_be_the_cheapest(wanted: Resources, vcpus: list[str]) -> None:
    filters = filters_for(wanted)
    assert values(filters, "vcpu-info.default-vcpus") == vcpus
    assert values(filters, "burstable-performance-supported") == ["false"]


def test_gpus_are_asked_for_by_their_families_and_named_types_by_their_names() -> None:
    assert values(filters_for(Resources(gpu=Gpu(count=1))), "instance-type") == ["g*", "p*"]
    assert filters_for(Resources(instance_types=("t3.large",))) == [{"Name": "instance-type", "Values": ["t3.large"]}]


def test_the_catalogue_is_read_once_a_week_and_the_zones_once_a_day() -> None:
    aws, clock = FakeAws(), FakeClock()
    aws.on("describe_instance_types", [described("m5.large"), described("m6i.large", FreeTierEligible=True)])
    aws.on("describe_instance_type_offerings", [{"InstanceType": "m5.large", "Location": "us-east-1a"}])
    cache = MemoryCache(clock=clock)
    first = Ec2Catalogue(aws, cache).types(Resources())
    assert [(kind.name, kind.free_plan) for kind in first] == [("m5.large", False), ("m6i.large", True)]
    assert Ec2Catalogue(aws, cache).zones(["m5.large"]) == {"m5.large": frozenset({"us-east-1a"})}
    clock.sleep(DAY_S - 1)
    assert Ec2Catalogue(aws, cache).types(Resources()) == first
    Ec2Catalogue(aws, cache).zones(["m5.large"])
    assert aws.operations == ["describe_instance_types", "describe_instance_type_offerings"]
    clock.sleep(6 * DAY_S + 2)
    Ec2Catalogue(aws, cache).types(Resources())
    Ec2Catalogue(aws, cache).zones(["m5.large"])
    assert len(aws.operations) == 4


def test_who_may_not_read_the_catalogue_chooses_from_the_packaged_table_and_is_told() -> None:
    aws = FakeAws().on("describe_instance_types", refused("UnauthorizedOperation"))
    catalogue = Ec2Catalogue(aws, MemoryCache(clock=FakeClock()))
    assert catalogue.types(Resources()) == packaged.load().types
    assert packaged.LABEL in (catalogue.note or "")
    assert "ec2:DescribeInstanceTypes" in (catalogue.note or "")
    throttled = FakeAws().on("describe_instance_types", refused("RequestLimitExceeded"))
    with pytest.raises(AwsCallError):
        Ec2Catalogue(throttled, MemoryCache(clock=FakeClock())).types(Resources())


def test_a_gpu_without_a_driver_and_a_part_of_one_are_no_gpus() -> None:
    amd = described("g4ad.xlarge", GpuInfo={"Gpus": [{"Name": "Radeon", "Manufacturer": "AMD", "Count": 1}]})
    part = described("g6f.large", GpuInfo={"Gpus": [{"Name": "L4", "Manufacturer": "NVIDIA", "Count": 0}]})
    aws = FakeAws().on("describe_instance_types", [amd, part])
    kinds = Ec2Catalogue(aws, MemoryCache(clock=FakeClock())).types(Resources(gpu=Gpu(count=1)))
    assert [(kind.gpus, kind.gpu_model) for kind in kinds] == [(0, None), (0, None)]


# -- the price list ---------------------------------------------------------------------------------------------------


def list_of(**parameters: Any) -> list[str]:
    """GetProducts of eu-west-9, a region that no table has."""
    fields = {one["Field"]: one["Value"] for one in parameters["Filters"]}
    assert fields["regionCode"] == "eu-west-9"
    if parameters["ServiceCode"] == "AmazonECS":
        return [
            product("EUW9-Fargate-vCPU-Hours:perCPU", "0.05"),
            product("EUW9-Fargate-ARM-vCPU-Hours:perCPU", "0.04"),
            product("EUW9-Fargate-GB-Hours", "0.006"),
            product("EUW9-Fargate-Windows-GB-Hours", "0.9"),
            product("EUW9-SpotUsage-Fargate-GB-Hours", "0.001"),
        ]
    if "instanceType" in fields:
        names = fields["instanceType"].split(",")
        return [
            *(
                product(f"EUW9-BoxUsage:{name}", "0.1500000000", instanceType=name)
                for name in names
                if name == "m5.large" or "long" in name
            ),
            product("EUW9-BoxUsage:m5.large", "99", instanceType="m5.large", marketoption="CapacityBlock"),
            product("EUW9-DedicatedUsage:m5.large", "98", instanceType="m5.large"),
            product("EUW9-BoxUsage:free.large", "0.0000000000", instanceType="free.large"),
        ]
    return [
        product("EUW9-EBS:VolumeUsage.gp3", "0.1", volumeApiName="gp3"),
        product("PublicIPv4:InUseAddress", "0.005"),
    ]


def prices(aws: FakeAws, clock: FakeClock | None = None, cache: MemoryCache | None = None) -> AwsPrices:
    clock = clock or FakeClock()
    return AwsPrices(aws, cache or MemoryCache(clock=clock), clock)


def test_prices_are_the_regions_own_with_the_day_of_the_list() -> None:
    aws = FakeAws(region="eu-west-9").on("get_products", list_of)
    rates = prices(aws).region_rates()
    assert {arch: rate.usd for arch, rate in rates.fargate_vcpu_hour.items()} == {
        "x86_64": Decimal("0.05"),
        "arm64": Decimal("0.04"),
    }
    assert rates.fargate_gb_hour["x86_64"].usd == Decimal("0.006")
    assert rates.gp3_gb_month is not None
    assert (rates.gp3_gb_month.usd, rates.gp3_gb_month.source, rates.gp3_gb_month.as_of) == (
        Decimal("0.1"), SOURCE, "2026-01-01"
    )  # fmt: skip
    assert rates.fargate_spot_gb_hour == {}
    assert rates.nat_gateway_gb is None


def test_an_instance_costs_what_a_shared_linux_machine_costs_on_demand() -> None:
    aws = FakeAws(region="eu-west-9").on("get_products", list_of)
    rates = prices(aws).on_demand(["m5.large", "x.large", "free.large"])
    assert {name: rate.usd for name, rate in rates.items()} == {"m5.large": Decimal("0.15")}
    (sent,) = aws.sent("get_products")
    assert {one["Field"]: one["Value"] for one in sent["Filters"]}["tenancy"] == "Shared"


def test_many_types_are_asked_for_in_values_that_aws_takes() -> None:
    aws = FakeAws(region="eu-west-9").on("get_products", list_of)
    names = [f"m{number}-long-name.24xlarge" for number in range(150)]
    prices(aws).on_demand(names)
    for sent in aws.sent("get_products"):
        assert all(len(one["Value"]) <= 1024 for one in sent["Filters"])
    asked = [n for s in aws.sent("get_products") for f in s["Filters"] if f["Field"] == "instanceType" for n in f["Value"].split(",")]  # fmt: skip
    assert sorted(asked) == sorted(names)


def test_prices_are_read_once_a_day() -> None:
    aws, clock = FakeAws(region="eu-west-9").on("get_products", list_of), FakeClock()
    cache = MemoryCache(clock=clock)
    first = prices(aws, clock, cache).region_rates()
    asked = len(aws.operations)
    clock.sleep(DAY_S - 1)
    assert prices(aws, clock, cache).region_rates() == first
    assert len(aws.operations) == asked
    clock.sleep(2)
    prices(aws, clock, cache).region_rates()
    assert len(aws.operations) == 2 * asked


def test_who_may_not_read_prices_has_the_packaged_table_of_this_region_and_is_not_sent_again_for_an_hour() -> None:
    aws, clock = FakeAws(region="sa-east-1").on("get_products", refused("AccessDeniedException")), FakeClock()
    cache = MemoryCache(clock=clock)
    mine = prices(aws, clock, cache)
    assert mine.on_demand(["c6i.large"])["c6i.large"].source == packaged.LABEL
    assert mine.region_rates() == packaged.load().region_rates("sa-east-1")
    assert "pricing:GetProducts" in (mine.note or "")
    asked = len(aws.operations)
    prices(aws, clock, cache).region_rates()
    assert len(aws.operations) == asked
    clock.sleep(3601)
    prices(aws, clock, cache).region_rates()
    assert len(aws.operations) > asked


def test_without_the_price_list_a_region_that_the_table_lacks_has_no_price_at_all() -> None:
    aws = FakeAws(region="eu-west-9").on("get_products", refused("AccessDeniedException"))
    mine = prices(aws)
    assert mine.on_demand(["c6i.large"]) == {}
    assert mine.region_rates().gp3_gb_month is None
    assert "none of eu-west-9" in (mine.note or "")


def test_of_a_spot_history_the_newest_price_of_each_zone_counts() -> None:
    def entry(zone: str, usd: str, hours_ago: int) -> dict[str, Any]:
        at = START - timedelta(hours=hours_ago)
        return {"InstanceType": "m5.large", "AvailabilityZone": zone, "SpotPrice": usd, "Timestamp": at}

    history = [entry("us-east-1a", "0.03", 1), entry("us-east-1a", "0.09", 5), entry("us-east-1b", "0.02", 9)]
    aws, clock = FakeAws().on("describe_spot_price_history", history), FakeClock()
    cache = MemoryCache(clock=clock)
    for _ in range(2):
        rates = prices(aws, clock, cache).spot(["m5.large"])
        assert {zone: rate.usd for (_, zone), rate in rates.items()} == {
            "us-east-1a": Decimal("0.03"),
            "us-east-1b": Decimal("0.02"),
        }
    assert len(aws.operations) == 1
    assert (
        prices(FakeAws().on("describe_spot_price_history", refused("UnauthorizedOperation"))).spot(["m5.large"]) == {}
    )
