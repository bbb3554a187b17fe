"""Tasks as containers of the Docker engine, on a network where the host has the address that ECS uses."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.images import Image
from docker.types import IPAMConfig, IPAMPool, LogConfig
from docker.types import Mount as DockerMount
from docker.utils.socket import frames_iter

from aws_run.errors import DockerError
from aws_run.local.options import TASK_GATEWAY, TASK_NETWORK, TASK_SUBNET, RuntimeKind
from aws_run.local.runtime import ownership
from aws_run.local.runtime.base import ContainerSpec, Exit, Inside, OnLine, PullFailed, Running, StartFailed
from aws_run.local.runtime.machine_ca import as_archive, ca_environment, ca_of_machine
from aws_run.local.runtime.registry import Registry

LABEL = "aws-run.local"
_UNREACHED = re.compile(r"dial tcp|no such host|timeout|connection refused|deadline exceeded", re.IGNORECASE)
_REMOVED_AT_ONCE = 8
_OOM_LOOKS, _OOM_LOOK_S = 40, 0.05


class NoEngineError(DockerError):
    """Nothing answers where the engine should be: the one reason to run tasks as processes unasked."""


class DockerRuntime:
    kind: RuntimeKind = "docker"
    reason = "tasks run in containers of the Docker engine"
    registry: Registry | None = None

    def __init__(self, identity: str, state_dir: Path) -> None:
        """NoEngineError if no engine answers, DockerError if the tasks' network can't be made."""
        try:
            self._client = docker.from_env(timeout=120)
            self._client.ping()
            self._cpus = int(self._client.info().get("NCPU") or 1)
        except DockerException as error:
            raise NoEngineError("no Docker engine answers") from error
        self._identity = identity
        remove_orphans(self._client)
        self.host = self._network()
        self._hold = ownership.OwnerLock(state_dir)

    def check_image(self, image: str) -> None:
        """DockerError unless `image` is here or in a registry that answers."""
        try:
            self._client.images.get(image)
        except DockerException:
            try:
                self._client.images.get_registry_data(image)
            except DockerException as error:
                raise DockerError(f"the base image {image} can't be had ({_text(error)})") from None

    def pull(self, image: str) -> str | None:
        try:
            got = self._client.images.pull(image, auth_config=self._login(image))
        except APIError as error:
            # An image that exists only on this machine, by tag: taken as it is.
            if "@" not in image:
                with contextlib.suppress(ImageNotFound):
                    self._client.images.get(image)
                    return None
            message = _text(error)
            if _UNREACHED.search(message):  # AWS would have reached it, and found no such image or what we can't know
                message = f"not found: it is not on this machine, and its registry can't be reached ({message})"
            raise PullFailed(
                f"pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {message}"
            ) from None
        one = got[0] if isinstance(got, list) else got
        return image.rpartition("@")[2] if "@" in image else str(one.id)

    def _login(self, image: str) -> dict[str, str] | None:
        """Of our own registry, and of no other."""
        ours = self.registry
        if ours is None or ours.password is None or not image.startswith(f"{ours.address}/"):
            return None
        return {"username": "AWS", "password": ours.password}

    def start(self, spec: ContainerSpec, on_line: OnLine) -> Running:
        limits: dict[str, Any] = {}
        if spec.memory_mib:
            limits |= {"mem_limit": f"{spec.memory_mib}m", "memswap_limit": f"{spec.memory_mib}m"}
        if spec.cpu_units:
            # An engine refuses more CPUs than the machine has.
            limits["nano_cpus"] = int(min(spec.cpu_units / 1024, self._cpus) * 1e9)
        if spec.shm_mib:
            limits["shm_size"] = f"{spec.shm_mib}m"
        mounts = [
            DockerMount(target=m.target, source=m.source, type="bind" if m.source else "volume", read_only=m.read_only)
            for m in spec.mounts
        ]
        environment = dict(spec.environment)
        bundle = ca_of_machine(os.environ)
        if bundle is not None:
            environment = {**ca_environment([*environment, *self._variables_of(spec.image)]), **environment}
        try:
            container = self._client.containers.create(
                spec.image,
                command=list(spec.command) if spec.command else None,
                entrypoint=list(spec.entry_point) if spec.entry_point else None,
                environment=environment,
                network=TASK_NETWORK,
                mounts=mounts,
                user=spec.user,
                working_dir=spec.working_dir,
                init=spec.init or None,
                labels={LABEL: self._identity, ownership.LABEL: self._hold.path, "aws-run.task": spec.task_id},
                log_config=LogConfig(type="json-file"),
                detach=True,
                **limits,
            )
        except APIError as error:
            raise StartFailed(_text(error)) from None
        if bundle is not None:
            with contextlib.suppress(APIError):  # a root that can't be written to: programs have what the image has
                container.put_archive("/", as_archive(bundle))
        try:
            # Before it starts, and not `logs --follow`: that loses a last line without its newline (moby issue 43860).
            output = container.attach_socket(params={"stdout": 1, "stderr": 1, "stream": 1})
        except APIError as error:
            container.remove(force=True, v=True)
            raise StartFailed(_text(error)) from None
        try:
            container.start()
        except APIError as error:
            _close(output)
            container.remove(force=True, v=True)
            raise StartFailed(_text(error)) from None
        return _Container(container, output, on_line)

    def _variables_of(self, image: str) -> list[str]:
        """Names of those that the image sets."""
        try:
            listed = self._client.images.get(image).attrs["Config"].get("Env") or ()
        except (DockerException, KeyError):
            return []
        return [str(each).partition("=")[0] for each in listed]

    def close(self, registry: str | None) -> None:
        """`registry`: the one that goes with us; images under its name could never be pulled again."""
        with contextlib.suppress(DockerException), ThreadPoolExecutor(_REMOVED_AT_ONCE) as pool:
            ours = self._client.containers.list(all=True, filters={"label": f"{LABEL}={self._identity}"})
            list(pool.map(_remove, ours))
            images = self._client.images.list() if registry else ()
            list(pool.map(lambda image: self._forget(image, f"{registry}/"), images))
        self._client.close()
        self._hold.release()

    def _forget(self, image: Image, prefix: str) -> None:
        """One name after the other: an image that has other names keeps them, and its layers."""
        for name in (*image.tags, *(image.attrs.get("RepoDigests") or ())):
            if name.startswith(prefix):
                with contextlib.suppress(DockerException):
                    self._client.images.remove(name)

    def _network(self) -> str:
        """The gateway's address in the tasks' network; the network is made at first use and kept."""
        try:
            candidates = self._client.networks.list(names=[TASK_NETWORK])
            exact = [n for n in candidates if n.name == TASK_NETWORK]
            if not exact:
                pool = IPAMPool(subnet=TASK_SUBNET, gateway=TASK_GATEWAY)
                ipam = IPAMConfig(pool_configs=[pool])
                exact = [self._client.networks.create(TASK_NETWORK, driver="bridge", ipam=ipam)]
            exact[0].reload()
            return str(exact[0].attrs["IPAM"]["Config"][0]["Gateway"])
        except (DockerException, KeyError, IndexError) as error:
            raise DockerError(f"the tasks' Docker network {TASK_NETWORK} can't be made ({_text(error)})") from None


class _Container:
    def __init__(self, container: Any, output: Any, on_line: OnLine) -> None:
        self.runtime_id = str(container.id)
        self._container = container
        self._killed = False
        self._reader = threading.Thread(target=self._read, args=(output, on_line), daemon=True)
        self._reader.start()

    def wait(self) -> Exit:
        code: int | None = None
        reason = None
        try:
            code = int(self._container.wait(timeout=None)["StatusCode"])
            state = self._state(expect_oom=code == 137 and not self._killed)
            if state.get("OOMKilled"):
                reason = "OutOfMemoryError: Container killed due to memory usage"
            elif state.get("Error"):
                reason = str(state["Error"])
        except NotFound:
            reason = "DockerStateError: the container is gone"
        self._reader.join()
        with contextlib.suppress(DockerException):
            self._container.remove(force=True, v=True)
        return Exit(code=code, reason=reason)

    def stop(self, grace_s: float) -> None:
        self._killed = True
        threading.Thread(target=self._stop, args=(grace_s,), daemon=True).start()

    def kill(self) -> None:
        self._killed = True
        with contextlib.suppress(APIError):
            self._container.kill()

    def memory_bytes(self) -> int | None:
        try:
            return int(self._container.stats(stream=False)["memory_stats"]["usage"])
        except (DockerException, KeyError):
            return None

    def inside(self, command: Sequence[str], *, terminal: bool) -> Inside:
        return Inside(
            argv=("docker", "exec", "--interactive", *(["--tty"] if terminal else []), self.runtime_id, *command)
        )

    def _state(self, *, expect_oom: bool) -> dict[str, Any]:
        """The engine hears of a container's end and of its being out of memory apart, in either order."""
        for _ in range(_OOM_LOOKS if expect_oom else 1):
            self._container.reload()
            if self._container.attrs["State"].get("OOMKilled"):
                break
            if expect_oom:
                time.sleep(_OOM_LOOK_S)
        return dict(self._container.attrs["State"])

    def _stop(self, grace_s: float) -> None:
        with contextlib.suppress(APIError):
            self._container.stop(timeout=int(grace_s))

    def _read(self, output: Any, on_line: OnLine) -> None:
        try:
            read_lines(frames_iter(output, tty=False), on_line)  # type: ignore[no-untyped-call]
        finally:
            _close(output)


def read_lines(frames: Iterable[tuple[int, bytes]], on_line: OnLine) -> None:
    """The lines of an attached container, each stream's by itself, as awslogs has them; a last one needs no newline."""
    rests: dict[int, bytes] = {}
    with contextlib.suppress(OSError):
        for stream, chunk in frames:
            *lines, rests[stream] = (rests.get(stream, b"") + chunk).split(b"\n")
            for line in lines:
                on_line(line.decode(errors="replace").rstrip("\r"))
    for rest in filter(None, rests.values()):
        on_line(rest.decode(errors="replace"))


def _close(output: Any) -> None:
    """The connection is its response's, which docker-py hangs on what it returns; closed by itself it would leak."""
    getattr(output, "_response", output).close()


def _remove(container: Any) -> None:
    with contextlib.suppress(DockerException):
        container.remove(force=True, v=True)


def remove_orphans(client: Any) -> None:
    """Containers of an embedded AWS that was killed before it could remove them; those of one that may live stay."""
    with contextlib.suppress(DockerException):
        candidates = [
            (container, container.labels[ownership.LABEL])
            for container in client.containers.list(all=True, filters={"label": ownership.LABEL})
        ]
        dead = {path for path in {path for _, path in candidates} if ownership.owner_has_died(path)}
        for container, path in candidates:
            if path in dead:
                container.remove(force=True, v=True)
        for path in dead:  # the last act: without it the containers could not be told any more
            Path(path).unlink(missing_ok=True)


def _text(error: BaseException) -> str:
    return str(getattr(error, "explanation", None) or error)
