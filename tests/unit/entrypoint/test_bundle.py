from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

from aws_run_entrypoint.bundle import pyz_bytes, write_layer, write_pyz


def test_the_layer_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    write_layer(tmp_path / "a.tar")
    os.utime(Path(__file__).parents[3] / "entrypoint/aws_run_entrypoint/main.py")
    write_layer(tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    assert (tmp_path / "a.tar").stat().st_size <= 300_000


def test_the_layer_holds_the_zip_and_two_open_folders(tmp_path: Path) -> None:
    write_layer(tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as archive:
        held = {m.name: (m.mode, m.uid, m.mtime) for m in archive}
        zipped = archive.extractfile("opt/aws-run/entrypoint.pyz")
        assert zipped is not None
        assert zipped.read() == pyz_bytes()
    assert held["aws-run"] == held["checkpoint"] == (0o1777, 0, 0)
    assert held["opt/aws-run/entrypoint.pyz"] == (0o644, 0, 0)


def test_the_zip_checks_itself_in_an_isolated_python(tmp_path: Path) -> None:
    write_pyz(tmp_path / "e.pyz")
    (tmp_path / "socket.py").write_text("raise SystemExit('the job folder must not be imported from')")
    done = subprocess.run(
        [sys.executable, "-I", "-B", tmp_path / "e.pyz", "--self-check"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("aws-run entrypoint works with Python 3.")
    assert done.stderr == ""
