"""One client's hold on a run's record."""

from __future__ import annotations

import threading
from collections.abc import Callable

from aws_run.clock import Clock
from aws_run.errors import AwsCallError, AwsRunError
from aws_run.runs.record import Record
from aws_run.runs.store import RunStore

_WRITE_EVERY_S = 5.0


class RecordWriter:
    """Changes come from several threads, and the writes go one after the other.

    `change(…)` alone writes every five seconds at most (steps made meanwhile share one write: the intent, with every
    name, is in the first write already); `change(…, now=True)` returns when the record is in the bucket. A write that
    meets another client's (a cancel from another machine) is made again on top of that one. A step may therefore be
    applied more than once, and to a record with fields that this version does not know: it changes what it is about,
    by `replace` and the methods of `Record`, and leaves all else.
    """

    def __init__(self, store: RunStore, record: Record, etag: str, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._pending: list[Callable[[Record], Record]] = []
        self._record = record
        self._etag = etag
        self._written = clock.monotonic()
        self.bucket_gone = False  # it was deleted under the run: there is nothing left to write to

    @classmethod
    def begin(cls, store: RunStore, record: Record, clock: Clock) -> RecordWriter:
        return cls(store, record, store.create(record), clock)

    @classmethod
    def resume(cls, store: RunStore, run_id: str, clock: Clock) -> RecordWriter:
        record, etag = store.read(run_id)
        return cls(store, record, etag, clock)

    @property
    def record(self) -> Record:
        with self._lock:
            return self._record

    def change(self, step: Callable[[Record], Record], *, now: bool = False) -> None:
        with self._lock:
            self._record = step(self._record)
            self._pending.append(step)
            due = now or self._clock.monotonic() - self._written >= _WRITE_EVERY_S
        if due:
            self.flush()

    def flush(self) -> None:
        with self._write_lock:
            self._drain()
            self._written = self._clock.monotonic()

    def _drain(self) -> None:
        while True:
            with self._lock:
                steps, self._pending = self._pending, []
                wanted = self._record
            if not steps:
                return
            if self.bucket_gone:
                return
            try:
                self._write(wanted, steps)
            except AwsRunError as error:
                self.bucket_gone = isinstance(error, AwsCallError) and error.code == "NoSuchBucket"
                with self._lock:  # what could not be written goes out with the next change
                    self._pending = [*steps, *self._pending]
                raise

    def _write(self, wanted: Record, steps: list[Callable[[Record], Record]]) -> None:
        for _ in range(6):
            etag = self._store.replace(wanted, self._etag)
            if etag is not None:
                self._etag = etag
                return
            theirs, self._etag = self._store.read(wanted.run_id)
            for step in steps:
                theirs = step(theirs)
            with self._lock:
                self._record = wanted = theirs
                for step in self._pending:
                    self._record = step(self._record)
        raise AwsRunError("The run record is being rewritten by another client again and again")
