"""The end of a run: checkpoint and outputs, then usage.csv, then result.json."""

from __future__ import annotations

import time
from typing import Callable, List, Optional, Sequence, Tuple

from .contract import EndReason
from .errors import describe
from .job import Job
from .periodic_sync import BackgroundSync
from .result import Result
from .retry_saves import Save, save_all
from .short_names import describe_renamed
from .stop_budget import DEADLINE_WINDOW_S, StopPlan
from .supervise import Supervisor
from .sync import push_checkpoint, push_outputs, shorten_outputs
from .transfer import Skipped
from .usage import UsageRecorder

EXIT_TOOL = 125
_STOPPED = (EndReason.STOPPED, EndReason.SPOT_NOTICE, EndReason.DEADLINE)
_MOST_S = 900.0
_MOST_NAMED, _MOST_NAME_CHARS = 20, 200
# Reserved for result.json, which lists what else is missing.
_FOR_THE_RESULT_S = 10.0


def not_saved(what: str, skipped: Sequence[Skipped]) -> str:
    """Counts all files that were skipped and names the first of them."""
    named = "; ".join(f"{repr(item.path)[:_MOST_NAME_CHARS]} {item.why}" for item in skipped[:_MOST_NAMED])
    more = f"; and {len(skipped) - _MOST_NAMED} more" if len(skipped) > _MOST_NAMED else ""
    return f"{len(skipped)} of the {what} could not be saved: {named}{more}"


class Saving:
    """Saves what the run leaves, and decides for how long a failed save is repeated."""

    def __init__(self, job: Job, supervisor: Supervisor, plan: StopPlan, say: Callable[[str], None]) -> None:
        self._job = job
        self._supervisor = supervisor
        self._plan = plan
        self._say = say
        self._failed_at: Optional[float] = None

    def save_folders(self, background: BackgroundSync, result: Result) -> None:
        """Saves outputs and checkpoint. After a stop, when time is short, the checkpoint goes first, for the next
        attempt begins with it."""
        background.wind_down()

        def outputs() -> None:
            background.outputs.stop()
            if not result.renamed:
                result.renamed = shorten_outputs(self._job)
            result.outputs = push_outputs(self._job)

        def checkpoint() -> None:
            background.checkpoint.stop()
            result.checkpoint_out = push_checkpoint(self._job)

        in_turn = [Save("the outputs", outputs), Save("the checkpoint", checkpoint)]
        if result.reason in _STOPPED:
            in_turn.reverse()
        for save, error in self._save(in_turn, result, _FOR_THE_RESULT_S):
            result.record_loss(EXIT_TOOL, f"{save.what} could not be saved: {describe(error)}")
        if result.outputs is not None and result.outputs.skipped:
            result.record_loss(EXIT_TOOL, not_saved("outputs", result.outputs.skipped))
        if result.renamed:
            told = describe_renamed(result.renamed, most=_MOST_NAMED, most_chars=_MOST_NAME_CHARS)
            result.record_loss(EXIT_TOOL, told)
        if result.checkpoint_out is not None and result.checkpoint_out.skipped:
            lost = not_saved("checkpoint's files", result.checkpoint_out.skipped)
            if result.reason in _STOPPED:
                result.record_loss(EXIT_TOOL, lost)
            else:
                self._say(lost)  # no attempt is going to begin with it
        result.retries += background.retries

    def finish(self, usage: UsageRecorder, result: Result) -> int:
        """The container's exit code."""
        if result.reason not in (EndReason.EXIT, None):
            self._say(f"{result.reason}: {result.detail}" if result.detail else f"the job ended: {result.reason}")
        table = Save("usage.csv", lambda: usage.write(self._job.bucket, f"{self._job.prefix}usage.csv"))
        lost = self._save([table], result, _FOR_THE_RESULT_S)
        unwritten = self._save([Save("the result", result.write)], result, 0.0)
        for save, error in unwritten or lost:  # where the result itself is lost, the table does not matter
            self._say(f"{save.what} could not be written: {describe(error)}")
        if unwritten:
            return result.exit_code or EXIT_TOOL
        return EXIT_TOOL if result.exit_code is None else result.exit_code

    def _save(self, saves: List[Save], result: Result, kept_s: float) -> List[Tuple[Save, Exception]]:
        return save_all(saves, until=lambda: self.until(result) - kept_s, say=self._say)

    def until(self, result: Result) -> float:
        """When to give up, of the monotonic clock; called when a save has failed. After a stop or the deadline there is
        a window, at whose end the container is killed. Where no command was run there is no work to lose, and waiting
        costs money."""
        if self._failed_at is None:
            self._failed_at = time.monotonic()
        most = self._failed_at + (_MOST_S if result.command_started_at is not None else 0.0)
        stopped_at, reason = self._supervisor.stopped_at, self._supervisor.stop_reason
        if stopped_at is not None and reason is not None:
            return min(most, stopped_at + self._plan.window_s(reason))
        if self._job.deadline is not None:
            return min(most, time.monotonic() + self._job.deadline + DEADLINE_WINDOW_S - time.time())
        return most
