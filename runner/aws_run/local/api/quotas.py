"""Service Quotas for EC2 and Fargate: what an account in use has; `quotas` of the options overrides a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_run.local.http.protocol import Call, Params, Refusal
from aws_run.local.http.routes import Table
from aws_run.local.sim.state import AccountState

# code -> (service, name, vCPUs)
QUOTAS: Mapping[str, tuple[str, str, float]] = {
    "L-1216C47A": ("ec2", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 256.0),
    "L-DB2E81BA": ("ec2", "Running On-Demand G and VT instances", 64.0),
    "L-417A185B": ("ec2", "Running On-Demand P instances", 64.0),
    "L-34B43A08": ("ec2", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 256.0),
    "L-3819A6DF": ("ec2", "All G and VT Spot Instance Requests", 64.0),
    "L-7212CCBC": ("ec2", "All P4, P3 and P2 Spot Instance Requests", 64.0),
    "L-C4BD4855": ("ec2", "All P5 Spot Instance Requests", 64.0),
    "L-7295265B": ("ec2", "Running On-Demand X instances", 64.0),
    "L-E3A00192": ("ec2", "All X Spot Instance Requests", 64.0),
    "L-3032A538": ("fargate", "Fargate On-Demand vCPU resource count", 256.0),
    "L-36FBB829": ("fargate", "Fargate Spot vCPU resource count", 256.0),
}
_OPEN = ("PENDING", "CASE_OPENED")
_APPROVED_ALONE, _DECIDED_AFTER_S = 512.0, 90.0
_NAMES = {"ec2": "Amazon Elastic Compute Cloud (Amazon EC2)", "fargate": "AWS Fargate"}


def table() -> Table:
    return {
        ("service-quotas", "GetServiceQuota"): get,
        ("service-quotas", "GetAWSDefaultServiceQuota"): get,
        ("service-quotas", "ListServiceQuotas"): everything,
        ("service-quotas", "ListAWSDefaultServiceQuotas"): everything,
        ("service-quotas", "RequestServiceQuotaIncrease"): request,
        ("service-quotas", "GetRequestedServiceQuotaChange"): requested,
        ("service-quotas", "ListRequestedServiceQuotaChangeHistoryByQuota"): history,
    }


def request(world: AccountState, call: Call) -> Mapping[str, Any]:
    """A small increase is approved by itself after a while; a large one becomes a case that somebody has to decide. One
    request may be open for a quota (ResourceAlreadyExistsException, Service Quotas' API reference)."""
    p = call.params()
    code, value = str(p["QuotaCode"]), float(p["DesiredValue"])
    known = QUOTAS.get(code)
    if known is None or known[0] != p["ServiceCode"]:
        raise Refusal("NoSuchResourceException", "The request failed because the specified resource does not exist.")
    if value <= quota(world, code):
        raise Refusal("IllegalArgumentException", "The desired value must be larger than the quota's current value.")
    if any(one["QuotaCode"] == code and one["Status"] in _OPEN for one in world.quota_requests.values()):
        raise Refusal("ResourceAlreadyExistsException", "Only one open service quota increase request is allowed.")
    identity = world.new_id()
    made: Params = {
        "Id": identity,
        "ServiceCode": known[0],
        "QuotaCode": code,
        "QuotaName": known[1],
        "DesiredValue": value,
        "Status": "PENDING",
    }
    world.quota_requests[identity] = made

    def decide() -> None:
        if value > _APPROVED_ALONE:
            made["Status"], made["CaseId"] = "CASE_OPENED", "1234567890"
            return
        made["Status"] = "APPROVED"
        world.quotas[code] = value

    world.later(_DECIDED_AFTER_S, decide)
    return {"RequestedQuota": dict(made)}


def requested(world: AccountState, call: Call) -> Mapping[str, Any]:
    made = world.quota_requests.get(str(call.params()["RequestId"]))
    if made is None:
        raise Refusal("NoSuchResourceException", "The request failed because the specified resource does not exist.")
    return {"RequestedQuota": dict(made)}


def history(world: AccountState, call: Call) -> Mapping[str, Any]:
    p = call.params()
    mine = [one for one in world.quota_requests.values() if one["QuotaCode"] == p["QuotaCode"]]
    return {"RequestedQuotas": [dict(one) for one in mine if p.get("Status") in (None, one["Status"])]}


def get(world: AccountState, call: Call) -> Mapping[str, Any]:
    p = call.params()
    known = QUOTAS.get(str(p["QuotaCode"]))
    if known is None or known[0] != p["ServiceCode"]:
        raise Refusal("NoSuchResourceException", "The request failed because the specified resource does not exist.")
    return {"Quota": _row(world, call.region, str(p["QuotaCode"]))}


def everything(world: AccountState, call: Call) -> Mapping[str, Any]:
    service = call.params()["ServiceCode"]
    return {"Quotas": [_row(world, call.region, code) for code, (owner, _, _) in QUOTAS.items() if owner == service]}


def quota(world: AccountState, code: str) -> float:
    return float(world.quotas.get(code, QUOTAS[code][2]))


def _row(world: AccountState, region: str, code: str) -> Params:
    service, name, _ = QUOTAS[code]
    return {
        "ServiceCode": service,
        "ServiceName": _NAMES[service],
        "QuotaArn": world.arn("servicequotas", region, f"{service}/{code}"),
        "QuotaCode": code,
        "QuotaName": name,
        "Value": quota(world, code),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
