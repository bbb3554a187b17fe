"""Every row of the fault tables has a test: here by `row_NN` in its name, or elsewhere, as listed; what an audit of the
real AWS found, as docs/real-aws.md names them. A row without one fails."""

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


PAGE = TESTS.parent / "docs/real-aws.md"
LETTERS = {
    "E": "local/test_embedded_real_aws.py",
    "P": "local/test_real_aws.py",
    "R": "local/test_embedded_refused.py",
    "U": "unit/infra/resource_types",
}


def table(heading: str) -> list[list[str]]:
    """The cells of the rows of the page's table under that heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def named_tests(cell: str) -> list[tuple[str, str]]:
    """`("local/test_x.py", "part_of_a_name")` of what a cell names: a letter or a file (without a folder it is one of U's),
    then parts of the names of tests in it; a file alone has part ""."""
    named: list[tuple[str, str]] = []
    place = ""
    for letter, quoted in re.findall(r"\b([EPRU])\b|`([^`]*)`", cell):
        if letter or quoted.endswith(".py"):
            place = LETTERS[letter] if letter else quoted.removeprefix("tests/")
            if "/" not in place:
                place = f"{LETTERS['U']}/{place}"
            if place.endswith(".py"):
                named.append((place, ""))
        elif quoted.startswith("…"):
            named.append((place, quoted.strip("…")))
    return named


@pytest.mark.parametrize(
    "row", [*table("Findings"), *table("Taken once, and refused now")], ids=lambda row: row[0][:40]
)
def test_what_the_page_of_the_real_aws_names_is_there(row: list[str]) -> None:
    named = named_tests(row[3] if row[0].isdigit() else row[2])
    assert named, "it names no test"
    for place, part in named:
        found = [TESTS / place] if place.endswith(".py") else sorted((TESTS / place).glob("test_*.py"))
        text = "\n".join(path.read_text(encoding="utf-8") for path in found)
        assert re.search(rf"^def test_\w*{re.escape(part)}", text, re.MULTILINE), f"{part} is not in {place}"


def test_the_page_of_the_real_aws_has_every_finding() -> None:
    assert [row[0] for row in table("Findings")] == [str(number) for number in range(1, 22)]
