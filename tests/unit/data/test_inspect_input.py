"""A folder of -i is looked at before anything is made: its links, and names that S3 would not take."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from tests.unit.transfer.stub import StubS3

from aws_run.config.models import Input
from aws_run.data import bucket_for, push_input
from aws_run.data.inspect_input import InputSummary, inspect_input
from aws_run.errors import InterruptedRunError, UsageError
from aws_run_entrypoint.transfer import Bucket


def _nobody(name: str) -> Bucket:
    pytest.fail(f"AWS is not asked for {name}")


def look(folder: Path, *, follow_links: bool = False) -> InputSummary:
    return inspect_input(
        Input(place=str(folder)), _nobody, emit=lambda event: None, project="p", follow_links=follow_links
    )


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """As DVC and git-annex make it: each file is a link into a store beside the folder."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store/ab12").write_text("12345")
    data = tmp_path / "data"
    data.mkdir()
    (data / "x.csv").symlink_to("../store/ab12")
    return data


def test_links_out_of_the_folder_are_refused_by_name_with_the_flag_that_sends_them(linked: Path) -> None:
    with pytest.raises(UsageError, match=r"'x\.csv' is a link that leaves the folder") as caught:
        look(linked)
    assert "--follow-links" in (caught.value.hint or "")
    assert (look(linked, follow_links=True).files, look(linked, follow_links=True).bytes) == (1, 5)


def test_what_they_lead_to_is_sent_and_seen_when_another_takes_its_place(linked: Path) -> None:
    class Keys:
        access_key, secret_key, token = "a", "b", None

    with StubS3() as stub:
        bucket = bucket_for(
            name="bucket", region="us-east-1", owner="123456789012", frozen_credentials=Keys, endpoint_url=stub.url
        )

        def push() -> int:
            done = push_input(bucket, linked, project="p", label="data", emit=lambda event: None, follow_links=True)
            return done.sent_files

        assert push() == 1
        assert push() == 0
        other = linked.parent / "store/cd34"
        other.write_text("67890")
        state = (linked / "x.csv").stat()
        os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert push() == 0
        (linked / "x.csv").unlink()
        (linked / "x.csv").symlink_to(other)
        assert push() == 1
        assert stub.current()["inputs/p/data/x.csv"] == b"67890"


def test_a_dangling_link_says_how_what_it_stands_for_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("nowhere")
    with pytest.raises(UsageError, match="is a link to nothing") as caught:
        look(tmp_path, follow_links=True)
    assert "dvc pull" in (caught.value.hint or "")


def test_a_name_that_s3_would_not_take_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    deep = folder / "/".join(["d" * 200] * 4)
    deep.mkdir(parents=True)
    room = 1024 - len("inputs/p/data/") - len("/".join(["d" * 200] * 4)) - 1
    (deep / ("f" * room)).touch()
    assert look(folder).files == 1
    (deep / ("g" * (room + 1))).touch()
    with pytest.raises(UsageError, match="its key would have 1025 bytes, S3 allows 1024") as caught:
        look(folder)
    assert "exclude" in (caught.value.hint or "")


def test_all_entries_that_cannot_be_sent_are_named_in_one_round(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").touch()
    (folder / "out").symlink_to(tmp_path)
    (folder / "gone").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    (folder / ".aws-run-part-x").touch()  # is not sent, and is in nobody's way
    with pytest.raises(UsageError) as caught:
        look(folder)
    assert caught.value.message.splitlines() == [
        "The input can't be sent: 3 entries of the folder are in the way",
        "'gone' is a link to nothing",
        f"'out' is a link that leaves the folder, to '{tmp_path}'",
        "'pipe' is a named pipe",
    ]
    fetch, *others = (caught.value.hint or "").splitlines()
    assert fetch.startswith("Fetch what it stands for (`dvc pull`")
    assert others == [
        "--follow-links sends what such links lead to; or leave it out with `exclude:` in aws-run.yaml.",
        "Remove it, or leave it out with `exclude:` in aws-run.yaml.",
    ]


def test_of_many_entries_that_cannot_be_sent_the_first_are_named(tmp_path: Path) -> None:
    for number in range(25):
        (tmp_path / f"{number:02}").symlink_to("nowhere")
    with pytest.raises(UsageError) as caught:
        look(tmp_path)
    assert len(caught.value.message.splitlines()) == 12
    assert caught.value.message.endswith("\n'09' is a link to nothing\nand 15 more")


@pytest.mark.parametrize("exclude", [(), ("*",)])
def test_an_interrupt_ends_the_look_through_a_large_folder(tmp_path: Path, exclude: tuple[str, ...]) -> None:
    for number in range(5):
        (tmp_path / f"{number}.csv").write_text("1")
    stop, seen = threading.Event(), list[int]()

    def on_seen(files: int, _bytes: int) -> None:
        seen.append(files)
        stop.set()

    if exclude:
        stop.set()  # where all is left out nothing is seen
    with pytest.raises(InterruptedRunError, match="it was cancelled"):
        inspect_input(
            Input(place=str(tmp_path)),
            _nobody,
            emit=lambda event: None,
            project="p",
            exclude=exclude,
            cancel=stop,
            on_seen=on_seen,
        )
    assert seen == ([] if exclude else [1])


def test_an_address_in_s3_is_counted_while_it_is_listed(stub: StubS3) -> None:
    seen: list[tuple[int, int]] = []
    stub.store("d/a", b"12")
    stub.store("d/b/", b"")
    stub.store("d/c", b"345")
    inspect_input(
        Input(place="s3://bucket/d"),
        lambda name: stub.bucket(),
        emit=lambda event: None,
        project="p",
        on_seen=lambda files, size_bytes: seen.append((files, size_bytes)),
    )
    assert seen == [(1, 2), (1, 2), (2, 5)]
