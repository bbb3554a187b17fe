from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pytest
from tests.unit.image.support import LAYER, SCRIPT, config_of, write

from aws_run.errors import DockerError
from aws_run.events import Event, Notice
from aws_run.image.base import BaseImage, BaseImages, LocalImage, repository_of
from aws_run.image.docker.machine import BuildMachine
from aws_run.image.plan import plan_image

NAME = "public.ecr.aws/docker/library/python:3.12-slim"
REPOSITORY = "public.ecr.aws/docker/library/python"
AMD, ARM = "linux/amd64", "linux/arm64"
NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def image(letter: str, *, pulled: bool = True, created_at: str = "2026-01-19T08:00:00.5Z") -> LocalImage:
    return LocalImage(id=digest(letter), digest=digest(letter) if pulled else None, created_at=created_at, arch="amd64")


@dataclass
class FakeEngine:
    """An engine whose registry holds one image under each name; None: it can't be reached."""

    registry: dict[str, LocalImage] | None = field(default_factory=dict)
    images: dict[str, LocalImage] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def local(self, reference: str) -> LocalImage | None:
        return self.images.get(reference)

    def registry_digest(self, reference: str) -> str:
        self.calls.append(f"look up {reference}")
        known = self._there(reference).digest
        assert known is not None
        return known

    def pull(self, reference: str, platform: str) -> None:
        self.calls.append(f"pull {reference} for {platform}")
        self.images[reference] = self._there(reference)

    def _there(self, reference: str) -> LocalImage:
        if self.registry is None or reference not in self.registry:
            raise DockerError(f"{reference} can't be fetched: no route to host")
        return self.registry[reference]


@dataclass
class Machine:
    """One user's machine: what it remembers stays, engines come and go."""

    folder: Path
    events: list[Event] = field(default_factory=list)

    def images(self, engine: FakeEngine | None) -> BaseImages:
        return BaseImages(BuildMachine(self.folder), engine, self.events.append)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_name_that_the_engine_has_stands_for_what_the_engine_has(machine: Machine) -> None:
    engine = FakeEngine(registry=None, images={NAME: image("a")})
    base = machine.images(engine).resolve(NAME, AMD)
    assert (base.digest, base.image_id, base.origin) == (digest("a"), None, "engine")
    assert machine.images(engine).fetch(base, AMD).build_from == NAME
    assert engine.calls == []


def test_an_image_that_was_made_here_is_told_by_its_id(machine: Machine) -> None:
    """As tools/base-image makes one where nothing can be pulled; made again it is another."""
    engine = FakeEngine(registry=None, images={NAME: image("a", pulled=False)})
    base = machine.images(engine).resolve(NAME, AMD)
    assert (base.digest, base.image_id, base.identity, base.build_from) == (None, digest("a"), digest("a"), NAME)
    assert base.describe(NOW) == "base image python:3.12-slim of 12 days ago made on this machine"
    engine.images[NAME] = image("b", pulled=False)
    assert machine.images(engine).resolve(NAME, AMD).identity == digest("b")
    with pytest.raises(DockerError, match="has changed since the plan"):
        machine.images(engine).fetch(base, AMD)


def test_a_name_that_nobody_has_yet_is_looked_up_once_and_fetched_by_digest(machine: Machine) -> None:
    pinned = f"{REPOSITORY}@{digest('a')}"
    engine = FakeEngine(registry={NAME: image("a"), pinned: image("a")})
    base = machine.images(engine).resolve(NAME, AMD)
    assert (base.digest, base.origin, base.build_from) == (digest("a"), "registry", pinned)
    assert machine.images(engine).fetch(base, AMD).created_at == "2026-01-19T08:00:00.5Z"
    assert engine.calls == [f"look up {NAME}", f"pull {pinned} for {AMD}"]
    # The tag moves on; this machine does not, with and without its engine, its network and its images.
    engine.registry = {NAME: image("b")}
    for there in (engine, None, FakeEngine(registry=None), FakeEngine(registry={NAME: image("b")})):
        again = machine.images(there).resolve(NAME, AMD)
        assert (again.digest, again.created_at) == (digest("a"), "2026-01-19T08:00:00.5Z")
        assert again.build_from == pinned


def test_a_refresh_takes_the_newest_and_that_is_what_is_used_from_then_on(machine: Machine) -> None:
    engine = FakeEngine(registry={NAME: image("b")}, images={NAME: image("a")})
    assert machine.images(engine).resolve(NAME, AMD).digest == digest("a")
    assert machine.images(engine).resolve(NAME, AMD, refresh=True).digest == digest("b")
    assert machine.images(engine).resolve(NAME, AMD).digest == digest("b")
    assert machine.images(None).resolve(NAME, AMD).digest == digest("b")


@pytest.mark.parametrize("engine", [None, FakeEngine(registry=None, images={NAME: image("a")})])
def test_a_refresh_that_can_not_be_had_says_so_and_uses_what_there_is(
    machine: Machine, engine: FakeEngine | None
) -> None:
    machine.images(FakeEngine(images={NAME: image("a")})).resolve(NAME, AMD)
    assert machine.images(engine).resolve(NAME, AMD, refresh=True).digest == digest("a")
    notices = [event for event in machine.events if isinstance(event, Notice) and event.level == "warning"]
    assert len(notices) == 1
    assert notices[0].text.startswith("the base image is not refreshed: ")


def test_a_name_that_can_not_be_looked_up_is_left_to_the_build(machine: Machine) -> None:
    for engine in (None, FakeEngine(registry=None)):
        base = machine.images(engine).resolve(NAME, AMD)
        assert base == BaseImage(reference=NAME, problem=base.problem)
        assert (base.problem is not None) is (engine is not None)
        assert machine.images(engine).fetch(base, AMD).build_from == NAME
    assert "as the registry has it" in base.describe(NOW)


def test_an_image_of_another_architecture_is_not_the_one_that_is_meant(machine: Machine) -> None:
    engine = FakeEngine(registry={NAME: image("b")}, images={NAME: image("a")})
    assert machine.images(engine).resolve(NAME, ARM).digest == digest("b")
    assert machine.images(engine).resolve(NAME, AMD).digest == digest("a")


def test_a_digest_in_the_name_is_taken_at_its_word(machine: Machine) -> None:
    pinned = f"{REPOSITORY}@{digest('c')}"
    for engine in (None, FakeEngine(registry={NAME: image("a")})):
        base = machine.images(engine).resolve(pinned, AMD, refresh=True)
        assert (base.digest, base.build_from, base.label) == (digest("c"), pinned, pinned)


def test_a_pull_that_fails_leaves_the_digest_to_the_builder_which_may_have_a_login(machine: Machine) -> None:
    engine = FakeEngine(registry={NAME: image("a")})
    base = machine.images(engine).resolve(NAME, AMD)
    assert machine.images(engine).fetch(base, AMD).build_from == f"{REPOSITORY}@{digest('a')}"


@pytest.mark.parametrize(
    "entry", [[], "x", {"digest": 3}, {"digest": "sha256:../x"}, {"digest": "sha256:" + "a" * 9999}]
)
def test_what_is_remembered_wrongly_is_not_used(machine: Machine, entry: object) -> None:
    BuildMachine(machine.folder).write("base-images.json", {f"{NAME} {AMD}": entry})
    assert machine.images(None).resolve(NAME, AMD) == BaseImage(reference=NAME)


@pytest.mark.parametrize(
    ("created_at", "age"),
    [
        ("2026-01-31T11:00:00Z", " of today"),
        ("2026-01-30T11:00:00.123456789Z", " of yesterday"),
        ("2026-01-19T08:00:00+00:00", " of 12 days ago"),
        ("1970-01-01T00:00:00Z", ""),
        ("2026-03-01T00:00:00Z", ""),
        ("2026-99-99T99:99:99Z", ""),
        ("soon", ""),
        (None, ""),
    ],
)
def test_the_age_is_told_where_the_image_says_it(created_at: str | None, age: str) -> None:
    base = BaseImage(reference=NAME, digest=digest("a"), created_at=created_at)
    assert base.describe(NOW) == f"base image python:3.12-slim{age} (sha256:{'a' * 12})"


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("python", "python"),
        ("python:3.12", "python"),
        ("host:5000/a/b", "host:5000/a/b"),
        ("host:5000/a/b:c", "host:5000/a/b"),
        (f"host:5000/a:b@{digest('a')}", "host:5000/a"),
    ],
)
def test_the_repository_of_a_name(reference: str, repository: str) -> None:
    assert repository_of(reference) == repository


def test_another_base_image_under_the_same_name_makes_another_tag(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": SCRIPT})
    plan = plan_image(config_of(tmp_path), entrypoint_layer=lambda: LAYER)
    bases = [
        BaseImage(reference=NAME),
        BaseImage(reference=NAME, digest=digest("a")),
        BaseImage(reference=NAME, digest=digest("b")),
        BaseImage(reference=NAME, image_id=digest("c")),
    ]
    assert len({plan.on(base).tag for base in bases}) == 4
    # Neither where it was looked up nor how old it is makes another image.
    same = BaseImage(reference=NAME, digest=digest("a"), created_at="2026-01-19T08:00:00Z", origin="engine")
    assert plan.on(same).tag == plan.on(bases[1]).tag
