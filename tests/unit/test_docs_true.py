"""The pages for people who change the code name only files and names that are there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    *(
        f"docs/{name}.md"
        for name in ("architecture", "extending", "record", "lifecycle", "real-aws", "iam", "performance")
    ),
    "CONTRIBUTING.md",
    "RELEASING.md",
    "SECURITY.md",
)
# Paths are given from one of these, or, for a file alone, from anywhere.
BELOW = ("", "runner/", "runner/aws_run/", "entrypoint/aws_run_entrypoint/", "tests/")
_PATH = re.compile(r"(?:[\w.-]+/)+(?:[\w.-]+\.\w+)?|[\w-]+\.(?:py|md|yml)")
_NAME = re.compile(r"_?[A-Za-z]+_\w+|[A-Z][a-z]+(?:[A-Z][a-z]+)+|[A-Z]{2,}_[A-Z_]+")
# Named as what is not in a checkout: the bucket's objects, the project's own files, what is made.
ELSEWHERE = ("runs/<", "live/", "leaving/", "locks/", "s3://")
PROJECTS = ("main.py", "aws-run.yaml", "aws-run.yml", "setup.py", "yaml.py", "sitecustomize.py")


def ticked(page: str) -> list[str]:
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


@pytest.fixture(scope="module")
def files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [name for name in listed.stdout.split("\n") if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def words(files: list[str]) -> set[str]:
    """Every word of the code, its tests, its tools and its workflows."""
    kinds = (".py", ".yml", ".yaml", ".toml", ".js", ".json", ".sh", ".md")
    code = [name for name in files if name.endswith(kinds) and not name.startswith("docs/") and name not in PAGES]
    code += [name for name in files if name.startswith("tools/")]
    stems = {Path(name).stem for name in files}
    return stems | {word for name in code for word in re.findall(r"\w+", (ROOT / name).read_text("utf-8", "replace"))}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str, files: list[str]) -> None:
    folders = {"/".join(name.split("/")[:depth]) + "/" for name in files for depth in range(1, name.count("/") + 1)}
    there = {*files, *folders}
    missing = []
    for text in ticked(page):
        if not _PATH.fullmatch(text) or text.startswith(ELSEWHERE) or text in PROJECTS or text.startswith("../"):
            continue
        alone = "/" not in text.rstrip("/")
        if not any(below + text in there for below in BELOW) and not (
            alone and any(name.endswith("/" + text) for name in there)
        ):
            missing.append(text)
    assert missing == []


def test_every_module_that_a_comment_names_is_there(files: list[str]) -> None:
    code = [name for name in files if name.endswith(".py") and name.startswith("runner/aws_run/")]
    modules = {name.removeprefix("runner/aws_run/").removesuffix(".py").replace("/", ".") for name in code}
    rooms = {name.partition(".")[0] for name in modules if "." in name}
    named = re.compile(rf"`((?:{'|'.join(sorted(rooms))})(?:\.[a-z_]+)+)(?:\.[A-Z]\w*)?`")
    # A key of a user's own file.
    missing = [
        f"{name}: {module}"
        for name in code
        for module in named.findall((ROOT / name).read_text(encoding="utf-8"))
        if module != "data.root"
        and not any(one in (module, f"{module}.__init__") or _is_in(module, one) for one in modules)
    ]
    assert missing == []


def _is_in(name: str, module: str) -> bool:
    """`room.module.function`."""
    return name.rpartition(".")[0] == module and f"def {name.rpartition('.')[2]}(" in (
        ROOT / "runner/aws_run" / (module.replace(".", "/") + ".py")
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_name_that_a_page_gives_is_in_the_code(page: str, words: set[str]) -> None:
    given = {name for text in ticked(page) if not _PATH.fullmatch(text) for name in _NAME.findall(text)}
    # Tests are named by a part of their name as well.
    assert [name for name in sorted(given - words) if not any(name in word for word in words)] == []
