"""IAM documents as the tools that manage accounts take them: plain JSON, a CloudFormation template, Terraform."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Format = Literal["json", "cloudformation", "terraform"]
Document = Mapping[str, Any]

# A managed policy may have that many characters without white space, a role's inline policies together so many
# (IAM's quotas).
MANAGED_MAX = 6_144
INLINE_MAX = 10_240
# What stands for the account in the patterns of a template, until the tool that reads it fills it in.
ACCOUNT_OF = {"cloudformation": "${AWS::AccountId}", "terraform": "${data.aws_caller_identity.current.account_id}"}


def size(document: Document) -> int:
    """As IAM counts: characters without white space."""
    return len("".join(json.dumps(document, separators=(",", ":")).split()))


def split(document: Document, most: int = MANAGED_MAX) -> list[Document]:
    """The same rights in as few managed policies as it takes. `document` is a document of several statements."""
    parts: list[list[Any]] = [[]]
    for statement in document["Statement"]:
        # A placeholder is longer than the 12 digits that it becomes.
        if parts[-1] and size({**document, "Statement": [*parts[-1], statement]}) > most:
            parts.append([])
        parts[-1].append(statement)
    return [{**document, "Statement": statements} for statements in parts]


def as_cloudformation(role: str, documents: Sequence[Document]) -> str:
    """One managed policy for each document; the ARNs are outputs."""
    names = [f"AwsRun{role.capitalize()}{number}" for number in range(1, len(documents) + 1)]
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"aws-run: what the {role} must be allowed",
        "Resources": {
            name: {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": _substituted(document)}}
            for name, document in zip(names, documents, strict=True)
        },
        "Outputs": {f"{name}Arn": {"Value": {"Ref": name}} for name in names},
    }
    return json.dumps(template, indent=2)


def _substituted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _substituted(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_substituted(member) for member in value]
    return {"Fn::Sub": value} if isinstance(value, str) and "${AWS::" in value else value


def as_terraform(role: str, documents: Sequence[Document]) -> str:
    """HCL takes JSON as an expression, and fills in what stands in `${…}`."""
    parts = ['data "aws_caller_identity" "current" {}']
    for number, document in enumerate(documents, start=1):
        body = json.dumps(document, indent=2).replace("\n", "\n  ")
        parts.append(
            f'resource "aws_iam_policy" "aws_run_{role}_{number}" {{\n'
            f'  name   = "aws-run-{role}-{number}"\n  policy = jsonencode({body})\n}}'
        )
    return "\n\n".join(parts)
