"""pylock.toml: which of its packages are installed, and from where."""

from __future__ import annotations

from pathlib import Path

from tests.unit.image.support import source_of

from aws_run.config import Build
from aws_run.image.recipe.find_dependencies import find_dependencies
from aws_run.project.folder import parse_toml
from aws_run.project.pylock import pylock_pins

LOCK = """\
lock-version = "1.0"
default-groups = ["default"]
[[packages]]
name = "always"
version = "1"
[[packages]]
name = "both"
version = "1"
marker = "python_version > '3' and ('default' in dependency_groups or 'dev' in dependency_groups)"
[[packages]]
name = "gpu"
version = "1"
marker = "'gpu' in dependency_groups"
[[packages]]
name = "plain"
version = "1"
marker = "'fast' not in extras"
"""
PARTS = """\
[[packages]]
name = "tiny"
version = "1"
index = "https://download.example.com/cpu"
wheels = [{path = "wheels/tiny-1-py3-none-any.whl", hashes = {sha256 = "ab"}}]
[[packages]]
name = "packed"
archive = {path = "parts/packed.zip"}
"""


def lines(groups: tuple[str, ...] = (), extras: tuple[str, ...] = ()) -> list[str]:
    return [pin.line for pin in pylock_pins(parse_toml(LOCK, "pylock.toml"), groups=groups, extras=extras)]


def test_what_a_marker_says_of_groups_and_extras_is_decided_here() -> None:
    both = "python_version > '3' and (python_version >= '0' or python_version < '0')"
    assert lines() == ["always==1", f"both==1 ; {both}", "plain==1"]
    assert [line.split("=")[0] for line in lines(("gpu",), ("fast",))] == ["always", "both", "gpu"]


def test_archives_in_the_project_and_other_indexes_are_looked_at(tmp_path: Path) -> None:
    files = {"pylock.toml": PARTS, "wheels/tiny-1-py3-none-any.whl": "x", "parts/packed.zip": "x"}
    found = find_dependencies(source_of(tmp_path, files), {}, Build())
    assert found.find_links == ("wheels",)
    assert found.whole_project
    assert found.options == ("--no-deps", "--index-strategy=unsafe-best-match")
    assert found.texts[0][1].splitlines() == [
        "--extra-index-url https://download.example.com/cpu",
        "tiny==1 --hash=sha256:ab",
        "packed @ file:./parts/packed.zip",
    ]
