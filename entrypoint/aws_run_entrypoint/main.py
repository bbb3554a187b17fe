"""The story of one container: in, run, out, result, exit code."""

from __future__ import annotations

import errno
import os
import sys
import time
from typing import Callable, List, Mapping, Optional, Sequence

from .background import BackgroundSync
from .cgroup import Cgroup
from .job import ContractError, Job, job_environment, read_job
from .reserve import StopPlan
from .result import Result
from .supervise import Outcome, StopRequested, Supervisor
from .sync import push_checkpoint, push_outputs, restore_checkpoint, sync_in
from .transfer import DiskFullError, EngineError, NoCredentialsError
from .usage import UsageRecorder

EXIT_TOOL = 125
EXIT_DEADLINE = 124
_STOPPED = ("stopped", "spot-notice", "deadline")
_FULL_BELOW_BYTES = 16 * 1024 * 1024


def say(text: str) -> None:
    """The entrypoint's own lines: few, and told apart from the job's."""
    print(f"aws-run: {text}", file=sys.stderr, flush=True)


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    try:
        job = read_job(env, argv)
    except (ContractError, NoCredentialsError) as error:
        say(str(error))
        return EXIT_TOOL
    result = Result(job)
    usage = UsageRecorder(Cgroup(), job.work_dir)
    background = BackgroundSync(job, say)
    plan = StopPlan(
        stop_grace_s=job.stop_grace_s,
        stop_window_s=job.stop_window_s,
        notice_file=job.notice_file,
        unsaved=background.unsaved,
        pace=background.pace,
        say=say,
    )
    supervisor = Supervisor(
        deadline=job.deadline,
        grace=plan.grace,
        notice_file=job.notice_file,
        on_tick=usage.sample,
        on_notice=lambda reason: background.hurry(),
    )
    try:
        if _bring_in(job, supervisor, result):
            _run(job, env, supervisor, background, usage, result)
            _take_out(job, result)
        return _finish(job, usage, result)
    finally:
        supervisor.close()


def _bring_in(job: Job, supervisor: Supervisor, result: Result) -> bool:
    """False when the command can't be started; the result says why."""
    began = time.monotonic()
    try:
        with supervisor.interruptible():
            result.inputs = sync_in(job)
            result.checkpoint_in = restore_checkpoint(job)
    except StopRequested as stop:
        code = EXIT_DEADLINE if stop.reason == "deadline" else EXIT_TOOL
        result.fail(code, stop.reason, "stopped before the command was started")
        return False
    except DiskFullError as error:
        result.fail(EXIT_TOOL, "disk-full", f"the inputs do not fit on the disk: {error}")
        return False
    except (EngineError, OSError) as error:
        result.fail(EXIT_TOOL, "sync-in-failed", f"the inputs could not be fetched: {_plainly(error, job.work_dir)}")
        return False
    files, total = sum(i.files for i in result.inputs), sum(i.bytes for i in result.inputs)
    if files:
        say(f"input ready: {files} files, {size(total)} in {time.monotonic() - began:.1f} s")
    unsure = sum(i.size_only for i in result.inputs)
    if unsure:
        say(f"S3 has neither a CRC32 nor an MD5 sum of {unsure} of them, so only their size was checked")
    if result.checkpoint_in is not None:
        say(f"checkpoint restored: {result.checkpoint_in.files} files, {size(result.checkpoint_in.bytes)}")
    return True


def _plainly(error: Exception, work_dir: str) -> str:
    if not isinstance(error, OSError) or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
        return str(error)
    where = error.filename or work_dir
    return f"{where} can't be written; the image's user needs {work_dir} to be writable, and a volume there will do"


def _run(
    job: Job,
    env: Mapping[str, str],
    supervisor: Supervisor,
    background: BackgroundSync,
    usage: UsageRecorder,
    result: Result,
) -> None:
    kills_before = usage.cgroup.oom_kills() or 0
    background.start()
    usage.start()
    result.command_started_at = time.time()
    try:
        outcome = supervisor.run(job.argv, job_environment(env))
    except StopRequested as stop:
        code = EXIT_DEADLINE if stop.reason == "deadline" else EXIT_TOOL
        outcome = Outcome(code, stop.reason, detail="stopped before the command was started")
    finally:
        background.stop()
    result.command_finished_at = time.time()
    usage.stop()
    result.retries += background.retries
    result.exit_code = result.job_exit_code = outcome.exit_code
    result.reason, result.detail, result.signal = outcome.reason, outcome.detail, outcome.signal
    result.cpu_seconds = outcome.cpu_seconds
    result.peak_memory_bytes = usage.cgroup.memory_peak() or usage.peak_memory_bytes or outcome.peak_rss_bytes
    if outcome.reason in ("exit", "signal") and outcome.exit_code != 0:
        _explain(job, result, usage, kills_before)


def _explain(job: Job, result: Result, usage: UsageRecorder, kills_before: int) -> None:
    """Out of memory and a full disk look like any failure to the job; the machine knows better."""
    kills = usage.cgroup.oom_kills() or 0
    if kills > kills_before:
        limit = usage.cgroup.memory_limit()
        room = f" of {size(limit)}" if limit else ""
        result.reason = "out-of-memory"
        result.detail = f"the kernel killed a process of the job because its memory{room} was used up"
    elif min(usage.least_free_bytes, free_bytes(job.work_dir)) < _FULL_BELOW_BYTES:
        result.reason = "disk-full"
        result.detail = f"the disk of {job.work_dir} was full"


def _take_out(job: Job, result: Result) -> None:
    """One that can't be saved costs the other nothing. Where time is short the checkpoint goes first: it is what the
    next attempt begins with."""
    in_turn: List[Callable[[Job, Result], None]] = [_save_outputs, _save_checkpoint]
    for save in reversed(in_turn) if result.reason in _STOPPED else in_turn:
        try:
            save(job, result)
        except (EngineError, OSError) as error:
            _out_failed(result, error)


def _save_outputs(job: Job, result: Result) -> None:
    result.outputs = push_outputs(job)
    for item in result.outputs.skipped[:20]:
        say(f"not saved: {item.path!r} {item.why}")


def _save_checkpoint(job: Job, result: Result) -> None:
    result.checkpoint_out = push_checkpoint(job)


def _out_failed(result: Result, error: Exception) -> None:
    """The job's own failure stays the exit code; a success without its outputs is none."""
    if result.exit_code in (0, None):
        result.exit_code = EXIT_TOOL
    result.reason, result.detail = "sync-out-failed", f"the outputs could not be saved: {error}"


def _finish(job: Job, usage: UsageRecorder, result: Result) -> int:
    if result.reason not in ("exit", ""):
        say(f"{result.reason}: {result.detail}" if result.detail else f"the job ended: {result.reason}")
    try:
        usage.write(job.bucket, f"{job.prefix}usage.csv")
        result.write()
    except (EngineError, OSError) as error:
        say(f"the result could not be written: {error}")
        return result.exit_code or EXIT_TOOL
    return EXIT_TOOL if result.exit_code is None else result.exit_code


def free_bytes(path: str) -> int:
    try:
        found = os.statvfs(path)
    except OSError:
        return 1 << 62
    return found.f_bavail * found.f_frsize


def size(count: Optional[int]) -> str:
    amount = float(count or 0)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
