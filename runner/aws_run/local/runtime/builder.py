"""The process runtime's image builder: a folder and a virtual environment, known to ECR as an image is."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from aws_run.errors import BuildError, DockerError
from aws_run.events import Emit, LaneProgress, Notice
from aws_run.local.ask import direct
from aws_run.local.options import LocalAws
from aws_run.local.state import made_state_dir

if TYPE_CHECKING:
    from aws_run.image.builder import Builder, Login
    from aws_run.image.plan import ImagePlan
    from aws_run.image.recipe.recipe import Recipe, StandardRecipe
    from aws_run.local.runtime.process_environment import InstallRequest


_PYTHONS_AGE_S = 3600.0  # a plan may not know a Python that was installed in between; a build looks anew
_WAITS_S = (0.1, 0.2, 0.4, 0.8, 1.6)  # between attempts: throttling and lost answers pass, as with every AWS call


def image_builder(local: LocalAws, stop: threading.Event | None = None) -> Builder | None:
    """None where tasks run in Docker: the normal builder serves there."""
    return ProcessBuilder(local, stop) if local.runtime == "process" else None


class ProcessBuilder:
    """`stop`, once set, ends what is being installed, with InterruptedRunError."""

    done = "packages installed, for a job that runs as a process"

    def __init__(self, local: LocalAws, stop: threading.Event | None = None) -> None:
        self._local = local
        self._stop = stop or threading.Event()

    def build_push(self, plan: ImagePlan, repository_uri: str, tag: str, login: Login, emit: Emit) -> str:
        """As image.builder.Builder says; BuildError with uv's last lines when a requirement can't be installed."""
        from aws_run.local.runtime.process_image import build

        recipe = without_engine(plan.recipe)
        if recipe.apt:
            text = f"without Docker the packages of build.apt are not installed: {', '.join(recipe.apt)}"
            emit(Notice(text=text, level="warning"))
        emit(Notice(text=f"image: {self._local.runtime_reason}", level="debug"))
        emit(LaneProgress(lane="image", text="installing dependencies", done=0, total=2))
        image = build(
            Path(self._local.state_dir),
            plan.source.root,
            [file.path for file in plan.source.files],
            command=plan.command or (),
            request=install_request(plan, recipe),
            python_path=recipe.python_path,
            stop=self._stop,
            on_line=lambda line: emit(
                LaneProgress(lane="image", text="installing dependencies", done=0, total=2, detail=line)
            ),
        )
        for note in image.notes:
            if note in plan.notes:
                continue  # the plan has told it
            emit(Notice(text=note, level="warning"))
        emit(LaneProgress(lane="image", text="storing the sources", done=1, total=2))
        address, _, repository = repository_uri.partition("/")
        put_image(self._local, repository, tag, image.manifest, region=_region_of(address))
        return image.digest


def without_engine(recipe: Recipe) -> StandardRecipe:
    """DockerError where only a Docker engine makes an image of it."""
    from aws_run.image.recipe.recipe import OwnDockerfile

    if isinstance(recipe, OwnDockerfile):
        raise DockerError(
            f"The project brings its own {recipe.path}, and there is no Docker engine to build it",
            hint="start Docker, or use --dockerfile none to run with aws-run's own recipe",
        )
    conda = recipe.dependencies.conda
    if conda is not None:
        raise DockerError(
            f"{recipe.dependencies.files[0]} lists what only conda has ({', '.join(conda.only_conda)}), and "
            "there is no Docker engine to build it",
            hint="start Docker, or name another list with `build: {dependencies: requirements.txt}`",
        )
    return recipe


def install_request(plan: ImagePlan, recipe: StandardRecipe) -> InstallRequest:
    from aws_run.image.recipe.dependencies import installer_files
    from aws_run.local.runtime.process_environment import InstallRequest

    dependencies = recipe.dependencies
    whole = dependencies.whole_project or recipe.install is not None
    return InstallRequest(
        kind=dependencies.kind,
        files=installer_files(plan.source, dependencies),
        requirements_file=dependencies.requirements_file,
        options=dependencies.options,
        find_links=dependencies.find_links,
        source_digest=plan.source.digest if whole or recipe.pip else None,
        source_files=tuple(file.path for file in plan.source.files) if whole else (),
        project=recipe.install is not None,
        required=recipe.install is not None and recipe.install.required,
        variables=dict([recipe.version]) if recipe.version is not None else {},
        python=recipe.python,
        pip=recipe.pip,
        tools=recipe.tools,
    )


def with_own_python(plan: ImagePlan, stop: threading.Event) -> ImagePlan:
    """The plan with the Python that the job gets on this machine, and a sentence where it is another one than in a
    container. DockerError where only a Docker engine makes its image."""
    from aws_run.local.runtime.process_environment import python_here

    recipe = without_engine(plan.recipe)
    try:
        picked = python_here(recipe.python, stop, made_state_dir(), most_age_s=_PYTHONS_AGE_S)
    except BuildError:  # as the build will tell
        return plan
    return replace(plan, runs_on=picked.version, notes=(*plan.notes, *([picked.note] if picked.note else [])))


def _region_of(registry: str) -> str | None:
    """The region in the address of ECR's registry, which `--region` may have chosen; None where it names none."""
    match = re.search(r"\.dkr\.ecr\.([a-z0-9-]+)\.", registry)
    return match[1] if match is not None else None


def put_image(local: LocalAws, repository: str, tag: str, manifest: str, *, region: str | None = None) -> None:
    """ECR's PutImage; an image that is there already is fine, and so is a second request for the same one. BuildError
    when it is refused, or no whole answer came. `region`: where the repository is, if not where the embedded AWS is."""
    region = region or local.region
    parameters = {"repositoryName": repository, "imageTag": tag, "imageManifest": manifest}
    for wait_s in (*_WAITS_S, None):
        try:
            with direct().open(_signed(local, region, json.dumps(parameters).encode()), timeout=30) as answer:
                document = _document(answer)
            if "image" in document:
                return
            reason, passing = "the answer is not ECR's", True
        except urllib.error.HTTPError as error:
            with error:
                document = _document(error)
            if document.get("__type") == "ImageAlreadyExistsException":
                return
            reason = str(document.get("message") or f"HTTP {error.code}")
            passing = not document or error.code >= 500 or document.get("__type") == "ThrottlingException"
        except (OSError, http.client.HTTPException) as error:
            reason, passing = str(error), True
        if wait_s is None or not passing:
            raise BuildError(f"The image could not be stored: {reason}")
        time.sleep(wait_s)


def _document(answer: IO[bytes]) -> dict[str, Any]:
    """Of a JSON answer; none where it broke off, or somebody else has written it."""
    try:
        document = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _signed(local: LocalAws, region: str, body: bytes) -> urllib.request.Request:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.PutImage",
        "X-Aws-Run-Push": "1",  # it stands for a push, and is judged as one (http/caller_requests.py)
    }
    signed = AWSRequest(method="POST", url=f"{local.endpoint_url}/", data=body, headers=headers)
    SigV4Auth(Credentials(local.access_key, local.secret_key), "ecr", region).add_auth(signed)
    return urllib.request.Request(str(signed.url), data=body, headers=dict(signed.headers))  # noqa: S310 - our own address
