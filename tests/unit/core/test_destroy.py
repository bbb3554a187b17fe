"""`destroy`: a run that lives, seen before or only under the lock, keeps what it stands on."""

from __future__ import annotations

import pytest
from tests.unit.core.support import ACCOUNT, BUCKET, RUN, Events, FakeAws, FakeBucket, FakeClock, refused

from aws_run.errors import AwsRunError
from aws_run.infra.resources import Ref
from aws_run.infra.store import RunStore
from aws_run.usecases.bench import Bench
from aws_run.usecases.destroy import Doomed, destroy, look

LOGS = Ref(kind="log-group", name="/aws-run/demo", scope="shared")
STORE = Ref(kind="bucket", name=BUCKET, scope="kept")
OTHER = "other-20260102-030405-0001"


class Account:
    def __init__(self) -> None:
        self.aws, clock = FakeAws(), FakeClock()
        self.bucket = FakeBucket(self.aws, clock)
        self.store = RunStore(self.aws, BUCKET, ACCOUNT)
        self.bench = Bench(
            aws=self.aws,
            clock=clock,
            emit=Events().emit,
            backends={},
            builder=lambda: pytest.fail("nothing is built"),
            storage=lambda _: pytest.fail("no data moves"),
            salt=lambda: "ab12",
        )


def test_a_run_that_started_after_the_look_keeps_its_roles() -> None:
    account = Account()
    seen = Doomed(refs=(LOGS,), live_runs=())
    account.store.mark_live(RUN)
    with pytest.raises(AwsRunError, match=RUN) as caught:
        destroy(account.bench, "demo", seen)
    assert caught.value.hint == f"aws-run cancel {RUN}"
    assert "delete_log_group" not in account.aws.operations
    assert not any(key.startswith("locks/") for key in account.bucket.objects)


def test_another_projects_run_keeps_the_accounts_bucket_but_not_this_projects_roles() -> None:
    account = Account()
    account.store.mark_live(OTHER)
    with pytest.raises(AwsRunError, match=OTHER):
        destroy(account.bench, "demo", Doomed(refs=(LOGS, STORE), live_runs=()))
    torn = destroy(account.bench, "demo", Doomed(refs=(LOGS,), live_runs=()))
    assert [(removal.ref, removal.error) for removal in torn.removed] == [(LOGS, None)]


def test_the_look_tells_whom_it_would_hurt() -> None:
    account = Account()
    account.aws.on("get_role", refused("NoSuchEntity"))
    account.store.mark_live(OTHER)
    account.store.mark_live(RUN)
    assert look(account.bench, "demo", everything=False).live_runs == (RUN,)
    assert set(look(account.bench, "demo", everything=True).live_runs) == {RUN, OTHER}
