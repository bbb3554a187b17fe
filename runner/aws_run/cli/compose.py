"""The composition root: chooses the AWS, the image builder and the clock. It and `cli.commands.local` know
the embedded AWS."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from aws_run.cli.target import Target, way_back
from aws_run.errors import AwsRunError, UsageError
from aws_run.events import Emit, Notice, unfailing
from aws_run.extras import install_hint

if TYPE_CHECKING:
    from aws_run.aws.cache import Cache
    from aws_run.aws.round_trips import RoundTrip
    from aws_run.aws.session import Aws
    from aws_run.aws.web_identity import WebIdentity
    from aws_run.backends.base import Backend
    from aws_run.clock import Clock
    from aws_run.config import Config
    from aws_run.data import Bucket
    from aws_run.image.builder import Builder
    from aws_run.image.plan import ImagePlan
    from aws_run.lifecycle.context import AppContext
    from aws_run.pricing.price_list import AwsPrices

RuntimeName = Literal["auto", "docker", "process"]
_FOR_THIS_COMMAND = "it ends with this command, and everything in it; `aws-run local start` starts one that stays"
_ANSWERS_WITHIN_S = 2.0
_LOCAL_SESSIONS = (sys.executable, "-m", "aws_run.local.session_plugin")
# These variables would lead a command away from the embedded AWS.
_FOREIGN = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")


@contextmanager
def open_target(
    local: bool,
    base_image: Callable[[], str | None] = lambda: None,
    runtime: RuntimeName = "auto",
    *,
    flags: Mapping[str, Any] | None = None,
) -> Iterator[Target]:
    """The AWS that the environment names, or with `local` the embedded one: running, or started for this command.

    `flags`: the command line's; its region and profile are what a later command has to name again. `base_image` is
    called only when one is started: a Docker engine must have that image, and nothing replaces it. What the commands
    of an error that passes through here need to reach this AWS is added to them.
    """
    with _opened(local, base_image, runtime, flags=flags or {}) as target:
        try:
            yield target
        except AwsRunError as error:
            target.lead_back(error)
            raise


@contextmanager
def _opened(
    local: bool, base_image: Callable[[], str | None], runtime: RuntimeName, *, flags: Mapping[str, Any]
) -> Iterator[Target]:
    if not local and runtime != "auto":
        raise UsageError(
            "--runtime is about the embedded AWS, and --local is not given",
            hint="add --local, or leave --runtime out; one that stays takes it at `aws-run local start --runtime …`",
        )
    if not local:
        yield replace(_exported(), flag=way_back(flags), profile=flags.get("profile"))
        return
    try:
        from aws_run import local as embedded
    except ImportError as error:
        raise UsageError(
            f"--local needs the embedded AWS, which is not installed ({error.name})",
            hint=install_hint("local"),
        ) from None
    running = embedded.running()
    if running is not None and runtime not in ("auto", running.runtime):
        raise UsageError(
            f"The embedded AWS that is running uses the runtime {running.runtime}, not {runtime}",
            hint=f"aws-run local stop, then aws-run local start --runtime {runtime}",
        )
    options = embedded.LocalOptions(base_image=None if running else base_image(), runtime=runtime)
    with embedded.for_command(options) as aws:
        exported = all(os.environ.get(name) == value for name, value in aws.environment().items())
        before = {name: os.environ.pop(name, None) for name in _FOREIGN}
        before |= {name: os.environ.get(name) for name in aws.environment()}
        os.environ.update(aws.environment())
        builder = partial(embedded.image_builder, aws)
        ephemeral = embedded.running() is None
        try:
            yield Target(
                embedded=True,
                builder=builder,
                notices=(f"{_runtime_notice(aws)}; {_FOR_THIS_COMMAND}" if ephemeral else _runtime_notice(aws),),
                ephemeral=ephemeral,
                flag="" if exported else " --local",
                session_plugin=_LOCAL_SESSIONS,
                without_docker=None if aws.runtime == "docker" else aws.runtime_reason,
            )
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _runtime_notice(aws: Any) -> str:
    if aws.runtime == "docker":
        return "embedded AWS: jobs run in Docker containers"
    return f"embedded AWS: {aws.runtime_reason}"


def _exported() -> Target:
    """AWS itself, or the embedded AWS whose environment was exported (`eval "$(aws-run local start)"`)."""
    url = os.environ.get("AWS_ENDPOINT_URL")
    if not url:
        return Target()
    try:
        from aws_run import local as embedded
    except ImportError:
        return Target()
    running = embedded.running()
    if running is None or running.endpoint_url != url:
        if embedded.LocalAws.exported(os.environ) and not _answers(url):
            raise UsageError(
                f"The embedded AWS that this shell names ({url}) has stopped",
                hint='eval "$(aws-run local start)" starts another one; eval "$(aws-run local stop)" makes the shell '
                "forget it",
            )
        return Target()
    own_credentials = any(os.environ.get(name) for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"))
    if not own_credentials and os.environ.get("AWS_SECRET_ACCESS_KEY", "") not in ("", running.secret_key):
        raise UsageError(
            "The keys in the environment belong to an embedded AWS that has stopped (each start makes new keys)",
            hint='eval "$(aws-run local start)"',
        )
    return Target(
        embedded=True,
        builder=partial(embedded.image_builder, running),
        session_plugin=_LOCAL_SESSIONS,
        without_docker=None if running.runtime == "docker" else running.runtime_reason,
    )


def _answers(url: str) -> bool:
    """Whether anything listens there."""
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname or "", place.port or 80), timeout=_ANSWERS_WITHIN_S).close()
    except OSError:
        return False
    return True


def embedded_is_running() -> bool:
    try:
        from aws_run import local as embedded
    except ImportError:
        return False
    return embedded.running() is not None


def base_image(config: Config) -> str | None:
    """The image that the project's own image is built on; None if only a build shows it."""
    from aws_run.image.plan import plan_image
    from aws_run.image.recipe.recipe import StandardRecipe
    from aws_run.image.sources.too_many import refuse_many

    if config.image:
        return None
    try:
        recipe = plan_image(config, accept=refuse_many(config.project_dir)).recipe
    except UsageError:  # as the run's own look at the sources will tell
        return None
    return recipe.base_image if isinstance(recipe, StandardRecipe) else None


def open_aws(*, region: str | None, profile: str | None, local: bool, identity: WebIdentity | None = None) -> Aws:
    """`identity`: the role to assume, in place of whatever credentials the environment has."""
    from aws_run.aws.cache import DiskCache
    from aws_run.aws.session import Aws
    from aws_run.clock import SystemClock

    return Aws(
        region=None if local else region,
        profile=None if local else profile,
        web_identity=identity,
        models=DiskCache(lambda: _cache_base() / "botocore", SystemClock()),
    )


def make_context(aws: Aws, emit: Emit, target: Target) -> AppContext:
    from aws_run.clock import ServerClock, SystemClock
    from aws_run.lifecycle.context import AppContext

    clock = ServerClock(SystemClock(), lambda: aws.ahead_s)
    emit = target.leading_back(emit)
    for text in target.notices:
        emit(Notice(text=text))
    tell = unfailing(emit)
    aws.on_answer = lambda trip: tell(_answered(trip))
    stop = threading.Event()
    backends = _Backends(aws, clock, keep=not target.ephemeral)
    return AppContext(
        aws=aws,
        clock=clock,
        emit=emit,
        backends=backends,
        branch=_branch,
        builder=lambda: target.builder(stop) or docker_builder(stop),
        cache=lambda: backends.cache,
        find_base=lambda plan, refresh: _find_base(emit, plan, refresh, stop if target.builder(stop) else None),
        stop=stop,
        storage=lambda name: storage(aws, name),
        salt=lambda: secrets.token_hex(2),
        poll_s=0.3 if target.embedded else 1.0,
    )


def _answered(trip: RoundTrip) -> Notice:
    """Of a request only what it was: its parameters may be a secret."""
    status = "no answer" if trip.status is None else f"{trip.status}"
    return Notice(text=f"AWS: {trip.service} {trip.operation}: {status}, {trip.seconds:.2f} s", level="debug")


class _Backends(Mapping[str, "Backend"]):
    """The backends by name, each with its imports when it is first used: half of the commands use none.

    `keep`: what the catalogue and the price list answered is kept on this machine for later commands.
    """

    def __init__(self, aws: Aws, clock: Clock, *, keep: bool) -> None:
        self._aws = aws
        self._clock = clock
        self._keep = keep
        self._lock = threading.Lock()
        self._made: dict[str, Backend] = {}

    def __getitem__(self, name: str) -> Backend:
        with self._lock:
            if name not in self._made:
                self._made[name] = {"ec2": self._ec2, "fargate": self._fargate}[name]()
            return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(("ec2", "fargate"))

    def __len__(self) -> int:
        return 2

    def __contains__(self, name: object) -> bool:
        return name in ("ec2", "fargate")

    def _ec2(self) -> Backend:
        from aws_run.backends.ec2.backend import Ec2Backend
        from aws_run.pricing.ec2_catalogue import Ec2Catalogue

        catalogue = Ec2Catalogue(self._aws, self.cache)
        return Ec2Backend(self._aws, self._clock, catalogue=catalogue, prices=self._prices, cache=self.cache)

    def _fargate(self) -> Backend:
        from aws_run.backends.fargate.backend import FargateBackend

        return FargateBackend(self._aws, self._clock, prices=self._prices)

    @cached_property
    def _prices(self) -> AwsPrices:
        from aws_run.pricing.price_list import AwsPrices

        return AwsPrices(self._aws, self.cache, self._clock)

    @cached_property
    def cache(self) -> Cache:
        from aws_run.aws.cache import DiskCache, MemoryCache

        if not self._keep:
            return MemoryCache(clock=self._clock)
        return DiskCache(lambda: cache_folder(self._aws.endpoint_url), self._clock)


def cache_folder(endpoint_url: str | None) -> Path:
    """Where this machine keeps what AWS's catalogue and price list said. Another endpoint is another AWS."""
    of_aws = endpoint_url is None or ".amazonaws.com" in endpoint_url  # a VPC endpoint leads there, too
    realm = "aws" if of_aws else hashlib.sha256(str(endpoint_url).encode()).hexdigest()[:16]
    return _cache_base() / realm


def _cache_base() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")) / "aws-run"


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
    from aws_run.image.docker.docker_builder import DockerBuilder

    return DockerBuilder(stop=stop)


def _branch(folder: Path) -> str:
    from aws_run.image.recipe.git_state import branch_of

    return branch_of(folder, os.environ)


def _find_base(emit: Emit, plan: ImagePlan, refresh: bool, without_docker: threading.Event | None) -> ImagePlan:
    """`without_docker`: no image is built, so there is no base image; the event ends the look for a Python."""
    if without_docker is not None:
        from aws_run.local.runtime.builder import with_own_python

        return with_own_python(plan, without_docker)
    from aws_run.image.docker.find_base import find_base

    return find_base(plan, refresh=refresh, emit=emit)


def read_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    from aws_run.config.load import read_flags

    return read_flags(flags, environ=os.environ)


def check_output(output: Path | None, where: str, *, detach: bool, used_before: bool = False) -> None:
    """UsageError where a run that is followed has no folder for its results, or one that they can't go into."""
    from aws_run.config.checks import need_output

    need_output(output, detached=detach, hint="give it with -o DIR, or leave the run with --detach")
    if output is not None:
        refuse_output(output, where, used_before=used_before)


def refuse_output(path: Path, where: str, *, used_before: bool = False) -> None:
    """ConfigError for a folder that results can't go into, or that is more than theirs: the project's, taken for the
    current folder, or one around it. `used_before`: the run's results are there already, and the user may be among
    them."""
    from aws_run.config.checks import refuse_output
    from aws_run.image.sources.results import looks_like_a_project

    here = Path.cwd()
    among_results = used_before or (path.resolve() == here.resolve() and not looks_like_a_project(here))
    refuse_output(path, where, project_dir=None if among_results else here)


def load(
    path: Path,
    file: Path | None,
    flags: Mapping[str, Any],
    *,
    for_run: bool,
    shown_flags: Mapping[str, str] | None = None,
    left_out: Callable[[str], None] | None = None,
) -> Config:
    from aws_run.config.load import load_config

    return load_config(
        path,
        file=file,
        flags=flags,
        environ=os.environ,
        for_run=for_run,
        shown_flags=shown_flags,
        left_out=left_out,
    )
