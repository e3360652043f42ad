"""Pages that belong to the person and the computer: appearance, diagnostics, about."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog

from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.ui.screen import Presenter, ScreenContext
from mlops_desktop.ui.screens.settings.pages import engine_words
from mlops_desktop.ui.screens.settings.reports import about_texts
from mlops_desktop.ui.theme import Appearance, choose_appearance
from mlops_desktop.ui.window_state import config_folder, window_state

if TYPE_CHECKING:
    from mlops_desktop.ui.screens.settings.view import SettingsView

SCALE_KEY = "window/scale"


class ComputerPresenter(Presenter):
    """What needs no rights in the workspace."""

    def __init__(self, view: SettingsView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        view.appearance.theme.wanted.connect(lambda _name, value: self._choose_theme(Appearance(value)))
        view.appearance.scale.wanted.connect(lambda _name, value: self._choose_scale(value))
        view.appearance.reset_wanted.connect(self._reset)
        view.diagnostics.save_wanted.connect(self._ask_target)
        view.diagnostics.copied.connect(lambda: context.toast("The report is copied."))
        self.refresh()

    def open(self, params: dict[str, Any]) -> None:
        """The presenter of the whole screen says when."""

    def refresh(self) -> None:
        self._show_appearance()
        if self.view.current is self.view.diagnostics:
            self._read_facts()
        elif self.view.current is self.view.about:
            self._read_texts()

    def _show_appearance(self) -> None:
        """Colours can be changed in the account's menu too."""
        page = self.view.appearance
        chosen = self._appearance()
        page.theme.show_value(chosen)
        stored = window_state().value(SCALE_KEY, 1.0)
        page.scale.show_value(float(stored) if isinstance(stored, (int, float, str)) else 1.0)
        if chosen is Appearance.SYSTEM and page.scale.box.currentData() == 1.0:
            page.reset.forbid("Everything on this page is as delivered.")
        else:
            page.reset.allow()

    # Appearance

    def _appearance(self) -> Appearance:
        application = QApplication.instance()
        value = application.property("appearance") if application is not None else None
        return Appearance(value) if value in set(Appearance) else Appearance.SYSTEM

    def _choose_theme(self, appearance: Appearance) -> None:
        if self.context.window is not None:
            self.context.window.choose_theme(appearance)
        else:
            choose_appearance(appearance)
        self.refresh()

    def _choose_scale(self, scale: float) -> None:
        window_state().setValue(SCALE_KEY, scale)
        self.refresh()
        self.context.toast("The size changes when the window is started again.")

    def _reset(self) -> None:
        window_state().remove(SCALE_KEY)
        self._choose_theme(Appearance.SYSTEM)

    # Diagnostics

    def gateway_words(self) -> str:
        """Where models answer; on a reading thread."""
        workspace = self.context.workspace
        settings = workspace.settings
        addresses = sorted({e.url.split("/", 3)[2] for e in workspace.delivery.endpoints()})
        if addresses:
            return f"http://{addresses[0]}/ENVIRONMENT/MODEL"
        port = f"port {settings.gateway_port}" if settings.gateway_port else "a port that is free"
        return f"Not started yet; it will take {port} on {settings.bind_address}."

    def _read_facts(self) -> None:
        screens = [
            f"{s.size().width()}x{s.size().height()} at {s.devicePixelRatio():g}" for s in QGuiApplication.screens()
        ]
        platform = QGuiApplication.platformName()
        self.read(lambda: self._facts(f"{qVersion()} ({platform})", ", ".join(screens)), self._show_facts)

    def _facts(self, qt: str, screens: str) -> dict[str, str]:
        workspace = self.context.workspace
        facts = workspace.diagnostics.facts()
        more = {"Qt": qt, "Screens": screens}
        try:
            more["Engine"] = engine_words(workspace.delivery.engine_status())
            more["Gateway"] = self.gateway_words()
        except WorkstationError as error:
            more["Engine"] = f"{error.message} {error.hint}"
        more["Window log"] = str(_window_logs()[0])
        first = ("MLOps Desktop", "Python")
        return {**{n: facts[n] for n in first}, "Qt": more.pop("Qt"), **facts, **more}

    def _show_facts(self, facts: dict[str, str]) -> None:
        self.view.diagnostics.show_facts(facts)

    def _ask_target(self) -> None:
        proposed = Path.home() / f"mlops-desktop-{datetime.now().astimezone():%Y-%m-%d}.zip"
        dialog = QFileDialog(self.view, "Save diagnostics", str(proposed), "Zip files (*.zip)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("zip")
        dialog.fileSelected.connect(lambda name: self.save(Path(name)))
        dialog.open()

    def save(self, target: Path) -> None:
        """Write the zip; it may read some megabytes of logs."""
        workspace, session, page = self.context.workspace, self.context.session, self.view.diagnostics
        more = dict(line.split(": ", 1) for line in page.report.splitlines() if ": " in line)
        page.problem.clear()
        page.show_saving(True)

        def done(names: list[str]) -> None:
            page.show_saving(False)
            self.context.toast(f"Saved {target.name} with {len(names)} files.")

        def failed(error: BaseException) -> None:
            page.show_saving(False)
            page.problem.show_problem(error, can_retry=False)

        self.context.tasks.start(
            self, lambda: workspace.diagnostics.save(session, target, more=more, logs=_window_logs()), done, failed
        )

    # About

    def _read_texts(self) -> None:
        if not self.view.about.texts["changes"].toPlainText():
            self.read(about_texts, self.view.about.show_texts)


def _window_logs() -> list[Path]:
    folder = Path(config_folder()) / "logs"
    return [folder / "window.log", folder / "crash.log"]
