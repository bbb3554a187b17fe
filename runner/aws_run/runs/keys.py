"""Where a run's objects live in the bucket."""

from __future__ import annotations

from aws_run.frozen import frozen


@frozen
class TaskKeys:
    """Where one task of a run with many tasks keeps its objects: one object a task, so that a thousand tasks never
    write into one another's. A run with one task has none of these and uses the keys of its run (`RunKeys`)."""

    run_id: str
    index: int

    @property
    def prefix(self) -> str:
        return f"runs/{self.run_id}/tasks/{self.index}/"

    @property
    def output(self) -> str:
        return f"{self.prefix}output/"

    @property
    def result(self) -> str:
        return f"{self.prefix}result.json"

    @property
    def log(self) -> str:
        return f"{self.prefix}log.txt"


@frozen
class RunKeys:
    """A run's objects. All of them lie below `prefix`, which is all that the run's own role may write to."""

    run_id: str

    @property
    def prefix(self) -> str:
        return f"runs/{self.run_id}/"

    @property
    def record(self) -> str:
        return f"{self.prefix}run.json"

    @property
    def output(self) -> str:
        return f"{self.prefix}output/"

    @property
    def result(self) -> str:
        return f"{self.prefix}result.json"

    @property
    def inputs(self) -> str:
        """The pins of inputs that are read where they lie."""
        return f"{self.prefix}inputs/"

    @property
    def log(self) -> str:
        return f"{self.prefix}log.txt"

    @property
    def usage(self) -> str:
        """What the job used, once a second, as its container saw it."""
        return f"{self.prefix}usage.csv"

    @property
    def report(self) -> str:
        return f"{self.prefix}report.html"

    def task(self, index: int) -> TaskKeys:
        """The objects of one of many tasks; `index` counts from 0."""
        return TaskKeys(run_id=self.run_id, index=index)
