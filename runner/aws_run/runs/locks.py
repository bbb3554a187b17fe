"""The small objects that keep concurrent runs out of each other's way.

`live/<run-id>` is there as long as a run may use the project's shared resources, `leaving/<run-id>` from then until its
teardown has ended. `locks/<project>` is there while a client removes those resources. A starting run writes its mark
and then looks for the lock; a client that removes writes the lock and then looks for marks. S3 is strongly consistent,
so one of the two always sees the other.
"""

from __future__ import annotations

from aws_run.clock import Clock, GrowingWait
from aws_run.errors import AwsCallError
from aws_run.events import Emit, Notice
from aws_run.naming import is_run_id
from aws_run.runs.objects import ABSENT, CHANGED, BucketObjects, ObjectHead

# How long a lock holds without its owner. A teardown begins no removal later than LOCK_FENCE_S after it took the lock,
# and each is given up after less than two minutes: nobody can still be at it when the lock is passed over.
LOCK_S, LOCK_FENCE_S = 180, 60
_LONGEST_LOCK_S = 3600
_LASTS = "lasts-s"  # in the lock's metadata
_FIRST_WAIT_S = 0.5


class RunLocks:
    """The marks of runs and the locks of projects in one bucket."""

    def __init__(self, objects: BucketObjects) -> None:
        self._objects = objects

    # -- marks ----------------------------------------------------------------------------------------------------

    def mark_live(self, run_id: str) -> None:
        self._objects.put(f"live/{run_id}", b"")

    def mark_leaving(self, run_id: str) -> None:
        """The run needs the shared resources no more, and its client has yet to see whether they go: if that client
        dies, `gc` sees this mark."""
        self._objects.put(f"leaving/{run_id}", b"")
        self._objects.delete(f"live/{run_id}")

    def unmark(self, run_id: str) -> None:
        for folder in ("live", "leaving"):
            try:
                self._objects.delete(f"{folder}/{run_id}")
            except AwsCallError as error:
                if error.code not in ABSENT:
                    raise

    def live(self) -> list[str]:
        """The runs that may use their project's shared resources."""
        return self._marked("live")

    def leaving(self) -> list[str]:
        return self._marked("leaving")

    def _marked(self, folder: str) -> list[str]:
        keys = (entry["Key"] for entry in self._objects.list("Contents", Prefix=f"{folder}/"))
        return [run for key in keys if is_run_id(run := key.removeprefix(f"{folder}/"))]

    # -- locks ----------------------------------------------------------------------------------------------------

    def lock(self, project: str, owner: str, clock: Clock, *, lasts_s: int = LOCK_S) -> bool:
        """Takes the right to remove the project's shared resources; False when another client holds it.

        `owner` is one client's name for itself, not a run's: two clients may end one run. It is written into the lock,
        so that a request that is repeated after a lost answer recognises its own.
        """
        key = f"locks/{project}"
        for _ in range(2):
            try:
                self._objects.put(key, owner.encode(), Metadata={_LASTS: str(lasts_s)}, IfNoneMatch="*")
            except AwsCallError as error:
                if error.code not in CHANGED:
                    raise
            else:
                return True
            if self._objects.get(key, most_bytes=len(owner)) == owner.encode():
                return True
            lock = self._objects.head(key)
            if lock is None:
                continue
            if not _is_stale(lock, clock):
                return False
            self._delete_if(key, lock.etag)  # if it is another by now, another client has taken it over
        return False

    def unlock(self, project: str, owner: str) -> None:
        """Gives back `owner`'s lock; one that was passed over meanwhile belongs to another client, and stays."""
        key = f"locks/{project}"
        try:
            body, etag = self._objects.read_with_etag(key)
        except AwsCallError as error:
            if error.code in ABSENT:
                return
            raise
        if body == owner.encode():
            self._delete_if(key, etag)

    def wait_until_unlocked(self, project: str, clock: Clock, emit: Emit = lambda event: None) -> frozenset[str]:
        """Returns at once in the usual case. A lock whose owner died is passed over when its time is up.

        What else there is beside the locks, by key: the account's allowance, if it has one.
        """
        there = frozenset(str(entry["Key"]) for entry in self._objects.list("Contents", Prefix="locks/"))
        if f"locks/{project}" in there:
            self._wait_for(project, clock, emit)
        return there

    def _wait_for(self, project: str, clock: Clock, emit: Emit) -> None:
        wait, told = GrowingWait(clock, first_s=_FIRST_WAIT_S, longest_s=5), False
        while (lock := self._objects.head(f"locks/{project}")) is not None and not _is_stale(lock, clock):
            if not told:
                told = True
                text = f"another client is removing what the runs of {project} share; waiting for it"
                minutes = -(-_lasts_s(lock) // 60)
                emit(
                    Notice(text=text, hint=f"if that client has died, this continues {minutes} minutes after it began")
                )
            wait.sleep()

    def _delete_if(self, key: str, etag: str) -> None:
        try:
            self._objects.delete(key, IfMatch=etag)
        except AwsCallError as error:
            if error.code not in CHANGED | ABSENT:
                raise


def _is_stale(lock: ObjectHead, clock: Clock) -> bool:
    """Whether it is older than its owner can still be at work."""
    return (clock.now() - lock.modified_at).total_seconds() > _lasts_s(lock)


def _lasts_s(lock: ObjectHead) -> int:
    lasts = lock.metadata.get(_LASTS, "")
    return min(int(lasts), _LONGEST_LOCK_S) if lasts.isascii() and lasts.isdigit() and len(lasts) < 10 else LOCK_S
