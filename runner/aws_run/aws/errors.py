"""Translates botocore's exceptions to the tool's own: one sentence, AWS's code, and what to do next."""

from __future__ import annotations

import re

from botocore import exceptions as boto

from aws_run.errors import AwsCallError, AwsRunError, CredentialsError
from aws_run.hints import quoted
from aws_run.rights import actions_of

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_UNKNOWN_KEY = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
}
# What a region says of keys that it does not know.
UNKNOWN_TO_REGION = {"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess", "Forbidden", "403"}
THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "SlowDown",
    "RequestThrottled",
    "BandwidthLimitExceeded",
    "ProvisionedThroughputExceededException",
    "PriorRequestNotComplete",
}
# After these codes the call may or may not have been carried out: existing resources are adopted, deletes repeated.
UNKNOWN_OUTCOME = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "ServerException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "InternalServiceError",
    "500",
    "502",
    "503",
    "504",
    "ConnectionError",
}

# There is a response, but it is not complete.
_INCOMPLETE = (boto.IncompleteReadError, boto.ChecksumError, boto.FlexibleChecksumError)
NETWORK_HINT = "check the network and the region (and AWS_ENDPOINT_URL if it is set)"


def denied_hint(service: str, operation: str) -> str:
    """What to ask for. AWS does not always name the action that was missing, and a HEAD's refusal has no text at
    all."""
    first, *others = actions_of(service, operation)
    more = f" (AWS also checks {', '.join(others)})" if others else ""
    return f"ask your AWS administrator to allow {first}{more}; `aws-run iam-policy` prints all that is needed"


def is_transient(error: AwsCallError) -> bool:
    """Whether the same call may work a moment later: throttled, a 5xx, or no answer at all.

    The status says more than a list of codes: ServiceFailure (IAM), InternalServerException (Scheduler) and
    ResourceContention (Auto Scaling) are 500 too.
    """
    server_error = error.status is not None and error.status >= 500
    return server_error or error.code in UNKNOWN_OUTCOME or error.code in THROTTLED


def translate(error: Exception, *, service: str, operation: str) -> AwsRunError:
    """`error` from botocore as an AwsRunError, with AWS's own message in it."""
    if isinstance(error, boto.ClientError):
        return _from_response(error, service)
    if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError)):
        return CredentialsError(
            "No AWS credentials were found"
            if isinstance(error, boto.NoCredentialsError)
            else f"AWS credentials: {error}",
            hint="run `aws configure sso` or `aws configure`, set AWS_PROFILE, or try --local, which needs no account",
        )
    if isinstance(error, (boto.SSOError, boto.TokenRetrievalError, boto.UnauthorizedSSOTokenError)):
        return CredentialsError(
            "The AWS SSO session has ended", hint="run `aws sso login`, then the same command again"
        )
    if isinstance(error, boto.NoRegionError):
        return CredentialsError(
            "No AWS region is set",
            hint="pass --region, for example --region us-east-1, or keep it with `aws configure set region us-east-1`;"
            " " + quoted("check") + " lists what else is missing, and --local needs no account",
        )
    if isinstance(error, boto.ProfileNotFound):
        return CredentialsError(f"{error}", hint="`aws configure list-profiles` shows the profiles there are")
    # No response: refused, reset, timed out. botocore has two unrelated families of exceptions for it.
    if isinstance(error, (boto.HTTPClientError, boto.ConnectionError)):
        return AwsCallError(
            f"{service} did not answer {operation}: {error}",
            code="ConnectionError",
            operation=operation,
            hint=NETWORK_HINT,
        )
    if isinstance(error, boto.InvalidRegionError):
        return CredentialsError(f"{error}", hint="pass --region, for example --region us-east-1")
    if isinstance(error, (boto.ConfigParseError, boto.InvalidConfigError)):
        return CredentialsError(f"{error}", hint="correct the AWS configuration (~/.aws/config, or AWS_CONFIG_FILE)")
    if isinstance(error, ValueError):  # raised when a client is made
        return CredentialsError(f"The AWS settings can't be used: {error}", hint="see AWS_ENDPOINT_URL and --region")
    if isinstance(error, _INCOMPLETE) or not isinstance(error, boto.BotoCoreError):
        return unreadable(error, service=service, operation=operation)
    return AwsCallError(f"{service} {operation}: {error}", code=type(error).__name__, operation=operation)


def unreadable(error: Exception, *, service: str, operation: str) -> AwsCallError:
    """For a response that can't be read: the same as no response."""
    return AwsCallError(
        f"{service}'s response to {operation} could not be read: {type(error).__name__}: {error}",
        code="ConnectionError",
        operation=operation,
        hint=NETWORK_HINT,
    )


# IAM's guide, "Troubleshoot access denied error messages": the kind of policy stands in the message and nowhere else in
# the answer.
_DENIED_BY = re.compile(r"with an explicit deny in an? (?P<kind>[\w -]+? policy|permissions boundary)|"
                        r"because no (?P<none>[\w -]+? policy|permissions boundary) allows")  # fmt: skip
_WHO_CHANGES = {
    "service control policy": "it holds for the whole account: only who manages the AWS organization can change it, "
    "and no right of this role helps",
    "resource control policy": "it holds for the account's resources: only who manages the AWS organization can "
    "change it, and no right of this role helps",
    "permissions boundary": "it bounds this role whatever its policies allow: who set the boundary can change it",
    "session policy": "it came with these credentials: sign in with others, or have it changed where they are made",
    "vpc endpoint policy": "the VPC endpoint that the call went through has it: who manages the network can change it",
}


def denied_by(text: str) -> str | None:
    """Who can lift a denial, where AWS's message names a policy that is not the caller's own; else None."""
    match = _DENIED_BY.search(text)
    kind = ((match["kind"] or match["none"]) if match else "").lower()
    return f"a {kind} denies it; {_WHO_CHANGES[kind]}" if kind in _WHO_CHANGES else None


def _from_response(error: boto.ClientError, service: str) -> AwsRunError:
    details = error.response.get("Error", {})
    code = str(details.get("Code", "Unknown"))
    text = str(details.get("Message", "")).strip() or code
    operation = error.operation_name
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in _EXPIRED:
        return CredentialsError(
            f"The AWS credentials have expired ({code})",
            hint="sign in again (`aws sso login`), then repeat the command",
        )
    if code in _UNKNOWN_KEY:
        return CredentialsError(
            f"AWS does not accept these credentials ({code}: {text})",
            hint="`aws sts get-caller-identity` shows who you are",
            code=code,
        )
    hint = None
    if code in DENIED:
        hint = denied_by(text) or denied_hint(service, operation)
    elif code in THROTTLED:
        hint = "AWS is limiting the number of calls; try again in a minute"
    return AwsCallError(
        f"{operation} was refused by AWS: {text} ({code})", code=code, operation=operation, hint=hint, status=status
    )
