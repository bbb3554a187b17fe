"""How many vCPUs an account may use, by family and market, and how many it uses.

Each family has a quota of its own on demand, and another one on spot, where P5 is counted apart from the older P types.
The codes are Service Quotas' (service `ec2`); [UNV] none of them was read from AWS itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from aws_run import partition
from aws_run.aws.cache import Cache
from aws_run.aws.session import Aws
from aws_run.errors import AwsRunError
from aws_run.frozen import frozen
from aws_run.pricing.offers import Choice

# Letters of a family -> (on-demand, spot).
_CODES: Mapping[str, tuple[str | None, str | None]] = {
    "standard": ("L-1216C47A", "L-34B43A08"),  # A, C, D, H, I, M, R, T, Z
    "g": ("L-DB2E81BA", "L-3819A6DF"),  # G and VT
    "p": ("L-417A185B", "L-7212CCBC"),
    "p5": ("L-417A185B", "L-C4BD4855"),
    "p6": ("L-417A185B", None),
    "x": ("L-7295265B", "L-E3A00192"),
    "f": ("L-74FC7D96", "L-88CF9481"),
    "dl": ("L-6E869C2A", "L-85EED4F7"),
    "inf": ("L-1945791B", "L-B5D1601B"),
    "trn": ("L-2C3B7624", "L-6B0D517C"),
    "u": ("L-43DA4232", None),
    "hpc": ("L-F7808C92", None),
}
_KEPT_S = 24 * 3600
_ROOMY = 8  # so many times what is needed is room enough, whatever else runs
_FARGATE = {False: "L-3032A538", True: "L-36FBB829"}  # service `fargate`
_LETTERS = re.compile(r"^[a-z]+")


@frozen
class Headroom:
    """A quota in vCPUs, and how many of them running machines use now; None where that could not be read."""

    code: str
    name: str
    limit: float
    used: float | None

    @property
    def free(self) -> float:
        return max(self.limit - (self.used or 0.0), 0.0)


def quota_of(instance_type: str, *, spot: bool) -> str | None:
    """The code of the quota that counts this type's vCPUs; None where none is known."""
    family = instance_type.partition(".")[0]
    letters = _LETTERS.match(family)
    if letters is None:
        return None
    word = letters[0]
    if family.startswith("p5"):
        key = "p5"
    elif family.startswith("p6"):
        key = "p6"
    elif word in ("g", "gr", "vt"):
        key = "g"
    elif word in _CODES:
        key = word
    elif word.startswith("x"):
        key = "x"
    elif word[0] in "acdhimrtz":
        key = "standard"
    else:
        return None
    return _CODES[key][spot]


def service_of(code: str) -> str:
    """The service, as Service Quotas names it, whose quota this is."""
    return "fargate" if code in _FARGATE.values() else "ec2"


def link(region: str, service: str, code: str) -> str:
    return f"{partition.of_region(region).console(region)}/servicequotas/home/services/{service}/quotas/{code}"


class Quotas:
    """`cache`: keeps for a day how large a quota is that has plenty of room; one that may be short is read anew."""

    def __init__(self, aws: Aws, cache: Cache | None = None) -> None:
        self._aws = aws
        self._cache = cache

    def shortage(self, choice: Choice, markets: Iterable[bool]) -> Headroom | None:
        """The quota that keeps `choice` from being launched, where none of `markets` (spot?) has room for it beside
        what runs now; that of the last one. None: one has room, or nobody knows."""
        seen = self.look(choice, markets)
        return seen if seen is not None and seen.free < choice.vcpu else None

    def look(self, choice: Choice, markets: Iterable[bool]) -> Headroom | None:
        """The quota of the first of `markets` (spot?) that has room for `choice`, else that of the last one. What runs
        now is not counted where there is plenty of room. None: nobody knows."""
        short, used = None, None
        for spot in markets:
            code = quota_of(choice.name, spot=spot)
            limit = None if code is None else self._roomy(code, choice.vcpu) or self._limit("ec2", code)
            if code is None or limit is None:
                return None
            if limit[1] >= _ROOMY * choice.vcpu:
                return Headroom(code=code, name=limit[0], limit=limit[1], used=None)
            if limit[1] > 0 and used is None:
                used = self._running() or {}
            short = Headroom(code=code, name=limit[0], limit=limit[1], used=(used or {}).get(code, 0.0))
            if short.free >= choice.vcpu:
                return short
        return short

    def nearest(self, choices: Iterable[Choice], short: Headroom) -> Choice | None:
        """The first of `choices` that other quotas have room for."""
        others = [one for one in choices if self._code(one) not in (None, ("ec2", short.code))]
        rooms = self.headroom(others)
        for one in others:
            room = rooms.get((one.name, one.spot))
            if room is not None and room.free >= one.vcpu:
                return one
        return None

    def _roomy(self, code: str, vcpu: float) -> tuple[str, float] | None:
        """What was read of a quota today, where it is many times what is needed: it needs no other look."""
        seen = self._cache.read(self._key(code), most_age_s=_KEPT_S) if self._cache is not None else None
        value = seen.document if seen is not None else None
        return (code, float(value)) if isinstance(value, (int, float)) and value >= _ROOMY * vcpu else None

    def _key(self, code: str) -> str:
        return f"quota/{self._aws.identity().account}/{self._aws.region}/{code}"

    def headroom(self, choices: Iterable[Choice]) -> Mapping[tuple[str, bool], Headroom]:
        """By the choice's name and market. What can't be read is missing: this is a help, and the launch will tell."""
        wanted = {(one.name, one.spot): self._code(one) for one in choices}
        codes = {code for code in wanted.values() if code is not None}
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix="quotas") as pool:
            running = pool.submit(self._running) if any(service == "ec2" for service, _ in codes) else None
            read = dict(zip(codes, pool.map(lambda code: self._limit(*code), codes), strict=True))
            used = running.result() if running is not None else None
        rooms = {}
        for key, code in wanted.items():
            limit = read.get(code) if code is not None else None
            if code is None or limit is None:
                continue
            name, value = limit
            mine = used.get(code[1], 0.0) if used is not None and code[0] == "ec2" else None
            rooms[key] = Headroom(code=code[1], name=name, limit=value, used=mine)
        return rooms

    def used(self, code: str) -> float | None:
        """The vCPUs of running machines that this quota counts; None where they could not be read."""
        running = self._running()
        return None if running is None else running.get(code, 0.0)

    def _code(self, choice: Choice) -> tuple[str, str] | None:
        if choice.backend == "fargate":
            return ("fargate", _FARGATE[choice.spot])
        code = quota_of(choice.name, spot=choice.spot)
        return ("ec2", code) if code else None

    def _limit(self, service: str, code: str) -> tuple[str, float] | None:
        try:
            answer = self._aws.call("service-quotas", "get_service_quota", ServiceCode=service, QuotaCode=code)
            quota = answer.get("Quota") or {}
            if "Value" not in quota:
                return None
            value = float(quota["Value"])
            if self._cache is not None:
                self._cache.write(self._key(code), value)
            return str(quota.get("QuotaName", code)), value
        except AwsRunError:
            return None

    def _running(self) -> dict[str, float] | None:
        """vCPUs of running machines by quota."""
        states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        used: dict[str, float] = {}
        try:
            for reservation in self._aws.pages("ec2", "describe_instances", "Reservations", Filters=states):
                for instance in reservation["Instances"]:
                    spot = instance.get("InstanceLifecycle") == "spot"
                    code = quota_of(str(instance["InstanceType"]), spot=spot)
                    cores = instance.get("CpuOptions") or {}
                    if code is not None:
                        vcpus = float(cores.get("CoreCount", 0)) * float(cores.get("ThreadsPerCore", 1))
                        used[code] = used.get(code, 0.0) + vcpus
        except AwsRunError:
            return None
        return used
