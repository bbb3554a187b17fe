"""The AWS that a step uses: the role that its input names, else the credentials of the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aws_run.cli import compose

if TYPE_CHECKING:
    from aws_run.aws.session import Aws
    from aws_run.github.environment import WorkflowRun
    from aws_run.github.inputs import ActionInputs


def open_account(inputs: ActionInputs, workflow: WorkflowRun, *, region: str | None, profile: str | None = None) -> Aws:
    """The session, once its account is one that the inputs allow: the first call says which it is, and comes before any
    other. Raises UsageError for another account, CredentialsError and AwsCallError."""
    identity = None
    if inputs.role is not None:
        from aws_run.aws.web_identity import WebIdentity
        from aws_run.github.id_token import id_token_source, subject_of

        identity = WebIdentity(
            role_arn=inputs.role,
            session_name=workflow.session_name,
            token=id_token_source(os.environ).fetch,
            subject=subject_of,
        )
        profile = None
    aws = compose.open_aws(region=region, profile=profile, local=False, identity=identity)
    inputs.refuse_account(aws.identity().account)
    return aws
