"""The embedded AWS gives credentials for an ID token as STS does: to whom the role trusts, and for an hour."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.github.id_tokens import ISSUER, SUBJECT, jwt

from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalAws

HOST = ISSUER.removeprefix("https://")
AUDIENCE = "sts.amazonaws.com"


def trust(account: str, subject: str = "repo:example/project:environment:*", **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{HOST}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{HOST}:aud": AUDIENCE}, "StringLike": {f"{HOST}:sub": subject}},
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def deploy(client: Callable[[str], Any], local_aws: LocalAws) -> str:
    iam = client("iam")
    iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE], ThumbprintList=[])
    arn = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust(local_aws.account))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="deploy", PolicyName="inline", PolicyDocument=json.dumps(allow))
    return str(arn)


@pytest.fixture
def assume(local_aws: LocalAws, aws_session: boto3.Session, deploy: str) -> Callable[..., dict[str, Any]]:
    sts: Any = aws_session.client("sts", endpoint_url=local_aws.endpoint_url, config=Config(signature_version=UNSIGNED))

    def call(**claims: Any) -> dict[str, Any]:
        given = {"iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "exp": int(time.time()) + 300, **claims}
        role = given.pop("role", deploy)
        duration = {"DurationSeconds": given.pop("duration")} if "duration" in given else {}
        answer: dict[str, Any] = sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="session", WebIdentityToken=given.pop("token", jwt(**given)), **duration
        )
        return answer

    return call


def s3_of(local_aws: LocalAws, session: boto3.Session, keys: dict[str, Any]) -> Any:
    make: Any = session.client
    return make(
        "s3", endpoint_url=local_aws.endpoint_url, aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


def test_a_token_that_the_role_trusts_gets_credentials_that_end_after_an_hour(
    assume: Callable[..., dict[str, Any]], embedded: Embedded, local_aws: LocalAws, aws_session: boto3.Session
) -> None:
    answer = assume()
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    keys = answer["Credentials"]
    s3 = s3_of(local_aws, aws_session, keys)
    assert s3.list_buckets()["Buckets"] == []
    assert 3590 < (keys["Expiration"] - embedded.world.clock.now()).total_seconds() <= 3600
    embedded.world.clock.advance(3600)
    with pytest.raises(ClientError) as refused:
        s3.list_buckets()
    assert refused.value.response["Error"]["Code"] == "ExpiredToken"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"sub": "repo:example/other:environment:aws"}, "AccessDenied"),
        ({"sub": "repo:example/project:ref:refs/heads/main"}, "AccessDenied"),
        ({"aud": "https://github.com/example"}, "InvalidIdentityToken"),
        ({"iss": "https://token.example.com"}, "InvalidIdentityToken"),
        ({"exp": 1}, "ExpiredTokenException"),
        ({"token": "no-token"}, "InvalidIdentityToken"),
        ({"role": "arn:aws:iam::123456789012:role/nobody"}, "AccessDenied"),
        ({"duration": 7200}, "ValidationError"),
    ],
)
def test_any_other_is_refused(assume: Callable[..., dict[str, Any]], wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        assume(**wrong)
    assert refused.value.response["Error"]["Code"] == code
