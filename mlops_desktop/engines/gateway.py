"""The proxy in front of all deployments: its interface, routes, and how weights become shares of traffic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.names import check_name
from mlops_desktop.engines.engine import check_deployment_id

SLOTS = 100  # one slot is one percent of a route's requests
TOKEN_HEADER = "x-mlops-token"  # noqa: S105 - the header's name, no secret
STATE_PATH = "/-/state"  # of the process gateway's admin side: which deployments have requests under way
MONITOR_PATH = "/_monitor"  # for the collector only, refused on the public side

NO_VERSION = "No version of this model is serving in this environment right now."
NOT_ANSWERING = "The deployment that serves this model is not answering right now."
CLOSED = "This path is open to the collector only."


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment and its share of a route, in percent of the sum of shares; 0 keeps it warm."""

    deployment: str
    weight: int


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests to one model in one environment go."""

    model: str
    environment: str
    targets: tuple[Target, ...]

    @property
    def key(self) -> str:
        return f"{self.environment}/{self.model}"


class Gateway(Protocol):
    """One stable address per model and environment. Safe to be called from several threads."""

    def ensure(self) -> None:
        """See to it that it runs with the last applied routes; EngineUnavailable, Conflict when its port is taken."""
        ...

    def apply(self, routes: Sequence[Route]) -> None:
        """Make these the routes, all at once and without losing a request; return when what left is drained.

        Every deployment that should be reachable has to be a target, warm ones with weight 0.
        """
        ...

    def url(self, model: str, environment: str) -> str:
        """The public address, without a trailing slash."""
        ...

    def admin_url(self, deployment: str) -> str:
        """Address of one deployment whatever its weight, for `admin_headers`; makes a new deployment reachable."""
        ...

    def admin_headers(self) -> dict[str, str]:
        """What a request to `admin_url` has to carry."""
        ...

    def close(self, *, stop: bool = False) -> None:
        """Let go of it; it goes on serving unless `stop`."""
        ...


def check_routes(routes: Sequence[Route]) -> None:
    """InvalidInput unless every name may stand in a gateway's rule and shares make sense."""
    seen: set[str] = set()
    for route in routes:
        check_name(route.model)
        check_name(route.environment, "environment")
        if route.key in seen:
            raise InvalidInput(f"Two routes are named {route.key}.", "Give each model one route per environment.")
        seen.add(route.key)
        for target in route.targets:
            check_deployment_id(target.deployment)
            if not 0 <= target.weight <= 100:
                raise InvalidInput(f"A weight of {target.weight} is outside 0 to 100.", "Choose a percentage.")


def slots(targets: Iterable[Target]) -> tuple[str, ...]:
    """SLOTS deployment ids that hold each target's share; empty when nothing has a weight.

    Largest remainder (Hamilton): shares are exact to one slot, and any positive weight gets at least one.
    """
    live = [t for t in targets if t.weight > 0]
    total = sum(t.weight for t in live)
    if not total:
        return ()
    shares = [max(1, t.weight * SLOTS // total) for t in live]
    by_remainder = sorted(range(len(live)), key=lambda i: (-(live[i].weight * SLOTS % total), i))
    while sum(shares) < SLOTS:
        for i in by_remainder[: SLOTS - sum(shares)]:
            shares[i] += 1
    while sum(shares) > SLOTS:  # the guaranteed slots of tiny weights come from the largest
        shares[shares.index(max(shares))] -= 1
    return tuple(t.deployment for t, share in zip(live, shares, strict=True) for _ in range(share))


def deployments_of(routes: Iterable[Route]) -> set[str]:
    """Every deployment that is a target."""
    return {t.deployment for r in routes for t in r.targets}


def serving(routes: Iterable[Route]) -> set[str]:
    """Every deployment that gets requests."""
    return {t.deployment for r in routes for t in r.targets if t.weight > 0}
