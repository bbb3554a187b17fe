"""The base image, pinned by digest on a real engine with a real registry."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest
from tests.docker.image_support import Bench

from aws_run.config import Build
from aws_run.events import Event
from aws_run.image.docker.find_base import find_base
from aws_run.image.plan import ImagePlan

SCRIPT = """\
import sys
wanted = "-i" in sys.argv and sys.argv.index("-i"), "-o" in sys.argv and sys.argv.index("-o")
print(open("/which").read())
"""


@dataclass
class Published:
    """A base image under one name in the tests' registry, whose tag moves."""

    engine: docker.DockerClient
    parent: str
    name: str
    ids: list[str] = field(default_factory=list)

    def publish(self, which: str, *, push: bool = True) -> None:
        """A new image under the name; the engine itself keeps it only where it is not pushed."""
        container = self.engine.containers.create(self.parent, ["sh", "-c", f"echo {which} > /which"])
        container.start()
        container.wait()
        repository, _, tag = self.name.rpartition(":")
        self.ids.append(str(container.commit(repository, tag, changes='CMD ["python3"]').id))
        container.remove()
        if push:
            self.engine.images.push(repository, tag=tag)
            self.forget()

    def forget(self) -> None:
        """The engine knows neither the name nor a digest any more, as after `docker image prune --all`."""
        for image in self.engine.images.list(self.name.rpartition(":")[0]):
            for reference in (*image.attrs["RepoTags"], *image.attrs["RepoDigests"]):
                # With the last tag its digest may be gone already.
                with suppress(docker.errors.ImageNotFound):
                    if reference.startswith(self.name.rpartition(":")[0]):
                        self.engine.api.remove_image(reference, noprune=True)


@pytest.fixture
def context(docker_engine: docker.DockerClient, registry: str, base_image: str) -> Iterator[Bench]:
    context = Bench(engine=docker_engine, registry=registry, base_image=base_image)
    yield context
    context.clean()


@pytest.fixture
def base(context: Bench, tmp_path: Path) -> Iterator[Published]:
    published = Published(
        engine=context.engine, parent=context.base_image, name=f"{context.registry}/bases/{tmp_path.name}:3.12-slim"
    )
    yield published
    published.forget()


def planned(context: Bench, root: Path, base: Published, *, refresh: bool = False) -> ImagePlan:
    root.mkdir(exist_ok=True)
    (root / "main.py").write_text(SCRIPT)
    events: list[Event] = []
    return find_base(context.plan(root, Build(base_image=base.name)), refresh=refresh, emit=events.append)


@pytest.mark.parametrize("classic", [False, True])
def test_the_image_stays_on_one_base_until_a_newer_one_is_asked_for(
    tmp_path: Path, context: Bench, base: Published, classic: bool
) -> None:
    root = tmp_path / "pinned"
    base.publish("first")
    plan = planned(context, root, base)
    assert plan.base is not None
    built = context.build(plan, classic=classic)
    assert built.run("python", "main.py") == "first\n\n"
    labels = built.inspect()["Config"]["Labels"]
    assert labels["org.opencontainers.image.base.digest"] == plan.base.digest
    assert labels["org.opencontainers.image.base.name"] == base.name
    base.publish("second")
    again = planned(context, root, base)
    assert again.tag == plan.tag
    assert context.build(again, classic=classic).run("python", "main.py") == "first\n\n"
    newer = planned(context, root, base, refresh=True)
    assert newer.tag != plan.tag
    assert newer.base is not None
    assert newer.base.origin == "engine"
    assert context.build(newer, classic=classic).run("python", "main.py") == "second\n\n"
    assert planned(context, root, base).tag == newer.tag


def test_a_base_that_was_made_here_is_known_by_its_id_and_needs_no_registry(
    tmp_path: Path, context: Bench, base: Published
) -> None:
    root = tmp_path / "made-here"
    base.name = f"arun-test-no-such-host.invalid/{tmp_path.name}:1"
    base.publish("first", push=False)
    plan = planned(context, root, base)
    assert plan.base is not None
    assert (plan.base.digest, plan.base.image_id) == (None, base.ids[0])
    assert context.build(plan).run("python", "main.py") == "first\n\n"
    assert (
        planned(context, root, base, refresh=True).tag == plan.tag
    )  # nothing newer can be had, and that is no failure
    base.publish("second", push=False)
    newer = planned(context, root, base)
    assert newer.tag != plan.tag
    assert context.build(newer).run("python", "main.py") == "second\n\n"


def test_without_a_network_what_was_fetched_once_is_built_on_again(
    tmp_path: Path, context: Bench, base: Published
) -> None:
    root = tmp_path / "offline"
    base.publish("first")
    plan = planned(context, root, base)
    context.build(plan)
    # The registry forgets it: whoever asks there now gets no answer that helps.
    assert plan.base is not None
    assert plan.base.digest is not None
    delete(context.registry, base.name.partition("/")[2].rpartition(":")[0], plan.base.digest)
    again = planned(context, root, base)
    assert again.tag == plan.tag
    (root / "more.py").write_text("")
    assert context.build(planned(context, root, base)).run("python", "main.py") == "first\n\n"


def delete(registry: str, repository: str, digest: str) -> None:
    request = urllib.request.Request(f"http://{registry}/v2/{repository}/manifests/{digest}", method="DELETE")
    urllib.request.urlopen(request, timeout=60).close()
