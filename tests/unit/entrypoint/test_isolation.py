"""What PID 1 asks of the kernel before its job starts; what it gains by that is shown in tests/docker."""

from __future__ import annotations

import subprocess
import sys

import pytest

GET = "ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)"


def say(code: str) -> str:
    """In a process of its own: it is not to hold for this one."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_the_process_can_not_be_traced_and_what_it_executes_can() -> None:
    start = "import ctypes, subprocess, sys; from aws_run_entrypoint.isolation import refuse_tracing; "
    child = f"import ctypes; print({GET})"
    told = say(
        f"{start} print(refuse_tracing(), {GET}, subprocess.check_output([sys.executable, '-c', {child!r}], text=True))"
    )
    assert told.split() == ["True", "0", "1"]


def test_a_python_without_ctypes_goes_on_without_it() -> None:
    code = "import sys; sys.modules['ctypes'] = None; from aws_run_entrypoint.isolation import refuse_tracing; "
    assert say(f"{code} print(refuse_tracing())") == "False"
