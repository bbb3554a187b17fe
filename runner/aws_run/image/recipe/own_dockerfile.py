"""Which Dockerfile of the project is used: by any name that docker or podman takes, or the one that is named."""

from __future__ import annotations

from aws_run.config import Build
from aws_run.errors import ConfigError
from aws_run.image.sources.source import Source
from aws_run.project.private_names import is_private

# Docker takes `dockerfile` too; podman and buildah take Containerfile before Dockerfile.
_NAMES = ("Dockerfile", "dockerfile", "Containerfile", "containerfile", "DOCKERFILE")


def find_dockerfile(build: Build, source: Source) -> str | None:
    """Its path inside the project; None: our own recipe makes the image. ConfigError for one that can't be used."""
    if build.dockerfile == "none":
        return None
    if build.dockerfile == "auto":
        # Docker reads it from the disk whatever the ignore files say, and so do we.
        return next((name for name in _NAMES if source.has(name)), None)
    path = build.dockerfile.removeprefix("./")
    if path.startswith("/") or ".." in path.split("/"):
        raise ConfigError(
            f"build.dockerfile is {build.dockerfile!r}, outside of the project",
            hint="give a path inside the project, or `auto`, or `none`",
        )
    if any(is_private(part) for part in path.split("/")):
        raise ConfigError(
            f"build.dockerfile names {build.dockerfile}, which never goes into an image",
            hint="give the Dockerfile another name",
        )
    if not source.has(path):
        raise ConfigError(
            f"build.dockerfile names {build.dockerfile}, which is not in {source.root}",
            hint="correct the path, or set `dockerfile: auto` or `none`",
        )
    return path
