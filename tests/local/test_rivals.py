"""Several clients at one run, clients that sleep or die at the worst moment, and questions that AWS refuses to answer."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.crash.account import Account, account, make_project
from tests.crash.story import Begin, Story, WatchedClock, left_running
from tests.unit.fakes import record
from tests.waiting import PATIENCE_S

from aws_run.clock import Clock
from aws_run.errors import AwsRunError
from aws_run.lifecycle import lookup
from aws_run.lifecycle.end import leftovers as collector
from aws_run.lifecycle.end import reconcile
from aws_run.lifecycle.run_status import RunStatus
from aws_run.local.http.protocol import Refusal, Reply
from aws_run.runs.writer import RecordWriter
from aws_run.usecases import destroy as destroying
from aws_run.usecases.cancel import cancel as cleanup
from aws_run.usecases.status import status

BUCKET = "/arun-123456789012-us-east-1-an"
SPOT = ("--backend", "ec2", "--spot", "--timeout", "12h")


def saved_log(aws: Account) -> str:
    bucket = next(iter(aws.world.moto("s3", "aws").buckets.values()))
    return bytes(bucket.keys[f"runs/{aws.run_id()}/log.txt"].value).decode()


class Slow:
    """The account's clock for somebody who waits without making its time go by: no lock gets old meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self.now, self.monotonic = clock.now, clock.monotonic

    def sleep(self, seconds: float) -> None:
        time.sleep(0.02)


def refuse_reading(story: Story, key: str) -> None:
    story.on_call(
        f"s3:GET {BUCKET}/{key}", lambda seen, call: call.refuse(Refusal("AccessDenied", "no", status=403)), times=None
    )


# -- what AWS does not answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", ["ecs:StopTask", "ecs:DescribeTasks", "result.json"])
@pytest.mark.parametrize("by", ["cleanup", "gc"])
def test_a_question_that_is_refused_keeps_no_machine_from_being_removed(begin: Begin, question: str, by: str) -> None:
    story = begin()
    run_id = left_running(story)
    if by == "gc":
        story.account.advance(3 * 3600)
    if question == "result.json":
        refuse_reading(story, f"runs/{run_id}/{question}")
    else:
        story.refuse(question, "AccessDeniedException", "not you", times=None)
    if by == "cleanup":
        cleanup(story.new_bench(), run_id, None, reason="a test")
    else:
        context = story.new_bench()
        collector.collect(context, collector.find_leftovers(context))
    assert story.account.still_bills() == []
    assert "group" not in story.account.left()


def test_gc_goes_on_where_one_kind_can_not_be_listed(begin: Begin) -> None:
    story = begin()
    left_running(story)
    story.account.advance(3 * 3600)
    story.on_call(
        "scheduler:GET /schedules*",
        lambda seen, call: call.refuse(Refusal("AccessDeniedException", "not you", status=403)),
        times=None,
    )
    context, heard = story.new_bench(), list[str]()
    collector.collect(context, collector.find_leftovers(context, heard.append))
    assert [text for text in heard if text.startswith("schedules could not be listed")]
    assert story.account.left() == {}


def test_a_kept_run_whose_start_failed_on_fargate_has_no_task_that_goes_on(begin: Begin) -> None:
    story = begin()

    def after_run_task(seen: Any, call: Any) -> Reply | None:
        accepted = "ecs:RunTask" in story.operations()
        return call.refuse(Refusal("AccessDenied", "no", status=403)) if accepted else None

    story.on_call(f"s3:PUT {BUCKET}/runs/*", after_run_task, times=None)
    with pytest.raises(AwsRunError):
        story.submit("--hang", backend="fargate", keep=("all",))
    story.account.wait_for_stops()
    assert story.account.still_bills() == []
    assert not story.account.running()


# -- two clients --------------------------------------------------------------------------------------------------


def test_a_build_that_takes_longer_than_the_job_may_is_not_past_its_deadline(begin: Begin) -> None:
    story = begin()
    plain, seen = story.context.builder(), list[tuple[bool, str]]()
    clock = WatchedClock(story.clock())

    class Slow:
        done = "built"

        def build_push(self, *arguments: Any) -> str:
            for _ in range(25):
                story.world.clock.advance(60)
                clock.wait_for_a_look(waiting.stop)  # and renews its sign of life
            context = story.new_bench()
            found = collector.find_leftovers(context)
            seen.extend((one.removable, one.why) for one in found)
            collector.collect(context, found)
            return plain.build_push(*arguments)

    waiting = story.new_bench(builder=Slow, clock=clock)
    done = story.submit(context=waiting, backend="ec2", timeout="10m")
    assert [removable for removable, _why in seen] == [False]
    assert done.exit_code == 0


def test_two_clients_that_end_one_run_take_nothing_from_the_next_one(begin: Begin) -> None:
    """One is in the middle of removing the project's role when another ends the same run and a new one is started."""
    story = begin()
    story.settings = {"AWS_RUN_KEEP": "bucket"}  # what is shared goes with the last run
    run_id = left_running(story, "fargate")
    rivals: list[Any] = []

    def meanwhile(seen: Any, call: Any) -> None:
        if rivals or "execution" not in seen.text:
            return

        def others() -> None:
            cleanup(story.new_bench(clock=Slow(story.context.clock)), run_id, None, reason="a test")
            rivals.append(story.submit("--hang", backend="fargate", detach=True, context=story.new_bench()))

        rivals.append(threading.Thread(target=others))
        rivals[0].start()
        story.account.until(lambda: [text for text in story.notices() if "another client is removing" in text])

    story.on_call("iam:DeleteRolePolicy", meanwhile, times=None)
    context = story.new_bench()
    store = lookup.store(context)
    writer = RecordWriter.resume(store, run_id, context.clock)
    reconcile.reconcile(context, store, writer, reconcile.stop(context, writer, "a test"))
    rivals[0].join(PATIENCE_S)
    assert rivals[1].exit_code == 0
    assert "arun-tiny-us-east-1-execution" in story.account.left(shared=True)["role"]
    assert story.account.running()


def test_a_task_that_ecs_does_not_know_yet_is_not_taken_for_ended(begin: Begin) -> None:
    story = begin()
    run_id = left_running(story)
    missing: dict[str, Any] = {"tasks": [], "failures": [{"arn": "x", "reason": "MISSING"}]}
    story.on_call("ecs:DescribeTasks", lambda seen, call: call.reply(missing), times=2)
    assert status(story.new_bench(), run_id, None).exit_code is None
    assert story.account.running()
    story.account.advance(11 * 60)
    story.on_call("ecs:DescribeTasks", lambda seen, call: call.reply(missing), times=2)
    assert status(story.new_bench(), run_id, None).exit_code == 125


def test_a_look_from_elsewhere_ends_no_run_whose_next_attempt_is_being_started(begin: Begin) -> None:
    story = begin()
    looked: list[RunStatus] = []
    asked: list[Any] = []

    def busy(seen: Any, call: Any) -> Reply:
        asked.append(call)
        if len(asked) == 6:  # more than half a minute after the first attempt's end
            story.world.clock.advance(40)
            looked.append(status(story.new_bench(), None, None))
        return call.refuse(Refusal("InvalidParameterException", "The capacity provider is not active"))

    story.on_call("ecs:RunTask", busy, skip=1, times=8)
    done: list[Any] = []
    gate = story.home / "gate"
    live = threading.Thread(
        target=lambda: done.append(
            story.submit("--hang-until", str(gate), backend="ec2", spot=True, timeout="12h").exit_code
        )
    )
    live.start()
    story.account.until(lambda: "copied" in story.account.log())
    story.account.interrupt()
    story.account.until(lambda: story.account.log().count("copied") == 2)
    gate.write_text("")
    live.join(PATIENCE_S)
    assert [one.exit_code for one in looked] == [None]
    assert done == [0]
    assert story.account.left() == {}


def test_a_client_killed_after_its_second_run_task_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    project, gate = make_project(tmp_path), tmp_path / "gate"
    with account(tmp_path) as aws:
        folders = ("-i", tmp_path / "data", "-o", tmp_path / "out")
        child = aws.start("submit", project, *folders, *SPOT, "--", "--hang-until", gate)
        aws.until(lambda: "copied" in aws.log())
        aws.kill_at(child, "ecs:RunTask", "after")
        aws.interrupt()
        aws.finish(child)
        aws.until(lambda: aws.log().count("copied") == 2)
        aws.advance(31)  # the first attempt's end is half a minute ago
        looked = json.loads(aws.run("status", aws.run_id(), "--json").stdout)
        assert looked["exit_code"] is None
        assert aws.running()
        gate.write_text("")
        aws.wait_for_tasks()
        aws.advance(31)
        assert json.loads(aws.run("status", aws.run_id(), "--json").stdout)["exit_code"] == 0
        assert aws.left() == {}


def test_destroying_everything_takes_nothing_from_a_run_that_begins_meanwhile(begin: Begin) -> None:
    story = begin()
    assert story.submit(backend="fargate").exit_code == 0
    context = story.new_bench()
    removable = destroying.plan_destroy(context, "tiny", everything=True)
    assert "bucket" in {ref.kind for ref in removable.refs}
    mine = story.record()
    run_id = f"other{mine.run_id.removeprefix('tiny')[:-4]}beef"
    other = record(run_id=run_id, project="other", created_at=mine.created_at, deadline=mine.deadline)
    begun: list[Any] = []

    def begin_another(seen: Any, call: Any) -> None:
        if begun:
            return
        begun.append(call)
        store = lookup.store(story.new_bench())
        store.locks.mark_live(other.run_id)
        store.create(other)
        store.locks.wait_until_unlocked("other", context.clock)

    story.on_call(f"s3:POST {BUCKET}*", begin_another, times=None)
    with pytest.raises(AwsRunError, match="1 run"):
        destroying.destroy(context, "tiny", removable)
    assert begun
    assert story.record(other.run_id) == other


# -- clients that come late, or not at all ------------------------------------------------------------------------


def test_a_client_that_slept_through_the_end_leaves_the_log_and_the_outcome_as_they_were_noted(tmp_path: Path) -> None:
    project, gate = make_project(tmp_path), tmp_path / "gate"
    script = project / "main.py"
    late = "for n in range(200):\n    print('late line', n, flush=True)\nsys.exit("
    script.write_text(script.read_text().replace("sys.exit(", late))
    with account(tmp_path) as aws:
        folders = ("-i", tmp_path / "data", "-o", tmp_path / "out")
        child = aws.start("submit", project, *folders, "--backend", "ec2", "--", "--hang-until", gate)
        aws.until(lambda: "copied" in aws.log() and aws.script.operations().count("logs:GetLogEvents") >= 2)
        child.send_signal(signal.SIGSTOP)
        gate.write_text("")
        aws.wait_for_tasks()
        aws.advance(3700)
        run_id = aws.run_id()
        assert json.loads(aws.run("status", run_id, "--json").stdout)["exit_code"] == 0
        noted, log = aws.object(f"runs/{run_id}/run.json"), saved_log(aws)
        assert log.count("late line") == 200
        child.send_signal(signal.SIGCONT)
        woken = aws.finish(child)
        assert woken.code == 0, woken.stderr
        after = aws.object(f"runs/{run_id}/run.json")
        assert saved_log(aws) == log
        assert [after[name] for name in ("outcome", "stopped_at")] == [
            noted[name] for name in ("outcome", "stopped_at")
        ]
        assert len(list((tmp_path / "out").iterdir())) == len(list((tmp_path / "data").iterdir()))


def test_a_detached_submit_looks_after_earlier_ones(begin: Begin) -> None:
    story = begin()
    assert story.submit(backend="fargate", detach=True).exit_code == 0
    story.account.wait_for_tasks()
    story.account.advance(3 * 3600)
    first = story.record().run_id
    assert story.submit(backend="fargate", detach=True, context=story.new_bench()).exit_code == 0
    assert not [name for names in story.account.left().values() for name in names if first in name]
    assert story.record(first).state == "removed"


def test_a_pull_looks_after_the_run_it_pulls(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with account(tmp_path) as aws:
        assert aws.run("submit", project, "-i", tmp_path / "data", "--backend", "fargate", "--detach").code == 0
        aws.wait_for_tasks()
        aws.advance(3700)
        assert aws.run("pull", aws.run_id(), "-o", tmp_path / "elsewhere").code == 0
        assert aws.left() == {}
        assert aws.object(f"runs/{aws.run_id()}/run.json")["outcome"]["exit_code"] == 0
