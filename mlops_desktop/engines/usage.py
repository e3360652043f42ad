"""What containers use: one thread a container reads the engine's stream, and the last value is there at once.

A single reading takes the engine one to two seconds, because it has to see two of them to know a rate.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlops_desktop.domain.deployments import Usage
from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.engines import cgroups
from mlops_desktop.engines.docker import DockerHost

INSPECT_SECONDS = 5.0
JOIN_SECONDS = 5.0


def usage_of(stats: Mapping[str, Any]) -> Usage | None:
    """CPU in percent of one core since the message before, and memory without page cache that can be dropped.

    None for the first message of a stream and for a container that has just stopped. Memory as `docker stats` counts
    it: cgroup v1 names the cache total_inactive_file, v2 inactive_file.
    """
    cpu, before = stats.get("cpu_stats") or {}, stats.get("precpu_stats") or {}
    memory = stats.get("memory_stats") or {}
    if "usage" not in memory or "system_cpu_usage" not in cpu or not before.get("system_cpu_usage"):
        return None
    used = cpu["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    passed = cpu["system_cpu_usage"] - before["system_cpu_usage"]
    cores = cpu.get("online_cpus") or len(cpu["cpu_usage"].get("percpu_usage") or [0])
    percent = used / passed * cores * 100 if passed > 0 else 0.0
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return Usage(time.time(), max(0.0, percent), max(0, memory["usage"] - cache))


class UsageReaders:
    """Starts a reader when a container is first asked for, and forgets it when its stream ends."""

    def __init__(self, host: DockerHost) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._readers: dict[str, _Reader] = {}

    def last(self, container: str) -> Usage | None:
        """The last reading of a container, or None."""
        with self._lock:
            reader = self._readers.get(container)
            if reader is None or not reader.is_alive():
                reader = self._readers[container] = _Reader(self._host, container)
                reader.start()
        return reader.last

    def forget(self, container: str) -> None:
        with self._lock:
            reader = self._readers.pop(container, None)
        if reader is not None:
            reader.stop()

    def close(self) -> None:
        with self._lock:
            readers, self._readers = list(self._readers.values()), {}
        for reader in readers:
            reader.stop()
        for reader in readers:
            reader.join(JOIN_SECONDS)


class _Reader(threading.Thread):
    def __init__(self, host: DockerHost, container: str) -> None:
        super().__init__(name=f"usage {container}", daemon=True)
        self._host = host
        self._container = container
        self._stopped = threading.Event()
        self._close: list[Any] = []
        self._inspected = float("-inf")
        self._pid = 0
        self._before: tuple[float, float] | None = None  # moment and CPU seconds of the kernel's last reading
        self._restarts, self._out_of_memory = 0, False
        self.last: Usage | None = None

    def run(self) -> None:
        try:
            self._host.statistics(self._container, self._told, self._on_cancel)
        except WorkstationError:
            pass  # gone or unreachable: no reading; whoever asks next starts a new reader
        finally:
            self.last = None

    def stop(self) -> None:
        self._stopped.set()
        for close in list(self._close):
            close()

    def _on_cancel(self, close: Any) -> None:
        self._close.append(close)
        if self._stopped.is_set():
            close()

    def _told(self, stats: dict[str, Any]) -> None:
        if time.monotonic() - self._inspected > INSPECT_SECONDS and (found := self._host.inspect(self._container)):
            self._inspected = time.monotonic()
            self._restarts = int(found.get("RestartCount", 0))
            self._pid = int(found["State"].get("Pid", 0)) if self._host.shares_processes else 0
            self._out_of_memory = (
                self._out_of_memory or bool(found["State"].get("OOMKilled")) or cgroups.kills(self._pid) > 0
            )
        usage = usage_of(stats) or self._from_kernel()
        self.last = usage and replace(usage, restarts=self._restarts, out_of_memory=self._out_of_memory)

    def _from_kernel(self) -> Usage | None:
        """A reading where the engine's messages come empty; see `cgroups`."""
        if (found := cgroups.reading(self._pid)) is None:
            self._before = None
            return None
        moment, (seconds, memory) = time.monotonic(), found
        before, self._before = self._before, (moment, seconds)
        if before is None or moment <= before[0]:
            return None
        return Usage(time.time(), max(0.0, (seconds - before[1]) / (moment - before[0]) * 100), memory)
