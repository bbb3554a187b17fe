"""Cost Explorer and the list of data exports, from the same bill as `local bill`.

As AWS's it is late (a day's costs come a day after its end), split over services, and has tax and credits as records of
their own. Its sources: the API Reference of GetCostAndUsageWithResources (the last 14 days, a filter, an opt-in).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from aws_run.frozen import frozen
from aws_run.local.http.protocol import Call, Refusal
from aws_run.local.http.routes import Table
from aws_run.local.sim.billing import BillLine, bill
from aws_run.local.sim.state import AccountState

LATE = timedelta(hours=24)  # after a day's end
_DAYS_BACK = 14
_TAX, _CREDIT = Decimal("0.19"), Decimal("0.05")  # shares of the usage
_PAGE = 200
_NO_RESOURCE = "NoResourceId"
_SERVICES = {
    "instance": "Amazon Elastic Compute Cloud - Compute",
    "volume": "EC2 - Other",
    "cpu-credits": "EC2 - Other",
    "ipv4": "Amazon Virtual Private Cloud",
    "fargate-task": "Amazon Elastic Container Service",
    "fargate-storage": "Amazon Elastic Container Service",
}


@frozen
class CostRecord:
    """One line of one day. `resource`: an instance's id, a task's ARN, …"""

    day: date
    service: str
    region: str
    resource: str
    kind: str  # Usage, Tax, Credit
    usd: Decimal


def table() -> Table:
    return {
        ("ce", "GetCostAndUsageWithResources"): with_resources,
        ("bcm-data-exports", "ListExports"): exports,
    }


def with_resources(world: AccountState, call: Call) -> Mapping[str, Any]:
    p = call.params()
    if not world.cost_by_resource:
        raise Refusal(
            "DataUnavailableException",
            "Resource level data is not enabled for this account. Enable it there.",
        )
    now = world.clock.now()
    start, end = _period(p.get("TimePeriod") or {})
    if start < now.date() - timedelta(days=_DAYS_BACK):
        raise Refusal("ValidationException", f"Start date cannot be earlier than {_DAYS_BACK} days ago.")
    if p.get("Granularity") != "DAILY" or not p.get("Filter"):
        raise Refusal("ValidationException", "Granularity DAILY and a Filter are required.")
    keys = [str(one.get("Key")) for one in p.get("GroupBy") or []]
    if len(keys) > 2 or "RESOURCE_ID" not in (*keys, *_named(p["Filter"])):
        raise Refusal("ValidationException", "Group by or filter by RESOURCE_ID; two groups at most.")
    metrics = [str(one) for one in p.get("Metrics") or ["UnblendedCost"]]
    wanted = _matcher(p["Filter"])
    shown = [one for one in records(world, now) if start <= one.day < end and wanted(one)]
    days = [start + timedelta(days=number) for number in range((end - start).days)]
    rows = [(day, group, usd) for day in days for group, usd in _grouped(shown, day, keys)]
    first = int(p.get("NextPageToken") or 0)
    page: dict[str, Any] = {
        "ResultsByTime": [
            {
                "TimePeriod": {"Start": day.isoformat(), "End": (day + timedelta(days=1)).isoformat()},
                "Total": {},
                "Groups": [
                    {"Keys": list(group), "Metrics": {m: {"Amount": f"{usd:.10f}", "Unit": "USD"} for m in metrics}}
                    for at, group, usd in rows[first : first + _PAGE]
                    if at == day
                ],
                "Estimated": now < _end_of(day) + LATE * 3,
            }
            for day in days
        ],
        "GroupDefinitions": [{"Type": "DIMENSION", "Key": key} for key in keys],
        "DimensionValueAttributes": [],
    }
    return {**page, "NextPageToken": str(first + _PAGE)} if first + _PAGE < len(rows) else page


def exports(world: AccountState, call: Call) -> Mapping[str, Any]:
    return {
        "Exports": [
            {
                "ExportArn": world.arn("bcm-data-exports", "us-east-1", f"export/{name}"),
                "ExportName": name,
                "ExportStatus": {"StatusCode": "HEALTHY"},
            }
            for name in world.data_exports
        ]
    }


def records(world: AccountState, now: datetime) -> Iterator[CostRecord]:
    """What Cost Explorer knows by `now`: whole days that ended long enough ago."""
    tax: dict[tuple[date, str, str], Decimal] = defaultdict(Decimal)
    for line in bill(world):
        for day, usd in _by_day(line, now):
            if _end_of(day) + LATE > now:
                continue
            service = _SERVICES[line.kind]
            resource = line.resource or _NO_RESOURCE
            for kind, share in (("Usage", Decimal(1)), ("Credit", -_CREDIT)):
                yield CostRecord(
                    day=day, service=service, region=line.region, resource=resource, kind=kind, usd=usd * share
                )
            tax[day, service, line.region] += usd * _TAX
    for (day, service, region), usd in tax.items():
        yield CostRecord(day=day, service=service, region=region, resource=_NO_RESOURCE, kind="Tax", usd=usd)


def _by_day(line: BillLine, now: datetime) -> Iterator[tuple[date, Decimal]]:
    """The line's amount by UTC day, in the share of its time that fell into each."""
    end = max(line.ended_at or now, line.started_at + timedelta(seconds=1))
    whole = Decimal(str((end - line.started_at).total_seconds()))
    at = line.started_at
    while at < end:
        until = min(end, _end_of(at.date()))
        share = Decimal(str((until - at).total_seconds())) / whole
        yield at.date(), Decimal(str(line.usd)) * share
        at = until


def _end_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc) + timedelta(days=1)


def _period(period: Mapping[str, Any]) -> tuple[date, date]:
    try:
        start, end = date.fromisoformat(str(period["Start"])), date.fromisoformat(str(period["End"]))
    except (KeyError, ValueError):
        raise Refusal("ValidationException", "TimePeriod has a Start and an End of the form YYYY-MM-DD.") from None
    if start >= end:
        raise Refusal("ValidationException", "Start date must be before end date.")
    return start, end


def _value(one: CostRecord, key: str) -> str:
    values = {"RESOURCE_ID": one.resource, "SERVICE": one.service, "REGION": one.region, "RECORD_TYPE": one.kind}
    if key not in values:
        raise Refusal("ValidationException", f"Dimension {key} is not known here.")
    return values[key]


def _matcher(expression: Mapping[str, Any]) -> Callable[[CostRecord], bool]:
    if "And" in expression:
        every = [_matcher(one) for one in expression["And"]]
        return lambda one: all(fits(one) for fits in every)
    if "Or" in expression:
        some = [_matcher(one) for one in expression["Or"]]
        return lambda one: any(fits(one) for fits in some)
    if "Not" in expression:
        inner = _matcher(expression["Not"])
        return lambda one: not inner(one)
    dimension = expression.get("Dimensions")
    if not dimension:
        raise Refusal("ValidationException", "A Filter is And, Or, Not or Dimensions here.")
    key, values = str(dimension["Key"]), {str(value) for value in dimension["Values"]}
    return lambda one: _value(one, key) in values


def _named(expression: Mapping[str, Any]) -> Iterator[str]:
    for name in ("And", "Or"):
        for one in expression.get(name) or ():
            yield from _named(one)
    if "Dimensions" in expression:
        yield str(expression["Dimensions"]["Key"])


def _grouped(shown: list[CostRecord], day: date, keys: list[str]) -> list[tuple[tuple[str, ...], Decimal]]:
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for one in shown:
        if one.day == day:
            sums[tuple(_value(one, key) for key in keys)] += one.usd
    return sorted(sums.items())
