"""result.json: how the run ended. It is written last, so that whoever sees it sees everything else as well."""

from __future__ import annotations

import json
import time
from typing import Any, Dict, List, Optional

from .contract import EndReason
from .job import Job
from .left_behind import LeftBehind
from .short_names import Renamed
from .transfer import Pulled, Pushed, put_object


class Result:
    """Collected while the run goes on. `reason` None: nothing has ended the run yet."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.started_at = time.time()
        self.exit_code: Optional[int] = None
        self.job_exit_code: Optional[int] = None
        self.reason: Optional[EndReason] = None
        self.detail = ""
        self.unsaved = ""  # the part of `detail` that describes failed saves
        self.signal: Optional[int] = None
        self.command_started_at: Optional[float] = None
        self.command_finished_at: Optional[float] = None
        self.inputs: List[Pulled] = []
        self.checkpoint_in: Optional[Pulled] = None
        self.outputs: Optional[Pushed] = None
        self.checkpoint_out: Optional[Pushed] = None
        self.renamed: List[Renamed] = []
        self.left_behind: Optional[LeftBehind] = None  # looked for only where nothing was saved
        self.retries = 0
        self.peak_memory_bytes: Optional[int] = None
        self.cpu_seconds: Optional[float] = None
        self.used: Optional[Dict[str, Optional[int]]] = None  # as usage.py sums it

    def fail(self, exit_code: int, reason: EndReason, detail: str) -> None:
        self.exit_code, self.reason, self.detail = exit_code, reason, detail

    def record_loss(self, exit_code: int, lost: str) -> None:
        """Something could not be saved. A failing job keeps its exit code; a success without its outputs is a failure.
        The reason stays why the job ended, since the client decides by it whether to start another attempt."""
        self.exit_code = self.exit_code or exit_code
        self.reason = EndReason.SYNC_OUT_FAILED if self.reason in (None, EndReason.EXIT) else self.reason
        self.unsaved = "; ".join(filter(None, (self.unsaved, lost)))
        self.detail = "; ".join(filter(None, (self.detail, lost)))

    def document(self) -> Dict[str, Any]:
        out, saved = self.outputs, self.checkpoint_out
        retries = self.retries + sum(item.retries for item in self.inputs)
        return {
            "version": 1,
            "run_id": self.job.run_id,
            "attempt": self.job.attempt,
            "exit_code": self.exit_code,
            "job_exit_code": self.job_exit_code,
            "reason": self.reason or "",
            "detail": self.detail,
            "unsaved": self.unsaved,
            "signal": self.signal,
            "started_at": _iso(self.started_at),
            "command_started_at": _iso(self.command_started_at),
            "command_finished_at": _iso(self.command_finished_at),
            "finished_at": _iso(time.time()),
            "input": {
                "files": sum(item.files for item in self.inputs),
                "bytes": sum(item.bytes for item in self.inputs),
                "fetched_files": sum(item.fetched_files for item in self.inputs),
                "fetched_bytes": sum(item.fetched_bytes for item in self.inputs),
                "size_only_files": sum(item.size_only for item in self.inputs),
            },
            "output": None
            if out is None
            else {
                "files": out.files,
                "bytes": out.bytes,
                "manifest_version_id": out.manifest_version_id,
                "skipped": [[item.path, item.why] for item in out.skipped[:100]],
                "renamed": len(self.renamed),
            },
            "left_behind": None if self.left_behind is None else self.left_behind.document(),
            "checkpoint": {
                "restored_files": self.checkpoint_in.files if self.checkpoint_in else 0,
                "restored_bytes": self.checkpoint_in.bytes if self.checkpoint_in else 0,
                "saved_files": saved.files if saved else 0,
                "saved_bytes": saved.bytes if saved else 0,
            },
            "retries": retries + (out.retries if out else 0) + (saved.retries if saved else 0),
            "peak_memory_bytes": self.peak_memory_bytes,
            "used": self.used,
            "cpu_seconds": None if self.cpu_seconds is None else round(self.cpu_seconds, 3),
        }

    def write(self) -> None:
        body = json.dumps(self.document(), indent=1).encode()
        put_object(self.job.bucket, f"{self.job.prefix}result.json", body, content_type="application/json")


def _iso(when: Optional[float]) -> Optional[str]:
    if when is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when)) + f".{int(when % 1 * 1000):03d}Z"
