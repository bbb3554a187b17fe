"""Which Dockerfile of the project is used: by any name that docker or podman takes, or the one that is named."""

from __future__ import annotations

import re

from aws_run.config import Build
from aws_run.errors import ConfigError
from aws_run.image.sources.source import Source
from aws_run.project.private_names import is_private

# Docker takes `dockerfile` too; podman and buildah take Containerfile before Dockerfile.
_OTHER = re.compile(r"(?:[^/]+/)?(?:(?:docker|container)file(?:[.-][^/]+)?|[^/]+\.(?:docker|container)file)(?<!ignore)")
_FROM = re.compile(
    r"^[ \t]*FROM[ \t]+(?:--platform=(?P<platform>\S+)[ \t]+)?\S+(?:[ \t]+AS[ \t]+(?P<name>\S+))?",
    re.IGNORECASE | re.MULTILINE,
)
_ARCHES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
_NAMES = ("Dockerfile", "dockerfile", "Containerfile", "containerfile", "DOCKERFILE")


def find_dockerfile(build: Build, source: Source) -> str | None:
    """Its path inside the project; None: our own recipe makes the image. ConfigError for one that can't be used, and
    for settings of a Dockerfile where none is used."""
    path = _find(build, source)
    if path is None and (build.target or build.args or build.context):
        raise ConfigError(
            "build.target, build.args and build.context are for a Dockerfile, and the project has none that is used",
            hint="remove them, or name the Dockerfile: `build: {dockerfile: PATH}`",
        )
    return path


def _find(build: Build, source: Source) -> str | None:
    if build.dockerfile == "none":
        return None
    if build.dockerfile == "auto":
        # Docker reads it from the disk whatever the ignore files say, and so do we.
        context = context_of(build)
        places = [f"{context}/{name}" for name in _NAMES] if context else []
        return next((path for path in (*places, *_NAMES) if source.has(path)), None) or _by_case(source)
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


def refuse_other_platform(text: str, path: str, arch: str, target: str | None) -> None:
    """ConfigError where the stage that becomes the image is fixed to another architecture (`FROM --platform=…`). One
    that a variable names is known when the image is built."""
    stages = list(_FROM.finditer(text))
    named = [one for one in stages if target and (one["name"] or "").lower() == target.lower()]
    last = named[-1] if named else stages[-1] if stages else None
    platform = (last["platform"] or "").strip("\"'").lower() if last is not None else ""
    fixed = _ARCHES.get(platform.removeprefix("linux/").split("/")[0])
    if fixed is not None and fixed != arch:
        raise ConfigError(
            f"{path} makes an image for {fixed} (FROM --platform={platform}), and the hardware is {arch}",
            hint=f"--arch {fixed}, or take --platform out of {path}",
        )


def _by_case(source: Source) -> str | None:
    """`DockerFile`, as file systems that know no case have it."""
    names = sorted(path for path in source.paths if path.lower() in ("dockerfile", "containerfile"))
    return names[0] if names else None


def other_dockerfiles(source: Source) -> list[str]:
    """Those that nobody named: `Dockerfile.gpu`, `docker/Dockerfile`."""
    return sorted(
        (path for path in source.paths if _OTHER.fullmatch(path.lower())), key=lambda path: (path.count("/"), path)
    )


def context_of(build: Build) -> str:
    """The folder that the Dockerfile sees, relative to the project; empty: the project itself. ConfigError for one
    that lies elsewhere."""
    path = (build.context or "").removeprefix("./").rstrip("/")
    if path in ("", "."):
        return ""
    if path.startswith("/") or ".." in path.split("/"):
        raise ConfigError(f"build.context is {build.context!r}, outside of the project", hint="give a folder inside it")
    return path
