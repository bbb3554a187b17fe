from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.image.support import LAYER, SCRIPT, config_of, paths, write

from aws_run.config import Build, Config
from aws_run.config.models import Input
from aws_run.errors import SourceError
from aws_run.image.plan import ImagePlan, big_source, plan_image, read_entrypoint_layer
from aws_run.image.sources.source import Source, SourceFile

FILES = {"main.py": SCRIPT, "requirements.txt": "numpy\n"}


def plan_of(config: Config) -> ImagePlan:
    return plan_image(config, entrypoint_layer=lambda: LAYER)


def test_the_tag_is_the_same_for_the_same_project_anywhere(tmp_path: Path) -> None:
    write(tmp_path / "a", FILES)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    first, second = (plan_of(config_of(tmp_path / name)) for name in "ab")
    assert first.tag == second.tag
    assert len(first.tag) == 40


def test_what_does_not_change_the_image_does_not_change_the_tag(tmp_path: Path) -> None:
    write(tmp_path, {**FILES, "aws-run.yaml": "timeout: 1h\n", "out/old.csv": "1"})
    config = replace(config_of(tmp_path), output=tmp_path / "out", inputs=(Input(place=str(tmp_path / "data")),))
    tag = plan_of(config).tag
    write(tmp_path, {"aws-run.yaml": "timeout: 2h\n", "out/new.csv": "1", "data/in.csv": "1"})
    changed = replace(config, args=("--fast",), timeout_s=9, command=("python", "main.py", "-v"))
    assert plan_of(changed).tag == tag


def test_what_changes_the_image_changes_the_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, FILES)
    config = config_of(tmp_path)
    tags = [plan_of(config).tag, plan_of(config_of(tmp_path, arch="arm64")).tag]
    tags.append(plan_of(config_of(tmp_path, build=Build(base_image="other"))).tag)
    tags.append(plan_of(config_of(tmp_path, build=Build(python="3.10"))).tag)
    tags.append(plan_image(config, entrypoint_layer=lambda: b"another entrypoint").tag)
    monkeypatch.setattr("aws_run.image.plan.uv_requirements", lambda: "uv==99 --hash=sha256:0")
    tags.append(plan_of(config).tag)
    monkeypatch.undo()
    write(tmp_path, {"main.py": SCRIPT + "\n"})
    tags.append(plan_of(config).tag)
    write(tmp_path, {"requirements.txt": "scipy\n"})
    tags.append(plan_of(config).tag)
    write(tmp_path, {"Dockerfile": "FROM x\n"})
    tags.append(plan_of(config).tag)
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        (("python", "main.py", "--epochs", "3"), "perhaps only `--epochs 3` is meant"),
        (("main.py",), "perhaps none are meant"),
        (("--epochs", "main.py"), None),
        ((), None),
    ],
)
def test_arguments_that_begin_with_the_command_itself_are_noted(
    tmp_path: Path, args: tuple[str, ...], meant: str | None
) -> None:
    write(tmp_path, FILES)
    notes = [note for note in plan_of(config_of(tmp_path, args=args)).notes if "the command already" in note]
    assert [note.partition(": ")[2] for note in notes] == ([meant] if meant else [])


@pytest.mark.parametrize(
    ("args", "noted"),
    [
        (("-i", "foo"), "-i"),
        (("-o=x", "-i", "foo"), "-i and -o"),
        (("--input", "-inner"), None),
        ((), None),
    ],
)
def test_arguments_that_name_a_folder_of_the_job_are_noted(
    tmp_path: Path, args: tuple[str, ...], noted: str | None
) -> None:
    write(tmp_path, FILES)
    notes = [note for note in plan_of(config_of(tmp_path, args=args)).notes if "once more" in note]
    told = f"the arguments have {noted} already, which the job is given once more with its folder"
    assert notes == ([told] if noted else [])


@pytest.mark.parametrize("hidden", ["requirements.txt", "Dockerfile"])
def test_a_file_that_decides_the_build_decides_the_tag_even_where_it_is_ignored(tmp_path: Path, hidden: str) -> None:
    write(tmp_path, {"main.py": SCRIPT, ".awsrunignore": f"{hidden}\n", hidden: "FROM one\n"})
    first = plan_of(config_of(tmp_path))
    assert hidden not in first.source.paths
    write(tmp_path, {hidden: "FROM two\n"})
    assert plan_of(config_of(tmp_path)).tag != first.tag


def test_the_command_is_found_or_taken_and_checked(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    assert plan_of(config_of(tmp_path)).command == ("python", "main.py")
    assert plan_of(config_of(tmp_path, command=("python", "main.py", "-v"))).command == ("python", "main.py", "-v")
    with pytest.raises(SourceError, match=r"absent\.py"):
        plan_of(config_of(tmp_path, command=("python", "absent.py")))


def test_a_dockerfile_of_ones_own_needs_no_script(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM x\n", "run.sh": ""})
    assert plan_of(config_of(tmp_path)).command is None
    assert plan_of(config_of(tmp_path, command=("python", "/inside.py"))).command == ("python", "/inside.py")


def test_a_dockerfile_may_have_an_ignore_file_of_its_own(tmp_path: Path) -> None:
    write(
        tmp_path, {"Dockerfile": "FROM x\n", "a": "", "b": "", ".dockerignore": "a\n", "Dockerfile.dockerignore": "b\n"}
    )
    assert "a" in paths(plan_of(config_of(tmp_path)).source)
    assert "b" not in paths(plan_of(config_of(tmp_path)).source)


def test_the_summary_says_what_it_is_made_of(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    assert plan_of(config_of(tmp_path)).summary == "Python 3.12, requirements.txt; 2 files, 87 B"


def test_data_that_would_go_into_the_image_is_pointed_out(tmp_path: Path) -> None:
    small = SourceFile(path="main.py", size=1000)
    data = tuple(SourceFile(path=f"data/{number}.bin", size=100 << 20) for number in range(3))
    notice = big_source(Source(root=tmp_path, files=(*data, small), digest=""))
    assert notice is not None
    assert notice.text == "300 MiB of the project go into the image, 300 MiB of them data/"
    assert big_source(Source(root=tmp_path, files=(small,), digest="")) is None


def test_the_entrypoint_layer_is_the_same_each_time(tmp_path: Path) -> None:
    assert read_entrypoint_layer() == read_entrypoint_layer()
