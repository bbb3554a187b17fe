"""The comment's Markdown, from one frozen state. What comes from elsewhere is escaped, fenced and redacted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from aws_run.frozen import frozen
from aws_run.github.comments.changes import Changes, NoBase, changes_section
from aws_run.github.comments.redact import redact
from aws_run.report.format import money, seconds, size
from aws_run.report.markdown import code, escape, fence, link, table

Shown = Callable[[str], str]
State = Literal["queued", "building", "running", "succeeded", "failed", "cancelled", "cleanup-failed"]
RUNNING_STATES: tuple[State, ...] = ("queued", "building", "running")  # in their order
_SIGNS: Mapping[State, str] = {
    "queued": "⏳",
    "building": "🔧",
    "running": "▶️",
    "succeeded": "✅",
    "failed": "❌",
    "cancelled": "⏹️",
    "cleanup-failed": "⚠️",
}
_TITLES: Mapping[State, str] = {
    "queued": "is waiting to start",
    "building": "is preparing",
    "running": "is running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "was cancelled",
    "cleanup-failed": "ended, but something could not be removed",
}
# How many outputs and how many changed files are listed: the first that fits is taken.
_LISTED = ((20, 25), (20, 5), (5, 5), (0, 0))
_MOST_CHARACTERS = 60_000  # of GitHub's 65,536; the rest is for what the comment keeps for later runs
_TOO_LONG = "*Some lists are left out: a comment holds 65,536 characters. The summary of the workflow's run has them.*"
_MOST_RUNS = 20
_MOST_LOG_CHARACTERS = 12_000


@frozen
class CommentState:
    """`sha`: the commit, 40 digits. `resources`: the hardware, in one line. Money in USD, `None` where it is not known.
    `outputs`: path, bytes and page of each. `log`: the last lines of the job's own output."""

    state: State
    sha: str
    run_url: str = ""
    resources: str = ""
    run_id: str = ""
    estimate: str = ""
    cost_usd: Decimal | None = None
    seconds: float | None = None
    exit_code: int | None = None
    sentence: str = ""
    s3_uri: str = ""
    console_url: str = ""
    logs_url: str = ""
    report_url: str = ""
    outputs: tuple[tuple[str, int, str], ...] = ()
    output_files: int = 0
    output_bytes: int = 0
    log: tuple[str, ...] = ()
    changes: Changes | NoBase | None = None

    def data(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """For later runs: how this one stands, and what each cost."""
        costs = {str(run): str(usd) for run, usd in (before.get("costs") or {}).items()}
        if self.run_id and self.cost_usd is not None:
            costs[self.run_id] = str(self.cost_usd)
        newest = dict(list(costs.items())[-_MOST_RUNS:])
        return {
            "state": self.state,
            "sha": self.sha,
            "run": self.run_id,
            "sentence": self.sentence[:200],
            "costs": newest,
        }


def render(state: CommentState, secrets: Iterable[str] = ()) -> str:
    """Without `secrets`, and without what looks like one; short enough for a comment."""
    known = tuple(secrets)

    def shown(text: str) -> str:
        return redact(text, known)

    whole = _rendered(state, shown, *_LISTED[0])
    if len(whole) <= _MOST_CHARACTERS:
        return whole
    shorter = [_rendered(state, shown, *listed) for listed in _LISTED[1:]]
    if isinstance(state.changes, Changes):  # its numbers may have long names as well
        verdict = NoBase(why=state.changes.verdict)
        shorter.append(_rendered(replace(state, changes=verdict, outputs=(), log=()), shown, 0, 0))
    text = next((text for text in shorter if len(text) <= _MOST_CHARACTERS), shorter[-1])
    return f"{text}\n\n{_TOO_LONG}"


def _rendered(state: CommentState, shown: Shown, most_outputs: int, most_changed: int) -> str:
    title = f"### {_SIGNS[state.state]} aws-run {_TITLES[state.state]}"
    if state.exit_code is not None and state.state == "failed":
        title += f" (exit {state.exit_code})"
    parts = [title]
    if state.sentence and state.state != "succeeded":
        parts.append(escape(shown(state.sentence)))
    parts.append(table(("", ""), _facts(state, shown)))
    if state.changes is not None:
        parts.append(changes_section(state.changes, shown, most_files=most_changed))
    if state.outputs and most_outputs:
        parts.append(_outputs(state, shown, most_outputs))
    if state.log:
        lines = shown("\n".join(state.log))[-_MOST_LOG_CHARACTERS:].splitlines()
        which = "line" if len(lines) == 1 else f"{len(lines)} lines"
        parts.append(f"<details><summary>the job's last {which}</summary>\n\n{fence(lines)}\n\n</details>")
    return "\n\n".join(parts)


def _facts(state: CommentState, shown: Shown) -> list[tuple[str, str]]:
    rows = [("commit", code(state.sha[:12]))]
    if state.resources:
        rows.append(("resources", escape(shown(state.resources))))
    if state.cost_usd is not None:
        rows.append(("cost", escape(money(state.cost_usd))))
    elif state.estimate:
        rows.append(("cost, estimated", escape(shown(state.estimate))))
    if state.seconds is not None:
        rows.append(("ran for", seconds(state.seconds)))
    if state.s3_uri:
        where = code(shown(state.s3_uri))
        rows.append(("results", f"{where} · {link('console', state.console_url)}" if state.console_url else where))
    named = (("report", state.report_url), ("log", state.logs_url), ("workflow run", state.run_url))
    pages = [link(name, url) for name, url in named if url]
    if pages:
        rows.append(("pages", " · ".join(pages)))
    if state.run_id:
        rows.append(("run", code(state.run_id)))
    return rows


def _outputs(state: CommentState, shown: Shown, most: int) -> str:
    listed = state.outputs[:most]
    rows = [(link(shown(path), url), size(count)) for path, count, url in listed]
    more = state.output_files - len(listed)
    files = "file" if state.output_files == 1 else "files"
    summary = f"{state.output_files} output {files}, {size(state.output_bytes)}"
    rest = f"\n\n… and {more} more" if more > 0 else ""
    return f"<details><summary>{summary}</summary>\n\n{table(('file', 'size'), rows, right=(1,))}{rest}\n\n</details>"


def status_text(data: Mapping[str, Any], url: str) -> str:
    """The answer to `status`, from what the newest run kept in its comment."""
    state = data.get("state")
    title = _TITLES.get(state, "is in an unknown state") if isinstance(state, str) else "is in an unknown state"  # type: ignore[call-overload]
    run = f" {code(str(data['run']))}" if data.get("run") else ""
    sentence = f": {escape(str(data['sentence']))}" if data.get("sentence") else ""
    return f"The newest run{run} {title}{sentence}. {link('Its comment', url)}"


def cost_text(data: Mapping[str, Any]) -> str:
    """The answer to `cost`: each run's, and the sum."""
    costs = data.get("costs")
    rows: list[tuple[str, Decimal]] = []
    for run, usd in costs.items() if isinstance(costs, Mapping) else ():
        try:
            rows.append((str(run), Decimal(str(usd))))
        except InvalidOperation:
            continue
    if not rows:
        return "No run of this pull request has ended yet, so none has a cost."
    total = sum((usd for _, usd in rows), Decimal(0))
    lines = [(code(run), escape(money(usd))) for run, usd in rows]
    lines.append((f"the last {len(rows)} runs" if len(rows) > 1 else "one run", escape(money(total))))
    return table(("run", "cost"), lines, right=(1,))
