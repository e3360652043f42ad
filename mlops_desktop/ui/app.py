"""Starts the window: paint first, load afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from mlops_desktop.ui.outside_signals import OutsideSignals
from mlops_desktop.ui.program import Program
from mlops_desktop.ui.theme import Appearance, install_theme
from mlops_desktop.ui.window_state import window_state

if TYPE_CHECKING:
    from mlops_desktop.tour.stage import Tour

WORKSPACE_VARIABLE = "MLOPS_DESKTOP_WORKSPACE"


def default_workspace() -> Path | None:
    """The variable's, else the one that was opened last."""
    if variable := os.environ.get(WORKSPACE_VARIABLE):
        return Path(variable).expanduser().absolute()
    # A look into a small file; the workspace's module is imported after the first paint.
    from mlops_desktop.ui.recent import last_workspace

    return last_workspace()


def start(application: QApplication, workspace: Path | None = None, *, first_run: bool = False) -> Program:
    """Make and show the window. The caller runs the event loop."""
    stored = window_state().value("window/appearance", Appearance.SYSTEM.value)
    appearance = next((a for a in Appearance if a.value == stored), Appearance.SYSTEM)
    install_theme(application, appearance)
    program = Program(application)
    program.begin(None if first_run else workspace or default_workspace())
    program.window.show()
    QTimer.singleShot(0, program.after_first_paint)
    return program


def apply_scale() -> None:
    """Let everything grow as the person chose; Qt reads this once, when the application is made."""
    chosen = str(window_state().value("window/scale", ""))
    if chosen in {"1.1", "1.25", "1.5"}:
        os.environ.setdefault("QT_SCALE_FACTOR", chosen)


def run(workspace: Path | str | None = None, tour: Tour | None = None, *, keep: bool = False) -> int:
    """Open the window and stay until it is closed; with a tour, beside its guide. Returns the exit code."""
    if QApplication.instance() is None:
        apply_scale()
    application = QApplication.instance() or QApplication(sys.argv[:1])
    if not isinstance(application, QApplication):
        raise TypeError("another kind of Qt application is running")
    application.setApplicationName("mlops-desktop")
    application.setApplicationDisplayName("MLOps Desktop")
    application.setQuitOnLastWindowClosed(False)
    program = start(application, None if workspace is None else Path(workspace), first_run=tour is not None)
    _offer_tour(program, tour, keep)
    signals = OutsideSignals(program)
    signals.asked_to_end.connect(program.end)
    try:
        return application.exec()
    finally:
        signals.close()


def _offer_tour(program: Program, tour: Tour | None, keep: bool) -> None:
    """The guide is a module of its own; without it the choice is not offered."""
    import importlib
    import importlib.util

    if importlib.util.find_spec("mlops_desktop.ui.tour") is None:
        return
    if importlib.util.find_spec("mlops_desktop.ui.tour.guide") is None:
        return
    program.offer_tour()
    guide: Callable[[Program, Tour | None, bool], object] = importlib.import_module(
        "mlops_desktop.ui.tour.guide"
    ).attach
    guide(program, tour, keep)
