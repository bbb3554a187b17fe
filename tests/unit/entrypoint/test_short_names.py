"""Files whose names S3 does not take are moved and listed; no other is touched and none is lost."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aws_run_entrypoint.short_names import shorten_names
from aws_run_entrypoint.transfer import scan_folder

PREFIX = "runs/p-20260101-000000-abcd/output/"
NAMES = st.lists(
    st.sampled_from([b"a", b"b.txt", "\u00e9".encode(), b"\xe9", b"x" * 200, b"y" * 250 + b".csv", b"renamed"]),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@example([[b"renamed"], [b"\xe9"]])
@given(st.lists(NAMES, max_size=8))
def test_every_file_is_there_under_a_name_that_can_be_saved(paths: list[list[bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written: dict[str, bytes] = {}
        for number, parts in enumerate(paths):
            full = Path(folder, *map(os.fsdecode, parts))
            content = str(number).encode()
            try:
                full.parent.mkdir(parents=True, exist_ok=True)
                with full.open("xb") as file:
                    file.write(content)
            except OSError:  # a file and a folder of one name
                continue
            written[str(full.relative_to(folder))] = content
        renamed = {item.path: item.name for item in shorten_names(folder, PREFIX)}
        for path, content in written.items():
            now = renamed.get(path, path)
            assert len((PREFIX + now).encode()) <= 1024
            assert Path(folder, now).read_bytes() == content
        refused: list[str] = []
        list(scan_folder(folder, on_refused=lambda error: refused.append(str(error))))
        assert refused == []
        if renamed:
            listed = json.loads(Path(folder, "renamed.json").read_text())["files"]
            assert {item["path"]: item["name"] for item in listed} == renamed
