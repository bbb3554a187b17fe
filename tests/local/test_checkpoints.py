"""examples/counter on a spot machine that is taken away under it: the next attempt goes on where the last one was."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.local.cli_support import Cloud, cloud, log_has, submit
from tests.local.support import admin
from tests.waiting import PATIENCE_S, until

COUNTER = Path(__file__).parents[2] / "examples/counter"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, aws_session: boto3.Session) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("home"), aws_session) as running:
        yield running


def count(folder: Path, target: int) -> list[object]:
    """The command line of a submit of a counter that is called like its folder. Half way, its first attempt waits for the
    end of its machine, so that it can't be over before."""
    shutil.copytree(COUNTER, folder, ignore=shutil.ignore_patterns("out"))
    (folder / "data/target.txt").write_text(f"{target}\n")
    (script,) = folder.glob("*.py")
    plain = "        time.sleep(chosen.pause)\n"
    half_way = f'        while attempt == "1" and len(counted) == {target // 2}:\n            time.sleep(0.02)\n'
    assert plain in script.read_text()
    script.write_text(script.read_text().replace(plain, plain + half_way))
    return submit(folder, folder.parent / "out", "-n", folder.name, "--backend", "ec2", "--", "--pause", 0.02)


def counted(out: Path) -> list[tuple[int, int]]:
    """(number, attempt) in the order of counting."""
    lines = (out / "counted.txt").read_text().splitlines()
    return [(int(found[1]), int(found[2])) for line in lines if (found := re.fullmatch(r"(\d+) in attempt (\d)", line))]


def said(aws: Cloud, word: str) -> list[int]:
    """The numbers that the job said it counted, over all attempts, from the run's own log."""
    key = max(key for key in aws.keys("runs/") if key.endswith("/log.txt") and f"/{word}-" in key)
    return [int(number) for number in re.findall(r"^(\d+) in attempt", aws.text(key), re.MULTILINE)]


def test_with_a_notice_no_number_is_counted_twice_and_none_is_left_out(aws: Cloud, tmp_path: Path) -> None:
    words = count(tmp_path / "noticed", 40)
    # Nothing is saved now and then: what the second attempt has is what the notice's two minutes were used for.
    process = aws.start(*words, AWS_RUN_CHECKPOINT_EVERY="1h")
    log_has(aws, "7 in attempt 1")
    assert admin(aws.local, "spot-interrupt", {"after_s": 120})["interrupted"]
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told
    assert "starting attempt 2" in told
    numbers = counted(tmp_path / "out")
    assert [number for number, _ in numbers] == list(range(1, 41))
    attempts = [attempt for _, attempt in numbers]
    assert attempts == sorted(attempts)
    assert set(attempts) == {1, 2}
    log = said(aws, "noticed")
    assert len(log) == len(set(log))
    assert not set(aws.left("noticed")) - {"repository"}


def test_with_the_machine_gone_at_once_the_next_attempt_starts_at_the_last_checkpoint(
    aws: Cloud, tmp_path: Path
) -> None:
    words = count(tmp_path / "killed", 120)
    process = aws.start(*words, AWS_RUN_CHECKPOINT_EVERY="1s")
    until(lambda: [key for key in aws.keys("runs/") if "/killed-" in key and key.endswith("/checkpoint/counted.txt")])
    assert admin(aws.local, "spot-interrupt", {"after_s": 0})["interrupted"]
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told
    numbers = counted(tmp_path / "out")
    assert [number for number, _ in numbers] == list(range(1, 121))
    first = [number for number, attempt in numbers if attempt == 1]
    assert first == list(range(1, len(first) + 1))
    assert 0 < len(first) <= 60
    assert not set(aws.left("killed")) - {"repository"}
