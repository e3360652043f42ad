"""The window ends in order when the session does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlops_desktop.ui.window_state import window_state


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_from_outside_closes_the_window(number: signal.Signals, workspace_folder: Path) -> None:
    own = {"QT_QPA_PLATFORM": "offscreen", "MLOPS_DESKTOP_WORKSPACE": str(workspace_folder)}
    window = subprocess.Popen([sys.executable, "-m", "mlops_desktop"], env=os.environ | own, stderr=subprocess.PIPE)
    try:
        time.sleep(2.5)  # idle in Qt's loop, where Python's own handlers never run
        window.send_signal(number)
        _, told = window.communicate(timeout=10)
    finally:
        window.kill()
        window.wait()
    assert window.returncode == 0, told.decode()
    assert b"Traceback" not in told
    state = window_state().fileName()  # in the folder of this test, which the process shares
    assert "geometry" in Path(state).read_text(), "what is written when a person closes it"
