"""What the kernel says about this container: memory, CPU time, and whether it killed something for want of memory."""

from __future__ import annotations

from typing import Optional

ROOT = "/sys/fs/cgroup"


class Cgroup:
    """Version 2 first, then version 1. Every answer is None where the kernel gives none: on a host, mostly."""

    def __init__(self, root: str = ROOT) -> None:
        self.root = root

    def memory_peak(self) -> Optional[int]:
        return self._number("memory.peak") or self._number("memory/memory.max_usage_in_bytes")

    def memory_now(self) -> Optional[int]:
        return self._number("memory.current") or self._number("memory/memory.usage_in_bytes")

    def memory_limit(self) -> Optional[int]:
        """None also where there is none ("max", or version 1's huge number)."""
        limit = self._number("memory.max") or self._number("memory/memory.limit_in_bytes")
        return None if limit is None or limit >= 1 << 60 else limit

    def oom_kills(self) -> Optional[int]:
        kills = self._field("memory.events", "oom_kill")
        return kills if kills is not None else self._field("memory/memory.oom_control", "oom_kill")

    def cpu_seconds(self) -> Optional[float]:
        micros = self._field("cpu.stat", "usage_usec")
        if micros is not None:
            return micros / 1e6
        nanos = self._number("cpuacct/cpuacct.usage")
        return None if nanos is None else nanos / 1e9

    def _read(self, name: str) -> Optional[str]:
        try:
            with open(f"{self.root}/{name}", encoding="ascii") as file:
                return file.read()
        except (OSError, UnicodeDecodeError):
            return None

    def _number(self, name: str) -> Optional[int]:
        text = (self._read(name) or "").strip()
        return int(text) if text.isdigit() else None

    def _field(self, name: str, field: str) -> Optional[int]:
        for line in (self._read(name) or "").splitlines():
            key, _, value = line.partition(" ")
            if key == field and value.strip().isdigit():
                return int(value)
        return None
