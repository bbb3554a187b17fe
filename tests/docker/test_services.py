"""The services that the other tests here stand on are real: what is pushed comes back, from another name too."""

from __future__ import annotations

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
