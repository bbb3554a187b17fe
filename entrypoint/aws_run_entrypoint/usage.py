"""Records what the job uses once a second, as a small CSV that is saved with the results."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from typing import Dict, List, Optional, Tuple

from .cgroup import Cgroup
from .log_marks import UsageNow
from .transfer import Bucket, put_object

COLUMNS = (
    "elapsed_s,cpu_percent,memory_bytes,disk_free_bytes,net_received_bytes,net_sent_bytes,gpu_percent,gpu_memory_mib"
)
# Past this many rows every second one goes and the pace halves: days fit into the same few hundred kilobytes.
_MOST_ROWS = 7200
_GPU_QUERY = ("--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "-l", "1")


_GpuUse = Tuple[Optional[int], Optional[int]]  # per cent, MiB


class _Span:
    """The largest and the mean of what was sampled; both None where nothing was."""

    def __init__(self) -> None:
        self.peak: Optional[int] = None
        self._sum = self._count = 0

    def add(self, value: Optional[int]) -> None:
        if value is not None:
            self.peak = max(self.peak or 0, value)
            self._sum += value
            self._count += 1

    @property
    def mean(self) -> Optional[int]:
        return self._sum // self._count if self._count else None


class UsageRecorder:
    def __init__(self, cgroup: Cgroup, work_dir: str) -> None:
        self.cgroup = cgroup
        self.work_dir = work_dir
        self.peak_memory_bytes = 0
        self.least_free_bytes = 1 << 62
        self._rows: List[str] = []
        self._every = 1
        self._skip = 0
        self._began = time.monotonic()
        self._cpu_before: Tuple[float, Optional[float]] = (self._began, None)
        self._gpu = _Gpu()
        self._samples = 0
        self._spans = (_Span(), _Span(), _Span())  # CPU, GPU, GPU memory
        self._last: Tuple[Optional[str], Optional[int], _GpuUse] = (None, None, (None, None))

    def start(self) -> None:
        self._began = time.monotonic()
        self._cpu_before = (self._began, self.cgroup.cpu_seconds())
        self._gpu.start()

    def stop(self) -> None:
        self._gpu.stop()

    def sample(self) -> None:
        """Called about once a second."""
        now = time.monotonic()
        memory = self.cgroup.memory_now()
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory or 0)
        free = _free(self.work_dir)
        if free is not None:
            self.least_free_bytes = min(self.least_free_bytes, free)
        self._samples += 1
        self._skip += 1
        if self._skip < self._every:
            return
        self._skip = 0
        received, sent = network_bytes()
        cpu = self._cpu(now)
        self._last = (cpu, memory, self._gpu.last)
        values = (None if cpu is None else int(cpu), *self._gpu.last)
        for span, value in zip(self._spans, values):  # noqa: B905 - strict came with Python 3.10
            span.add(value)
        cells = [f"{now - self._began:.1f}", cpu, memory, free, received, sent, *self._gpu.last]
        self._rows.append(",".join("" if cell is None else str(cell) for cell in cells))
        if len(self._rows) > _MOST_ROWS:
            self._rows = self._rows[::2]
            self._every *= 2

    def now(self) -> UsageNow:
        """As the last sample saw it."""
        cpu, memory, gpu = self._last
        gpu_percent, gpu_memory = gpu
        limit = self.cgroup.memory_limit()
        return UsageNow(None if cpu is None else int(cpu), memory, limit, gpu_percent, gpu_memory)

    def used(self, peak_memory_bytes: Optional[int]) -> Dict[str, Optional[int]]:
        """The run's use as one value. `peak_memory_bytes`: as the kernel has counted it."""
        cpu, gpu, gpu_memory = self._spans
        return {
            "samples": self._samples,
            "peak_memory_bytes": peak_memory_bytes,
            "peak_cpu_percent": cpu.peak,
            "mean_cpu_percent": cpu.mean,
            "peak_gpu_percent": gpu.peak,
            "mean_gpu_percent": gpu.mean,
            "peak_gpu_memory_mib": gpu_memory.peak,
        }

    def csv(self) -> bytes:
        return "\n".join([COLUMNS, *self._rows, ""]).encode()

    def write(self, bucket: Bucket, key: str) -> None:
        if self._rows:
            put_object(bucket, key, self.csv(), content_type="text/csv")

    def _cpu(self, now: float) -> Optional[str]:
        """Per cent of one core since the last sample."""
        used = self.cgroup.cpu_seconds()
        before_at, before = self._cpu_before
        self._cpu_before = (now, used)
        if used is None or before is None or now <= before_at:
            return None
        return f"{100 * (used - before) / (now - before_at):.0f}"


class _Gpu:
    """One `nvidia-smi` that speaks once a second, where there is one. Several GPUs: mean use, memory in all."""

    def __init__(self) -> None:
        self.last: _GpuUse = (None, None)
        self._process: Optional["subprocess.Popen[str]"] = None

    def start(self) -> None:
        tool = shutil.which("nvidia-smi")
        if tool is None:
            return
        try:
            self._process = subprocess.Popen(
                [tool, *_GPU_QUERY],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
                text=True,
            )
        except OSError:
            return  # no driver behind it: the columns stay empty
        threading.Thread(target=self._read, name="aws-run-gpu", daemon=True).start()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _read(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            return
        round_: List[Tuple[int, int]] = []
        began = time.monotonic()
        with process.stdout as lines:
            for line in lines:
                use, _, memory = line.partition(",")
                if not use.strip().isdigit() or not memory.strip().isdigit():
                    continue
                if time.monotonic() - began > 0.5:
                    round_, began = [], time.monotonic()
                round_.append((int(use), int(memory)))
                self.last = (sum(u for u, _ in round_) // len(round_), sum(m for _, m in round_))


def network_bytes(path: str = "/proc/net/dev") -> Tuple[Optional[int], Optional[int]]:
    """Received and sent since boot, over all interfaces but the loopback."""
    received = sent = 0
    try:
        with open(path, encoding="ascii") as file:
            for line in file.readlines()[2:]:
                name, _, rest = line.partition(":")
                cells = rest.split()
                if name.strip() != "lo" and len(cells) >= 9:
                    received += int(cells[0])
                    sent += int(cells[8])
    except (OSError, ValueError):
        return None, None
    return received, sent


def _free(path: str) -> Optional[int]:
    try:
        disk = os.statvfs(path)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize
