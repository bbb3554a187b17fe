"""Who may make which call: the policies of a task's role, and of the caller where one is given, evaluated for each
call.

The user of an embedded AWS is its administrator, unless it was started with a policy for the caller (`--enforce-iam`).
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from aws_run import partition
from aws_run.local.api.roles import age_s, role_of
from aws_run.local.api.s3_rules import owner
from aws_run.local.http import caller_requests
from aws_run.local.http.caller_request import NeededRight
from aws_run.local.http.keys import is_role_key
from aws_run.local.http.protocol import Call, Refusal
from aws_run.local.sim.state import AccountState

CALLER = "caller"  # the name of the user that a caller with a policy is
_LAUNCHING = ("ec2:RunInstances", "ec2:CreateTags", "iam:PassRole")


def denied(world: AccountState, call: Call) -> Refusal | None:
    """AccessDenied if `call` comes with the credentials of a role, or of a caller with a policy, that may not make
    it."""
    if not is_role_key(call.access_key):
        return _denied_to_caller(world, call)
    session = world.keys.session(call.access_key)
    if session is None:
        code = "InvalidAccessKeyId" if call.service == "s3" else "UnrecognizedClientException"
        return Refusal(code, "The security token included in the request is invalid.", status=403)
    role_name = session.role_name
    sent = str(call.environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or call.query.get("X-Amz-Security-Token") or "")
    if not hmac.compare_digest(sent.encode(), session.token.encode()):
        return Refusal("InvalidToken", "The provided token is malformed or otherwise invalid.", status=403)
    if session.ends_at is not None and world.clock.now() >= session.ends_at:
        code = "RequestExpired" if call.service == "ec2" else "ExpiredToken"
        code = code if call.service in ("s3", "sts", "ec2", "autoscaling", "iam") else "ExpiredTokenException"
        return Refusal(code, "The security token included in the request is expired", status=403)
    requests = s3_request(call) if call.service == "s3" else ((f"{call.service}:{call.operation}", None),)
    if requests == (("sts:GetCallerIdentity", None),):
        return None
    whose = owner(world, call.path.lstrip("/").partition("/")[0]) if call.service == "s3" else world.account
    context = {"aws:resourceaccount": whose, "aws:securetransport": "true", "aws:requestedregion": call.region}
    if "prefix" in call.query:
        context["s3:prefix"] = call.query["prefix"]
    statements = [] if _policy_is_too_new(world, role_name) else list(_statements(world, role_name))
    if call.service == "s3":
        requests = (*requests, *_key_requests(world, call, requests))
        context["kms:viaservice"] = f"s3.{call.region}.{partition.of_region(call.region).dns_suffix}"
    for action, resource in requests:
        effects = {each["Effect"] for each in statements if applies(each, action, resource, context)}
        if "Allow" not in effects or "Deny" in effects:
            break
    else:
        return None
    name = "AccessDenied" if call.service in ("s3", "sts", "ec2", "autoscaling", "iam") else "AccessDeniedException"
    return Refusal(
        name,
        f"User: {world.arn('sts', '', '')}:assumed-role/{role_name}/task is not authorized to perform: {action}"
        + (f' on resource: "{resource}"' if resource else ""),
        status=403 if call.service == "s3" else 400,
    )


def _policy_is_too_new(world: AccountState, role_name: str) -> bool:
    """IAM has not told all of AWS yet what the role may do."""
    role = role_of(world, role_name)
    return role is not None and age_s(world, role) < world.options.policy_propagation_s


def _denied_to_caller(world: AccountState, call: Call) -> Refusal | None:
    policy = world.caller_policy
    if policy is None or call.access_key != world.keys.caller_key:
        return None
    needed: list[NeededRight] = []
    if call.service == "s3":
        context = {"s3:prefix": call.query["prefix"]} if "prefix" in call.query else {}
        needed = [
            NeededRight(action=action, resource=resource, context=context) for action, resource in s3_request(call)
        ]
    elif (call.service, call.operation) != ("sts", "GetCallerIdentity"):  # nobody can be denied that one
        needed = caller_requests.rights_needed(world, call)
    common = {
        "aws:resourceaccount": world.account,
        "aws:principalaccount": world.account,
        "aws:securetransport": "true",
        "aws:requestedregion": call.region,
    }
    statements = _statements_of(policy)
    for each in needed:
        world.rights_checked.append(each)
        effects = {
            statement["Effect"]
            for statement in statements
            if applies(statement, each.action, each.resource, {**common, **each.context})
        }
        if "Allow" not in effects or "Deny" in effects:
            return _words(world, call, each, "Deny" in effects)
    for each in needed:
        if each.action == "iam:CreateServiceLinkedRole":
            world.linked_roles.add(each.context["iam:awsservicename"])
    return None


def _words(world: AccountState, call: Call, refused: NeededRight, explicitly: bool) -> Refusal:
    """As each service words it. Auto Scaling does not say what is missing to use a launch template."""
    user = world.arn("iam", "", f"user/{CALLER}")
    why = "with an explicit deny in an" if explicitly else "because no"
    end = "" if explicitly else f" allows the {refused.action} action"
    text = f"User: {user} is not authorized to perform: {refused.action}"
    text += f" on resource: {refused.resource} {why} identity-based policy{end}"
    if call.service == "ec2":
        return Refusal("UnauthorizedOperation", f"You are not authorized to perform this operation. {text}", status=403)
    if call.operation == "CreateAutoScalingGroup" and refused.action in _LAUNCHING:
        template = "You are not authorized to use launch template: the one of this group"
        return Refusal("AccessDenied", template, status=403)
    if call.service == "s3":
        return Refusal("AccessDenied", text, status=403)
    code = "AccessDenied" if call.service in ("sts", "autoscaling", "iam") else "AccessDeniedException"
    return Refusal(code, text, status=403 if call.service in ("iam", "autoscaling", "scheduler") else 400)


def role_allows(world: AccountState, role_arn: str, actions: Iterable[str]) -> bool:
    """Whether the role may do all of it, to anything."""
    statements = list(_statements(world, role_arn.rsplit("/", 1)[-1]))
    for action in actions:
        effects = {each["Effect"] for each in statements if applies(each, action, None, {})}
        if "Allow" not in effects or "Deny" in effects:
            return False
    return True


def _statements_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = document["Statement"]
    return list(statements) if isinstance(statements, list) else [statements]


def s3_request(call: Call) -> tuple[tuple[str, str], ...]:
    """The IAM actions and resources of an S3 request, path style: several where many objects are deleted at once, each
    of which S3 judges by itself (there a key that may not go is an error of its own, here the whole request is), and
    where an object is copied, which is read and written."""
    if call.method == "POST" and "delete" in call.query:
        bucket = call.path.strip("/")
        return tuple((action, f"{_s3(call)}{bucket}/{key}") for action, key in _deleted(call))
    source = unquote(str(call.environ.get("HTTP_X_AMZ_COPY_SOURCE", "")))
    if not source:
        return (_single(call),)
    name, _, version = source.lstrip("/").partition("?versionId=")
    return _single(call), (f"s3:GetObject{'Version' if version else ''}", f"{_s3(call)}{name}")


def _key_requests(
    world: AccountState, call: Call, requests: tuple[tuple[str, str | None], ...]
) -> Iterator[tuple[str, str]]:
    """What S3 does with the key of a bucket that is encrypted with one of KMS, in the name of who calls it."""
    bucket = world.moto("s3", world.partition).buckets.get(call.path.lstrip("/").partition("/")[0])
    rule = ((bucket.encryption if bucket else None) or {}).get("Rule") or {}
    by_default = (rule[0] if isinstance(rule, list) else rule).get("ApplyServerSideEncryptionByDefault") or {}
    key = by_default.get("KMSMasterKeyID")
    if by_default.get("SSEAlgorithm") != "aws:kms" or not key:
        return
    actions = {action for action, _ in requests}
    if actions & {"s3:GetObject", "s3:GetObjectVersion"}:
        yield "kms:Decrypt", str(key)
    if "s3:PutObject" in actions:
        yield "kms:GenerateDataKey", str(key)


def _deleted(call: Call) -> list[tuple[str, str]]:
    """The keys that a DeleteObjects names, read as XML as moto reads them; all there are where it can't be read."""
    everything = [("s3:DeleteObject", "*")]
    try:
        document = ElementTree.fromstring(call.whole_body())  # noqa: S314 - expat itself bounds what entities become
    except ElementTree.ParseError:
        return everything
    deletions = []
    for parent in document.iter():
        names = [child.tag.rpartition("}")[2] for child in parent]
        version = "Version" if "VersionId" in names else ""
        keys = [child.text or "" for child, name in zip(parent, names, strict=True) if name == "Key"]
        deletions += [(f"s3:DeleteObject{version}", key) for key in keys]
    return deletions or everything


# The parts of a bucket's configuration that are put by a query of their own.
_BUCKET_PARTS = {
    "publicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "versioning": "s3:PutBucketVersioning",
    "encryption": "s3:PutEncryptionConfiguration",
    "policy": "s3:PutBucketPolicy",
    "lifecycle": "s3:PutLifecycleConfiguration",
    "tagging": "s3:PutBucketTagging",
}


def _s3(call: Call) -> str:
    """How the ARNs of S3 begin in the region that the call was signed for."""
    return partition.arn("s3", "", "", "", of=call.region)


def _single(call: Call) -> tuple[str, str]:
    bucket, _, key = call.path.lstrip("/").partition("/")
    q, method = call.query, call.method
    if not bucket:
        return "s3:ListAllMyBuckets", "*"
    if not key:
        arn = f"{_s3(call)}{bucket}"
        if method in ("GET", "HEAD"):
            if "tagging" in q:
                return "s3:GetBucketTagging", arn
            if "location" in q:
                return "s3:GetBucketLocation", arn
            if "versions" in q:
                return "s3:ListBucketVersions", arn
            if "uploads" in q:
                return "s3:ListBucketMultipartUploads", arn
            return "s3:ListBucket", arn
        part = next((action for name, action in _BUCKET_PARTS.items() if name in q and method == "PUT"), None)
        return part or {"PUT": "s3:CreateBucket", "DELETE": "s3:DeleteBucket"}.get(method, "s3:ListBucket"), arn
    arn = f"{_s3(call)}{bucket}/{key}"
    version = "Version" if "versionId" in q else ""
    if method in ("GET", "HEAD"):
        if "uploadId" in q:
            return "s3:ListMultipartUploadParts", arn
        if "tagging" in q:
            return f"s3:GetObject{version}Tagging", arn
        return f"s3:GetObject{version}", arn
    if method == "DELETE":
        return ("s3:AbortMultipartUpload" if "uploadId" in q else f"s3:DeleteObject{version}"), arn
    return ("s3:PutObjectTagging" if "tagging" in q else "s3:PutObject"), arn


def _statements(world: AccountState, role_name: str) -> Iterator[Mapping[str, Any]]:
    iam = world.moto("iam", world.partition)
    role = next((r for r in list(iam.roles.values()) if r.name == role_name), None)
    if role is None:
        return
    documents: list[Any] = list(role.policies.values())
    documents += [
        policy.default_version.document if hasattr(policy, "default_version") else policy.document
        for policy in role.managed_policies.values()
    ]
    for document in documents:
        parsed = json.loads(document) if isinstance(document, str) else document
        statements = parsed["Statement"]
        yield from statements if isinstance(statements, list) else [statements]


def applies(statement: Mapping[str, Any], action: str, resource: str | None, context: Mapping[str, str]) -> bool:
    if not any(_glob(pattern.lower(), action.lower()) for pattern in _many(statement.get("Action"))):
        return False
    resources = _many(statement.get("Resource", "*"))
    if resource is not None and not any(_glob(pattern, resource) for pattern in resources):
        return False
    return all(_holds(op, keys, context) for op, keys in (statement.get("Condition") or {}).items())


def _holds(operator: str, keys: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    for key, wanted in keys.items():
        value = context.get(key.lower())
        name = operator.removesuffix("IfExists")
        if name == "Null":
            if all(str(w).lower() == "true" for w in _many(wanted)) != (value is None):
                return False
            continue
        if value is None:
            if operator.endswith("IfExists") or "Not" in name:
                continue
            return False
        matches = [_matches(name, w, value) for w in _many(wanted)]
        if any(matches) == ("Not" in name):
            return False
    return True


def _matches(operator: str, wanted: str, value: str) -> bool:
    if "Like" in operator or operator.startswith("Arn"):
        return _glob(wanted, value)
    same_case = operator.startswith("String") and "IgnoreCase" not in operator
    return wanted == value if same_case else wanted.lower() == value.lower()


def _many(value: Any) -> list[str]:
    return [] if value is None else [str(value)] if isinstance(value, (str, bool)) else [str(v) for v in value]


def _glob(pattern: str, value: str) -> bool:
    """IAM's wildcards `*` and `?`, and what stands for them as they are: `${*}`, `${?}`, `${$}`."""
    meant = {"*": ".*", "?": "."}
    parts = re.findall(r"\$\{[*?$]\}|.", pattern, re.DOTALL)
    regex = "".join(meant.get(part) or re.escape(part[2] if len(part) == 4 else part) for part in parts)
    return re.fullmatch(regex, value, re.DOTALL) is not None
