"""For the tests of the builder: a project in, an image in the registry out, and a look at what is there."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from aws_run.config import Build, Config
from aws_run.events import Event, LaneProgress
from aws_run.image.builder import RegistryLogin
from aws_run.image.docker.docker_builder import DockerBuilder
from aws_run.image.docker.docker_cli import find_cli
from aws_run.image.plan import ImagePlan, plan_image

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(kw_only=True)
class Bench:
    """Builds projects on the engine and pushes them to the registry of the tests."""

    engine: docker.DockerClient
    registry: str
    base_image: str
    pushed: list[str] = field(default_factory=list)

    def plan(self, root: Path, build: Build | None = None) -> ImagePlan:
        base = Build(base_image=self.base_image)
        return plan_image(Config(project_dir=root, name=root.name, build=build or base), [])

    def build(self, plan: ImagePlan, *, classic: bool = False, environ: Mapping[str, str] = os.environ) -> Built:
        """Through BuildKit, or through the engine's classic builder."""
        builder = DockerBuilder(environ=environ, find=(lambda _: None) if classic else find_cli)
        repository = f"{self.registry}/arun/{plan.source.root.name}"
        self.pushed.append(f"{repository}:{plan.tag}")
        events: list[Event] = []
        digest = builder.build_push(plan, repository, plan.tag, self.login, events.append)
        return Built(context=self, repository=repository, tag=plan.tag, digest=digest, events=tuple(events))

    def login(self) -> RegistryLogin:
        return RegistryLogin(server=self.registry, username="AWS", password="not asked for")

    def clean(self) -> None:
        for reference in self.pushed:
            try:
                self.engine.images.remove(reference)
            except docker.errors.ImageNotFound:
                continue


def _begins_step(event: Event) -> bool:
    """And is no word of what the step's program printed."""
    return isinstance(event, LaneProgress) and event.done is None and not event.detail


@dataclass(frozen=True, kw_only=True)
class Built:
    context: Bench
    repository: str
    tag: str
    digest: str
    events: tuple[Event, ...]

    @property
    def reference(self) -> str:
        return f"{self.repository}@{self.digest}"

    @property
    def steps(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, LaneProgress) and _begins_step(event)]

    def layers(self) -> list[str]:
        """Digests of the layers, as the registry has them."""
        name = self.repository.partition("/")[2]
        url = f"http://{self.context.registry}/v2/{name}/manifests/{self.digest}"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": _MANIFEST}), timeout=60) as answer:
            return [layer["digest"] for layer in json.load(answer)["layers"]]

    def run(self, *command: str) -> str:
        """What a command prints in a container of the image, pulled from the registry by digest."""
        self.context.engine.images.pull(self.reference)
        # Not `containers.run`: it follows the log, and that loses a last line without its newline (moby issue 43860).
        container = self.context.engine.containers.create(self.reference, list(command[1:]), entrypoint=command[0])
        try:
            container.start()
            code = container.wait()["StatusCode"]
            output = str(container.logs().decode())
        finally:
            container.remove(force=True)
        assert code == 0, output
        return output

    def inspect(self) -> dict[str, Any]:
        return dict(self.context.engine.images.get(f"{self.repository}:{self.tag}").attrs)

    def all_bytes(self) -> Iterator[bytes]:
        """Everything the image consists of: layers, configuration, history."""
        yield json.dumps(self.inspect()).encode()
        yield json.dumps(self.context.engine.images.get(f"{self.repository}:{self.tag}").history()).encode()
        # `docker save` streams plain tars; a window of two chunks sees what straddles them.
        last = b""
        for chunk in self.context.engine.images.get(f"{self.repository}:{self.tag}").save():
            yield last[-64:] + chunk
            last = chunk
