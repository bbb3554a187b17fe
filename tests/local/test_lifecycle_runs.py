"""Runs whose client is gone, as other machines meet them: outputs, bills, and who cleans up."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.crash.account import OUTPUT, Account, account, make_project
from tests.waiting import PATIENCE_S

from aws_run.clock import parse_iso

BACKENDS = ("ec2", "fargate")


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Account]:
    make_project(tmp_path)
    with account(tmp_path) as made:
        yield made


def submit(home: Path, backend: str, *flags: object) -> list[object]:
    return ["submit", home / "tiny", "-i", home / "data", "-o", home / "out", "--backend", backend, *flags]


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_whose_client_is_killed_after_run_task_delivers_its_outputs_to_any_machine(
    aws: Account, tmp_path: Path, backend: str
) -> None:
    killed = aws.run(*submit(tmp_path, backend), kill=("ecs:RunTask", "after"))
    assert killed.code == -signal.SIGKILL
    aws.wait_for_tasks()
    run_id = aws.run_id()
    pulled = aws.run("pull", run_id, "-o", tmp_path / "elsewhere", XDG_STATE_HOME=str(tmp_path / "another-machine"))
    assert pulled.code == 0, pulled.stderr
    assert files(tmp_path / "elsewhere") == OUTPUT


@pytest.mark.parametrize("command", ["status", "wait"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_next_command_settles_a_run_whose_client_died(
    aws: Account, tmp_path: Path, backend: str, command: str
) -> None:
    """The client dies right after it has noted that the task is accepted; the job exits 7."""
    at = "ecs:DescribeTasks"
    killed = aws.run(*submit(tmp_path, backend, "--", "--fail", "7"), kill=(at, "before"))
    assert killed.code == -signal.SIGKILL
    aws.wait_for_tasks()
    aws.advance(31)  # a client that lives is given half a minute to end its run itself
    run_id = aws.run_id()
    done = aws.run(command, run_id, "--json")
    assert done.code == (7 if command == "wait" else 0), done.stderr
    said = json.loads(done.stdout)
    assert (said["exit_code"], said["state"]) == (7, "removed")
    assert float(said["cost_usd"]) > 0
    assert aws.still_bills() == []
    assert aws.left() == {}
    assert "copied" in aws.run("logs", run_id).stdout


@pytest.mark.parametrize("backend", BACKENDS)
def test_detached_it_saves_its_outputs_and_stops_billing_within_a_minute_by_itself(
    aws: Account, tmp_path: Path, backend: str
) -> None:
    accepted = aws.run(*submit(tmp_path, backend, "--detach"))
    assert accepted.code == 0, accepted.stderr
    first = aws.run_id()
    aws.wait_for_tasks()
    ended = aws.now()
    aws.advance(59)
    assert aws.still_bills() == []
    assert aws.usd_after(ended + timedelta(seconds=59)) == 0
    assert f"runs/{first}/result.json" in aws.stored()
    assert aws.run("wait", first).code == 0
    assert aws.left() == {}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_job_that_hangs_with_no_client_is_ended_by_aws_soon_after_its_deadline(
    aws: Account, tmp_path: Path, backend: str
) -> None:
    """Here even the container's own deadline is out of order: it goes by real time, and the account's runs ahead."""
    accepted = aws.run(*submit(tmp_path, backend, "--detach", "--timeout", "30m", "--", "--hang"))
    assert accepted.code == 0, accepted.stderr
    aws.until(aws.running)
    deadline = parse_iso(aws.object(f"runs/{aws.run_id()}/run.json")["deadline"])
    aws.advance((deadline - aws.now()).total_seconds() - 30)
    assert aws.running()
    aws.advance(10 * 60 + 60)
    assert aws.still_bills() == []
    assert aws.usd_after(deadline + timedelta(minutes=10, seconds=5)) == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_entrypoint_itself_ends_the_job_at_its_deadline_with_no_client(
    aws: Account, tmp_path: Path, backend: str
) -> None:
    accepted = aws.run(*submit(tmp_path, backend, "--detach", "--timeout", "4s", "--", "--hang"))
    assert accepted.code == 0, accepted.stderr
    aws.wait_for_tasks(60)
    waited = aws.run("wait", aws.run_id())
    assert waited.code == 124, waited.stderr
    pulled = aws.run("pull", aws.run_id(), "-o", tmp_path / "elsewhere")
    assert pulled.code == 0, pulled.stderr
    assert files(tmp_path / "elsewhere") == OUTPUT


def test_a_client_that_dies_before_it_asked_for_the_task_leaves_a_machine_that_goes_by_itself(
    aws: Account, tmp_path: Path
) -> None:
    killed = aws.run(*submit(tmp_path, "ec2"), kill=("ecs:RunTask", "before"))
    assert killed.code == -signal.SIGKILL
    aws.until(lambda: aws.world.place("us-east-1").instances)
    assert aws.still_bills()
    aws.advance(20 * 60 + 30)
    assert aws.still_bills() == []
    assert aws.run("gc").code == 0
    assert aws.left() == {}


def test_any_machine_cancels_a_run_it_did_not_start_and_its_client_ends_with_it(aws: Account, tmp_path: Path) -> None:
    client = aws.start(*submit(tmp_path, "fargate", "--", "--hang"))
    aws.until(lambda: "copied" in aws.log())
    cancelled = aws.run("cancel", aws.run_id(), XDG_STATE_HOME=str(tmp_path / "another-machine"))
    assert cancelled.code == 0, cancelled.stderr
    client.communicate(timeout=PATIENCE_S)
    assert client.returncode not in (0, None)
    assert aws.left() == {}
    assert f"runs/{aws.run_id()}/output/a.txt" in aws.stored()


def test_cleanup_beside_a_live_client_is_safe_and_twice_is_once(aws: Account, tmp_path: Path) -> None:
    client = aws.start(*submit(tmp_path, "ec2", "--", "--hang"))
    aws.until(lambda: "copied" in aws.log())
    for _ in range(2):
        cleaned = aws.run("cleanup", aws.run_id())
        assert cleaned.code == 0, cleaned.stderr
    client.communicate(timeout=PATIENCE_S)
    assert client.returncode not in (0, None)
    assert aws.still_bills() == []
    assert aws.left() == {}


def test_gc_dry_run_says_what_would_go_and_touches_nothing(aws: Account, tmp_path: Path) -> None:
    killed = aws.run(*submit(tmp_path, "ec2"), kill=("ecs:RunTask", "after"))
    assert killed.code == -signal.SIGKILL
    aws.wait_for_tasks()
    aws.advance(3 * 3600)
    before = aws.left()
    looked = aws.run("gc", "--dry-run", "--json")
    assert looked.code == 0, looked.stderr
    (found,) = json.loads(looked.stdout)["runs"]
    assert found["removable"]
    assert "past its deadline" in found["reason"]
    assert {resource["kind"] for resource in found["resources"]} >= {"group", "cluster", "launch-template"}
    assert aws.left() == before
