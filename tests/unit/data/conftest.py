from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.data.saved_outputs import Frozen
from tests.unit.transfer.stub import StubS3

from aws_run.data import bucket_for
from aws_run_entrypoint.transfer import Bucket


@pytest.fixture
def stub() -> Iterator[StubS3]:
    with StubS3() as running:
        yield running


@pytest.fixture
def bucket(stub: StubS3) -> Bucket:
    return bucket_for(
        name="bucket", region="us-east-1", owner="123456789012", frozen_credentials=Frozen, endpoint_url=stub.url
    )
