"""What GitHub's runner says of the workflow run in the environment: the one reader of GITHUB_*."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_run.frozen import frozen


@frozen
class WorkflowRun:
    """One attempt of a workflow run. Texts are empty where the environment lacks them."""

    server_url: str
    repository: str  # OWNER/NAME
    run_id: str
    attempt: str
    sha: str
    actor: str
    event: str
    branch: str  # whose code it is, where that is a branch's and no pull request's
    pull: str = ""  # the number of the pull request whose code it is
    workspace: Path

    @property
    def url(self) -> str:
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}/attempts/{self.attempt}"

    @property
    def origin_detail(self) -> str:
        """For a run's record: where it comes from, in one line."""
        facts = {
            "repository": self.repository,
            "sha": self.sha,
            "event": self.event,
            "branch": self.branch,
            "pull": self.pull,
            "actor": self.actor,
            "run": self.url if self.run_id else "",
        }
        return " ".join(f"{name}={value}" for name, value in facts.items() if value)

    @property
    def session_name(self) -> str:
        """What CloudTrail calls the session of an assumed role: at most 64 of the characters that STS takes."""
        return f"aws-run-{self.run_id or 'local'}-{self.attempt}"[:64]


def read_workflow_run(environ: Mapping[str, str], cwd: Path) -> WorkflowRun:
    return WorkflowRun(
        server_url=environ.get("GITHUB_SERVER_URL", "https://github.com"),
        repository=environ.get("GITHUB_REPOSITORY", ""),
        run_id=environ.get("GITHUB_RUN_ID", ""),
        attempt=environ.get("GITHUB_RUN_ATTEMPT", "1"),
        sha=environ.get("GITHUB_SHA", ""),
        actor=environ.get("GITHUB_ACTOR", ""),
        event=environ.get("GITHUB_EVENT_NAME", ""),
        branch=_branch(environ),
        workspace=Path(environ.get("GITHUB_WORKSPACE") or cwd),
    )


def _branch(environ: Mapping[str, str]) -> str:
    """Runs that a comment asks for are on the default branch, with the code of another."""
    if environ.get("GITHUB_EVENT_NAME") not in ("push", "schedule", "workflow_dispatch"):
        return ""
    return environ.get("GITHUB_REF_NAME", "") if environ.get("GITHUB_REF_TYPE") == "branch" else ""
