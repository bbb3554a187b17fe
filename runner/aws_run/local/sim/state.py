"""The state that all parts of the embedded AWS share, and their access to moto's backends."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import traceback
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from aws_run import partition
from aws_run.local.http.keys import Keys
from aws_run.local.options import LocalOptions
from aws_run.local.sim.clock import SimClock
from aws_run.local.sim.hosts import Hosts
from aws_run.local.sim.model import GroupInstance, Place, Session
from aws_run.local.state import LOG
from aws_run.local.testing.faults import Faults
from aws_run.local.testing.launch_failures import Shortages

_MOST_ERRORS = 100
_MOST_LOG_BYTES = 8 << 20


class AccountState:
    """One embedded AWS. Whoever reads or writes a Place holds `lock`."""

    def __init__(self, options: LocalOptions, state_dir: Path) -> None:
        self.options = options
        self.state_dir = state_dir
        self.clock = SimClock()
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.tasks_port = 0  # where tasks find us, at their runtime's host
        self.keys = Keys()
        self.hosts = Hosts(state_dir)
        self._places: dict[str, Place] = {}
        self._serial = 0
        self.calls: deque[str] = deque(maxlen=100_000)  # service:Operation of clients' calls, for tests and benchmarks
        self.shortages = Shortages(options.no_capacity)
        self.quotas: dict[str, float] = dict(options.quotas)
        self.quota_requests: dict[str, dict[str, Any]] = {}  # by id, as Service Quotas shows them
        self.foreign_buckets = set(options.foreign_buckets)
        self.versioned_at: dict[str, datetime] = {}  # bucket -> when its versioning was first enabled
        self.deleted_roles: dict[str, datetime] = {}  # name -> when it was deleted last
        self.faults = Faults(options.chaos_seed)
        # Set by the assembly: takes a spot instance away.
        self.interrupt: Callable[[Place, GroupInstance], None] = lambda place, instance: None
        self.end: Callable[[], None] | None = None  # set where it has a process of its own: ends that
        self._busy_until: dict[str, float] = {}
        self.networked: set[str] = set()  # the regions whose default VPC has its internet gateway
        self.refused_targets: list[str] = []  # schedules whose target refused the call
        self.cost_by_resource = True  # the account has enabled Cost Explorer's data by resource
        self.data_exports: list[str] = []  # the names of its exports of CUR 2.0
        self.caller_policy = options.caller_policy
        self.rights_checked: deque[Any] = deque(maxlen=100_000)  # what IAM judged for the caller, for tests
        self.linked_roles: set[str] = set()  # services whose own role this account has
        self.sessions: dict[str, Session] = {}  # of ECS Exec, by their ids
        self.errors: list[str] = []  # the newest faults of the embedded AWS itself; the status page shows them

    @property
    def settle_s(self) -> float:
        configured = self.options.settle_s
        return min(self.options.boot_s, 1.0) if configured is None else configured

    def end_s(self, *, gpus: bool) -> float:
        """How long an instance is shutting-down."""
        wanted = self.options.gpu_instance_end_s if gpus else self.options.instance_end_s
        return self.settle_s if wanted is None else wanted

    @property
    def cluster_end_s(self) -> float:
        """How long a cluster with capacity providers is DEPROVISIONING."""
        wanted = self.options.cluster_end_s
        return self.settle_s if wanted is None else wanted

    def busy(self, what: str) -> bool:
        return self._busy_until.get(what, 0.0) > self.clock.seconds()

    def make_busy(self, what: str) -> None:
        """AWS is at work on `what` for a while and refuses changes to it."""
        self._busy_until[what] = self.clock.seconds() + self.settle_s

    @property
    def account(self) -> str:
        return self.options.account

    def place(self, region: str) -> Place:
        with self.lock:
            if region not in self._places:
                self._places[region] = Place(region=region)
            return self._places[region]

    def places(self) -> list[Place]:
        with self.lock:
            return list(self._places.values())

    def new_id(self, length: int = 32) -> str:
        """A fresh hexadecimal id."""
        with self.lock:
            self._serial += 1
            return hashlib.sha256(f"{self.clock.now().isoformat()}/{self._serial}".encode()).hexdigest()[:length]

    def arn(self, service: str, region: str, resource: str) -> str:
        return partition.arn(service, region, self.account, resource, of=region or self.options.region)

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`: where moto keeps what has no region (IAM, STS, S3)."""
        return partition.of_region(self.options.region).name

    def moto(self, service: str, region: str) -> Any:
        """moto's backend of one service, for calls from inside."""
        from moto.backends import get_backend

        return get_backend(service)[self.account][region]  # type: ignore[call-overload]

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """`action` under the lock, `delay_s` simulated seconds from now."""

        def fire() -> None:
            with self.lock:
                try:
                    action()
                except Exception as error:  # noqa: BLE001 - a failed timer must not stop the clock; status shows it
                    self.note(error)

        self.clock.after(delay_s, fire)

    def note(self, error: BaseException, during: str = "") -> None:
        """A fault of the embedded AWS itself: one line for the status page, its traceback for the log file."""
        line = f"{type(error).__name__}: {error}"
        with self.lock:
            self.errors.append(line)
            del self.errors[:-_MOST_ERRORS]
            with contextlib.suppress(OSError):  # a full disk must not hide the fault itself
                self._log(f"{self.clock.now():%Y-%m-%d %H:%M:%S} {during or 'fault'}", error)

    def _log(self, head: str, error: BaseException) -> None:
        with (self.state_dir / LOG).open("a", encoding="utf-8", errors="backslashreplace") as log:
            if log.tell() < _MOST_LOG_BYTES:
                log.write(f"{head}\n{''.join(traceback.format_exception(error))}\n")
