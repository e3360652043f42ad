"""From the start of the process to the first painted window and to the filled overview of the tour's workspace.

The peer is a bare window with one chart, measured in the same run; the imports of that moment are counted too.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROUNDS = 5
SECONDS_LIMIT = 1.5
RATIO_LIMIT = 2.0
HEAVY = ("sklearn", "pandas", "scipy", "docker", "onnx", "onnxruntime", "skl2onnx", "cryptography", "argon2", "httpx")
TOUR_SPEED = 20.0  # days of flights a second: nobody watches

# Both programs say when the first window was painted, ours also when the overview shows what serves, and end. `exec` is
# where each hands over to Qt, so that the watcher costs neither of them anything before.
WATCH = """
import sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

class Watcher(QObject):
    painted = False
    def eventFilter(self, target, event):
        # Of any widget: a window that its children cover is not painted itself.
        if event.type() == QEvent.Type.Paint and isinstance(target, QWidget) and target.window().isVisible():
            # All widgets are painted in the same go; the timer fires after them.
            QTimer.singleShot(0, self.tell)
        return False
    def tell(self):
        if not self.painted:
            self.painted = True
            heavy = [name for name in HEAVY if name in sys.modules]
            self.say("painted", ",".join(heavy) or "-")
            if not WAIT_FOR_ROWS:
                self.end()
        if WAIT_FOR_ROWS and self.rows():
            self.say("filled", "-")
            self.end()
    def rows(self):
        views = [w for w in QApplication.allWidgets() if type(w).__name__ == "OverviewView"]
        return any(view.isVisible() and view.table.model.rowCount() for view in views)
    def say(self, word, detail):
        sys.stdout.write(f"{word} {time.clock_gettime(time.CLOCK_MONOTONIC)} {detail}\\n")
        sys.stdout.flush()
    def end(self):
        import os
        os._exit(0)

enter = QApplication.exec
def watched(*args):
    watcher = Watcher()
    QApplication.instance().installEventFilter(watcher)
    return enter()
QApplication.exec = watched
"""
BARE = """
import pyqtgraph
from PySide6.QtWidgets import QMainWindow
app = QApplication([])
window = QMainWindow()
window.resize(1280, 800)
plot = pyqtgraph.PlotWidget()
plot.plot([1, 3, 2, 4])
window.setCentralWidget(plot)
window.show()
QApplication.exec()
"""
OURS = """
sys.argv = ["mlops-desktop"]
from mlops_desktop.__main__ import main
main()
"""


def painted(program: str, environment: dict[str, str], *, rows: bool) -> dict[str, tuple[float, str]]:
    """Seconds from the start of the process by what was seen: `painted`, with the heavy modules imported, `filled`."""
    began = time.clock_gettime(time.CLOCK_MONOTONIC)
    source = f"HEAVY, WAIT_FOR_ROWS = {HEAVY!r}, {rows}\n{WATCH}\n{program}"
    done = subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, text=True, timeout=60)
    seen = {}
    for line in done.stdout.splitlines():
        word, at, detail = line.split()
        seen[word] = (float(at) - began, detail)
    if set(seen) != ({"painted", "filled"} if rows else {"painted"}):
        raise RuntimeError(f"only {sorted(seen)} was seen: {done.stderr[-500:] or done.stdout[-500:]}")
    return seen


def environment(home: Path) -> dict[str, str]:
    """A person of its own, with the machine's caches of fonts and bytecode, as a warm start has them."""
    own = {"XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data", "XDG_STATE_HOME": "state"}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("MLOPS_DESKTOP_")},
        "QT_QPA_PLATFORM": "offscreen",
        "MLOPS_DESKTOP_ENGINE": "process",
        **{name: str(home / folder) for name, folder in own.items()},
    }


@contextmanager
def toured(home: Path) -> Iterator[dict[str, str]]:
    """The variables that open the tour's workspace as its engineer, while version 1 serves in it."""
    from mlops_desktop.settings import Settings
    from mlops_desktop.tour import scenario
    from mlops_desktop.tour.stage import Tour
    from mlops_desktop.workspace import open_workspace

    tour = Tour(home / "workspace", speed=TOUR_SPEED)
    try:
        scenario.run(tour)
    finally:
        tour.close()
    engineer = tour.person("engineer")
    yield {
        "MLOPS_DESKTOP_WORKSPACE": str(tour.workspace.path),
        "MLOPS_DESKTOP_USER": engineer.name,
        "MLOPS_DESKTOP_PASSWORD": engineer.password,
    }
    with open_workspace(tour.workspace.path, settings=Settings(engine="process")) as workspace:
        workspace.delivery.shut_down(workspace.accounts.sign_in(engineer.name, engineer.password))


def run() -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="mlops-desktop-bench-") as folder:
        settings = environment(Path(folder))
        os.environ.update({n: v for n, v in settings.items() if n.startswith(("MLOPS_DESKTOP_", "XDG_"))})
        with toured(Path(folder)) as signed_in:
            yield from window_times(settings | signed_in)
        yield from import_times(settings)


def window_times(settings: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Ours and the bare window in turns."""
    times: dict[str, list[float]] = {"bare": [], "painted": [], "filled": []}
    imported = "-"
    for round_number in range(ROUNDS + 1):
        bare = painted(BARE, settings, rows=False)["painted"][0]
        ours = painted(OURS, settings, rows=True)
        imported = ours["painted"][1] if imported == "-" else imported
        if round_number:  # the first one fills the caches
            times["bare"].append(bare)
            times["painted"].append(ours["painted"][0])
            times["filled"].append(ours["filled"][0])
    median = {name: statistics.median(values) for name, values in times.items()}
    titles = {"painted": "window painted, tour's workspace", "filled": "signed in, overview filled"}
    for name, title in titles.items():
        yield {
            "figure": title,
            "value": median[name],
            "unit": "s",
            "against": f"at most {SECONDS_LIMIT} s",
            "ratio": median[name] / SECONDS_LIMIT,
        }
        yield {
            "figure": title,
            "value": median[name],
            "unit": "s",
            "against": f"bare window with one chart: {median['bare']:.3f} s (at most {RATIO_LIMIT:g}x)",
            "ratio": median[name] / median["bare"],
        }
    yield {
        "figure": "heavy modules at first paint",
        "value": 0 if imported == "-" else len(imported.split(",")),
        "unit": imported,
        "against": "0",
        "ratio": None,
    }


def import_times(settings: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Milliseconds that importing takes, by -X importtime: the whole, and the three dearest of ours and others'."""
    for module, limit in (("mlops_desktop.workspace", 50), ("mlops_desktop.cli.main", 100)):
        command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
        took = []
        for _ in range(ROUNDS):
            done = subprocess.run(command, env=settings, capture_output=True, text=True, check=True, timeout=60)
            lines = [
                line.split("|")
                for line in done.stderr.splitlines()
                if line.startswith("import time:") and "[us]" not in line
            ]
            took.append(next(int(line[1]) for line in lines if line[2].strip() == module) / 1000)
            names = {line[2].strip() for line in lines}
        heavy = sorted(name for name in HEAVY if name in names)
        median = statistics.median(took)
        yield {
            "figure": f"import {module}",
            "value": median,
            "unit": "ms",
            "against": f"at most {limit} ms",
            "ratio": median / limit,
        }
        yield {
            "figure": f"heavy modules of {module}",
            "value": len(heavy),
            "unit": ",".join(heavy) or "-",
            "against": "0",
            "ratio": None,
        }
