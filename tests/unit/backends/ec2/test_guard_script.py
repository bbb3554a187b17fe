"""User data and the host guard: the real script, against a metadata service and an agent that are a tiny HTTP server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.waiting import PATIENCE_S, until

from aws_run.backends.ec2.user_data import render

GUARD = files("aws_run.backends.ec2").joinpath("guard.sh")
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


def rendered(*, gpu: bool = False, cluster: str = "arun-demo-20260102-030405-abcd") -> str:
    return render(
        cluster=cluster,
        gpu=gpu,
        made_epoch_s=1_700_000_000,
        never_came_s=1200,
        deadline_epoch_s=1_800_000_000,
        after_deadline_s=180,
        up_at_most_s=540,
    )


@pytest.mark.parametrize("gpu", [False, True])
def test_what_the_machine_runs_is_clean_to_shellcheck(gpu: bool) -> None:
    for script in (rendered(gpu=gpu), GUARD.read_text()):
        done = subprocess.run(
            [SHELLCHECK, "-s", "bash", "-"], input=script, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_a_gpu_is_switched_on_only_where_there_is_one() -> None:
    assert "ECS_ENABLE_GPU_SUPPORT=true" in rendered(gpu=True)
    assert "GPU" not in rendered(gpu=False)


def test_the_machine_joins_its_cluster_and_takes_no_task_after_a_spot_notice() -> None:
    lines = rendered().splitlines()
    assert lines[0] == "#!/bin/bash"
    assert "ECS_CLUSTER=arun-demo-20260102-030405-abcd" in lines
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true" in lines
    assert {"NEVER_CAME_S=1200", "DEADLINE_EPOCH=1800000000", "MADE_EPOCH=1700000000"} <= set(lines)
    assert {"LATE_S=1200", "LATE_NEVER_CAME_S=1800", "AFTER_DEADLINE_S=180", "UP_AT_MOST_S=540"} <= set(lines)


@given(cluster=st.text(max_size=30).filter(lambda text: not text.isascii() or not text.replace("-", "a").isalnum()))
def test_nothing_but_words_gets_into_the_script(cluster: str) -> None:
    try:
        script = rendered(cluster=cluster)
    except ValueError:
        return
    assert set(cluster) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
    assert f"\nECS_CLUSTER={cluster}\n" in script


@pytest.mark.parametrize(
    "cluster", ["", "a b", "a\nb", "a\n", "$(reboot)", "`x`", "a;b", "a'b", 'a"b', "ECS_CONFIG\n", "ü"]
)
def test_a_cluster_that_is_no_word_is_refused(cluster: str) -> None:
    with pytest.raises(ValueError, match="can't be written"):
        rendered(cluster=cluster)


def test_user_data_fits_ec2s_limit() -> None:
    assert len(rendered(gpu=True).encode()) < 16 * 1024


# -- the guard at work ------------------------------------------------------------------------------------------------


@dataclass
class Host:
    """What the agent and the metadata service answer. `agent` None: it does not answer yet."""

    agent: list[str] | None = None  # the known status of each task
    notice: str | None = None
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, token: str | None) -> tuple[int, str]:
        self.asked.append(path)
        if path == "/v1/tasks":
            if self.agent is None:
                return 503, ""
            tasks = [
                {"Arn": "arn", "DesiredStatus": "RUNNING", "KnownStatus": status, "Containers": [{"Name": "job"}]}
                for status in self.agent
            ]
            return 200, json.dumps({"Tasks": tasks}, separators=(",", ":"))
        if path == "/latest/api/token" and method == "PUT":
            return 200, "token"
        if path == "/latest/meta-data/spot/instance-action" and token == "token" and self.notice:
            return 200, self.notice
        return 404, ""


@pytest.fixture
def host() -> Iterator[tuple[Host, str]]:
    state = Host()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            status, text = state.answer(self.command, self.path, self.headers.get("X-aws-ec2-metadata-token"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = _serve

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


class Guard:
    """The script in a process of its own; `powered_off` is what its power-off command has left behind."""

    def __init__(
        self, url: str, folder: Path, *, never_came_s: int = 3600, over_s: int = 0, deadline_s: int = 3600,
        booted_after_s: int = 60, late_never_came_s: int = 3600, after_deadline_s: int = 180, up_at_most_s: int = 0,
        job_deadlines_s: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        """`booted_after_s`: since its run was made. `job_deadlines_s`: from now, of the task's container; none: there is
        no container."""
        docker = folder / "docker"
        docker.write_text(
            f'#!/bin/sh\nif [ "$1" = ps ]; then cat "{folder}/containers"; '
            f'elif [ "$4" = newest ]; then cat "{folder}/environment"; fi\n'
        )
        (folder / "containers").write_text("newest\nolder\n" if job_deadlines_s else "")
        deadlines = [f"AWS_RUN_DEADLINE={int(time.time()) + one}\n" for one in job_deadlines_s]
        (folder / "environment").write_text("".join(["PATH=/bin\n", *deadlines, "LAST=AWS_RUN_DEADLINE=1\n"]))
        docker.chmod(0o755)
        booted = int(time.time() - float(Path("/proc/uptime").read_text().split()[0]))
        self.folder = folder
        env_file = folder / "guard.env"
        env_file.write_text(
            f"NEVER_CAME_S={never_came_s}\nOVER_S={over_s}\nDEADLINE_EPOCH={int(time.time()) + deadline_s}\n"
            f"MADE_EPOCH={booted - booted_after_s}\nLATE_S=1200\nLATE_NEVER_CAME_S={late_never_came_s}\n"
            f"AFTER_DEADLINE_S={after_deadline_s}\nUP_AT_MOST_S={up_at_most_s}\n"
        )
        script = folder / "guard.sh"
        script.write_text(GUARD.read_text())
        variables = {
            "PATH": os.environ["PATH"],
            "AWS_RUN_GUARD_ENV": str(env_file),
            "AWS_RUN_NOTICE_DIR": str(folder / "notice"),
            "AWS_RUN_METADATA": url,
            "AWS_RUN_AGENT": url,
            "AWS_RUN_DOCKER": str(docker),
            "AWS_RUN_POWER_OFF": f"touch {folder}/off",
            "AWS_RUN_EVERY_S": "0.02",
        }
        self.process = subprocess.Popen(
            ["bash", str(script)], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def powers_off(self) -> bool:
        """Waits for its end."""
        _, complaints = self.process.communicate(timeout=PATIENCE_S)
        assert complaints == b""
        return (self.folder / "off").exists()

    def runs(self) -> bool:
        return self.process.poll() is None and not (self.folder / "off").exists()

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


def asked_again(state: Host, times: int = 3) -> None:
    """Returns when the guard has looked at its tasks a few times more."""
    enough = state.asked.count("/v1/tasks") + times
    until(lambda: state.asked.count("/v1/tasks") >= enough)


@pytest.mark.parametrize(("tasks", "never_came_s"), [(None, 0), ([], 0)])
def test_a_machine_to_which_no_task_comes_powers_off(
    host: tuple[Host, str], tmp_path: Path, tasks: list[str] | None, never_came_s: int
) -> None:
    state, url = host
    state.agent = tasks
    assert Guard(url, tmp_path, never_came_s=never_came_s).powers_off()


@pytest.mark.parametrize("tasks", [None, []])
def test_a_machine_that_came_late_waits_for_no_task_as_long_as_one_that_came_in_time(
    host: tuple[Host, str], tmp_path: Path, tasks: list[str] | None
) -> None:
    state, url = host
    state.agent = tasks
    assert Guard(url, tmp_path, booted_after_s=1260, late_never_came_s=0).powers_off()
    in_time = tmp_path / "in time"
    in_time.mkdir()
    guard = Guard(url, in_time, booted_after_s=1140, late_never_came_s=0)
    asked_again(state)
    assert guard.runs()
    guard.stop()


def test_a_machine_that_came_late_and_has_a_task_stays(host: tuple[Host, str], tmp_path: Path) -> None:
    state, url = host
    state.agent = ["RUNNING"]
    guard = Guard(url, tmp_path, booted_after_s=100_000, late_never_came_s=0)
    asked_again(state)
    assert guard.runs()
    guard.stop()


@pytest.mark.parametrize("tasks", [None, ["RUNNING"], []])
def test_a_machine_past_its_deadline_powers_off_whatever_runs(
    host: tuple[Host, str], tmp_path: Path, tasks: list[str] | None
) -> None:
    state, url = host
    state.agent = tasks
    assert Guard(url, tmp_path, deadline_s=-1).powers_off()


@pytest.mark.parametrize("deadlines_s", [(-181,), (3600, -181)])
def test_a_machine_powers_off_after_the_deadline_that_its_task_has(
    host: tuple[Host, str], tmp_path: Path, deadlines_s: tuple[int, ...]
) -> None:
    """It is in the environment of the container; of two the earlier one counts."""
    state, url = host
    state.agent = ["RUNNING"]
    assert Guard(url, tmp_path, job_deadlines_s=deadlines_s).powers_off()


def test_a_job_that_may_still_save_keeps_its_machine(host: tuple[Host, str], tmp_path: Path) -> None:
    """The task's own deadline takes the place of the one that was written down before there was a task."""
    state, url = host
    state.agent = ["RUNNING"]
    guard = Guard(url, tmp_path, job_deadlines_s=(-60,), deadline_s=-1)
    asked_again(state)
    assert guard.runs()
    guard.stop()


def test_a_machine_is_up_no_longer_than_the_cap_pays_for_whatever_runs(host: tuple[Host, str], tmp_path: Path) -> None:
    state, url = host
    state.agent = ["RUNNING"]
    assert Guard(url, tmp_path, job_deadlines_s=(3600,), up_at_most_s=1).powers_off()


@pytest.mark.parametrize("after", [["STOPPED"], []])
def test_a_machine_powers_off_when_its_task_is_over(host: tuple[Host, str], tmp_path: Path, after: list[str]) -> None:
    state, url = host
    state.agent = ["RUNNING"]
    guard = Guard(url, tmp_path)
    asked_again(state)
    assert guard.runs()
    state.agent = after
    assert guard.powers_off()


def test_a_task_that_came_and_went_between_two_looks_counts(host: tuple[Host, str], tmp_path: Path) -> None:
    state, url = host
    state.agent = ["STOPPED"]
    assert Guard(url, tmp_path).powers_off()


@pytest.mark.parametrize("tasks", [["RUNNING"], ["PENDING"], ["STOPPED", "RUNNING"], ["CREATED"], ["NONE"]])
def test_a_machine_with_a_task_that_is_not_over_stays_though_the_wait_for_it_is(
    host: tuple[Host, str], tmp_path: Path, tasks: list[str]
) -> None:
    state, url = host
    state.agent = tasks
    guard = Guard(url, tmp_path, never_came_s=0)
    asked_again(state)
    assert guard.runs()
    guard.stop()


def test_an_agent_that_falls_silent_ends_no_job(host: tuple[Host, str], tmp_path: Path) -> None:
    state, url = host
    state.agent = ["RUNNING"]
    guard = Guard(url, tmp_path, never_came_s=0)
    asked_again(state)
    state.agent = None
    asked_again(state)
    assert guard.runs()
    guard.stop()


def test_the_end_of_a_task_is_given_its_moment(host: tuple[Host, str], tmp_path: Path) -> None:
    state, url = host
    state.agent = ["STOPPED"]
    guard = Guard(url, tmp_path, over_s=3600)
    asked_again(state)
    assert guard.runs()
    guard.stop()


def test_the_spot_notice_is_passed_on_whole_and_once(host: tuple[Host, str], tmp_path: Path) -> None:
    state, url = host
    state.agent, state.notice = ["RUNNING"], '{"action":"terminate","time":"2026-01-02T03:04:05Z"}'
    guard = Guard(url, tmp_path)
    asked_again(state)
    assert (tmp_path / "notice" / "notice").read_text() == state.notice + "\n"
    state.notice = "another"
    asked_again(state)
    assert (tmp_path / "notice" / "notice").read_text() != "another\n"
    guard.stop()


def test_without_a_notice_there_is_no_file(host: tuple[Host, str], tmp_path: Path) -> None:
    state, url = host
    state.agent = ["RUNNING"]
    guard = Guard(url, tmp_path)
    asked_again(state)
    assert list((tmp_path / "notice").iterdir()) == []
    guard.stop()
