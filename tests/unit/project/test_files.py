"""The reader of project files: regular, bounded, inside the folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws_run.project.files import UnreadableFileError, is_regular, open_listed_file, read_file, read_text
from aws_run.project.private_names import is_private


def reason(path: Path, **options: object) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read_file(path, **options)  # type: ignore[arg-type]
    return caught.value.reason


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfx")
    assert read_file(tmp_path / "a") == b"\xef\xbb\xbfx"
    assert read_text(tmp_path / "a") == "x"
    assert read_file(tmp_path / "a", max_bytes=4) == b"\xef\xbb\xbfx"


def test_a_pipe_a_socket_a_device_and_a_folder_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(tmp_path / "socket"))
    assert reason(tmp_path / "pipe") == "is a named pipe, not a regular file"
    assert reason(tmp_path / "link") == "is a named pipe, not a regular file"
    assert reason(tmp_path / "socket") == "is a socket, not a regular file"
    assert reason(tmp_path / "folder") == "is a folder, not a regular file"
    assert reason(Path("/dev/zero")) == "is a device, not a regular file"
    assert not any(is_regular(tmp_path / name) for name in ("pipe", "link", "socket", "folder", "absent"))


def test_a_pipe_that_takes_a_files_place_after_the_look_holds_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableFileError, match="named pipe"):
        open_listed_file(str(tmp_path / "pipe"))


def test_more_than_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 2049)
    assert reason(tmp_path / "large", max_bytes=2048) == "is larger than 2 KiB"


@pytest.mark.skipif(not Path("/proc/kallsyms").exists(), reason="a file that says it is empty and is not")
def test_a_file_that_lies_about_its_size_is_bounded_too() -> None:
    assert reason(Path("/proc/kallsyms"), max_bytes=100) == "is larger than 0 KiB"


def test_links_may_stay_inside_and_lead_nowhere_else(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    (root / "a").write_text("1")
    (tmp_path / "secret").write_text("s")
    (root / "inside").symlink_to("a")
    (root / "sub" / "up").symlink_to("../a")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    (root / "circle").symlink_to("circle")
    assert read_file(root / "inside", within=root) == read_file(root / "sub" / "up", within=root) == b"1"
    for name in ("out", "folder/secret", "sub/../../secret"):
        assert "leads out of" in reason(root / name, within=root)
    assert "can't be read" in reason(root / "circle", within=root)


names = st.sampled_from(["a", "b", "..", ".", "up", "root", "in", "out"])


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(names, min_size=1, max_size=6), st.lists(st.tuples(names, st.lists(names, max_size=4)), max_size=4))
def test_no_path_and_no_link_leads_out_of_the_folder(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], links: list[tuple[str, list[str]]]
) -> None:
    """Whatever is read with `within` is one of the files inside, whatever links the folder holds."""
    base = tmp_path_factory.mktemp("paths").resolve()
    root = base / "project"
    (root / "a" / "b").mkdir(parents=True)
    for place in (root, root / "a", root / "a" / "b"):
        (place / "in").write_text("inside")
    for place in (base, base.parent):
        (place / "out").write_text("outside")
    for name, target in links:
        if name not in ("..", ".", "a", "b", "in") and not (root / "a" / name).is_symlink():
            (root / "a" / name).symlink_to("/".join(target) or str(base))
    try:
        content = read_file(root.joinpath(*parts), within=root)
    except UnreadableFileError:
        return
    assert content == b"inside"


@pytest.mark.parametrize(
    "name",
    [
        ".env", ".env.local", ".envrc", ".npmrc", ".docker", ".kube", ".gnupg", ".git", ".GIT", ".Aws", ".ssh", "id_rsa",
        "terraform.tfstate", "terraform.tfstate.backup", "PROD.TFSTATE", ".terraform", ".pgpass", ".azure", ".DS_Store",
        ".git-credentials", "_netrc", ".yarnrc.yml", ".bash_history",
    ],
)  # fmt: skip
def test_names_that_hold_secrets_stay_out_of_every_image(name: str) -> None:
    assert is_private(name)


@pytest.mark.parametrize(
    "name", ["env", "environment.py", "npmrc", "docker", "state.py", ".gitignore", ".dockerignore", "kube"]
)
def test_ordinary_names_go_in(name: str) -> None:
    assert not is_private(name)
