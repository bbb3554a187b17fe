"""What a use case needs from an image builder, and nothing of how it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from typing import Protocol

from aws_run.events import Emit
from aws_run.frozen import frozen
from aws_run.image.plan import ImagePlan


@frozen
class RegistryLogin:
    """Credentials for one registry; ECR's live 12 hours, so a builder asks for them per push and again when refused."""

    server: str  # host[:port], no scheme
    username: str
    password: str = field(repr=False)
    expires_at: datetime | None = None


Login = Callable[[], RegistryLogin]


class Builder(Protocol):
    """`done`: what `build_push` has done when it returns, in words."""

    done: str

    def build_push(self, plan: ImagePlan, repository_uri: str, tag: str, login: Login, emit: Emit) -> str:
        """Build `plan`, push it as `repository_uri:tag` and return the manifest's digest, `sha256:…`.

        `repository_uri` is host[:port]/name without a tag. Progress goes to `emit` as LaneProgress of the lane
        "image"; the caller emits LaneStarted, LaneDone and LaneFailed.
        Raises BuildError (it does not build), DockerError (no engine, disk full, push refused) or
        SourceError (a file changed since it was planned).
        """
        ...
