"""STS's exchange of an ID token for a role's credentials, the one call that nobody signs.

AWS holds the token against the identity provider's keys, which are out of reach here, so a token's signature is not
checked. All else is: the provider is one of the account's, the audience one of the provider's, the role trusts it under
its conditions, and the token is in time. The credentials end with the role's session.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote

from aws_run.local.api.roles import role_of
from aws_run.local.http.iam_policy import applies
from aws_run.local.http.protocol import Call, Refusal
from aws_run.local.sim.state import AccountState

OPERATION = "AssumeRoleWithWebIdentity"
_SHORTEST_S, _USUAL_S = 900, 3600


def assume(world: AccountState, call: Call) -> dict[str, Any]:
    given = call.params()
    token, arn = str(given.get("WebIdentityToken", "")), str(given.get("RoleArn", ""))
    claims = _claims(token)
    issuer = str(claims.get("iss", "")).removeprefix("https://")
    provider = _provider(world, issuer)
    _check_time(world, claims)
    if provider is None:
        raise Refusal("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for https://{issuer}")
    audience = str(claims.get("aud", ""))
    if audience not in provider.client_id_list:
        raise Refusal("InvalidIdentityToken", "Incorrect token audience")
    role = role_of(world, arn)
    context = {f"{issuer}:{name}".lower(): str(value) for name, value in claims.items()}
    if role is None or role.arn != arn or not _trusts(role, provider.arn, context):
        raise Refusal("AccessDenied", f"Not authorized to perform sts:{OPERATION}", status=403)
    longest_s = int(getattr(role, "max_session_duration", None) or _USUAL_S)
    duration_s = int(given.get("DurationSeconds") or _USUAL_S)
    if not _SHORTEST_S <= duration_s <= longest_s:
        text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise Refusal("ValidationError", text)
    ends = world.clock.now() + timedelta(seconds=duration_s)
    session = world.keys.new_session(role.name, ends_at=ends)
    name = given.get("RoleSessionName", "session")
    return {
        "Credentials": {
            "AccessKeyId": session.access_key,
            "SecretAccessKey": session.secret_key,
            "SessionToken": session.token,
            "Expiration": ends,
        },
        "SubjectFromWebIdentityToken": str(claims.get("sub", "")),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.id}:{name}",
            "Arn": world.arn("sts", "", f"assumed-role/{role.name}/{name}"),
        },
        "Provider": provider.arn,
        "Audience": audience,
    }


def _claims(token: str) -> Mapping[str, Any]:
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise Refusal("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
    return claims


def _check_time(world: AccountState, claims: Mapping[str, Any]) -> None:
    """By whichever of the two clocks the issuer goes by."""
    clocks = (world.clock.now(), datetime.now(timezone.utc))
    try:
        ends = datetime.fromtimestamp(int(claims["exp"]), timezone.utc)
    except (KeyError, ValueError, TypeError, OverflowError):
        raise Refusal("InvalidIdentityToken", "Missing a required claim: exp") from None
    if all(now > ends for now in clocks):
        raise Refusal("ExpiredTokenException", "Token expired: current date/time must be before the expiration")


def _provider(world: AccountState, issuer: str) -> Any | None:
    providers = list(world.moto("iam", "aws").open_id_providers.values())
    return next((each for each in providers if each.arn.partition(":oidc-provider/")[2] == issuer), None)


def _trusts(role: Any, provider_arn: str, context: Mapping[str, str]) -> bool:
    document = role.assume_role_policy_document
    policy = json.loads(unquote(document)) if isinstance(document, str) else document
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    effects = set()
    for each in statements:
        federated = each.get("Principal", {}).get("Federated", ()) if isinstance(each.get("Principal"), dict) else ()
        named = [federated] if isinstance(federated, str) else federated
        if provider_arn in named and applies(each, f"sts:{OPERATION}", None, context):
            effects.add(each["Effect"])
    return effects == {"Allow"}
