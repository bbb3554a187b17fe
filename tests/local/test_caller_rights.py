"""The printed policy of the caller, held against whole runs by the embedded AWS: with it everything passes; without any one
of its actions a command fails with a sentence that names the action, and nothing is left that bills.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.crash.account import Account
from tests.crash.story import Story, story

from aws_run.errors import AwsRunError
from aws_run.events import Notice
from aws_run.infra.policies import caller_policy
from aws_run.rights import RIGHTS
from aws_run.usecases.cancel import cancel
from aws_run.usecases.destroy import destroy, plan_destroy
from aws_run.usecases.gc import gc
from aws_run.usecases.logs import logs
from aws_run.usecases.plan import plan
from aws_run.usecases.ps import ps
from aws_run.usecases.pull import pull

ACCOUNT, REGION = "123456789012", "us-east-1"
ACTIONS = tuple(dict.fromkeys(right.action for right in RIGHTS))


def policy(*, without: str = "") -> dict[str, object]:
    return caller_policy(account=ACCOUNT, region=REGION, rights=[right for right in RIGHTS if right.action != without])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that the project's environment is made once."""
    return tmp_path_factory.mktemp("rights")


@pytest.fixture
def limited(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    with story(home, monkeypatch, caller_policy=policy()) as told:
        yield told


# -- the scenarios ------------------------------------------------------------------------------------------------


class Failed(Exception):
    """A command that did not do what it was for. `text`: all that it tells its user."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def submitted(told: Story, backend: str, **flags: object) -> None:
    shutil.rmtree(told.home / "out", ignore_errors=True)  # else nothing would be fetched
    done = told.submit(backend=backend, **flags)
    if done.exit_code or done.teardown_error:
        error = done.teardown_error
        raise Failed(f"{done.view} {error and error.message} {error and error.hint}")


def fargate(told: Story, without: str) -> None:
    told.world.caller_policy = policy(without=without)
    submitted(told, "fargate")


def ec2(told: Story, without: str) -> None:
    told.world.caller_policy = policy(without=without)
    submitted(told, "ec2")


def spot_gpu(told: Story, without: str) -> None:
    told.world.caller_policy = policy(without=without)
    submitted(told, "ec2", gpu="1", spot=True)


def cancelled(told: Story, without: str) -> None:
    told.submit("--hang", backend="fargate", detach=True)
    told.account.until(told.account.running)
    told.world.caller_policy = policy(without=without)
    _, torn = cancel(told.new_bench(), None, "tiny")
    told.world.caller_policy = None
    raise_for(torn)


def destroyed(told: Story, without: str) -> None:
    """After a run on EC2, whose machine has a role and a profile."""
    told.submit(backend="ec2")
    told.world.caller_policy = policy(without=without)
    context = told.new_bench()
    raise_for(destroy(context, "tiny", plan_destroy(context, "tiny", everything=True)))


def raise_for(torn: object) -> None:
    failed = [removal for removal in torn.removed if removal.error]  # type: ignore[attr-defined]
    if failed:
        raise Failed(" ".join(f"{removal.error} {getattr(removal, 'hint', '')}" for removal in failed))


SCENARIOS: dict[str, Callable[[Story, str], None]] = {
    "fargate": fargate, "ec2": ec2, "spot-gpu": spot_gpu, "cancel": cancelled, "destroy": destroyed,
}  # fmt: skip


# Where the first scenario that brings an action up only tidies with it, quietly: the one that can't do without.
NEEDED_BY = {
    "s3:ListBucket": "destroy",
    **dict.fromkeys(
        (
            "ecs:DescribeCapacityProviders",
            "ec2:DescribeLaunchTemplates",
            "ec2:DescribeInstances",
            "autoscaling:DescribeAutoScalingGroups",
        ),
        "ec2",
    ),
}


@pytest.fixture(scope="module")
def asked(home: Path) -> dict[str, str]:
    """Each action that AWS asks IAM about, and the first scenario that brings it up."""
    seen: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, run in SCENARIOS.items():
            with story(home, patch, caller_policy=policy()) as told:
                run(told, "")
                assert told.account.left() == {}, name
                for each in told.world.rights_checked:
                    seen.setdefault(each.action, name)
    return seen


# -- with all of it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["fargate", "ec2"])
def test_with_the_printed_policy_every_command_passes(limited: Story, tmp_path: Path, backend: str) -> None:
    told = limited
    plan(told.config(backend=backend), told.context)
    assert told.submit(backend=backend).exit_code == 0
    assert told.outputs()
    context = told.new_bench()
    assert ps(context, "tiny").runs
    run = told.record().run_id
    assert list(logs(context, run, "tiny"))
    pull(context, run, "tiny", tmp_path / "again")
    told.submit("--hang", backend=backend, detach=True)
    told.account.until(told.account.running)
    cancel(told.new_bench(), None, "tiny")
    assert gc(told.new_bench()).refused == ()
    context = told.new_bench()
    raise_for(destroy(context, "tiny", plan_destroy(context, "tiny", everything=True)))
    assert told.account.left() == {}
    assert told.account.still_bills() == []
    assert told.account.stored() == []


# -- without one --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
def test_without_one_action_a_command_names_it_and_nothing_is_left(
    home: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str], action: str
) -> None:
    rights = [right for right in RIGHTS if right.action == action]
    if action not in asked:
        assert all(right.rarely for right in rights), f"no scenario needs {action}: it is too much, or rare"
        return
    scenario = NEEDED_BY.get(action, asked[action])
    with story(home, monkeypatch, caller_policy=policy()) as told:
        if any(right.without for right in rights):
            SCENARIOS[scenario](told, action)
        else:
            failure = failure_of(told, scenario, action)
            if failure is None:  # what this machine has read today is not read again
                assert all(right.rarely for right in rights)
                assert action not in {each.action for each in told.world.rights_checked}
            else:
                assert action in everything_said(told, failure)
        told.world.caller_policy = None
        told.account.wait_for_stops()
        nothing_is_left(told)


def failure_of(told: Story, scenario: str, action: str) -> AwsRunError | Failed | None:
    try:
        SCENARIOS[scenario](told, action)
    except (AwsRunError, Failed) as error:
        return error
    return None


def everything_said(told: Story, error: BaseException) -> str:
    said = [error.text] if isinstance(error, Failed) else [error.message, error.hint or ""]  # type: ignore[attr-defined]
    said += list(getattr(error, "commands", ()))
    for event in list(told.events):
        if isinstance(event, Notice):
            said += [event.text, event.hint or ""]
    return " ".join(said)


def nothing_is_left(told: Story) -> None:
    """Nothing bills past the deadline, and one `gc` of somebody who may do everything finds the rest."""
    account: Account = told.account
    if account.still_bills() or account.left():
        account.advance(48 * 3600)
        assert account.still_bills() == []
        gc(told.new_bench())
        context = told.new_bench()
        destroy(context, "tiny", plan_destroy(context, "tiny", everything=False))
    assert account.left() == {}
