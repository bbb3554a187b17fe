"""The builder on a Docker engine: BuildKit through the docker command line, else the engine's classic builder."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aws_run.clock import Clock, SystemClock
from aws_run.errors import BuildError, DockerError
from aws_run.events import Emit, Notice
from aws_run.image.base import BaseImage
from aws_run.image.builder import Login
from aws_run.image.docker.build_folder import build_folder
from aws_run.image.docker.build_secrets import BuildSecrets, about_passwords, read_build_secrets
from aws_run.image.docker.context import dockerfile_in_context, write_own, write_standard, write_wrap
from aws_run.image.docker.docker_cli import DockerCli, find_cli
from aws_run.image.docker.engine import connect
from aws_run.image.docker.engine_builds import EngineBuild, EngineBuilds
from aws_run.image.docker.machine import BuildMachine
from aws_run.image.docker.own_args import dockerfile_args
from aws_run.image.docker.push import ApiPushEngine, push_image
from aws_run.image.plan import ImagePlan, big_source
from aws_run.image.recipe.entrypoint_layer import drops_arguments, keep_arguments
from aws_run.image.recipe.recipe import OwnDockerfile, StandardRecipe

if TYPE_CHECKING:
    import docker

_BARE = re.compile(r"python[\d.]*|(ba|da|a)?sh")


class DockerBuilder:
    """A Builder. The engine is looked for when it is first needed, not before.

    `find` picks the docker command line; None from it means the classic builder. `stop`, once set, ends what is being
    built, with InterruptedRunError.
    """

    done = "built and pushed"

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
                return push_image(ApiPushEngine(client.api), repository_uri, tag, login, emit=emit, clock=self._clock)
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
            run = EngineBuilds(
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
    run: EngineBuilds, recipe: StandardRecipe, reference: str, secrets: BuildSecrets, base: BaseImage | None
) -> None:
    cache_id = run.machine.cache_id(run.plan.source.root)
    run.build(
        EngineBuild(
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
    run: EngineBuilds, recipe: OwnDockerfile, reference: str, secrets: BuildSecrets, base: BaseImage | None
) -> None:
    """The project's Dockerfile as it is, then our layer on top of what it made."""
    # A name of its own per build: two runs of a project may build at the same time.
    project_image = f"aws-run-build:{run.folder.name}"
    base_image = base.build_from if base is not None else recipe.base_image
    try:
        run.build(
            EngineBuild(
                what=recipe.summary,
                tag=project_image,
                dockerfile=dockerfile_in_context(recipe),
                build_args={
                    **dockerfile_args(run.plan.source.read(recipe.path).decode(errors="replace"), secrets.exports),
                    **({"BASE_IMAGE": base_image} if base_image else {}),
                    **dict(recipe.args),
                },
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
            EngineBuild(
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
