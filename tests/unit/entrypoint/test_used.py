"""What the container sums up of its samples: peaks and means, and nothing where nothing was measured."""

from __future__ import annotations

from typing import Any

import pytest

from aws_run_entrypoint.usage import UsageRecorder


class Counters:
    """A cgroup whose counters a test sets."""

    cpu, memory = 0.0, 0

    def cpu_seconds(self) -> float | None:
        return self.cpu

    def memory_now(self) -> int | None:
        return self.memory

    def memory_limit(self) -> int | None:
        return None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("aws_run_entrypoint.usage.time.monotonic", lambda: now[0])
    return now


def test_peak_and_mean_of_a_job(clock: list[float], tmp_path: Any) -> None:
    counters = Counters()
    usage = UsageRecorder(counters, str(tmp_path))  # type: ignore[arg-type]
    usage.start()
    for cpu_s, gpu in ((0.5, (10, 100)), (2.0, (90, 700)), (0.5, (20, 300))):
        clock[0] += 1.0
        counters.cpu += cpu_s
        usage._gpu.last = gpu
        usage.sample()
    usage.stop()
    assert usage.used(12345) == {
        "samples": 3,
        "peak_memory_bytes": 12345,
        "peak_cpu_percent": 200,
        "mean_cpu_percent": 100,
        "peak_gpu_percent": 90,
        "mean_gpu_percent": 40,
        "peak_gpu_memory_mib": 700,
    }


def test_a_job_without_a_sample_says_nothing(tmp_path: Any) -> None:
    used = UsageRecorder(Counters(), str(tmp_path)).used(None)  # type: ignore[arg-type]
    assert used.pop("samples") == 0
    assert set(used.values()) == {None}
