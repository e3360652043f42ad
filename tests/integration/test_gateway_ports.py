"""A gateway whose port somebody else has: another one while nobody knows it, a clear error afterwards (A23)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_desktop.domain.errors import Conflict
from mlops_desktop.engines import addresses
from tests.integration.engine_kit import House, make_house


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "process"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    found = make_house(request.param, tmp_path / "workspace", {}, port=addresses.free_port("127.0.0.1", 18600))
    yield found
    found.destroy()


def occupy(port: int) -> socket.socket:
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken


def port_of(house: House) -> int:
    return int(house.gateway.url("m", "e").split(":")[2].split("/")[0])


def test_a23_a_taken_port_gives_way_before_it_was_ever_used(house: House) -> None:
    wanted = house.settings.gateway_port
    with occupy(wanted):
        house.gateway.ensure()
        assert port_of(house) != wanted
        assert wanted < port_of(house) < wanted + 100
    house.reopen()
    house.gateway.ensure()
    assert port_of(house) != wanted  # it stays where clients know it


def test_a23_taken_between_choice_and_start(house: House) -> None:
    chosen = port_of(house)
    with occupy(chosen):
        house.gateway.ensure()
    assert port_of(house) != chosen


def test_a23_a_port_that_clients_know_is_not_changed_silently(house: House) -> None:
    house.gateway.ensure()
    port = port_of(house)
    house.gateway.close(stop=True)
    with occupy(port):
        house.reopen()
        with pytest.raises(Conflict, match=str(port)):
            house.gateway.ensure()
        assert not [name for name in names(house) if "gateway" in name]  # nothing is left of the attempt
    house.gateway.ensure()
    assert port_of(house) == port


def test_a_changed_setting_moves_the_gateway(house: House) -> None:
    house.gateway.ensure()
    other = addresses.free_port("127.0.0.1", port_of(house) + 1)
    house.settings = replace(house.settings, gateway_port=other)
    token = house.gateway.admin_headers()
    house.reopen()
    house.gateway.ensure()
    assert port_of(house) == other
    assert house.gateway.admin_headers() == token
    with socket.create_connection(("127.0.0.1", other), 5):
        pass


def test_the_token_is_for_this_user_only(house: House) -> None:
    house.gateway.ensure()
    file = house.paths.runtime / "gateway.json"
    assert file.stat().st_mode & 0o077 == 0
    assert len(house.gateway.admin_headers()["x-mlops-token"]) >= 32


def names(house: House) -> list[str]:
    if house.kind == "process":
        return []
    import docker

    client = docker.from_env()
    found = [c.name for c in client.containers.list(all=True) if house.workspace in c.name]
    client.close()
    return found
