"""A started embedded AWS for the tests of this folder: process mode, instances that boot at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.crash.story import Begin, stories
from tests.local.support import boto_client

from aws_run.local.embedded import Embedded
from aws_run.local.options import LocalAws, LocalOptions


@pytest.fixture(scope="session")
def local_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state dir for the session, so that virtual environments are made once."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def embedded(local_state: Path) -> Iterator[Embedded]:
    running = Embedded(LocalOptions(boot_s=0.05, runtime="process", may_kill=True), local_state)
    running.local = running.start()  # type: ignore[attr-defined]
    yield running
    running.stop()
    assert running.world.errors == []


@pytest.fixture
def local_aws(embedded: Embedded) -> LocalAws:
    return embedded.local  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(scope="session")
def aws_session() -> boto3.Session:
    """One for all tests: it keeps the service models, which take long to read. Keys are each client's own."""
    return boto3.Session(region_name="us-east-1")


@pytest.fixture
def client(local_aws: LocalAws, aws_session: boto3.Session) -> Iterator[Callable[[str], Any]]:
    """`client("ecs")`: boto3 against the embedded AWS, without retries that would hide a refusal."""
    made: dict[str, Any] = {}

    def make(service: str) -> Any:
        if service not in made:
            config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
            made[service] = boto_client(aws_session, local_aws, service, config=config)
        return made[service]

    yield make
    for one in made.values():
        one.close()


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Begins accounts of one test; all of them end with it."""
    with stories(tmp_path, monkeypatch) as begin_one:
        yield begin_one
