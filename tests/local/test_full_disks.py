"""A client whose disks are full or can't be written: the run is ended and removed all the same, and what is missing is told.

Each client has its own view of the mounts, in which a folder is a small tmpfs; nothing is mounted for anybody else.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash.account import AWS_RUN, Account, Finished, account, make_project

UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
BIG = "x" * 300_000
FULL = "mount -t tmpfs -o size=16k none {folder} && { cat /dev/zero >{folder}/filler 2>/dev/null || true; }"
SMALL = "mount -t tmpfs -o size=128k none {folder}"
READ_ONLY = "mount -t tmpfs -o ro none {folder}"


def mountable() -> bool:
    try:
        probe = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return probe.returncode == 0


pytestmark = pytest.mark.skipif(not mountable(), reason="needs a mount namespace of its own: root, or user namespaces")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("disks")


@pytest.fixture
def aws(home: Path) -> Iterator[Account]:
    with account(home) as made:
        yield made


def submit(aws: Account, home: Path, out: Path, *mounts: tuple[str, Path], **environment: str) -> Finished:
    make_project(home)
    (home / "data" / "big.txt").write_text(BIG)
    for _, folder in mounts:
        folder.mkdir(exist_ok=True)
    arguments = ["submit", home / "tiny", "-i", home / "data", "-o", out, "--backend", "ec2"]
    steps = [how.replace("{folder}", shlex.quote(str(folder))) for how, folder in mounts]
    done = subprocess.run(
        [*UNSHARE, "sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh", *AWS_RUN, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300, cwd=home, env=aws.environment(**environment),
    )  # fmt: skip
    return Finished(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.mark.parametrize("how", [SMALL, READ_ONLY])
def test_outputs_that_find_no_place_here_stay_in_the_bucket_and_are_fetched_from_there_later(
    aws: Account, home: Path, tmp_path: Path, how: str
) -> None:
    done = submit(aws, home, tmp_path / "out", (how, tmp_path / "out"))
    assert done.code != 0
    assert "itself failed" not in done.stderr
    assert aws.still_bills() == []
    assert aws.left() == {}
    if how is READ_ONLY and not aws.stored():
        return  # refused before anything was made
    assert re.search("could not be (fetched|put into)", done.stderr), done.stderr
    assert f"aws-run pull {aws.run_id()}" in done.stderr, "the way to the rest"
    assert f"runs/{aws.run_id()}/output/" in done.stderr, "where they are"
    pulled = aws.run("pull", aws.run_id(), "-o", tmp_path / "elsewhere")
    assert pulled.code == 0, pulled.stderr
    assert (tmp_path / "elsewhere" / "big.txt").read_text() == BIG.upper()


@pytest.mark.parametrize("how", [FULL, READ_ONLY])
def test_without_room_for_temporary_files_or_at_home_a_run_is_as_ever(
    aws: Account, home: Path, tmp_path: Path, how: str
) -> None:
    folders = (tmp_path / "tmp", tmp_path / "user")
    done = submit(
        aws,
        home,
        tmp_path / "out",
        *((how, folder) for folder in folders),
        TMPDIR=str(folders[0]),
        HOME=str(folders[1]),
    )
    assert done.code == 0, done.stderr
    assert (tmp_path / "out" / "big.txt").read_text() == BIG.upper()
    assert aws.left() == {}
    assert f"runs/{aws.run_id()}/log.txt" in aws.stored()
