"""Pushing an image: progress in bytes, tokens fetched again when refused, lost and stalled connections tried again.

Credentials go with each request to the engine. They are never on a command line and never in a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from aws_run.clock import Clock
from aws_run.errors import DockerError
from aws_run.events import Emit, LaneProgress, Notice
from aws_run.image.builder import Login, RegistryLogin

_MAX_TRIES = 6
_MAX_LOGINS = 2  # again, after the first
_FIRST_WAIT_S = 1.0
_EMIT_EVERY_S = 0.2
# How long a push may stand still, try by try. A registry that puts a large layer together says nothing meanwhile, so
# the second and third try leave it longer.
_STALLED_AFTER_S = (60.0, 120.0, 240.0)

# ECR: "no basic auth credentials", "denied: Your authorization token has expired. Reauthenticate and try again."
_REFUSED = re.compile(
    r"no basic auth credentials|authorization token has expired|unauthorized|authentication required", re.I
)
_LOST = re.compile(
    r"connection (?:reset|refused|aborted)|broken pipe|timeout|timed out|\bEOF\b|TLS handshake|no such host"
    r"|temporary failure|too ?many ?requests|status(?: code)?:? 5\d\d|5\d\d (?:Internal|Bad|Service|Gateway)"
    r"|use of closed network connection|server closed idle connection|client connection lost|\bGOAWAY\b",
    re.I,
)
_THERE = re.compile(r"already exists .*(?:immutable|cannot be overwritten)", re.I)
_FULL = re.compile(r"no space left on device", re.I)


class PushEngine(Protocol):
    """What is needed of the engine; `ApiPushEngine` is Docker's."""

    def push(self, repository: str, tag: str, auth: Mapping[str, str], silent_s: float) -> Iterable[Mapping[str, Any]]:
        """Docker's own progress messages; ending the iteration early ends the push. ConnectionError when the engine
        goes away, TimeoutError when it has said nothing for `silent_s`."""
        ...

    def remote_digest(self, reference: str, auth: Mapping[str, str]) -> str:
        """The digest that the registry has under `reference`."""
        ...


def push_image(engine: PushEngine, repository_uri: str, tag: str, login: Login, *, emit: Emit, clock: Clock) -> str:
    """Push `repository_uri:tag` and return its digest. Layers that arrived are not sent again by a later try."""
    credentials, logins, stalls = login(), 0, 0
    for attempt in range(1, _MAX_TRIES + 1):
        lost = False
        try:
            return _push_once(
                engine, repository_uri, tag, credentials, emit=emit, clock=clock, silent_s=_STALLED_AFTER_S[stalls]
            )
        except TimeoutError:
            silent_s = _STALLED_AFTER_S[stalls]
            stalls += 1
            reason, lost = f"nothing has moved for {silent_s:.0f} s", True
            if stalls == len(_STALLED_AFTER_S):
                raise _stalled(repository_uri, stalls, silent_s) from None
        except _PushRefusedError as error:
            reason = str(error)
        except ConnectionError as error:
            reason, lost = f"connection to Docker lost: {error}", True
        if _THERE.search(reason):
            # Another run with the same tag was first. The tag names the content, so what is there is what we built.
            return engine.remote_digest(f"{repository_uri}:{tag}", _auth(credentials))
        refused = not lost and _REFUSED.search(reason) is not None
        lost = lost or _LOST.search(reason) is not None
        logins += refused
        if attempt == _MAX_TRIES or logins > _MAX_LOGINS or not (refused or lost):
            raise _failure(repository_uri, reason)
        if refused:
            emit(Notice(text="the registry refused the token; fetching a new one", level="debug"))
            credentials = login()
        else:
            wait_s = _FIRST_WAIT_S * 2 ** (attempt - 1)
            emit(Notice(text=f"the push was interrupted ({reason}); trying again in {wait_s:.0f} s", level="warning"))
            clock.sleep(wait_s)
    raise AssertionError("the loop returns or raises")


class _PushRefusedError(Exception):
    """The engine's own words for why a push ended."""


def _push_once(
    engine: PushEngine,
    repository_uri: str,
    tag: str,
    credentials: RegistryLogin,
    *,
    emit: Emit,
    clock: Clock,
    silent_s: float,
) -> str:
    """TimeoutError when nothing has moved for `silent_s`, whatever the engine says meanwhile."""
    progress = _Progress(emit, clock)
    digest = None
    for message in engine.push(repository_uri, tag, _auth(credentials), silent_s):
        if "error" in message:
            detail = message.get("errorDetail")
            raise _PushRefusedError(str(detail.get("message") if isinstance(detail, dict) else message["error"]))
        aux = message.get("aux")
        if isinstance(aux, dict) and aux.get("Digest"):
            digest = str(aux["Digest"])
        progress.take(message)
        if progress.still_s >= silent_s:
            raise TimeoutError
    if digest is None:
        # An engine that stops in the middle closes the stream without a word.
        raise ConnectionError("the engine ended the push without a digest: EOF")
    return digest


class _Progress:
    """Bytes over all layers. Docker names a layer's size only once it begins to send it."""

    def __init__(self, emit: Emit, clock: Clock) -> None:
        self._emit = emit
        self._clock = clock
        self._sent: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._last = float("-inf")
        self._state: dict[str, tuple[object, object]] = {}
        self._moved_s = clock.monotonic()

    @property
    def still_s(self) -> float:
        """How long no layer has moved on."""
        return self._clock.monotonic() - self._moved_s

    def take(self, message: Mapping[str, Any]) -> None:
        self._note_move(message)
        layer, detail = message.get("id"), message.get("progressDetail")
        if not isinstance(layer, str) or message.get("status") not in ("Pushing", "Pushed"):
            return
        if isinstance(detail, dict) and detail.get("current"):
            self._sent[layer] = int(detail["current"])
            # Without a total Docker reports more than it first said: compression is still running.
            self._sizes[layer] = max(int(detail.get("total") or 0), self._sent[layer])
        elif message["status"] == "Pushed" and layer in self._sizes:
            self._sent[layer] = self._sizes[layer]
        else:
            return
        now = self._clock.monotonic()
        if now - self._last >= _EMIT_EVERY_S or message["status"] == "Pushed":
            self._last = now
            self._emit(
                LaneProgress(
                    lane="image",
                    text="pushing",
                    done=sum(self._sent.values()),
                    total=sum(self._sizes.values()),
                    in_bytes=True,
                )
            )

    def _note_move(self, message: Mapping[str, Any]) -> None:
        """A message that a layer's last one said already is no move, and neither is the engine's own counting down to
        another try ("Retrying in 5 seconds")."""
        status, detail = str(message.get("status", "")), message.get("progressDetail")
        current = detail.get("current") if isinstance(detail, dict) else None
        state = (status, current)
        layer = str(message.get("id", ""))
        if status.startswith("Retrying") or self._state.get(layer) == state:
            return
        self._state[layer] = state
        self._moved_s = self._clock.monotonic()


def _auth(credentials: RegistryLogin) -> dict[str, str]:
    return {
        "username": credentials.username,
        "password": credentials.password,
        "serveraddress": credentials.server,
    }


def _stalled(repository_uri: str, tries: int, silent_s: float) -> DockerError:
    registry = repository_uri.partition("/")[0]
    return DockerError(
        f"The push to {registry} stood still {tries} times, the last time for {silent_s / 60:.0f} minutes",
        hint="check the network, its proxy and its VPN, and run the same command again: layers that arrived are not "
        "sent again",
    )


def _failure(repository_uri: str, reason: str) -> DockerError:
    if _FULL.search(reason):
        return DockerError("The disk is full, so the image could not be pushed", hint="free some: docker system prune")
    if _REFUSED.search(reason) or "denied" in reason:
        hint = "the credentials need ecr:PutImage and the layer upload actions on this repository"
    else:
        hint = "check the network and run the command again: layers that arrived are not sent again"
    return DockerError(f"Docker could not push to {repository_uri}: {reason}", hint=hint)


class ApiPushEngine:
    """Docker's API."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def push(self, repository: str, tag: str, auth: Mapping[str, str], silent_s: float) -> Iterator[Mapping[str, Any]]:
        import docker
        import requests
        import urllib3

        try:
            with self._patience(silent_s):
                yield from self._api.push(repository, tag=tag, stream=True, decode=True, auth_config=dict(auth))
        except docker.errors.APIError as error:
            yield {
                "error": str(error.explanation or error),
                "errorDetail": {"message": str(error.explanation or error)},
            }
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if _timed_out(error):
                raise TimeoutError(str(error)) from None
            raise ConnectionError(str(error)) from None

    @contextmanager
    def _patience(self, silent_s: float) -> Iterator[None]:
        """For what is asked of the engine inside: how long it may say nothing. The connection is closed then, which
        makes the engine give up as well."""
        before, self._api.timeout = self._api.timeout, silent_s
        try:
            yield
        finally:
            self._api.timeout = before

    def remote_digest(self, reference: str, auth: Mapping[str, str]) -> str:
        import docker

        try:
            with self._patience(_STALLED_AFTER_S[0]):
                document = self._api.inspect_distribution(reference, auth_config=dict(auth))
        except docker.errors.APIError as error:
            raise DockerError(
                f"The registry has {reference}, but does not say its digest: {error.explanation or error}",
                hint="run the command again",
            ) from None
        return str(document["Descriptor"]["digest"])


def _timed_out(error: BaseException) -> bool:
    """Docker's client wraps a socket's timeout once or twice, and differently for a first and for a later answer."""
    import requests
    import urllib3

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (TimeoutError, requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)):
            return True
        inner = next((part for part in seen.args if isinstance(part, BaseException)), None)
        seen = inner or seen.__cause__ or seen.__context__
    return False
