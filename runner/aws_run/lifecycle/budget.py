"""How long a run's hardware may bill: while it waits for image and input, while the job runs, and at its end. Pure."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import ROUND_UP, Decimal

from aws_run.amounts import limit_money, money
from aws_run.backends.base import Backend, Usage
from aws_run.errors import DeadlineError, UsageError
from aws_run.hints import quoted
from aws_run.pricing.receipt import MachineUse, total_usd
from aws_run.runs.spec import JobSpec, Offer, RunSpec

# The machine is asked for at once, because it takes a minute or two to boot and most images are there by then. Longer
# than this it is cheaper to give it back and to wait for the next one.
IDLE_AT_MOST_S = 15 * 60
# Less saves nothing: a launch bills a minute at the least, and the next machine has to boot again.
IDLE_AT_LEAST_S = 2 * 60
_IDLE_SHARE = 4  # a quarter of the job's own time, which is what the user has said that the run is worth
_SHORTEST_BILL_S = 60  # what EC2 and Fargate bill at the least
# How long the start may take, whatever `--timeout` says: images that compile CUDA code take most of an hour.
_START_AT_LEAST_S = 60 * 60


def start_s(job: JobSpec) -> int:
    """How long the image may take, and any part of the start may be silent. By then no machine waits any more."""
    return max(job.timeout_s, _START_AT_LEAST_S)


def idle_s(backend: Backend, timeout_s: int) -> int:
    """How long the hardware may wait for the image and the input; 0 where it comes with the task and never waits."""
    if not backend.waits:
        return 0
    return max(IDLE_AT_LEAST_S, min(IDLE_AT_MOST_S, timeout_s // _IDLE_SHARE))


def hour_usd(backend: Backend, offer: Offer) -> Decimal | None:
    """The most that an hour costs in USD: of several types that may be launched the one that costs most, and of spot
    what the run agreed to pay at most, else on-demand's price, which spot never exceeds. None: a price is not known."""
    hours = _hours_usd(backend, offer)
    known = [hour for _, hour in hours if hour is not None]
    return max(known) if len(known) == len(hours) else None


def known_hour_usd(backend: Backend, offer: Offer, *, kept: str) -> Decimal:
    """As `hour_usd`, where something is to be kept by it. `kept`: what; UsageError, with the hardware that has no
    price, where it can't be."""
    hours = _hours_usd(backend, offer)
    unknown = [name for name, hour in hours if hour is None]
    if unknown:
        raise UsageError(
            f"The price of {', '.join(unknown)} is not known, so {kept} can't be kept",
            hint="name hardware whose price is known, which "
            + quoted("offers")
            + " lists; where it says that AWS's price list can't be read, allow pricing:GetProducts",
        )
    return max(hour for _, hour in hours if hour is not None)


def _hours_usd(backend: Backend, offer: Offer) -> list[tuple[str, Decimal | None]]:
    """The most that an hour of each type costs that may be launched, with its name."""
    hardware = offer.hardware
    agreed = hardware.spot_max_usd_per_hour
    each: list[tuple[str, tuple[MachineUse, ...]]] = [
        (
            name,
            (
                MachineUse(
                    seconds=3600,
                    instance_type=name,
                    spot=hardware.spot and agreed is not None,
                    spot_usd_per_hour=Decimal(agreed) if agreed is not None else None,
                    public_ip=offer.network.public_ip,
                ),
            ),
        )
        for name in offer.instance_types
    ]
    bound = replace(hardware, spot=hardware.spot and agreed is not None)

    def total(machines: tuple[MachineUse, ...]) -> Decimal | None:
        usage = Usage(seconds=3600, machines=machines, public_ip=offer.network.public_ip)
        return total_usd(backend.charges(bound, usage))

    return [(name, total(machines)) for name, machines in each or [(hardware.description, ())]]


def expected_hour_usd(backend: Backend, offer: Offer) -> Decimal | None:
    """What an hour of the first choice costs in USD at today's prices. None: a price is not known."""
    usage = Usage(seconds=3600, public_ip=offer.network.public_ip)
    return total_usd(backend.charges(offer.hardware, usage))


def cap_s(job: JobSpec, offer: Offer, backend: Backend) -> int | None:
    """How many seconds of the hardware `--max-cost` buys, None without one. UsageError for hardware over `--max-price`,
    and for hardware whose price is not known, since a cap on it could not be kept."""
    limits = job.limits
    if limits.max_cost_usd is None and limits.max_price_usd_per_hour is None:
        return None
    kept = [
        flag
        for flag, usd in (("--max-cost", limits.max_cost_usd), ("--max-price", limits.max_price_usd_per_hour))
        if usd is not None
    ]
    hour = known_hour_usd(backend, offer, kept=" and ".join(kept))
    if limits.max_price_usd_per_hour is not None and hour > Decimal(str(limits.max_price_usd_per_hour)):
        raise UsageError(
            f"{offer.hardware.description} costs {money(hour)} an hour, over --max-price",
            hint="ask for less, or raise the limit",
        )
    if limits.max_cost_usd is None:
        return None
    return int(Decimal(str(limits.max_cost_usd)) / hour * 3600)


def timeout_s(job: JobSpec, offer: Offer, backend: Backend) -> int:
    """The job's time: its timeout, or less where `--max-cost` would be reached before."""
    cap = cap_s(job, offer, backend)
    if cap is None:
        return job.timeout_s
    # The machine bills before the job's clock starts and until it is gone.
    idle = IDLE_AT_LEAST_S if backend.waits else 0
    seconds, least_s = cap - idle - backend.ending_s, _worth_starting_s(job.timeout_s)
    if seconds < least_s:
        hour = known_hour_usd(backend, offer, kept="--max-cost")
        least = limit_money(hour * (least_s + idle + backend.ending_s + 1) / 3600, ROUND_UP)
        raise UsageError(
            f"${job.limits.max_cost_usd:g} buys less than {least_s} s of {offer.hardware.description}",
            hint=f"--max-cost {least.lstrip('$')} is the least; or ask for less hardware",
        )
    return min(job.timeout_s, seconds)


def bounded(spec: RunSpec) -> RunSpec:
    """As if `--max-cost` were the most that the run may cost anyway, so that no number of attempts makes it cost
    more."""
    return replace(spec, cap_s=billed_at_most_s(spec))


def job_s(spec: RunSpec, idle_used_s: float) -> int:
    """The job's time once it is known how long its machine has waited: what it waited for is paid from the same cap."""
    if spec.cap_s is None:
        return spec.timeout_s
    left = spec.cap_s - math.ceil(idle_used_s) - spec.ending_s
    if left < _worth_starting_s(spec.timeout_s):
        cap = "--max-cost" if spec.job.limits.max_cost_usd is not None else "what it may take of the allowance"
        raise DeadlineError(
            f"The machine's wait for the image and the input has used up {cap}, so the job was not started",
            hint="run the same command again: what has been built and sent by now is not built or sent again",
        )
    return min(spec.timeout_s, left)


def _worth_starting_s(timeout_s: int) -> int:
    """A job that is cut to less than the billed minute is not worth starting, and one that wants less gets all of its
    time."""
    return min(_SHORTEST_BILL_S, timeout_s)


def unpaid_s(spec: RunSpec, attempt_s: float) -> int:
    """How many seconds more than its own an attempt of this length is billed, as far as a cap has to know of them."""
    return 0 if spec.cap_s is None else max(0, math.ceil(_SHORTEST_BILL_S - attempt_s))


def billed_at_most_s(spec: RunSpec) -> int:
    """All three parts together, within the cap."""
    whole = spec.idle_s + spec.timeout_s + spec.ending_s
    return whole if spec.cap_s is None else min(whole, spec.cap_s)
