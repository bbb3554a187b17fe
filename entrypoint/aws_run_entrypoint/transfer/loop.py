"""One thread that keeps many connections busy.

A task is a generator that yields requests and gets their answers: `answer = yield Request("GET", key)`. The loop gives
it a connection, signs, sends, retries what is worth retrying with full jitter, and throws what is not into the task.
One thread, because on small files threads spend more time handing the interpreter lock around than working.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from typing import Callable, Deque, Generator, Iterable, Iterator, List, Optional, Set, Tuple

from . import retry
from .concurrency import DEFAULT_LIMIT, ConnectionLimit
from .connection import Connection
from .connections import Connections
from .errors import BarredError, CorruptError, EngineError, NetworkError, S3Error, TooLargeError
from .http1 import AnswerParser, Request, Response
from .server import Bucket, Resolve, Server, resolve
from .values import MIB, OnEvent, Retried, ignore

__all__ = ["Bucket", "Loop", "Task"]

Task = Generator[Request, Response, None]
CONNECT_TIMEOUT_S = 15.0
IDLE_TIMEOUT_S = 60.0
# Big pieces fill the wire long before there are so many connections.
_BYTES_IN_FLIGHT = 128 * MIB
_MAX_REDIRECTS = 3


class _Job:
    __slots__ = ("attempt", "connection", "fresh_connection", "redirects", "request", "task")

    def __init__(self, task: Task, request: Request) -> None:
        self.task = task
        self.request = request
        self.attempt = 0
        self.redirects = 0
        self.connection: Optional[Connection] = None
        self.fresh_connection = False


class Loop:
    """Runs tasks against one bucket. Not shared between threads. Close it, or use it as a context manager."""

    def __init__(
        self,
        bucket: Bucket,
        *,
        limit: int = DEFAULT_LIMIT,
        on_event: OnEvent = ignore,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = lambda: _chance(),
        resolve: Resolve = lambda host, port: resolve(host, port),
    ) -> None:
        self.bucket = bucket
        self.retries = 0
        self._concurrency = ConnectionLimit(limit, monotonic)
        self._server = Server(bucket, resolve)
        self._bytes = 0
        self._emit = on_event
        self._monotonic = monotonic
        self._chance = chance
        self._connections = Connections(self._server)
        self._busy: Set[_Job] = set()
        self._ready: Deque[Task] = deque()
        self._delayed: List[Tuple[float, int, _Job]] = []
        self._order = 0
        self._source: Iterator[Task] = iter(())

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._drop_everything()
        self._connections.close()

    @property
    def waited_s(self) -> float:
        """How long nothing was to be done here, in all."""
        return self._concurrency.waited_s

    def call(self, request: Request) -> Response:
        """One request, waited for."""
        answers: List[Response] = []

        def task() -> Task:
            answers.append((yield request))

        self.run([task()])
        return answers[0]

    def allow(self, limit: int) -> None:
        """So many requests at once from now on."""
        self._concurrency.fix(limit)

    def spawn(self, task: Task) -> None:
        """Adds a task to the running ones, before those that have not begun."""
        self._ready.append(task)

    def run(self, tasks: Iterable[Task], *, expected: int = 0) -> None:
        """Until all tasks, and what they spawned, are over. The first failure stops the others and is raised.
        `expected`: how many there will be, where that is known."""
        self._concurrency.begin(expected)
        self._source = iter(tasks)
        try:
            last_check = self._monotonic()
            while True:
                now = self._monotonic()
                self._start_more(now)
                if not self._busy and not self._delayed:
                    return
                timeout = 1.0
                if self._delayed:
                    timeout = min(timeout, max(0.0, self._delayed[0][0] - now))
                before = self._monotonic()
                ready = self._connections.wait(timeout)
                self._concurrency.waited_s += self._monotonic() - before
                for connection in ready:
                    self._drive(connection)
                now = self._monotonic()
                if now - last_check >= 1.0:
                    last_check = now
                    self._check_timeouts(now)
        except BaseException:
            self._drop_everything()
            raise

    # Starting

    def _start_more(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            self._dispatch(heapq.heappop(self._delayed)[2])
        while len(self._busy) + len(self._delayed) < self._concurrency.limit and self._bytes < _BYTES_IN_FLIGHT:
            task = self._ready.popleft() if self._ready else next(self._source, None)
            if task is None:
                return
            self._advance(task, None)

    def _advance(self, task: Task, answer: Optional[Response]) -> None:
        """Hands the answer over and sends what the task asks for next."""
        try:
            request = task.send(answer)  # type: ignore[arg-type]  # the first send of a generator takes None
        except StopIteration:
            return
        self._dispatch(_Job(task, request))

    def _dispatch(self, job: _Job) -> None:
        try:
            connection = self._connections.take(self._monotonic(), fresh=job.fresh_connection)
        except NetworkError as error:
            self._again_or_fail(job, error)
            return
        request = job.request
        connection.tag = job
        job.connection = connection
        self._busy.add(job)
        self._bytes += request.weight
        if request.sink is not None:
            request.sink.restart()
        parser = AnswerParser(request.method, request.sink, request.most_bytes, from_s3=True)
        connection.start(self._server.head(request), request.body, parser)
        if connection.connecting:
            self._connections.watch(connection)
        else:
            self._drive(connection)

    # Going on

    def _drive(self, connection: Connection) -> None:
        job: Optional[_Job] = connection.tag
        try:
            whole = connection.drive(self._monotonic())
            if not whole:
                self._connections.watch(connection)
                return
            assert connection.parser is not None
            response = connection.parser.response()
        except (NetworkError, CorruptError) as error:
            stale = connection.used > 1 and not (connection.parser is not None and connection.parser.started)
            self._connections.drop(connection)
            if job is None:
                return
            if stale and isinstance(error, NetworkError) and not job.fresh_connection:
                # The server had closed a kept connection meanwhile; the request itself has not failed.
                job.fresh_connection = True
                self._not_busy(job)
                self._dispatch(job)
                return
            if connection.connecting:
                self._server.forget_addresses()
            self._again_or_fail(job, error)
            return
        except (OSError, EOFError, TooLargeError) as error:
            self._connections.drop(connection)
            if job is not None:
                self._fail(job, error)
            return
        assert job is not None
        keep = connection.parser.keep
        began = connection.sent_from or connection.last_active
        self._concurrency.note_answer(connection.last_active, connection.last_active - began)
        self._not_busy(job)
        connection.tag = None
        if keep:
            self._connections.keep(connection)
        else:
            self._connections.drop(connection)
        self._answered(job, response)

    def _answered(self, job: _Job, response: Response) -> None:
        error = retry.error_of(job.request, response)
        if error is None:
            self._concurrency.note_success()
            self._advance(job.task, response)
            return
        if job.redirects < _MAX_REDIRECTS and self._connections.follow(response):
            job.redirects += 1
            self._dispatch(job)
            return
        if error.code in retry.SLOW_DOWN or response.status == 503:
            self._concurrency.slow_down()
        if error.code in retry.EXPIRED:
            self.bucket.credentials.invalidate()
        if error.code == "RequestTimeTooSkewed":
            self._server.correct_clock(response)
        if retry.worth_retrying(error):
            self._again_or_fail(job, error)
        else:
            self._fail(job, error)

    # Failing

    def _again_or_fail(self, job: _Job, error: EngineError) -> None:
        job.attempt += 1
        if job.attempt >= retry.MAX_ATTEMPTS or isinstance(error, BarredError):
            self._fail(job, error)
            return
        self._not_busy(job)
        job.fresh_connection = False
        self.retries += 1
        why = error.code if isinstance(error, S3Error) else str(error)
        self._emit(Retried(job.request.key, why, job.attempt))
        self._order += 1
        when = self._monotonic() + retry.delay_s(job.attempt, self._chance())
        heapq.heappush(self._delayed, (when, self._order, job))

    def _fail(self, job: _Job, error: BaseException) -> None:
        """The task may know what to do; what it raises ends the run."""
        self._not_busy(job)
        try:
            request = job.task.throw(error)
        except StopIteration:
            return
        self._dispatch(_Job(job.task, request))

    def _not_busy(self, job: _Job) -> None:
        if job in self._busy:
            self._busy.remove(job)
            self._bytes -= job.request.weight

    def _check_timeouts(self, now: float) -> None:
        for job in list(self._busy):
            connection = job.connection
            if connection is None or connection.dead:
                continue
            bound = CONNECT_TIMEOUT_S if connection.connecting else IDLE_TIMEOUT_S
            if now - connection.last_active > bound:
                connecting = connection.connecting
                self._connections.drop(connection)
                if connecting:
                    self._server.forget_addresses()
                self._again_or_fail(job, NetworkError(f"no answer from {self._server.host} for {bound:.0f} s"))

    def _drop_everything(self) -> None:
        for job in list(self._busy):
            if job.connection is not None:
                self._connections.drop(job.connection)
            job.task.close()
        for _, _, job in self._delayed:
            job.task.close()
        for task in self._ready:
            task.close()
        self._connections.drop_idle()
        self._busy.clear()
        self._bytes = 0
        self._delayed.clear()
        self._ready.clear()
        self._source = iter(())


def _chance() -> float:
    from random import random  # only who has to wait needs it

    return random()  # noqa: S311 - spreads retries, hides nothing
