"""From the values of the use cases to what a reporter shows. Pure."""

from __future__ import annotations

from dataclasses import replace

from aws_run import command_line, naming
from aws_run.backends.base import Backend
from aws_run.data import InputSummary
from aws_run.events import Lane
from aws_run.image.plan import python_of
from aws_run.image.sources.source import Source
from aws_run.infra.plan import Step
from aws_run.infra.resource_types.registry import RESOURCE_TYPES
from aws_run.infra.resources import Ref
from aws_run.lifecycle import budget
from aws_run.lifecycle.end.teardown import TeardownResult
from aws_run.lifecycle.receipt_views import entry_view
from aws_run.lifecycle.start.preflight import Preflight, RunPlan
from aws_run.pricing.estimate import LEAST_BILLED_S
from aws_run.pricing.network_path import NatCharge
from aws_run.report.format import count, money, seconds, size
from aws_run.report.money import by_earlier_runs
from aws_run.report.views import (
    ImageContent,
    LaneView,
    LeftRow,
    LeftView,
    NetworkPrice,
    OutsideRow,
    PlanAllowance,
    PlanInput,
    PlanPrice,
    PlanRow,
    PlanView,
)
from aws_run.runs.spec import RunSpec

_MOST_LARGEST = 3


def plan_view(
    preflight: Preflight,
    run: RunPlan,
    steps: tuple[Step, ...],
    backend: Backend,
    allowances: tuple[PlanAllowance, ...] = (),
) -> PlanView:
    spec, config = run.spec, preflight.config
    capacity = [_row(step) for step in steps]
    capacity += [PlanRow(action="create", kind=r.kind, name=r.name, scope=r.scope) for r in (*run.roles, *run.own)]
    return PlanView(
        run_id=spec.run_id,
        project=config.name,
        backend=f"{backend.name}: {spec.offer.hardware.description}",
        region=spec.region,
        account=spec.account,
        lanes=(
            _lane("capacity", capacity),
            _lane("image", _image_rows(preflight, run, backend)),
            _lane("input", [_input_row(seen) for seen in preflight.inputs]),
        ),
        argv=_argv(preflight, run),
        python=python_of(preflight.image),
        content=None if preflight.image is None else image_content(preflight.image.source),
        inputs=tuple(_plan_input(seen) for seen in preflight.inputs),
        price=_price(run, backend, preflight.nat),
        why=spec.offer.why or "",
        estimate=(*_estimate(run, backend), *_network_lines(preflight.nat)),
        notes=(
            *(one.sentence for one in allowances),
            *preflight.about_image,
            *preflight.notes,
            *preflight.offer.notes,
        ),
        short_notes=(
            *(
                ()
                if preflight.image and preflight.image_digest
                else preflight.image.notes
                if preflight.image
                else preflight.about_image
            ),
            *preflight.notes,
            *preflight.offer.notes,
        ),
        allowances=allowances,
        output=config.output,
        outside=tuple(
            OutsideRow(kind=one.kind, what=one.what, where=one.where, needs_yes=one.by_project)
            for one in config.outside
        ),
    )


def without_run(view: PlanView) -> PlanView:
    """The plan of a run that is not going to begin: its id was made up, and would be another one next time."""
    own = f"{naming.PREFIX}-{view.run_id}"

    def renamed(row: PlanRow) -> PlanRow:
        return replace(row, name=row.name.replace(own, f"{naming.PREFIX}-{view.project}-RUN"))

    lanes = tuple(replace(lane, rows=tuple(renamed(row) for row in lane.rows)) for lane in view.lanes)
    return replace(view, run_id="", lanes=lanes)


def _argv(preflight: Preflight, run: RunPlan) -> tuple[str, ...] | None:
    command = preflight.config.command if preflight.image is None else preflight.image.command
    if command is None:
        return None
    job = run.spec.job
    return command_line.shown(command, job.args, (job.arguments.input, job.arguments.output))


def image_content(source: Source) -> ImageContent:
    """By what stands at the project's top."""
    sizes: dict[str, int] = {}
    for file in source.files:
        top, slash, _ = file.path.partition("/")
        sizes[top + slash] = sizes.get(top + slash, 0) + file.size
    largest = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_MOST_LARGEST]
    return ImageContent(files=len(source.files), bytes=source.total_bytes, largest=tuple(largest))


def _plan_input(seen: InputSummary) -> PlanInput:
    how = "sent, as far as it changed"
    if seen.stored is not None:
        how = "as an earlier run sent it"
    elif seen.pinned is not None:
        how = f"read in place, pinned by {seen.pinned.by}"
    return PlanInput(name=seen.name, place=seen.place, files=seen.files, bytes=seen.bytes, how=how)


def _price(run: RunPlan, backend: Backend, nat: NatCharge | None) -> PlanPrice:
    spec = run.spec
    hour, dearest = budget.expected_hour_usd(backend, spec.offer), budget.hour_usd(backend, spec.offer)
    most = None if dearest is None else dearest * budget.billed_at_most_s(spec) / 3600
    return PlanPrice(
        per_hour=hour,
        at_most=most,
        timeout_s=spec.timeout_s,
        expected=None if run.estimate is None else entry_view(run.estimate),
        network=None
        if nat is None
        else NetworkPrice(gateway=nat.gateway, bytes=nat.bytes, usd=nat.usd, command=nat.command),
        expected_s=None if run.estimate is None else float(run.estimate.billed_s),
    )


def _lane(lane: Lane, rows: list[PlanRow]) -> LaneView:
    return LaneView(lane=lane, rows=tuple(rows))


def _row(step: Step) -> PlanRow:
    return PlanRow(action=step.action, kind=step.resource.kind, name=step.resource.name, scope=step.resource.scope)


def _image_rows(preflight: Preflight, run: RunPlan, backend: Backend) -> list[PlanRow]:
    definition = backend.definition(run.spec, "")
    task = PlanRow(action="create", kind=definition.kind, name=definition.name, scope=definition.scope)
    if preflight.image is None:
        return [PlanRow(action="reuse", kind="image", name=str(preflight.job.image)), task]
    name = f"{naming.repository_name(run.spec.job.name)}:{preflight.image.tag[:12]}"
    if preflight.image_digest:
        return [PlanRow(action="reuse", kind="image", name=name, scope="kept", note="unchanged"), task]
    files = len(preflight.image.source.files)
    return [
        PlanRow(action="build", kind="image", name=name, scope="kept", note=f"{count(files, 'file')}, then push"),
        task,
    ]


def _input_row(seen: InputSummary) -> PlanRow:
    held = f"{count(seen.files, 'file')}, {size(seen.bytes)}"
    name = seen.place if seen.name is None else f"{seen.name}={seen.place}"
    if seen.stored is not None:
        return PlanRow(action="reuse", kind="input", name=name, scope="kept", note=f"{held}; as an earlier run sent it")
    if seen.pinned is None:
        return PlanRow(action="send", kind="input", name=name, scope="kept", note=f"{held}; only what changed")
    note = f"{held}; pinned by {seen.pinned.by}, read in place"
    return PlanRow(action="reuse", kind="input", name=name, note=note)


def _estimate(run: RunPlan, backend: Backend) -> tuple[str, ...]:
    spec = run.spec
    hour = budget.expected_hour_usd(backend, spec.offer)
    expected: tuple[str, ...] = ()
    if run.estimate is not None:
        taken = seconds(float(run.estimate.billed_s))
        known = by_earlier_runs(entry_view(run.estimate))
        least = float(run.estimate.billed_s) <= LEAST_BILLED_S
        why = "the least that is charged" if least else "boot and waiting included"
        expected = (f"expected: {known}; for {taken}, {why}",)
    if hour is None:
        return (*expected, "estimate: no price is known for this hardware")
    dearest = budget.hour_usd(backend, spec.offer)
    if dearest is None:
        some = "some of the machines that may be started have no known price"
        return (*expected, f"estimate: {money(hour)} an hour; {some}")
    whole = dearest * budget.billed_at_most_s(spec) / 3600
    end = f"its timeout of {seconds(spec.timeout_s)}"
    if spec.timeout_s < spec.job.timeout_s:
        end = f"{seconds(spec.timeout_s)}, where --max-cost ends it"
    beside = "its wait for image and input and its end included" if spec.idle_s else "its end included"
    return (
        *expected,
        f"estimate: {money(hour)} an hour, at most {money(whole)} if it runs to {end}, {beside}{_sources(spec)}",
    )


def _network_lines(nat: NatCharge | None) -> tuple[str, ...]:
    if nat is None:
        return ()
    usd = "its price is not known here" if nat.usd is None else money(nat.usd)
    return (
        f"network: {size(nat.bytes)} of input and image go through the NAT gateway {nat.gateway}: {usd}, beside the "
        "rest; a free S3 gateway endpoint takes them: `" + nat.command + "`",
    )


def _sources(spec: RunSpec) -> str:
    """Whose prices they are, with the oldest date of each source."""
    oldest: dict[str, str] = {}
    for rate in spec.offer.hardware.rates:
        oldest[rate.source] = min(rate.as_of, oldest.get(rate.source, rate.as_of))
    shown = ", ".join(f"{source} of {as_of}" for source, as_of in oldest.items())
    return f"; prices: {shown}" if shown else ""


def left_view(teardown: TeardownResult, region: str) -> LeftView:
    rows = [
        LeftRow(kind=ref.kind, name=ref.name, where=console_link(ref, region), why=_idle_cost(ref))
        for ref in teardown.kept
    ]
    rows += [LeftRow(kind=r.ref.kind, name=r.ref.name, state="failed", why=r.error or "") for r in teardown.failed]
    return LeftView(rows=tuple(rows))


def _idle_cost(ref: Ref) -> str:
    known = RESOURCE_TYPES.get(ref.kind)
    return known.idle_cost if known is not None and ref.scope == "shared" else ""


def console_link(ref: Ref, region: str) -> str:
    known = RESOURCE_TYPES.get(ref.kind)
    return known.console_link(ref.name, region) if known else ""
