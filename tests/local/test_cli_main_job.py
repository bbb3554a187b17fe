"""The main job through the real command line: what goes in comes out, what was made is gone, and the exit code is the job's."""

from __future__ import annotations

import json
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import COPY, ENDLESS, Cloud, cloud, log_has, project, submit
from tests.local.support import admin

from aws_run.runs.record_reader import load
from aws_run.runs.spec import job_from_json


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, aws_session: boto3.Session) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("home"), aws_session) as running:
        yield running


def tree(folder: Path) -> dict[str, tuple[bytes, bool] | None]:
    """Every path below with its bytes and whether it may be executed; None for a folder."""
    return {
        str(path.relative_to(folder)): None
        if path.is_dir()
        else (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))
        for path in folder.rglob("*")
    }


def nothing_of(aws: Cloud, name: str) -> None:
    """Only the project's repository is left, and the account's bucket."""
    assert set(aws.left(name)) <= {"repository"}
    assert set(aws.left()) <= {"bucket", "repository"}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Odd names, empty things, an executable and a few hundred small files; at night the Docker tests send thousands."""
    folder = project(tmp_path_factory.mktemp("work") / "hostile")
    data = folder / "data"
    for name in (
        "with space.txt",
        "ünï/çødé 数据.txt",
        "plus+&=%20?#.txt",
        "a/b/c/deep.txt",
        "quote'\"`$x.txt",
        "-dash",
    ):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(name.encode() + bytes(range(256)))
    (data / "empty.bin").touch()
    (data / "empty dir" / "inside").mkdir(parents=True)
    (data / "run.sh").write_text("#!/bin/sh\n")
    (data / "run.sh").chmod(0o755)
    many = data / "many"
    many.mkdir()
    for number in range(300):
        (many / f"{number:04}.txt").write_text(f"file {number}\n")
    return folder


def test_everything_arrives_byte_for_byte_on_a_spot_gpu_machine_and_nothing_is_left(
    aws: Cloud, hostile: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = aws.run(
        *submit(hostile, out, "--backend", "ec2", "--spot", "--gpu", "T4:1", "--json", "--", "--mode", "x y")
    )
    assert done.returncode == 0, done.stderr
    assert tree(out) == tree(hostile / "data")
    nothing_of(aws, "hostile")

    told = json.loads(done.stdout)
    assert (told["exit_code"], Path(told["output_dir"])) == (0, out)
    assert "console.aws.amazon.com/s3/buckets/" in told["console_url"]
    assert told["receipt"]["total_usd"] > 0
    assert {row["kind"] for row in told["left"]["rows"]} == {"bucket", "repository", "log-group", "role"}
    run = told["run_id"]
    assert "copied --mode x y" in aws.text(f"runs/{run}/log.txt")
    record = load(aws.text(f"runs/{run}/run.json").encode(), run_id=run)
    assert record.state == "removed"
    assert record.current is not None
    assert (record.current.number, record.current.outcome, record.started_at is None) == (1, record.outcome, False)
    job = job_from_json(record.job, place="run.json")
    assert (job.image, job.args) == (record.image, ("--mode", "x y"))
    assert "@sha256:" in str(job.image)
    assert [pin.files for pin in job.inputs] == [sum(path.is_file() for path in (hostile / "data").rglob("*"))]
    assert all(pin.snapshot_key and pin.version_id for pin in job.inputs)
    assert record.hardware is not None
    assert float(str(record.hardware.usd_per_hour)) > 0.5

    sent = {call.name: call.body for call in aws.sent}
    assert f'"capacityProvider": "arun-{run}"' in sent["ecs:RunTask"]
    assert '"resourceRequirements": [{"type": "GPU", "value": "1"}]' in sent["ecs:RegisterTaskDefinition"]
    assert "OnDemandPercentageAboveBaseCapacity=0" in sent["autoscaling:CreateAutoScalingGroup"]
    assert "g4dn.xlarge" in sent["autoscaling:CreateAutoScalingGroup"]
    assert "ecs:CreateCapacityProvider" in sent
    made, armed, raised = (
        aws.names_sent().index(f"autoscaling:{operation}")
        for operation in ("CreateAutoScalingGroup", "PutScheduledUpdateGroupAction", "UpdateAutoScalingGroup")
    )
    assert made < armed < raised


def test_an_unchanged_submit_builds_pushes_and_sends_nothing_in_25_round_trips(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "unchanged")
    first = aws.run(*submit(folder, tmp_path / "one"))
    assert first.returncode == 0, first.stderr
    before = len(aws.sent)
    again = aws.run(*submit(folder, tmp_path / "two", "--debug"))
    assert again.returncode == 0, again.stderr
    assert "nothing to do: unchanged" in again.stderr
    assert "nothing sent" in again.stderr
    names = aws.names_sent(before)
    assert not [name for name in names if name.startswith("s3:PUT") and "/inputs/" in name]
    assert not [name for name in names if name.startswith("ecr:") and "Describe" not in name]
    said = next(line for line in again.stderr.splitlines() if "AWS calls up to RunTask" in line)
    assert int(said.rsplit(":", 1)[1]) <= 25
    assert tree(tmp_path / "two") == tree(folder / "data")


def test_a_job_that_exits_7_makes_submit_exit_7_with_outputs_and_log_saved(aws: Cloud, tmp_path: Path) -> None:
    seen = (
        "\nimport os, sys\nprint('KEYS', [n for n in os.environ if 'SECRET' in n or 'ACCESS_KEY' in n])\nsys.exit(7)\n"
    )
    script = COPY + seen
    folder, out = project(tmp_path / "seven", script), tmp_path / "out"
    done = aws.run(*submit(folder, out, "--backend", "ec2", "--json"))
    assert done.returncode == 7, done.stderr
    told = json.loads(done.stdout)
    assert told["exit_code"] == 7
    assert tree(out) == tree(folder / "data")
    log = aws.text(f"runs/{told['run_id']}/log.txt")
    assert "copied" in log
    assert "KEYS []" in log
    assert f"runs/{told['run_id']}/output/a.txt" in aws.keys("runs/")
    nothing_of(aws, "seven")


def test_a_job_past_its_timeout_is_124_and_what_it_wrote_is_saved(aws: Cloud, tmp_path: Path) -> None:
    folder, out = project(tmp_path / "slow", ENDLESS), tmp_path / "out"
    done = aws.run(*submit(folder, out, "--timeout", "3s"))
    assert done.returncode == 124, done.stderr
    assert "--timeout" in done.stderr
    assert (out / "half.txt").read_text() == "half of it"
    nothing_of(aws, "slow")


def test_an_interrupt_while_the_job_runs_is_130_with_what_it_wrote_and_nothing_left(aws: Cloud, tmp_path: Path) -> None:
    folder, out = project(tmp_path / "interrupted", ENDLESS), tmp_path / "out"
    process = aws.start(*submit(folder, out, "--backend", "ec2"))
    log_has(aws, "half of it is done")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=180)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert (out / "half.txt").read_text() == "half of it"
    nothing_of(aws, "interrupted")


def test_two_submits_of_one_project_at_once_both_end_well(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "twins")
    outs = [tmp_path / "one", tmp_path / "two"]
    started = [
        aws.start(*submit(folder, out, "--backend", backend))
        for out, backend in zip(outs, ("ec2", "fargate"), strict=True)
    ]
    said = [process.communicate(timeout=180)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], "\n".join(said)
    assert tree(outs[0]) == tree(outs[1]) == tree(folder / "data")
    nothing_of(aws, "twins")


def test_a_switch_that_cannot_be_armed_starts_no_machine(aws: Cloud, tmp_path: Path) -> None:
    admin(aws.local, "faults", {"operation": "autoscaling:PutScheduledUpdateGroupAction", "code": "AccessDenied"})
    before = len(aws.sent)
    done = aws.run(*submit(project(tmp_path / "unarmed"), tmp_path / "out", "--backend", "ec2"))
    assert done.returncode == 125, done.stderr
    assert "dead-man's switch could not be armed" in done.stderr
    raised = [call.body for call in aws.sent[before:] if call.name == "autoscaling:UpdateAutoScalingGroup"]
    assert not [body for body in raised if "DesiredCapacity=1" in body]
    nothing_of(aws, "unarmed")


def test_a_link_that_leaves_the_input_is_refused_by_name_and_never_followed(aws: Cloud, tmp_path: Path) -> None:
    folder = project(tmp_path / "linked")
    (tmp_path / "secret.txt").write_text("mine alone")
    (folder / "data" / "leaving.txt").symlink_to(tmp_path / "secret.txt")
    done = aws.run(*submit(folder, tmp_path / "out"))
    assert done.returncode in (2, 125), done.stderr
    assert "leaving.txt" in done.stderr
    assert not [key for key in aws.keys("inputs/") if "leaving" in key]
    nothing_of(aws, "linked")


def test_a_requirement_that_does_not_exist_is_said_in_its_own_words_and_nothing_is_left(
    aws: Cloud, tmp_path: Path
) -> None:
    folder = project(tmp_path / "wanting")
    (folder / "requirements.txt").write_text("./no-such-package\n")
    done = aws.run(*submit(folder, tmp_path / "out"))
    assert done.returncode == 125, done.stderr
    assert "no-such-package" in done.stderr
    assert "Traceback" not in done.stderr
    nothing_of(aws, "wanting")


@pytest.mark.parametrize("words", [["plan"], ["submit", "--dry-run"]])
def test_a_plan_writes_nothing(aws: Cloud, tmp_path: Path, words: list[str]) -> None:
    folder, before = project(tmp_path / "planned"), len(aws.sent)
    keys = aws.keys()
    done = aws.run(words[0], folder, "-i", folder / "data", "-o", tmp_path / "out", "--local", "--json", *words[1:])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {lane["lane"] for lane in told["lanes"]} == {"capacity", "image", "input"}
    assert not aws.left("planned")
    assert aws.keys() == keys
    reads = ("Get", "Describe", "List", "HEAD", "GET", "Head")
    wrote = [name for name in aws.names_sent(before) if not name.split(":", 1)[1].startswith(reads)]
    assert wrote == []
