"""One sample on several machines: rows with time and cost, exit codes, and nothing left whatever happens."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.crash.account import Happened
from tests.crash.story import Begin, Story, stories

from aws_run.cli.commands.bench import as_data, flags_of
from aws_run.errors import InterruptedRunError
from aws_run.local.http.protocol import Call, Reply
from aws_run.local.testing.inventory import left
from aws_run.usecases.bench import Bench, BenchRow, bench


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    with stories(tmp_path, monkeypatch) as begin_one:
        yield begin_one


def on(story: Story, *names: str, on_end: Any = lambda row: None, args: tuple[str, ...] = ()) -> Bench:
    configs = {
        name: story.config(*args, output=str(story.home / "out" / name.replace(":", "-")), **flags_of(name))
        for name in names
    }
    return bench(story.context, configs, show_plan=lambda name, view: None, on_end=on_end)


def what_bills(story: Story) -> dict[str, list[str]]:
    kept = {"bucket", "repository", "log-group", "role", "instance-profile"}
    return {kind: names for kind, names in left(story.world).items() if kind not in kept}


def test_a_sample_on_a_machine_and_a_fargate_size_and_one_that_there_is_not(begin: Begin) -> None:
    story = begin()
    found = on(story, "fargate:1:2GB", "m7i.large", "x9.large")
    rows = {row.offer: row for row in found.rows}
    assert list(rows) == ["fargate:1:2GB", "m7i.large", "x9.large"]
    for name in ("fargate:1:2GB", "m7i.large"):
        row = rows[name]
        assert row.exit_code == 0, row.sentence
        assert row.seconds is not None
        assert row.usd is not None
        assert row.usd_of_job is not None
        assert 0 < row.usd_of_job <= row.usd
        assert row.usd_per_1000_files == row.usd_of_job * 1000 / row.files
        assert row.output is not None
        assert any(row.output.iterdir())
    assert rows["x9.large"].exit_code != 0
    assert "x9.large" in rows["x9.large"].sentence
    assert found.exit_code == rows["x9.large"].exit_code
    assert found.knee in rows
    assert found.knee in found.best
    bill = sum(Decimal(str(line.usd)) for line in story.account.bill())
    paid = sum((row.usd for row in found.rows if row.usd is not None), Decimal(0))
    assert float(paid) == pytest.approx(float(bill), rel=0.01)
    data = as_data(found)
    assert [one["offer"] for one in data["runs"]] == list(rows)
    assert data["knee"] == found.knee
    assert what_bills(story) == {}


def test_ctrl_c_ends_all_runs(begin: Begin) -> None:
    story = begin()

    def interrupt(row: BenchRow) -> None:
        raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError) as stopped:
        on(story, "fargate:1:2GB", "fargate:2:4GB", on_end=interrupt)
    assert stopped.value.exit_code == 130
    assert what_bills(story) == {}
    assert not any(line.open for line in story.account.bill())


def ctrl_c_while_it_detaches(story: Story) -> None:
    """While it waits for the look at what earlier runs left, which begins once nobody follows the run."""
    main = threading.main_thread().ident
    pressed = threading.Event()
    assert main is not None

    def listener(seen: Happened, call: Call) -> Reply | None:
        if seen.operation == "GET /schedules" and not pressed.is_set():
            pressed.set()
            signal.pthread_kill(main, signal.SIGINT)
        return None

    story.script.on_call.append(listener)


def test_ctrl_c_while_a_run_is_left_to_itself_ends_that_run_too(begin: Begin) -> None:
    story = begin()
    ctrl_c_while_it_detaches(story)
    with pytest.raises(InterruptedRunError) as stopped:
        on(story, "fargate:1:2GB", "fargate:2:4GB", args=("--hang",))
    assert "all runs of the bench were stopped and removed" in stopped.value.message
    assert sum(key.endswith("/run.json") for key in story.account.stored()) == 1, "no other one is started after it"
    assert what_bills(story) == {}
    assert not any(line.open for line in story.account.bill())


def test_ctrl_c_names_the_runs_that_could_not_be_shown_to_be_gone(begin: Begin) -> None:
    story = begin()
    ctrl_c_while_it_detaches(story)
    story.refuse("ecs:DeleteCluster", "AccessDeniedException", times=None)
    with pytest.raises(InterruptedRunError) as stopped:
        on(story, "fargate:1:2GB", "fargate:2:4GB", args=("--hang",))
    assert story.record().run_id in stopped.value.message
    assert "aws-run cleanup" in (stopped.value.hint or "")


def test_ctrl_c_while_a_submit_detaches_says_that_the_run_goes_on(begin: Begin) -> None:
    story = begin()
    ctrl_c_while_it_detaches(story)
    with pytest.raises(InterruptedRunError, match="goes on") as stopped:
        story.submit("--hang", backend="fargate", detach=True)
    run = story.record().run_id
    assert run in stopped.value.message
    assert f"aws-run cancel {run}" in (stopped.value.hint or "")
    assert story.record().outcome is None
