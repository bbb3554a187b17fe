"""Clients of the routine operations alone do what whole ones do, and everything else is still there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.stub import Stubber
from tests.unit.fakes import FakeClock

import aws_run
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


CALLED = re.compile(r'\.(?:call|pages|client|paginate|wait)\(\s*"([a-z0-9-]+)"')
REGIONS = ("us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "il-central-1", "us-nowhere-9")


def services() -> list[str]:
    """Those that the tool's code calls by name."""
    known = set(botocore.session.get_session().get_available_services())
    sources = (path.read_text(encoding="utf-8") for path in Path(aws_run.__file__).parent.rglob("*.py"))
    return sorted(known & {name for source in sources for name in CALLED.findall(source)})


def test_the_called_services_are_seen() -> None:
    assert {"s3", "ecs", "ec2", "iam", "sts", "ecr", "logs", "pricing", "ce", "service-quotas"} <= set(services())


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> tuple[botocore.session.Session, botocore.session.Session]:
    """One with the cut list of addresses, as an earlier command has left it, and botocore's own."""
    folder = tmp_path_factory.mktemp("cache")
    cache = DiskCache(lambda: folder, FakeClock())
    ModelLoader([], cache).load_data("endpoints")
    cut_list, whole_list = botocore.session.get_session(), botocore.session.get_session()
    cut_list.register_component("data_loader", ModelLoader([], cache))
    return cut_list, whole_list


@pytest.mark.parametrize("service", services())
def test_a_service_is_found_and_signed_for_as_with_the_whole_list_of_addresses(
    service: str, sessions: tuple[botocore.session.Session, botocore.session.Session]
) -> None:
    cut_list, whole_list = sessions
    for region in REGIONS:
        assert address_of(cut_list, service, region) == address_of(whole_list, service, region)


def test_the_cut_list_is_small_and_has_every_region(
    sessions: tuple[botocore.session.Session, botocore.session.Session],
) -> None:
    sizes = [len(json.dumps(each.get_component("data_loader").load_data("endpoints"))) for each in sessions]
    assert sizes[0] * 5 < sizes[1]
    regions = [each.get_available_regions("ec2", "aws-cn") for each in sessions]
    assert regions[0] == regions[1] != []


def address_of(session: Any, service: str, region: str) -> tuple[object, ...]:
    client: Any = session.create_client(service, region_name=region)
    return (
        client.meta.endpoint_url,
        client.meta.region_name,
        client.meta.partition,
        client._request_signer.region_name,
        client._request_signer.signing_name,
    )


def test_a_list_of_addresses_of_the_users_own_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text('{"partitions": [], "version": 3, "own": true}')
    cache = MemoryCache(clock=FakeClock())
    loader = ModelLoader([str(tmp_path)], cache)
    assert loader.load_data("endpoints")["own"]
    assert cache.entries == {}


def test_a_kept_list_that_is_none_is_made_again(tmp_path: Path) -> None:
    cache = MemoryCache(clock=FakeClock())
    ModelLoader([], cache).load_data("endpoints")
    (key,) = cache.entries
    cache.write(key, {"partitions": "none"})
    assert ModelLoader([], cache).load_data("endpoints")["partitions"][0]["partition"] == "aws"
