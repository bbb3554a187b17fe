"""The virtual environment of a process image: the same list, installed as the recipe of the image installs it.

An environment is shared by all that ask for the same; one that holds the project itself belongs to that very source,
of which it keeps a copy, because an editable installation points at it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from pathlib import Path

from aws_run.aws.cache import DiskCache
from aws_run.clock import SystemClock
from aws_run.errors import BuildError
from aws_run.extras import install_hint
from aws_run.frozen import frozen
from aws_run.programs import run_program

OnLine = Callable[[str], None]
_TAIL = 20
_READ = 200  # what a build misses may be told long before its traceback ends
_FAILURE = "The project's requirements could not be installed"


@frozen
class InstallRequest:
    """`files`: what the installer reads, by path. `source_digest` and `source_files`: the project's own files, where
    something of them is installed. `project`: the project itself is, too; `required`: the run can't do without it.
    `variables`: what the build back end is told besides. `python`: the version asked for. `tools`: packages that are
    installed after the list. `pip`: the job may install more, so no other project gets that environment."""

    kind: str = "none"
    files: Mapping[str, bytes] = field(default_factory=dict)
    requirements_file: str = "requirements.txt"
    options: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    source_digest: str | None = None
    source_files: tuple[str, ...] = ()
    project: bool = False
    required: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    python: str | None = None
    pip: bool = False
    tools: tuple[str, ...] = ()


@frozen
class Environment:
    """`notes`: sentences for the user."""

    folder: Path
    notes: tuple[str, ...] = ()


def make_environment(
    state_dir: Path,
    root: Path,
    request: InstallRequest,
    stop: threading.Event,
    on_line: OnLine = lambda line: None,
) -> Environment:
    """Made once for the same request; BuildError with the installer's last lines."""
    picked = python_here(request.python, stop, state_dir)
    notes = [picked.note] if picked.note else []
    venv = state_dir / "venvs" / _key(request, picked.path)
    with alone(venv):
        marker = venv / ".complete"
        if not marker.is_file():
            shutil.rmtree(venv, ignore_errors=True)
            made = _install(venv, root, request, picked.path, _Installer(stop=stop, on_line=on_line))
            marker.write_text(json.dumps(made), encoding="utf-8")
        notes += json.loads(marker.read_text(encoding="utf-8") or "[]")
    return Environment(folder=venv, notes=tuple(notes))


def uv_binary() -> str:
    """Where uv is; BuildError when it is not."""
    on_path = shutil.which("uv")
    if on_path:
        return on_path
    try:
        from uv import find_uv_bin
    except ImportError:
        raise BuildError("uv is not installed.", hint=install_hint("local")) from None
    try:
        return str(find_uv_bin())
    except FileNotFoundError:
        raise BuildError(
            "uv is installed, but its program can't be found.", hint="pip install --force-reinstall uv"
        ) from None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time makes `folder`; the others wait and find it made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _key(request: InstallRequest, python: str) -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]} {python}".encode())
    facts: list[object] = [request.kind, request.options, request.find_links, request.requirements_file]
    facts += [request.source_digest, request.project, request.required, sorted(request.variables.items())]
    facts += [request.tools, request.pip]
    digest.update(json.dumps(facts).encode())
    for name, content in sorted(request.files.items()):
        digest.update(f"{len(content)}\0{name}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:32]


@frozen
class PickedPython:
    """`version`: as far as it is known without a look at it, MAJOR.MINOR or MAJOR.MINOR.PATCH. `note`: what to tell
    where it is not the one that a container would have."""

    path: str
    version: str
    note: str | None = None


def python_here(wanted: str | None, stop: threading.Event, state_dir: Path, *, most_age_s: float = 0.0) -> PickedPython:
    """The Python that a job of this machine gets. BuildError when uv is not there.

    `most_age_s`: how old an answer of uv may be. It runs each Python that it comes by, half a second of processor time
    on a machine with pyenv.
    """
    own = ".".join(str(part) for part in sys.version_info[:3])
    kept = DiskCache(lambda: state_dir / "pythons", SystemClock())

    def find(version: str) -> str | None:
        key = f"{version} for {own} in {os.environ.get('PATH', '')}"
        known = kept.read(key, most_age_s=most_age_s) if most_age_s else None
        if known is not None and isinstance(known.document, (str, type(None))):
            return known.document
        path = _find_python(version, stop)
        kept.write(key, path)
        return path

    return pick_python(wanted, own, find)


def pick_python(wanted: str | None, own: str, find: Callable[[str], str | None]) -> PickedPython:
    """The Python that a container would have, where this machine has it; else another of its series, or the one that
    aws-run itself runs on, of version `own`. `find`: the path of a version, None: it is not there."""
    wanted = wanted or own
    note = f"in a container the job would run on Python {wanted}; without Docker it runs on"
    for version in dict.fromkeys([wanted, ".".join(wanted.split(".")[:2])]):
        path = sys.executable if f"{own}.".startswith(f"{version}.") else find(version)
        if path is not None and version == wanted:
            return PickedPython(path=path, version=version)
        if path is not None:
            return PickedPython(path=path, version=version, note=f"{note} another {version}")
    here = own.rpartition(".")[0]
    return PickedPython(path=sys.executable, version=here, note=f"{note} this machine's {here}")


def _find_python(version: str, stop: threading.Event) -> str | None:
    lines: list[str] = []
    find = [uv_binary(), "python", "find", "--no-project", "--no-python-downloads", version]
    if run_program(find, on_line=lines.append, stop=stop, env=_clean_environment({}), cwd=Path("/")) != 0:
        return None
    return next((line.strip() for line in reversed(lines) if line.startswith("/")), None)


def _install(venv: Path, root: Path, request: InstallRequest, python: str, run: _Installer) -> list[str]:
    uv = uv_binary()
    making = [uv, "venv", "--quiet", *(["--seed"] if request.pip else []), "--python", python, str(venv)]
    run(making, root, "The environment could not be made", {})
    stage = venv / "project"
    stage.mkdir()
    for name in request.source_files:
        target = stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target, follow_symlinks=False)
    for name, content in request.files.items():
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).unlink(missing_ok=True)
        (stage / name).write_bytes(content)
    variables = dict(request.variables)
    if request.find_links:
        variables["UV_FIND_LINKS"] = ",".join(request.find_links)
    into = ["--python", str(venv / "bin" / "python")]
    if request.kind == "lock":
        options = [*request.options, "--frozen", "--no-install-project", "--no-dev"]
        run([uv, "sync", *into, *options], stage, _FAILURE, {**variables, "UV_PROJECT_ENVIRONMENT": str(venv)})
    elif request.kind != "none":
        listed = request.requirements_file if request.kind == "requirements" else "pyproject.toml"
        run([uv, "pip", "install", *into, *request.options, "-r", listed], stage, _FAILURE, variables)
    if request.tools:
        run([uv, "pip", "install", *into, *request.tools], stage, _FAILURE, variables)
    if not request.project:
        return []
    try:
        install = [uv, "pip", "install", *into, "--no-deps", "-e", "."]
        run(install, stage, "The project itself could not be installed", variables)
    except BuildError:
        if request.required:
            raise
        return ["the project itself could not be installed; its folder is on PYTHONPATH instead"]
    return []


@frozen
class _Installer:
    """Runs uv; its lines go to `on_line`, and the last of them into the error where it fails."""

    stop: threading.Event
    on_line: OnLine

    def __call__(self, argv: list[str], cwd: Path, failure: str, variables: Mapping[str, str]) -> None:
        lines: deque[str] = deque(maxlen=_READ)

        def take(line: str) -> None:
            lines.append(line)
            self.on_line(line)

        if run_program(argv, on_line=take, stop=self.stop, env=_clean_environment(variables), cwd=cwd) != 0:
            from aws_run.project.missing.find import find_missing  # a failure alone needs it

            missing = find_missing("\n".join(lines))
            hint = "see the last lines of uv's own message above"
            if missing is not None:
                hint = f"this machine lacks {missing.what}: apt-get install {' '.join(missing.packages)}"
            raise BuildError(f"{failure}.", log_tail=tuple(lines)[-_TAIL:], hint=hint)


def _clean_environment(variables: Mapping[str, str]) -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}
    return {**own, **variables}
