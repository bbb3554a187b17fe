"""Views as plain lines, without colour or a width: for logs, files and CI."""

from __future__ import annotations

from aws_run.report.format import aligned, clean, money, quantity, seconds, unit_price
from aws_run.report.views import LeftView, OutcomeView, PlanView, ReceiptView


def plan_lines(view: PlanView) -> list[str]:
    lines = [f"{view.run_id} on {view.backend} in {view.region}, account {view.account}"]
    rows = [
        [lane.lane, row.action, row.kind, clean(row.name), row.scope, clean(row.note)]
        for lane in view.lanes
        for row in lane.rows
    ]
    if rows:
        lines += aligned(rows)
    lines += view.estimate
    lines += [f"note: {clean(line)}" for line in view.notes]
    return lines


def receipt_lines(view: ReceiptView) -> list[str]:
    rows = [
        [
            line.what,
            f"{quantity(line.quantity)} {line.unit}",
            f"at {unit_price(line.unit_price_usd)}",
            money(line.amount_usd),
        ]
        for line in view.lines
    ]
    lines = [f"{view.label}:", *aligned([*rows, ["total", "", "", money(view.total_usd)]])]
    return [*lines, *receipt_footer(view)]


def receipt_footer(view: ReceiptView) -> list[str]:
    left_out = f"not included: {', '.join(view.left_out)}; " if view.left_out else ""
    lines = [f"spot saved {money(view.saved_usd)} against on-demand"] if view.saved_usd > 0 else []
    whose = f" ({', '.join(view.sources)})" if view.sources else ""
    of = f"prices of {view.priced_on.isoformat()}{whose}" if view.priced_on is not None else "prices of an unknown day"
    return [*lines, clean(f"{left_out}{of}")]


def left_lines(view: LeftView) -> list[str]:
    if not view.rows:
        return ["nothing is left in AWS"]
    return aligned([[row.state, row.kind, clean(row.name), clean(row.where), clean(row.why)] for row in view.rows])


def outcome_head(view: OutcomeView) -> str:
    took = f", ran {seconds(view.seconds)}" if view.seconds is not None else ""
    code = "no exit code" if view.exit_code is None else f"exit {view.exit_code}"
    return clean(f"{view.run_id}: {view.status}") + f" ({code}{took})"


def outcome_places(view: OutcomeView) -> list[tuple[str, str]]:
    """(what, where) for each place that results are in."""
    places = [
        ("output", str(view.output_dir) if view.output_dir is not None else None),
        ("S3", view.s3_uri),
        ("console", view.console_url),
    ]
    return [(what, clean(where)) for what, where in places if where]
