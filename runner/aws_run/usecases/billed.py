"""`aws-run cost --billed`: what AWS has billed, asked of Cost Explorer once a day for all runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from aws_run.aws.errors import DENIED
from aws_run.clock import iso
from aws_run.errors import AwsCallError, AwsRunError
from aws_run.events import Notice
from aws_run.frozen import frozen
from aws_run.lifecycle.context import AppContext
from aws_run.lifecycle.history import factor_key
from aws_run.pricing import billed
from aws_run.pricing.billed import BilledRun, BillRow
from aws_run.runs.record import Record

# What a run is billed under (Cost Explorer's dimension SERVICE): EC2's money is split over two.
_SERVICES = (
    "Amazon Elastic Compute Cloud - Compute",
    "EC2 - Other",
    "Amazon Virtual Private Cloud",
    "Amazon Elastic Container Service",
)
_KEPT_S = 60 * 86_400.0
_MOST_REQUESTS = 20
_OPT_IN = (
    "an administrator of the management account enables `Resource-level data at daily granularity` in the Cost "
    "Explorer settings of the Billing console; it has data from a day or two after that"
)


@frozen
class Billed:
    """`requests`: how many were made just now, each at billed.REQUEST_USD; 0: the answer of `asked_at` was kept.
    `tax_usd`: tax and credits of no resource. `exports`: CUR 2.0 exports, which have each line; None: they could not be
    listed. `factor`: what AWS bills for a dollar of a receipt, over `factor_runs`; None: not known. `cut`: there was
    more."""

    runs: tuple[BilledRun, ...]
    asked_at: str
    requests: int
    tax_usd: Decimal
    exports: tuple[str, ...] | None
    factor: Decimal | None = None
    factor_runs: int = 0
    cut: bool = False


def billed_costs(context: AppContext, records: Sequence[Record]) -> Billed:
    """AwsRunError with the way to switch it on where Cost Explorer has nothing by resource."""
    now = context.clock.now()
    document, requests = _bill(context, now)
    rows = [
        BillRow(day=date.fromisoformat(day), resource=resource, kind=kind, usd=Decimal(usd))
        for day, lines in document["days"].items()
        for resource, kind, usd in lines
    ]
    runs = billed.billed_runs(records, rows, days=map(date.fromisoformat, document["days"]), now=now)
    known = billed.factor_of(runs)
    if known is not None:
        factor, count = known
        context.cache().write(factor_key(context), {"factor": f"{factor:f}", "runs": count})
    return Billed(
        runs=runs,
        asked_at=document["asked_at"],
        requests=requests,
        tax_usd=billed.tax_usd(rows),
        exports=None if document["exports"] is None else tuple(document["exports"]),
        factor=known[0] if known else None,
        factor_runs=known[1] if known else 0,
        cut=bool(document["cut"]),
    )


def _bill(context: AppContext, now: datetime) -> tuple[dict[str, Any], int]:
    """What is kept of today, else what Cost Explorer says, beside what is kept of days that it no longer tells of."""
    identity = context.aws.identity()
    key = f"billed {identity.account} {identity.region}"
    kept = context.cache().read(key, most_age_s=_KEPT_S)
    before: dict[str, Any] = kept.document if kept is not None else {"days": {}}
    if kept is not None and before["asked_at"][:10] == iso(now)[:10]:
        return before, 0
    first = now.date() - timedelta(days=billed.DAYS_BACK)
    days: dict[str, list[list[str]]] = {
        (first + timedelta(days=number)).isoformat(): [] for number in range(billed.DAYS_BACK + 1)
    }
    text = (
        f"asking Cost Explorer, which costs ${billed.REQUEST_USD} a request: one as a rule, {_MOST_REQUESTS} at the "
        "most; the answer is kept for the day"
    )
    context.emit(Notice(text=text))
    requests, cut = 0, False
    for page, more in _pages(context, first, now.date() + timedelta(days=1)):
        requests += 1
        cut = more and requests == _MOST_REQUESTS
        for result in page["ResultsByTime"]:
            lines = days.setdefault(str(result["TimePeriod"]["Start"]), [])
            for group in result["Groups"]:
                resource, kind = group["Keys"]
                lines.append([resource, kind, _amount(group["Metrics"]["UnblendedCost"]["Amount"])])
        if cut:
            break
    oldest = (now.date() - timedelta(days=60)).isoformat()
    document = {
        "asked_at": iso(now),
        "days": {**{day: lines for day, lines in before["days"].items() if day >= oldest}, **days},
        "exports": _exports(context),
        "cut": cut,
    }
    context.cache().write(key, document)
    return document, requests


def _pages(context: AppContext, first: date, after: date) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each page, and whether there is another one."""
    request: dict[str, Any] = {
        "TimePeriod": {"Start": first.isoformat(), "End": after.isoformat()},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "Filter": {
            "And": [
                {"Dimensions": {"Key": "SERVICE", "Values": list(_SERVICES)}},
                {"Dimensions": {"Key": "REGION", "Values": [context.aws.identity().region]}},
            ]
        },
        "GroupBy": [{"Type": "DIMENSION", "Key": "RESOURCE_ID"}, {"Type": "DIMENSION", "Key": "RECORD_TYPE"}],
    }
    while True:
        try:
            page = context.aws.call("ce", "get_cost_and_usage_with_resources", **request)
        except AwsCallError as error:
            raise _explained(error) from error
        token = page.get("NextPageToken")
        yield page, bool(token)
        if not token:
            return
        request["NextPageToken"] = token


def _explained(error: AwsCallError) -> AwsRunError:
    if error.code == "DataUnavailableException":
        return AwsRunError("Cost Explorer has no costs by resource in this account", hint=_OPT_IN)
    if error.code in DENIED:
        hint = "allow ce:GetCostAndUsageWithResources, and IAM access to billing in the account's settings"
        return AwsRunError(f"Cost Explorer could not be asked: {error.message}", hint=hint)
    return error


def _exports(context: AppContext) -> list[str] | None:
    try:
        answer = context.aws.call("bcm-data-exports", "list_exports")
    except AwsRunError:
        return None  # whoever may not list them hears that they could not be listed
    return [str(one["ExportName"]) for one in answer.get("Exports") or ()]


def _amount(text: object) -> str:
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        amount = Decimal(0)
    return f"{amount:f}"
