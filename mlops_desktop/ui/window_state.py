"""What the window remembers between starts: geometry, last screen, tables; one INI file."""

from __future__ import annotations

from PySide6.QtCore import QSettings


def config_folder() -> str:
    # Imported here: 12 ms that a first paint can do without.
    import platformdirs

    return platformdirs.user_config_dir("mlops-desktop", appauthor=False)


def window_state() -> QSettings:
    """Cheap to call: Qt shares one file among all objects that name it, and writes it by itself."""
    return QSettings(f"{config_folder()}/window.ini", QSettings.Format.IniFormat)
