"""What `check` tells of an account: everything that is missing, in one round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.unit.fakes import FakeAccount, FakeAws, refused

from aws_run.aws.session import Aws, Identity
from aws_run.config import Config
from aws_run.errors import CredentialsError, DockerError
from aws_run.image.base import BaseImage
from aws_run.image.plan import ImagePlan
from aws_run.usecases import check as checks
from aws_run.usecases.check import Finding


@dataclass
class Account:
    configured_region: str | None
    has_credentials: bool

    def identity(self) -> Identity:
        if not self.has_credentials:
            raise CredentialsError("no credentials were found", hint="look here")
        return Identity(account="123456789012", arn="arn:aws:iam::123456789012:user/ann", region="eu-central-1")


def told(region: str | None, credentials: bool) -> list[Finding]:
    return checks._account(Account(region, credentials))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("region", "credentials", "states"),
    [
        ("eu-central-1", True, ["ok", "ok"]),
        ("eu-central-1", False, ["ok", "failed"]),
        (None, True, ["failed", "ok"]),
        (None, False, ["failed", "failed"]),
    ],
)
def test_region_and_credentials_are_told_in_one_round(region: str | None, credentials: bool, states: list[str]) -> None:
    findings = told(region, credentials)
    assert [finding.what for finding in findings] == ["region", "credentials"]
    assert [finding.state for finding in findings] == states
    text = " ".join(finding.todo for finding in findings)
    assert ("aws configure" in text) is ("failed" in states)
    assert ("--local" in text) is (not credentials)


def test_where_tasks_need_no_docker_its_absence_is_no_failure() -> None:
    finding = checks._docker("tasks run as processes")
    assert (finding.state, "not needed" in finding.text) == ("ok", True)


def test_a_session_knows_its_region_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert Aws().configured_region is None
    assert Aws(region="eu-west-1").configured_region == "eu-west-1"


def checked(tmp_path: Path, find_base: Callable[[ImagePlan, bool], ImagePlan]) -> list[Finding]:
    (tmp_path / "main.py").write_text("import argparse\n")
    config = Config(project_dir=tmp_path, name="demo", command=("python", "main.py"))
    return checks._project(config, replace(FakeAccount().context, find_base=find_base))


def test_a_base_image_that_is_not_had_is_told(tmp_path: Path) -> None:
    there = BaseImage(reference="python:3.12", digest="sha256:1")
    unreachable = BaseImage(reference="python:3.12", problem="The base image python:3.12 can't be fetched: no route")
    for base, told in ((there, []), (unreachable, [("warning", unreachable.problem)])):
        findings = checked(tmp_path, lambda plan, refresh, base=base: plan.on(base))  # type: ignore[misc]
        assert [(each.state, each.text) for each in findings if each.what == "base image"] == told
        assert ("ok", "command: python main.py -i INPUT -o OUTPUT") in [(each.state, each.text) for each in findings]


def test_a_project_that_only_docker_builds_fails_where_none_is(tmp_path: Path) -> None:
    def refuse(plan: ImagePlan, refresh: bool) -> ImagePlan:
        raise DockerError("there is no Docker engine to build it", hint="start Docker")

    (finding,) = checked(tmp_path, refuse)
    assert (finding.state, finding.todo) == ("failed", "start Docker")


def permissions(aws: FakeAws) -> list[tuple[str, str]]:
    return [(each.state, each.text) for each in checks._permissions(aws)]


def test_a_service_that_does_not_answer_is_no_service_that_is_fine() -> None:
    assert permissions(FakeAws()) == [("ok", "7 services answer (reading)")]
    aws = FakeAws().on("describe_auto_scaling_groups", refused("ConnectionError"))
    assert permissions(aws) == [
        ("failed", "did not answer: autoscaling:describe_auto_scaling_groups (ConnectionError)")
    ]
    aws.on("list_clusters", refused("AccessDeniedException"))
    assert [text for _, text in permissions(aws)] == [
        "refused: ecs:list_clusters",
        "did not answer: autoscaling:describe_auto_scaling_groups (ConnectionError)",
    ]


def test_what_is_refused_for_the_request_alone_is_an_answer() -> None:
    assert permissions(FakeAws().on("get_parameter", refused("ParameterNotFound")))[0][0] == "ok"


def test_one_service_that_does_not_take_the_credentials_hides_nothing_else() -> None:
    aws = FakeAws().on("list_roles", CredentialsError("not these", code="InvalidClientTokenId"))
    aws.on("get_service_quota", CredentialsError("not these", code="InvalidClientTokenId"))
    assert permissions(aws) == [("failed", "refused: iam:list_roles")]
    assert checks._quota(aws, "Fargate vCPUs", "fargate", "L-1").state == "warning"
