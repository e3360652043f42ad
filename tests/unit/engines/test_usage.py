"""Figures of the engine's stream and of the kernel, and errors in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlops_desktop.domain.errors import DeploymentFailed, StorageError
from mlops_desktop.engines.cgroups import kills, reading
from mlops_desktop.engines.failures import build_failure, unavailable
from mlops_desktop.engines.usage import usage_of


def stats(cache: dict[str, int], **changes: Any) -> dict[str, Any]:
    return {
        "cpu_stats": {"cpu_usage": {"total_usage": 3_000}, "system_cpu_usage": 20_000, "online_cpus": 2},
        "precpu_stats": {"cpu_usage": {"total_usage": 1_000}, "system_cpu_usage": 10_000},
        "memory_stats": {"usage": 1_000_000, "stats": cache},
    } | changes


@pytest.mark.parametrize("cache", [{"total_inactive_file": 400_000, "inactive_file": 1}, {"inactive_file": 400_000}])
def test_usage_of_both_kinds_of_cgroups(cache: dict[str, int]) -> None:
    usage = usage_of(stats(cache))
    assert usage is not None
    assert usage.cpu_percent == pytest.approx(40.0)  # 2000 of 10000 on two cores
    assert usage.memory_bytes == 600_000


@pytest.mark.parametrize("changes", [{"precpu_stats": {}}, {"memory_stats": {}}, {"cpu_stats": {}}])
def test_no_usage_from_half_a_message(changes: dict[str, Any]) -> None:
    assert usage_of(stats({}, **changes)) is None


def test_the_kernels_counter_of_both_kinds_of_cgroups(tmp_path: Path) -> None:
    processes, root = tmp_path / "proc", tmp_path / "cgroup"
    for pid, line, file, content in (
        (1, "9:cpu,memory:/docker/a", "memory/docker/a/memory.oom_control", "oom_kill_disable 0\noom_kill 2\n"),
        (2, "0::/system.slice/b", "system.slice/b/memory.events", "low 0\noom 1\noom_kill 1\n"),
        (3, "0::/c", "c/memory.events", "damaged"),
    ):
        (processes / str(pid)).mkdir(parents=True)
        (processes / str(pid) / "cgroup").write_text(f"4:pids:/x\n{line}\n")
        (root / file).parent.mkdir(parents=True)
        (root / file).write_text(content)
    assert [kills(pid, root, processes) for pid in (1, 2, 3, 4, 0)] == [2, 1, 0, 0, 0]


def test_the_kernels_figures_of_both_kinds_of_cgroups(tmp_path: Path) -> None:
    files = {
        "proc/1/cgroup": "9:memory:/docker/a\n2:cpuacct,cpu:/docker/a\n",
        "cgroup/memory/docker/a/memory.usage_in_bytes": "1000\n",
        "cgroup/memory/docker/a/memory.stat": "cache 500\ntotal_inactive_file 400\n",
        "cgroup/cpuacct/docker/a/cpuacct.usage": "2500000000\n",
        "proc/2/cgroup": "0::/b\n",
        "cgroup/b/memory.current": "1000\n",
        "cgroup/b/memory.stat": "inactive_file 300\n",
        "cgroup/b/cpu.stat": "usage_usec 1500000\n",
        "proc/3/cgroup": "0::/gone\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    found = [reading(pid, tmp_path / "cgroup", tmp_path / "proc") for pid in (1, 2, 3, 4)]
    assert found == [(2.5, 600), (1.5, 700), None, None]


@pytest.mark.parametrize("text", ["write /x: no space left on device", "Disk quota exceeded"])
def test_a21_a_full_disk_is_said(text: str) -> None:
    assert isinstance(build_failure(text), StorageError)
    assert isinstance(build_failure("pip failed"), DeploymentFailed)


@pytest.mark.parametrize(
    ("cause", "word"),
    [
        (PermissionError(13, "Permission denied"), "may not use"),
        (FileNotFoundError(2, "No such file or directory"), "not installed"),
        (TimeoutError("timed out"), "in time"),
        (ConnectionRefusedError(111, "Connection refused"), "not answering"),
    ],
)
def test_a20_the_cause_is_found_below_wrappers(cause: OSError, word: str) -> None:
    outer = RuntimeError("Error while fetching server API version")
    outer.__cause__ = ValueError("Connection aborted")
    outer.__cause__.__context__ = cause
    error = unavailable(outer)
    assert word in error.message
    assert error.hint
