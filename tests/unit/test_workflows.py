"""The workflows' habits that no linter here insists on; zizmor and the schemas are part of `make lint`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
USES = re.compile(r"^\s*(?:- )?uses: (?P<action>\S+)@(?P<commit>\S+)(?: # (?P<version>v\d+\.\d+\.\d+))?$", re.M)
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def jobs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from yaml.safe_load(path.read_text())["jobs"].items()


@every_workflow
def test_every_action_is_one_commit_with_its_version_beside_it(path: Path) -> None:
    text = path.read_text()
    pins = list(USES.finditer(text))
    assert len(pins) + text.count("uses: ./") == text.count("uses: ")
    for pin in pins:
        assert re.fullmatch(r"[0-9a-f]{40}", pin["commit"]), pin[0]
        assert pin["version"], pin[0]


def test_an_action_is_the_same_commit_everywhere() -> None:
    pins: dict[str, set[tuple[str, str]]] = {}
    for path in WORKFLOWS:
        for pin in USES.finditer(path.read_text()):
            repository = "/".join(pin["action"].split("/")[:2])
            pins.setdefault(repository, set()).add((pin["commit"], pin["version"]))
    assert {name: commits for name, commits in pins.items() if len(commits) > 1} == {}


@every_workflow
def test_a_workflow_has_no_rights_and_each_job_names_its_own(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    for name, job in jobs(path):
        assert isinstance(job.get("permissions"), dict), name
        assert "timeout-minutes" in job, name


@every_workflow
def test_no_workflow_gives_a_strangers_code_our_rights(path: Path) -> None:
    text = path.read_text()
    assert "pull_request_target" not in text
    assert "workflow_run" not in text
    assert not re.search(r"secrets\.(?!GITHUB_TOKEN)", text)
    for name, job in jobs(path):
        for step in job["steps"]:
            # What others can choose (titles, branches) gets into a script by the environment, never as its text.
            assert "${{" not in step.get("run", ""), name
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, name


@every_workflow
def test_a_workflow_installs_nothing_itself(path: Path) -> None:
    """But by scripts of this repository, whose locks have hashes (below)."""
    assert not re.search(r"\b(?:pip3?|uv|pipx|npm|curl|wget)\b[^\n]*\b(?:install|add|run|https?:)", path.read_text())


def installing(text: str) -> list[str]:
    """The commands of a script that install Python packages, each on one line."""
    commands = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [one for one in commands if re.search(r"\bpip install\b|'pip', 'install'|\buv (?:tool|add|run|sync)\b", one)]


def test_whatever_the_scripts_install_is_locked_with_hashes_or_this_very_checkout() -> None:
    scripts = [path for folder in ("tools", "action") for path in (ROOT / folder).iterdir() if path.is_file()]
    found = {path.name: installing(path.read_text()) for path in scripts}
    assert {"venv", "audit-venv", "clients-venv", "embedded-site"} <= {name for name, lines in found.items() if lines}
    unlocked = [
        line
        for name, lines in found.items()
        for line in lines
        if name != "shim.cjs" and not ("--require-hashes" in line or line.rstrip().endswith(("-e .", "-e . &&")))
    ]
    assert unlocked == []
    # The Action makes its command of two parts; the checkout is added by a path, without pip.
    shim = (ROOT / "action/shim.cjs").read_text()
    assert re.findall(r"\[\.\.\.pip, (\S+),", shim) == ["'--require-hashes'"]


def test_only_the_job_that_publishes_has_pypis_identity_and_it_runs_nothing_of_ours() -> None:
    release = dict(jobs(ROOT / ".github/workflows/release.yml"))
    assert {name for name, job in release.items() if job.get("environment")} == {"pypi"}
    assert release["pypi"]["permissions"] == {"id-token": "write"}
    assert all("run" not in step for name in ("attest", "pypi") for step in release[name]["steps"])
    assert release["build"]["permissions"] == {"contents": "read"}
    order = [release[name].get("needs") for name in ("build", "attest", "pypi", "github")]
    assert order == [None, "build", "attest", "pypi"]


def test_newer_versions_are_proposed_when_they_are_a_week_old() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip"}
    assert all(update["cooldown"]["default-days"] >= 7 for update in updates)


def test_the_action_itself_is_run_on_every_kind_of_runner() -> None:
    job = dict(jobs(ROOT / ".github/workflows/test.yml"))["action"]
    kinds = {runner.rpartition("-")[0] for runner in job["strategy"]["matrix"]["runner"]}
    assert kinds == {"ubuntu", "ubuntu-24.04", "macos"}
    assert [step["uses"] for step in job["steps"] if step.get("uses", "").startswith("./")] == ["./"]


def test_each_ignored_finding_of_a_linter_says_why() -> None:
    for path in (*WORKFLOWS, ROOT / "action.yml"):
        for line in path.read_text().splitlines():
            _, ignored, why = line.partition("zizmor: ignore[")
            assert not ignored or len(why.partition("]")[2].split()) > 3, f"{path.name}: {line}"
