"""`make aws-smoke` as a whole, on an embedded AWS as if it were a stranger's account: held to the printed policy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import cloud

from aws_run.infra.policies import caller_policy

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.nightly  # minutes: gc waits until a killed client is known to be dead


def test_eight_stories_pass_with_the_printed_policy_within_the_budget_and_leave_nothing(
    tmp_path: Path, aws_session: boto3.Session
) -> None:
    policy = caller_policy(account="123456789012", region="us-east-1")
    with cloud(tmp_path / "home", aws_session, caller_policy=policy) as account:
        done = subprocess.run(
            [sys.executable, "-m", "tests.smoke", "--out", str(tmp_path / "out")], capture_output=True, text=True,
            check=False, cwd=ROOT, timeout=1500, stdin=subprocess.DEVNULL,
            env={**account.environment, "AWS_RUN_AWS_BUDGET": "2"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").iterdir()
    report = path.read_text()
    assert report.count("| ok |") == 8, report
    assert "Nothing, by AWS's own listings." in report
    assert "only here" not in report, "both are the same embedded AWS"
