"""What the screen reads of a workspace; every method runs on a reading thread."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Deployment, Endpoint, EngineStatus, Release
from mlops_desktop.domain.promotions import PromotionState
from mlops_desktop.domain.registry import Column, FileRole
from mlops_desktop.ui.screens.deployments.dialogs import Deployable
from mlops_desktop.ui.screens.deployments.rows import DeploymentRow, rows_of
from mlops_desktop.ui.screens.deployments.try_it import Examples

if TYPE_CHECKING:
    from mlops_desktop.workspace import Workspace

DIRECT = 20  # newest versions offered for an environment in which nobody has to approve


class Reading:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def rows(self) -> list[DeploymentRow]:
        delivery = self._workspace.delivery
        deployments = delivery.deployments()
        if not deployments:
            return []
        serving = any(d.state.live for d in deployments)
        live = {one.deployment: one for one in self._workspace.monitoring.live()} if serving else {}
        return rows_of(deployments, delivery.releases(), live)

    def endpoint(self, deployment: Deployment) -> Endpoint:
        return self._workspace.delivery.endpoint(deployment.model, deployment.environment)

    def history(self, deployment: Deployment) -> list[Release]:
        return self._workspace.delivery.releases(deployment.model, deployment.environment)

    def log(self, deployment: Deployment) -> list[tuple[float, str]]:
        return [(line.at, readable(line.text)) for line in self._workspace.delivery.logs(deployment.id)]

    def build_log(self, deployment: Deployment) -> list[str]:
        return self._workspace.delivery.build_log(deployment.id)

    def inputs(self, deployment: Deployment) -> tuple[tuple[Column, ...], Examples]:
        """What the version takes, and examples of it."""
        registry = self._workspace.registry
        version = registry.version(deployment.model, deployment.version)
        if version.file(FileRole.EXAMPLES) is None:
            return version.signature.inputs, Examples()
        return version.signature.inputs, Examples.from_json(registry.read_file(version, FileRole.EXAMPLES))

    def deployables(self) -> tuple[list[Deployable], EngineStatus]:
        """Approved versions first, then those for environments in which nobody has to approve."""
        workspace = self._workspace
        promotions = workspace.promotions
        found = []
        for promotion in promotions.promotions(state=PromotionState.APPROVED):
            approved = promotions.approved_for(promotion.model, promotion.version, promotion.environment)
            if approved is not None and approved.state is PromotionState.APPROVED:
                by = ", ".join(r.reviewer for r in approved.reviews) or "nobody had to"
                why = f"Approved by {by}. {approved.requested_by} asked: {approved.reason}"
                found.append(Deployable(approved.model, approved.version, approved.environment, why))
        current = {(d.model, d.version, d.environment) for d in workspace.delivery.deployments() if d.current}
        known = {(o.model, o.version, o.environment) for o in found} | current
        for environment in promotions.environments():
            if promotions.policy(environment).reviewers > 0:
                continue
            for version in workspace.registry.versions(limit=DIRECT):
                key = (version.model, version.number, environment)
                if key not in known and not version.damaged:
                    why = f"Nobody has to approve for {environment}; its checks run first."
                    found.append(Deployable(*key, why))
        return found, workspace.delivery.engine_status()


def readable(line: str) -> str:
    """A line of the serving program's JSON log as time, level, words and the rest; other lines as they are."""
    try:
        data = json.loads(line)
        at = datetime.fromisoformat(data.pop("at")).astimezone()
        level, message = str(data.pop("level")), str(data.pop("message"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return line
    rest = "  ".join(f"{name}={value}" for name, value in data.items())
    return f"{at:%H:%M:%S}  {level.upper():<7} {message}  {rest}".rstrip()
