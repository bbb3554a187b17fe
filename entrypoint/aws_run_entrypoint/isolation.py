"""Keeps the job from tracing PID 1, which writes the result of the run and must not be made to write another one.

The job runs as the same user, and Linux lets a process trace, freeze and read others of its user. It does not where
they are not "dumpable": tracing them takes CAP_SYS_PTRACE (ptrace(2), "Ptrace access mode checking"), which a container
lacks unless it is given it, even as root. A program that is executed is dumpable again, so the job can still be
debugged. The user that it runs as, and what setuid programs may do, stay the same.
"""

from __future__ import annotations

import importlib

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def refuse_tracing() -> bool:
    """False where the system is not Linux or Python lacks ctypes. A result that the job forged then still differs from
    the container's exit code, which the kernel reports."""
    try:
        ctypes = importlib.import_module("ctypes")  # not every image's Python has it, and few jobs are hostile
        return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError, TypeError):
        return False
