"""A double of GitHub's runner: it reads action.yml and workflow files themselves and runs their steps on this machine.

What it does is what actions/runner does: inputs as INPUT_*, values by files, one process that gets the signals, `post`
with STATE_*. Time is not waited for: a ladder says what must have happened before the next signal is sent.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.github.commands import Log, read_values
from tests.github.expressions import Functions, evaluate, shown, substitute
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).resolve().parents[2]
_ACTION_KEYS = {"name", "description", "author", "branding", "inputs", "outputs", "runs"}
_STEP_KEYS = {
    "id",
    "name",
    "if",
    "uses",
    "with",
    "run",
    "env",
    "shell",
    "working-directory",
    "timeout-minutes",
    "continue-on-error",
}
_JOB_KEYS = {
    "name", "runs-on", "timeout-minutes", "permissions", "strategy", "steps", "needs", "if", "outputs", "env", "environment",
    "concurrency", "defaults",
}  # fmt: skip
_RUNNER_FILES = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action.yml, read strictly."""

    folder: Path
    inputs: Mapping[str, Mapping[str, Any]]
    outputs: frozenset[str]
    main: Path
    post: Path | None
    post_if: str

    @classmethod
    def read(cls, folder: Path) -> Action:
        document = yaml.safe_load((folder / "action.yml").read_text(encoding="utf-8"))
        assert set(document) <= _ACTION_KEYS, set(document) - _ACTION_KEYS
        runs = document["runs"]
        assert set(runs) <= {"using", "main", "post", "post-if"}, runs
        assert runs["using"] == "node24"
        for each in document["inputs"].values():
            assert set(each) <= {"description", "default", "required"}, each
        return cls(
            folder=folder,
            inputs=document["inputs"],
            outputs=frozenset(document["outputs"]),
            main=folder / runs["main"],
            post=folder / runs["post"] if "post" in runs else None,
            post_if=runs.get("post-if", "always()"),
        )

    def environment(self, given: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, str]:
        """INPUT_*; an input that action.yml does not have fails (GitHub warns)."""
        unknown = set(given) - set(self.inputs)
        assert not unknown, f"action.yml has no input {unknown}"
        values = {name: each.get("default", "") for name, each in self.inputs.items()} | dict(given)
        return {
            f"INPUT_{name.replace(' ', '_').upper()}": substitute(shown(value), context).strip()
            for name, value in values.items()
        }


@dataclass
class Step:
    """A step that runs or has run. `outputs` and `state` are there once it has ended, however it did."""

    process: subprocess.Popen[str]
    files: dict[str, Path]
    log: Log = field(default_factory=Log)
    exit_code: int | None = None
    _readers: list[threading.Thread] = field(default_factory=list)

    def read_log(self) -> None:
        lock = threading.Lock()

        def read(stream: Any) -> None:
            with stream:
                for line in stream:
                    with lock:
                        self.log.take(line.rstrip("\n"))

        for stream in (self.process.stdout, self.process.stderr):
            self._readers.append(threading.Thread(target=read, args=(stream,), daemon=True))
            self._readers[-1].start()

    def send(self, number: signal.Signals) -> None:
        """To this one process, as the runner does."""
        self.process.send_signal(number)

    def wait(self) -> int:
        self.exit_code = self.process.wait(timeout=PATIENCE_S)
        return self.exit_code

    def finish_log(self) -> None:
        """Until nobody writes to it any more; an orphan of a killed step may do so for a while."""
        for reader in self._readers:
            reader.join(PATIENCE_S)
            assert not reader.is_alive(), "somebody still holds the step's log"

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def outputs(self) -> dict[str, str]:
        return {**self.log.outputs, **read_values(self.files["GITHUB_OUTPUT"])}

    @property
    def state(self) -> dict[str, str]:
        return {**self.log.state, **read_values(self.files["GITHUB_STATE"])}

    @property
    def summary(self) -> str:
        path = self.files["GITHUB_STEP_SUMMARY"]
        return path.read_text(encoding="utf-8") if path.exists() else ""


# Between SIGINT and SIGTERM the runner waits 7.5 s, between SIGTERM and the kill 2.5 s (ProcessInvoker.cs). A test says
# what must have come about by then; a step that has ended by itself gets no further signal.
Condition = Callable[[], object]


class Runner:
    """`environment`: that of the job, AWS's variables among them. `temp`: RUNNER_TEMP."""

    def __init__(
        self, folder: Path, *, temp: Path, environment: Mapping[str, str], github: Mapping[str, Any] | None = None
    ) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.workspace.mkdir(parents=True, exist_ok=True)
        self.temp = temp
        self.environment = dict(environment)
        self.github: dict[str, Any] = {
            "server_url": "https://github.com", "repository": "example/project", "run_id": "4711", "run_attempt": "1",
            "sha": "c0ffee" + "0" * 34, "actor": "octocat", "event_name": "push", "token": "ghs_example", "event": {},
            **(github or {}),
        }  # fmt: skip
        self._count = 0
        self._steps: list[Step] = []

    # -- one action -------------------------------------------------------------------------------------------------

    def start(self, action: Action, given: Mapping[str, Any], **more: str) -> Step:
        environment = {**self._base(), **action.environment(given, {"github": self.github}), **more}
        return self._start([_node(), str(action.main)], environment)

    def run(self, action: Action, given: Mapping[str, Any], **more: str) -> Step:
        step = self.start(action, given, **more)
        step.wait()
        step.finish_log()
        return step

    def post(self, action: Action, given: Mapping[str, Any], step: Step, **more: str) -> Step:
        """`post` of a step that has ended, however it did: its state is what the step's file holds."""
        assert action.post is not None
        assert evaluate(action.post_if, {}, {"always": lambda: True}) is True
        state = {f"STATE_{name}": value for name, value in step.state.items()}
        environment = {**self._base(), **action.environment(given, {"github": self.github}), **state, **more}
        after = self._start([_node(), str(action.post)], environment)
        after.wait()
        after.finish_log()
        return after

    def cancel(self, step: Step, *, term_when: Condition | None = None, kill_when: Condition | None = None) -> None:
        """The ladder. Without a condition the step is given the time that it takes to end by itself."""
        step.send(signal.SIGINT)
        for condition, number in ((term_when, signal.SIGTERM), (kill_when, signal.SIGKILL)):
            if condition is None:
                break
            until(lambda condition=condition: condition() or step.ended)  # type: ignore[misc]
            if step.ended:
                break
            step.send(number)
        step.wait()

    def close(self) -> None:
        for step in self._steps:
            if not step.ended:
                step.process.kill()
                step.process.wait()
            step.finish_log()

    def _base(self) -> dict[str, str]:
        names = ("server_url", "repository", "run_id", "run_attempt", "sha", "actor", "event_name")
        event = self.folder / "event.json"
        event.write_text(json.dumps(self.github["event"]))
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_EVENT_PATH": str(event),
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_OS": "Linux",
            **{f"GITHUB_{name.upper()}": str(self.github[name]) for name in names},
            **self.environment,
        }

    def _start(self, command: list[str], environment: dict[str, str], cwd: Path | None = None) -> Step:
        self._count += 1
        files = {}
        for name in _RUNNER_FILES:
            files[name] = self.folder / "file_commands" / f"{name.lower()}_{self._count}"
            files[name].parent.mkdir(exist_ok=True)
            files[name].touch()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", cwd=cwd or self.workspace, env={**environment, **{k: str(v) for k, v in files.items()}},
        )  # fmt: skip
        step = Step(process=process, files=files)
        step.read_log()
        self._steps.append(step)
        return step

    # -- a job of a workflow ----------------------------------------------------------------------------------------

    def run_job(
        self, job: Mapping[str, Any], context: Mapping[str, Any], *, skip: tuple[str, ...] = ()
    ) -> dict[str, Step]:
        """The job's steps in their order, those that use an action of `skip` left out; `post` of our action at the end.
        Steps by their ids (or numbers). The job ends at the first step that fails, `if: always()` excepted."""
        assert set(job) <= _JOB_KEYS, set(job) - _JOB_KEYS
        done: dict[str, Step] = {}
        posts: list[tuple[Action, Mapping[str, Any], Step]] = []
        failed = False
        functions: Functions = {
            "always": lambda: True,
            "success": lambda: not failed,
            "failure": lambda: failed,
            "cancelled": lambda: False,
        }
        for number, each in enumerate(job["steps"]):
            assert set(each) <= _STEP_KEYS, set(each) - _STEP_KEYS
            steps = {
                name: {"outputs": step.outputs, "outcome": "failure" if step.exit_code else "success"}
                for name, step in done.items()
            }
            known = {
                "github": self.github,
                "env": self.environment,
                "runner": {"temp": str(self.temp)},
                "steps": steps,
                **context,
            }
            condition = str(each.get("if", "success()")).removeprefix("${{").removesuffix("}}")
            if "()" not in condition:
                condition = f"success() && ({condition})"
            if not evaluate(condition, known, functions) or any(each.get("uses", "").startswith(name) for name in skip):
                continue
            step = self._one_step(each, known, posts)
            done[each.get("id", str(number))] = step
            self.environment |= read_values(step.files["GITHUB_ENV"])
            added = step.files["GITHUB_PATH"].read_text().split()
            if added:
                self.environment["PATH"] = os.pathsep.join([*added, self.environment.get("PATH", os.environ["PATH"])])
            failed = failed or (step.exit_code != 0 and not each.get("continue-on-error"))
        for action, given, step in reversed(posts):
            done[f"post-{len(done)}"] = self.post(action, given, step)
        return done

    def _one_step(
        self, each: Mapping[str, Any], known: Mapping[str, Any], posts: list[tuple[Action, Mapping[str, Any], Step]]
    ) -> Step:
        env = {name: substitute(shown(value), known) for name, value in each.get("env", {}).items()}
        if "uses" in each:
            assert each["uses"].startswith("./"), f"{each['uses']} is not here to be run"
            checked_out = self.workspace / each["uses"]
            action = Action.read(checked_out if checked_out.is_dir() else ROOT / each["uses"])
            given = {name: substitute(shown(value), known) for name, value in each.get("with", {}).items()}
            step = self.run(action, given, **env)
            posts.append((action, given, step))
            return step
        assert "${{" not in each["run"], "what others can choose never becomes a part of a script"
        step = self._start(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", each["run"]],
            {**self._base(), **env},
            cwd=self.workspace / each.get("working-directory", "."),
        )
        step.wait()
        step.finish_log()
        return step


def _descendants(pid: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *_descendants(int(child))]
    return found


def kill_all(step: Step) -> None:
    """The machine is gone."""
    for pid in (step.process.pid, *_descendants(step.process.pid)):
        os.kill(pid, signal.SIGKILL)
    step.wait()
    step.finish_log()


def _node() -> str:
    found = shutil.which("node")
    assert found, "no Node is here"
    return found
