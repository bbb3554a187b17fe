"""ECR: moto's repositories, with the images of the registry behind them and tokens that are true."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from datetime import timedelta
from typing import Any

from aws_run import partition
from aws_run.local.http.protocol import Call, Params, Refusal, Reply
from aws_run.local.http.routes import Table
from aws_run.local.runtime.registry import Manifest, Registry
from aws_run.local.sim.state import AccountState

_TOKEN_LIFE = timedelta(hours=12)


def table(address: str | None, registry: Registry | None) -> Table:
    """`address`: what stands before the slash of a repository's URI, None for AWS's own form."""
    api = _Api(address, registry)
    return {
        ("ecr", "GetAuthorizationToken"): api.token,
        ("ecr", "CreateRepository"): api.create,
        ("ecr", "PutImage"): api.put_image,
        ("ecr", "PutImageTagMutability"): api.put_mutability,
        ("ecr", "DescribeImages"): api.synced,
        ("ecr", "ListImages"): api.synced,
        ("ecr", "BatchGetImage"): api.synced,
        ("ecr", "BatchDeleteImage"): api.delete_images,
        ("ecr", "DeleteRepository"): api.delete,
    }


class _Api:
    def __init__(self, address: str | None, registry: Registry | None) -> None:
        self._address = address
        self._registry = registry
        self._storing = threading.Lock()  # what is there already is looked up and stored in one step

    def token(self, world: AccountState, call: Call) -> Params:
        host = self._address or f"{world.account}.dkr.ecr.{call.region}.{partition.of_region(call.region).dns_suffix}"
        password = (self._registry and self._registry.password) or world.new_id()
        secret = base64.b64encode(f"AWS:{password}".encode()).decode()
        return {
            "authorizationData": [
                {
                    "authorizationToken": secret,
                    "expiresAt": world.clock.now() + _TOKEN_LIFE,
                    "proxyEndpoint": f"http://{host}" if self._address else f"https://{host}",
                }
            ]
        }

    def create(self, world: AccountState, call: Call) -> Reply:
        reply = call.proceed()
        repository = self._repository(world, call)
        self._note_mutability(repository)
        if reply.status != 200 or repository is None or self._address is None:
            return reply
        repository.uri = f"{self._address}/{repository.name}"
        return Reply(status=200, headers=_without_length(reply), body=_rewritten(reply, world, call, repository.uri))

    def put_mutability(self, world: AccountState, call: Call) -> Reply:
        reply = call.proceed()
        self._note_mutability(self._repository(world, call))
        return reply

    def _note_mutability(self, repository: Any) -> None:
        """Tells the registry, which is where `docker push` goes."""
        if repository is None or self._registry is None:
            return
        if repository.image_tag_mutability == "IMMUTABLE":
            self._registry.immutable.add(repository.name)
        else:
            self._registry.immutable.discard(repository.name)

    def put_image(self, world: AccountState, call: Call) -> Params:
        p = call.params()
        repository = self._repository(world, call)
        if repository is None:
            raise _no_repository(p, world)
        manifest, tag = str(p["imageManifest"]), p.get("imageTag")
        digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
        if p.get("imageDigest") and p["imageDigest"] != digest:
            raise Refusal("ImageDigestDoesNotMatchException", "The specified image digest does not match the manifest.")
        pushed = Manifest(digest=digest, media_type=str(p.get("imageManifestMediaType") or ""), text=manifest)
        with self._storing:
            self._store(world, call.region, repository, tag, pushed)
        return {
            "image": {
                "registryId": world.account,
                "repositoryName": repository.name,
                "imageId": {"imageDigest": digest, "imageTag": tag},
                "imageManifest": manifest,
                "imageManifestMediaType": p.get("imageManifestMediaType"),
            }
        }

    def synced(self, world: AccountState, call: Call) -> Reply:
        repository = self._sync(world, call)
        reply = call.proceed()
        if call.operation != "DescribeImages" or reply.status != 200 or repository is None:
            return reply
        answer = json.loads(reply.body)
        sizes = {image.image_digest: _size(image.image_manifest) for image in repository.images}
        for detail in answer.get("imageDetails", []):
            detail["imageSizeInBytes"] = sizes.get(detail["imageDigest"], 0)
        return Reply(status=200, headers=_without_length(reply), body=json.dumps(answer).encode())

    def _sync(self, world: AccountState, call: Call) -> Any:
        """The repository, None when there is none, with what was pushed to the registry since the last look."""
        repository = self._repository(world, call)
        if repository is not None and self._registry is not None:
            with self._storing:
                known = {tag: image.image_digest for image in repository.images for tag in image.image_tags}
                for tag in self._registry.tags(repository.name):
                    manifest = self._registry.manifest(repository.name, tag)
                    if manifest is not None and known.get(tag) != manifest.digest:
                        self._store(world, call.region, repository, tag, manifest)
        return repository

    def delete_images(self, world: AccountState, call: Call) -> Reply:
        repository = self._sync(world, call)
        if repository is not None and self._registry is not None:
            for wanted in call.params().get("imageIds") or []:
                for image in repository.images:
                    if wanted.get("imageDigest") == image.image_digest or wanted.get("imageTag") in image.image_tags:
                        self._registry.delete(repository.name, image.image_digest)
        return call.proceed()

    def delete(self, world: AccountState, call: Call) -> Reply:
        repository = self._sync(world, call)
        if repository is not None and self._registry is not None and call.params().get("force"):
            for image in repository.images:
                self._registry.delete(repository.name, image.image_digest)
        return call.proceed()

    def _repository(self, world: AccountState, call: Call) -> Any:
        return world.moto("ecr", call.region).repositories.get(call.params().get("repositoryName"))

    def _store(self, world: AccountState, region: str, repository: Any, tag: Any, manifest: Manifest) -> None:
        digest = manifest.digest
        same = next((i for i in repository.images if i.image_digest == digest), None)
        other = next((i for i in repository.images if tag and tag in i.image_tags), None)
        if other is not None and other is not same and repository.image_tag_mutability == "IMMUTABLE":
            raise Refusal(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be "
                "overwritten because the "
                "tag is immutable.",
            )
        if same is not None:
            if tag in same.image_tags:
                raise Refusal(
                    "ImageAlreadyExistsException",
                    f"Image with digest '{digest}' and tag '{tag}' already exists in the repository with name "
                    f"'{repository.name}' in registry with id '{world.account}'",
                )
            if other is not None:
                other.remove_tag(tag)
            same.update_tag(tag)
            return
        world.moto("ecr", region).put_image(repository.name, manifest.text, tag, manifest.media_type or None, digest)


def _no_repository(p: Params, world: AccountState) -> Refusal:
    return Refusal(
        "RepositoryNotFoundException",
        f"The repository with name '{p.get('repositoryName')}' does not exist in the registry with id "
        f"'{world.account}'",
    )


def _rewritten(reply: Reply, world: AccountState, call: Call, uri: str) -> bytes:
    """CreateRepository's answer with the real registry's address in it."""
    answer = json.loads(reply.body)
    answer["repository"]["repositoryUri"] = uri
    return json.dumps(answer).encode()


def _without_length(reply: Reply) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in reply.headers if name.lower() != "content-length")


def _size(manifest: str) -> int:
    """The bytes of the layers, as ECR counts an image; moto gives the size of its configuration."""
    return sum(int(layer.get("size", 0)) for layer in json.loads(manifest).get("layers", []))
