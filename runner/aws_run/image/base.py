"""The base image, pinned: a tag like python:3.12-slim is looked up once and then stands for one digest.

Which one is part of the image's identity, so an image on a newer base is another image. The lookup is sticky: nothing
changes under a project until `--refresh-base` asks the registry for the newest. In this order:

1. what the engine has under that name: its digest, or its id where it was built here and no registry knows it;
2. what this machine used the last time (the engine may be off, or its images pruned);
3. what the registry has now.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Literal, Protocol

from aws_run.errors import DockerError
from aws_run.events import Emit, Notice
from aws_run.frozen import frozen
from aws_run.image.docker.machine import BuildMachine

_REMEMBERED_FILE = "base-images.json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Origin = Literal["reference", "engine", "remembered", "registry", "unknown"]


@frozen
class BaseImage:
    """`digest`: what the registry calls it; `image_id`: set instead where it was made on this machine. Neither: it is
    not known, and the build takes what the name means then. `created_at` (ISO 8601) where the image says so.
    `problem`: why an engine that answers neither has it nor gets it from its registry."""

    reference: str
    digest: str | None = None
    image_id: str | None = None
    created_at: str | None = None
    origin: Origin = "unknown"
    problem: str | None = None

    @property
    def identity(self) -> str | None:
        return self.digest or self.image_id

    @property
    def build_from(self) -> str:
        """For FROM: the name where the engine has just that image under it (one made here has no other name), since not
        every engine finds by digest, without a network, what was pulled by a tag."""
        if self.digest is None or self.origin in ("engine", "reference"):
            return self.reference
        return f"{repository_of(self.reference)}@{self.digest}"

    @property
    def label(self) -> str:
        """Name and digest (or id), for records."""
        if self.identity is None or "@" in self.reference:
            return self.reference
        return f"{self.reference}@{self.identity}"

    def describe(self, now: datetime) -> str:
        """`base image python:3.12-slim of 12 days ago (sha256:0123456789ab)`."""
        words = [f"base image {self.reference.partition('@')[0].rpartition('/')[2]}"]
        if (age := _age(self.created_at, now)) is not None:
            words.append(f"of {age}")
        if self.digest is not None:
            words.append(f"({self.digest[:19]})")
        elif self.image_id is not None:
            words.append("made on this machine")
        else:
            words.append("as the registry has it when the image is built")
        return " ".join(words)


@frozen
class LocalImage:
    """An image that the engine has. `digest` None: no registry gave it or was given it."""

    id: str
    digest: str | None
    created_at: str | None
    arch: str  # as Docker names it


class BaseEngine(Protocol):
    """What the lookup needs of a Docker engine."""

    def local(self, reference: str) -> LocalImage | None: ...

    def registry_digest(self, reference: str) -> str:
        """DockerError where the registry can't be asked or has no such image."""
        ...

    def pull(self, reference: str, platform: str) -> None:
        """DockerError where it can't be had."""
        ...


class BaseImages:
    """Lookups of one machine. `engine` None: none answers."""

    def __init__(self, machine: BuildMachine, engine: BaseEngine | None, emit: Emit) -> None:
        self._machine = machine
        self._engine = engine
        self._emit = emit

    def resolve(self, reference: str, platform: str, *, refresh: bool = False) -> BaseImage:
        """Never raises: an image that can't be looked up is not pinned, and the build says what is wrong with it."""
        if (pinned := _DIGEST.search(reference.partition("@")[2])) is not None:
            image = self._engine.local(reference) if self._engine is not None else None
            created_at = image.created_at if image is not None else None
            return BaseImage(reference=reference, digest=pinned[0], created_at=created_at, origin="reference")
        if refresh:
            self._refresh(reference, platform)
        there = self._engine_has(reference, platform)
        if there is not None:
            self._remember(there, platform)
            return there
        return self._remembered(reference, platform) or self._registry_has(reference)

    def fetch(self, base: BaseImage, platform: str) -> BaseImage:
        """The planned image in the engine, so that this build and later ones find it there, with or without a network.

        DockerError where it was made on this machine and is not there any more.
        """
        if self._engine is None or base.identity is None:
            return base
        by_name = self._engine_has(base.reference, platform)
        if by_name is not None and by_name.identity == base.identity:
            return base if base.origin == "reference" else by_name
        if base.digest is None:
            raise DockerError(
                f"The base image {base.reference} has changed since the plan was made",
                hint="run the command again",
            )
        by_digest = base if base.origin == "reference" else replace(base, origin="registry")
        there = self._engine.local(by_digest.build_from)
        if there is None or there.arch != _arch(platform):
            try:
                self._engine.pull(by_digest.build_from, platform)
            except DockerError as error:
                # The builder may have a login or a mirror that the engine's API has not; else it says what is wrong.
                self._emit(Notice(text=error.message, level="debug"))
                return by_digest
            there = self._engine.local(by_digest.build_from)
        fetched = replace(by_digest, created_at=there.created_at) if there is not None else by_digest
        self._remember(fetched, platform)
        return fetched

    def _remember(self, base: BaseImage, platform: str) -> None:
        if base.identity is None or base.origin == "reference":
            return
        known = self._machine.read(_REMEMBERED_FILE)
        entry = {name: value for name, value in asdict(base).items() if name not in ("reference", "origin", "problem")}
        if known.get(_key(base.reference, platform)) != entry:
            self._machine.write(_REMEMBERED_FILE, {**known, _key(base.reference, platform): entry})

    def _refresh(self, reference: str, platform: str) -> None:
        if self._engine is None:
            text = "the base image is not refreshed: no Docker engine answers"
        else:
            try:
                self._engine.pull(reference, platform)
            except DockerError as error:
                text = f"the base image is not refreshed: {error.message}"
            else:
                return
        self._emit(Notice(text=text, level="warning", hint="what was used before is used again"))

    def _engine_has(self, reference: str, platform: str) -> BaseImage | None:
        there = self._engine.local(reference) if self._engine is not None else None
        if there is None or there.arch != _arch(platform):
            return None
        return BaseImage(
            reference=reference,
            digest=there.digest,
            image_id=None if there.digest else there.id,
            created_at=there.created_at,
            origin="engine",
        )

    def _remembered(self, reference: str, platform: str) -> BaseImage | None:
        entry = self._machine.read(_REMEMBERED_FILE).get(_key(reference, platform))
        if not isinstance(entry, dict):
            return None
        digest, image_id, created = (_text(entry, name) for name in ("digest", "image_id", "created_at"))
        if image_id is not None and self._engine is not None:
            return None  # it was made here and is gone
        if not _DIGEST.fullmatch(digest or image_id or ""):
            return None
        return BaseImage(reference=reference, digest=digest, image_id=image_id, created_at=created, origin="remembered")

    def _registry_has(self, reference: str) -> BaseImage:
        if self._engine is not None:
            try:
                digest = self._engine.registry_digest(reference)
            except DockerError as error:
                return BaseImage(reference=reference, problem=error.message)
            else:
                if _DIGEST.fullmatch(digest):
                    return BaseImage(reference=reference, digest=digest, origin="registry")
        return BaseImage(reference=reference)


def not_had_hint(engine: str = "") -> str:
    """`engine`: what is to be known of the engine's way to the network, as it stands behind that word."""
    return (
        f"check its name and the network{engine}; build.base_image (or --base-image) chooses another; the embedded AWS "
        "runs a job without an image with --local --runtime process (`aws-run local stop` first ends one that runs)"
    )


def repository_of(reference: str) -> str:
    """Without the tag; a colon before the last slash is a port."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


class DockerBaseEngine:
    """Docker's API. `on_progress` hears that bytes arrive."""

    def __init__(self, api: Any, on_progress: Callable[[str], None] = lambda text: None) -> None:
        self._api = api
        self._on_progress = on_progress

    def local(self, reference: str) -> LocalImage | None:
        import docker

        try:
            image = self._api.inspect_image(reference)
        except docker.errors.APIError:
            return None
        prefix = f"{_familiar(repository_of(reference))}@"
        digests = sorted(one for one in image.get("RepoDigests") or () if _familiar(one).startswith(prefix))
        return LocalImage(
            id=str(image["Id"]),
            digest=digests[0].rpartition("@")[2] if digests else None,
            created_at=str(image.get("Created") or "") or None,
            arch=str(image.get("Architecture", "")),
        )

    def registry_digest(self, reference: str) -> str:
        import docker
        import requests

        try:
            answer = self._api.inspect_distribution(reference)
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise _not_had(reference, error) from None
        return str(answer["Descriptor"]["digest"])

    def pull(self, reference: str, platform: str) -> None:
        import docker
        import requests

        self._on_progress("getting the base image")
        repository, digest = repository_of(reference), reference.partition("@")[2]
        tag = digest or reference.removeprefix(repository).removeprefix(":") or "latest"
        try:
            for message in self._api.pull(repository, tag=tag, platform=platform, stream=True, decode=True):
                if "error" in message:
                    raise _not_had(reference, message["error"])
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise _not_had(reference, error) from None


def _not_had(reference: str, error: object) -> DockerError:
    reason = getattr(error, "explanation", None) or error
    return DockerError(
        f"The base image {reference} can't be fetched: {reason}",
        hint=not_had_hint(),
    )


def _familiar(reference: str) -> str:
    """Docker leaves its own registry out of names: docker.io/library/python is python."""
    return reference.removeprefix("docker.io/").removeprefix("library/")


def _arch(platform: str) -> str:
    return platform.rpartition("/")[2]


def _key(reference: str, platform: str) -> str:
    return f"{reference} {platform}"


def _text(entry: dict[str, Any], name: str) -> str | None:
    value = entry.get(name)
    return value if isinstance(value, str) and len(value) <= 100 else None


def _age(created_at: str | None, now: datetime) -> str | None:
    """None where the image does not say, or says what can't be (reproducible builds are made in 1970)."""
    match = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", created_at or "")
    try:
        created = datetime.fromisoformat(f"{match[1]}+00:00") if match is not None else None
    except ValueError:
        created = None
    if created is None:
        return None
    days = (now - created).days
    if created.year < 2000 or days < 0:
        return None
    return "today" if days == 0 else "yesterday" if days == 1 else f"{days} days ago"


__all__ = ["BaseEngine", "BaseImage", "BaseImages", "DockerBaseEngine", "LocalImage", "repository_of"]
