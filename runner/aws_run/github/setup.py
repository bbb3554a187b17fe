"""What a repository needs to use aws-run: two workflow files, and the role that they assume. Pure."""

from __future__ import annotations

import re
from typing import Any

from aws_run.errors import UsageError
from aws_run.frozen import frozen

WORKFLOW, COMMENT_WORKFLOW = ".github/workflows/aws-run.yml", ".github/workflows/aws-run-comment.yml"
ENVIRONMENT = "aws-run"
_ISSUER = "token.actions.githubusercontent.com"
_CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0"
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")


@frozen
class Setup:
    """`action`: aws-run's own repository and a ref of it, OWNER/NAME@REF. `repository`: the user's. `ids`: those of its
    owner and of itself, which new tokens name. `account`: where the role is."""

    action: str
    repository: str
    ids: tuple[str, str] = ("OWNER_ID", "REPOSITORY_ID")
    account: str = "ACCOUNT_ID"
    input: str = "data"

    def __post_init__(self) -> None:
        name, at, ref = self.action.partition("@")
        if not _REPOSITORY.fullmatch(name) or not at or not re.fullmatch(r"[A-Za-z0-9._/-]{1,200}", ref):
            raise UsageError(
                f"--github {self.action}: that is not a repository with a ref", hint="as in --github OWNER/aws-run@v1"
            )
        if not _REPOSITORY.fullmatch(self.repository):
            raise UsageError(f"--repository {self.repository}: that is not OWNER/NAME")


def workflow(setup: Setup) -> str:
    """Runs the project with each push to the default branch, and by hand."""
    return f"""name: aws-run
on:
  push: {{branches: [main]}}
  workflow_dispatch: {{}}

permissions: {{}}

jobs:
  run:
    runs-on: ubuntu-latest
    timeout-minutes: 360
    environment: {ENVIRONMENT}
    permissions:
      contents: read
      id-token: write
    steps:
      - uses: {_CHECKOUT}
        with:
          persist-credentials: false
      - uses: {setup.action}
        with:
          input: {setup.input}
          output: out
          max-cost: 5
          aws-region: ${{{{ vars.AWS_REGION }}}}
          role-to-assume: ${{{{ vars.AWS_RUN_ROLE }}}}
          allowed-account-ids: ${{{{ vars.AWS_RUN_ACCOUNT }}}}
"""


def comment_workflow(setup: Setup) -> str:
    """Runs a pull request's code when somebody who may write comments `/aws-run`."""
    name, _, ref = setup.action.partition("@")
    return f"""name: aws-run comment
on:
  issue_comment: {{types: [created]}}

permissions: {{}}

jobs:
  aws-run:
    if: github.event.issue.pull_request && startsWith(github.event.comment.body, '/aws-run')
    permissions:
      contents: read
      pull-requests: write
      actions: write
      id-token: write
    uses: {name}/.github/workflows/pr-comment.yml@{ref}
    with:
      environment: {ENVIRONMENT}
      input: project/{setup.input}
      aws-region: ${{{{ vars.AWS_REGION }}}}
      role-to-assume: ${{{{ vars.AWS_RUN_ROLE }}}}
      allowed-account-ids: ${{{{ vars.AWS_RUN_ACCOUNT }}}}
      # The most that a comment may ask for.
      max-cpu: '4'
      max-memory: 16GB
      max-gpus: '0'
      max-timeout: 1h
      max-cost: '5'
"""


def trust_policy(setup: Setup) -> dict[str, Any]:
    """Who may assume the role: jobs of this repository, in this environment, of these two workflows.

    GitHub's subject holds ids in repositories made since July 2026, and no ids in older ones: both forms are allowed.
    """
    owner, name = setup.repository.split("/")
    owner_id, repository_id = setup.ids
    action = setup.action.partition("@")[0]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{setup.account}:oidc-provider/{_ISSUER}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{_ISSUER}:aud": "sts.amazonaws.com",
                        f"{_ISSUER}:repository_id": repository_id,
                        f"{_ISSUER}:sub": [
                            f"repo:{setup.repository}:environment:{ENVIRONMENT}",
                            f"repo:{owner}@{owner_id}/{name}@{repository_id}:environment:{ENVIRONMENT}",
                        ],
                    },
                    "StringLike": {
                        f"{_ISSUER}:job_workflow_ref": [
                            f"{setup.repository}/{WORKFLOW}@refs/heads/*",
                            f"{action}/.github/workflows/pr-comment.yml@*",
                        ]
                    },
                },
            }
        ],
    }
