"""`mlops-desktop`: the window without arguments, the command line with them. Each is imported only when it is meant."""

from __future__ import annotations

import importlib.util
import sys


def main() -> None:
    """Entry point; exits with the code of what it ran."""
    sys.exit(_run())


def _run() -> int:
    if len(sys.argv) > 1:
        from mlops_desktop.cli.main import main as command_line

        return command_line()
    if importlib.util.find_spec("PySide6") is None or importlib.util.find_spec("pyqtgraph") is None:
        print(  # noqa: T201  there is neither a window nor a command that could say it
            "Error: The window is not installed. Install it with: pip install 'mlops-desktop[ui]', "
            "or see the commands with: mlops-desktop --help",
            file=sys.stderr,
        )
        return 1
    from mlops_desktop.ui.app import run

    return run()


if __name__ == "__main__":
    main()
