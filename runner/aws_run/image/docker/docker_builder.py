"""The builder on a Docker engine: BuildKit through the docker command line, else the engine's classic builder."""

from __future__ import annotations

import errno
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from aws_run.clock import Clock, SystemClock
from aws_run.errors import BuildError, DockerError
from aws_run.events import Emit, LaneProgress, Notice
from aws_run.image.base import BaseImage, BaseImages, DockerBaseEngine
from aws_run.image.builder import Login
from aws_run.image.docker.build_causes import build_failure
from aws_run.image.docker.build_folder import build_folder, note_child
from aws_run.image.docker.build_log import BuildLog
from aws_run.image.docker.build_place import place_in_project
from aws_run.image.docker.build_secrets import BuildSecrets, about_passwords, read_build_secrets
from aws_run.image.docker.context import dockerfile_in_context, write_own, write_standard, write_wrap
from aws_run.image.docker.docker_cli import CliBuild, DockerCli, find_cli, run_build
from aws_run.image.docker.engine import connect
from aws_run.image.docker.machine import BuildMachine
from aws_run.image.docker.push import ApiPushEngine, push_image
from aws_run.image.plan import ImagePlan, big_source
from aws_run.image.recipe.entrypoint_layer import drops_arguments, keep_arguments
from aws_run.image.recipe.recipe import OwnDockerfile, StandardRecipe

if TYPE_CHECKING:
    import docker

_BASE_LABEL = "org.opencontainers.image.base."
_BARE = re.compile(r"python[\d.]*|(ba|da|a)?sh")
# What the recipe prints where the run can do without the project's own installation; BuildKit shows the command too.
_NOT_INSTALLED = re.compile(r"^(?:#\d+ +[\d.]+ )?aws-run: the project itself could not be installed", re.MULTILINE)
_PULSE_EVERY_S = 1.0
_ARCHES = {"amd64": "x86_64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class _Build:
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


class DockerBuilder:
    """A Builder. The engine is looked for when it is first needed, not before.

    `find` picks the docker command line; None from it means the classic builder. `stop`, once set, ends what is being
    built, with InterruptedRunError.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Clock | None = None,
        stop: threading.Event | None = None,
        find: Callable[[Mapping[str, str]], DockerCli | None] = find_cli,
    ) -> None:
        self._environ = environ
        self._clock = clock or SystemClock()
        self._stop = stop or threading.Event()
        self._find = find

    def build_push(self, plan: ImagePlan, repository_uri: str, tag: str, login: Login, emit: Emit) -> str:
        client = connect(self._environ)
        try:
            with _as_docker_errors():
                self.build(client, plan, f"{repository_uri}:{tag}", emit)
                return push_image(ApiPushEngine(client.api), repository_uri, tag, login, emit, self._clock)
        finally:
            client.close()

    def build(self, client: docker.DockerClient, plan: ImagePlan, reference: str, emit: Emit) -> None:
        """Leave the finished image in the engine as `reference`."""
        cli = self._find(self._environ)
        own = isinstance(plan.recipe, OwnDockerfile)
        secrets = read_build_secrets(
            self._environ, passwords=not own or plan.trust_dockerfile, named=plan.build_secrets, mounted=own
        )
        if (warning := about_passwords(plan, secrets)) is not None:
            emit(warning)
        for sentence in secrets.left_out:
            emit(Notice(text=sentence, level="debug"))
        if (notice := big_source(plan.source)) is not None:
            emit(notice)
        with build_folder(self._stop) as folder:
            run = _Runner(
                client=client,
                cli=cli,
                folder=folder,
                environ=self._environ,
                plan=plan,
                emit=emit,
                machine=BuildMachine.of(self._environ),
                clock=self._clock,
                stop=self._stop,
            )
            base = run.fetch_base()
            if isinstance(plan.recipe, OwnDockerfile):
                _build_own(run, plan.recipe, reference, secrets, base)
            else:
                _build_standard(run, plan.recipe, reference, secrets, base)


def _build_standard(
    run: _Runner, recipe: StandardRecipe, reference: str, secrets: BuildSecrets, base: BaseImage | None
) -> None:
    cache_id = run.machine.cache_id(run.plan.source.root)
    run.build(
        _Build(
            what=recipe.summary,
            tag=reference,
            dockerfile="Dockerfile",
            build_args={
                "BASE_IMAGE": base.build_from if base is not None else recipe.base_image,
                "DEPENDENCIES": recipe.dependencies.kind,
                "INSTALL_UV": "yes" if recipe.needs_uv else "no",
                **_recipe_args(recipe),
                "MACHINE": run.plan.machine,
                "PYTHON_PATH": ":".join(f"/app/{path}".rstrip("/") for path in recipe.python_path),
            },
            write=lambda out, classic: write_standard(
                run.plan, recipe, out, cache_id=cache_id, classic_secrets=classic
            ),
            secrets=secrets,
            base=base,
        )
    )
    run.check_arch(reference)


def _recipe_args(recipe: StandardRecipe) -> dict[str, str]:
    """Those that only some projects need; an argument that the Dockerfile does not name would be warned of."""
    dependencies = recipe.dependencies
    given = {
        "UV_OPTIONS": " ".join(dependencies.options),
        "REQUIREMENTS": dependencies.requirements_file if dependencies.texts else "",
        "FIND_LINKS": ",".join(dependencies.find_links),
        "CUDA": (dependencies.conda.cuda or "") if dependencies.conda is not None else "",
        "APT": " ".join(recipe.apt),
        "VENV_OPTIONS": "" if recipe.pip else "--without-pip",
        "TOOLS": " ".join(recipe.tools),
        "MANAGED_PYTHON": (recipe.python or "") if recipe.managed_python else "",
        "INSTALL_REQUIRED": "yes" if recipe.install is not None and recipe.install.required else "",
    }
    if recipe.version is not None:
        given["VERSION_VARIABLE"], given["VERSION"] = recipe.version
    return {name: value for name, value in given.items() if value}


def _build_own(
    run: _Runner, recipe: OwnDockerfile, reference: str, secrets: BuildSecrets, base: BaseImage | None
) -> None:
    """The project's Dockerfile as it is, then our layer on top of what it made."""
    # A name of its own per build: two runs of a project may build at the same time.
    project_image = f"aws-run-build:{run.folder.name}"
    base_image = base.build_from if base is not None else recipe.base_image
    try:
        run.build(
            _Build(
                what=recipe.summary,
                tag=project_image,
                dockerfile=dockerfile_in_context(recipe),
                build_args={**({"BASE_IMAGE": base_image} if base_image else {}), **dict(recipe.args)},
                target=recipe.target,
                write=lambda out, _classic: write_own(run.plan, recipe, out),
                secrets=secrets,
                base=base,
            )
        )
        run.check_arch(project_image)
        entrypoint, cmd = run.entry(project_image)
        entrypoint, cmd = keep_arguments(entrypoint, cmd, own_command=run.plan.command is not None)
        _check_entry(recipe, entrypoint, cmd, run.plan.command)
        run.build(
            _Build(
                what="adding the entrypoint",
                tag=reference,
                dockerfile="Dockerfile",
                build_args={"PROJECT_IMAGE": project_image, "MACHINE": run.plan.machine},
                write=lambda out, _classic: write_wrap(run.plan, entrypoint, cmd, out),
                secrets=BuildSecrets(),
            )
        )
    finally:
        run.untag(project_image)


def _check_entry(
    recipe: OwnDockerfile, entrypoint: tuple[str, ...], cmd: tuple[str, ...], command: tuple[str, ...] | None
) -> None:
    effective = command if command is not None else cmd
    if not entrypoint and not effective:
        raise BuildError(
            f"{recipe.path} has neither ENTRYPOINT nor CMD, so there is nothing to run",
            hint='add CMD ["python", "main.py"] to it, or `command:` to aws-run.yaml',
        )
    if not entrypoint and _BARE.fullmatch(effective[0].rpartition("/")[2]) and len(effective) == 1:
        # What the usual base images bring: `python3 -i …` is an interactive Python that ends well, having done nothing.
        raise BuildError(
            f"{recipe.path} has no ENTRYPOINT or CMD of its own, so only {effective[0]} would be started",
            hint='add CMD ["python", "main.py"] to it, or `command:` to aws-run.yaml',
        )
    shell = drops_arguments(entrypoint, effective)
    if shell is not None:
        raise BuildError(
            f"{shell} in {recipe.path} is in shell form, so -i and -o would not reach the program",
            hint=f'write it as a list: {shell} ["python", "main.py"]',
        )


@dataclass(frozen=True, kw_only=True)
class _Runner:
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

    def build(self, build: _Build) -> None:
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
            raise build_failure(log, build.what, self.plan.arch, partial(place_in_project, self.plan))
        if _NOT_INSTALLED.search(log.text):
            self.emit(
                Notice(
                    text="the project itself could not be installed; its folder is on PYTHONPATH instead",
                    hint="`build: {install: true}` shows why, and `install: false` leaves it out",
                    level="warning",
                )
            )

    def _with_buildkit(self, cli: DockerCli, build: _Build, context: Path, log: BuildLog) -> bool:
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

    def _with_classic(self, build: _Build, context: Path, log: BuildLog) -> bool:
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
def _as_docker_errors() -> Iterator[None]:
    """An engine that stops answering in the middle, or answers with an error nobody expects."""
    import docker
    import requests

    try:
        yield
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise DockerError(
            f"Docker failed while the image was built: {error}", hint="check that Docker is running and try again"
        ) from error


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
