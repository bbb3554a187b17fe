"""Views as plain lines, without colour or a width: for logs, files and CI."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from aws_run import naming
from aws_run.events import LookProgress
from aws_run.report import calm
from aws_run.report.format import adding_up, aligned, clean, count, money, quantity, seconds, size, unit_price
from aws_run.report.money import estimate_line, smaller_line, use_line
from aws_run.report.views import LeftView, OutcomeView, PlanInput, PlanView, ReceiptView


def plan_rows(view: PlanView) -> list[tuple[str, str]]:
    """(what it is about, text) of the whole plan, the most important first. Everything in it is cleaned."""
    rows: list[tuple[str, str]] = []
    if view.argv is not None:
        python = f"   (Python {view.python})" if view.python else ""
        rows.append(("runs", f"{shlex.join(view.argv)}{python}"))
    rows += [("image", text) for text in _image_texts(view)]
    rows += [("input", _input_text(one)) for one in view.inputs]
    if view.output is not None:
        rows.append(("output", str(view.output)))
    rows += [("choice", view.why)] if view.why else []
    rows += [("price", line.removeprefix("estimate: ")) for line in view.estimate]
    rows += [("makes", text) for text in _made(view, "run", "gone after the run")]
    rows += [
        ("shares", text)
        for text in _made(view, "shared", f"stay for the next run, at no cost; `{view.destroy_command}` removes them")
    ]
    rows += [("keeps", text) for text in _made(view, "kept")]
    rows += [("outside", f"{one.where}: {one.kind} {one.what}") for one in view.outside]
    rows += [("note", line) for line in view.notes]
    return [(what, clean(text)) for what, text in rows]


def plan_head(view: PlanView) -> tuple[str, str]:
    """Whose plan it is, and where."""
    where = f"{view.backend.partition(': ')[2] or view.backend}, {view.region}, account {view.account}"
    return clean(view.run_id or view.project), clean(where)


def plan_lines(view: PlanView, rows: Iterable[tuple[str, str]]) -> list[str]:
    name, where = plan_head(view)
    return [f"{name} on {where}", *(f"{what:<8} {text}" for what, text in rows)]


def _image_texts(view: PlanView) -> list[str]:
    rows = [row for lane in view.lanes for row in lane.rows if row.kind == "image"]
    texts = [f"{'unchanged' if row.action == 'reuse' and row.note else row.action}: {row.name}" for row in rows]
    content = view.content
    if content is not None:
        largest = ", ".join(f"{name} {size(amount)}" for name, amount in content.largest)
        of = f" ({largest})" if largest else ""
        texts.append(f"of {count(content.files, 'file')}, {size(content.bytes)}{of}")
    return texts


def _input_text(one: PlanInput) -> str:
    named = f"{one.name}=" if one.name is not None else ""
    return f"{named}{one.place}: {count(one.files, 'file')}, {size(one.bytes)}; {one.how}"


def _made(view: PlanView, scope: str, fate: str = "") -> list[str]:
    """The run's own resources are named after the run, and that name is shown once, above."""
    own = f"{naming.PREFIX}-{view.run_id or f'{view.project}-RUN'}"
    names = []
    for row in (row for lane in view.lanes for row in lane.rows):
        if row.scope != scope or row.kind in ("image", "input"):
            continue
        name = row.name.replace(own, "").strip("-") if scope == "run" else row.name
        note = f" ({row.note})" if row.note else ""
        there = " (there already)" if row.action == "reuse" else ""
        names.append(f"{row.kind}{f' {name}' if name else ''}{note}{there}")
    return ["; ".join(filter(None, (", ".join(names), fate)))] if names else []


def look_text(event: LookProgress) -> str:
    """looking at the sources: 41,000 files, 3.2 GiB."""
    if not event.files and not event.bytes:
        return clean(f"looking at {event.what}")
    counted = f", {size(event.bytes)}" if event.bytes else ""
    return clean(f"looking at {event.what}: {count(event.files, 'file')}{counted}")


def receipt_lines(view: ReceiptView) -> list[str]:
    amounts, total = adding_up([line.amount_usd for line in view.lines], view.total_usd)
    rows = [
        [
            line.what,
            f"{quantity(line.quantity)} {line.unit}",
            f"at {unit_price(line.unit_price_usd)}",
            amount,
        ]
        for line, amount in zip(view.lines, amounts, strict=True)
    ]
    lines = [f"{view.label}:", *aligned([*rows, ["total", "", "", total]])]
    return [*lines, *receipt_footer(view)]


def receipt_footer(view: ReceiptView) -> list[str]:
    left_out = f"not included: {', '.join(view.left_out)}; " if view.left_out else ""
    lines = [estimate_line(view.estimate)]
    lines += [f"spot saved {money(view.saved_usd)} against on-demand"] if view.saved_usd > 0 else []
    used = use_line(view.use) if view.use is not None else ""
    lines += [clean(used)] if used else []
    whose = f" ({', '.join(view.sources)})" if view.sources else ""
    of = f"prices of {view.priced_on.isoformat()}{whose}" if view.priced_on is not None else "prices of an unknown day"
    return [*lines, clean(f"{left_out}{of}")]


def left_lines(view: LeftView) -> list[str]:
    if not view.rows:
        return ["nothing is left in AWS"]
    return aligned([[row.state, row.kind, clean(row.name), clean(row.where), clean(row.why)] for row in view.rows])


def outcome_head(view: OutcomeView) -> str:
    return clean(f"{view.run_id}: {view.status}") + code_and_time(view)


def code_and_time(view: OutcomeView) -> str:
    """What stands in brackets behind the sentence; without a code that the sentence tells itself."""
    told = view.reason == "exit" and view.exit_code != 0
    code = "no exit code" if view.exit_code is None else "" if told or view.goes_on else f"exit {view.exit_code}"
    took = f"ran {seconds(view.seconds)}" if view.seconds is not None else ""
    beside = ", ".join(filter(None, (code, took)))
    return f" ({beside})" if beside else ""


def outcome_places(view: OutcomeView) -> list[tuple[str, str]]:
    """(what, where) for each place that results are in."""
    places = [
        ("output", str(view.output_dir) if view.output_dir is not None else None),
        ("report", view.report_uri if view.report_file is None else str(view.report_file)),
        ("S3", view.s3_uri),
        ("console", view.console_url),
        ("kept", f"in S3 for {count(view.kept_days, 'day')}" if view.kept_days else None),
    ]
    return [(what, clean(where)) for what, where in places if where]


def ran_places(view: OutcomeView) -> list[tuple[str, str]]:
    """What the receipt is for."""
    places = [
        ("command", shlex.join(view.ran)),
        ("commit", view.commit),
        ("image", view.image),
        ("python", view.python),
        ("labels", ", ".join(view.labels)),
        ("note", view.note),
    ]
    return [(what, clean(text)) for what, text in places if text]


def calm_places(view: OutcomeView) -> list[tuple[str, str]]:
    """What a short ending tells besides, a line each: what ran, the cost as one sum, and what stays in AWS."""
    rows = calm.kept_rows(view.left) if view.left is not None else []
    receipt = view.receipt
    places = [("ran", "" if view.goes_on else calm.ran(view))]
    places += [("cost", calm.cost(receipt) if receipt is not None else "")]
    places += [("cheaper", smaller_line(receipt.use) if receipt is not None and receipt.use is not None else "")]
    places += [("left", calm.left(rows, view.destroy_command))]
    return [(what, clean(where)) for what, where in places if where]
