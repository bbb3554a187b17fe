"""What clients that look at the same moment see of an image that was just pushed."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

from aws_run.local.api import ecr
from aws_run.local.http.protocol import Reply
from aws_run.local.runtime.registry import Manifest, Registry

PUSHED = Manifest(digest="sha256:1", media_type="", text="{}")


class Pushed:
    """A registry with one image. Who reads its manifest waits for another reader, as long as one may come."""

    def __init__(self) -> None:
        self.both = threading.Barrier(2)

    def tags(self, repository: str) -> list[str]:
        return ["t1"]

    def manifest(self, repository: str, reference: str) -> Manifest:
        with contextlib.suppress(threading.BrokenBarrierError):
            self.both.wait(timeout=0.5)
        return PUSHED


class Repositories:
    def __init__(self) -> None:
        self.demo = SimpleNamespace(name="arun/demo", images=[], image_tag_mutability="IMMUTABLE")
        self.repositories = {"arun/demo": self.demo}

    def put_image(self, name: str, text: str, tag: str, media_type: str | None, digest: str) -> None:
        self.demo.images.append(SimpleNamespace(image_digest=digest, image_tags=[tag], image_manifest=text))


def test_two_looks_at_once_store_an_image_that_was_pushed_once() -> None:
    moto, registry = Repositories(), Pushed()
    world = SimpleNamespace(account="123456789012", moto=lambda service, region: moto)
    call = SimpleNamespace(
        region="us-east-1",
        operation="ListImages",
        params=lambda: {"repositoryName": "arun/demo"},
        proceed=lambda: Reply(status=200, headers=(), body=b"{}"),
    )
    look = ecr.table(None, cast(Registry, registry))["ecr", "ListImages"]
    with ThreadPoolExecutor(max_workers=2) as pool:
        looks = [pool.submit(look, cast(Any, world), cast(Any, call)) for _ in range(2)]
        answers = [cast(Reply, one.result()) for one in looks]
    assert [answer.status for answer in answers] == [200, 200]
    assert [image.image_tags for image in moto.demo.images] == [["t1"]]
