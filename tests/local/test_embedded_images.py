"""Images without Docker: the process builder, and the small registry that stands in where none is installed."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.local.door_support import PAGE, send
from tests.local.support import Client, admin, log_lines, run, stack, stopped, task_definition
from tests.unit.fakes import config

from aws_run.errors import BuildError, DockerError
from aws_run.image.plan import ImagePlan, plan_image
from aws_run.local import image_builder
from aws_run.local.options import LocalAws
from aws_run.local.runtime.oci import OciServer, basic
from aws_run.local.runtime.registry import Registry


def plan(root: Path, **files: str) -> ImagePlan:
    root.mkdir(exist_ok=True)
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text)
    return plan_image(config(project_dir=root, command=("python", "main.py")))


def login() -> Any:
    raise AssertionError("the process builder needs no registry")


def test_a_built_image_is_in_ecr_and_runs_by_digest(local_aws: LocalAws, client: Client, tmp_path: Path) -> None:
    client("ecr").create_repository(repositoryName="arun/demo", imageTagMutability="IMMUTABLE")
    uri = client("ecr").describe_repositories()["repositories"][0]["repositoryUri"]
    builder = image_builder(local_aws)
    assert builder is not None
    events: list[Any] = []
    project = plan(tmp_path / "p", main_py="import sys; print('args', sys.argv[1:]); print(sys.prefix)")
    digest = builder.build_push(project, uri, "t1", login, events.append)
    again = builder.build_push(project, uri, "t1", login, events.append)
    assert digest == again
    found = client("ecr").describe_images(repositoryName="arun/demo", imageIds=[{"imageTag": "t1"}])
    assert found["imageDetails"][0]["imageDigest"] == digest
    stack(client, size=1)
    made = run(client, task_definition(client, f"{uri}@{digest}", ["python", "main.py", "x"]))
    assert stopped(client, made["taskArn"])["containers"][0]["exitCode"] == 0
    args, prefix = log_lines(client, made["taskArn"])
    assert args == "args ['x']"
    assert prefix.startswith(f"{local_aws.state_dir}/venvs/")


def test_an_image_for_another_region_is_stored_in_that_regions_repository(
    local_aws: LocalAws, client: Client, tmp_path: Path
) -> None:
    keys = {"aws_access_key_id": local_aws.access_key, "aws_secret_access_key": local_aws.secret_key}
    ecr = boto3.client("ecr", region_name="eu-west-1", endpoint_url=local_aws.endpoint_url, **keys)
    uri = ecr.create_repository(repositoryName="arun/demo")["repository"]["repositoryUri"]
    builder = image_builder(local_aws)
    assert builder is not None
    digest = builder.build_push(plan(tmp_path / "p", main_py=""), uri, "t1", login, lambda event: None)
    (image,) = ecr.describe_images(repositoryName="arun/demo")["imageDetails"]
    assert image["imageDigest"] == digest
    assert client("ecr").describe_repositories()["repositories"] == []


def test_builders_side_by_side_make_one_image_and_ride_out_throttling(
    local_aws: LocalAws, client: Client, tmp_path: Path
) -> None:
    client("ecr").create_repository(repositoryName="arun/demo")
    builder = image_builder(local_aws)
    assert builder is not None
    # A requirements file nobody else has, so that the environment too is made here.
    project = plan(tmp_path / "p", main_py="", requirements_txt=f"iniconfig==2.0.0  # {tmp_path}\n")
    admin(local_aws, "faults", {"operation": "ecr:PutImage", "how": "throttle", "times": 2})
    admin(local_aws, "faults", {"operation": "ecr:PutImage", "how": "lost-after"})

    def build() -> str:
        return builder.build_push(project, "host/arun/demo", "t1", login, lambda event: None)

    with ThreadPoolExecutor(max_workers=3) as pool:
        digests = {future.result() for future in [pool.submit(build) for _ in range(3)]}
    found = client("ecr").describe_images(repositoryName="arun/demo")["imageDetails"]
    assert [image["imageDigest"] for image in found] == list(digests)


def test_a_requirement_that_does_not_exist_fails_the_build(local_aws: LocalAws, client: Client, tmp_path: Path) -> None:
    client("ecr").create_repository(repositoryName="arun/demo")
    builder = image_builder(local_aws)
    assert builder is not None
    project = plan(tmp_path / "p", main_py="", requirements_txt="no-such-package-here==1\n")
    with pytest.raises(BuildError) as failed:
        builder.build_push(project, "host/arun/demo", "t1", login, lambda event: None)
    assert any("no-such-package-here" in line for line in failed.value.log_tail)
    assert client("ecr").describe_images(repositoryName="arun/demo")["imageDetails"] == []


def test_a_dockerfile_of_its_own_needs_docker(local_aws: LocalAws, tmp_path: Path) -> None:
    from aws_run.image.recipe.recipe import OwnDockerfile

    builder = image_builder(local_aws)
    assert builder is not None
    project = replace(plan(tmp_path / "p", main_py=""), recipe=OwnDockerfile(path="Dockerfile"))
    with pytest.raises(DockerError, match="no Docker engine to build it"):
        builder.build_push(project, "host/arun/demo", "t1", login, lambda event: None)


def test_the_small_registry_keeps_what_is_pushed(tmp_path: Path) -> None:
    server = OciServer(tmp_path)
    base = f"http://{server.address}/v2/arun/demo"

    def call(method: str, url: str, body: bytes = b"", kind: str = "application/octet-stream") -> Any:
        full = url if url.startswith("http") else f"http://{server.address}{url}"
        request = urllib.request.Request(full, data=body or None, method=method, headers={"Content-Type": kind})
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()

    try:
        blob = b"a layer" * 1000
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        _, headers, _ = call("POST", f"{base}/blobs/uploads/")
        call("PATCH", headers["Location"], blob[:100])
        call("PATCH", headers["Location"], blob[100:])
        assert call("PUT", f"{headers['Location']}?digest={digest}")[0] == 201
        assert call("GET", f"{base}/blobs/{digest}")[2] == blob
        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = json.dumps({"schemaVersion": 2, "layers": [{"digest": digest, "size": len(blob)}]}).encode()
        _, headers, _ = call("PUT", f"{base}/manifests/t1", manifest, kind)
        registry = Registry(server.address)
        found = registry.manifest("arun/demo", "t1")
        assert found is not None
        assert (found.text.encode(), found.media_type) == (manifest, kind)
        assert found.digest == headers["Docker-Content-Digest"]
        assert registry.tags("arun/demo") == ["t1"]
        registry.delete("arun/demo", found.digest)
        assert registry.tags("arun/demo") == []
        assert registry.manifest("arun/demo", "t1") is None
        _, headers, _ = call("POST", f"{base}/blobs/uploads/")
        with pytest.raises(urllib.error.HTTPError) as refused:
            call("PUT", f"{headers['Location']}?digest={digest}", b"something else")
        refused.value.close()
        assert refused.value.code == 400
    finally:
        server.stop()


def test_the_small_registry_is_no_door_for_a_page_or_for_who_does_not_know_its_password(tmp_path: Path) -> None:
    server = OciServer(tmp_path, "password")
    port = server.address.rpartition(":")[2]
    right = {"Authorization": basic("password")}
    put = "/v2/arun/demo/manifests/t1"
    try:
        assert send(server.address, "/v2/", right, method="GET").status == 200
        for headers in ({}, {"Authorization": basic("guessed")}, {"Authorization": "Bearer password"}):
            refused = send(server.address, put, headers, method="PUT", body=b"{}")
            assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Basic realm="aws-run"')
        for headers in (PAGE, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "null"}):
            refused = send(server.address, put, {**right, **headers}, method="PUT", body=b"{}")
            assert (refused.status, refused.gives_permission) == (403, False)
        assert send(server.address, put, {**right, **PAGE}, method="OPTIONS").status == 403
        assert send(server.address, put, right, method="PUT", body=b"{}", host=f"evil.example:{port}").status == 403
        assert Registry(server.address, password="password").tags("arun/demo") == []
        assert list((tmp_path / "manifests").iterdir()) == []
    finally:
        server.stop()
