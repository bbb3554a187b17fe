"""Prices as AWS tells them: the Price List API, queries narrowly and kept for a day, and the history of Spot prices.

The Price List has no Spot prices, no Capacity Blocks and no discounts. Fargate's Spot prices are in no API at all: they
come from the packaged table, and where that has none Fargate Spot counts as what Fargate costs, which it never exceeds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from aws_run.aws.cache import Cache
from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsRunError
from aws_run.pricing import packaged
from aws_run.pricing.prices import Rate, RegionRates

SOURCE = "AWS's price list"
SPOT_SOURCE = "AWS's spot price history"
_AGE_S = 86_400
_SPOT_AGE_S = 10 * 60
_REFUSED_AGE_S = 3600  # a caller who may not ask isn't sent to ask again at each run
_MOST_VALUE_CHARS = 1000  # of one filter's value: 1,024 (botocore's model of GetProducts)

Document = Mapping[str, Any]
# What a plain Linux machine is, among the dozens of products of one instance type.
_LINUX = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "licenseModel": "No License required",
}
# The usage types of a region's prices, without the region's prefix (USE1-).
_FARGATE = {
    "Fargate-vCPU-Hours:perCPU": ("fargate_vcpu_hour", "x86_64"),
    "Fargate-ARM-vCPU-Hours:perCPU": ("fargate_vcpu_hour", "arm64"),
    "Fargate-GB-Hours": ("fargate_gb_hour", "x86_64"),
    "Fargate-ARM-GB-Hours": ("fargate_gb_hour", "arm64"),
    "Fargate-EphemeralStorage-GB-Hours": ("fargate_storage_gb_hour", None),
}
_REGION_PREFIX = re.compile(r"^[A-Z]{2,3}[A-Z0-9]?\d?-")
_FLAT = {
    "EBS:VolumeUsage.gp3": "gp3_gb_month",
    "PublicIPv4:InUseAddress": "public_ipv4_hour",
    "NatGateway-Hours": "nat_gateway_hour",
    "NatGateway-Bytes": "nat_gateway_gb",
}


class AwsPrices:
    def __init__(self, aws: Aws, cache: Cache, clock: Clock) -> None:
        self._aws = aws
        self._cache = cache
        self._clock = clock
        self._refusal: str | None = None

    @property
    def note(self) -> str | None:
        if self._refusal is None:
            return None
        table = packaged.load()
        where = f"{packaged.LABEL} of {table.priced_on}"
        if self._aws.region not in table.regions:
            where += f", which has none of {self._aws.region}"
        return f"AWS's price list can't be read ({self._refusal}); prices are from {where}. Allow pricing:GetProducts"

    def region_rates(self) -> RegionRates:
        """Three calls of GetProducts side by side, once a day."""
        queries: tuple[tuple[str, dict[str, str]], ...] = (
            ("AmazonECS", {"productFamily": "Compute"}),
            ("AmazonEC2", {"volumeApiName": "gp3"}),
            ("AmazonVPC", {"group": "VPCPublicIPv4Address"}),
            ("AmazonEC2", {"productFamily": "NAT Gateway"}),
        )
        with ThreadPoolExecutor(max_workers=len(queries), thread_name_prefix="prices") as pool:
            answers = list(pool.map(lambda one: self._products(one[0], one[1], _by_usage), queries))
        fallback = packaged.load().region_rates(self._aws.region)
        rates = fallback
        for answer in answers:
            for usage, (usd, as_of) in answer.items():
                rates = _with(rates, usage, Rate(usd=Decimal(usd), source=SOURCE, as_of=as_of))
        return rates

    def on_demand(self, names: Collection[str]) -> Mapping[str, Rate]:
        chunks = list(_chunks(sorted(set(names))))
        if not chunks:
            return {}
        table, region = packaged.load(), self._aws.region
        rates = {name: rate for name in names if (rate := table.on_demand(name, region)) is not None}

        def ask(chunk: list[str]) -> Mapping[str, tuple[str, str]]:
            return self._products("AmazonEC2", dict(_LINUX), _by_type, ("instanceType", chunk))

        with ThreadPoolExecutor(max_workers=4, thread_name_prefix="prices") as pool:
            for answer in pool.map(ask, chunks):
                for name, (usd, as_of) in answer.items():
                    rates[name] = Rate(usd=Decimal(usd), source=SOURCE, as_of=as_of)
        return rates

    def spot(self, names: Collection[str]) -> Mapping[tuple[str, str], Rate]:
        wanted = sorted(set(names))
        if not wanted:
            return {}
        key = f"spot {self._aws.identity().account} {self._aws.region} {' '.join(wanted)}"
        cached = self._cache.read(key, most_age_s=_SPOT_AGE_S)
        if cached is None:
            now = self._clock.now()
            try:
                history = list(
                    self._aws.pages(
                        "ec2",
                        "describe_spot_price_history",
                        "SpotPriceHistory",
                        InstanceTypes=wanted,
                        ProductDescriptions=["Linux/UNIX"],
                        StartTime=now,  # the history includes the price that was in force then
                    )
                )
            except AwsRunError:
                return {}  # spot then counts as what on-demand costs, which is the most that AWS charges for it
            rows = [
                [one["InstanceType"], one["AvailabilityZone"], str(one["SpotPrice"]), one["Timestamp"].isoformat()]
                for one in history
            ]
            self._cache.write(key, rows)
        else:
            rows = cached.document
        return _newest(rows)

    def _products(
        self,
        service: str,
        terms: dict[str, str],
        read: Callable[[str, list[Document]], dict[str, tuple[str, str]]],
        any_of: tuple[str, list[str]] | None = None,
    ) -> Mapping[str, tuple[str, str]]:
        """What `read` makes of the products: (USD, as of) by usage type or instance type. Empty where they can't be
        read."""
        region = self._aws.region
        terms = {"regionCode": region, **terms}
        key = f"price {service} {json.dumps(terms, sort_keys=True)} {json.dumps(any_of)}"
        refused = self._cache.read(f"refused {region}", most_age_s=_REFUSED_AGE_S)
        if refused is not None:
            self._refusal = str(refused.document)
            return {}
        cached = self._cache.read(key, most_age_s=_AGE_S)
        if cached is not None:
            return {name: (str(row[0]), str(row[1])) for name, row in cached.document.items()}
        filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in terms.items()]
        if any_of is not None:
            filters.append({"Type": "ANY_OF", "Field": any_of[0], "Value": ",".join(any_of[1])})
        try:
            pages = self._aws.pages("pricing", "get_products", "PriceList", ServiceCode=service, Filters=filters)
            documents = [json.loads(page) if isinstance(page, str) else page for page in pages]
        except (AwsRunError, ValueError) as error:
            self._refusal = getattr(error, "code", "") or type(error).__name__
            self._cache.write(f"refused {region}", self._refusal)
            return {}
        prices = read(self._clock.now().date().isoformat(), documents)
        self._cache.write(key, prices)
        return prices


def _with(rates: RegionRates, usage: str, rate: Rate) -> RegionRates:
    if usage in _FLAT:
        return replace(rates, **{_FLAT[usage]: rate})  # type: ignore[arg-type]
    if usage not in _FARGATE:
        return rates
    name, arch = _FARGATE[usage]
    value: Any = rate if arch is None else {**getattr(rates, name), arch: rate}
    return replace(rates, **{name: value})


def _by_usage(today: str, documents: list[Document]) -> dict[str, tuple[str, str]]:
    """By usage type without the region's prefix. A price of several tiers is its first tier's, from 0 on."""
    prices: dict[str, tuple[str, str]] = {}
    for document in documents:
        usage = str(document.get("product", {}).get("attributes", {}).get("usagetype", ""))
        short = _REGION_PREFIX.sub("", usage)
        if (short in _FARGATE or short in _FLAT) and (price := _price(document)) is not None:
            prices[short] = (price, _published(document, today))
    return prices


def _by_type(today: str, documents: list[Document]) -> dict[str, tuple[str, str]]:
    """By instance type: what is rented by the hour, and no block that is paid beforehand."""
    prices: dict[str, tuple[str, str]] = {}
    for document in documents:
        attributes = document.get("product", {}).get("attributes", {})
        name = str(attributes.get("instanceType", ""))
        if attributes.get("marketoption", "OnDemand") != "OnDemand" or "BoxUsage" not in attributes.get(
            "usagetype", "BoxUsage"
        ):
            continue
        if name and (price := _price(document)) is not None:
            prices[name] = (price, _published(document, today))
    return prices


def _published(document: Document, today: str) -> str:
    """The day on which AWS published the list that the price stands in; today where the answer doesn't say."""
    day = str(document.get("publicationDate", ""))[:10]
    return day if re.fullmatch(r"\d{4}-\d\d-\d\d", day) else today


def _price(document: Document) -> str | None:
    """USD of the on-demand term; None where it has none, or none above 0."""
    for term in document.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            if str(dimension.get("beginRange", "0")) not in ("0", ""):
                continue
            try:
                usd = Decimal(str(dimension.get("pricePerUnit", {}).get("USD", "")))
            except InvalidOperation:
                continue
            if usd.is_finite() and usd > 0:
                return f"{usd.normalize():f}"
    return None


def _chunks(names: list[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for name in names:
        if chunk and len(",".join((*chunk, name))) > _MOST_VALUE_CHARS:
            yield chunk
            chunk = []
        chunk.append(name)
    if chunk:
        yield chunk


def _newest(rows: Any) -> Mapping[tuple[str, str], Rate]:
    """Of each type and zone the price with the latest time."""
    newest: dict[tuple[str, str], tuple[str, Rate]] = {}
    for name, zone, usd, at in rows:
        rate = Rate(usd=Decimal(str(usd)), source=SPOT_SOURCE, as_of=str(at)[:10])
        if (name, zone) not in newest or newest[name, zone][0] < str(at):
            newest[name, zone] = (str(at), rate)
    return {key: rate for key, (_, rate) in newest.items()}
