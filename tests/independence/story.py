"""The main job as the tests here tell it to every Python: inputs in, a job, outputs out, the result.

Everything that could be in the way is in the way: the image's site-packages and the job's folder are full of modules
that are called like the standard library's and break what imports them, and PYTHON* variables point to nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import KEY, grown, listing, send

from aws_run_entrypoint import contract

RUN = "p-20260101-000000-abcd"
PREFIX = f"runs/{RUN}/"
BROKEN = "import sys\nsys.stdout.write('imported ' + __name__ + '\\n')\nraise SystemExit('a module of the image ran')\n"
BREAKS_ALL = (
    "import json, socket, ssl, subprocess\njson.loads = socket.socket = ssl.SSLContext = subprocess.Popen = None\n"
)
SHADOWS = ("json", "ssl", "socket", "subprocess", "typing", "dataclasses", "zlib", "signal", "os", "aws_run_entrypoint")
# What the job's own Python is set to. It is ours to pass on, and not to be touched by it.
HOSTILE_ENV = {
    "PYTHONPATH": "/nonexistent:.",
    "PYTHONHOME": "/nonexistent",
    "PYTHONSTARTUP": "/nonexistent/startup.py",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PYTHONINSPECT": "1",
    "PYTHONPLATLIBDIR": "nowhere",
    "PYTHONIOENCODING": "ascii",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONPROFILEIMPORTTIME": "1",
    "LC_ALL": "C",
    "MODE": "as the user wrote it: ü €",
    "EMPTY": "",
}
# Copies, and tells what it was given. `/proc` has the environment as it came, before the job's Python adds to it.
JOB = """
import os, shutil, sys
shutil.copytree(sys.argv[2], sys.argv[4], dirs_exist_ok=True)
shutil.copy("/proc/self/environ", sys.argv[4] + "/environ")
"""
# Saves where it is, says so and waits to be stopped.
STOPPABLE = """
import os, signal, sys, time
def stop(number, frame):
    open(os.environ["AWS_RUN_CHECKPOINT_PATH"] + "/count", "w").write("7")
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
open(sys.argv[4] + "/ready", "w").close()
print("ready", flush=True)
while True: time.sleep(0.05)
"""


def write_shadows(folder: Path) -> None:
    """As a project's own folder may hold: `json.py` beside `main.py`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHADOWS:
        (folder / f"{name}.py").write_text(BROKEN)


def write_hostile_site(site_packages: Path) -> None:
    """As an image may hold: a sitecustomize that patches, a .pth that runs code, back-ports of the standard library."""
    write_shadows(site_packages)
    (site_packages / "sitecustomize.py").write_text("print('sitecustomize ran')\n" + BREAKS_ALL)
    (site_packages / "usercustomize.py").write_text("print('usercustomize ran')\n" + BREAKS_ALL)
    (site_packages / "first.pth").write_text(f"import sys; sys.path.insert(0, {str(site_packages)!r})\n")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the entrypoint's process ended."""

    code: int
    stdout: str
    stderr: str


# Starts the entrypoint with this environment and nothing else of the kind, and waits for its end.
Start = Callable[[Mapping[str, str]], Ended]


def settings(stub: StubS3, command: list[str], **more: str) -> dict[str, str]:
    """What the tool sets for a task."""
    return {
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": stub.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        contract.RUN_ID: RUN,
        contract.BUCKET: "bucket",
        contract.BUCKET_OWNER: "123456789012",
        contract.PREFIX: PREFIX,
        contract.COMMAND: json.dumps(command),
        **more,
    }


def inputs(snapshot_key: str, version_id: str | None) -> str:
    return json.dumps([{"name": "data", "snapshot_key": snapshot_key, "version_id": version_id}])


def tell(stub: StubS3, start: Start, python: str, tmp_path: Path, env: Mapping[str, str]) -> None:
    """The whole story with its checks. `python`: what the job is run with. `env`: what the container was given."""
    source = grown(tmp_path / "source")
    version = send(stub.bucket(), source).manifest_version_id
    said = settings(stub, [python, "-I", "-S", "-c", JOB], **{contract.INPUTS: inputs(KEY, version)})
    ended = start({**said, **env})
    assert (ended.code, ended.stdout) == (0, ""), ended.stderr
    sent = outputs(stub)
    environ = dict(item.split("=", 1) for item in sent.pop("environ").decode().split("\0") if item)
    assert sent == {name: found[0] for name, found in listing(source).items() if found}
    between_us = {name for name in contract.ALL if name not in contract.FOR_THE_JOB}
    given = {name: value for name, value in {**said, **env}.items() if name not in between_us}
    assert environ == {**environ_of_container(environ, given), **given, "PYTHONUNBUFFERED": "1"}
    result = result_of(stub)
    assert (result["reason"], result["exit_code"], result["input"]["files"]) == ("exit", 0, 10)
    assert stub.seen[-1].key == f"{PREFIX}result.json"


def environ_of_container(environ: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """What Docker gives to every container, where we did not set it. A process on this machine gets none of it."""
    return {name: environ[name] for name in ("PATH", "HOSTNAME", "HOME") if name in environ and name not in given}


def outputs(stub: StubS3) -> dict[str, bytes]:
    before = f"{PREFIX}output/"
    return {key[len(before) :]: body for key, body in stub.current().items() if key.startswith(before)}


def result_of(stub: StubS3) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stub.current()[f"{PREFIX}result.json"])
    return found


def check_stopped(stub: StubS3, code: int) -> None:
    """After SIGTERM to a container whose job is STOPPABLE: it was told, and what it saved then is kept."""
    assert code == 3
    assert result_of(stub)["reason"] == "stopped"
    assert stub.current()[f"{PREFIX}checkpoint/count"] == b"7"
    assert "ready" in outputs(stub)
