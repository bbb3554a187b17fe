"""The assembly: one embedded AWS in this process, from its parts."""

from __future__ import annotations

import contextlib
import copy
import os
from pathlib import Path
from typing import Any

from aws_run.errors import DockerError
from aws_run.local.api import (
    bucket_policy,
    clusters,
    cost_explorer,
    definitions,
    ec2,
    ecr,
    groups,
    iam,
    instance_types,
    launch_instances,
    logs,
    networks,
    prices,
    quotas,
    s3_listing,
    s3_ranges,
    tasks,
)
from aws_run.local.http import admin
from aws_run.local.http.door import Door
from aws_run.local.http.protocol import Call, Params, Refusal, Reply
from aws_run.local.http.routes import Table
from aws_run.local.http.server import BACKEND, App, Listener
from aws_run.local.options import LocalAws, LocalOptions
from aws_run.local.runtime.base import Runtime
from aws_run.local.runtime.process import ProcessRuntime
from aws_run.local.runtime.registry import Registry, start_registry
from aws_run.local.sim.agent import Agent
from aws_run.local.sim.autoscaler import AutoScaler
from aws_run.local.sim.instance_guard import InstanceGuard
from aws_run.local.sim.model import SPOT
from aws_run.local.sim.schedules import Schedules
from aws_run.local.sim.state import AccountState

# host:port of a registry that runs already.
_REGISTRY_VARIABLE = "AWS_RUN_LOCAL_REGISTRY"


class Embedded:
    """Started by `start`, stopped by `stop`; one a process, for moto's state is the process's."""

    def __init__(self, options: LocalOptions, state_dir: Path) -> None:
        self.world = AccountState(options, state_dir)
        self._options = options
        self._state_dir = state_dir
        self._listeners: list[Listener] = []
        self._registry: Registry | None = None
        self._runtime: Runtime | None = None
        self._agent: Agent | None = None
        self.app: App | None = None
        self._table: Table = {}

    def start(self) -> LocalAws:
        self._state_dir.mkdir(parents=True, exist_ok=True)
        self.world.hosts.sweep()
        os.environ.setdefault("MOTO_ACCOUNT_ID", self._options.account)
        bucket_policy.install()
        s3_ranges.install()
        s3_listing.install()
        runtime = self._runtime = self._choose_runtime()
        agent = self._agent = Agent(self.world, runtime)
        guard = InstanceGuard(self.world, lambda place, instance, why: scaler.power_off(place, instance, why))
        scaler = AutoScaler(self.world, agent.place_waiting, agent.host_gone, guard.watch)
        agent.on_task_placed = guard.task_placed
        agent.on_task_over = guard.task_over
        self.world.interrupt = lambda place, instance: scaler.power_off(place, instance, SPOT)
        if runtime.kind == "docker":
            address = self._options.registry or os.environ.get(_REGISTRY_VARIABLE)
            self._registry = Registry(address) if address else start_registry(self._state_dir)
            runtime.registry = self._registry
        table: Table = {
            **tasks.table(agent),
            **clusters.table(),
            **definitions.table(),
            **quotas.table(),
            **prices.table(),
            **cost_explorer.table(),
            **instance_types.table(),
            **Schedules(self._invoke).table(),
            **groups.table(scaler),
            **launch_instances.table(scaler),
            **ec2.table(scaler),
            **networks.table(),
            **iam.table(),
            **logs.table(),
            **ecr.table(self._registry.address if self._registry else None, self._registry),
        }
        self._table = table
        inner = _moto()
        if not self._options.default_vpc:
            _drop_default_vpc(self.world, self._options.region)
        _name_zones(self.world, self._options)
        self.app = App(self.world, table, admin.page, inner)
        host = self._options.host or "127.0.0.1"
        first = Listener(host, self._options.port, self.app, Door(names=frozenset({host, "localhost"}), tasks=False))
        # At an address of their own the port is the same; beside the user's door it is another.
        port = 0 if runtime.host == host else first.port
        task_listener = Listener(runtime.host, port, self.app, Door(names=frozenset({runtime.host}), tasks=True))
        self.world.tasks_port = task_listener.port
        self._listeners = [first, task_listener]
        for listener in self._listeners:
            listener.start()
        self.world.clock.start()
        limited = self._options.caller_policy is not None
        return LocalAws(
            endpoint_url=f"http://{host}:{first.port}",
            region=self._options.region,
            account=self._options.account,
            runtime=runtime.kind,
            runtime_reason=runtime.reason,
            state_dir=str(self._state_dir),
            access_key=self.world.keys.caller_key if limited else self.world.keys.access_key,
            secret_key=self.world.keys.caller_secret if limited else self.world.keys.secret_key,
            token=self.world.keys.token,
        )

    def stop(self) -> None:
        if self._agent is not None:
            self._agent.close()
        for listener in self._listeners:
            listener.stop()
        self.world.clock.stop()
        if self._runtime is not None:
            self._runtime.close(self._registry.address if self._registry and self._registry.ours else None)
        self.world.hosts.close()
        if self._registry is not None:
            self._registry.stop()

    def _invoke(self, region: str, service: str, operation: str, parameters: Params) -> Any:
        """A call from inside, as a schedule makes it."""
        handler = self._table.get((service, operation))
        if handler is None:
            raise Refusal("ValidationException", f"{service}:{operation} is not a target of the embedded AWS.")
        call = Call(
            service=service, operation=operation, region=region, access_key="", environ={}, body=b"",
            proceed=_no_wire, given=parameters,
        )  # fmt: skip
        return handler(self.world, call)

    def _choose_runtime(self) -> Runtime:
        choice = self._options.runtime
        if choice == "process":
            reason = "tasks run as processes, because the runtime is set to process"
            return ProcessRuntime(self._state_dir, reason)
        # The docker package is heavy and optional at run time: imported only where an engine is wanted.
        from aws_run.local.runtime.docker import DockerRuntime, NoEngineError

        try:
            runtime = DockerRuntime(self.world.new_id(12), self._state_dir)
        except NoEngineError as error:
            if choice == "docker":
                raise NoEngineError("No Docker engine answers", hint="start Docker, or use --runtime process") from None
            return ProcessRuntime(
                self._state_dir, f"tasks run as processes of this machine, not in containers: {error.message}"
            )
        except DockerError as error:
            raise _not_as_processes(error) from None
        try:
            self._check_reachable(runtime)
            if choice == "auto" and self._options.base_image is not None:
                runtime.check_image(self._options.base_image)
        except DockerError as error:
            runtime.close(None)
            raise _not_as_processes(error) from None
        return runtime

    def _check_reachable(self, runtime: Any) -> None:
        """Containers must find us at the address ECS uses; a remote or virtualised engine has it elsewhere."""
        import socket

        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind((runtime.host, 0))
            except OSError:
                raise DockerError(
                    f"containers of this Docker engine can't reach this machine at {runtime.host}"
                ) from None


def _not_as_processes(error: DockerError) -> DockerError:
    """Where a Docker engine answers, a job never runs outside a container unless the user says so: the image is the
    project's choice, and a process sees the whole machine."""
    return DockerError(
        f"A Docker engine answers, but tasks can't run in containers: {error.message}",
        hint=error.hint or "--runtime process runs the job as a plain process, which sees this machine as you do",
    )


def _drop_default_vpc(world: AccountState, region: str) -> None:
    """As an account whose default VPC was deleted."""
    backend = world.moto("ec2", region)
    for zone in list(backend.subnets.values()):
        for subnet in list(zone.values()):
            backend.delete_subnet(subnet.id)
    for vpc in backend.vpcs.values():
        vpc.is_default = "false"


def _name_zones(world: AccountState, options: LocalOptions) -> None:
    """As an account whose zones of these names are others than moto's."""
    for zone in world.moto("ec2", options.region).subnets.values() if options.zone_ids else ():
        for subnet in zone.values():
            if subnet.availability_zone in options.zone_ids:
                subnet._availability_zone = copy.copy(subnet._availability_zone)
                subnet._availability_zone.zone_id = options.zone_ids[subnet.availability_zone]


def _no_wire() -> Reply:
    raise Refusal("ValidationException", "Not a target of the embedded AWS.")


def _moto() -> Any:
    """moto's own WSGI application, with nothing left of an earlier embedded AWS in this process.

    It chooses the service by the signing name that was checked, never by a path (`/moto-api`), a host or a header; and
    it gives no web page permission.
    """
    import moto.moto_api._internal.models as moto_api
    from moto import backends
    from moto.moto_server import werkzeug_app

    class Router(werkzeug_app.DomainDispatcherApplication):
        def get_application(self, environ: dict[str, Any]) -> Any:
            with self.lock:
                backend = self.get_backend_for_host(f"{environ[BACKEND]}.us-east-1.amazonaws.com")
                if backend not in self.app_instances:
                    self.app_instances[backend] = self.create_app(backend)
                return self.app_instances[backend]

    # moto lists its own folder twice for every request, which is half of what a small one costs.
    names = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: names

    moto_api.moto_api_backend.reset()

    converter: Any = getattr(werkzeug_app, "RegexConverter")  # noqa: B009 - it does not say that it has it

    class AnyName(converter):  # type: ignore[misc]
        """A `.` of moto's patterns stands for a newline too: a key of S3 may have one."""

        def __init__(self, url_map: Any, *items: Any) -> None:
            super().__init__(url_map, *items)
            self.regex = f"(?s:{items[0]})"

    if converter.__name__ != AnyName.__name__:
        setattr(werkzeug_app, "RegexConverter", AnyName)  # noqa: B010 - a plain assignment would be a type error
    setattr(werkzeug_app, "DISABLE_GLOBAL_CORS", True)  # noqa: B010 - read from the environment at moto's import
    return Router(werkzeug_app.create_backend_app)
