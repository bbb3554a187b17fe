"""PID 1 is not the job's to look into or to hold: it writes the result, and that must be its own word.

The job runs as the same user, and Linux lets a process trace, freeze and read those of its user. A process that is not
"dumpable" is out of that: who wants to trace it needs CAP_SYS_PTRACE (ptrace(2), "Ptrace access mode checking"), which
no container has that was not given it, not even as root. What is executed is dumpable again, so the job may be debugged
as ever; and nothing changes about whom it runs as, or what it may do with setuid programs.
"""

from __future__ import annotations

import importlib

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def refuse_tracing() -> bool:
    """False where it can't be had: another system, or a Python without ctypes. Then a result that the job forged is
    still known by the container's exit code, which is the kernel's word."""
    try:
        ctypes = importlib.import_module("ctypes")  # not every image's Python has it, and few jobs are hostile
        return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError, TypeError):
        return False
