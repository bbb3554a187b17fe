from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

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


# In a process of its own: a supervisor reaps every child there is.
TELLS = """
import os, signal, sys, threading, time
from aws_run_entrypoint.supervise import Supervisor
sent, told = [], []
def send():
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGTERM)
supervisor = Supervisor(
    deadline=None, grace=lambda reason: 0.1, notice_file=None, on_notice=lambda reason: told.append((reason, time.monotonic()))
)
threading.Timer(1.3, send).start()
outcome = supervisor.run([sys.executable, "-c", "import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"], os.environ)
print(outcome.reason, len(told), told[0][0], told[0][1] - sent[0] < 0.4)
"""


def test_a_stop_is_told_at_once_and_once() -> None:
    done = subprocess.run([sys.executable, "-c", TELLS], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == ["stopped", "1", "stopped", "True"]
