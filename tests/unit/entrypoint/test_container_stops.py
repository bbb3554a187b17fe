"""Stops: signals, the deadline, a Spot notice, and what the command leaves running."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.entrypoint.container_support import PREFIX, TIDY, Container, python, wait_for
from tests.unit.transfer.stub import Seen, StubS3
from tests.waiting import PATIENCE_S, until

STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[4], "ready").write_text("")
while True: time.sleep(1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_forwarded_and_what_the_job_saves_then_is_sent(
    container: Container, stub: StubS3, number: signal.Signals
) -> None:
    process = container.start(*python(TIDY))
    wait_for(stub, container.work / "output/ready")
    process.send_signal(number)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert container.outputs()["stopped"] == str(int(number)).encode()
    assert container.result()["reason"] == "stopped"


def test_other_signals_are_passed_on_without_stopping(container: Container, stub: StubS3) -> None:
    process = container.start(*python(TIDY))
    wait_for(stub, container.work / "output/ready")
    process.send_signal(signal.SIGUSR1)
    wait_for(stub, container.work / "output/usr1")
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=PATIENCE_S)
    assert "usr1" in container.outputs()


def test_a_job_that_ignores_the_stop_is_killed_after_its_grace(container: Container, stub: StubS3) -> None:
    process = container.start(*python(STUBBORN), AWS_RUN_STOP_GRACE_S="0.2")
    wait_for(stub, container.work / "output/ready")
    process.terminate()
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 137
    assert container.result()["reason"] == "stopped"
    assert "ready" in container.outputs()


def test_where_the_window_is_short_the_job_gets_less_than_its_grace(container: Container, stub: StubS3) -> None:
    process = container.start(*python(STUBBORN), AWS_RUN_STOP_GRACE_S="60", AWS_RUN_STOP_WINDOW_S="1")
    wait_for(stub, container.work / "output/ready")
    process.terminate()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 137
    assert "stopped: the job has 0 s to end; 1 s are kept to save what is new (1 files, 0.0 MB)" in err
    assert "ready" in container.outputs()


def test_the_deadline_ends_the_job_with_124(container: Container) -> None:
    for within_s in (1.5, 15, 90):
        deadline = str(time.time() + within_s)
        code, _, err = container.run(*python(STUBBORN), AWS_RUN_STOP_GRACE_S="0.2", AWS_RUN_DEADLINE=deadline)
        if "ready" in container.outputs():
            break  # else this machine is too busy to start a job in that time
    assert code == 124
    assert "the time limit was reached" in err
    assert (container.result()["reason"], container.result()["job_exit_code"]) == ("deadline", 124)
    assert "ready" in container.outputs()


def test_a_deadline_that_has_passed_starts_nothing(container: Container, tmp_path: Path) -> None:
    code, _, _ = container.run(*python("open('started','w')"), AWS_RUN_DEADLINE="1")
    assert code == 124
    assert not (tmp_path / "started").exists()
    assert container.result()["reason"] == "deadline"


def test_a_spot_notice_stops_the_job_in_time(container: Container, stub: StubS3, tmp_path: Path) -> None:
    notice = tmp_path / "notice"
    process = container.start(*python(TIDY), AWS_RUN_NOTICE_FILE=str(notice))
    wait_for(stub, container.work / "output/ready")
    notice.write_text('{"action":"terminate"}')
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert container.result()["reason"] == "spot-notice"
    assert container.outputs()["stopped"] == b"15"


ORPHANS = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=subprocess.DEVNULL).pid)
"""


def is_running(pid: int) -> bool:
    """A zombie that nobody has waited for yet runs no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_what_the_command_leaves_running_is_ended(container: Container) -> None:
    code, out, _ = container.run(*python(ORPHANS))
    assert code == 0
    assert not is_running(int(out))


AS_PID_1 = ("unshare", "--pid", "--fork", "--kill-child")
DAEMON = """
import pathlib, subprocess, sys, time
out = pathlib.Path(sys.argv[4])
subprocess.Popen([sys.executable, "-c", "import sys,time\\nwhile True: open(sys.argv[1],'a').write('x'); time.sleep(0.005)",
                  str(out / "log")], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while not (out / "log").exists(): time.sleep(0.01)
"""


def may_be_pid_1() -> bool:
    try:
        return subprocess.run([*AS_PID_1, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not may_be_pid_1(), reason="only root may make a PID namespace here; tests/docker does it as well")
def test_a_daemon_with_a_session_of_its_own_writes_no_more_when_the_last_sync_begins(
    container: Container, stub: StubS3
) -> None:
    sizes: list[int] = []

    def script(seen: Seen) -> None:
        if seen.key == f"{PREFIX}output.json" and seen.method == "GET":
            for _ in range(2):
                sizes.append((container.work / "output/log").stat().st_size)
                time.sleep(0.2)

    stub.script = script
    process = container.start(*python(DAEMON), before=AS_PID_1)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert sizes[0] == sizes[1]
    assert container.result()["output"]["skipped"] == []


# Orphans come to whoever says so (prctl 36, PR_SET_CHILD_SUBREAPER), as they come to PID 1 of a container.
TAKES_ORPHANS = (
    sys.executable,
    "-c",
    "import ctypes,os,sys; ctypes.CDLL(None).prctl(36,1,0,0,0); os.execv(sys.argv[1],sys.argv[1:])",
)
LEAVES_ORPHANS = """
import pathlib, subprocess, sys, time
for _ in range(5): subprocess.run(["sh", "-c", "sh -c 'sleep 0.01; exit 3' & exit 0"])
pathlib.Path(sys.argv[4], "ready").write_text("")
time.sleep(600)
"""


def children(pid: int) -> list[str]:
    """The states of a process's children."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid:
            found.append(state)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_orphans_of_the_job_are_reaped_while_it_runs(container: Container, stub: StubS3) -> None:
    process = container.start(*python(LEAVES_ORPHANS), before=TAKES_ORPHANS)
    wait_for(stub, container.work / "output/ready")
    until(lambda: len(children(process.pid)) == 1)
    process.terminate()
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143  # the job's own end, not an orphan's
