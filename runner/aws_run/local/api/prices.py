"""The Price List API and the Spot price history, from the same prices as the bill."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from aws_run.local.http.protocol import Call, Params, Refusal
from aws_run.local.http.routes import Table
from aws_run.local.sim.hardware import known, spec_of
from aws_run.local.sim.price_set import STEP, PriceSet, price_set, step_start
from aws_run.local.sim.state import AccountState

_PAGE = 100
_HOMES = ("us-east-1", "eu-central-1", "ap-south-1")  # the endpoints that the Price List has
# What usage types begin with; us-east-1's EC2, EBS and VPC have nothing before them.
_PREFIXES = {"us-east-1": "USE1-", "eu-central-1": "EUC1-", "sa-east-1": "SAE1-"}
_FARGATE = (
    ("Fargate-vCPU-Hours:perCPU", "fargate_vcpu_hour", "x86_64"),
    ("Fargate-ARM-vCPU-Hours:perCPU", "fargate_vcpu_hour", "arm64"),
    ("Fargate-GB-Hours", "fargate_gb_hour", "x86_64"),
    ("Fargate-ARM-GB-Hours", "fargate_gb_hour", "arm64"),
    ("Fargate-EphemeralStorage-GB-Hours", "fargate_storage_gb_hour", None),
)


def table() -> Table:
    return {("pricing", "GetProducts"): products, ("ec2", "DescribeSpotPriceHistory"): spot_history}


def products(world: AccountState, call: Call) -> Mapping[str, Any]:
    """Pages of products, each a JSON text. Filters that are not known to AWS's own fields match nothing, as there."""
    if call.region not in _HOMES:
        raise Refusal("UnknownEndpoint", f"The Price List has no endpoint in {call.region}.")
    p = call.params()
    if not p.get("ServiceCode"):
        raise Refusal("InvalidParameterException", "Input Parameters are invalid: ServiceCode is required.")
    size = int(p.get("MaxResults") or _PAGE)
    if not 1 <= size <= _PAGE:
        raise Refusal("InvalidParameterException", "Input Parameters are invalid: MaxResults is from 1 to 100.")
    for one in p.get("Filters") or []:
        if not 1 <= len(str(one.get("Value", ""))) <= 1024:
            raise Refusal("InvalidParameterException", "Input Parameters are invalid: Value has 1 to 1024 characters.")
    rows = [row for row in _offered(str(p["ServiceCode"])) if _matches(row, p.get("Filters") or [])]
    start = int(p.get("NextToken") or 0)
    page: dict[str, Any] = {
        "FormatVersion": "aws_v1",
        "PriceList": [json.dumps(row) for row in rows[start : start + size]],
    }
    return {**page, "NextToken": str(start + size)} if start + size < len(rows) else page


def _offered(service: str) -> Iterator[Params]:
    prices = price_set()
    for region, flat in prices.regions.items():
        prefix = _PREFIXES[region]
        plain = "" if region == "us-east-1" else prefix
        if service == "AmazonECS":
            yield from _fargate(prices, region, prefix)
        elif service == "AmazonVPC":
            yield _product(
                service, region, "", f"{plain}PublicIPv4:InUseAddress", unit="Hrs", usd=flat["public_ipv4_hour"],
                group="VPCPublicIPv4Address",
            )  # fmt: skip
            yield _product(
                service, region, "", f"{plain}PublicIPv4:IdleAddress", unit="Hrs", usd=flat["public_ipv4_hour"],
                group="VPCPublicIPv4Address",
            )  # fmt: skip
        elif service == "AmazonEC2":
            yield _product(
                service, region, "Storage", f"{plain}EBS:VolumeUsage.gp3", unit="GB-Mo", usd=flat["gp3_gb_month"],
                volumeApiName="gp3",
            )  # fmt: skip
            yield _product(
                service, region, "NAT Gateway", f"{plain}NatGateway-Hours", unit="Hrs", usd=flat["nat_gateway_hour"]
            )
            yield _product(
                service, region, "NAT Gateway", f"{plain}NatGateway-Bytes", unit="GB", usd=flat["nat_gateway_gb"]
            )
            for name, usd in prices.instances.get(region, {}).items():
                yield from _instance(region, plain, name, usd)


def _fargate(prices: PriceSet, region: str, prefix: str) -> Iterator[Params]:
    for usage, name, arch in _FARGATE:
        value = prices.regions[region].get(name)
        usd = value.get(arch) if isinstance(value, Mapping) else value
        if usd is not None:
            yield _product("AmazonECS", region, "Compute", f"{prefix}{usage}", unit="hours", usd=usd)
    yield _product("AmazonECS", region, "Compute", f"{prefix}Fargate-Windows-GB-Hours", unit="hours", usd="0.01005")


def _instance(region: str, prefix: str, name: str, usd: str) -> Iterator[Params]:
    """What one type is sold as: a shared Linux machine, a dedicated one, and with Windows."""
    if not known(name):
        return
    common = {
        "instanceType": name, "licenseModel": "No License required", "preInstalledSw": "NA", "capacitystatus": "Used",
        "marketoption": "OnDemand", "vcpu": str(spec_of(name).vcpu), "currentGeneration": "Yes",
    }  # fmt: skip
    for system, tenancy, usage, factor in (
        ("Linux", "Shared", "BoxUsage", "1"),
        ("Linux", "Dedicated", "DedicatedUsage", "1.1"),
        ("Windows", "Shared", "BoxUsage", "1.9"),
    ):
        price = f"{Decimal(usd) * Decimal(factor):f}"
        attributes = {**common, "operatingSystem": system, "tenancy": tenancy}
        yield _product(
            "AmazonEC2", region, "Compute Instance", f"{prefix}{usage}:{name}", unit="Hrs", usd=price, **attributes
        )


def _product(
    service: str, region: str, family: str, usage: str, *, unit: str, usd: str, **attributes: str
) -> dict[str, Any]:
    sku = f"{abs(hash((region, usage, tuple(sorted(attributes.items()))))):X}"[:16].ljust(16, "0")
    rate = {"unit": unit, "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": f"{Decimal(usd):.10f}"}}
    product: dict[str, Any] = {
        "sku": sku,
        "attributes": {"servicecode": service, "regionCode": region, "usagetype": usage, **attributes},
    }
    if family:
        product["productFamily"] = family
    return {
        "product": product,
        "serviceCode": service,
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": {"priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": rate}}}},
        "version": "20250630000000",
        "publicationDate": f"{price_set().recorded_on}T00:00:00Z",
    }


def _matches(row: Params, filters: list[Params]) -> bool:
    product = row["product"]
    attributes = {**product["attributes"], "productFamily": product.get("productFamily", "")}
    for one in filters:
        value, wanted = str(attributes.get(str(one["Field"]), "")), str(one["Value"])
        kind = one.get("Type")
        fits = {
            "TERM_MATCH": value.lower() == wanted.lower(),
            "EQUALS": value == wanted,
            "CONTAINS": wanted in value,
            "ANY_OF": value in wanted.split(","),
            "NONE_OF": value not in wanted.split(","),
        }
        if kind not in fits:
            raise Refusal("InvalidParameterException", f"Input Parameters are invalid: filter type {kind}.")
        if not fits[kind]:
            return False
    return True


def spot_history(world: AccountState, call: Call) -> Mapping[str, Any]:
    """The prices of each type and zone from the requested start on, newest first, and the one in force at the start,
    which is older than it, as AWS includes it."""
    p = call.params()
    ec2 = world.moto("ec2", call.region)
    zones = sorted(zone.name for zone in ec2.describe_availability_zones())
    wanted = [f["Values"] for f in p.get("Filters") or [] if f["Name"] == "availability-zone"]
    zones = [z for z in zones if not wanted or z in wanted[0]]
    zones = [z for z in zones if not p.get("AvailabilityZone") or z == p["AvailabilityZone"]]
    now = world.clock.now()
    end = min(_aware(p.get("EndTime")) or now, now)
    start = min(_aware(p.get("StartTime")) or now, end)
    if now - start > timedelta(days=90):
        start = now - timedelta(days=90)
    products = p.get("ProductDescriptions") or ["Linux/UNIX"]
    moments = [step_start(end)]
    while moments[-1] > start:
        moments.append(moments[-1] - STEP)
    rows = [
        {
            "InstanceType": kind,
            "ProductDescription": "Linux/UNIX",
            "SpotPrice": f"{price_set().spot(call.region, zone, str(kind), moment):.6f}",
            "AvailabilityZone": zone,
            "Timestamp": moment,
        }
        for moment in moments
        for kind in p.get("InstanceTypes") or []
        if known(str(kind)) and "Linux/UNIX" in products
        for zone in zones
    ]
    first = int(p.get("NextToken") or 0)
    size = int(p.get("MaxResults") or 1000)
    page: dict[str, Any] = {"SpotPriceHistory": rows[first : first + size]}
    return {**page, "NextToken": str(first + size) if first + size < len(rows) else ""}


def _aware(moment: Any) -> datetime | None:
    if not isinstance(moment, datetime):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
