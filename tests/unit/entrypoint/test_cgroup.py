from __future__ import annotations

from pathlib import Path

from aws_run_entrypoint.cgroup import Cgroup


def test_version_2_is_read(tmp_path: Path) -> None:
    (tmp_path / "memory.peak").write_text("123\n")
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.events").write_text("low 0\noom 2\noom_kill 1\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    group = Cgroup(str(tmp_path))
    assert (group.memory_peak(), group.memory_limit(), group.oom_kills(), group.cpu_seconds()) == (123, None, 1, 1.5)


def test_version_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "cpuacct").mkdir()
    (tmp_path / "memory/memory.max_usage_in_bytes").write_text("9\n")
    (tmp_path / "memory/memory.limit_in_bytes").write_text("1024\n")
    (tmp_path / "memory/memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    (tmp_path / "cpuacct/cpuacct.usage").write_text("2000000000\n")
    group = Cgroup(str(tmp_path))
    assert (group.memory_peak(), group.memory_limit(), group.oom_kills(), group.cpu_seconds()) == (9, 1024, 3, 2.0)


def test_where_the_kernel_says_nothing_the_answer_is_none(tmp_path: Path) -> None:
    group = Cgroup(str(tmp_path))
    assert (group.memory_peak(), group.memory_now(), group.oom_kills(), group.cpu_seconds()) == (None,) * 4
