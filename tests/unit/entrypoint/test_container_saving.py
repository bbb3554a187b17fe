"""What is saved at the end, in which order, and what it takes to save it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from tests.unit.entrypoint.container_support import PREFIX, TIDY, Container, python, wait_for
from tests.unit.transfer.stub import Fault, Seen, StubS3
from tests.waiting import PATIENCE_S

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
    process.communicate(timeout=PATIENCE_S)
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
            in_time.append(saved.wait(PATIENCE_S))
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
    assert sending.wait(PATIENCE_S)
    notice.write_text('{"action":"terminate"}')
    process.communicate(timeout=PATIENCE_S)
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
    process.communicate(timeout=PATIENCE_S)
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
        assert first.wait(PATIENCE_S)
        for _ in range(2):
            process.terminate()
            time.sleep(0.1)
    _, err = process.communicate(timeout=PATIENCE_S)
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


def test_outputs_that_can_not_be_saved_make_a_success_a_failure(container: Container, stub: StubS3) -> None:
    stub.script = lambda seen: (
        Fault(how="status", status=403, code="AccessDenied") if seen.key == f"{PREFIX}output/x" else None
    )
    code, _, err = container.run(*python("import sys; open(sys.argv[4]+'/x','w')"))
    assert code == 125
    assert "AccessDenied" in err
    found = container.result()
    assert (found["reason"], found["exit_code"], found["job_exit_code"]) == ("sync-out-failed", 125, 0)
