from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.services.registry_kit import Kit, make_template


@pytest.fixture(scope="session")
def workspace_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template") / "workspace")


@pytest.fixture
def kit(workspace_template: Path, tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(workspace_template, tmp_path / "workspace")
    yield kit
    kit.workspace.close()
