"""A forked client is a process like any `aws-run`, or the table of faults says nothing about real ones."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.crash.forkserver import ForkServer
from tests.waiting import PATIENCE_S

from aws_run import __version__


def test_a_forked_client_has_arguments_streams_folder_environment_and_an_end_of_its_own(tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    server = ForkServer()
    try:
        version = server.start(["--version"], inherited, tmp_path)
        wrong = server.start(["plan", "."], {**inherited, "AWS_RUN_TIMEOUT": "soon"}, tmp_path)
        nowhere = server.start(["plan", "not-here"], inherited, tmp_path)
        killed = server.start(["--version"], inherited, tmp_path)
        assert len({os.getpid(), version.pid, wrong.pid, nowhere.pid, killed.pid}) == 5
        killed.kill()
        for client in (version, wrong, nowhere):
            client.begin()
        assert version.communicate(PATIENCE_S) == (f"aws-run, version {__version__}\n", "")
        assert "AWS_RUN_TIMEOUT" in wrong.communicate(PATIENCE_S)[1]
        assert "not-here" in nowhere.communicate(PATIENCE_S)[1]
        assert killed.communicate(PATIENCE_S) == ("", "")
        codes = [client.returncode for client in (version, wrong, nowhere, killed)]
        assert codes == [0, 2, 2, -signal.SIGKILL]
    finally:
        server.close()
