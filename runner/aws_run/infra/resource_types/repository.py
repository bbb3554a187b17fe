"""The project's ECR repository: immutable tags, scan on push, a lifecycle; `kept`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aws_run import partition
from aws_run.aws.absence import call_unless_gone
from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError, UsageError
from aws_run.frozen import frozen
from aws_run.infra import tags
from aws_run.infra.resource_types.base import ABSENT, Observation, ResourceType
from aws_run.infra.resources import Kind, Scope

_GONE = ("RepositoryNotFoundException",)


@frozen
class Repository:
    kind: ClassVar[Kind] = Kind("repository")
    scope: ClassVar[Scope] = "kept"
    name: str
    keep_images: int
    tags: Mapping[str, str]


def observe(aws: Aws, repository: Repository) -> Observation:
    """Its value is the repository's URI."""
    answer = call_unless_gone(aws, _GONE, "ecr", "describe_repositories", repositoryNames=[repository.name])
    if answer is None:
        return ABSENT
    return Observation(present=True, value=str(answer["repositories"][0]["repositoryUri"]))


def create(aws: Aws, repository: Repository, clock: Clock) -> str:
    """The new repository's URI; one that appeared meanwhile is adopted."""
    try:
        answer = aws.call(
            "ecr",
            "create_repository",
            repositoryName=repository.name,
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
            tags=tags.upper(repository.tags),
        )
        uri = str(answer["repository"]["repositoryUri"])
    except AwsCallError as error:
        if error.code != "RepositoryAlreadyExistsException":
            raise
        uri = observe(aws, repository).value
    rule = {
        "rulePriority": 1,
        "description": "the newest images",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": repository.keep_images},
        "action": {"type": "expire"},
    }
    aws.call(
        "ecr", "put_lifecycle_policy", repositoryName=repository.name, lifecyclePolicyText=json.dumps({"rules": [rule]})
    )
    return uri


def delete(aws: Aws, name: str, clock: Clock) -> None:
    call_unless_gone(aws, _GONE, "ecr", "delete_repository", repositoryName=name, force=True)


def absent(aws: Aws, name: str) -> bool:
    return call_unless_gone(aws, _GONE, "ecr", "describe_repositories", repositoryNames=[name]) is None


def owner_tags(aws: Aws, name: str) -> dict[str, str] | None:
    identity = aws.identity()
    arn = partition.arn("ecr", identity.region, identity.account, f"repository/{name}", of=identity.region)
    answer = call_unless_gone(aws, _GONE, "ecr", "list_tags_for_resource", resourceArn=arn)
    return None if answer is None else tags.parse(answer.get("tags"))


def image_digest(aws: Aws, repository: str, tag: str) -> tuple[str, int] | None:
    """(digest, size in bytes) of the image with that tag, None when the tag or the repository is not there."""
    try:
        answer = aws.call("ecr", "describe_images", repositoryName=repository, imageIds=[{"imageTag": tag}])
    except AwsCallError as error:
        if error.code in (*_GONE, "ImageNotFoundException"):
            return None
        raise
    image = answer["imageDetails"][0]
    return str(image["imageDigest"]), int(image.get("imageSizeInBytes") or 0)


_NO_SUCH_IMAGE = ("ImageNotFound", "ImageTagDoesNotMatchDigest")
_ARCHES = {"amd64": "x86_64", "arm64": "arm64"}
_MANIFESTS = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
]
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<name>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@frozen
class ReadyImage:
    """An image that nobody builds. `uri`: by its digest where that is known, else as it was named. `arches`: for which
    architectures it is, as the config names them; empty: not known."""

    uri: str
    arches: frozenset[str] = frozenset()
    named: str = ""  # as the user named it, where `uri` is another

    @property
    def notes(self) -> tuple[str, ...]:
        """For the plan, where nobody knows what its tag names now."""
        if "@sha256:" in self.uri:
            return ()
        return (
            f"the image {self.uri} is named by a tag, which may name another one later: `rerun` and `start` repeat "
            "only a run whose image is named by its digest (NAME@sha256:…)",
        )


def ready_image(aws: Aws, uri: str) -> ReadyImage:
    """As ECR knows an image of this account and region. Of another registry's, and where the caller may not look, no
    more is known than its name. UsageError for one that ECR doesn't have."""
    named, identity = _URI.fullmatch(uri), aws.identity()
    unknown = ReadyImage(uri=uri)
    if named is None or (named["account"], named["region"]) != (identity.account, identity.region):
        return unknown
    image = {"imageDigest": named["digest"]} if named["digest"] else {"imageTag": named["tag"] or "latest"}
    missing = UsageError(
        f"There is no image {uri} in ECR",
        hint=f"`aws ecr list-images --repository-name {named['name']}` lists what is there; "
        "without --image the project's own is built",
    )
    try:
        answer = aws.call(
            "ecr", "batch_get_image", repositoryName=named["name"], imageIds=[image], acceptedMediaTypes=_MANIFESTS
        )
    except AwsCallError as error:
        if error.code not in _GONE:
            return unknown  # who may not look may still be allowed to pull
        raise missing from error
    if any(one.get("failureCode") in _NO_SUCH_IMAGE for one in _listed(answer, "failures")):
        raise missing
    images = _listed(answer, "images")
    manifests = [_json(str(one.get("imageManifest") or "")) for one in images]
    return ReadyImage(
        uri=uri if named["digest"] else _pinned(uri, images),
        named=uri,
        arches=frozenset(arch for one in manifests for arch in _arches_of(aws, named["name"], one)),
    )


def _pinned(uri: str, images: Sequence[Mapping[str, Any]]) -> str:
    """Its tag may name another image tomorrow."""
    digests = [str((one.get("imageId") or {}).get("imageDigest") or "") for one in images]
    return f"{uri.partition(':')[0]}@{digests[0]}" if digests and _DIGEST.fullmatch(digests[0]) else uri


def refuse_other_arch(image: ReadyImage, wanted: str) -> None:
    """UsageError where the image can't run on the hardware."""
    there = image.arches
    if there and wanted not in there:
        arches = " and ".join(sorted(there))
        raise UsageError(
            f"The image {image.named or image.uri} is for {arches}, and the hardware is {wanted}: it would end with "
            "`exec format error`",
            hint=f"--arch {sorted(there)[0]}, or an image that is made for {wanted}",
        )


def _arches_of(aws: Aws, name: str, manifest: Mapping[str, Any]) -> set[str]:
    """An index names each of its images' platforms (attestations have "unknown"); of a single image its configuration
    does, which is a blob beside its layers."""
    architectures = {str((one.get("platform") or {}).get("architecture")) for one in _listed(manifest, "manifests")}
    digest = str((manifest.get("config") or {}).get("digest") or "")
    if digest:
        try:
            blob = aws.call("ecr", "get_download_url_for_layer", repositoryName=name, layerDigest=digest)
            architectures.add(str(_json(aws.fetch(str(blob["downloadUrl"]))).get("architecture")))
        except AwsCallError:
            return set()
    return {_ARCHES[one] for one in architectures if one in _ARCHES}


def _listed(answer: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return list(answer.get(key) or ())


def _json(text: str | bytes) -> Mapping[str, Any]:
    """Nothing of what is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def manual_commands(name: str, region: str) -> tuple[str, ...]:
    return (f"aws ecr delete-repository --repository-name {name} --force --region {region}",)


def console_link(name: str, region: str) -> str:
    return f"{partition.of_region(region).console(region)}/ecr/repositories/private/{name}?region={region}"


TYPE = ResourceType(
    value=Repository,
    scopes=("kept",),
    create=create,
    observe=observe,
    delete=delete,
    absent=absent,
    owner_tags=owner_tags,
    manual_commands=manual_commands,
    console_link=console_link,
    keep_as="repository",
)
