"""What a tester broke with records that can't be read: `gc` stopped at the first, so nothing was ever removed again."""

from __future__ import annotations

import pytest
from tests.unit.fakes import (
    FakeAccount,
    record,
    refused,
)

from aws_run.lifecycle.end import leftovers
from aws_run.runs.keys import RunKeys
from aws_run.runs.record import dump

DAMAGED = "demo-20260102-020405-0001"
OVER = "demo-20260102-010405-0002"


class Account(FakeAccount):
    def hold(self, run_id: str, text: bytes) -> None:
        self.aws.call("s3", "put_object", Key=RunKeys(run_id=run_id).record, Body=text)
        self.store.locks.mark_live(run_id)


@pytest.mark.parametrize("text", [b"", b"garbage", b"[]", b"{}", b'{"version": 99, "run_id": "x"}'])
def test_one_record_that_cannot_be_read_keeps_no_other_run_from_being_found(text: bytes) -> None:
    account = Account()
    account.hold(DAMAGED, text)
    account.hold(OVER, dump(record(run_id=OVER, created_at="2026-01-02T01:04:05Z", deadline="2026-01-02T02:04:05Z")))
    found = {item.run_id: item for item in leftovers.find_leftovers(account.context)}
    assert found[OVER].removable
    assert not found[DAMAGED].removable
    assert "its deadline holds in AWS" in found[DAMAGED].why


def test_a_record_that_aws_refuses_is_aws_trouble_not_damage() -> None:
    account = Account()
    account.hold(OVER, b"")
    account.aws.on("get_object", refused("AccessDenied"))
    heard: list[str] = []
    (found,) = leftovers.find_leftovers(account.context, heard.append)
    assert not found.removable
    assert "AccessDenied" in found.why
    assert heard == [f"{OVER} could not be judged: {found.why}"]
