"""Credentials of a role that is assumed with an ID token (OIDC), and assumed again with a new token before they expire.

Credentials that were exported once last an hour and can't be renewed; a run may take days. So the tool itself holds the
source of tokens, and neither a token nor a key is ever written to a file or to the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config as BotoConfig
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError

from aws_run.aws.errors import DENIED, translate
from aws_run.errors import CredentialsError
from aws_run.frozen import frozen

_METHOD = "assume-role-with-web-identity"
_CONFIG = BotoConfig(
    signature_version=UNSIGNED,
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=10,
    read_timeout=30,
)


@frozen
class WebIdentity:
    """`token`: a new ID token at each call. `subject`: what a token says it was given to, for messages."""

    role_arn: str
    session_name: str
    token: Callable[[], str]
    subject: Callable[[str], str] = lambda token: ""

    def session(self, region: str | None, now: Callable[[], datetime]) -> botocore.session.Session:
        """A session that has these credentials and never looks for others. `now`: what time it is in AWS."""
        core = botocore.session.get_session()
        if region:
            core.set_config_variable("region", region)
        core.register_component("credential_provider", CredentialResolver([_Provider(self, region, now)]))
        return core


class _Provider(CredentialProvider):
    METHOD = _METHOD
    CANONICAL_NAME = None

    def __init__(self, identity: WebIdentity, region: str | None, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._identity = identity
        self._region = region

    def load(self) -> Any:
        return DeferredRefreshableCredentials(refresh_using=self._refresh, method=_METHOD, time_fetcher=self._now)

    def _refresh(self) -> dict[str, Any]:
        """Raises AwsRunError: botocore hands it on to whoever made the call that needs the credentials."""
        identity = self._identity
        token = identity.token()
        try:
            # A session of its own: that of the caller would ask this provider for credentials.
            client: Any = botocore.session.get_session().create_client("sts", region_name=self._region, config=_CONFIG)
            answer = client.assume_role_with_web_identity(
                RoleArn=identity.role_arn, RoleSessionName=identity.session_name, WebIdentityToken=token
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in DENIED:
                raise translate(error, service="sts", operation="assume_role_with_web_identity") from None
            subject = identity.subject(token)
            raise CredentialsError(
                f"AWS does not let this job assume {identity.role_arn}",
                hint=f"the role's trust policy has to allow the subject {subject!r}, and the account to have the "
                "identity provider token.actions.githubusercontent.com",
            ) from None
        except BotoCoreError as error:
            raise translate(error, service="sts", operation="assume_role_with_web_identity") from None
        keys = answer["Credentials"]
        return {
            "access_key": keys["AccessKeyId"],
            "secret_key": keys["SecretAccessKey"],
            "token": keys["SessionToken"],
            "expiry_time": keys["Expiration"].isoformat(),
        }
