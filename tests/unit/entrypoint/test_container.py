"""The whole entrypoint as a process, against a stub S3: what a task does between its start and its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.transfer.stub import Fault, Seen, StubS3
from tests.unit.transfer.trees import grown, listing, send

from aws_run.image.wrap import ENTRYPOINT
from aws_run_entrypoint.bundle import write_pyz

RUN = "p-20260101-000000-abcd"
PREFIX = f"runs/{RUN}/"
COPY = "import shutil,sys; shutil.copytree(sys.argv[2], sys.argv[4], dirs_exist_ok=True)"


@pytest.fixture(scope="session")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pyz") / "entrypoint.pyz"
    write_pyz(path)
    return path


@pytest.fixture
def stub() -> Iterator[StubS3]:
    with StubS3() as running:
        yield running


class Container:
    """Starts the entrypoint as a container would, with a work folder of its own for each start."""

    def __init__(self, pyz: Path, stub: StubS3, tmp_path: Path) -> None:
        self.pyz, self.stub, self.tmp_path = pyz, stub, tmp_path
        self.starts = 0
        self.work = tmp_path

    def start(
        self, *command: str, image: list[str] | None = None, before: tuple[str, ...] = (), **env: str
    ) -> subprocess.Popen[str]:
        """`before`: a command line that the container's own is put after."""
        self.starts += 1
        self.work = self.tmp_path / f"work-{self.starts}"
        self.work.mkdir()
        said = {
            "PATH": os.environ["PATH"],
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": self.stub.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_RUN_ID": RUN,
            "AWS_RUN_BUCKET": "bucket",
            "AWS_RUN_BUCKET_OWNER": "123456789012",
            "AWS_RUN_PREFIX": PREFIX,
            "AWS_RUN_WORK_DIR": str(self.work),
            "AWS_RUN_STOP_GRACE_S": "5",
        }
        if command:
            said["AWS_RUN_COMMAND"] = json.dumps(command)
        return subprocess.Popen(
            [*before, sys.executable, *ENTRYPOINT[1:-1], str(self.pyz), *(image or [])],
            env={**said, **env},
            cwd=self.tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, **env: Any) -> tuple[int, str, str]:
        process = self.start(*command, **env)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.stub.current()[f"{PREFIX}result.json"])
        return found

    def outputs(self) -> dict[str, bytes]:
        before = f"{PREFIX}output/"
        return {key[len(before) :]: body for key, body in self.stub.current().items() if key.startswith(before)}


@pytest.fixture
def container(pyz: Path, stub: StubS3, tmp_path: Path) -> Container:
    return Container(pyz, stub, tmp_path)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def snapshot(stub: StubS3, folder: Path) -> str:
    done = send(stub.bucket(), folder)
    return json.dumps(
        [{"name": "data", "snapshot_key": "inputs/p/data.snapshot.json", "version_id": done.manifest_version_id}]
    )


def test_inputs_arrive_and_outputs_leave_byte_for_byte(container: Container, stub: StubS3, tmp_path: Path) -> None:
    inputs = snapshot(stub, grown(tmp_path / "in"))
    code, _, err = container.run(*python(COPY), AWS_RUN_INPUTS=inputs)
    assert code == 0, err
    files = {name: found[0] for name, found in listing(tmp_path / "in").items() if found}
    assert container.outputs() == files
    assert listing(container.work / "input") == listing(tmp_path / "in")
    manifest = json.loads(stub.current()[f"{PREFIX}output.json"])
    assert {entry[0] for entry in manifest["entries"]} == {*files, "empty folder/inner/"}
    found = container.result()
    assert (found["exit_code"], found["reason"], found["attempt"]) == (0, "exit", 1)
    assert (found["input"]["files"], found["output"]["files"]) == (10, 10)
    assert stub.seen[-1].key == f"{PREFIX}result.json"


def test_the_jobs_exit_code_is_the_containers_and_its_outputs_are_saved(container: Container) -> None:
    code, out, err = container.run(
        *python("import sys; open(sys.argv[4]+'/x','w').write('y'); print('said'); sys.exit(7)")
    )
    assert (code, out) == (7, "said\n")
    assert container.outputs() == {"x": b"y"}
    assert (container.result()["exit_code"], container.result()["reason"]) == (7, "exit")
    assert err == ""


def test_the_images_own_command_runs_where_none_is_given(container: Container) -> None:
    code, out, _ = container.run(
        image=[sys.executable, "-c", "import sys; print(sys.argv[1:])"], AWS_RUN_ARGS='["--fast"]'
    )
    assert code == 0
    assert out == f"['--fast', '-i', '{container.work}/input', '-o', '{container.work}/output']\n"


def test_the_job_sees_none_of_our_settings(container: Container) -> None:
    code, out, _ = container.run(*python("import os; print(sorted(k for k in os.environ if k.startswith('AWS_RUN')))"))
    assert (code, out) == (0, "['AWS_RUN_ID']\n")


def test_a_job_killed_by_a_signal_exits_with_128_and_its_number(container: Container) -> None:
    code, _, _ = container.run(*python("import os; os.kill(os.getpid(), 11)"))
    assert code == 139
    assert (container.result()["reason"], container.result()["signal"]) == ("signal", 11)


def test_a_command_that_is_not_there_is_named(container: Container) -> None:
    code, _, err = container.run("no-such-program")
    assert code == 127
    assert "'no-such-program' is not in this image" in err
    assert container.result()["reason"] == "command-not-found"


def wait_for(stub: StubS3, path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


TIDY = """
import pathlib, signal, sys, time
out = pathlib.Path(sys.argv[4])
def stop(number, frame):
    (out / "stopped").write_text(str(int(number)))
    sys.exit(3)
for n in (signal.SIGTERM, signal.SIGINT): signal.signal(n, stop)
signal.signal(signal.SIGUSR1, lambda n, f: (out / "usr1").write_text(""))
(out / "ready").write_text("")
while True: time.sleep(0.05)
"""
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
    process.communicate(timeout=30)
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
    process.communicate(timeout=30)
    assert "usr1" in container.outputs()


def test_a_job_that_ignores_the_stop_is_killed_after_its_grace(container: Container, stub: StubS3) -> None:
    process = container.start(*python(STUBBORN), AWS_RUN_STOP_GRACE_S="0.2")
    wait_for(stub, container.work / "output/ready")
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 137
    assert container.result()["reason"] == "stopped"
    assert "ready" in container.outputs()


def test_where_the_window_is_short_the_job_gets_less_than_its_grace(container: Container, stub: StubS3) -> None:
    process = container.start(*python(STUBBORN), AWS_RUN_STOP_GRACE_S="60", AWS_RUN_STOP_WINDOW_S="1")
    wait_for(stub, container.work / "output/ready")
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert process.returncode == 137
    assert "stopped: the job has 0 s to end; 1 s are kept to save what is new (1 files, 0.0 MB)" in err
    assert "ready" in container.outputs()


SAVES_ALL = """
import os, pathlib, sys, time
for folder in (sys.argv[4], os.environ["AWS_RUN_CHECKPOINT_PATH"]):
    pathlib.Path(folder, "x").write_text("saved")
pathlib.Path(sys.argv[4], "ready").write_text("")
if os.environ["AWS_RUN_ATTEMPT"] == "1": time.sleep(600)
"""


@pytest.mark.parametrize("stopped", [True, False])
def test_a_stopped_job_has_its_checkpoint_saved_first_and_a_finished_one_its_outputs(
    container: Container, stub: StubS3, tmp_path: Path, stopped: bool
) -> None:
    place = {"AWS_RUN_CHECKPOINT_PATH": str(tmp_path / "saved"), "AWS_RUN_ATTEMPT": "1" if stopped else "2"}
    process = container.start(*python(SAVES_ALL), **place)
    if stopped:
        wait_for(stub, container.work / "output/ready")
        process.terminate()
    process.communicate(timeout=30)
    written = [seen.key.removeprefix(PREFIX) for seen in stub.seen if seen.method == "PUT" and ".json" in seen.key]
    in_turn = ["checkpoint.json", "output.json"]
    assert written == [*(in_turn if stopped else reversed(in_turn)), "result.json"]


def test_outputs_that_can_not_be_saved_do_not_cost_the_checkpoint(
    container: Container, stub: StubS3, tmp_path: Path
) -> None:
    stub.script = lambda seen: (
        Fault(how="status", status=403, code="AccessDenied") if seen.key.startswith(f"{PREFIX}output/") else None
    )
    place = {"AWS_RUN_CHECKPOINT_PATH": str(tmp_path / "saved"), "AWS_RUN_ATTEMPT": "2"}
    code, _, _ = container.run(*python(SAVES_ALL), **place)
    assert code == 125
    assert container.result()["reason"] == "sync-out-failed"
    assert stub.current()[f"{PREFIX}checkpoint/x"] == b"saved"


SAVES_CHECKPOINT_LATE = """
import os, pathlib, signal, sys, time
def stop(number, frame):
    pathlib.Path(os.environ["AWS_RUN_CHECKPOINT_PATH"], "x").write_text("saved")
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
pathlib.Path(sys.argv[4], "big").write_text("x")
while True: time.sleep(0.05)
"""


def test_a_notice_during_a_long_sync_of_the_outputs_does_not_cost_the_checkpoint(
    container: Container, stub: StubS3, tmp_path: Path
) -> None:
    saved, sending, in_time = threading.Event(), threading.Event(), []

    def script(seen: Seen) -> None:
        if seen.key == f"{PREFIX}output/big" and seen.method == "PUT":
            sending.set()
            in_time.append(saved.wait(15))
        if seen.key == f"{PREFIX}checkpoint.json" and seen.method == "PUT":
            saved.set()

    stub.script = script
    notice = tmp_path / "notice"
    process = container.start(
        *python(SAVES_CHECKPOINT_LATE),
        AWS_RUN_SYNC_EVERY_S="0.5",
        AWS_RUN_CHECKPOINT_PATH=str(tmp_path / "saved"),
        AWS_RUN_NOTICE_FILE=str(notice),
    )
    assert sending.wait(20)
    notice.write_text('{"action":"terminate"}')
    process.communicate(timeout=60)
    assert in_time[0]
    assert stub.current()[f"{PREFIX}checkpoint/x"] == b"saved"
    assert container.outputs() == {"big": b"x"}


def test_a_notice_stays_the_reason_where_the_outputs_could_not_be_saved(
    container: Container, stub: StubS3, tmp_path: Path
) -> None:
    stub.script = lambda seen: (
        Fault(how="status", status=403, code="AccessDenied") if seen.key.startswith(f"{PREFIX}output/") else None
    )
    notice = tmp_path / "notice"
    process = container.start(*python(TIDY), AWS_RUN_NOTICE_FILE=str(notice))
    wait_for(stub, container.work / "output/ready")
    notice.write_text('{"action":"terminate"}')
    process.communicate(timeout=30)
    found = container.result()
    assert (found["reason"], found["exit_code"], process.returncode) == ("spot-notice", 3, 3)
    assert found["detail"] == found["unsaved"]
    assert "the outputs could not be saved" in found["detail"]


@pytest.mark.parametrize("stopped", [False, True])
def test_the_last_save_is_repeated_while_s3_is_away_and_a_stop_does_not_end_that(
    container: Container, stub: StubS3, stopped: bool
) -> None:
    """507: the engine does not repeat it by itself, which would take its time."""
    refused: list[str] = []
    first = threading.Event()

    def script(seen: Seen) -> Fault | None:
        if seen.method != "PUT" or len(refused) >= 2:
            return None
        refused.append(seen.key)
        first.set()
        return Fault(how="status", status=507, code="Odd")

    stub.script = script
    process = container.start(*python("import sys; open(sys.argv[4]+'/x','w')"))
    if stopped:
        assert first.wait(20)
        for _ in range(2):
            process.terminate()
            time.sleep(0.1)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert refused == [f"{PREFIX}output/x"] * 2
    assert container.outputs() == {"x": b""}
    assert (container.result()["reason"], container.result()["unsaved"]) == ("exit", "")
    assert "S3 can't be reached to save the outputs (S3 answered 507" in err
    assert "S3 can be reached again" in err


def test_the_result_is_written_where_the_table_of_what_was_used_can_not_be(container: Container, stub: StubS3) -> None:
    stub.script = lambda seen: (
        Fault(how="status", status=403, code="AccessDenied") if seen.key == f"{PREFIX}usage.csv" else None
    )
    code, _, err = container.run(*python("pass"))
    assert code == 0
    assert "usage.csv could not be written: S3 answered 403" in err
    assert container.result()["reason"] == "exit"


def test_a_job_that_removed_its_output_folder_has_written_nothing(container: Container) -> None:
    code, _, err = container.run(
        *python("import os,sys,time; os.rmdir(sys.argv[4]); time.sleep(1)"), AWS_RUN_SYNC_EVERY_S="0.2"
    )
    assert (code, err) == (0, "")
    assert container.outputs() == {}
    assert container.result()["output"]["files"] == 0


def test_the_deadline_ends_the_job_with_124(container: Container) -> None:
    code, _, err = container.run(*python(STUBBORN), AWS_RUN_STOP_GRACE_S="0.2", AWS_RUN_DEADLINE=str(time.time() + 1.5))
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
    process.communicate(timeout=30)
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
    _, err = process.communicate(timeout=60)
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
    deadline = time.monotonic() + 20
    while len(children(process.pid)) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 143  # the job's own end, not an orphan's


def test_outputs_go_out_while_the_job_runs(container: Container, stub: StubS3) -> None:
    job = "import os,sys,time; open(sys.argv[4]+'/early','w').write('x'); time.sleep(600)"
    process = container.start(*python(job), AWS_RUN_SYNC_EVERY_S="0.5")
    deadline = time.monotonic() + 30
    while "early" not in container.outputs():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 143


def test_a_missing_input_is_one_sentence_and_125(container: Container, tmp_path: Path) -> None:
    inputs = json.dumps([{"name": "d", "snapshot_key": "inputs/p/d.snapshot.json", "version_id": None}])
    code, _, err = container.run(*python("open('started','w')"), AWS_RUN_INPUTS=inputs)
    assert code == 125
    assert err.count("\n") == 1
    assert "inputs could not be fetched: there is no manifest" in err
    assert container.result()["reason"] == "sync-in-failed"
    assert not (tmp_path / "started").exists()


def test_outputs_that_can_not_be_saved_make_a_success_a_failure(container: Container, stub: StubS3) -> None:
    stub.script = lambda seen: (
        Fault(how="status", status=403, code="AccessDenied") if seen.key == f"{PREFIX}output/x" else None
    )
    code, _, err = container.run(*python("import sys; open(sys.argv[4]+'/x','w')"))
    assert code == 125
    assert "AccessDenied" in err
    found = container.result()
    assert (found["reason"], found["exit_code"], found["job_exit_code"]) == ("sync-out-failed", 125, 0)


def test_an_environment_without_a_bucket_is_one_sentence(container: Container) -> None:
    code, _, err = container.run("true", AWS_RUN_BUCKET="")
    assert (code, err) == (125, "aws-run: AWS_RUN_BUCKET is not set\n")


COUNTER = """
import os, pathlib, sys, time
state = pathlib.Path(os.environ["AWS_RUN_CHECKPOINT_PATH"], "count")
count = int(state.read_text()) if state.exists() else 0
first = os.environ["AWS_RUN_ATTEMPT"] == "1"
while count < 10:
    count += 1
    print(count)
    state.with_suffix(".new").write_text(str(count))
    state.with_suffix(".new").replace(state)
    if first and count == 4: time.sleep(600)
pathlib.Path(sys.argv[4], "done").write_text(str(count))
"""


def test_the_next_attempt_goes_on_where_the_last_one_was_stopped(
    container: Container, stub: StubS3, tmp_path: Path
) -> None:
    place = {"AWS_RUN_CHECKPOINT_PATH": str(tmp_path / "one")}
    process = container.start(*python(COUNTER), AWS_RUN_ATTEMPT="1", **place)
    deadline = time.monotonic() + 20
    while not (tmp_path / "one/count").exists() or (tmp_path / "one/count").read_text() != "4":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    first, _ = process.communicate(timeout=30)
    code, second, _ = container.run(
        *python(COUNTER), AWS_RUN_ATTEMPT="2", AWS_RUN_CHECKPOINT_PATH=str(tmp_path / "two")
    )
    assert code == 0
    assert (first + second).split() == [str(n) for n in range(1, 11)]
    assert container.outputs() == {"done": b"10"}
    assert container.result()["checkpoint"]["restored_files"] == 1


def test_a_work_folder_that_may_not_be_written_is_named_with_what_helps(container: Container, stub: StubS3) -> None:
    code, _, err = container.run(*python("pass"), AWS_RUN_WORK_DIR="/sys/aws-run")
    assert code == 125
    assert "Errno" not in err
    assert "can't be written; the image's user needs /sys/aws-run to be writable" in err
