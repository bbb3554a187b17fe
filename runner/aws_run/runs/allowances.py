"""The allowance in the bucket: one object, changed by conditional writes alone, on the clock of the bucket.

Of any number of clients that change it at once one succeeds, and the others begin again from what it wrote (S3's guide,
"Conditional requests": 412 where the ETag is another one, 409 where two writes meet). The time is the `Date` of the
answers that carry the object, so that no client's clock matters.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, get_args

from aws_run.clock import Clock, iso, parse_iso
from aws_run.documents import DocumentError, Fields, parse_object
from aws_run.errors import AwsCallError, AwsRunError, DamagedError
from aws_run.frozen import frozen
from aws_run.hints import quoted
from aws_run.naming import is_run_id
from aws_run.runs.allowance import Claim, Ledger, Limit, Period, Whose
from aws_run.runs.money_reader import usd_of
from aws_run.runs.objects import ABSENT, CHANGED, BucketObjects

# Beside the locks: a start lists these anyway, so that a bucket without an allowance costs no request more. The name of
# no project has a dot in it.
KEY = "locks/allowance.json"
VERSION = 1
MOST_BYTES = 16 * 1024 * 1024
_MOST_CLAIMS, _MOST_LIMITS = 50_000, 1000
_RETRIES_FOR_S, _FIRST_WAIT_S, _LONGEST_WAIT_S = 120.0, 0.05, 2.0
_SLOW = timedelta(seconds=30)  # between the reading and the writing: a laptop that slept has to read again

Step = Callable[[Ledger, datetime], "Ledger | None"]


@frozen
class Read:
    """`etag` None: there is no allowance. `now`: the bucket's time."""

    ledger: Ledger
    etag: str | None
    now: datetime


class Allowances:
    def __init__(self, objects: BucketObjects, clock: Clock, chance: Callable[[], float] = random.random) -> None:
        self._objects = objects
        self._clock = clock
        self._chance = chance

    def read(self) -> Read:
        """DamagedError where the object is not as this tool writes it."""
        try:
            body, etag, date = self._objects.read_dated(KEY, most_bytes=MOST_BYTES)
        except AwsCallError as error:
            if error.code not in ABSENT:
                raise
            return Read(ledger=Ledger(), etag=None, now=self._clock.now())
        return Read(ledger=load(body), etag=etag, now=_moment(date) or self._clock.now())

    def change(self, step: Step, *, create: bool = False) -> Read:
        """The allowance after `step`, which gets it as it is with the bucket's time, and may be applied several times;
        what it raises is raised, and where it returns None nothing is written. Nothing happens where there is no
        allowance, unless `create`."""
        began, wait_s = self._clock.monotonic(), _FIRST_WAIT_S
        while True:
            seen = self.read()
            if seen.etag is None and not create:
                return seen
            changed = step(seen.ledger, seen.now)
            if changed is None or (changed == seen.ledger and seen.etag is not None):
                return seen
            written = self._write(changed.compact(seen.now), seen)
            if written is not None and written - seen.now <= _SLOW:
                return Read(ledger=changed, etag="", now=written)
            if self._clock.monotonic() - began > _RETRIES_FOR_S:
                raise AwsRunError(
                    "The allowance is being changed by other clients again and again",
                    hint="nothing was started; try again in a minute",
                )
            if written is None:
                self._clock.sleep(wait_s * (0.5 + self._chance()))
                wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)

    def _write(self, ledger: Ledger, seen: Read) -> datetime | None:
        """When it was written by the bucket's time; None where somebody else was faster. An allowance without a limit
        goes away."""
        condition = {"IfNoneMatch": "*"} if seen.etag is None else {"IfMatch": seen.etag}
        try:
            if not ledger.limits:
                if seen.etag is not None:
                    self._objects.delete(KEY, **condition)
                return seen.now
            answer = self._objects.put(KEY, dump(ledger), ContentType="application/json", **condition)
        except AwsCallError as error:
            # 404: it was removed since, which S3 says of a condition on an object that is not there.
            if error.code in CHANGED or (seen.etag is not None and error.code in ABSENT - {"NoSuchBucket"}):
                return None
            raise
        return _moment(_date_of(answer)) or self._clock.now()

    def discard(self) -> None:
        """Removes it, whatever it holds."""
        self._objects.delete(KEY)


def _date_of(answer: Any) -> str:
    metadata = dict(answer).get("ResponseMetadata") or {}
    return str((metadata.get("HTTPHeaders") or {}).get("date", ""))


def _moment(date: str) -> datetime | None:
    try:
        return parsedate_to_datetime(date).astimezone(timezone.utc)
    except (ValueError, TypeError):
        return None


# -- the object -------------------------------------------------------------------------------------------------------


def dump(ledger: Ledger) -> bytes:
    """Money as text, so that no digit is lost."""
    limits = [{"usd": f"{one.usd:f}", "per": one.per, **_selectors(one)} for one in ledger.limits]
    claims = [
        {
            "run_id": one.run_id,
            "project": one.whose.project,
            "owner": one.whose.owner,
            "branch": one.whose.branch,
            "usd": f"{one.usd:f}",
            "since": iso(one.since),
            "until": iso(one.until),
            "settled": one.settled,
        }
        for one in ledger.claims
    ]
    return json.dumps({"version": VERSION, "limits": limits, "claims": claims}, separators=(",", ":")).encode()


def _selectors(limit: Limit) -> dict[str, str]:
    named = {"project": limit.project, "owner": limit.owner, "branch": limit.branch}
    return {name: value for name, value in named.items() if value is not None}


def load(body: bytes) -> Ledger:
    try:
        fields = parse_object(body, most_bytes=MOST_BYTES)
        version = fields.whole("version", least=1, most=2**31)
        if version == VERSION:
            return Ledger(
                limits=tuple(_limit(one) for one in fields.objects("limits", most=_MOST_LIMITS)),
                claims=tuple(_claim(one) for one in fields.objects("claims", most=_MOST_CLAIMS)),
            )
    except (DocumentError, ValueError) as error:
        raise DamagedError(
            f"The allowance ({KEY} in the bucket) can't be read, so no run can be held to it: it {error}",
            hint=quoted("allowance", "remove", "--all") + " removes it; then set it again",
        ) from error
    raise AwsRunError(
        "The allowance was set by a newer aws-run", hint="`pip install -U aws-run`, then try the same command again"
    )


def _limit(fields: Fields) -> Limit:
    per = fields.text("per", most_chars=10)
    if per not in get_args(Period):
        raise DocumentError("has a limit for a time that there is not")
    names = {name: fields.text_or_none(name, most_chars=300) for name in ("project", "owner", "branch")}
    return Limit(usd=_usd(fields), per=per, **names)  # type: ignore[arg-type]


def _claim(fields: Fields) -> Claim:
    run_id = fields.text("run_id", most_chars=100)
    settled = fields.flag("settled")
    if not (is_run_id(run_id) or (run_id == "" and settled)):
        raise DocumentError("has a claim of no run")
    whose = {name: fields.text(name, most_chars=300) for name in ("project", "owner", "branch")}
    since, until = (parse_iso(fields.text(name, most_chars=30)) for name in ("since", "until"))
    return Claim(
        run_id=run_id, whose=Whose(**whose), usd=_usd(fields), since=since, until=until, settled=settled
    )  # fmt: skip


def _usd(fields: Fields) -> Decimal:
    usd = usd_of(fields.text("usd", most_chars=40))
    if usd is None:
        raise DocumentError("has an 'usd' that is no amount of money")
    return usd
