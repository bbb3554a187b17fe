from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from aws_run.image.docker.machine import BuildMachine


def test_two_projects_of_one_name_have_two_caches_and_each_keeps_its_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "train", tmp_path / "two" / "train"
    machine = BuildMachine(tmp_path / "state")
    assert machine.cache_id(one) != machine.cache_id(two)
    assert BuildMachine(tmp_path / "state").cache_id(one) == machine.cache_id(one)
    assert re.fullmatch(r"aws-run-[0-9a-f]{64}", machine.cache_id(one))


def test_a_project_reached_through_a_link_is_the_same_project(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    machine = BuildMachine(tmp_path / "state")
    assert machine.cache_id(tmp_path / "link") == machine.cache_id(tmp_path / "real")


def test_the_name_of_a_cache_can_not_be_worked_out_from_the_projects_folder(tmp_path: Path) -> None:
    """A hostile Dockerfile may mount any cache whose name it knows."""
    assert BuildMachine(tmp_path / "a").cache_id(tmp_path) != BuildMachine(tmp_path / "b").cache_id(tmp_path)
    keys = list((tmp_path / "a").iterdir())
    assert [(key.stat().st_size, stat.S_IMODE(key.stat().st_mode)) for key in keys] == [(32, 0o600)]


def test_where_nothing_can_be_kept_each_build_has_a_cache_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the folder's place")
    machine = BuildMachine(tmp_path / "state")
    assert machine.cache_id(tmp_path) != machine.cache_id(tmp_path)
    machine.write("x.json", {"a": 1})
    assert machine.read("x.json") == {}


def test_a_damaged_key_is_not_used(tmp_path: Path) -> None:
    machine = BuildMachine(tmp_path)
    machine.cache_id(tmp_path)
    next(tmp_path.iterdir()).write_bytes(b"")
    assert machine.cache_id(tmp_path) != machine.cache_id(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_remembered_and_can_not_be_read_is_forgotten(tmp_path: Path, content: bytes) -> None:
    machine = BuildMachine(tmp_path)
    machine.write("x.json", {"a": 1})
    assert machine.read("x.json") == {"a": 1}
    (tmp_path / "x.json").write_bytes(content)
    assert machine.read("x.json") == {}


def test_the_state_folder_is_the_users_own() -> None:
    assert vars(BuildMachine.of({"XDG_STATE_HOME": "/s", "HOME": "/h"}))["_folder"] == Path("/s/aws-run/image")
    assert vars(BuildMachine.of({"HOME": "/h"}))["_folder"] == Path("/h/.local/state/aws-run/image")
    assert vars(BuildMachine.of({}))["_folder"].is_relative_to(Path("~").expanduser())
