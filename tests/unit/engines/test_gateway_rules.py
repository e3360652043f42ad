"""Shares, routes, remembered addresses and the text of HAProxy's configuration."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mlops_desktop.domain.deployments import EngineKind
from mlops_desktop.domain.errors import Conflict, InvalidInput
from mlops_desktop.engines import addresses, haproxy_config
from mlops_desktop.engines.gateway import Route, Target, check_routes, serving, slots
from mlops_desktop.engines.routes_file import read_routes, write_routes


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ((100,), (100,)),
        ((1,), (100,)),
        ((0,), ()),
        ((), ()),
        ((50, 50), (50, 50)),
        ((99, 1), (99, 1)),
        ((100, 1), (99, 1)),
        ((1, 1, 1), (34, 33, 33)),
        ((80, 0, 20), (80, 0, 20)),
        ((100, 100, 1), (50, 49, 1)),
    ],
)
def test_weights_become_shares_of_a_hundred(weights: tuple[int, ...], shares: tuple[int, ...]) -> None:
    found = slots(Target(f"dep{i}", w) for i, w in enumerate(weights))
    assert len(found) in {0, 100}
    assert tuple(found.count(f"dep{i}") for i in range(len(shares))) == shares


def test_every_weight_gets_something() -> None:
    found = slots([Target(f"dep{i:02}", 1 if i else 100) for i in range(40)])
    assert len(found) == 100
    assert len(set(found)) == 40


@pytest.mark.parametrize(
    "route",
    [
        Route("a/b", "staging", ()),
        Route("m", "st aging", ()),
        Route("m\n", "staging", ()),
        Route("m", "..", ()),
        Route("m", "staging", (Target("dep 1", 1),)),
        Route("m", "staging", (Target("dep1", 101),)),
        Route("m", "staging", (Target("dep1", -1),)),
    ],
)
def test_odd_routes_are_refused(route: Route) -> None:
    with pytest.raises(InvalidInput):
        check_routes([route])


def test_a_route_may_be_given_once() -> None:
    with pytest.raises(InvalidInput, match="staging/m"):
        check_routes([Route("m", "staging", ()), Route("m", "staging", ())])


def test_routes_survive_on_disk(tmp_path: Path) -> None:
    routes = [Route("m", "staging", (Target("dep1", 30), Target("dep2", 70))), Route("n", "production", ())]
    write_routes(tmp_path / "run" / "routes.json", routes)
    assert read_routes(tmp_path / "run" / "routes.json") == routes
    assert serving(routes) == {"dep1", "dep2"}
    for content in ("", "{}", "[1]", '[{"model": "m"}]'):
        (tmp_path / "run" / "routes.json").write_text(content)
        assert read_routes(tmp_path / "run" / "routes.json") == []


def test_addresses_are_chosen_once(tmp_path: Path) -> None:
    book = addresses.AddressBook(tmp_path / "gateway.json", "127.0.0.1", 0)
    first = book.chosen()
    assert first.port != first.admin_port
    assert addresses.AddressBook(tmp_path / "gateway.json", "127.0.0.1", 0).chosen() == first
    (tmp_path / "gateway.json").write_text("damaged")
    assert book.chosen().token != first.token


def test_a23_a_known_port_that_is_taken_is_a_conflict(tmp_path: Path) -> None:
    book = addresses.AddressBook(tmp_path / "gateway.json", "127.0.0.1", addresses.free_port("127.0.0.1", 0))
    first = book.free()
    book.used(first, EngineKind.DOCKER)
    assert addresses.read(tmp_path / "gateway.json").holder == "docker"
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.port))
        other.listen()
        with pytest.raises(Conflict, match=str(first.port)):
            book.free()
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.admin_port))
        other.listen()
        assert book.free().admin_port != first.admin_port  # nobody depends on that one
    assert book.chosen().port == first.port


@pytest.mark.parametrize("port", [-1, 70000])
def test_ports_outside_the_range_are_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(InvalidInput):
        addresses.AddressBook(tmp_path / "gateway.json", "127.0.0.1", port).chosen()


def test_an_address_of_another_computer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no address"):
        addresses.AddressBook(tmp_path / "gateway.json", "203.0.113.7", 8600).chosen()


def test_the_map_names_a_deployment_for_each_slot() -> None:
    entries = haproxy_config.map_entries([Route("m", "staging", (Target("dep1", 30), Target("dep2", 70)))])
    assert len(entries) == 100
    assert list(entries.values()).count("dep1") == 30
    assert haproxy_config.map_text({"staging/m/0": "dep1"}) == "staging/m/0 dep1\n"


def test_the_configuration_closes_the_collectors_path_before_it_looks_for_a_route() -> None:
    text = haproxy_config.config(haproxy_config.Listen("127.0.0.1", 1, 2, "token"), ["dep2", "dep1"])
    public = text[text.index("frontend public") : text.index("frontend admin")]
    assert public.index("/_monitor") < public.index("map(")
    assert "token)" not in public
    assert text.index("server dep1 unix@/run/models/dep1/dep1.sock weight 0") < text.index("server dep2")
