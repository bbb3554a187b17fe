"""The services that the other tests here stand on are real: what is pushed comes back, from another name too."""

from __future__ import annotations

import boto3
import docker


def test_an_image_that_is_pushed_to_the_registry_is_pulled_by_its_digest(
    docker_engine: docker.DockerClient, registry: str, base_image: str
) -> None:
    name = f"{registry}/services/base"
    docker_engine.images.get(base_image).tag(name, "pushed")
    docker_engine.images.push(name, tag="pushed")
    digest = docker_engine.images.get_registry_data(f"{name}:pushed").id
    docker_engine.images.remove(f"{name}:pushed")

    pulled = docker_engine.images.pull(f"{name}@{digest}")

    assert pulled.id == docker_engine.images.get(base_image).id
    docker_engine.images.remove(f"{name}@{digest}")


def test_the_embedded_aws_answers_with_the_registry_as_its_ecr(embedded_aws: dict[str, str], registry: str) -> None:
    session = boto3.Session(
        aws_access_key_id=embedded_aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=embedded_aws["AWS_SECRET_ACCESS_KEY"],
        region_name=embedded_aws["AWS_REGION"],
    )
    ecr = session.client("ecr", endpoint_url=embedded_aws["AWS_ENDPOINT_URL"])
    made = ecr.create_repository(repositoryName="arun/services")["repository"]
    assert made["repositoryUri"] == f"{registry}/arun/services"
