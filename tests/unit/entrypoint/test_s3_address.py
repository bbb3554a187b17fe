"""Where the engine sends its requests, on both sides: to the very host that boto3 takes with the same settings."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from aws_run.aws.session import Aws
from aws_run_entrypoint.s3_address import configured
from aws_run_entrypoint.transfer import Bucket, Credentials, StaticSource
from aws_run_entrypoint.transfer.endpoint import endpoint_for

VPC_ENDPOINT = "https://bucket.vpce-1a.s3.us-east-1.vpce.amazonaws.com"
SERVICES = f"[default]\nservices = near\n[services near]\ns3 =\n  endpoint_url = {VPC_ENDPOINT}\n"
CASES: dict[str, tuple[str, dict[str, str], str]] = {
    "plain": ("us-east-1", {}, ""),
    "plain elsewhere": ("eu-west-1", {}, ""),
    "China": ("cn-north-1", {}, ""),
    "FIPS": ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, ""),
    "FIPS in GovCloud": ("us-gov-west-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, ""),
    "dual-stack": ("eu-west-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, ""),
    "dual-stack in China": ("cn-north-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, ""),
    "both": ("us-west-2", {"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"}, ""),
    "VPC endpoint": ("us-east-1", {"AWS_ENDPOINT_URL_S3": VPC_ENDPOINT}, ""),
    "a server": ("us-east-1", {"AWS_ENDPOINT_URL": "http://minio.example:9000"}, ""),
    "S3's before all": ("us-east-1", {"AWS_ENDPOINT_URL_S3": VPC_ENDPOINT, "AWS_ENDPOINT_URL": "http://x.example"}, ""),
    "file: FIPS": ("us-east-2", {}, "[default]\nuse_fips_endpoint = true\n"),
    "file: dual-stack": ("us-east-1", {}, "[default]\nuse_dualstack_endpoint = true\n"),
    "file: dual-stack of S3": ("us-east-1", {}, "[default]\ns3 =\n  use_dualstack_endpoint = true\n"),
    "file: a server": ("us-east-1", {}, "[default]\nendpoint_url = https://s3.example/base\n"),
    "file: services": ("us-east-1", {}, SERVICES),
    "file: a profile": ("us-east-1", {"AWS_PROFILE": "closed"}, "[profile closed]\nuse_fips_endpoint = true\n"),
    "environment before file": ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "false"}, "[default]\nuse_fips_endpoint = true\n"),
    "file ignored": ("us-east-1", {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, SERVICES),
}  # fmt: skip


class _SeenError(Exception):
    pass


def sent_to(region: str) -> tuple[str, str]:
    """Host and path of boto3's request for an object."""
    seen: list[str] = []

    def stop(request: object, **_: object) -> None:
        seen.append(str(getattr(request, "url", "")))
        raise _SeenError

    config = Config(s3={"us_east_1_regional_endpoint": "regional"})
    s3 = boto3.Session(region_name=region).client("s3", config=config)
    s3.meta.events.register("before-send", stop)
    with pytest.raises(_SeenError):
        s3.get_object(Bucket="my-bucket", Key="a/b")
    url = urlsplit(seen[0])
    return url.netloc, url.path


# A client of boto3 takes a while to be made.
SAMPLE = ("plain", "FIPS", "dual-stack in China", "VPC endpoint", "file: dual-stack of S3", "file: services")


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one in SAMPLE else pytest.mark.nightly) for one in CASES]
)
def test_the_engine_goes_where_boto3_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    region, env, file = CASES[name]
    config = tmp_path / "config"
    config.write_text(file)
    env = {"AWS_CONFIG_FILE": str(config), "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", **env}
    for variable, value in env.items():
        monkeypatch.setenv(variable, value)
    here, container = (
        endpoint_for("my-bucket", region, url) for url in (Aws(region=region).endpoint_url, configured(env, region))
    )
    assert (here.host_header, here.path("a/b")) == sent_to(region)
    assert container == here


def test_a_bucket_elsewhere_is_reached_at_the_same_kind_of_address() -> None:
    there = Bucket(
        "my-bucket",
        "eu-west-1",
        StaticSource(Credentials("a", "b", None)),
        "https://s3.dualstack.us-east-1.amazonaws.com",
    )
    assert endpoint_for(there.name, there.region, there.endpoint_url).host == (
        "my-bucket.s3.dualstack.eu-west-1.amazonaws.com"
    )
    assert endpoint_for("a.b", "eu-west-1", "https://s3-fips.us-east-1.amazonaws.com")[::3] == (
        "s3-fips.eu-west-1.amazonaws.com",
        "/a.b",
    )


@pytest.mark.parametrize("file", ["not a config file", "[default\nx", "\xff"])
def test_a_config_file_that_is_none_is_left_aside(tmp_path: Path, file: str) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_bytes(file.encode("latin-1"))
    assert configured({"HOME": str(tmp_path)}, "us-east-1") is None
