"""Images without Docker: a folder of sources, a virtual environment of its requirements, and a manifest for ECR.

A folder under the state dir is named by the manifest's digest; environments are shared by the digest of the
requirements.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_run.errors import BuildError
from aws_run.programs import run_program

_TAIL = 20


@dataclass(frozen=True, kw_only=True)
class ProcessImage:
    digest: str
    manifest: str


def image_dir(state_dir: Path, digest: str) -> Path:
    return state_dir / "images" / digest.removeprefix("sha256:")


def build(
    state_dir: Path,
    root: Path,
    files: Sequence[str],
    *,
    command: Sequence[str] = (),
    dependencies: str = "requirements",
    stop: threading.Event | None = None,
) -> ProcessImage:
    """Copies `files` (relative to `root`), installs what they require; BuildError with the installer's last lines.

    `dependencies`: none, requirements, lock or pyproject, as image.dependencies names them. `stop` ends the installer.
    """
    venv = _environment(state_dir, root, dependencies, stop or threading.Event())
    sources = [(name, hashlib.sha256((root / name).read_bytes()).hexdigest()) for name in sorted(files)]
    config = {"command": list(command), "sources": sources, "venv": venv.name}
    layer = "sha256:" + hashlib.sha256(json.dumps(config).encode()).hexdigest()
    size = sum((root / name).stat().st_size for name in files)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": layer, "size": 2},
            "layers": [{"mediaType": "application/vnd.aws-run.sources", "digest": layer, "size": size}],
        }
    )
    digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
    folder = image_dir(state_dir, digest)
    with _alone(folder):
        if (folder / "image.json").is_file():
            return ProcessImage(digest=digest, manifest=manifest)
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "src").mkdir(parents=True)
        for name in files:
            target = partial / "src" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target, follow_symlinks=False)
        (partial / "image.json").write_text(json.dumps({"command": list(command), "venv": str(venv)}))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    return ProcessImage(digest=digest, manifest=manifest)


def uv_binary() -> str:
    """Where uv is; BuildError when it is not."""
    on_path = shutil.which("uv")
    if on_path:
        return on_path
    try:
        from uv import find_uv_bin
    except ImportError:
        raise BuildError("uv is not installed.", hint="pip install 'aws-run[local]'") from None
    try:
        return str(find_uv_bin())
    except FileNotFoundError:
        raise BuildError(
            "uv is installed, but its program can't be found.", hint="pip install --force-reinstall uv"
        ) from None


def _environment(state_dir: Path, root: Path, dependencies: str, stop: threading.Event) -> Path:
    """The virtual environment for what the project asks for; made once for the same request."""
    names = {
        "requirements": ("requirements.txt",),
        "lock": ("pyproject.toml", "uv.lock"),
        "pyproject": ("pyproject.toml",),
    }
    key = hashlib.sha256(f"{sys.version_info[:2]} {dependencies} {root}".encode())
    for name in names.get(dependencies, ()):
        key.update(name.encode() + b"\0" + (root / name).read_bytes())
    venv = state_dir / "venvs" / key.hexdigest()[:32]
    with _alone(venv):
        if not (venv / ".complete").is_file():
            _install(venv, root, dependencies, stop)
    return venv


def _install(venv: Path, root: Path, dependencies: str, stop: threading.Event) -> None:
    uv = uv_binary()
    shutil.rmtree(venv, ignore_errors=True)
    making = [uv, "venv", "--quiet", "--python", sys.executable, str(venv)]
    _run(making, root, "The environment could not be made", stop)
    install = [uv, "pip", "install", "--python", str(venv / "bin" / "python"), "-r"]
    failure = "The project's requirements could not be installed"
    if dependencies == "lock":
        with tempfile.NamedTemporaryFile(suffix=".txt") as exported:
            export = ["export", "--frozen", "--no-emit-project", "--no-hashes", "--quiet", "-o", exported.name]
            _run([uv, *export], root, "The project's uv.lock could not be read", stop)
            _run([*install, exported.name], root, failure, stop)
    elif dependencies != "none":
        _run(
            [*install, "requirements.txt" if dependencies == "requirements" else "pyproject.toml"], root, failure, stop
        )
    (venv / ".complete").touch()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time makes `folder`; the others wait and find it made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(argv: list[str], cwd: Path, failure: str, stop: threading.Event) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}
    lines: deque[str] = deque(maxlen=_TAIL)
    if run_program(argv, on_line=lines.append, stop=stop, env=environment, cwd=cwd) != 0:
        raise BuildError(f"{failure}.", log_tail=tuple(lines), hint="see the last lines of uv's own message above")
