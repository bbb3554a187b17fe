"""One thread that keeps many connections busy.

A task is a generator that yields requests and gets their answers: `answer = yield Request("GET", key)`. The loop gives
it a connection, signs, sends, retries what is worth retrying with full jitter, and throws what is not into the task.
One thread, because on small files threads spend more time handing the interpreter lock around than working.
"""

from __future__ import annotations

import heapq
import socket
import time
from collections import deque
from typing import Any, Callable, Deque, Generator, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from . import retry
from .connection import Connection
from .endpoint import Endpoint, endpoint_for, redirected, tls_context
from .errors import BarredError, CorruptError, EngineError, NetworkError, S3Error, TooLargeError
from .http1 import AnswerParser, Headers, Request, Response
from .poller import make_poller
from .proxy import Proxy, Tunnel, proxy_for
from .s3_requests import time_of
from .signing import Signer, encode_query
from .socket_io import Buffers
from .values import MIB, CredentialSource, OnEvent, Retried, ignore

Task = Generator[Request, Response, None]
CONNECT_TIMEOUT_S = 15.0
IDLE_TIMEOUT_S = 60.0
# Connections. Each costs a handshake, and each shortens the wait for the requests that are left: of n with answers
# after t seconds, both together are least with sqrt(n * t / handshake) of them. None where waiting is not what we do.
DEFAULT_LIMIT = 256
_FIRST_LIMIT = 16
_HANDSHAKE_S = 0.002  # of CPU, on both sides
_RECENT = 32
_IDLE = 0.5
# Big pieces fill the wire long before there are so many connections.
_BYTES_IN_FLIGHT = 128 * MIB
_MAX_REDIRECTS = 3


class Bucket(NamedTuple):
    """`owner`: the account that must own the bucket, sent with every request. `endpoint_url` None: AWS itself."""

    name: str
    region: str
    credentials: CredentialSource
    endpoint_url: Optional[str] = None
    owner: Optional[str] = None


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
        resolve: Callable[[str, int], List[Tuple[int, Tuple[Any, ...]]]] = lambda host, port: resolve(host, port),
    ) -> None:
        self.bucket = bucket
        self.retries = 0
        self.requests = 0
        self.waited_s = 0.0
        self._most = min(limit, _descriptors() // 3)
        self._limit = float(min(limit, _FIRST_LIMIT))
        self._left = 0
        self._mark = (0.0, 0.0)  # when connections were last counted, and how long had been waited by then
        # Of the last answers, the quickest: what the server takes, not what waits here for its turn.
        self._recent: Deque[float] = deque(maxlen=_RECENT)
        self._slowed = False
        self._bytes = 0
        self._emit = on_event
        self._monotonic = monotonic
        self._chance = chance
        self._resolve = resolve
        self._endpoint = endpoint_for(bucket.name, bucket.region, bucket.endpoint_url)
        self._signer = Signer(bucket.region)
        self._context = tls_context() if self._endpoint.tls else None
        self._proxy = self._find_proxy()
        self._poller = make_poller()
        self._buffers = Buffers()
        self._addresses: List[Tuple[int, Tuple[Any, ...]]] = []
        self._next_address = 0
        self._idle: List[Connection] = []
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
        self._poller.close()

    def call(self, request: Request) -> Response:
        """One request, waited for."""
        answers: List[Response] = []

        def task() -> Task:
            answers.append((yield request))

        self.run([task()])
        return answers[0]

    def allow(self, limit: int) -> None:
        """So many requests at once from now on."""
        self._most, self._limit = limit, float(limit)

    def spawn(self, task: Task) -> None:
        """Adds a task to the running ones, before those that have not begun."""
        self._ready.append(task)

    def run(self, tasks: Iterable[Task], *, expected: int = 0) -> None:
        """Until all tasks, and what they spawned, are over. The first failure stops the others and is raised.
        `expected`: how many there will be, where that is known."""
        self._left = expected
        self._mark = (self._monotonic(), self.waited_s)
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
                ready = self._poller.wait(timeout)
                self.waited_s += self._monotonic() - before
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
        while len(self._busy) + len(self._delayed) < self._limit and self._bytes < _BYTES_IN_FLIGHT:
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
            reuse = self._idle and not job.fresh_connection
            connection = self._idle.pop() if reuse else self._connect()
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
        connection.start(self._head(request), request.body, parser)
        self.requests += 1
        if connection.connecting:
            self._poller.watch(connection)
        else:
            self._drive(connection)

    def _connect(self) -> Connection:
        endpoint, proxy = self._endpoint, self._proxy
        near = proxy or endpoint
        if not self._addresses:
            self._addresses = self._resolve(near.host, near.port)
        family, address = self._addresses[self._next_address % len(self._addresses)]
        self._next_address += 1
        tunnel = Tunnel(proxy, endpoint.host, endpoint.port) if proxy is not None and endpoint.tls else None
        try:
            return Connection(
                family,
                address,
                host=endpoint.host,
                context=self._context,
                now=self._monotonic(),
                buffers=self._buffers,
                tunnel=tunnel,
            )
        except OSError as error:
            raise NetworkError(f"can't connect to {near.host}: {error.strerror}") from error

    def _find_proxy(self) -> Optional[Proxy]:
        return proxy_for(self._endpoint.host, self._endpoint.port, self._endpoint.tls)

    def _head(self, request: Request) -> bytes:
        endpoint = self._endpoint
        path = endpoint.path(request.key)
        query = encode_query(request.query) if request.query else ""
        headers: Headers = [("host", endpoint.host_header), *request.headers]
        if self.bucket.owner:
            headers.append(("x-amz-expected-bucket-owner", self.bucket.owner))
        signed = self._signer.headers(
            request.method,
            path,
            query,
            headers=headers,
            credentials=self.bucket.credentials.get(),
            stamp=self._signer.stamp(),
        )
        lines = "".join([f"{name}: {value}\r\n" for name, value in signed])
        target = f"{path}?{query}" if query else path
        if self._proxy is not None and not endpoint.tls:
            target = f"http://{endpoint.host_header}{target}"
            if self._proxy.authorization:
                lines += f"proxy-authorization: {self._proxy.authorization}\r\n"
        length = request.body_length
        if length or request.method in ("PUT", "POST"):
            lines += f"content-length: {length}\r\n"
        return f"{request.method} {target} HTTP/1.1\r\n{lines}user-agent: aws-run\r\n\r\n".encode()

    # Going on

    def _drive(self, connection: Connection) -> None:
        job: Optional[_Job] = connection.tag
        try:
            whole = connection.drive(self._monotonic())
            if not whole:
                self._poller.watch(connection)
                return
            assert connection.parser is not None
            response = connection.parser.response()
        except (NetworkError, CorruptError) as error:
            stale = connection.used > 1 and not (connection.parser is not None and connection.parser.started)
            self._drop(connection)
            if job is None:
                return
            if stale and isinstance(error, NetworkError) and not job.fresh_connection:
                # A kept connection that the server had closed meanwhile says nothing about the request.
                job.fresh_connection = True
                self._not_busy(job)
                self._dispatch(job)
                return
            if connection.connecting:
                self._addresses = []
            self._again_or_fail(job, error)
            return
        except (OSError, EOFError, TooLargeError) as error:
            self._drop(connection)
            if job is not None:
                self._fail(job, error)
            return
        assert job is not None
        keep = connection.parser.keep
        self._pace(connection.last_active, connection.last_active - (connection.sent_from or connection.last_active))
        self._not_busy(job)
        connection.tag = None
        if keep:
            connection.release()
            self._poller.watch(connection)
            self._idle.append(connection)
        else:
            self._drop(connection)
        self._answered(job, response)

    def _pace(self, now: float, took_s: float) -> None:
        self._left -= 1
        self._recent.append(took_s)
        if self._left <= self._limit or self._limit >= self._most or self._slowed:
            return
        since, waited = self._mark
        if self.waited_s - waited > _IDLE * (now - since):
            best = (self._left * min(self._recent) / _HANDSHAKE_S) ** 0.5
            if best > self._limit:
                self._limit = min(best, float(self._most))
                self._mark = (now, self.waited_s)

    def _answered(self, job: _Job, response: Response) -> None:
        error = retry.error_of(job.request, response)
        if error is None:
            if self._slowed:
                self._limit = min(float(self._most), self._limit + 1.0 / self._limit)
            self._advance(job.task, response)
            return
        if self._redirected(job, response, error):
            return
        if error.code in retry.SLOW_DOWN or response.status == 503:
            self._slowed = True
            self._limit = max(2.0, self._limit / 2)
        if error.code in retry.EXPIRED:
            self.bucket.credentials.invalidate()
        if error.code == "RequestTimeTooSkewed":
            self._correct_clock(response)
        if retry.worth_retrying(error):
            self._again_or_fail(job, error)
        else:
            self._fail(job, error)

    def _redirected(self, job: _Job, response: Response, error: S3Error) -> bool:
        """Another region or host speaks for this bucket: go there with this and all further requests."""
        if job.redirects >= _MAX_REDIRECTS:
            return False
        region = response.headers.get("x-amz-bucket-region")
        wrong_region = response.status in (301, 400) and region and region != self._signer.region
        if wrong_region and region:
            self._signer = Signer(region)
            self._move_to(endpoint_for(self.bucket.name, region, self.bucket.endpoint_url))
        elif response.status == 307 and response.headers.get("location"):
            self._move_to(redirected(self._endpoint, response.headers["location"]))
        else:
            return False
        job.redirects += 1
        self._dispatch(job)
        return True

    def _move_to(self, endpoint: Endpoint) -> None:
        if endpoint == self._endpoint:
            return
        self._endpoint = endpoint
        self._addresses = []
        self._proxy = self._find_proxy()
        if endpoint.tls and self._context is None:
            self._context = tls_context()
        elif not endpoint.tls:
            self._context = None
        for connection in list(self._idle):
            self._drop(connection)

    def _correct_clock(self, response: Response) -> None:
        server = time_of(response.headers.get("date"))
        if server is not None:
            self._signer.offset_s = server - time.time()

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
                self._drop(connection)
                if connecting:
                    self._addresses = []
                self._again_or_fail(job, NetworkError(f"nothing heard from {self._endpoint.host} for {bound:.0f} s"))

    def _drop(self, connection: Connection) -> None:
        connection.tag = None
        self._poller.forget(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        connection.close()

    def _drop_everything(self) -> None:
        for job in list(self._busy):
            if job.connection is not None:
                self._drop(job.connection)
            job.task.close()
        for _, _, job in self._delayed:
            job.task.close()
        for task in self._ready:
            task.close()
        for connection in list(self._idle):
            self._drop(connection)
        self._busy.clear()
        self._bytes = 0
        self._delayed.clear()
        self._ready.clear()
        self._source = iter(())


def _descriptors() -> int:
    """How many files and sockets this process may have open."""
    try:
        from resource import RLIMIT_NOFILE, getrlimit
    except ImportError:  # Windows
        return 512
    soft = getrlimit(RLIMIT_NOFILE)[0]
    return soft if 0 < soft < 1 << 20 else 1 << 20


def _chance() -> float:
    from random import random  # only who has to wait needs it

    return random()  # noqa: S311


def resolve(host: str, port: int) -> List[Tuple[int, Tuple[Any, ...]]]:
    """Addresses in the resolver's order; S3 names several, and connections go round them."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NetworkError(f"the name {host!r} can't be resolved ({error})") from error
    return [(family, address) for family, _, _, _, address in answers]
