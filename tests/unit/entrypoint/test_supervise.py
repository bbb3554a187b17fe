from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from tests.waiting import PATIENCE_S

from aws_run_entrypoint.contract import EndReason
from aws_run_entrypoint.supervise import Supervisor


def test_the_signal_handler_calls_nobody_who_might_wait_for_a_lock() -> None:
    """It runs in the main thread, which may hold that very lock: PID 1 would hang."""
    told: list[EndReason] = []
    supervisor = Supervisor(deadline=None, grace=lambda reason: 0, notice_file=None, on_notice=told.append)
    try:
        before = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        assert (supervisor.stop_reason, told) == (EndReason.STOPPED, [])
        assert supervisor.stopped_at is not None
        assert supervisor.stopped_at >= before
    finally:
        supervisor.close()


# In a process of its own: a supervisor reaps every child there is. The job ends with the notice alone, so one that is
# told with the next tick, or never, does not end it.
TELLS = """
import os, signal, sys, threading
from aws_run_entrypoint import supervise
from aws_run_entrypoint.supervise import Supervisor
supervise._TICK_S = 600.0
told = []
def tell(reason):
    told.append(reason)
    os.killpg(supervisor._job, signal.SIGKILL)
supervisor = Supervisor(deadline=None, grace=lambda reason: 3600, notice_file=None, on_notice=tell)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
outcome = supervisor.run([sys.executable, "-c", "import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"], os.environ)
print(outcome.reason, *told)
"""


def test_a_stop_is_told_at_once_and_once() -> None:
    done = subprocess.run([sys.executable, "-c", TELLS], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert done.stdout.split() == ["stopped", "stopped"]
