"""`aws-run quota request`: how many vCPUs the account may use, raised through Service Quotas, and watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_run.backends.ec2 import quotas
from aws_run.config import Config
from aws_run.errors import AwsCallError, AwsRunError, UsageError
from aws_run.frozen import frozen
from aws_run.lifecycle.context import AppContext
from aws_run.runs.spec import JobSpec

_LOOKS_EVERY_S = 30.0
_OPEN = ("PENDING", "CASE_OPENED")


@frozen
class Increase:
    """A request for a larger quota, as AWS shows it. `status`: PENDING, CASE_OPENED, APPROVED, DENIED, …"""

    id: str
    service: str
    code: str
    name: str
    desired: float
    status: str
    link: str

    @property
    def open(self) -> bool:
        return self.status in _OPEN


def code_for(config: Config, context: AppContext) -> tuple[str, float]:
    """The quota that counts what the configuration asks for, and the vCPUs that it needs."""
    job = JobSpec.from_config(config)
    choices, _ = context.backends["ec2"].offers(job)
    best = next(one for one in choices if one.spot is (job.spot_policy != "on-demand"))
    code = quotas.quota_of(best.name, spot=best.spot)
    if code is None:
        raise UsageError(f"No quota is known that counts {best.name}")
    return code, best.vcpu


def request(context: AppContext, code: str, *, value: float | None, needs: float | None) -> Increase:
    """Asks for `value`, or for `needs` vCPUs more than what is allowed now; a request that is open already is taken up.
    UsageError where the quota is that large already, or has room for `needs` beside what runs now."""
    service = quotas.service_of(code)
    now = context.aws.call("service-quotas", "get_service_quota", ServiceCode=service, QuotaCode=code)["Quota"]
    limit = float(now["Value"])
    if value is None:
        if needs is None:
            raise UsageError("How large is the quota to be?", hint="add --value N, or name what it is for: --gpu L4:1")
        used = quotas.Quotas(context.aws).used(code)
        if used is not None and limit - used >= needs:
            raise UsageError(
                f"{now.get('QuotaName', code)} has room for it already: {limit - used:g} of its {limit:g} vCPUs are"
                f" free, and {needs:g} are needed",
                hint="ask for more with --value",
            )
        value = limit + needs
    if value <= limit:
        raise UsageError(f"{now.get('QuotaName', code)} is {limit:g} already", hint="ask for more with --value")
    wanted = {"ServiceCode": service, "QuotaCode": code, "DesiredValue": float(value)}
    try:
        made = context.aws.call("service-quotas", "request_service_quota_increase", **wanted)["RequestedQuota"]
    except AwsCallError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise
        made = _already_open(context, service, code)
        if made is None:
            raise
    return _increase(context, made)


def _already_open(context: AppContext, service: str, code: str) -> Any:
    pages = context.aws.pages(
        "service-quotas",
        "list_requested_service_quota_change_history_by_quota",
        "RequestedQuotas",
        ServiceCode=service,
        QuotaCode=code,
    )
    return next((one for one in pages if one.get("Status") in _OPEN), None)


def watch(context: AppContext, increase: Increase, on_change: Callable[[Increase], None]) -> Increase:
    """Until AWS has decided. AwsRunError where it has not approved it."""
    while increase.open:
        context.clock.sleep(_LOOKS_EVERY_S)
        seen = context.aws.call("service-quotas", "get_requested_service_quota_change", RequestId=increase.id)
        changed = _increase(context, seen["RequestedQuota"])
        if changed.status != increase.status:
            on_change(changed)
        increase = changed
    if increase.status != "APPROVED":
        raise AwsRunError(
            f"AWS has not raised {increase.name} to {increase.desired:g}: {increase.status}", hint=increase.link
        )
    return increase


def _increase(context: AppContext, made: Any) -> Increase:
    service, code = str(made["ServiceCode"]), str(made["QuotaCode"])
    return Increase(
        id=str(made["Id"]),
        service=service,
        code=code,
        name=str(made.get("QuotaName") or code),
        desired=float(made["DesiredValue"]),
        status=str(made["Status"]),
        link=quotas.link(context.aws.region, service, code),
    )
