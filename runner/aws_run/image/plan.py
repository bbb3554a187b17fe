"""What image a run needs, known without Docker: sources, recipe, command, and the tag that names exactly that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property

from aws_run.config import Arch
from aws_run.image.recipe import Recipe
from aws_run.image.source import Source

TAG_LENGTH = 40


@dataclass(frozen=True, kw_only=True)
class ImagePlan:
    """`command` goes into the container as AWS_RUN_COMMAND when it is not None; None means the image's own
    ENTRYPOINT and CMD. It is not part of the image, so neither it nor the arguments change the tag."""

    source: Source
    recipe: Recipe
    command: tuple[str, ...] | None
    arch: Arch
    dockerfile_text: str = field(repr=False)  # the recipe that puts our entrypoint in; without machine settings
    dependency_digest: str
    entrypoint_layer: bytes = field(repr=False)  # a tar, the same bytes for every project

    @cached_property
    def tag(self) -> str:
        """40 hex digits; the same sources, recipe, entrypoint and architecture give the same tag on every machine."""
        parts = {
            "source": self.source.digest,
            "recipe": [type(self.recipe).__name__, asdict(self.recipe)],
            "dockerfile": self.dockerfile_text,
            "dependencies": self.dependency_digest,
            "entrypoint": hashlib.sha256(self.entrypoint_layer).hexdigest(),
            "arch": self.arch,
        }
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:TAG_LENGTH]

    @property
    def platform(self) -> str:
        """As Docker names it."""
        return "linux/arm64" if self.arch == "arm64" else "linux/amd64"
