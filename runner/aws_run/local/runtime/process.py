"""Tasks as processes of this machine, in the virtual environment of their image. No isolation but a folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_run.local.options import RuntimeKind
from aws_run.local.runtime.base import ContainerSpec, Exit, Inside, OnLine, PullFailed, Running, StartFailed
from aws_run.local.runtime.process_image import image_dir
from aws_run.local.runtime.registry import Registry

_WORK_DIR = "AWS_RUN_WORK_DIR"
_CGROUP = "AWS_RUN_CGROUP"
_CHECKPOINT_PATH = "AWS_RUN_CHECKPOINT_PATH"


class ProcessRuntime:
    kind: RuntimeKind = "process"
    host = "127.0.0.1"
    registry: Registry | None = None

    def __init__(self, state_dir: Path, reason: str) -> None:
        self._state_dir = state_dir
        self.reason = reason
        self._tasks = state_dir / "tasks"
        self._running: set[_Process] = set()
        self._homes: list[Path] = []  # another embedded AWS may run its own tasks beside them

    def pull(self, image: str) -> str | None:
        digest = image.rpartition("@")[2]
        if not digest.startswith("sha256:") or not (image_dir(self._state_dir, digest) / "image.json").is_file():
            raise PullFailed(
                f"pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {image}: not found "
                "(the process runtime runs only what its own builder made, by digest)"
            )
        return digest

    def start(self, spec: ContainerSpec, on_line: OnLine) -> Running:
        folder = image_dir(self._state_dir, spec.image.rpartition("@")[2])
        image = json.loads((folder / "image.json").read_text())
        home = self._tasks / spec.task_id / spec.name
        self._homes.append(home.parent)
        app, temporary = home / "app", home / "tmp"
        shutil.copytree(folder / "src", app, symlinks=True)
        temporary.mkdir(mode=0o700)
        venv = Path(image["venv"])
        environment = {
            "PATH": os.pathsep.join([str(venv / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "TMPDIR": str(temporary),
            "VIRTUAL_ENV": str(venv),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(str(app / path) for path in image.get("python_path", ())),
            _WORK_DIR: str(home / "work"),
            _CGROUP: str(home / "none"),  # this machine's own would tell what all of its programs use
            **_rehomed(spec, home),
        }
        (home / "work").mkdir()
        # An image that somebody else made has an ENTRYPOINT of its own, or none.
        own = image["entrypoint"] if "entrypoint" in image else _entrypoint()
        argv = [*(spec.entry_point or own), *(spec.command or image["command"])]
        cwd = str(spec.working_dir or app)
        try:
            child = subprocess.Popen(
                argv,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise StartFailed(f"exec: {argv[0]!r}: {error.strerror}") from None
        process = _Process(child, home, on_line, self._running.discard, cwd=cwd, environment=environment)
        self._running.add(process)
        return process

    def close(self, registry: str | None) -> None:
        for process in list(self._running):
            process.kill()
        for home in self._homes:
            shutil.rmtree(home, ignore_errors=True)


class _Process:
    def __init__(
        self,
        child: subprocess.Popen[bytes],
        home: Path,
        on_line: OnLine,
        on_end: object,
        *,
        cwd: str,
        environment: Mapping[str, str],
    ) -> None:
        self._cwd = cwd
        self._environment = environment
        self.runtime_id = f"pid-{child.pid}"
        self._child = child
        self._home = home
        self._on_end = on_end
        self._reader = threading.Thread(target=self._read, args=(on_line,), daemon=True)
        self._reader.start()

    def wait(self) -> Exit:
        code = self._child.wait()
        self.kill()  # what the job left behind goes with its container
        self._reader.join()
        if callable(self._on_end):
            self._on_end(self)
        shutil.rmtree(self._home, ignore_errors=True)
        return Exit(code=128 - code if code < 0 else code)

    def stop(self, grace_s: float) -> None:
        # PID 1 alone gets the signal in a container; so does the leader here.
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(signal.SIGTERM)
        timer = threading.Timer(grace_s, self.kill)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        # The job has a session of its own: with its PID 1 a container's processes end, here they have to be found.
        for pid in _processes_of(self._home):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def memory_bytes(self) -> int | None:
        return None

    def inside(self, command: Sequence[str], *, terminal: bool) -> Inside:
        return Inside(argv=tuple(command), cwd=self._cwd, environment=self._environment)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, number)

    def _read(self, on_line: OnLine) -> None:
        stream = self._child.stdout
        if stream is None:
            return
        with stream:
            for line in iter(stream.readline, b""):
                on_line(line.decode(errors="replace").rstrip("\r\n"))


def _processes_of(home: Path) -> list[int]:
    """Those whose environment names the task's folder. Only where /proc tells (Linux)."""
    pids = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if os.fsencode(home) in environ.read_bytes():
                pids.append(int(environ.parent.name))
        except OSError:
            continue  # it has ended, or is somebody else's
    return pids


def _entrypoint() -> list[str]:
    """The container's own PID 1, from this installation instead of the image's layer."""
    return [sys.executable, "-I", "-B", "-X", "utf8", "-m", "aws_run_entrypoint"]


def _rehomed(spec: ContainerSpec, home: Path) -> dict[str, str]:
    """The environment with paths inside the container moved to where they are here."""
    moved = {mount.target: mount.source or str(home / "volumes" / mount.volume) for mount in spec.mounts}
    environment = dict(spec.environment)
    if _CHECKPOINT_PATH in environment:
        moved.setdefault(environment[_CHECKPOINT_PATH], str(home / "checkpoint"))
    for folder in moved.values():
        Path(folder).mkdir(parents=True, exist_ok=True)
    for name, value in environment.items():
        for target, source in moved.items():
            if value == target or value.startswith(f"{target}/"):
                environment[name] = source + value[len(target) :]
    for name in (_WORK_DIR, _CGROUP):
        environment.pop(name, None)
    return environment
