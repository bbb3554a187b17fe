"""The page that a step leaves behind in GitHub: what ran, how it ended, what it cost and where its results are."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Callable
from pathlib import PurePosixPath

from aws_run.clock import Clock
from aws_run.data import NO_OUTPUTS, OutputListing
from aws_run.errors import AwsRunError, BuildError, TeardownError
from aws_run.events import Event, LogLine
from aws_run.frozen import frozen
from aws_run.report.format import adding_up, count, quantity, size, unit_price
from aws_run.report.markdown import code, escape, fence, link, table
from aws_run.report.text import code_and_time, receipt_footer
from aws_run.report.timeline import Step, Timeline, timeline_lines
from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView

LOG_LINES = 30
_MOST_FILES = 100
_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".tif", ".tiff"})


@frozen
class SummaryView:
    """`error`: why there is no outcome, or what was wrong beside it. `steps` at `now_s`, in seconds. `log`: the job's
    last lines. `file_url`: the page of one output, by its path; None where there is none to link to. `changes`: what
    the run changed, as Markdown."""

    plan: PlanView | None = None
    steps: tuple[Step, ...] = ()
    now_s: float = 0.0
    outcome: OutcomeView | None = None
    error: AwsRunError | None = None
    image: str | None = None
    logs_url: str | None = None
    log: tuple[str, ...] = ()
    outputs: OutputListing = NO_OUTPUTS
    file_url: Callable[[str], str] | None = None
    cancelled: bool = False
    changes: str = ""


class SummaryRecorder:
    """Keeps of a run's events what its summary shows. Safe to call from several threads."""

    def __init__(self, clock: Clock) -> None:
        self.timeline = Timeline(clock)
        self.plan: PlanView | None = None
        self._log: deque[str] = deque(maxlen=LOG_LINES)

    def take(self, event: Event) -> None:
        self.timeline.take(event)
        if isinstance(event, LogLine):
            self._log.append(event.text)

    def take_plan(self, view: PlanView) -> None:
        self.plan = view

    @property
    def log(self) -> tuple[str, ...]:
        return tuple(self._log)


def render_summary(view: SummaryView) -> str:
    """GitHub's Markdown, in sections that are left out where they would be empty."""
    failed = view.outcome is None or not view.outcome.succeeded
    parts = [
        _headline(view),
        _error(view.error),
        _log(view) if failed else "",
        _places(view),
        view.changes,
        _timeline(view),
        _outputs(view),
        _receipt(view.outcome.receipt if view.outcome else None),
        _left(view.outcome.left if view.outcome else None),
        _plan(view.plan),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _headline(view: SummaryView) -> str:
    outcome = view.outcome
    if outcome is None:
        what = view.plan.run_id if view.plan else "The run"
        return (
            f"### {'🚫' if view.cancelled else '❌'} {escape(what)}: {'cancelled' if view.cancelled else 'not started'}"
        )
    sign = "✅" if outcome.succeeded else "🚫" if view.cancelled else "❌"
    return f"### {sign} {escape(outcome.run_id)}: {escape(outcome.status)}{code_and_time(outcome)}"


def _error(error: AwsRunError | None) -> str:
    if error is None:
        return ""
    lines = [f"**{escape(error.message, longest=2000)}**"]
    if error.hint:
        lines.append(escape(error.hint, longest=1000))
    if isinstance(error, BuildError) and error.log_tail:
        lines.append(fence(error.log_tail))
    if isinstance(error, TeardownError) and error.commands:
        lines.append(fence(error.commands))
    return "\n\n".join(lines)


def _places(view: SummaryView) -> str:
    rows: list[tuple[str, str]] = []
    if view.plan is not None:
        rows.append(("Project", escape(view.plan.project)))
        rows.append(("Hardware", escape(view.plan.backend)))
        rows.append(("Region", f"{escape(view.plan.region)}, account {escape(view.plan.account)}"))
    if view.image:
        rows.append(("Image", code(view.image)))
    if view.outcome is not None and view.outcome.s3_uri:
        rows.append(("Outputs", code(view.outcome.s3_uri)))
    links = [
        link(text, url)
        for text, url in (
            ("outputs in the AWS console", view.outcome.console_url if view.outcome else None),
            ("log in the AWS console", view.logs_url),
            ("report in the AWS console", view.outcome.report_url if view.outcome else None),
        )
        if url
    ]
    if links:
        rows.append(("Links", ", ".join(links)))
    return table(rows[0], rows[1:]) if rows else ""


def _timeline(view: SummaryView) -> str:
    lines = timeline_lines(view.steps, view.now_s)
    return f"#### Timeline\n\n{fence(lines)}" if lines else ""


def _outputs(view: SummaryView) -> str:
    listing = view.outputs
    if not listing.files:
        return ""
    # Images first: they are what one wants to look at.
    ordered = sorted(listing.first, key=lambda file: (not _is_image(file[0]), file[0]))[:_MOST_FILES]
    rows = [(_file(path, view.file_url), "image" if _is_image(path) else "", size(bytes_)) for path, bytes_ in ordered]
    images = sum(_is_image(path) for path, _ in listing.first)
    head = f"#### Outputs: {count(listing.files, 'file')}, {size(listing.bytes)}"
    if images:
        head += f", {count(images, 'image')}" if len(listing.first) == listing.files else f", {images:,} images or more"
    more = listing.files - len(ordered)
    return "\n\n".join(
        filter(
            None,
            (head, table(("File", "", "Size"), rows, right=(2,)), f"and {more:,} more" if more else ""),
        )
    )


def _is_image(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _IMAGES


def _file(path: str, url: Callable[[str], str] | None) -> str:
    return code(path) if url is None else link(path, url(path))


def _receipt(view: ReceiptView | None) -> str:
    if view is None:
        return ""
    amounts, total = adding_up([line.amount_usd for line in view.lines], view.total_usd)
    rows = [
        (
            escape(line.what),
            f"{quantity(line.quantity)} {escape(line.unit)}",
            escape(unit_price(line.unit_price_usd)),
            escape(amount),
        )
        for line, amount in zip(view.lines, amounts, strict=True)
    ]
    rows.append(("**total**", "", "", f"**{escape(total)}**"))
    label = view.label[:1].upper() + view.label[1:]
    return "\n\n".join(
        (
            f"#### {escape(label)}",
            table(("", "Quantity", "Price", "Amount"), rows, right=(1, 2, 3)),
            *(f"<sub>{escape(line)}</sub>" for line in receipt_footer(view)),
        )
    )


def _log(view: SummaryView) -> str:
    if not view.log:
        return ""
    return f"#### The last lines of the job's log\n\n{fence(view.log)}"


def _left(view: LeftView | None) -> str:
    failed = [row for row in view.rows if row.state == "failed"] if view is not None else []
    if not failed:
        return ""
    rows = [(escape(row.kind), code(row.name), escape(row.why)) for row in failed]
    return f"#### Not shown to be gone\n\n{table(('Kind', 'Name', 'Why'), rows)}"


def _plan(view: PlanView | None) -> str:
    if view is None:
        return ""
    rows = [
        (escape(lane.lane), escape(row.action), escape(row.kind), code(row.name), escape(row.scope), escape(row.note))
        for lane in view.lanes
        for row in lane.rows
    ]
    runs = [f"runs {shlex.join(view.argv)}"] if view.argv is not None else []
    texts = [*runs, *filter(None, [view.why]), *view.estimate, *view.notes]
    return "\n\n".join(
        filter(
            None,
            (
                "<details><summary>Plan</summary>",
                table(("Lane", "Action", "Kind", "Name", "Scope", ""), rows) if rows else "",
                "\n".join(f"- {escape(text, longest=1000)}" for text in texts),
                "</details>",
            ),
        )
    )
