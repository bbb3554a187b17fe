"""Every row of the fault table has a test: here by `row_NN` in its name, or elsewhere, as listed. A row without one fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
LAST = 41
# Rows that are the container's, the image's or a process's own business.
ELSEWHERE: dict[int, tuple[str, str]] = {
    1: ("crash/test_crash_sample.py", "test_a_client_killed_at_its_most_delicate_calls"),
    2: ("local/test_lifecycle_signals.py", "test_the_second_ctrl_c_leaves_at_once"),
    15: ("unit/entrypoint/test_container_stops.py", "test_a_stop_is_forwarded_and_what_the_job_saves_then_is_sent"),
    16: ("docker/test_entrypoint_image.py", "test_memory_that_runs_out_is_told_apart_from_a_kill"),
    19: ("docker/test_image_build.py", "test_an_image_of_another_architecture_is_refused_before_it_is_pushed"),
    20: ("unit/transfer/test_faults.py", "test_a_full_disk_is_named_and_leaves_nothing_half"),
    30: ("unit/transfer/test_faults.py", "test_every_request_may_fail_once_on_the_way_up"),
    35: ("unit/image/docker/test_push.py", "test_a_token_that_expired_in_the_middle_is_fetched_again"),
    36: ("unit/image/docker/test_engine.py", "test_no_socket_and_no_client_is_docker_not_installed"),
}


@pytest.mark.parametrize("row", range(1, LAST + 1))
def test_a_row_has_its_test(row: int) -> None:
    if row in ELSEWHERE:
        file, name = ELSEWHERE[row]
        assert f"def {name}" in (TESTS / file).read_text()
        return
    here = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_faults_*.py"))
    assert re.search(rf"^def test_row_{row:02}_", here, re.MULTILINE)
