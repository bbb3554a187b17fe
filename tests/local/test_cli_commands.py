"""The commands around the main job, each through the real command line: runs that other machines started, and the ends of all things."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import COPY, ENDLESS, Cloud, cloud, command, log_has, project, submit

LONG_OPTIONS = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--input-dir")
parser.add_argument("--results-dir")
parser.parse_args()
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, aws_session: boto3.Session) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("home"), aws_session) as running:
        yield running


def detached(aws: Cloud, folder: Path, *more: object) -> str:
    """Submits and returns at once; the run's id."""
    done = aws.run("submit", folder, "-i", folder / "data", "--local", "--detach", "--json", *more)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["run_id"])


def test_a_detached_run_ends_without_its_client_and_any_machine_gets_its_results(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "detached", files={"a.txt": "hello", "sub/b.txt": "you"})
    run = detached(aws, folder, "-o", tmp_path / "results")
    attached = aws.run("attach", run, "--local")
    assert attached.returncode == 0, attached.stderr
    assert "copied" in attached.stdout
    assert (tmp_path / "results" / "sub" / "b.txt").read_text() == "you"
    assert set(aws.left("detached")) <= {"repository"}

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    pulled = aws.run("pull", run[-4:], "-o", "got", "--local", "--json", cwd=elsewhere)
    assert pulled.returncode == 0, pulled.stderr
    assert json.loads(pulled.stdout)["fetched"] == 2
    assert (elsewhere / "got" / "sub" / "b.txt").read_text() == "you"
    again = aws.run("pull", run, "-o", "got", "--local", "--json", cwd=elsewhere)
    assert json.loads(again.stdout)["fetched"] == 0
    own = json.loads(aws.run("pull", run[:-2], "--local", "--json", cwd=elsewhere).stdout)
    assert (own["output"], own["fetched"]) == (str(tmp_path / "results"), 0)

    log = aws.run("logs", run, "--local")
    assert (log.returncode, "copied" in log.stdout) == (0, True)
    shown = json.loads(aws.run("status", run, "--local", "--json").stdout)
    assert (shown["run_id"], shown["exit_code"], shown["state"]) == (run, 0, "removed")
    assert run in aws.run("status", run, "--local").stdout
    told = json.loads(aws.run("report", run, "-o", "page.html", "--local", "--json", cwd=elsewhere).stdout)
    page = (elsewhere / "page.html").read_text()
    assert (told["run_id"], told["saved"].endswith(f"/runs/{run}/report.html")) == (run, True)
    assert all(part in page for part in (run, "sub/b.txt", "Results: 2 files", "<pre>", ">capacity<", ">waiting<"))
    assert "public IPv4 address" in page
    assert "no console" in aws.run("open", run, "--local").stderr
    listed = aws.run("ps", "--local", "--json", "--name", "detached")
    assert run in listed.stdout
    json.loads(listed.stdout)


@pytest.mark.parametrize("followed", [True, False])
def test_a_library_that_the_image_lacks_is_told_with_what_brings_it(aws: Cloud, tmp_path: Path, followed: bool) -> None:
    """By the client that follows the run, and by one that finds it ended."""
    # As ctypes raises it; the machine of the tests may have the library.
    said = "libGLU.so.1: cannot open shared object file: No such file or directory"
    script = f"{COPY}\nraise OSError({said!r})\n"
    folder = project(tmp_path / f"libless-{followed}", script)
    if followed:
        done = aws.run("submit", folder, "-i", folder / "data", "-o", tmp_path / "out", "--local", "--json")
        assert done.returncode == 1, done.stderr
        ended = json.loads(done.stdout.splitlines()[-1])
        run = ended["run_id"]
        assert "build: {apt: [libglu1-mesa]}" in done.stdout
    else:
        run = detached(aws, folder)
        assert aws.run("wait", run, "--local").returncode == 1
    told = "the image lacks libGLU.so.1: `build: {apt: [libglu1-mesa]}` brings it"
    assert told in json.loads(aws.run("status", run, "--local", "--json").stdout)["sentence"]
    assert told in aws.run("explain", run, "--local").stdout


def test_a_running_run_is_followed_kept_by_gc_cancelled_and_cleaned_up_twice(aws: Cloud, tmp_path: Path) -> None:
    run = detached(aws, project(tmp_path / "endless", ENDLESS), "--backend", "ec2", "--exec")
    log_has(aws, "half of it is done")
    shown = json.loads(aws.run("status", run, "--local", "--json").stdout)
    assert (shown["phase"], shown["exit_code"]) == ("running", None)
    assert "half of it is done" in aws.run("logs", run, "--local").stdout

    inside = aws.run("exec", run, "--local", "--", "sh", "-c", "echo in $AWS_RUN_ID")
    assert (inside.returncode, inside.stdout) == (0, f"in {run}\n"), inside.stderr

    before = len(aws.sent)
    kept = json.loads(aws.run("gc", "--dry-run", "--local", "--json").stdout)
    assert [(each["run_id"], each["removable"]) for each in kept["runs"]] == [(run, False)]
    assert not [name for name in aws.names_sent(before) if "Delete" in name or "DELETE" in name]
    refused = aws.run("destroy", "--name", "endless", "--local")
    assert refused.returncode == 125
    assert f"aws-run cancel {run}" in refused.stderr
    assert aws.left("endless")["group"]

    cancelled = aws.run("cancel", run, "--local", "--json")
    assert cancelled.returncode == 0, cancelled.stderr
    assert {gone["kind"] for gone in json.loads(cancelled.stdout)["removed"]} >= {"group", "cluster", "role"}
    assert set(aws.left("endless")) <= {"repository"}
    out = tmp_path / "out"
    assert aws.run("pull", run, "-o", out, "--local").returncode == 0
    assert (out / "half.txt").read_text() == "half of it"
    waited = aws.run("wait", run, "--local")
    assert waited.returncode == 130
    assert aws.run("cleanup", run, "--local").returncode == 0
    assert json.loads(aws.run("gc", "--local", "--json").stdout)["runs"] == []


def test_what_a_projects_runs_share_is_kept_until_destroy_and_the_output_says_that_it_costs_nothing(
    aws: Cloud, tmp_path: Path
) -> None:
    folder = project(tmp_path / "kept")
    done = aws.run(*submit(folder, tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "arun-kept-us-east-1-execution" in line and "left" in line]
    assert "`aws-run destroy` removes" in told[-1]
    assert set(aws.left("kept", shared=True)) == {"role", "log-group", "repository"}
    torn = aws.run("destroy", "--name", "kept", "--local", "--json")
    assert torn.returncode == 0, torn.stderr
    assert {gone["kind"] for gone in json.loads(torn.stdout)["removed"]} == {"role", "log-group"}
    assert set(aws.left("kept", shared=True)) == {"repository"}
    assert aws.run("destroy", "--name", "kept", "--local").returncode == 0


def test_the_last_run_takes_what_is_shared_with_it_where_keep_does_not_name_it(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "alone")
    (folder / "aws-run.yaml").write_text("keep: [bucket, repository]\n")
    done = aws.run(*submit(folder, tmp_path / "out", "--backend", "ec2"))
    assert done.returncode == 0, done.stderr
    assert set(aws.left("alone", shared=True)) == {"repository"}


def test_gc_removes_what_projects_share_that_have_no_run_and_leaves_a_live_runs(aws: Cloud, tmp_path: Path) -> None:
    assert aws.run(*submit(project(tmp_path / "idle"), tmp_path / "out")).returncode == 0
    run = detached(aws, project(tmp_path / "busy", ENDLESS))
    looked = json.loads(aws.run("gc", "--dry-run", "--local", "--json").stdout)
    shared = {each["project"]: (each["removable"], each["reason"]) for each in looked["shared"]}
    assert (shared["idle"], shared["busy"]) == ((True, "no run of the project uses it"), (False, f"used by {run}"))
    assert "role" in aws.left("arun-idle-", shared=True)
    done = aws.run("gc", "--local", "--json")
    assert done.returncode == 0, done.stderr
    assert set(aws.left("idle", shared=True)) == {"repository"}
    assert {"role", "log-group"} <= set(aws.left("busy", shared=True))
    assert aws.run("cancel", run, "--local").returncode == 0
    assert aws.run("gc", "--local").returncode == 0
    assert set(aws.left("busy", shared=True)) == {"repository"}


def test_destroy_everything_wants_a_word_and_then_leaves_nothing(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "doomed")
    assert aws.run(*submit(folder, tmp_path / "out")).returncode == 0
    other = project(tmp_path / "spared")
    assert aws.run(*submit(other, tmp_path / "spared-out")).returncode == 0
    asked = aws.run("destroy", "--everything", "--name", "doomed", "--local")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    assert "spared (1 run)" in asked.stderr
    assert aws.keys("inputs/doomed/")
    done = aws.run("destroy", "--everything", "--yes", "--name", "doomed", "--local")
    assert done.returncode == 0, done.stderr
    assert "doomed" not in str(aws.left())
    assert not [key for key in aws.keys("") if "doomed" in key]
    assert aws.run("pull", "-n", "spared", "-o", tmp_path / "again", "--local").returncode == 0
    assert (tmp_path / "again" / "a.txt").read_text() == "hello"
    for name in {key.split("/")[1].rsplit("-", 3)[0] for key in aws.keys("runs/")}:
        done = aws.run("destroy", "--everything", "--yes", "--name", name, "--local")
        assert done.returncode == 0, done.stderr
    assert "bucket" not in aws.left()


def test_check_finds_what_is_fine_and_what_is_not(aws: Cloud) -> None:
    done = aws.run("check", "--local", "--json")
    found = json.loads(done.stdout)
    assert "credentials" in json.dumps(found)
    assert "Traceback" not in done.stderr


def test_check_says_what_would_be_used_before_anything_is_built(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "checked", LONG_OPTIONS)
    (folder / "requirements.txt").write_text("six\n")
    found = json.loads(aws.run("check", "--local", "--json", cwd=folder).stdout)["checks"]
    told = [row["message"] for row in found if row["check"] == "project"]
    for words in (
        "command: python main.py",
        "by --input-dir and --results-dir",
        "dependencies: requirements.txt, 1 package",
    ):
        assert any(words in message for message in told), told
    (folder / "main.py").write_text("print(\n")
    refused = json.loads(aws.run("check", "--local", "--json", cwd=folder).stdout)["checks"]
    assert [row["state"] for row in refused if row["check"] == "project"] == ["failed"]
    empty = tmp_path / "empty"
    empty.mkdir()
    nothing = json.loads(aws.run("check", "--local", "--json", cwd=empty).stdout)["checks"]
    assert [row["state"] for row in nothing if row["check"] == "project"] == ["warning"]


def test_check_takes_a_script_as_submit_does(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "checked", LONG_OPTIONS)
    (folder / "other.py").write_text("print()\n")
    found = json.loads(aws.run("check", folder / "other.py", "--local", "--json").stdout)["checks"]
    told = [row["message"] for row in found if row["check"] == "project"]
    assert any("command: python other.py" in message for message in told), told


def test_init_writes_a_file_that_config_schema_and_submit_accept(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "fresh")
    assert aws.run("init", folder).returncode == 0
    assert "main.py" in (folder / "aws-run.yaml").read_text()
    again = aws.run("init", folder)
    assert (again.returncode, "--force" in again.stderr) == (2, True)
    planned = aws.run("plan", folder, "-i", folder / "data", "-o", tmp_path / "out", "--local", "--json")
    assert planned.returncode == 0, planned.stderr
    schema = json.loads(aws.run("config", "schema").stdout)
    assert "resources" in schema["properties"]


def test_the_embedded_aws_is_started_shown_and_stopped(aws: Cloud, tmp_path: Path) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path / "other")}
    none = aws.run("local", "status", **home)
    assert (none.returncode, "aws-run local start" in none.stderr) == (125, True)
    started = aws.run("local", "start", "--runtime", "process", "--json", **home)
    try:
        assert started.returncode == 0, started.stderr
        told = json.loads(started.stdout)
        assert told["runtime"] == "process"
        assert told["environment"]["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
        shown = json.loads(aws.run("local", "status", "--json", **home).stdout)
        assert (shown["endpoint_url"], shown["instances"]) == (told["environment"]["AWS_ENDPOINT_URL"], 0)
        joined = aws.run("local", "start", **home)
        assert (joined.returncode, told["environment"]["AWS_ENDPOINT_URL"] in joined.stdout) == (0, True)
        assert "running already" in joined.stderr
        secret = told["environment"]["AWS_SECRET_ACCESS_KEY"]
        assert f"export AWS_SECRET_ACCESS_KEY={secret}" in joined.stdout
        assert secret not in aws.run("local", "status", **home).stdout + json.dumps(shown)
        assert "no spot machine of EC2 is running" in aws.run("local", "spot-interrupt", **home).stderr
        assert json.loads(aws.run("local", "bill", "--json", **home).stdout)["lines"] == []
    finally:
        stopped = aws.run("local", "stop", **home, **told["environment"])
    assert "stopped" in stopped.stderr
    assert set(stopped.stdout.split()) == {"unset", *told["environment"]}
    assert "none was running" in aws.run("local", "stop", **home).stderr
    refused = aws.run("ps", **home, **told["environment"])
    assert (refused.returncode, "has stopped" in refused.stderr) == (2, True)
    assert 'eval "$(aws-run local stop)"' in refused.stderr


def test_the_console_script_is_what_is_tested() -> None:
    assert Path(command()[0]).is_file()
