"""`mlops-desktop`: the window without arguments, the command line with them. Each is imported only when it is meant."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_desktop.tour.offscreen import Photographer
    from mlops_desktop.tour.stage import Tour

NO_WINDOW = (
    "Error: The window is not installed. Install it with: pip install 'mlops-desktop[ui]', "
    "or see the commands with: mlops-desktop --help"
)
NO_DISPLAY = (
    "Error: There is no display for the window. Start it from a desktop session, "
    "or see the commands with: mlops-desktop --help"
)


def main() -> None:
    """Entry point; exits with the code of what it ran."""
    sys.exit(_run())


def _run() -> int:
    windows = Windows() if _installed() else None
    if len(sys.argv) > 1:
        from mlops_desktop.cli.main import main as command_line

        return command_line(windows=windows)
    if windows is None:
        return _refused(NO_WINDOW)
    return windows.open()


def _refused(line: str) -> int:
    print(line, file=sys.stderr)  # noqa: T201  there is neither a window nor a command that could say it
    return 1


def _installed() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("PySide6", "pyqtgraph"))


class Windows:
    """The window as the command line knows it."""

    def open(self, workspace: Path | None = None) -> int:
        if not self.has_display() and not os.environ.get("QT_QPA_PLATFORM"):
            return _refused(NO_DISPLAY)  # Qt would name its plugins and abort
        return int(_ui("app").run(workspace))

    def has_display(self) -> bool:
        """Whether somebody could see a window."""
        return not sys.platform.startswith("linux") or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))

    def guided_tour(self, tour: Tour, *, keep: bool) -> int:
        return int(_ui("app").run(tour=tour, keep=keep))

    def photographer(self) -> Photographer | None:
        if importlib.util.find_spec("mlops_desktop.ui.tour_pictures") is None:
            return None
        photographer: Photographer = _ui("tour_pictures").Photographer()
        return photographer


def _ui(module: str) -> Any:
    return importlib.import_module(f"mlops_desktop.ui.{module}")


if __name__ == "__main__":
    main()
