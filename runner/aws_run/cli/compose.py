"""The composition root: which AWS, which builder, which clock. The only place that knows of the embedded AWS."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aws_run.errors import UsageError
from aws_run.events import Emit, Notice

if TYPE_CHECKING:
    from aws_run.aws.session import Aws
    from aws_run.config import Config
    from aws_run.data import Bucket
    from aws_run.image.builder import Builder
    from aws_run.image.plan import ImagePlan
    from aws_run.lifecycle.context import AppContext

RuntimeName = Literal["auto", "docker", "process"]
LOCAL_COST_LABEL = "what AWS would have charged"
_FOR_THIS_COMMAND = "it goes with this command, and all that is in it; `aws-run local start` makes one that stays"
# What would send a command elsewhere than to the embedded AWS, were it left in the environment.
_FOREIGN = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which AWS this command talks to. `builder`: one that an event stops; None: Docker builds."""

    builder: Callable[[threading.Event], Builder | None] = lambda stop: None
    cost_label: str = "cost"
    notices: tuple[str, ...] = ()
    goes: bool = False  # with this command, and all that is in it
    flag: str = ""  # what a next command needs to come here again

    @property
    def embedded(self) -> bool:
        return self.cost_label == LOCAL_COST_LABEL


@contextmanager
def place(
    local: bool, base_image: Callable[[], str | None] = lambda: None, runtime: RuntimeName = "auto"
) -> Iterator[Target]:
    """The real AWS of the environment, or the embedded one, running or started for this command.

    `base_image` is asked only where one is started: an engine has to have that image, and nothing takes its place.
    """
    if not local and runtime != "auto":
        raise UsageError("--runtime says how the embedded AWS runs its tasks", hint="give it together with --local")
    if not local:
        yield _exported()
        return
    try:
        from aws_run import local as embedded
    except ImportError as error:
        raise UsageError(
            f"--local needs the embedded AWS, which is not installed ({error.name})",
            hint='pip install "aws-run[local]"',
        ) from None
    there = embedded.running()
    if there is not None and runtime not in ("auto", there.runtime):
        raise UsageError(
            f"The embedded AWS that is running has the runtime {there.runtime}, not {runtime}",
            hint=f"aws-run local stop, then aws-run local start --runtime {runtime}",
        )
    options = embedded.LocalOptions(base_image=None if there else base_image(), runtime=runtime)
    with embedded.for_command(options) as aws:
        exported = all(os.environ.get(name) == value for name, value in aws.environment().items())
        before = {name: os.environ.pop(name, None) for name in _FOREIGN}
        before |= {name: os.environ.get(name) for name in aws.environment()}
        os.environ.update(aws.environment())
        builder = partial(embedded.image_builder, aws)
        kept = embedded.running() is not None
        try:
            made = _embedded_place(builder, (_say(aws),) if kept else (_say(aws), _FOR_THIS_COMMAND))
            yield replace(made, goes=not kept, flag="" if exported else " --local")
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _say(aws: Any) -> str:
    if aws.runtime == "docker":
        return "embedded AWS: the job runs in a real container (Docker)"
    return f"embedded AWS: {aws.runtime_reason}"


def _exported() -> Target:
    """AWS itself, or an embedded one whose environment was exported (`eval "$(aws-run local start)"`)."""
    url = os.environ.get("AWS_ENDPOINT_URL")
    if not url:
        return Target()
    try:
        from aws_run import local as embedded
    except ImportError:
        return Target()
    running = embedded.running()
    if running is None or running.endpoint_url != url:
        return Target()
    mine = any(os.environ.get(name) for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"))  # the user's own choice
    if not mine and os.environ.get("AWS_SECRET_ACCESS_KEY", "") not in ("", running.secret_key):
        raise UsageError(
            "The keys in the environment are those of an embedded AWS that is gone: each start has new ones",
            hint='eval "$(aws-run local start)"',
        )
    return _embedded_place(partial(embedded.image_builder, running), ())


def _embedded_place(builder: Callable[[threading.Event], Builder | None], notices: tuple[str, ...]) -> Target:
    return Target(builder=builder, cost_label=LOCAL_COST_LABEL, notices=notices)


def embedded_is_running() -> bool:
    try:
        from aws_run import local as embedded
    except ImportError:
        return False
    return embedded.running() is not None


def base_image(config: Config) -> str | None:
    """What the project's image is built from, where that is known before Docker is asked."""
    from aws_run.image.plan import plan_image
    from aws_run.image.recipe import StandardRecipe

    if config.image:
        return None
    recipe = plan_image(config).recipe
    return recipe.base_image if isinstance(recipe, StandardRecipe) else None


def open_aws(*, region: str | None, profile: str | None, local: bool) -> Aws:
    from aws_run.aws.session import Aws

    return Aws(region=None if local else region, profile=None if local else profile)


def make_bench(aws: Aws, emit: Emit, where: Target) -> AppContext:
    from aws_run.backends.ec2.backend import Ec2Backend
    from aws_run.backends.fargate.backend import FargateBackend
    from aws_run.clock import ServerClock, SystemClock
    from aws_run.lifecycle.context import AppContext

    clock = ServerClock(SystemClock(), lambda: aws.ahead_s)
    for text in where.notices:
        emit(Notice(text=text))
    stop = threading.Event()
    return AppContext(
        aws=aws,
        clock=clock,
        emit=emit,
        backends={"ec2": Ec2Backend(aws, clock), "fargate": FargateBackend(aws, clock)},
        builder=lambda: where.builder(stop) or docker_builder(stop),
        # Images without Docker have no base image.
        find_base=lambda plan, refresh: plan if where.builder(stop) else _find_base(emit, plan, refresh),
        stop=stop,
        storage=lambda name: storage(aws, name),
        salt=lambda: secrets.token_hex(2),
        poll_s=0.3 if where.embedded else 1.0,
    )


def storage(aws: Aws, bucket: str) -> Bucket:
    from aws_run.data import bucket_for

    identity = aws.identity()
    return bucket_for(
        name=bucket,
        region=identity.region,
        owner=identity.account,
        frozen_credentials=aws.frozen_credentials,
        endpoint_url=aws.endpoint_url,
    )


def docker_builder(stop: threading.Event) -> Builder:
    from aws_run.image.docker_builder import DockerBuilder

    return DockerBuilder(stop=stop)


def _find_base(emit: Emit, plan: ImagePlan, refresh: bool) -> ImagePlan:
    from aws_run.image.find_base import find_base

    return find_base(plan, refresh=refresh, emit=emit)


def load(path: Path, file: Path | None, flags: Mapping[str, Any], *, for_run: bool) -> Config:
    from aws_run.config.load import load_config

    return load_config(path, file=file, flags=flags, environ=os.environ, for_run=for_run)
