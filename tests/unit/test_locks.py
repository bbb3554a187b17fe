"""The lock files: whole, pinned, hashed, and of no particular machine. `make lock` makes them again."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

tomllib: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def entries(lock: Path) -> list[str]:
    """One string a requirement, with its continuation lines."""
    text = "\n".join(line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#"))
    return [entry.replace("\\\n", " ") for entry in re.split(r"\n(?=\S)", text) if entry.strip()]


def locked(lock: Path) -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for entry in entries(lock):
        requirement = Requirement(entry.split("--hash")[0].strip())
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def asked_for(*, dev: bool) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    texts: list[str] = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    texts += project["project"]["optional-dependencies"]["local"]
    if dev:
        groups = project["dependency-groups"]
        texts += [text for group in ("test", "lint") for text in groups[group]]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_entry_is_one_version_with_hashes(lock: Path) -> None:
    for entry in entries(lock):
        assert re.match(r"^[a-z0-9.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_index_host_or_path(lock: Path) -> None:
    assert re.findall(r".*(?:://|--(?:extra-)?index|--find-links|--trusted-host|@ ).*", lock.read_text()) == []


@pytest.mark.parametrize("name", ["dev", "demo"])
def test_all_that_pyproject_asks_for_is_locked_in_a_version_that_fits(name: str) -> None:
    have = locked(ROOT / "requirements" / f"{name}.txt")
    for requirement in asked_for(dev=name == "dev"):
        pinned = have.get(canonicalize_name(requirement.name), [])
        versions = [next(iter(pin.specifier)).version for pin in pinned]
        assert versions, f"{requirement} is not in {name}.txt: make lock"
        assert all(requirement.specifier.contains(version) for version in versions), f"{requirement}: make lock"


@pytest.mark.parametrize("group", ["audit", "clients"])
def test_what_has_an_environment_of_its_own_is_locked(group: str) -> None:
    have = locked(ROOT / "requirements" / f"{group}.txt")
    texts = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"][group]
    assert texts
    assert {canonicalize_name(Requirement(text).name) for text in texts} <= have.keys()


def test_the_recipe_of_images_installs_the_uv_that_is_locked_here() -> None:
    recipe = ROOT / "runner/aws_run/image/uv.txt"
    assert recipe.read_bytes() == (ROOT / "requirements/uv.txt").read_bytes()
    assert locked(recipe)["uv"] == locked(ROOT / "requirements/dev.txt")["uv"]


@pytest.mark.parametrize("smaller", ["demo", "action"])
def test_the_smaller_locks_have_the_versions_of_the_largest(smaller: str) -> None:
    dev = locked(ROOT / "requirements" / "dev.txt")
    for name, pins in locked(ROOT / "requirements" / f"{smaller}.txt").items():
        assert {str(pin) for pin in pins} <= {str(pin) for pin in dev[name]}
