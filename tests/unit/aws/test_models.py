"""Clients of the routine operations alone do what whole ones do, and everything else is still there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.stub import Stubber
from tests.unit.fakes import FakeClock

from aws_run.aws.cache import DiskCache, MemoryCache
from aws_run.aws.models import ROUTINE, Model, ModelLoader, cut
from aws_run.aws.session import Aws

SUBNETS = {"Subnets": [{"SubnetId": "subnet-1", "Tags": [{"Key": "a", "Value": "b"}]}]}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")


@pytest.fixture(scope="module")
def whole() -> dict[str, Model]:
    loader = botocore.session.get_session().get_component("data_loader")
    return {service: loader.load_service_model(service, "service-2") for service in ROUTINE}


def operations_of(client: Any) -> set[str]:
    return set(client.meta.service_model.operation_names)


def warm(tmp_path: Path) -> DiskCache:
    """A cache in which an earlier command has left EC2's routine operations."""
    cache = DiskCache(lambda: tmp_path, FakeClock())
    ModelLoader([], cache).load_service_model("ec2", "service-2")
    return cache


@pytest.mark.parametrize("service", sorted(ROUTINE))
def test_botocore_has_every_routine_operation(service: str, whole: dict[str, Model]) -> None:
    assert ROUTINE[service] <= whole[service]["operations"].keys()


@pytest.mark.parametrize("service", sorted(ROUTINE))
def test_a_cut_description_has_every_shape_that_it_names(service: str, whole: dict[str, Model]) -> None:
    model = cut(whole[service], ROUTINE[service])
    assert set(named(model["operations"])) | set(named(model["shapes"])) <= model["shapes"].keys()
    assert set(model["operations"]) == ROUTINE[service]
    for name, shape in model["shapes"].items():
        assert shape == {**shape, **without_prose(whole[service]["shapes"][name])}


def named(value: Any) -> Iterator[str]:
    """Where a botocore description names a shape: `{"shape": NAME}`."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from named(item)
    if isinstance(value, dict) and isinstance(value.get("shape"), str):
        yield value["shape"]


def without_prose(value: Any) -> Any:
    return json.loads(
        json.dumps(value),
        object_hook=lambda each: {
            key: item for key, item in each.items() if key != "documentation" or not isinstance(item, str)
        },
    )


def test_the_first_command_leaves_the_routine_operations_for_the_next_one(tmp_path: Path) -> None:
    first = Aws(region="eu-central-1", models=DiskCache(lambda: tmp_path, FakeClock()))
    assert len(operations_of(first._client("ec2"))) > 500
    second = Aws(region="eu-central-1", models=DiskCache(lambda: tmp_path, FakeClock()))
    assert operations_of(second._client("ec2")) == ROUTINE["ec2"]


def test_a_client_of_the_routine_operations_sends_and_reads_the_same(tmp_path: Path) -> None:
    aws = Aws(region="eu-central-1", models=warm(tmp_path))
    with Stubber(aws._client("ec2")) as wire:
        wire.add_response("describe_subnets", SUBNETS, {"SubnetIds": ["subnet-1"]})
        assert aws.call("ec2", "describe_subnets", SubnetIds=["subnet-1"])["Subnets"] == SUBNETS["Subnets"]
        wire.add_response("describe_subnets", {**SUBNETS, "NextToken": "more"}, {})
        wire.add_response("describe_subnets", SUBNETS, {"NextToken": "more"})
        assert len(list(aws.pages("ec2", "describe_subnets", "Subnets"))) == 2


def test_another_operation_is_called_through_a_client_that_has_it(tmp_path: Path) -> None:
    aws = Aws(region="eu-central-1", models=warm(tmp_path))
    with Stubber(aws._client("ec2", whole=True)) as wire:
        wire.add_response("describe_volumes", {"Volumes": []}, {})
        assert aws.call("ec2", "describe_volumes")["Volumes"] == []
    assert "DescribeVolumes" not in operations_of(aws._client("ec2"))


def test_another_version_of_botocore_reads_its_own_description(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = warm(tmp_path)
    monkeypatch.setattr(botocore, "__version__", "99.0")
    assert len(operations_of(Aws(region="eu-central-1", models=cache)._client("ec2"))) > 500


@pytest.mark.parametrize("document", [[], {}, {"operations": {}}, "text", None])
def test_a_kept_description_that_is_none_is_read_again(document: object) -> None:
    class Broken(MemoryCache):
        def read(self, key: str, *, most_age_s: float) -> Any:
            self.write(key, document)
            return super().read(key, most_age_s=most_age_s)

    assert len(operations_of(Aws(region="eu-central-1", models=Broken(clock=FakeClock()))._client("ec2"))) > 500


def test_descriptions_of_the_user_s_own_are_never_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = warm(tmp_path / "cache")
    (tmp_path / "mine" / "ec2").mkdir(parents=True)
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path / "mine"))
    assert len(operations_of(Aws(region="eu-central-1", models=cache)._client("ec2"))) > 500
