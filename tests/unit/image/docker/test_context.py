from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path

import pytest
from tests.unit.image.support import LAYER, SCRIPT, config_of, write

from aws_run.config import Build
from aws_run.errors import SourceError
from aws_run.image.docker.context import (
    classic_dockerfile,
    dockerfile_in_context,
    write_own,
    write_standard,
    write_wrap,
)
from aws_run.image.plan import ImagePlan, plan_image, standard_dockerfile, uv_requirements
from aws_run.image.recipe.recipe import OwnDockerfile, StandardRecipe


def plan_of(root: Path, files: dict[str, str | bytes]) -> ImagePlan:
    return plan_image(config_of(write(root, files)), entrypoint_layer=lambda: LAYER)


def standard(plan: ImagePlan, secrets: dict[str, bytes] | None = None) -> bytes:
    out = io.BytesIO()
    assert isinstance(plan.recipe, StandardRecipe)
    write_standard(plan, plan.recipe, out, cache_id="aws-run-mine", classic_secrets=secrets)
    return out.getvalue()


def own(plan: ImagePlan) -> bytes:
    out = io.BytesIO()
    assert isinstance(plan.recipe, OwnDockerfile)
    write_own(plan, plan.recipe, out)
    return out.getvalue()


def members(tar: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return {member.name: member for member in opened.getmembers()}


def content(tar: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        stream = opened.extractfile(name)
        assert stream is not None
        return stream.read()


def test_the_context_holds_the_code_and_apart_from_it_the_files_that_decide_the_dependencies(tmp_path: Path) -> None:
    big = bytes(range(256)) * 10_000
    files = {"main.py": SCRIPT, "requirements.txt": "-r r/a.txt\n", "r/a.txt": "x\n", "pkg/big.bin": big}
    plan = plan_of(tmp_path, files)
    tar = standard(plan)
    assert {name for name, member in members(tar).items() if member.isfile()} == {
        "Dockerfile", "uv.txt", "entrypoint.tar", "deps/requirements.txt", "deps/r/a.txt",
        "code/app/main.py", "code/app/requirements.txt", "code/app/r/a.txt", "code/app/pkg/big.bin",
    }  # fmt: skip
    assert content(tar, "code/app/pkg/big.bin") == big
    assert content(tar, "entrypoint.tar") == LAYER
    assert isinstance(plan.recipe, StandardRecipe)
    expected = standard_dockerfile(plan.recipe).replace("PROJECT-CACHE,", "aws-run-mine,")
    assert content(tar, "Dockerfile").decode() == expected
    assert content(tar, "uv.txt").decode() == uv_requirements()


def test_every_cache_of_the_recipe_is_named_for_the_project(tmp_path: Path) -> None:
    text = content(standard(plan_of(tmp_path, {"main.py": SCRIPT})), "Dockerfile").decode()
    mounts = re.findall(r"--mount=type=cache\S*", text)
    assert mounts == ["--mount=type=cache,id=aws-run-mine,target=/root/.cache/uv"]


def test_a_project_without_dependencies_still_has_the_folder_that_the_recipe_copies(tmp_path: Path) -> None:
    found = members(standard(plan_of(tmp_path, {"main.py": SCRIPT})))
    assert found["deps"].isdir()
    assert found["code/app"].isdir()


def test_a_project_that_installs_itself_is_there_when_it_is_installed(tmp_path: Path) -> None:
    files = {"main.py": SCRIPT, "requirements.txt": "-e .\n", "pyproject.toml": "[build-system]\n"}
    found = members(standard(plan_of(tmp_path, files)))
    assert {"deps/main.py", "deps/pyproject.toml"} <= found.keys()


def test_the_context_is_the_same_bytes_whenever_and_wherever_it_is_made(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"main.py": SCRIPT, "sub/a b ü.txt": "1"}
    first = standard(plan_of(tmp_path / "one", files))
    assert standard(plan_of(tmp_path / "two", files)) == first
    assert {(member.uid, member.gid, member.mtime) for member in members(first).values()} == {(0, 0, 946_684_800)}


def test_modes_and_links_arrive(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": SCRIPT, "run.sh": "x"})
    (tmp_path / "run.sh").chmod(0o744)
    (tmp_path / "link").symlink_to("main.py")
    found = members(standard(plan_of(tmp_path, {})))
    assert found["code/app/run.sh"].mode == 0o755
    assert found["code/app/main.py"].mode == 0o644
    assert found["code/app/link"].linkname == "main.py"


@pytest.mark.parametrize("change", [{"main.py": SCRIPT + "#"}, {"main.py": SCRIPT.replace("argv", "argc")}])
def test_files_that_changed_since_the_plan_are_not_sent_under_its_tag(
    tmp_path: Path, change: dict[str, str | bytes]
) -> None:
    plan = plan_of(tmp_path, {"main.py": SCRIPT})
    write(tmp_path, change)
    with pytest.raises(SourceError, match="changed while"):
        standard(plan)


def test_a_dockerfile_of_ones_own_sees_the_project_and_itself_even_where_it_is_ignored(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "Dockerfile": "FROM x\n",
        ".dockerignore": "Dockerfile\n.dockerignore\nno\n",
        "a": "1",
        "no": "2",
    }
    tar = own(plan_of(tmp_path, files))
    assert set(members(tar)) == {".", "Dockerfile", ".dockerignore", "a"}


@pytest.mark.parametrize(
    ("dockerfile", "sent"),
    [
        ("docker/Dockerfile", {"Dockerfile", ".dockerignore", "a.txt", "deep/b.txt"}),
        ("gpu.Dockerfile", {".aws-run-gpu.Dockerfile", ".dockerignore", "a.txt", "deep/b.txt", "Dockerfile"}),
    ],
)
def test_a_dockerfile_sees_the_folder_that_is_its_context(tmp_path: Path, dockerfile: str, sent: set[str]) -> None:
    files: dict[str, str | bytes] = {
        "docker/Dockerfile": 'FROM x\nCMD ["a"]\n',
        "gpu.Dockerfile": 'FROM y\nCMD ["a"]\n',
        "docker/a.txt": "a",
        "docker/deep/b.txt": "b",
        "docker/left-out.txt": "c",
        "docker/.dockerignore": "left-out.txt\n",
        ".dockerignore": "deep\na.txt\n",
        "other/c.txt": "c",
    }
    build = Build(dockerfile=dockerfile, context="docker")
    plan = plan_image(config_of(write(tmp_path, files), build=build), entrypoint_layer=lambda: LAYER)
    assert isinstance(plan.recipe, OwnDockerfile)
    tar = own(plan)
    assert {name for name, member in members(tar).items() if member.isfile()} == sent
    assert content(tar, dockerfile_in_context(plan.recipe)).decode() == files[dockerfile]
    assert content(tar, "deep/b.txt") == b"b"
    tag = plan.tag
    (tmp_path / "other/c.txt").write_text("outside of the context")
    assert plan_image(config_of(tmp_path, build=build), entrypoint_layer=lambda: LAYER).tag == tag


def test_a_context_brings_its_own_dockerfile(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"app/Dockerfile": 'FROM x\nCMD ["a"]\n', "Dockerfile": 'FROM y\nCMD ["a"]\n'}
    plan = plan_image(config_of(write(tmp_path, files), build=Build(context="app")), entrypoint_layer=lambda: LAYER)
    assert plan.recipe.summary == "the project's app/Dockerfile, in app/"


def test_our_layer_goes_on_top_with_two_files(tmp_path: Path) -> None:
    out = io.BytesIO()
    write_wrap(plan_of(tmp_path, {"main.py": SCRIPT}), ["/x"], ["y"], out)
    assert set(members(out.getvalue())) == {"Dockerfile", "entrypoint.tar"}


def test_the_classic_recipe_has_no_mounts_and_reads_secrets_in_a_stage_that_is_thrown_away(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"main.py": SCRIPT})
    assert isinstance(plan.recipe, StandardRecipe)
    text = classic_dockerfile(standard_dockerfile(plan.recipe))
    assert "--mount" not in text
    first, *later = text.split("\nFROM ")[1:]
    assert "COPY secrets/ /run/secrets/" in first
    assert not any("COPY secrets" in stage for stage in later)
    tar = standard(plan, {"ca": b"PEM"})
    assert content(tar, "secrets/ca") == b"PEM"
    assert content(tar, "Dockerfile").decode() == text


def test_a_context_for_buildkit_holds_no_secrets(tmp_path: Path) -> None:
    assert not any("secrets" in name for name in members(standard(plan_of(tmp_path, {"main.py": SCRIPT}))))
