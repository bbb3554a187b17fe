from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.transfer.stub import StubS3


@pytest.fixture
def stub() -> Iterator[StubS3]:
    with StubS3() as running:
        yield running


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off is tested by its formula; nobody has to wait for it."""
    monkeypatch.setattr("aws_run_entrypoint.transfer.retry._BASE_S", 0.001)
    monkeypatch.setattr("aws_run_entrypoint.transfer.retry._CAP_S", 0.01)
