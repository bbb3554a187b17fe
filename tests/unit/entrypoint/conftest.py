"""The entrypoint as a process is what many of these tests start."""

from tests.unit.entrypoint.container_support import container, pyz, stub  # noqa: F401 - fixtures
