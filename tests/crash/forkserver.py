"""`aws-run` processes without the second of processor time that each start and its imports take: a table of a thousand
attempts needs it.

A server process imports everything that clients import and starts nothing. For each client it forks: a real process with
arguments, environment, folder, streams, signals and an exit code of its own, which ends as `aws-run` does. What is not as
in a fresh process: the imports have happened, and the descriptions of AWS's services are parsed.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_EMBEDDED_ONLY = "aws_run.local."  # moto and all; a client takes a few modules of it, which are imported when it does
_SERVICES = (
    "autoscaling", "ec2", "ecr", "ecs", "iam", "logs", "pricing", "s3", "scheduler", "service-quotas", "ssm", "sts",
)  # fmt: skip
_MOST = 1 << 20


class ForkServer:
    """`server.start(["submit", …], environment, folder)`; `close` ends it."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST)
        self._server = subprocess.Popen([sys.executable, "-m", __name__], stdin=theirs, cwd=Path(__file__).parents[2])
        theirs.close()

    def close(self) -> None:
        self._ours.close()  # ends it
        self._server.wait()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> ForkedClient:
        """A process that is there, and waits to be told to begin."""
        ours, theirs = socket.socketpair()
        out, err = (tempfile.TemporaryFile(prefix="client-") for _ in range(2))  # noqa: SIM115 - the client's
        request = {"arguments": list(arguments), "environment": dict(environment), "folder": str(folder)}
        fds = [theirs.fileno(), out.fileno(), err.fileno()]
        socket.send_fds(self._ours, [json.dumps(request).encode()], fds)
        theirs.close()
        return ForkedClient(ours, out, err)


class ForkedClient:
    """What tests need of `subprocess.Popen`."""

    def __init__(self, control: socket.socket, out: Any, err: Any) -> None:
        self._control, self._out, self._err = control, out, err
        self._lines = control.makefile("r")
        self.pid = int(self._lines.readline())
        self.returncode: int | None = None

    def begin(self) -> None:
        self._control.sendall(b"go\n")

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        self._control.settimeout(timeout)
        self.returncode = os.waitstatus_to_exitcode(int(self._lines.readline()))
        texts = []
        for stream in (self._out, self._err):
            stream.seek(0)
            texts.append(stream.read().decode())
            stream.close()
        self._lines.close()
        self._control.close()
        return texts[0], texts[1]

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)


def serve(requests: socket.socket) -> list[str]:
    """Returns in each client, with its arguments; ends the process where there are no more requests."""
    _import_all()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers of clients
    while True:
        message, fds, _, _ = socket.recv_fds(requests, _MOST, 3)
        if not message:
            sys.exit(0)
        if os.fork() == 0:
            requests.close()
            return _watched(json.loads(message), *fds)
        for fd in fds:
            os.close(fd)


def _import_all() -> None:
    import botocore.session
    from botocore import loaders

    import aws_run

    for module in pkgutil.walk_packages(aws_run.__path__, "aws_run."):
        if not module.name.startswith(_EMBEDDED_ONLY) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    # botocore reads a service's description from its file once a session; these are read once for all sessions.
    loaders.JSONFileLoader.load_file = functools.cache(loaders.JSONFileLoader.load_file)  # type: ignore[method-assign]
    session = botocore.session.Session()
    for service in _SERVICES:
        session.create_client(service, "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")


def _watched(request: dict[str, Any], control_fd: int, out: int, err: int) -> list[str]:
    """Forks once more: the client, whose process id and end the watcher tells."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    control = socket.socket(fileno=control_fd)
    client = os.fork()
    if client:
        control.sendall(f"{client}\n".encode())
        _, status = os.waitpid(client, 0)
        with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
            control.sendall(f"{status}\n".encode())
        os._exit(0)
    control.recv(3)
    control.close()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, fd in enumerate((nothing, out, err)):
        os.dup2(fd, number)
        os.close(fd)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - as Python opens them
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    tempfile.tempdir = None  # that of the environment
    return list(request["arguments"])


if __name__ == "__main__":
    arguments = serve(socket.socket(fileno=os.dup(0)))
    from aws_run.cli.main import main

    sys.argv = ["aws-run", *arguments]
    main()
