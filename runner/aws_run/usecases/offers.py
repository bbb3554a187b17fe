"""`aws-run offers`: what could run a request, ranked by what an hour of it costs. Reads only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from aws_run.backends.base import Backend
from aws_run.backends.ec2.quotas import Headroom, Quotas
from aws_run.config import Config
from aws_run.errors import AwsRunError, PreflightError, UsageError
from aws_run.frozen import frozen
from aws_run.lifecycle.context import AppContext
from aws_run.pricing.hardware import backend_for
from aws_run.pricing.known_prices import left_out_note, with_known_price
from aws_run.pricing.offers import Choice, ranked
from aws_run.runs.spec import JobSpec

_LEAST_BILLED_S = 60  # of any machine


@frozen
class RankedOffer:
    """One choice. `expected_usd`: of the duration that was given, the machine's boot included. `taken`: what a submit
    of the same request takes. `within`: whether `--max-price` allows it."""

    choice: Choice
    expected_usd: Decimal | None
    quota: Headroom | None
    taken: bool
    within: bool


@frozen
class Offers:
    """`notes`: sentences on what was left out and whose prices these are."""

    offers: tuple[RankedOffer, ...]
    duration_s: int
    notes: tuple[str, ...]


def offers(config: Config, context: AppContext, *, duration_s: int) -> Offers:
    """All offers of the backends that the request allows, cheapest hour first. UsageError where there is none."""
    job = JobSpec.from_config(config)
    wanted = [config.backend] if config.backend != "auto" else list(context.backends)
    mine = backend_for(job)
    choices: list[Choice] = []
    notes: list[str] = []
    failed: list[UsageError | PreflightError] = []

    def read(backend: Backend) -> tuple[tuple[Choice, ...], tuple[str, ...]] | UsageError | PreflightError:
        try:
            return backend.offers(job)
        except (UsageError, PreflightError) as error:
            return error

    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="offers") as pool:
        for name, answer in zip(wanted, pool.map(read, [context.backends[name] for name in wanted]), strict=True):
            if isinstance(answer, tuple):
                choices += answer[0]
                notes += answer[1]
            else:
                failed.append(answer)
                notes.append(why_none(name, answer))
    if not choices:
        raise failed[0]
    order = ranked(choices)
    rooms = Quotas(context.aws).headroom(order)
    limit = job.limits.max_price_usd_per_hour
    allowed = [one for one in order if _within(one, limit)]
    priced, unpriced = with_known_price([one for one in order if one.backend == mine], job)
    best = next((one for one in allowed if one in priced), None)
    if (left_out := left_out_note(unpriced)) is not None:
        notes.append(f"a submit takes no type without a price: {left_out}")
    if best is not None and allowed[0].backend != best.backend:
        notes.append(
            f"submit takes {mine} for this request; --backend {allowed[0].backend} takes the first of this list"
        )
    return Offers(
        offers=tuple(
            RankedOffer(
                choice=one,
                expected_usd=_expected(one, context.backends[one.backend], duration_s),
                quota=rooms.get((one.name, one.spot)),
                taken=one is best,
                within=_within(one, limit),
            )
            for one in order
        ),
        duration_s=duration_s,
        notes=tuple(dict.fromkeys(notes)),
    )


def why_none(backend: str, error: AwsRunError) -> str:
    """Why a backend offers nothing, with its name once."""
    who = "" if backend in error.message.lower() else f"{backend}: "
    return f"{who}{error.message} (" + error.hint + ")" if error.hint else f"{who}{error.message}"


def _within(choice: Choice, limit: float | None) -> bool:
    return limit is None or (choice.usd_per_hour is not None and choice.usd_per_hour <= Decimal(str(limit)))


def _expected(choice: Choice, backend: Backend, duration_s: int) -> Decimal | None:
    if choice.usd_per_hour is None:
        return None
    seconds = max(duration_s + backend.boot_s, _LEAST_BILLED_S)
    return choice.usd_per_hour * seconds / 3600
