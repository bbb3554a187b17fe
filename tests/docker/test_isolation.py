"""What a hostile job can't do to PID 1, which writes the result: look into it, hold it, or have the last word."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.docker.entrypoint_image import PREFIX, Containers
from tests.unit.transfer.stub import StubS3

USERS = {"root": (), "user": ("--user", "10001:10001"), "bare": ("--user", "10001", "--cap-drop", "ALL")}
PROBE = """
import ctypes, json, os, signal, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
ATTACH, SEIZE, DETACH = 16, 0x4206, 17
def trace(how, pid):
    done = libc.ptrace(how, pid, 0, 0)
    return "traced" if done == 0 else os.strerror(ctypes.get_errno())
def read(path):
    try:
        return "read %d" % len(open(path, "rb").read(10))
    except OSError as error:
        return error.strerror
def followed(path):
    try:
        return "followed %s" % [os.readlink(path + "/" + name) for name in os.listdir(path)]
    except OSError as error:
        return error.strerror
told = {"attach": trace(ATTACH, 1), "seize": trace(SEIZE, 1), "environ": read("/proc/1/environ"),
        "mem": read("/proc/1/mem"), "fd": followed("/proc/1/fd"), "maps": read("/proc/1/maps")}
for number in (signal.SIGSTOP, signal.SIGKILL):
    os.kill(1, number)
child = subprocess.Popen(["sleep", "60"])
time.sleep(0.2)
told["own child"] = trace(SEIZE, child.pid)
child.kill()
open(sys.argv[4] + "/told.json", "w").write(json.dumps(told))
"""
POISON = """
import os, urllib.request
url = "%s/bucket/%sresult.json"
for _ in range(3):
    urllib.request.urlopen(urllib.request.Request(url, data=b"[" * 100000, method="PUT")).read()
raise SystemExit(3)
"""


@pytest.fixture
def stub() -> Iterator[StubS3]:
    with StubS3() as running:
        yield running


@pytest.fixture
def containers(entrypoint_image: str, stub: StubS3) -> Containers:
    return Containers(entrypoint_image, stub)


@pytest.mark.parametrize("options", USERS.values(), ids=USERS.keys())
def test_pid_1_can_be_neither_traced_nor_read_nor_stopped_by_its_job(
    containers: Containers, stub: StubS3, options: tuple[str, ...]
) -> None:
    code, output, result = containers.run(PROBE, *options)
    assert (code, result["reason"]) == (0, "exit"), output
    told = json.loads(stub.current()[f"{PREFIX}output/told.json"])
    assert told.pop("own child") == "traced"  # jobs may be debugged as ever
    assert {what: answer for what, answer in told.items() if "ermi" not in answer} == {}, told


@pytest.mark.parametrize("options", USERS.values(), ids=USERS.keys())
def test_the_last_word_on_a_run_is_its_entrypoints(
    containers: Containers, stub: StubS3, options: tuple[str, ...]
) -> None:
    code, output, result = containers.run(POISON % (stub.url, PREFIX), *options)
    assert (code, result["exit_code"], result["reason"]) == (3, 3, "exit"), output
