"""Fixtures of the monitoring tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_desktop.settings import Settings
from tests.unit.monitoring.world import World


@pytest.fixture
def settings() -> Settings:
    return replace(Settings(), drift_chunk_seconds=10.0, performance_chunk_seconds=10.0)


@pytest.fixture
def world(tmp_path: Path, settings: Settings) -> Iterator[World]:
    made = World(tmp_path, settings)
    yield made
    made.close()
