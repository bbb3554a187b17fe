"""What a task does between its start and its exit code."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from tests.unit.entrypoint.container_support import COPY, PREFIX, Container, python, snapshot
from tests.unit.transfer.stub import StubS3
from tests.unit.transfer.trees import grown, listing
from tests.waiting import PATIENCE_S, until

from aws_run_entrypoint.log_marks import BarState, read_mark


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


def test_outputs_go_out_while_the_job_runs(container: Container, stub: StubS3) -> None:
    job = "import os,sys,time; open(sys.argv[4]+'/early','w').write('x'); time.sleep(600)"
    process = container.start(*python(job), AWS_RUN_SYNC_EVERY_S="0.5")
    until(lambda: "early" in container.outputs())
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143


def test_a_missing_input_is_one_sentence_and_125(container: Container, tmp_path: Path) -> None:
    inputs = json.dumps([{"name": "d", "snapshot_key": "inputs/p/d.snapshot.json", "version_id": None}])
    code, _, err = container.run(*python("open('started','w')"), AWS_RUN_INPUTS=inputs)
    assert code == 125
    assert err.count("\n") == 1
    assert "inputs could not be fetched: there is no manifest" in err
    assert container.result()["reason"] == "sync-in-failed"
    assert not (tmp_path / "started").exists()


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
    until(lambda: (tmp_path / "one/count").exists() and (tmp_path / "one/count").read_text() == "4")
    process.terminate()
    first, _ = process.communicate(timeout=PATIENCE_S)
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


ELSEWHERE = """
import os, sys
os.mkdir('model'); open('model/weights.bin', 'w').write('w')
open('results.csv', 'w').write('1,2'); open('.hidden', 'w').write('x')
os.symlink('/etc/passwd', 'link.csv')
os.mkdir('__pycache__'); open('__pycache__/x.pyc', 'w').write('x')
os.makedirs(sys.argv[4] + '/empty')
"""


def test_what_a_job_wrote_beside_its_outputs_is_named(container: Container, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("was in the image")
    code, _, err = container.run(*python("import time; time.sleep(0.05)" + ELSEWHERE))
    assert (code, err) == (0, "")
    found = container.result()
    assert (found["reason"], found["output"]["files"]) == ("exit", 0)
    named = [{"name": "results.csv", "bytes": 3}, {"name": "model/weights.bin", "bytes": 1}]
    assert found["left_behind"] == {"folder": str(tmp_path), "files": 2, "bytes": 4, "named": named, "whole": True}


def test_a_job_that_saves_something_is_not_searched(container: Container) -> None:
    container.run(*python("import sys; open('beside', 'w').close(); open(sys.argv[4] + '/x', 'w').close()"))
    assert container.result()["left_behind"] is None


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [
        ("pass", 125, "no-output"),
        ("import sys; sys.exit(3)", 3, "exit"),
        ("import sys; open(sys.argv[4] + '/x', 'w').close()", 0, "exit"),
    ],
)
def test_where_outputs_are_required_a_success_without_any_is_a_failure(
    container: Container, script: str, code: int, reason: str
) -> None:
    ended, _, err = container.run(*python(script), AWS_RUN_OUTPUTS_REQUIRED="1")
    found = container.result()
    assert (ended, found["exit_code"], found["reason"]) == (code, code, reason)
    assert ("saved no output" in err) == (code == 125)


BAR = """
import sys, time
print('before', flush=True)
for step in range(101):
    sys.stderr.write(f'\\r{step}%'); sys.stderr.flush()
    time.sleep(0.025)
sys.stderr.write('\\n')
print('after', flush=True)
"""


def test_a_progress_bar_is_seen_while_it_moves_and_ends_in_one_line(container: Container) -> None:
    code, out, err = container.run(*python(BAR))
    assert (code, out) == (0, "before\nafter\n")
    marks = [read_mark(line) for line in err.splitlines()]
    states = [mark.text for mark in marks if isinstance(mark, BarState)]
    assert 1 <= len(states) <= 6
    assert [line for line, mark in zip(err.splitlines(), marks, strict=True) if mark is None] == ["100%"]


def test_what_a_job_leaves_running_does_not_keep_its_output_open(container: Container) -> None:
    """Outside of a container nobody is PID 1, so a daemon lives on with the job's pipes."""
    daemon = "import subprocess; print(subprocess.Popen(['sleep', '3600'], start_new_session=True).pid, flush=True)"
    code, out, _ = container.run(*python(daemon))
    assert code == 0
    os.kill(int(out), signal.SIGKILL)  # it is there still, and nobody has waited for it


def test_a_job_may_remove_the_folder_that_it_works_in(container: Container, tmp_path: Path) -> None:
    code, _, _ = container.run(*python("import os, shutil; os.mkdir('here'); os.chdir('here'); os.rmdir(os.getcwd())"))
    assert (code, container.result()["reason"]) == (0, "exit")
