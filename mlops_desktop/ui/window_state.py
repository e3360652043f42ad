"""What the window remembers between starts: geometry, last screen, tables; one INI file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QSettings


def config_folder() -> str:
    # Imported here: 12 ms that a first paint can do without.
    import platformdirs

    return platformdirs.user_config_dir("mlops-desktop", appauthor=False)


def window_state() -> QSettings:
    """Cheap to call: Qt shares one file among all objects that name it, and writes it by itself."""
    application = QCoreApplication.instance()
    chosen = application.property("state-file") if application is not None else None
    return QSettings(str(chosen or f"{config_folder()}/window.ini"), QSettings.Format.IniFormat)


def use_state_file(application: QCoreApplication, path: Path | None) -> None:
    """Remember elsewhere from now on, None: in the person's own file. For pictures, which are nobody's habit."""
    application.setProperty("state-file", str(path) if path is not None else None)
