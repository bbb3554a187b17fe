"""The story of one container: in, run, out, result, exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from typing import Callable, Mapping, Optional, Sequence

from . import contract
from .cgroup import ROOT, Cgroup
from .contract import EndReason
from .errors import describe
from .first_minute import FirstMinute
from .job import ContractError, Job, job_environment, read_job
from .left_behind import find_left_behind
from .log_marks import UsageNow, usage_line
from .periodic_sync import BackgroundSync
from .result import Result
from .saving import EXIT_TOOL, Saving
from .stop_budget import StopPlan
from .supervise import Outcome, StopRequested, Supervisor
from .sync import restore_checkpoint, sync_in
from .transfer import DiskFullError, NoCredentialsError
from .usage import UsageRecorder

EXIT_DEADLINE = 124
_FULL_BELOW_BYTES = 16 * 1024 * 1024
_USAGE_EVERY_TICKS = 10  # seconds: some hundred bytes of log a minute


def say(text: str) -> None:
    """Prints a line of the entrypoint's own, marked so that it differs from the job's."""
    print(f"aws-run: {text}", file=sys.stderr, flush=True)


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    try:
        job = read_job(env, argv)
    except (ContractError, NoCredentialsError) as error:
        say(str(error))
        return EXIT_TOOL
    first_minute = FirstMinute(job.new_role_s, say)
    result = Result(job)
    usage = UsageRecorder(Cgroup(env.get(contract.CGROUP) or ROOT), job.work_dir)
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
        on_tick=UsageReport(usage, lambda line: supervisor.add_to_log(line)).tick,
        on_notice=lambda reason: background.hurry(),
    )
    saving = Saving(job, supervisor, plan, say)
    try:
        if _bring_in(job, supervisor, first_minute, result):
            _run(job, env, supervisor, background=background, usage=usage, result=result)
            saving.save_folders(background, result)
            _judge_outputs(job, result)
        return saving.finish(usage, result)
    finally:
        supervisor.close()


def _bring_in(job: Job, supervisor: Supervisor, first_minute: FirstMinute, result: Result) -> bool:
    """False when the command can't be started; the result says why."""
    began = time.monotonic()
    try:
        with supervisor.interruptible():
            result.inputs = first_minute.patiently(lambda: sync_in(job))
            result.checkpoint_in = first_minute.patiently(lambda: restore_checkpoint(job))
    except StopRequested as stop:
        code = EXIT_DEADLINE if stop.reason is EndReason.DEADLINE else EXIT_TOOL
        result.fail(code, stop.reason, "the command had not been started")
        return False
    except DiskFullError as error:
        result.fail(EXIT_TOOL, EndReason.DISK_FULL, f"the inputs do not fit on the disk: {error}")
        return False
    except Exception as error:  # noqa: BLE001 - the result reports it, whatever it is
        detail = f"the inputs could not be fetched: {_describe_sync_in(error, job.work_dir)}"
        result.fail(EXIT_TOOL, EndReason.SYNC_IN_FAILED, detail)
        return False
    files, total = sum(i.files for i in result.inputs), sum(i.bytes for i in result.inputs)
    if files:
        took_s = time.monotonic() - began
        say(f"input ready: {files} {'file' if files == 1 else 'files'}, {size(total)} in {took_s:.1f} s")
    unsure = sum(i.size_only for i in result.inputs)
    if unsure:
        say(f"S3 has neither a CRC32 nor an MD5 sum of {unsure} of them, so only their size was checked")
    if result.checkpoint_in is not None:
        say(f"checkpoint restored: {result.checkpoint_in.files} files, {size(result.checkpoint_in.bytes)}")
    return True


def _describe_sync_in(error: Exception, work_dir: str) -> str:
    if not isinstance(error, OSError) or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
        return describe(error)
    where = error.filename or work_dir
    return f"{where} can't be written; the image's user needs {work_dir} to be writable, and a volume there will do"


def _run(
    job: Job,
    env: Mapping[str, str],
    supervisor: Supervisor,
    *,
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
        code = EXIT_DEADLINE if stop.reason is EndReason.DEADLINE else EXIT_TOOL
        outcome = Outcome(code, stop.reason, detail="the command had not been started")
    finally:
        background.wind_down()
    result.command_finished_at = time.time()
    usage.stop()
    result.exit_code = result.job_exit_code = outcome.exit_code
    result.reason, result.detail, result.signal = outcome.reason, outcome.detail, outcome.signal
    result.cpu_seconds = outcome.cpu_seconds
    result.peak_memory_bytes = usage.cgroup.memory_peak() or usage.peak_memory_bytes or outcome.peak_rss_bytes
    result.used = usage.used(result.peak_memory_bytes)
    if outcome.reason in (EndReason.EXIT, EndReason.SIGNAL) and outcome.exit_code != 0:
        _explain_failure(job, result, usage, kills_before)


def _judge_outputs(job: Job, result: Result) -> None:
    """A job that ended by itself and saved nothing: what it wrote elsewhere is named, and where outputs are required
    its success is none. The container ends with the code that stands in the result, so this is decided here."""
    out = result.outputs
    ended_itself = result.reason is EndReason.EXIT and result.command_started_at is not None
    if not ended_itself or out is None or out.files or out.skipped:
        return
    saved = [job.input_dir, job.output_dir, *([job.checkpoint_path] if job.checkpoint_path else [])]
    with contextlib.suppress(OSError):  # the job may have removed its working directory
        result.left_behind = find_left_behind(os.getcwd(), result.command_started_at or 0.0, saved)
    if job.outputs_required and result.exit_code == 0:
        result.fail(EXIT_TOOL, EndReason.NO_OUTPUT, "the job ended with 0 and saved no output, which is required")


class UsageReport:
    """Samples once a second, and tells the log now and then, for whoever looks at the run. A short job is told of
    nothing."""

    def __init__(self, usage: UsageRecorder, write: Callable[[bytes], None]) -> None:
        self._usage = usage
        self._write = write
        self._ticks = 0

    def tick(self) -> None:
        self._ticks += 1
        with contextlib.suppress(Exception):  # a missing row in usage.csv must not fail the run
            self._usage.sample()
            now = self._usage.now()
            if self._ticks % _USAGE_EVERY_TICKS == 0 and now != UsageNow(memory_limit_bytes=now.memory_limit_bytes):
                self._write(usage_line(now))


def _explain_failure(job: Job, result: Result, usage: UsageRecorder, kills_before: int) -> None:
    """A job that runs out of memory or disk fails like any other; the kernel's counters tell the difference."""
    kills = usage.cgroup.oom_kills() or 0
    if kills > kills_before:
        limit = usage.cgroup.memory_limit()
        room = f" of {size(limit)}" if limit else ""
        result.reason = EndReason.OUT_OF_MEMORY
        result.detail = f"the kernel killed a process of the job because its memory{room} was used up"
    elif min(usage.least_free_bytes, free_bytes(job.work_dir)) < _FULL_BELOW_BYTES:
        result.reason = EndReason.DISK_FULL
        result.detail = f"the disk of {job.work_dir} was full"


def free_bytes(path: str) -> int:
    try:
        disk = os.statvfs(path)
    except OSError:
        return 1 << 62
    return disk.f_bavail * disk.f_frsize


def size(count: Optional[int]) -> str:
    amount = float(count or 0)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
