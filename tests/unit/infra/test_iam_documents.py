"""Every IAM document that the tool makes, as it is sent, by the eye of parliament: a linter with AWS's own list of actions,
resources and condition keys.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.unit.fakes import (
    ACCOUNT,
    BUCKET,
    REGION,
    RUN,
    FakeAws,
    FakeClock,
    config,
    ec2_backend,
    fargate_backend,
    spec,
)

from aws_run.infra import desired
from aws_run.infra.policies import ReadOnly, caller_policy
from aws_run.infra.resource_types import bucket as buckets
from aws_run.infra.resource_types import role as roles
from aws_run.infra.resource_types.bucket import Bucket
from aws_run.infra.resource_types.role import Role

RUNNER = Path(roles.__file__).parents[2]  # aws_run
SECRETS = {
    "A": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/db-AbCdEf:password::",
    "B": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/x",
}
ELSEWHERE = (
    ReadOnly(bucket="mine", prefix="set/", exact=False, own=True),
    ReadOnly(bucket="mine", prefix="odd*/$x?.csv", exact=True, own=True),
    ReadOnly(bucket="theirs", prefix="", exact=False, own=False),
)
# What parliament says of our documents, and why it may stand. Of a trust policy, of any other document.
ASSUMES = "CREDENTIALS_EXPOSURE sts:assumerole"
LOGIN = "CREDENTIALS_EXPOSURE ecr:getauthorizationtoken"
# Of the caller's policy, by the actions that parliament names with it.
OF_THE_CALLER = {
    "CREDENTIALS_EXPOSURE": "ECR's login, as above",
    "PERMISSIONS_MANAGEMENT_ACTIONS": "a run makes roles and the bucket's policy; only under names of the tool's own",
    "PRIVILEGE_ESCALATION": "who may make roles may give them any rights: docs/iam.md says so, and how a boundary prevents it",
    "RESOURCE_STAR": "a listing of all providers, and one of tasks that is bound to clusters by its condition",
    "RESOURCE_MISMATCH": "RunInstances on launch templates has a condition of its own; the rest is in the next statement",
}
# An action of 2025-11, and one of the same level and resource that parliament's list has: at one that it lacks it stops.
NEWER_THAN_ITS_LIST = ("autoscaling:LaunchInstances", "autoscaling:SetDesiredCapacity")
STARS = {"ecs:DescribeCapacityProviders", "ecs:ListTasks"}
EXPECTED = {
    ASSUMES: "a trust policy is there to let one AWS service assume its role, and gives nothing else",
    LOGIN: "ECR's login has no resource of its own; what its token opens is what the statement Pull names",
}
# parliament 1.6 wants one function of pkg_resources, which setuptools has no more, and compiles with warnings: so it gets a
# process of its own.
PARLIAMENT = """
import json, pathlib, sys, types
stub = types.ModuleType("pkg_resources")
stub.resource_filename = lambda package, name: str(pathlib.Path(sys.modules[package].__file__).parent / name)
sys.modules["pkg_resources"] = stub
from parliament import analyze_policy_string
documents = json.load(sys.stdin)
json.dump({
    name: [
        " ".join([f.issue, *(f.location.get("actions") or [f"{f.detail} {f.location}"])])
        for f in analyze_policy_string(text, include_community_auditors=True).findings
    ]
    for name, text in documents.items()
}, sys.stdout, default=str)
"""


def findings(documents: dict[str, str]) -> dict[str, list[str]]:
    """Each document's: the issue, and what it is about."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PARLIAMENT], input=json.dumps(documents), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0123"


def every_role() -> dict[str, Role]:
    common: dict[str, Any] = {"account": ACCOUNT, "region": REGION, "tags": {}}
    task: dict[str, Any] = {"account": ACCOUNT, "region": REGION, "bucket": BUCKET, "run_id": RUN, "tags": {}}
    theirs = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/base:1"
    made: dict[str, Role | None] = {
        "task": desired.task_role(config(), **task),
        "task, inputs elsewhere": desired.task_role(config(), **task, read=ELSEWHERE),
        "task, a key of the user's": desired.task_role(config(), **task, kms_key=KEY),
        "execution": desired.execution_role(config(), run_id=RUN, **common),
        "execution, secrets": desired.execution_role(config(secrets=SECRETS), run_id=RUN, **common),
        "execution, image": desired.execution_role(config(image=theirs), run_id=RUN, **common),
        "instance": desired.instance_role(config(), **common),
    }
    for backend in (ec2_backend(FakeAws(), FakeClock()), fargate_backend(FakeAws(), FakeClock())):
        for stage in backend.stages(spec()):
            for resource in stage.resources:
                if isinstance(resource, Role):
                    made[f"{backend.name} {resource.name}"] = resource
    return {name: role for name, role in made.items() if role is not None}


def with_resource(trust: str, arn: str) -> str:
    """parliament calls a document without Resource malformed and looks no further. A trust policy has none: what it is
    about is the role that it stands in.
    """
    document = json.loads(trust)
    for statement in document["Statement"]:
        statement["Resource"] = [arn]
    return json.dumps(document)


def sent() -> dict[str, str]:
    """Each document, word for word as AWS gets it."""
    documents = {}
    for name, role in every_role().items():
        aws = FakeAws()
        roles.create(aws, role, FakeClock())
        (trust,) = (call["AssumeRolePolicyDocument"] for call in aws.sent("create_role"))
        documents[f"{name}: trust"] = with_resource(trust, roles.arn(ACCOUNT, role.name, region=REGION))
        (documents[name],) = (call["PolicyDocument"] for call in aws.sent("put_role_policy"))
    aws = FakeAws()
    buckets.create(aws, Bucket(name=BUCKET, region=REGION, runs_retention_days=30, tags={}), FakeClock())
    (documents["bucket"],) = (call["Policy"] for call in aws.sent("put_bucket_policy"))
    return documents


def test_parliament_finds_nothing_that_has_no_reason_beside_it() -> None:
    found = findings(sent())
    assert len(found) > 10
    for name, issues in found.items():
        assert set(issues) <= ({ASSUMES} if name.endswith("trust") else {LOGIN}), name
    assert {issue for issues in found.values() for issue in issues} == set(EXPECTED), "a reason for what is gone"


def test_parliament_finds_nothing_in_the_callers_policy_that_has_no_reason() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/limit"
    documents = {
        "one region": json.dumps(caller_policy(account=ACCOUNT, region=REGION)),
        "every region": json.dumps(caller_policy(account=ACCOUNT)),
        "boundary": json.dumps(caller_policy(account=ACCOUNT, boundary=boundary)),
    }
    found = findings({name: text.replace(*NEWER_THAN_ITS_LIST) for name, text in documents.items()})
    for issues in found.values():
        assert {issue.split()[0] for issue in issues} == set(OF_THE_CALLER)
        stars = [issue for issue in issues if issue.startswith("RESOURCE_STAR")]
        assert {action for action in STARS if any(action in star for star in stars)} == STARS
        assert len(stars) == len(STARS)
        mismatched = [issue for issue in issues if issue.startswith("RESOURCE_MISMATCH")]
        assert len(mismatched) == 1
        assert "ec2:RunInstances" in mismatched[0]


def test_parliament_would_find_what_is_wrong() -> None:
    """The statement that this role had once: a condition that its action has no key for can never hold."""
    dead = {
        "Effect": "Allow", "Action": ["ecs:TagResource"], "Resource": ["*"],
        "Condition": {"ArnLike": {"ecs:cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/arun-*"}},
    }  # fmt: skip
    found = findings({"dead": json.dumps({"Version": "2012-10-17", "Statement": [dead]})})
    assert any(issue.startswith("UNKNOWN_CONDITION_FOR_ACTION") for issue in found["dead"])


def test_no_other_code_makes_a_document() -> None:
    """What is made elsewhere would not be looked at here."""
    # setup.py's trusts GitHub's tokens, whose keys parliament has no list of: tests/github/test_setup.py looks at it.
    makers = {path.name for path in RUNNER.glob("**/*.py") if "2012-10-17" in path.read_text(encoding="utf-8")}
    assert makers == {"policies.py", "role.py", "bucket.py", "setup.py"}
