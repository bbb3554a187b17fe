"""The outputs of a run that this client follows: beside the job where that was asked for, and once more at its end."""

from __future__ import annotations

import threading
from pathlib import Path

from aws_run.data import NO_OUTPUTS, OutputFolder, OutputListing, follow_output, pull_output
from aws_run.errors import AwsRunError, InterruptedRunError, TransferError
from aws_run.events import Notice, StatusChanged
from aws_run.hints import quoted
from aws_run.lifecycle.context import AppContext
from aws_run.runs.spec import RunSpec

# Between two looks at what the run has saved: a look costs one GET.
_LONGEST_S, _SHORTEST_S = 30.0, 1.0


class OutputFetcher:
    """One folder, written by one thread at a time. What goes wrong beside the job is told and never the run's trouble;
    what goes wrong at the end is."""

    def __init__(self, context: AppContext, spec: RunSpec, output: Path | None, *, follow: bool) -> None:
        self._context = context
        self._spec = spec
        self._follows = follow
        self._over = threading.Event()
        self._given_up = threading.Event()
        self._fetches = False
        self._thread: threading.Thread | None = None
        self._landing: OutputFolder | None = None
        if output is not None:
            self._landing = OutputFolder(output, spec.run_id, remembers=follow)

    @property
    def listing(self) -> OutputListing:
        """What the last look at the run's outputs listed."""
        return self._landing.listing if self._landing is not None else NO_OUTPUTS

    def start(self) -> None:
        if not self._follows or self._landing is None:
            return
        if not self._spec.job.sync_every_s:
            self._context.emit(
                Notice(text="sync_every is 0, so nothing is saved before the job's end and nothing can be followed")
            )
            return
        self._thread = threading.Thread(target=self._follow, name="follow-output", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when nothing more is written: the last fetch has the folder to itself."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def leave(self) -> None:
        """As `stop`, without waiting: nobody is going to write after it."""
        self._over.set()

    def give_up(self) -> bool:
        """Ends the last fetch, from another thread. False where none goes on that could be ended."""
        if not self._fetches or self._given_up.is_set():
            return False
        self._given_up.set()
        return True

    def finish(self) -> AwsRunError | None:
        """Everything the run has saved, what is here already excepted. What kept it is told and returned."""
        self.stop()
        spec, context = self._spec, self._context
        if self._landing is None:
            return None
        context.emit(StatusChanged(status="fetching", detail=str(self._landing.into)))
        self._fetches = True
        failed: AwsRunError
        try:
            pull_output(
                context.storage(spec.bucket),
                spec.run_id,
                self._landing.into,
                emit=context.emit,
                output_folder=self._landing,
                cancel=self._given_up,
            )
        except InterruptedRunError:  # the user did it, and the run's end says what it means
            return InterruptedRunError(
                f"the outputs are not all in {self._landing.into}: the download was interrupted",
                hint=quoted("pull", spec.run_id) + " fetches the rest",
            )
        except AwsRunError as error:
            failed = error
        except Exception as error:  # noqa: BLE001 - a fault of ours in the fetching must not cost the teardown its end
            failed = TransferError(f"The outputs could not be fetched: {type(error).__name__}: {error}")
        else:
            return None
        finally:
            self._fetches = False
        hint = failed.hint or quoted("pull", spec.run_id) + " tries again"
        context.emit(Notice(text=failed.message, level="warning", hint=hint))
        return failed

    def _follow(self) -> None:
        spec, context = self._spec, self._context
        assert self._landing is not None
        every_s = min(max(float(spec.job.sync_every_s), _SHORTEST_S), _LONGEST_S)
        try:
            follow_output(
                context.storage(spec.bucket),
                spec.run_id,
                self._landing.into,
                emit=context.emit,
                over=self._over,
                every_s=every_s,
                output_folder=self._landing,
            )
        except Exception as error:  # noqa: BLE001 - the last fetch tells what is really wrong
            context.emit(Notice(text=f"the outputs are no longer followed: {error}", level="warning"))
