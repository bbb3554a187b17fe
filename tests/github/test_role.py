"""A role that is assumed with GitHub's ID tokens, and the accounts that a step may use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import boto3
import pytest
from tests.crash.account import Account
from tests.github.id_tokens import ISSUER, IdTokens, id_tokens
from tests.github.runner import Action, Runner, Step, kill_all
from tests.github.test_cancel import HANGING, assert_nothing_is_left, started
from tests.local.support import boto_client
from tests.local.test_embedded_web_identity import trust
from tests.waiting import until

from aws_run.local.http.protocol import Call, Reply

AUDIENCE = "sts.amazonaws.com"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def tokens() -> Iterator[IdTokens]:
    with id_tokens() as source:
        yield source


@pytest.fixture
def role(aws: Account) -> str:
    iam = boto_client(boto3.Session(region_name="us-east-1"), aws.local, "iam")
    iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE], ThumbprintList=[])
    arn = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust(aws.local.account))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="deploy", PolicyName="inline", PolicyDocument=json.dumps(allow))
    iam.close()
    return str(arn)


@pytest.fixture
def keyless(runner: Runner) -> Runner:
    """A job without credentials."""
    for name in KEYS:
        del runner.environment[name]
    return runner


def accepted_keys(aws: Account) -> set[str]:
    """The keys of the calls that the account answers from now on without a refusal."""
    seen: set[str] = set()
    app = aws.embedded.app
    assert app is not None
    inner = app.dispatch

    def dispatch(call: Call) -> Reply:
        reply = inner(call)
        if reply.status < 300:
            seen.add(call.access_key)
        return reply

    app.dispatch = dispatch  # type: ignore[method-assign]
    return seen


def more_than(count: int, accepted: set[str], step: Step) -> bool:
    return len(accepted) > count or step.ended


def files_below(*folders: Path) -> list[str]:
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file() and "aws-run-" not in str(path)]
    return [path.read_text(errors="replace") for path in paths]


@pytest.mark.parametrize("hours", [3, pytest.param(11, marks=pytest.mark.nightly)])
def test_a_run_outlives_its_credentials_and_so_does_its_removal(
    aws: Account, keyless: Runner, the_action: Action, tokens: IdTokens, role: str, hours: int
) -> None:
    """A run of up to twelve hours, with keys that last one."""
    given = {**HANGING, "role-to-assume": role, "allowed-account-ids": role.split(":")[4], "timeout": "12h"}
    keyless.environment |= tokens.environment()
    accepted = accepted_keys(aws)
    step = started(aws, keyless, the_action, given)
    for _ in range(hours):
        before = len(accepted)
        aws.advance(3600)
        until(partial(more_than, before, accepted, step))
        assert not step.ended, step.log.text
    assert len(tokens.given) > hours
    kill_all(step)
    before = len(tokens.given)
    after = keyless.post(the_action, given, step)
    assert after.exit_code == 0, after.log.text
    assert len(tokens.given) > before, "post has a token of its own"
    assert len(set(tokens.given)) == len(tokens.given)
    left = {kind: [name for name in names if name != "deploy"] for kind, names in aws.left().items()}
    assert {kind: names for kind, names in left.items() if names} == {}
    assert aws.still_bills() == []
    texts = [step.log.text, after.log.text, *files_below(keyless.folder)]
    for secret in (*tokens.given, tokens.request_token):
        assert not any(secret in text for text in texts)


def test_another_account_is_refused_by_the_first_call(aws: Account, runner: Runner, the_action: Action) -> None:
    step = runner.run(the_action, {**HANGING, "allowed-account-ids": "999988887777"})
    assert step.exit_code == 2
    assert step.outputs["reason-code"] == "usage"
    assert aws.script.operations() == ["sts:GetCallerIdentity"]
    assert step.state == {}
    assert_nothing_is_left(aws)


def test_a_job_without_the_permission_or_the_trust_is_told_what_to_change(
    aws: Account, keyless: Runner, the_action: Action, tokens: IdTokens, role: str
) -> None:
    given = {**HANGING, "role-to-assume": role}
    step = keyless.run(the_action, given)
    assert (step.exit_code, step.outputs["reason-code"]) == (125, "credentials")
    assert "id-token: write" in step.log.annotations[0].message
    tokens.subject = "repo:example@1/project@2:ref:refs/heads/main"
    step = keyless.run(the_action, given, **tokens.environment())
    assert (step.exit_code, step.outputs["reason-code"]) == (125, "credentials")
    assert tokens.subject in step.log.annotations[0].message
