"""A usage.csv becomes plots; a job may have written it, so anything may stand there."""

from __future__ import annotations

import math
import re

from hypothesis import example, given
from hypothesis import strategies as st

from aws_run.report.html.plots import plot
from aws_run.report.html.usage_csv import read_usage, thinned
from aws_run.report.html.values import Series

HEAD = "elapsed_s,cpu_percent,memory_bytes,disk_free_bytes,net_received_bytes,net_sent_bytes,gpu_percent,gpu_memory_mib"
SAMPLE = f"""{HEAD}
1.0,,1000,900,100,0,,
2.0,150,3000,700,300,0,,
3.0,90,2000,800,200,0,,
"""


def by_name(content: bytes) -> dict[str, Series]:
    return {series.name: series for series in read_usage(content, memory_bytes=4000)}


def test_each_column_with_two_numbers_is_a_plot() -> None:
    plots = by_name(SAMPLE.encode())
    assert plots["CPU (100 % is one core)"].points == ((2.0, 150.0), (3.0, 90.0))
    assert plots["Memory"].points == ((1.0, 1000.0), (2.0, 3000.0), (3.0, 2000.0))
    assert plots["Memory"].most == 4000
    assert "GPU" not in plots


def test_counters_become_rates_and_one_that_begins_anew_is_no_negative_rate() -> None:
    assert by_name(SAMPLE.encode())["Received from the network"].points == ((2.0, 200.0), (3.0, 0.0))


def test_gpu_memory_is_in_bytes() -> None:
    rows = f"{HEAD}\n1,,,,,,40,2\n2,,,,,,60,3\n"
    assert by_name(rows.encode())["GPU memory"].points == ((1.0, 2.0 * 2**20), (2.0, 3.0 * 2**20))


def test_a_long_run_has_few_points_and_keeps_its_peak() -> None:
    points = tuple((float(at), 900.0 if at == 5001 else 1.0) for at in range(7200))
    thin = thinned(Series(name="Memory", unit="B", points=points))
    assert len(thin.points) <= 240
    assert max(value for _, value in thin.points) == 900.0


def test_of_what_is_scarce_the_least_is_kept() -> None:
    points = tuple((float(at), 1.0 if at == 77 else 900.0) for at in range(1000))
    assert min(value for _, value in thinned(Series(name="", unit="B", points=points, scarce=True)).points) == 1.0


@given(st.lists(st.text(alphabet='0123456789.-,einfa"\n\x00', max_size=30), max_size=30), st.binary(max_size=60))
def test_nothing_that_a_job_writes_there_breaks_the_reading(lines: list[str], end: bytes) -> None:
    content = "\n".join([HEAD, *lines]).encode() + end
    for series in read_usage(content):
        assert len(series.points) > 1
        times = [at for at, _ in series.points]
        assert times == sorted(set(times))
        assert all(0 <= value < 1e40 for _, value in series.points)


_CELLS = st.sampled_from(
    ["0", "1", "2", "5e-324", "1e-300", "0.0000001", "9.9e17", "1e-6", "", "nan", "1e400", "-1", "<b>"]
)


@given(
    st.lists(st.lists(_CELLS, min_size=8, max_size=8).map(",".join), min_size=2, max_size=6),
    st.sampled_from([0, 1, 2**60]),
)
@example([f"{at},{','.join(['5e-324'] * 7)}" for at in (0, 1)], 0)
@example(["0,0,0,0,0,0,0,0", f"5e-324,{','.join(['9e17'] * 7)}", "1,1,1,1,1,1,1,1"], 0)
def test_every_place_of_a_plot_is_a_number_whatever_a_job_writes(lines: list[str], memory_bytes: int) -> None:
    for series in read_usage("\n".join([HEAD, *lines]).encode(), memory_bytes=memory_bytes):
        drawn = plot(series)
        places = [
            float(number) for points in re.findall(r'points="([^"]*)"', drawn) for number in re.split("[ ,]", points)
        ]
        assert all(map(math.isfinite, places))
        assert "inf" not in drawn
