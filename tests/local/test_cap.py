"""`--max-cost` without a client: who has submitted dies, and the run ends at its cap with its outputs and exit code 124."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.crash.account import OUTPUT, account, make_project
from tests.crash.story import Begin, stories

from aws_run.backends.ec2.backend import Ec2Backend
from aws_run.backends.fargate.backend import FargateBackend
from aws_run.lifecycle import budget
from aws_run.usecases.plan import plan
from aws_run.usecases.pull import pull
from aws_run.usecases.wait import wait

# What is billed beside the job's own time: as the cap counts it, and at most in an hour's run without one.
_AROUND_S = {"ec2": budget.IDLE_AT_LEAST_S + Ec2Backend.ending_s, "fargate": FargateBackend.ending_s}
_AROUND_AN_HOUR_S = {"ec2": budget.IDLE_AT_MOST_S + Ec2Backend.ending_s, "fargate": FargateBackend.ending_s}


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    with stories(tmp_path, monkeypatch) as begin_one:
        yield begin_one


def paid(backend: str, an_hour_at_most_usd: Decimal, job_s: int) -> float:
    """What pays for so many seconds of a job and what is around it, in USD."""
    return float(an_hour_at_most_usd) * (_AROUND_S[backend] + job_s) / (3600 + _AROUND_AN_HOUR_S[backend])


def test_a_run_whose_client_is_gone_ends_at_its_cap_with_its_outputs(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job's clock is a real one, so the cap is one of seconds, and the start one that takes no time."""
    backend = "fargate"
    monkeypatch.setattr(budget, "_SHORTEST_BILL_S", 1)
    story = begin()
    price = plan(story.config(backend=backend, timeout="1h"), story.context).price
    assert price is not None
    assert price.at_most is not None
    most = paid(backend, price.at_most, 5)
    assert story.submit("--hang", backend=backend, timeout="1h", max_cost=f"{most:.8f}", detach=True).exit_code == 0
    story.account.wait_for_tasks()
    run = story.record().run_id
    other = story.new_bench()
    done = wait(other, run, None)
    assert (done.exit_code, done.sentence) == (124, "the job was stopped where --max-cost ends it")
    pull(other, run, None, story.home / "out")
    assert story.outputs() == OUTPUT
    story.account.advance(600)
    assert story.account.still_bills() == []
    assert sum(line.usd for line in story.account.bill()) <= most


@pytest.mark.nightly
@pytest.mark.parametrize("backend", ["ec2", "fargate"])
def test_a_run_whose_client_is_killed_ends_at_its_cap_with_its_outputs(tmp_path: Path, backend: str) -> None:
    """With the shortest job that a cap pays for, a minute."""
    project = make_project(tmp_path)
    given = (project, "-i", tmp_path / "data", "--backend", backend, "--timeout", "1h")
    with account(tmp_path) as aws:
        price = json.loads(aws.run("plan", *given, "--json").stdout)["price"]
        most = paid(backend, Decimal(price["at_most"]), 65)
        killed = aws.run(
            "submit", *given, "-o", tmp_path / "out", "--max-cost", f"{most:.6f}", "--", "--hang",
            kill=("ecs:DescribeTasks", "before"),
        )  # fmt: skip
        assert killed.code == -signal.SIGKILL
        aws.wait_for_tasks(timeout_s=180)
        aws.advance(900)  # a client that lives would get some minutes to finish its run itself
        (run,) = {key.split("/")[1] for key in aws.stored() if key.endswith("/run.json")}
        shown = json.loads(aws.run("status", run, "--json").stdout)
        assert (shown["exit_code"], shown["sentence"]) == (124, "the job was stopped where --max-cost ends it")
        assert aws.run("pull", run, "-o", tmp_path / "out").code == 0
        assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == OUTPUT
        assert aws.still_bills() == []
        assert sum(line.usd for line in aws.bill()) <= most
