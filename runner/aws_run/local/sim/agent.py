"""The ECS agent: places tasks, runs their containers, and moves them from PROVISIONING to STOPPED."""

from __future__ import annotations

import threading
from collections.abc import Callable

from aws_run.local.api.roles import age_s, role_of
from aws_run.local.runtime.base import ContainerSpec, Exit, PullFailed, Running, Runtime, StartFailed
from aws_run.local.runtime.logsink import LogGroupMissing, LogSink, open_sink
from aws_run.local.runtime.taskspec import SecretUnavailable, container_spec
from aws_run.local.sim.interfaces import attach
from aws_run.local.sim.model import SPOT, Container, GroupInstance, Place, Task
from aws_run.local.sim.placement import assign, shortage
from aws_run.local.sim.reach import task_lacks
from aws_run.local.sim.state import AccountState

_STOP_TIMEOUT_S = 30.0
_CAPACITY_REASON = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


class Agent:
    def __init__(self, world: AccountState, runtime: Runtime) -> None:
        self._world = world
        self._runtime = runtime
        self._threads: set[threading.Thread] = set()
        self.running: dict[str, Running] = {}  # by container ARN
        self.on_task_placed: Callable[[Place, Task], None] = lambda place, task: None
        self.on_task_over: Callable[[Place, GroupInstance], None] = lambda place, instance: None

    # Called with the lock held.

    def accept(self, place: Place, task: Task) -> None:
        """Takes a new task: Fargate and placed ones go on at once, the others wait for an instance."""
        if task.fargate:
            if self._world.shortages.take_fargate(task.provider or "FARGATE", accepted=True):
                self._end(task, "TaskFailedToStart", _CAPACITY_REASON)
                return
            self._begin(place, task)
        elif task.instance is not None:
            self._begin(place, task)
        else:
            self.place_waiting(place)
            if task.status == "PROVISIONING":
                timeout_s = self._world.options.provisioning_timeout_s
                self._world.later(timeout_s, lambda: self._give_up(task))

    def place_waiting(self, place: Place) -> None:
        """Gives every waiting task an instance of its provider's group, if there is room."""
        for task in list(place.tasks.values()):
            if task.status != "PROVISIONING" or task.desired == "STOPPED" or task.fargate or task.instance:
                continue
            rows = [
                row
                for row in place.container_instances.values()
                if row.cluster == task.cluster and (task.provider is None or row.provider == task.provider)
            ]
            for row in rows:
                if shortage(place, row, task) is None:
                    assign(place, row, task)
                    self._begin(place, task)
                    break

    def stop(self, place: Place, task: Task, code: str, reason: str) -> None:
        if task.desired == "STOPPED":
            return
        task.desired, task.stop_code, task.stopped_reason = "STOPPED", code, reason
        task.stopping_at = self._world.clock.now()
        if task.status == "PROVISIONING":
            self._end(task, code, reason)
        elif task.instance is None or not task.instance.agent_dead:
            task.stop.set()
        self._touch(task)

    def host_gone(self, world: AccountState, place: Place, instance: GroupInstance, why: str) -> None:
        """Its containers are gone with no exit code, its container instance deregisters."""
        rows = [row for row in place.container_instances.values() if row.instance is instance]
        for row in rows:
            row.status = "INACTIVE"
            del place.container_instances[row.arn]
            for task in list(place.tasks.values()):
                if task.instance is row and task.status != "STOPPED":
                    code = "SpotInterruption" if why == SPOT else "TerminationNotice"
                    task.kill.set()
                    task.stop.set()
                    self._end(task, task.stop_code or code, f"Host EC2 (instance {instance.id}) terminated.")
        world.hosts.forget(instance.id)

    # Called without it.

    def close(self, timeout_s: float = 10.0) -> None:
        with self._world.lock:
            for place in self._world.places():
                for task in place.tasks.values():
                    task.kill.set()
                    task.stop.set()
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout=timeout_s)

    def _give_up(self, task: Task) -> None:
        if task.status == "PROVISIONING":
            self._end(task, "TaskFailedToStart", _CAPACITY_REASON)

    def _begin(self, place: Place, task: Task) -> None:
        """On Fargate RunTask still answers PROVISIONING, with a network interface that is not attached; where
        an instance has room PENDING, before anything is pulled."""
        if not task.fargate:
            task.status = "PENDING"
            self._touch(task)
            self.on_task_placed(place, task)
        thread = threading.Thread(target=self._run, args=(place, task), name=f"task-{task.id[:8]}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _pend(self, place: Place, task: Task) -> None:
        task.status = "PENDING"
        attach(self._world, place, task, address="127.0.0.1" if self._runtime.kind == "process" else None)
        task.pull_started_at = self._world.clock.now()
        self._touch(task)

    def _run(self, place: Place, task: Task) -> None:
        try:
            with self._world.lock:
                if task.status == "STOPPED":  # before it had its place
                    return
                self._pend(place, task)
            self._lifecycle(place, task)
        except Exception as error:  # noqa: BLE001 - the task must end whatever breaks in here, and status shows why
            self._world.note(error)
            with self._world.lock:
                self._end(task, "TaskFailedToStart", f"ECS agent: {error}")
        finally:
            with self._world.lock:
                self._threads.discard(threading.current_thread())

    def _lifecycle(self, place: Place, task: Task) -> None:
        sinks: dict[str, LogSink | None] = {}
        specs: list[tuple[Container, ContainerSpec]] = []
        try:
            _check_execution_role(self._world, task)
            _check_network(self._world, place.region, task)
            for container in task.containers:
                sinks[container.name] = open_sink(self._world, place.region, task, container)
                specs.append((container, container_spec(self._world, place, task, container, self._runtime)))
            for container, spec in specs:
                container.image_digest = self._runtime.pull(spec.image)
        except OutOfReach as error:
            with self._world.lock:
                self._end(task, "TaskFailedToStart", str(error))
            return
        except (PullFailed, SecretUnavailable, LogGroupMissing, NoRightsYet) as error:
            kind = "CannotPullContainerError" if isinstance(error, PullFailed) else "ResourceInitializationError"
            text = f"{kind}: {error}"
            with self._world.lock:
                for container in task.containers:
                    container.status = "STOPPED"
                    container.reason = text if isinstance(error, PullFailed) else None
                self._end(task, "TaskFailedToStart", text)
            return
        with self._world.lock:
            task.pull_stopped_at = self._world.clock.now()
        if task.stop.is_set():
            with self._world.lock:
                self._end(task, task.stop_code or "UserInitiated", task.stopped_reason or "Task stopped by user")
            return
        started: list[tuple[Container, Running]] = []
        try:
            for container, spec in specs:
                sink = sinks[container.name]
                running = self._runtime.start(spec, sink.line if sink else _nowhere)
                started.append((container, running))
                self.running[container.arn] = running
        except StartFailed as error:
            for _, running in started:
                running.kill()
            with self._world.lock:
                container.status, container.reason = "STOPPED", f"CannotStartContainerError: {error}"
                self._end(task, "TaskFailedToStart", f"CannotStartContainerError: {error}")
            return
        with self._world.lock:
            if task.status == "PENDING":
                task.status, task.started_at = "RUNNING", self._world.clock.now()
                for container, running in started:
                    container.status, container.runtime_id = "RUNNING", running.runtime_id
                self._touch(task)
        self._attend(task, started)

    def _attend(self, task: Task, started: list[tuple[Container, Running]]) -> None:
        """Waits for the first essential container to end, or for a stop, then ends the rest."""
        over = threading.Event()
        exits: dict[str, Exit] = {}

        def watch(container: Container, running: Running) -> None:
            exits[container.name] = running.wait()
            with self._world.lock:
                self.running.pop(container.arn, None)
                _close_container(container, exits[container.name], killed=task.kill.is_set())
                self._touch(task)
            if container.definition.get("essential", True):
                over.set()

        def stopper() -> None:
            task.stop.wait()
            for container, running in started:
                if task.kill.is_set():
                    running.kill()
                else:
                    running.stop(float(container.definition.get("stopTimeout") or _STOP_TIMEOUT_S))
            # The host may go while the grace still runs.
            if not task.kill.is_set() and task.kill.wait(timeout=_STOP_TIMEOUT_S * 4):
                for _, running in started:
                    running.kill()

        watchers = [threading.Thread(target=watch, args=pair, daemon=True) for pair in started]
        for thread in watchers:
            thread.start()
        threading.Thread(target=stopper, daemon=True).start()
        over.wait()
        told_to_stop = task.stop.is_set()
        with self._world.lock:
            if task.status != "STOPPED":
                task.status = "DEACTIVATING"
                task.execution_stopped_at = self._world.clock.now()
                task.stopping_at = task.stopping_at or task.execution_stopped_at
                self._touch(task)
        task.stop.set()
        for thread in watchers:
            thread.join()
        task.kill.set()  # nothing is left to kill; lets the stopper go
        with self._world.lock:
            if told_to_stop and task.stop_code:
                self._end(task, task.stop_code, task.stopped_reason or "")
            else:
                self._end(task, "EssentialContainerExited", "Essential container in task exited")

    def _end(self, task: Task, code: str, reason: str) -> None:
        """STOPPED, once; the first reason stays."""
        if task.status == "STOPPED":
            return
        now = self._world.clock.now()
        task.status, task.desired = "STOPPED", "STOPPED"
        task.stop_code, task.stopped_reason = code, reason
        task.stopping_at = task.stopping_at or now
        task.stopped_at = now
        for container in task.containers:
            container.status = "STOPPED"
        for attachment in task.attachments:
            attachment["status"] = "DELETED"
        # ECS forgets a stopped task after about an hour.
        self._world.later(3600.0, lambda: self._forget(task))
        self._touch(task)

    def _forget(self, task: Task) -> None:
        for place in self._world.places():
            if place.tasks.pop(task.arn, None) is not None:
                place.past_tasks.append(task)

    def _touch(self, task: Task) -> None:
        task.version += 1
        for place in self._world.places():
            if task.arn in place.tasks:
                _count(self._world, place, task.cluster)
                if task.status == "STOPPED":
                    self.place_waiting(place)
                    if task.instance is not None:
                        self.on_task_over(place, task.instance.instance)
        self._world.changed.notify_all()


class NoRightsYet(Exception):
    pass


class OutOfReach(Exception):
    pass


def _check_network(world: AccountState, region: str, task: Task) -> None:
    """The task's image and log are behind an address that nothing leads to."""
    lacks = task_lacks(world, region, task)
    if lacks is not None:
        raise OutOfReach(lacks)


def _check_execution_role(world: AccountState, task: Task) -> None:
    """IAM has not told everybody yet what a role may do that was made seconds ago."""
    arn = str(task.overrides.get("executionRoleArn") or task.definition["executionRoleArn"] or "")
    role = role_of(world, arn) if arn else None
    if role is not None and age_s(world, role) < world.options.policy_propagation_s:
        raise NoRightsYet(
            "unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr "
            f"registry auth: AccessDeniedException: {arn} is not authorized to perform: ecr:GetAuthorizationToken"
        )


def _close_container(container: Container, end: Exit, *, killed: bool) -> None:
    container.status = "STOPPED"
    container.exit_code = None if killed else end.code
    container.reason = end.reason


def _count(world: AccountState, place: Place, cluster_name: str) -> None:
    cluster = world.moto("ecs", place.region).clusters.get(cluster_name)
    if cluster is None:
        return
    own = [t for t in place.tasks.values() if t.cluster == cluster_name]
    cluster.running_tasks_count = sum(t.status == "RUNNING" for t in own)
    cluster.pending_tasks_count = sum(t.status in ("PROVISIONING", "PENDING") for t in own)


def _nowhere(line: str) -> None:
    """A container without awslogs: its output is not kept."""
