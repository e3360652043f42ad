"""Which screens there are. Each is built when it is first opened, by a factory named here and imported then.

A factory is a function `create(context: ScreenContext) -> Screen` in `ui/screens/<noun>/__init__.py` or a module of it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from mlops_desktop.ui.screen import Screen, ScreenContext


@dataclass(frozen=True, slots=True)
class ScreenSpec:
    """`rail` says whether it stands in the rail; a screen that doesn't lights up `parent` there."""

    key: str
    title: str
    icon: str
    shortcut: str
    factory: str  # "module:function"
    params: str = ""  # what navigator.open takes, in words
    rail: bool = True
    parent: str = ""

    @property
    def available(self) -> bool:
        """Whether its module is there: a screen that comes with a later version has no place in the rail yet."""
        return importlib.util.find_spec(self.factory.partition(":")[0].rpartition(".")[0]) is not None

    def create(self, context: ScreenContext) -> Screen:
        module, _, name = self.factory.partition(":")
        factory = cast("Callable[[ScreenContext], Screen]", getattr(importlib.import_module(module), name))
        return factory(context)


_AT = "mlops_desktop.ui.screens"
SCREENS = (
    ScreenSpec("overview", "Overview", "layout-dashboard", "Ctrl+1", f"{_AT}.overview.presenter:create"),
    ScreenSpec(
        "models", "Models", "boxes", "Ctrl+2", f"{_AT}.models.presenter:create", "search=''; files=[paths] to register"
    ),
    ScreenSpec("inbox", "Inbox", "inbox", "Ctrl+3", f"{_AT}.inbox.presenter:create", "promotion=id or None"),
    ScreenSpec(
        "deployments",
        "Deployments",
        "rocket",
        "Ctrl+4",
        f"{_AT}.deployments.presenter:create",
        "deployment=id, model=name, environment=name",
    ),
    ScreenSpec(
        "monitoring",
        "Monitoring",
        "activity",
        "Ctrl+5",
        f"{_AT}.monitoring.presenter:create",
        "model=name, environment=name, deployment=id, feature=name",
    ),
    ScreenSpec("alerts", "Alerts", "bell", "Ctrl+6", f"{_AT}.alerts.presenter:create", "alert=id or None"),
    ScreenSpec("audit", "Audit", "scroll-text", "Ctrl+7", f"{_AT}.audit.presenter:create", "subject=text, sequence=n"),
    ScreenSpec("team", "Team", "users", "Ctrl+8", f"{_AT}.team.presenter:create", "account=name"),
    ScreenSpec("settings", "Settings", "settings", "Ctrl+,", f"{_AT}.settings.presenter:create", "page=name"),
    ScreenSpec("manual", "Manual", "book-open", "F1", f"{_AT}.manual.presenter:create", "page=name, heading=slug"),
    ScreenSpec(
        "model",
        "Model",
        "box",
        "",
        f"{_AT}.model.presenter:create",
        "model=name",
        rail=False,
        parent="models",
    ),
    ScreenSpec(
        "version",
        "Version",
        "package",
        "",
        f"{_AT}.version.presenter:create",
        "model=name, version=number, tab=key",
        rail=False,
        parent="models",
    ),
    ScreenSpec(
        "compare",
        "Compare",
        "git-compare-arrows",
        "",
        f"{_AT}.compare.presenter:create",
        "left='model@1', right='model@2'",
        rail=False,
        parent="models",
    ),
)
BY_KEY = {spec.key: spec for spec in SCREENS}
