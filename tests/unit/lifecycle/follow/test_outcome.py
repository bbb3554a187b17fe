"""How a run ended: every stop code, every reason of the entrypoint's result, and what is missing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.backends.ecs.tasks import task_state
from aws_run.lifecycle.follow import outcome as outcomes
from aws_run.lifecycle.follow.outcome import MOST_RESULT_BYTES
from aws_run.runs.record import LeftBehind, LeftFile, Outcome

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NOTHING: dict[str, Any] = {}


def classify(task: dict[str, Any], result: bytes | None, *more: Any, **others: Any) -> Outcome:
    """Of a stopped task as DescribeTasks gives it."""
    state = task_state({"taskArn": "arn", **task, "lastStatus": "STOPPED"}, "cluster") if task else None
    return outcomes.classify(state, result, *more, **others)


def task(stop_code: str = "EssentialContainerExited", stopped: str = "", **container: Any) -> dict[str, Any]:
    return {"stopCode": stop_code, "stoppedReason": stopped, "containers": [{"name": "job", **container}]}


def result(reason: str, exit_code: Any = 0, **more: Any) -> bytes:
    return json.dumps({"version": 1, "reason": reason, "exit_code": exit_code, **more}).encode()


# stop code, container, result → exit code, one word, part of the sentence
WITHOUT_A_RESULT: list[tuple[dict[str, Any], int, str, str]] = [
    (task("SpotInterruption"), 125, "interruption", "spot machine back"),
    (task("TerminationNotice", exitCode=143), 125, "interruption", "spot machine back"),
    (task("UserInitiated", "cancelled by Ann"), 130, "stopped", "cancelled by Ann"),
    (task("UserInitiated", exitCode=137), 130, "stopped", "on request"),
    (task("TaskFailedToStart", reason="ResourceInitializationError: no"), 125, "start", "ResourceInitializationError"),
    (task("TaskFailedToStart", "CannotStartContainerError: x"), 125, "start", "CannotStartContainerError"),
    (task("InfrastructureHealth", "disk died"), 125, "infrastructure", "disk died"),
    (task(exitCode=0), 125, "no-result", "ended with 0 before it could save"),
    (task(exitCode=3), 3, "no-result", "ended with 3"),
    (task(), 125, "unknown", "without an exit code"),
    (task(stopped="Host EC2 terminated"), 125, "unknown", "Host EC2 terminated"),
    ({"stopCode": "EssentialContainerExited", "containers": []}, 125, "unknown", "no reason given"),
    ({"lastStatus": "STOPPED"}, 125, "unknown", "no reason given"),
    (NOTHING, 125, "unknown", "no reason given"),
    (task("NeverHeardOf", exitCode=None), 125, "unknown", "without an exit code"),
    (task(reason="OutOfMemoryError: Container killed", exitCode=137), 137, "out-of-memory", "--memory"),
    (task(reason="OutOfMemoryError: Container killed"), 137, "out-of-memory", "--memory"),
    (task(exitCode=137), 137, "no-result", "ended with 137"),
    (task("TaskFailedToStart", reason="CannotPullContainerError: no space left on device"), 125, "image", "--disk"),
    (task("TaskFailedToStart", "CannotPullContainerError: dial tcp: i/o timeout"), 125, "image", "no route to ECR"),
    (task("TaskFailedToStart", reason="CannotPullContainerError: context deadline exceeded"), 125, "image", "no route to ECR"),
    (task("TaskFailedToStart", reason="CannotPullContainerError: manifest unknown: not found"), 125, "image", "not in the registry"),
    (task("TaskFailedToStart", reason="CannotPullImageManifestError: 404"), 125, "image", "not in the registry"),
    (task("TaskFailedToStart", reason="CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/library/nosuch:tag: pull access denied, repository does not exist or may require authorization"), 125, "image", "the image docker.io/library/nosuch:tag is not in the registry: check its name, or leave out --image"),
    (task("TaskFailedToStart", reason="CannotPullContainerError: failed to resolve ref nosuch:tag: dial tcp: i/o timeout"), 125, "image", "the image nosuch:tag could not be pulled: the subnet has no route to its registry"),
    (task("TaskFailedToStart", reason="CannotPullContainerError: failed to resolve ref 1.dkr.ecr.eu-west-1.amazonaws.com/a:b: dial tcp: i/o timeout"), 125, "image", "no route to ECR"),
    (task("TaskFailedToStart", reason="CannotPullContainerError: pull access denied"), 125, "image", "pull access denied"),
]  # fmt: skip

BY_RESULT: list[tuple[bytes, int, str, str]] = [
    (result("exit", 0), 0, "exit", "the job finished"),
    (result("exit", 7), 7, "exit", "exit code 7"),
    (result("signal", 139), 139, "signal", "139"),
    (result("deadline", 143), 124, "deadline", "--timeout"),
    (result("deadline", 0), 124, "deadline", "--timeout"),
    (result("stopped", 143), 130, "stopped", "was saved"),
    (result("stopped", 0), 130, "stopped", "was saved"),
    (result("spot-notice", 143), 125, "spot-notice", "was saved"),
    (result("spot-notice", 0), 125, "spot-notice", "was saved"),
    (result("out-of-memory", 137), 137, "out-of-memory", "--memory"),
    (result("disk-full", 1), 1, "disk-full", "--disk"),
    (result("command-not-found", 127), 127, "command-not-found", "not found in the image"),
    (result("sync-in-failed", 125, detail="no such key"), 125, "sync-in-failed", "no such key"),
    (result("sync-in-failed", 125), 125, "sync-in-failed", "see the log"),
    (result("no-output", 125, output={"files": 0}), 125, "no-output", "`outputs: required`"),
    (result("sync-out-failed", 7, detail="slow down"), 7, "sync-out-failed", "slow down"),
    (result("invented-later", 9), 9, "unknown", "exit code 9"),
    (result("exit", None), 125, "unknown", "no exit code"),
    (b"{}", 125, "unknown", "no exit code"),
]


@pytest.mark.parametrize(("seen", "code", "word", "part"), WITHOUT_A_RESULT)
def test_what_ecs_says_is_told_apart(seen: dict[str, Any], code: int, word: str, part: str) -> None:
    outcome = classify(seen, None)
    assert (outcome.exit_code, outcome.reason) == (code, word)
    assert part in outcome.sentence
    assert outcome.stop_code == seen.get("stopCode")


@pytest.mark.parametrize(("text", "code", "word", "part"), BY_RESULT)
def test_the_entrypoints_own_word_decides_where_there_is_one(text: bytes, code: int, word: str, part: str) -> None:
    outcome = classify(task(exitCode=json.loads(text).get("exit_code")), text)
    assert (outcome.exit_code, outcome.reason) == (code, word)
    assert part in outcome.sentence


@pytest.mark.parametrize("text", [None, b"", b"half a {", b"[]", b"7", b"\xff"])
def test_a_result_that_cannot_be_read_is_none(text: bytes | None) -> None:
    assert classify(task(exitCode=0), text).exit_code == 125


@pytest.mark.parametrize(("seen", "_code", "_word", "_part"), WITHOUT_A_RESULT)
def test_nothing_is_a_success_without_a_result(seen: dict[str, Any], _code: int, _word: str, _part: str) -> None:
    assert classify(seen, None).exit_code != 0


@pytest.mark.parametrize("stop_code", ["SpotInterruption", "TerminationNotice"])
def test_a_job_that_had_ended_before_spot_took_its_machine_counts_as_ended(stop_code: str) -> None:
    assert classify(task(stop_code), result("exit", 0)).exit_code == 0
    assert classify(task(stop_code), result("stopped", 0)).reason == "interruption"


def test_a_child_that_ran_out_of_memory_does_not_undo_a_success() -> None:
    assert classify(task(reason="OutOfMemoryError", exitCode=0), result("exit", 0)).exit_code == 0


def test_the_jobs_own_code_is_kept_beside_the_runs() -> None:
    assert classify(task(exitCode=143), result("deadline", 143, job_exit_code=143)).job_exit_code == 143
    assert classify(task(exitCode=3), None).job_exit_code == 3
    assert classify(NOTHING, None).job_exit_code is None


def test_a_container_that_aws_put_beside_the_job_is_not_the_jobs_end() -> None:
    agent = {"name": "aws-guardduty-agent-mfjGLB", "reason": "CannotPullContainerError: 403 Forbidden"}
    seen = {"stopCode": "EssentialContainerExited", "containers": [agent, {"name": "job", "exitCode": 3}]}
    assert classify(seen, result("exit", 3)).reason == "exit"
    assert classify(seen, None).exit_code == 3
    assert classify({**seen, "containers": [agent]}, None).reason == "unknown"


LOST = "the outputs could not be saved: AccessDenied"


@pytest.mark.parametrize(
    "reason", ["stopped", "spot-notice", "deadline", "signal", "out-of-memory", "disk-full", "sync-out-failed"]
)
def test_what_could_not_be_saved_is_said_and_nothing_else_claimed(reason: str) -> None:
    sentence = classify(task(exitCode=1), result(reason, 1, detail=LOST, unsaved=LOST)).sentence
    assert sentence.count(LOST) == 1
    assert "was saved" not in sentence


def test_an_interruption_says_what_could_not_be_saved() -> None:
    outcome = classify(task("SpotInterruption"), result("spot-notice", 143, detail=LOST, unsaved=LOST))
    assert (outcome.reason, LOST in outcome.sentence) == ("interruption", True)


def test_a_stop_before_the_command_does_not_say_that_anything_was_saved() -> None:
    outcome = classify(task(), result("stopped", 125, detail="the command had not been started"))
    assert outcome.sentence == "the run was stopped; the command had not been started"


DEEP = b"[" * 100_000
LATE = {"stoppedAt": datetime(2026, 1, 2, 6, tzinfo=timezone.utc)}
DEADLINE = datetime(2026, 1, 2, 5, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (DEEP, "is nested deeper than 16 levels"),
        (b'{"a":' * 50_000, "is nested deeper"),
        (b'{"exit_code": 0}' + b" " * MOST_RESULT_BYTES, "is larger than"),
        (result("exit", 256), "not a whole number from 0 to 255"),
        (result("exit", -1), "not a whole number from 0 to 255"),
        (result("exit", True), "not a whole number from 0 to 255"),
        (result("exit", 0.0), "not a whole number from 0 to 255"),
        (result("exit", "0"), "not a whole number from 0 to 255"),
        (b'{"exit_code": ' + b"9" * 5000 + b"}", "a number of 5000 digits"),
        (result("exit", 0, job_exit_code=[]), "'job_exit_code'"),
        (result("exit", 0, detail={}), "'detail'"),
        (result("exit", 0, unsaved=["x"]), "'unsaved'"),
        (result("exit", 0, attempt="1"), "'attempt'"),
        (b'{"exit_code": 0, "reason": ["exit"]}', "'reason'"),
        (b"[]", "is not a JSON object"),
        (b"NaN", "which is not a number"),
    ],
)
def test_a_result_that_the_entrypoint_can_not_have_written_does_not_count_and_is_told(text: bytes, why: str) -> None:
    frozen = classify(task(exitCode=137), text)
    assert (frozen.exit_code, frozen.reason) == (137, "no-result")
    assert "its result.json does not count: it " in frozen.sentence
    assert why in frozen.sentence
    assert classify(task(exitCode=0), text).exit_code == 125


def test_a_result_that_the_containers_own_end_contradicts_does_not_count() -> None:
    forged = classify(task(exitCode=137), result("exit", 0))
    assert (forged.exit_code, forged.reason) == (137, "no-result")
    assert "it says 0 where the container ended with 137" in forged.sentence
    assert classify(task("UserInitiated", exitCode=137), result("exit", 0)).exit_code == 130
    assert classify(task("SpotInterruption", exitCode=137), result("exit", 0)).reason == "interruption"


@pytest.mark.parametrize("code", [256, -1, 10**30, True, "0", 0.0])
def test_an_exit_code_that_no_process_has_is_none(code: Any) -> None:
    assert classify(task(exitCode=code), None).exit_code == 125
    assert classify(task(exitCode=code), None).reason == "unknown"


def test_nothing_that_moves_a_terminal_comes_out_of_a_result() -> None:
    evil = "\x1b]0;PWNED\x07\x1b[2J\u202e\r\n::set-output name=a::b\x9b31m"
    outcome = classify(task(exitCode=125), result("sync-out-failed", 125, detail=evil, unsaved=evil))
    assert outcome.sentence.isprintable()
    other = classify(task(exitCode=1), result(evil[:50], 1))
    assert (other.sentence + other.reason).isprintable()


@pytest.mark.parametrize(
    "stop_code", ["SpotInterruption", "TerminationNotice", "InfrastructureHealth", "UserInitiated"]
)
@pytest.mark.parametrize("container", [{}, {"exitCode": 137}])
def test_whatever_ends_a_run_after_its_deadline_is_its_deadline(stop_code: str, container: dict[str, Any]) -> None:
    late = classify({**task(stop_code, **container), **LATE}, None, spot=False, deadline=DEADLINE)
    assert (late.exit_code, late.reason) == (124, "deadline")
    assert "spot" not in late.sentence
    early = classify({**task(stop_code, **container), **LATE}, None, deadline=DEADLINE + timedelta(hours=2))
    assert early.reason != "deadline"
    done = classify({**task(stop_code), **LATE}, result("exit", 0), deadline=DEADLINE)
    assert done.exit_code == 0


def test_an_on_demand_machine_that_went_is_no_spot_machine() -> None:
    outcome = classify(task("TerminationNotice", "Host EC2 (instance i-1) terminated."), None, spot=False)
    assert (outcome.exit_code, outcome.reason) == (125, "interruption")
    assert "spot" not in outcome.sentence
    assert "Host EC2 (instance i-1) terminated." in outcome.sentence


def test_an_entrypoint_that_could_save_nothing_is_not_taken_for_a_foreign_image() -> None:
    sentence = classify(task(exitCode=125), None).sentence
    assert "task role is gone" in sentence
    assert "image" not in sentence


def test_lost_outputs_are_named_with_the_jobs_own_code() -> None:
    lost = "1 of the outputs could not be saved: 'pipe' is a named pipe"
    outcome = classify(task(exitCode=125), result("sync-out-failed", 125, detail=lost, unsaved=lost, job_exit_code=0))
    assert outcome.sentence == f"{lost} (the job itself ended with exit code 0)"
    assert (outcome.exit_code, outcome.job_exit_code) == (125, 0)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_in_place_of_a_result_end_in_an_exit_code_of_a_process(text: bytes) -> None:
    for container in ({}, {"exitCode": 0}, {"exitCode": 137}):
        outcome = classify(task(**container), text, 1)
        assert 0 <= outcome.exit_code <= 255
        assert outcome.sentence.isprintable()


_FIELDS = ["exit_code", "reason", "detail", "unsaved", "attempt", "job_exit_code", "output", "left_behind"]


@given(st.dictionaries(st.sampled_from(_FIELDS), JSON))
def test_any_json_in_a_results_fields_ends_in_an_exit_code_of_a_process(fields: dict[str, Any]) -> None:
    outcome = classify(task(exitCode=0), json.dumps({"exit_code": 0, "reason": "exit", **fields}).encode(), 1)
    assert 0 <= outcome.exit_code <= 255
    assert outcome.sentence.isprintable()


def test_what_the_last_words_of_a_job_tell_is_added_where_the_job_brought_its_end_about() -> None:
    log = "ImportError: libGL.so.1: cannot open shared object file\n"
    failed = classify(task(exitCode=1), result("exit", 1))
    assert outcomes.explained(failed, log).sentence == (
        "the job ended with exit code 1; the image lacks libGL.so.1: `build: {apt: [libgl1]}` brings it "
        "(in a Dockerfile: apt-get install -y libgl1)"
    )
    missing = outcomes.explained(failed, "ModuleNotFoundError: No module named 'cv2'")
    assert missing.sentence == (
        "the job ended with exit code 1; no list of the project brings the module cv2: add opencv-python-headless to "
        "its dependencies"
    )
    assert "shared memory" in outcomes.explained(failed, "RuntimeError: … insufficient shared memory (shm)").sentence
    assert outcomes.explained(failed, "ValueError: 3") == failed
    for other in (classify(task(exitCode=0), result("exit", 0)), classify(task(exitCode=137), result("deadline", 124))):
        assert outcomes.explained(other, log) == other


def test_what_a_job_left_elsewhere_is_kept_as_data_and_made_harmless() -> None:
    left = {
        "folder": "/app",
        "files": 2,
        "bytes": 9,
        "named": [{"name": "a\x1b[2J.csv", "bytes": 8, "more": 1}],
        "x": 1,
    }
    seen = classify(task(exitCode=0), result("exit", 0, output={"files": 0}, left_behind=left))
    assert (seen.exit_code, seen.saved_files) == (0, 0)
    assert seen.left_behind == LeftBehind(files=2, bytes=9, named=(LeftFile(name="a[2J.csv", bytes=8),))
    assert classify(task(exitCode=0), result("exit", 0)).saved_files is None
