"""What may go wrong while a task runs (aws-facts §12; the row is in each test's name).

The container's own rows (14 to 16, 20 and 30 from its side) are in tests/unit/entrypoint and tests/unit/transfer."""

from __future__ import annotations

import signal
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.crash.account import account, make_project
from tests.crash.story import Begin, Story, WatchedClock
from tests.waiting import PATIENCE_S

from aws_run.aws.logs import LogTail
from aws_run.events import LogLine
from aws_run.local.http.protocol import Reply
from aws_run.local.sim.instance_guard import spot_notice
from aws_run.local.testing.launch_failures import Shortages
from aws_run.usecases.pull import pull
from aws_run.usecases.wait import wait


def lines(story: Story) -> list[str]:
    return [event.text for event in list(story.events) if isinstance(event, LogLine)]


@pytest.mark.parametrize("backend", ["ec2", "fargate"])
def test_row_03_a_laptop_that_sleeps_does_not_keep_the_bill_open(tmp_path: Path, backend: str) -> None:
    """SIGSTOP is a closed lid: no client for hours, and then it is there again."""
    project = make_project(tmp_path)
    with account(tmp_path) as aws:
        submit = ("submit", project, "-i", tmp_path / "data", "-o", tmp_path / "out", "--timeout", "1h")
        child = aws.start(*submit, "--backend", backend, "--", "--hang")
        aws.until(aws.running)
        aws.until(lambda: any(name in ("ecs:DescribeTasks", "logs:GetLogEvents") for name in aws.script.operations()))
        child.send_signal(signal.SIGSTOP)
        asleep = aws.now()
        aws.advance(3600 + 15 * 60)
        assert aws.still_bills() == []
        assert aws.usd_after(asleep + timedelta(hours=1, minutes=11)) == 0
        child.send_signal(signal.SIGCONT)
        child.communicate(timeout=PATIENCE_S)
        assert child.returncode not in (0, None)
        assert aws.left() == {}


def test_row_04_credentials_that_expire_while_it_runs_do_not_end_the_run(begin: Begin) -> None:
    story = begin()
    story.refuse("ecs:DescribeTasks", "ExpiredTokenException", "The security token included is expired", times=4)
    assert story.submit(backend="fargate").exit_code == 0
    assert any("credentials have expired" in text and "the run goes on" in text for text in story.notices())


def test_row_04_credentials_that_expire_during_the_teardown_are_waited_for_a_while(begin: Begin) -> None:
    story = begin()
    story.refuse("autoscaling:DeleteAutoScalingGroup", "ExpiredToken", "expired", times=3)
    story.refuse("ecs:DeleteCluster", "ExpiredTokenException", "expired", times=2)
    assert story.submit(backend="ec2").exit_code == 0
    assert story.account.left() == {}


def test_row_05_throttling_is_ridden_out(begin: Begin) -> None:
    story = begin()
    for name in ("ecs:RunTask", "ecs:DescribeTasks", "ecs:DeleteCluster"):
        story.script.scripted.append(_throttle(name))
    assert story.submit(backend="fargate").exit_code == 0
    assert all(fault.times == 0 for fault in story.script.scripted)
    assert story.account.left() == {}


def _throttle(name: str) -> Any:
    from aws_run.local.testing.faults import Fault

    return Fault(operation=name, how="throttle", times=1)


def test_row_14_a_spot_notice_saves_what_there_is_and_with_no_client_the_run_says_interruption(begin: Begin) -> None:
    story = begin()
    assert story.submit("--hang", backend="ec2", spot=True, detach=True).exit_code == 0
    story.account.until(lambda: "copied" in story.account.log())
    place = story.world.place("us-east-1")
    (instance,) = place.instances.values()
    with story.world.lock:
        spot_notice(story.world, place, instance, 120)
    story.account.wait_for_tasks()
    story.world.clock.advance(130)
    found = wait(story.new_bench(), None, None)
    assert found.exit_code not in (0, None)
    assert found.record.outcome is not None
    assert found.record.outcome.reason in ("spot-notice", "interruption")
    pull(story.new_bench(), found.record.run_id, None, story.home / "fetched")
    assert story.outputs("fetched") == {"a.txt": "HELLO\n", "b c.txt": "AGAIN\n"}
    assert story.account.still_bills() == []
    assert story.account.left() == {}


def test_row_14_with_a_client_the_next_attempt_runs_on_another_machine(begin: Begin) -> None:
    story = begin()
    done: list[Any] = []
    marker = story.home / "second"
    (story.project / "main.py").write_text(
        f"import argparse, pathlib, time\n"
        f"parser = argparse.ArgumentParser()\n"
        f"parser.add_argument('-i')\nparser.add_argument('-o', type=pathlib.Path)\n"
        f"options = parser.parse_args()\n"
        f"print('at work', flush=True)\n"
        f"while not pathlib.Path({str(marker)!r}).exists():\n    time.sleep(0.02)\n"
        f"(options.o / 'done.txt').write_text('yes')\n"
    )
    thread = threading.Thread(target=lambda: done.append(story.submit(backend="ec2", spot=True, timeout="12h")))
    thread.start()
    story.account.until(lambda: "at work" in story.account.log())
    place = story.world.place("us-east-1")
    (first,) = place.instances.values()
    with story.world.lock:
        story.world.interrupt(place, first)
    story.account.until(lambda: story.account.log().count("at work") == 2)
    marker.write_text("")
    thread.join(PATIENCE_S)
    assert done[0].exit_code == 0
    assert story.record().attempt == 2
    assert story.outputs() == {"done.txt": "yes"}
    assert sum(line.kind == "instance" for line in story.account.bill()) == 2
    assert story.account.left() == {}


def test_row_14_the_second_attempts_machine_goes_when_its_job_is_over_though_no_client_is_left(tmp_path: Path) -> None:
    """Attempt 2 was accepted and its client is dead: nobody tells the group any more that none takes its place."""
    project, marker = make_project(tmp_path), tmp_path / "again"
    with account(tmp_path) as aws:
        submit = ("submit", project, "-i", tmp_path / "data", "-o", tmp_path / "out", "--backend", "ec2", "--spot")
        child = aws.start(*submit, "--timeout", "12h", "--", "--hang-until", marker)
        aws.until(lambda: "copied" in aws.log())
        aws.kill_at(child, "ecs:RunTask", "after")
        aws.interrupt()
        assert aws.finish(child).code == -signal.SIGKILL
        aws.until(lambda: aws.log().count("copied") == 2)
        assert aws.still_bills()
        marker.write_text("")
        aws.wait_for_tasks()
        aws.advance(60)
        assert aws.still_bills() == []
        aws.advance(12 * 3600)
        assert sum(line.kind == "instance" for line in aws.bill()) == 2


def test_row_09_a_machine_that_comes_after_its_task_has_given_up_does_not_wait_for_the_deadline(begin: Begin) -> None:
    story = begin(no_capacity=("*",))
    assert story.submit("--hang", backend="ec2", timeout="12h", detach=True).exit_code == 0
    story.account.advance(40 * 60)
    assert [task.status for task in story.account.tasks()] == ["STOPPED"]
    story.world.shortages = Shortages()
    story.account.advance(10 * 60)
    assert story.account.still_bills()
    story.account.advance(25 * 60)
    assert story.account.still_bills() == []
    story.account.advance(12 * 3600)
    assert sum(line.kind == "instance" for line in story.account.bill()) == 1


def test_row_17_a_machine_that_dies_under_its_job_is_a_failure_though_there_is_no_exit_code(begin: Begin) -> None:
    story = begin()
    assert story.submit("--hang", backend="ec2", detach=True).exit_code == 0
    story.account.until(story.account.running)
    (instance,) = story.world.place("us-east-1").instances.values()
    story.context.aws.call("ec2", "terminate_instances", InstanceIds=[instance.id])
    story.account.wait_for_tasks()
    found = wait(story.new_bench(), None, None)
    assert found.exit_code == 125
    assert story.account.left() == {}


def test_row_18_an_image_that_is_not_there_is_named_and_nothing_is_left(begin: Begin) -> None:
    story = begin()
    # Another account's: of this one's ECR it is known before anything is made.
    image = f"210987654321.dkr.ecr.us-east-1.amazonaws.com/arun/none@sha256:{'0' * 64}"
    done = story.submit(backend="fargate", image=image)
    assert done.exit_code == 125
    assert "not in the registry" in done.view.status
    assert image in done.view.status
    assert story.account.left() == {}


def test_row_21_a_machine_whose_agent_never_joins_is_given_up_after_ten_minutes_with_a_reason(begin: Begin) -> None:
    story = begin()

    def no_agent(seen: Any, call: Any) -> Reply | None:
        """The launch template loses its user data: a machine that boots and knows no cluster."""
        ec2 = story.world.moto("ec2", "us-east-1")
        for template in ec2.launch_templates.values():
            template.get_version("$Default").data["UserData"] = ""
        return None

    story.on_call("autoscaling:UpdateAutoScalingGroup", no_agent)
    began = story.world.clock.seconds()
    done = story.submit(backend="ec2")
    assert done.exit_code == 125
    assert "has not joined the cluster" in done.view.status
    assert story.world.clock.seconds() - began < 15 * 60
    assert story.account.still_bills() == []
    assert story.account.left() == {}


def test_row_32_the_deadlines_go_by_the_clock_of_aws_when_this_machine_is_hours_behind(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with account(tmp_path) as aws:
        aws.world.clock.advance(3 * 3600)  # AWS is ahead, so "in twenty minutes" by our clock would be long past
        began = aws.now()
        done = aws.run("submit", project, "-i", tmp_path / "data", "-o", tmp_path / "out", "--backend", "ec2")
        assert done.code == 0, done.stderr
        assert aws.left() == {}
        key = next(key for key in aws.stored() if key.endswith("/run.json"))
        assert aws.object(key)["created_at"] >= (began - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_row_33_lines_that_arrive_after_the_task_has_stopped_are_shown_and_saved(begin: Begin) -> None:
    story = begin()
    withheld: list[int] = []

    def late(seen: Any, call: Any) -> Reply | None:
        """CloudWatch shows nothing until three reads after the end."""
        stopped = "STOPPED" in story.statuses()
        if stopped and len(withheld) >= 3:
            return None
        if stopped:
            withheld.append(1)
        empty: Reply = call.reply({"events": [], "nextForwardToken": "f/0", "nextBackwardToken": "b/0"})
        return empty

    story.on_call("logs:GetLogEvents", late, times=None)
    assert story.submit(backend="fargate").exit_code == 0
    assert len(withheld) == 3
    assert "copied" in lines(story)
    bucket = next(iter(story.world.moto("s3", "aws").buckets.values()))
    assert b"copied" in bucket.keys[f"runs/{story.record().run_id}/log.txt"].value


def test_row_34_the_token_and_not_an_empty_page_is_the_end_of_the_log(begin: Begin) -> None:
    story = begin()
    now_ms = int(time.time() * 1000)
    # All in one millisecond: a cursor by time would lose some.
    events = [{"timestamp": now_ms, "message": str(number)} for number in range(10_500)]
    pages = {"None": (events[:10_000], "f/1"), "f/1": ([], "f/2"), "f/2": (events[10_000:], "f/3"), "f/3": ([], "f/3")}
    asked: list[str] = []

    def page(seen: Any, call: Any) -> Reply:
        asked.append(str(call.params().get("nextToken")))
        found, following = pages[asked[-1]]
        answer: Reply = call.reply({"events": found, "nextForwardToken": following})
        return answer

    story.on_call("logs:GetLogEvents", page, times=None)
    tail = LogTail(story.context.aws, "/aws-run/x", "s")
    assert [line.text for line in tail.read()] == [str(number) for number in range(10_500)]
    assert asked == ["None", "f/1", "f/2", "f/3"]
    assert list(tail.read()) == []


def test_row_39_a_build_longer_than_the_lease_and_than_any_margin_costs_the_job_no_minute(begin: Begin) -> None:
    """45 minutes of building, then a job that takes its whole timeout: neither switch nor guard may end it before."""
    story = begin()
    plain, clock = story.context.builder(), WatchedClock(story.clock())

    class Slow:
        done = "built"

        def build_push(self, *arguments: Any) -> str:
            for _ in range(45):
                story.world.clock.advance(60)
                clock.wait_for_a_look(waiting.stop)
            return plain.build_push(*arguments)

    waiting = story.new_bench(builder=Slow, clock=clock)
    done = story.submit("--hang", context=waiting, backend="ec2", timeout="1h", detach=True)
    assert done.exit_code == 0
    accepted = story.account.now()
    story.account.until(story.account.running)
    story.account.advance((accepted + timedelta(minutes=59) - story.account.now()).total_seconds())
    assert story.account.running()
    story.account.advance(13 * 60)
    assert story.account.still_bills() == []
