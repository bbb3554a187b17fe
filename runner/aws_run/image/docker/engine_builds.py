"""One build on one engine: through the docker command line with BuildKit, or by the engine's classic builder."""

from __future__ import annotations

import errno
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from aws_run.clock import Clock
from aws_run.errors import BuildError, DockerError
from aws_run.events import Emit, LaneProgress, Notice
from aws_run.frozen import frozen
from aws_run.image.base import BaseImage, BaseImages, DockerBaseEngine
from aws_run.image.docker.build_causes import build_failure
from aws_run.image.docker.build_folder import note_child
from aws_run.image.docker.build_log import BuildLog
from aws_run.image.docker.build_place import place_in_project
from aws_run.image.docker.build_secrets import BuildSecrets
from aws_run.image.docker.docker_cli import CliBuild, DockerCli, run_build
from aws_run.image.docker.machine import BuildMachine
from aws_run.image.docker.own_args import certificate_hint
from aws_run.image.plan import ImagePlan
from aws_run.image.recipe.recipe import OwnDockerfile

if TYPE_CHECKING:
    import docker


_BASE_LABEL = "org.opencontainers.image.base."


# What the recipe prints where the run can do without the project's own installation; BuildKit shows the command too.
_NOT_INSTALLED = re.compile(r"^(?:#\d+ +[\d.]+ )?aws-run: the project itself could not be installed", re.MULTILINE)


_PULSE_EVERY_S = 1.0


_ARCHES = {"amd64": "x86_64", "arm64": "arm64"}


@frozen
class EngineBuild:
    """One build as both builders take it. `write` makes the context; it is called with the secrets to bake into the
    context for the classic builder, or None."""

    what: str
    tag: str
    dockerfile: str
    build_args: Mapping[str, str]
    write: Callable[[IO[bytes], dict[str, bytes] | None], None]
    secrets: BuildSecrets
    base: BaseImage | None = None
    target: str | None = None  # a stage of the Dockerfile

    @property
    def labels(self) -> dict[str, str]:
        """What the image stands on, in the words of the OCI image specification."""
        if self.base is None or self.base.digest is None:
            return {}
        return {_BASE_LABEL + "name": self.base.reference.partition("@")[0], _BASE_LABEL + "digest": self.base.digest}


@frozen
class EngineBuilds:
    """Runs builds of one plan on one engine."""

    client: docker.DockerClient
    cli: DockerCli | None
    folder: Path
    environ: Mapping[str, str]
    plan: ImagePlan
    emit: Emit
    machine: BuildMachine
    clock: Clock
    stop: threading.Event

    def build(self, build: EngineBuild) -> None:
        """BuildError with the failing program's own last lines."""
        log = BuildLog(lambda text: self.emit(LaneProgress(lane="image", text=text)))
        with _disk_full_as_an_error():
            context = self.folder / "context.tar"
            with context.open("wb") as out:
                build.write(out, None if self.cli is not None else build.secrets.by_name())
            failed = (
                self._with_buildkit(self.cli, build, context, log)
                if self.cli is not None
                else self._with_classic(build, context, log)
            )
            context.unlink()
        if failed:
            raise build_failure(
                log, build.what, self.plan.arch, partial(place_in_project, self.plan), self._certificate_hint()
            )
        if _NOT_INSTALLED.search(log.text):
            self.emit(
                Notice(
                    text="the project itself could not be installed; its folder is on PYTHONPATH instead",
                    hint="`build: {install: true}` shows why, and `install: false` leaves it out",
                    level="warning",
                )
            )

    def _certificate_hint(self) -> str | None:
        recipe = self.plan.recipe
        if isinstance(recipe, OwnDockerfile):
            return certificate_hint(recipe.path, mounts=self.cli is not None)
        return None

    def _with_buildkit(self, cli: DockerCli, build: EngineBuild, context: Path, log: BuildLog) -> bool:
        paths = {}
        for name, content in build.secrets.by_name().items():
            paths[name] = self.folder / f"secret-{name}"
            paths[name].write_bytes(content)  # the folder is 0700
        request = CliBuild(
            context=context,
            dockerfile=build.dockerfile,
            tag=build.tag,
            platform=self.plan.platform,
            build_args=build.build_args,
            secrets=paths,
            labels=build.labels,
            target=build.target,
        )
        return (
            run_build(
                cli,
                request,
                self.environ,
                _Pulse(log, self.emit, self.clock).feed,
                stop=self.stop,
                on_started=lambda pid: note_child(self.folder, pid),
            )
            != 0
        )

    def _with_classic(self, build: EngineBuild, context: Path, log: BuildLog) -> bool:
        import docker

        try:
            with context.open("rb") as stream:
                messages = self.client.api.build(
                    fileobj=stream,
                    custom_context=True,
                    dockerfile=build.dockerfile,
                    tag=build.tag,
                    platform=self.plan.platform,
                    buildargs=dict(build.build_args),
                    labels=build.labels,
                    target=build.target,
                    rm=True,
                    forcerm=True,
                    decode=True,
                )
                return _feed_classic(messages, _Pulse(log, self.emit, self.clock).feed)
        except docker.errors.APIError as error:
            log.feed(str(error.explanation or error))
            return True

    def fetch_base(self) -> BaseImage | None:
        if self.plan.base is None:
            return None
        engine = DockerBaseEngine(self.client.api, lambda text: self.emit(LaneProgress(lane="image", text=text)))
        return BaseImages(self.machine, engine, self.emit).fetch(self.plan.base, self.plan.platform)

    def check_arch(self, reference: str) -> None:
        """A base image of another architecture builds well and then dies in the task with `exec format error`."""
        architecture = str(self._inspect(reference).get("Architecture", ""))
        architecture = _ARCHES.get(architecture, architecture)
        if architecture != self.plan.arch:
            raise BuildError(
                f"The image is for {architecture}, but {self.plan.arch} was asked for",
                hint=f"set --arch {architecture}, or choose a base image that exists for {self.plan.arch}",
            )

    def entry(self, reference: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """ENTRYPOINT and CMD of an image."""
        config = self._inspect(reference).get("Config") or {}
        return tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ())

    def untag(self, reference: str) -> None:
        import docker

        try:
            self.client.api.remove_image(reference, noprune=True)
        except docker.errors.APIError as error:
            # Not there: it did not build. Else it stays, which costs disk and nothing more.
            if error.status_code != 404:
                self.emit(Notice(text=f"{reference} could not be untagged: {error}", level="debug"))

    def _inspect(self, reference: str) -> dict[str, Any]:
        import docker

        try:
            document = cast("Any", self.client.api).inspect_image(reference)
        except docker.errors.ImageNotFound:
            raise DockerError(
                "The image was built, but this Docker engine does not have it",
                hint="docker and aws-run may talk to different engines: check DOCKER_HOST and `docker context ls`",
            ) from None
        return dict(document)


class _Pulse:
    """A step that goes on printing is at work: what it does is told again from time to time."""

    def __init__(self, log: BuildLog, emit: Emit, clock: Clock) -> None:
        self._log = log
        self._emit = emit
        self._clock = clock
        self._told_s = clock.monotonic()

    def feed(self, line: str) -> None:
        self._log.feed(line)
        now_s = self._clock.monotonic()
        if now_s - self._told_s >= _PULSE_EVERY_S and self._log.current_step:
            self._told_s = now_s
            self._emit(LaneProgress(lane="image", text=self._log.current_step, detail=self._log.last_line))


def _feed_classic(messages: Iterable[Mapping[str, Any]], feed: Callable[[str], None]) -> bool:
    """Whether the build failed. The engine sends text in pieces that end anywhere, and errors apart."""
    failed, text = False, ""
    for message in messages:
        *lines, text = (text + str(message.get("stream", ""))).split("\n")
        for line in lines:
            feed(line)
        if "error" in message:
            failed = True
            text = f"{text}\n{message['error']}" if text else str(message["error"])
    for line in text.splitlines():
        feed(line)
    return failed


@contextmanager
def _disk_full_as_an_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DockerError(
            f"The disk is full: the build context did not fit into {tempfile.gettempdir()}",
            hint="free some space, point TMPDIR elsewhere, or exclude big files in .awsrunignore",
        ) from None
