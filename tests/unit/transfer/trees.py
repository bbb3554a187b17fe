"""Folders to move, and looking at what arrived."""

from __future__ import annotations

import stat
from pathlib import Path

from aws_run_entrypoint.transfer import Bucket, Pulled, Pushed, pull_manifest, push_folder

PREFIX, KEY = "inputs/p/data/", "inputs/p/data.snapshot.json"


def send(bucket: Bucket, folder: Path, **more: object) -> Pushed:
    return push_folder(bucket, str(folder), prefix=PREFIX, manifest_key=KEY, **more)  # type: ignore[arg-type]


def fetch(bucket: Bucket, into: Path, version_id: str | None = None, **more: object) -> Pulled:
    return pull_manifest(bucket, KEY, version_id, prefix=PREFIX, into=str(into), **more)  # type: ignore[arg-type]


def grown(folder: Path, *, newline: bool = True) -> Path:
    """Names, sizes and kinds that go wrong easily. `newline` False: moto does not take keys that hold one."""
    for name, body in {
        "plain.txt": b"plain",
        "sp ace/ü+%&?#'\".txt": b"odd name",
        "sp ace/日本語": "日本語".encode(),
        "empty file": b"",
        "a/b/c/deep": b"deep",
        "a.txt": b"beside a/",
        "Case": b"upper",
        "mid.bin": bytes(range(256)) * 1500,
        "new\nline": b"odd",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    if not newline:
        (folder / "new\nline").unlink()
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "empty folder/inner").mkdir(parents=True)
    return folder


def listing(folder: Path) -> dict[str, tuple[bytes, bool, int] | None]:
    """Path to (content, executable, mtime); None for a folder without anything in it."""
    found: dict[str, tuple[bytes, bool, int] | None] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            if not any(path.iterdir()):
                found[name] = None
            continue
        state = path.stat()
        found[name] = (path.read_bytes(), bool(state.st_mode & stat.S_IXUSR), state.st_mtime_ns)
    return found
