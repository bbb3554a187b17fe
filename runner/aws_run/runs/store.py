"""Run records in the bucket, and the small objects that keep concurrent runs out of each other's way.

`live/<run-id>` is there as long as a run may use the project's shared resources, `leaving/<run-id>` from then until its
teardown is through. `locks/<project>` is there while
somebody removes them. A starting run writes its mark and then looks for the lock; a removing one writes the lock and
then looks for marks: S3 is strongly consistent, so one of the two sees the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from aws_run.aws.session import Aws
from aws_run.clock import Clock
from aws_run.errors import AwsCallError, AwsRunError, RunNotFoundError
from aws_run.events import Emit, Notice
from aws_run.naming import RunKeys, is_run_id, project_of_run
from aws_run.runs.record import Record, dump
from aws_run.runs.record_reader import MOST_BYTES, load

_ABSENT = {"NoSuchKey", "404", "NotFound", "NoSuchBucket"}
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
# How long a lock holds without its owner. A teardown begins no removal later than LOCK_FENCE_S after it took the lock,
# and each is given up after less than two minutes: nobody can still be at it when the lock is passed over.
LOCK_S, LOCK_FENCE_S = 180, 60
_LONGEST_LOCK_S = 3600
_NO_SUCH_RANGE = {"InvalidRange", "416"}  # of an empty object
_PIECE = 2 * 1024 * 1024
_LASTS = "lasts-s"  # in the lock's metadata
_WRITE_EVERY_S = 5.0
_FIRST_WAIT_S = 0.5


class RunStore:
    def __init__(self, aws: Aws, bucket: str, owner: str) -> None:
        self._aws = aws
        self._on: dict[str, Any] = {"Bucket": bucket, "ExpectedBucketOwner": owner}

    def create(self, record: Record) -> str:
        """Writes a new run's record and returns its ETag. Fails when another of that name is there."""
        try:
            return self._put(record, IfNoneMatch="*")
        except AwsCallError as error:
            if error.code not in _CHANGED:
                raise
            # A repeated request after a lost answer meets the record that the first one wrote.
            there, etag = self.read(record.run_id)
            if there != record:
                raise
            return etag

    def replace(self, record: Record, etag: str) -> str | None:
        """The new ETag, None when somebody else has written since `etag`."""
        try:
            return self._put(record, IfMatch=etag)
        except AwsCallError as error:
            if error.code in _CHANGED:
                return None
            raise

    def _put(self, record: Record, **condition: str) -> str:
        answer = self._aws.call(
            "s3",
            "put_object",
            Key=RunKeys(run_id=record.run_id).record,
            Body=dump(record),
            ContentType="application/json",
            **condition,
            **self._on,
        )
        return str(answer["ETag"])

    def read(self, run_id: str) -> tuple[Record, str]:
        """(record, ETag). RunNotFoundError when there is none, DamagedError where it is not as this tool writes it."""
        try:
            body, etag = self._aws.read_object(Key=RunKeys(run_id=run_id).record, most_bytes=MOST_BYTES, **self._on)
        except AwsCallError as error:
            if error.code in _ABSENT:
                raise RunNotFoundError(
                    f"No run {run_id} is recorded in this account and region", hint="`aws-run ps` lists the runs"
                ) from error
            raise
        return load(body, run_id=run_id), etag

    def run_ids(self, project: str | None = None) -> list[str]:
        """All recorded runs (of one project), oldest first by time."""
        prefix = f"runs/{project}-" if project else "runs/"
        try:
            found = list(
                self._aws.pages("s3", "list_objects_v2", "CommonPrefixes", Prefix=prefix, Delimiter="/", **self._on)
            )
        except AwsCallError as error:
            if error.code in _ABSENT:
                return []
            raise
        ids = [entry["Prefix"].removeprefix("runs/").rstrip("/") for entry in found]
        mine = [run for run in ids if is_run_id(run) and (project is None or project_of_run(run) == project)]
        return sorted(mine, key=lambda run: run[-20:])

    def projects(self) -> dict[str, int]:
        """The number of recorded runs of each project that has anything in the bucket."""
        found: dict[str, int] = {}
        for run in self.run_ids():
            found[project_of_run(run)] = found.get(project_of_run(run), 0) + 1
        try:
            inputs = self._aws.pages(
                "s3", "list_objects_v2", "CommonPrefixes", Prefix="inputs/", Delimiter="/", **self._on
            )
            for entry in inputs:
                found.setdefault(entry["Prefix"].removeprefix("inputs/").rstrip("/"), 0)
        except AwsCallError as error:
            if error.code not in _ABSENT:
                raise
        return found

    def exists(self) -> bool:
        """Whether the bucket is there at all."""
        try:
            self._aws.call("s3", "head_bucket", **self._on)
        except AwsCallError as error:
            if error.code in _ABSENT:
                return False
            raise
        return True

    # -- marks and locks ------------------------------------------------------------------------------------------

    def mark_live(self, run_id: str) -> None:
        self._aws.call("s3", "put_object", Key=f"live/{run_id}", Body=b"", **self._on)

    def mark_leaving(self, run_id: str) -> None:
        """The run needs the shared resources no more, and its client has yet to see whether they go: if that dies, `gc`
        finds this mark."""
        self._aws.call("s3", "put_object", Key=f"leaving/{run_id}", Body=b"", **self._on)
        self._aws.call("s3", "delete_object", Key=f"live/{run_id}", **self._on)

    def unmark(self, run_id: str) -> None:
        for folder in ("live", "leaving"):
            try:
                self._aws.call("s3", "delete_object", Key=f"{folder}/{run_id}", **self._on)
            except AwsCallError as error:
                if error.code not in _ABSENT:
                    raise

    def live(self) -> list[str]:
        """The runs that may use their project's shared resources."""
        return self._marked("live")

    def leaving(self) -> list[str]:
        return self._marked("leaving")

    def _marked(self, folder: str) -> list[str]:
        try:
            found = self._aws.pages("s3", "list_objects_v2", "Contents", Prefix=f"{folder}/", **self._on)
            return [run for entry in found if is_run_id(run := entry["Key"].removeprefix(f"{folder}/"))]
        except AwsCallError as error:
            if error.code in _ABSENT:
                return []
            raise

    def lock(self, project: str, owner: str, clock: Clock, *, lasts_s: int = LOCK_S) -> bool:
        """Takes the right to remove the project's shared resources; False when somebody else is at it.

        `owner` is one client's name for itself, not a run's: two clients may end one run. It is written into the lock,
        so that a repeated request after a lost answer knows its own.
        """
        key = f"locks/{project}"
        for _ in range(2):
            try:
                self._aws.call(
                    "s3",
                    "put_object",
                    Key=key,
                    Body=owner.encode(),
                    Metadata={_LASTS: str(lasts_s)},
                    IfNoneMatch="*",
                    **self._on,
                )
            except AwsCallError as error:
                if error.code not in _CHANGED:
                    raise
            else:
                return True
            if self.get(key, most_bytes=len(owner)) == owner.encode():
                return True
            found = self._head(key)
            if found is None:
                continue
            if not _is_stale(found, clock):
                return False
            self._delete_if(key, found["ETag"])  # no longer that one: somebody else has taken it over
        return False

    def unlock(self, project: str, owner: str) -> None:
        """Gives back `owner`'s lock; one that was passed over meanwhile is somebody else's, and stays."""
        key = f"locks/{project}"
        try:
            body, etag = self._aws.read_object(Key=key, **self._on)
        except AwsCallError as error:
            if error.code in _ABSENT:
                return
            raise
        if body == owner.encode():
            self._delete_if(key, etag)

    def _delete_if(self, key: str, etag: str) -> None:
        try:
            self._aws.call("s3", "delete_object", Key=key, IfMatch=etag, **self._on)
        except AwsCallError as error:
            if error.code not in _CHANGED | _ABSENT:
                raise

    def wait_until_unlocked(self, project: str, clock: Clock, emit: Emit = lambda event: None) -> None:
        """Returns at once in the usual case. A lock whose owner died is passed over when its time is up."""
        wait_s = _FIRST_WAIT_S
        while (found := self._head(f"locks/{project}")) is not None and not _is_stale(found, clock):
            if wait_s == _FIRST_WAIT_S:
                text = f"another client is removing what the runs of {project} share; waiting for it"
                minutes = -(-_lasts_s(found) // 60)
                emit(Notice(text=text, hint=f"if that client has died, this goes on {minutes} minutes after its start"))
            clock.sleep(wait_s)
            wait_s = min(wait_s * 1.5, 5)

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            return self._aws.call("s3", "head_object", Key=key, **self._on)
        except AwsCallError as error:
            if error.code in _ABSENT:
                return None
            raise

    def put_text(self, key: str, text: BinaryIO) -> None:
        """Read as it is sent, so that its length does not matter."""
        self._aws.call("s3", "put_object", Key=key, Body=text, ContentType="text/plain; charset=utf-8", **self._on)

    def pieces(self, key: str) -> Iterator[bytes] | None:
        """An object of any size, piece by piece; None when there is none."""
        found = self._head(key)
        return None if found is None else self._pieces(key, int(found["ContentLength"]), str(found["ETag"]))

    def _pieces(self, key: str, size: int, etag: str) -> Iterator[bytes]:
        for begin in range(0, size, _PIECE):
            where = f"bytes={begin}-{min(begin + _PIECE, size) - 1}"
            yield self._body(Key=key, Range=where, IfMatch=etag)

    def last_bytes(self, key: str, count: int) -> bytes:
        """The end of an object; nothing of one that is not there, or is empty."""
        try:
            return self._body(Key=key, Range=f"bytes=-{count}")
        except AwsCallError as error:
            if error.code in _ABSENT | _NO_SUCH_RANGE:
                return b""
            raise

    def _body(self, **which: Any) -> bytes:
        return self._aws.read_object(**which, **self._on)[0]

    def get(self, key: str, *, most_bytes: int | None = None) -> bytes | None:
        """None where there is none. Of what is larger than `most_bytes`, one byte more than those."""
        try:
            return self._aws.read_object(Key=key, most_bytes=most_bytes, **self._on)[0]
        except AwsCallError as error:
            if error.code in _ABSENT:
                return None
            raise


def _is_stale(lock: Mapping[str, Any], clock: Clock) -> bool:
    """Older than its owner may still be at it."""
    return bool((clock.now() - lock["LastModified"]).total_seconds() > _lasts_s(lock))


def _lasts_s(lock: Mapping[str, Any]) -> int:
    lasts = str(lock.get("Metadata", {}).get(_LASTS, ""))
    return min(int(lasts), _LONGEST_LOCK_S) if lasts.isascii() and lasts.isdigit() and len(lasts) < 10 else LOCK_S


class RecordWriter:
    """One client's hold on a record: changes come from several threads, writes go one after the other.

    `change(…)` alone is written every five seconds at most (steps made meanwhile share one: the intent, with every
    name, is in the first write already); `change(…, now=True)` returns when it is in the bucket. A write that meets
    somebody else's (a cancel from another machine) is made again on top of theirs.
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
        self.bucket_gone = False  # somebody has deleted it under the run: there is nothing left to write to

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
        raise AwsRunError("The run record is being rewritten by somebody else again and again")
