"""The embedded AWS's Price List, Spot history and catalogue, and that its bill is made of the same prices."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.local.support import boto_client

from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalAws
from aws_run.local.sim.price_set import price_set

Client = Callable[[str], Any]
LINUX = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}


@pytest.fixture
def elsewhere(local_aws: LocalAws, aws_session: boto3.Session) -> Iterator[Callable[[str, str], Any]]:
    """A client of another region."""
    made = []

    def make(service: str, region: str) -> Any:
        made.append(boto_client(aws_session, local_aws, service, region_name=region))
        return made[-1]

    yield make
    for one in made:
        one.close()


def products(client: Any, service: str, any_of: dict[str, str] | None = None, **terms: str) -> list[dict[str, Any]]:
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in terms.items()]
    filters += [{"Type": "ANY_OF", "Field": name, "Value": value} for name, value in (any_of or {}).items()]
    pages = client.get_paginator("get_products").paginate(ServiceCode=service, Filters=filters)
    return [json.loads(text) for page in pages for text in page["PriceList"]]


def usd(product: dict[str, Any]) -> Decimal:
    (term,) = product["terms"]["OnDemand"].values()
    (rate,) = term["priceDimensions"].values()
    return Decimal(rate["pricePerUnit"]["USD"])


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "sa-east-1"])
def test_the_price_list_has_each_regions_own_prices(client: Client, region: str) -> None:
    types = {"instanceType": "m7i.large,m5a.large"}
    listed = products(client("pricing"), "AmazonEC2", types, regionCode=region, **LINUX)
    prices = {one["product"]["attributes"]["instanceType"]: usd(one) for one in listed}
    assert prices == {name: price_set().on_demand(region, name) for name in ("m7i.large", "m5a.large")}
    assert {one["publicationDate"][:10] for one in listed} == {price_set().recorded_on}


def test_prices_differ_from_region_to_region() -> None:
    regions = ("us-east-1", "eu-central-1", "sa-east-1")
    assert len({price_set().on_demand(region, "m7i.large") for region in regions}) == 3


def test_the_list_comes_in_pages_and_a_narrow_filter_leaves_one(client: Client) -> None:
    pricing = client("pricing")
    everything = products(pricing, "AmazonEC2", regionCode="sa-east-1", operatingSystem="Linux", tenancy="Shared")
    assert len(everything) == len(price_set().instances["sa-east-1"]) > 100
    (address,) = products(pricing, "AmazonVPC", usagetype="SAE1-PublicIPv4:InUseAddress")
    assert usd(address) == Decimal("0.005")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"MaxResults": 101}, "InvalidParameterException"),
        ({"Filters": [{"Type": "ANY_OF", "Field": "instanceType", "Value": "x" * 1025}]}, "InvalidParameterException"),
    ],
)
def test_a_question_that_the_price_list_does_not_take_is_refused(
    local_aws: LocalAws, aws_session: boto3.Session, change: dict[str, Any], code: str
) -> None:
    from botocore.config import Config

    unchecked = boto_client(aws_session, local_aws, "pricing", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as caught:
        unchecked.get_products(**{"ServiceCode": "AmazonEC2", **change})
    assert caught.value.response["Error"]["Code"] == code
    unchecked.close()


def test_the_price_list_has_three_homes(elsewhere: Callable[[str, str], Any]) -> None:
    assert elsewhere("pricing", "eu-central-1").get_products(ServiceCode="AmazonVPC")["PriceList"]
    with pytest.raises(ClientError):
        elsewhere("pricing", "us-west-2").get_products(ServiceCode="AmazonVPC")


def test_the_spot_history_has_the_price_before_its_start_and_moves(embedded: Embedded, client: Client) -> None:
    ec2, clock = client("ec2"), embedded.world.clock

    def now() -> dict[str, Decimal]:
        answer = ec2.describe_spot_price_history(
            InstanceTypes=["m7i.large"], ProductDescriptions=["Linux/UNIX"], StartTime=clock.now()
        )
        assert all(one["Timestamp"] <= clock.now() for one in answer["SpotPriceHistory"])
        return {one["AvailabilityZone"]: Decimal(one["SpotPrice"]) for one in answer["SpotPriceHistory"]}

    first = now()
    assert len(first) == 6
    assert len(set(first.values())) > 1
    list_price = price_set().on_demand("us-east-1", "m7i.large")
    assert list_price is not None
    assert all(0 < price < list_price / 2 for price in first.values())
    assert now() == first
    clock.advance(3 * 3600)
    assert now() != first
    history = ec2.describe_spot_price_history(
        InstanceTypes=["m7i.large"], StartTime=clock.now() - timedelta(hours=3), AvailabilityZone="us-east-1a"
    )["SpotPriceHistory"]
    assert 4 <= len(history) <= 5
    assert Decimal(history[-1]["SpotPrice"]) == first["us-east-1a"]


def test_types_are_the_regions_own_in_pages(client: Client, elsewhere: Callable[[str, str], Any]) -> None:
    two = [{"Name": "vcpu-info.default-vcpus", "Values": ["2"]}]
    first = client("ec2").describe_instance_types(Filters=two)
    assert len(first["InstanceTypes"]) == 100
    assert first["NextToken"]
    pages = client("ec2").get_paginator("describe_instance_types").paginate(Filters=two)
    names = [one["InstanceType"] for page in pages for one in page["InstanceTypes"]]
    assert len(names) == len(set(names)) > 100
    gpus = [{"Name": "instance-type", "Values": ["p5*"]}]
    here, there = (
        {one["InstanceType"] for one in ec2.describe_instance_types(Filters=gpus)["InstanceTypes"]}
        for ec2 in (client("ec2"), elsewhere("ec2", "sa-east-1"))
    )
    assert "p5.48xlarge" in here
    assert here != there
    with pytest.raises(ClientError, match="InvalidInstanceType"):
        client("ec2").describe_instance_types(InstanceTypes=["m6i.lorge"])
