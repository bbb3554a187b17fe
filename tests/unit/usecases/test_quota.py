"""A quota that is raised: how much is asked for, and what AWS's decision ends with."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fakes import FakeAccount, config, refused

from aws_run.errors import AwsCallError, AwsRunError, UsageError
from aws_run.usecases import quota

CODE = "L-DB2E81BA"


def account(limit: float = 8, *statuses: str, running: int = 2) -> FakeAccount:
    """`running`: machines of 4 vCPUs each that the quota counts."""
    made = FakeAccount()
    machine = {"InstanceType": "g6.xlarge", "CpuOptions": {"CoreCount": 2, "ThreadsPerCore": 2}}
    made.aws.on("describe_instances", [{"Instances": [machine] * running}])
    row = {"Id": "1", "ServiceCode": "ec2", "QuotaCode": CODE, "QuotaName": "G and VT"}
    made.aws.on("get_service_quota", {"Quota": {"QuotaName": "G and VT", "Value": limit}})
    made.aws.on(
        "request_service_quota_increase",
        lambda *, DesiredValue, **_: {"RequestedQuota": {**row, "DesiredValue": DesiredValue, "Status": "PENDING"}},
    )
    answers = [{"RequestedQuota": {**row, "DesiredValue": 12.0, "Status": status}} for status in statuses]
    if answers:
        made.aws.on("get_requested_service_quota_change", *answers)
    return made


def test_without_a_value_one_more_machine_of_the_request_is_to_fit() -> None:
    made = quota.request(account().context, CODE, value=None, needs=4)
    assert (made.desired, made.status, made.service) == (12, "PENDING", "ec2")
    assert made.link.endswith(f"/servicequotas/home/services/ec2/quotas/{CODE}")


@pytest.mark.parametrize("running", [0, 1])
def test_a_quota_with_room_for_the_request_is_left_as_it_is(running: int) -> None:
    seen = account(running=running)
    with pytest.raises(UsageError, match=f"{8 - 4 * running} of its 8 vCPUs are free, and 4 are needed"):
        quota.request(seen.context, CODE, value=None, needs=4)
    assert "request_service_quota_increase" not in seen.aws.operations
    assert quota.request(seen.context, CODE, value=64, needs=4).desired == 64, "what is named is asked for"


def test_where_nobody_knows_what_runs_one_more_machine_is_asked_for() -> None:
    seen = account()
    seen.aws.on("describe_instances", refused("UnauthorizedOperation"))
    assert quota.request(seen.context, CODE, value=None, needs=4).desired == 12


@pytest.mark.parametrize(("value", "needs", "words"), [(None, None, "How large"), (8, None, "is 8 already")])
def test_what_cannot_be_asked_for_is_told_before_anything_is(value: Any, needs: Any, words: str) -> None:
    seen = account()
    with pytest.raises(UsageError, match=words):
        quota.request(seen.context, CODE, value=value, needs=needs)
    assert "request_service_quota_increase" not in seen.aws.operations


def test_a_request_that_is_open_already_is_taken_up() -> None:
    seen = account()
    seen.aws.on("request_service_quota_increase", refused("ResourceAlreadyExistsException"))
    rows = [
        {"Id": name, "ServiceCode": "ec2", "QuotaCode": CODE, "DesiredValue": 64.0, "Status": status}
        for name, status in (("old", "DENIED"), ("open", "CASE_OPENED"))
    ]
    seen.aws.on("list_requested_service_quota_change_history_by_quota", rows)
    made = quota.request(seen.context, CODE, value=32, needs=None)
    assert (made.id, made.desired, made.status) == ("open", 64, "CASE_OPENED")
    seen.aws.on("list_requested_service_quota_change_history_by_quota", rows[:1])
    with pytest.raises(AwsCallError):
        quota.request(seen.context, CODE, value=32, needs=None)


def test_it_is_watched_until_aws_has_decided() -> None:
    seen, told = account(8, "PENDING", "CASE_OPENED", "CASE_OPENED", "APPROVED"), []
    made = quota.request(seen.context, CODE, value=12, needs=None)
    done = quota.watch(seen.context, made, lambda one: told.append(one.status))
    assert done.status == "APPROVED"
    assert told == ["CASE_OPENED", "APPROVED"]
    assert len(seen.clock.slept) == 4


@pytest.mark.parametrize("status", ["DENIED", "CASE_CLOSED", "NOT_APPROVED", "INVALID_REQUEST"])
def test_one_that_is_not_approved_is_a_failure(status: str) -> None:
    seen = account(8, status)
    made = quota.request(seen.context, CODE, value=12, needs=None)
    with pytest.raises(AwsRunError, match=status) as ended:
        quota.watch(seen.context, made, lambda one: None)
    assert ended.value.exit_code == 125


def test_the_quota_of_a_request_is_that_of_its_family_and_market() -> None:
    seen = account()
    zones = [{"SubnetId": "subnet-1", "AvailabilityZone": "us-east-1a", "VpcId": "vpc-1", "DefaultForAz": True}]
    seen.aws.on("describe_subnets", {"Subnets": [{**one, "AvailableIpAddressCount": 9} for one in zones]})
    assert quota.code_for(config(spot_policy="on-demand"), seen.context)[0] == "L-1216C47A"
    assert quota.code_for(config(spot_policy="spot"), seen.context)[0] == "L-34B43A08"
