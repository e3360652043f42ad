"""The guide beside the desk: takes steps, sees what a person did by hand, never leaves anybody stuck, tidies up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.errors import Conflict, DeploymentFailed
from mlops_desktop.domain.promotions import Decision
from mlops_desktop.domain.registry import Task
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.tour import scenario
from mlops_desktop.tour.acts import ACTS
from mlops_desktop.tour.replay import Progress
from mlops_desktop.tour.scenario import STEPS
from mlops_desktop.tour.stage import Tour
from mlops_desktop.ui.program import Program
from mlops_desktop.ui.screens.catalogue import BY_KEY
from mlops_desktop.ui.tour.guide import Guide
from mlops_desktop.ui.tour.leaving import LeaveDialog
from mlops_desktop.ui.tour.panel import GuidePanel
from mlops_desktop.ui.tour.story import Standing, Story
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.workspace import Workspace
from tests.ui.checks import assert_accessible
from tests.ui.conftest import PASSWORD
from tests.unit.services.registry_kit import SIGNATURE, model_file

SOON = 20_000
MODEL, ENVIRONMENT = "flight-delay", "production"


@pytest.fixture
def guide(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guide]:
    """A window with the tour's panel, as `mlops-desktop tour` opens it."""
    monkeypatch.setenv("MLOPS_DESKTOP_ENGINE", "process")
    monkeypatch.setattr(qapp, "quit", lambda: None)
    program = Program(qapp)
    program.window.resize(1280, 800)
    program.begin(None)
    program.offer_tour()
    program.window.show()
    guide = Guide(program, Tour(tmp_path / "flights"), keep=False)
    yield guide
    program.window.may_close = lambda: True
    program.window.close()
    program.window.deleteLater()
    program.deleteLater()


def panel_of(guide: Guide) -> GuidePanel:
    assert guide.panel is not None
    return guide.panel


def press(button: Button, qtbot: QtBot) -> None:
    assert button.isVisible(), button.text()
    assert button.isEnabled(), button.text()
    qtbot.keyClick(button, Qt.Key.Key_Return)


def founded(guide: Guide, qtbot: QtBot) -> Workspace:
    """After the first chapter, at the desk."""
    press(panel_of(guide).do, qtbot)
    qtbot.waitUntil(lambda: guide.story.done and guide._program.window.at_desk, timeout=SOON)
    assert guide.tour is not None
    return guide.tour.workspace


def register_two(guide: Guide, tmp_path: Path) -> None:
    """What Dan's script would leave, without the time it takes to train."""
    tour = guide.tour
    assert tour is not None
    policies = tour.workspace.policies
    policy = replace(policies.policy(ENVIRONMENT), required_checks=("artifact-digest",))
    policies.set_policy(tour.session("engineer"), policy)
    for number, auc in ((1, 0.70), (2, 0.75)):
        tour.workspace.registry.register_version(
            tour.session("scientist"),
            MODEL,
            model_file(tmp_path / f"{number}.onnx", auc),
            task=Task.CLASSIFICATION,
            signature=SIGNATURE,
            metrics={"roc_auc": auc},
        )


def said(guide: Guide) -> str:
    return "\n".join(label.text() for label in panel_of(guide).findChildren(QLabel) if label.isVisible())


def standings(guide: Guide) -> list[Standing]:
    return [guide.story.standing(i) for i in range(len(STEPS))]


def test_every_chapter_says_who_where_and_why() -> None:
    assert set(ACTS) == {step.id for step in STEPS}
    known = {step.id for step in STEPS}
    for step in STEPS:
        assert step.why, step.id
        assert step.explanation.count(". ") + 1 <= 2, f"{step.id}: two sentences"
        assert set(step.needs) <= known
        for act in ACTS[step.id]:
            assert act.screen in BY_KEY
            assert act.part in Tour(Path()).team


def test_the_panel_begins_before_anything_was_made(guide: Guide, qtbot: QtBot) -> None:
    panel = panel_of(guide)
    assert panel.isVisible()
    assert_accessible(panel)
    assert guide.tour is not None
    assert not guide.tour.folder.exists()
    assert standings(guide)[:3] == [Standing.NOW, Standing.NEXT, Standing.LATER]
    assert "Nothing leaves this machine" in said(guide)
    assert "1 of 10" in said(guide)


def test_the_first_step_makes_the_workspace_and_sits_the_engineer_down(guide: Guide, qtbot: QtBot) -> None:
    workspace = founded(guide, qtbot)
    program = guide._program
    assert program.workspace is workspace
    assert program.context is not None
    assert program.context.account.name == "mila"
    assert program.window.desk.here == "team"
    assert "made in" in said(guide).lower()
    assert_accessible(panel_of(guide))
    press(panel_of(guide).next, qtbot)
    qtbot.waitUntil(lambda: program.context is not None and program.context.account.name == "dan", timeout=SOON)
    assert program.window.desk.here == "models"
    assert standings(guide)[:3] == [Standing.DONE, Standing.NOW, Standing.NEXT]


def test_what_a_person_does_by_hand_is_seen(guide: Guide, qtbot: QtBot, tmp_path: Path) -> None:
    workspace = founded(guide, qtbot)
    panel, tour, program = panel_of(guide), guide.tour, guide._program
    assert tour is not None
    press(panel.next, qtbot)
    press(panel.by_hand, qtbot)
    assert "mlops_desktop.tour.train" in panel.command.text
    assert panel.password.text == tour.person("scientist").password
    register_two(guide, tmp_path)
    qtbot.waitUntil(lambda: guide.story.done, timeout=SOON)
    assert "by your own hand" in said(guide)

    press(panel.next, qtbot)
    assert guide.story.step.id == "check"
    press(panel.skip, qtbot)
    assert guide.story.standing(2) is Standing.SKIPPED
    assert guide.story.step.id == "promote"
    press(panel.by_hand, qtbot)
    assert "Request promotion" in panel.hint.text()
    qtbot.waitUntil(lambda: program.context is not None and program.context.account.name == "dan", timeout=SOON)
    promotion = workspace.promotions.request(tour.session("scientist"), MODEL, 1, ENVIRONMENT, "Try it.", _silent())
    # The chapter goes on with the second person, whose chair is offered and not forced on anybody.
    qtbot.waitUntil(lambda: "Approve" in panel.hint.text(), timeout=SOON)
    assert program.context is not None
    assert program.context.account.name == "dan"
    assert panel.password.text == tour.person("reviewer").password
    press(panel.person._button, qtbot)
    qtbot.waitUntil(lambda: program.context is not None and program.context.account.name == "rosa", timeout=SOON)
    assert program.window.desk.here == "inbox"
    workspace.promotions.review(
        tour.session("reviewer"), promotion.id, Decision.APPROVE, "Looked.", tour.person("reviewer").password
    )
    qtbot.waitUntil(lambda: guide.story.done, timeout=SOON)


def test_the_tour_goes_on_from_where_a_person_stopped(guide: Guide, qtbot: QtBot, tmp_path: Path) -> None:
    workspace = founded(guide, qtbot)
    panel, tour = panel_of(guide), guide.tour
    assert tour is not None
    register_two(guide, tmp_path)
    press(panel.next, qtbot)
    qtbot.waitUntil(lambda: guide.story.done, timeout=SOON)  # found done when the chapter was opened
    press(panel.next, qtbot)
    press(panel.skip, qtbot)
    press(panel.by_hand, qtbot)
    workspace.promotions.request(tour.session("scientist"), MODEL, 1, ENVIRONMENT, "By hand.", _silent())
    press(panel.after_all, qtbot)
    qtbot.waitUntil(lambda: not guide.story.running, timeout=SOON)
    assert guide.story.error is None
    (promotion,) = workspace.promotions.promotions(model=MODEL)
    assert (promotion.reason, [r.reviewer for r in promotion.reviews]) == ("By hand.", ["rosa"])
    assert "Refused" in said(guide) or "refused" in said(guide)


def test_an_error_is_shown_in_place_and_can_be_tried_again_or_skipped(
    guide: Guide, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    founded(guide, qtbot)
    panel = panel_of(guide)

    def fails(*_: object, **__: object) -> None:
        raise DeploymentFailed("The training script failed.", "Run it by hand to see all.")

    monkeypatch.setattr("mlops_desktop.tour.steps.train_and_register", fails)
    press(panel.next, qtbot)
    press(panel.do, qtbot)
    qtbot.waitUntil(lambda: panel.problem.isVisible(), timeout=SOON)
    assert "The training script failed." in said(guide)
    assert "Run it by hand" in said(guide)
    assert guide.story.standing(1) is Standing.FAILED
    assert_accessible(panel)
    press(panel.problem.retry_button, qtbot)
    qtbot.waitUntil(lambda: guide.story.running, timeout=SOON)
    qtbot.waitUntil(lambda: panel.problem.isVisible(), timeout=SOON)
    press(panel.problem.skip_button, qtbot)
    assert guide.story.step.id == "check"
    assert not panel.problem.isVisible()


def test_running_by_itself_stops_at_an_error_and_on_request(
    guide: Guide, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = panel_of(guide)
    founded(guide, qtbot)

    def fails(*_: object, **__: object) -> None:
        raise Conflict("Somebody was faster.", "Look again.")

    monkeypatch.setattr("mlops_desktop.tour.steps.train_and_register", fails)
    press(panel.auto, qtbot)
    qtbot.waitUntil(lambda: panel.problem.isVisible(), timeout=SOON)
    assert not guide.story.auto
    assert panel.auto.text() == "Run the rest by itself"


def test_a_closed_panel_comes_back_through_the_palette(guide: Guide, qtbot: QtBot) -> None:
    founded(guide, qtbot)
    panel, desk = panel_of(guide), guide._program.window.desk
    qtbot.mouseClick(panel.close_button, Qt.MouseButton.LeftButton)
    assert not panel.isVisible()
    desk.palette_panel.open()
    qtbot.keyClicks(desk.palette_panel.search, "show the tour")
    qtbot.keyClick(desk.palette_panel.search, Qt.Key.Key_Return)
    qtbot.waitUntil(panel.isVisible, timeout=SOON)


def answer(button: str, seen: list[str]) -> None:
    """Press a button of the next modal dialog."""

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, LeaveDialog):
            QTimer.singleShot(50, look)
            return
        seen.append("\n".join(label.text() for label in dialog.findChildren(QLabel)))
        getattr(dialog, button).click()

    QTimer.singleShot(50, look)


def test_leaving_asks_and_discards_what_was_made(guide: Guide, qtbot: QtBot) -> None:
    founded(guide, qtbot)
    panel, tour, program, seen = panel_of(guide), guide.tour, guide._program, list[str]()
    assert tour is not None
    answer("cancel_button", seen)
    press(panel.leave, qtbot)
    assert guide.panel is panel, "stayed"
    assert str(tour.folder) in seen[0]
    answer("accept_button", seen)
    press(panel.leave, qtbot)
    qtbot.waitUntil(lambda: guide.panel is None, timeout=SOON)
    qtbot.waitUntil(lambda: not tour.folder.exists(), timeout=SOON)
    assert not program.window.at_desk
    assert program.workspace is None
    # And another tour can begin.
    assert guide.tour is None


def test_a_kept_workspace_stays_open_and_the_guide_is_gone(guide: Guide, qtbot: QtBot) -> None:
    workspace = founded(guide, qtbot)
    panel, program = panel_of(guide), guide._program
    answer("keep_button", [])
    press(panel.leave, qtbot)
    assert guide.panel is None
    assert program.workspace is workspace
    assert program.window.at_desk
    assert workspace.accounts.account("rosa").full_name == "Rosa Lindqvist"
    desk = program.window.desk
    desk.palette_panel.open()
    desk.palette_panel.search.setText("show the tour")
    assert "Show the tour" not in {c.title for c in desk.palette_panel._model._commands}


def test_closing_the_window_in_the_middle_leaves_nothing_behind(guide: Guide, qtbot: QtBot) -> None:
    founded(guide, qtbot)
    tour, program = guide.tour, guide._program
    assert tour is not None
    answer("accept_button", [])
    program.window.close()
    assert not tour.folder.exists()
    assert not program.window.isVisible()


def test_opening_another_workspace_ends_the_tour_and_keeps_its_own(guide: Guide, qtbot: QtBot) -> None:
    founded(guide, qtbot)
    tour, program = guide.tour, guide._program
    assert tour is not None
    program.change_workspace()
    qtbot.waitUntil(lambda: guide.panel is None, timeout=SOON)
    assert (tour.folder / "registry.db").exists()
    assert program.workspace is None


def test_the_first_runs_choice_takes_the_first_step(guide: Guide, qtbot: QtBot) -> None:
    guide._program.tour_wanted.emit()
    qtbot.waitUntil(lambda: guide.story.done and guide._program.window.at_desk, timeout=SOON)
    assert guide.story.step.id == "workspace"


def test_a_workspace_of_ones_own_hides_the_panel_until_it_is_wanted(
    guide: Guide, qtbot: QtBot, workspace: Workspace
) -> None:
    program, panel = guide._program, panel_of(guide)
    session = workspace.accounts.sign_in("mila", PASSWORD)
    program.enter(workspace, session, workspace.accounts.account(session))
    assert not panel.isVisible()
    guide.show_panel()
    founded(guide, qtbot)
    assert program.workspace is not workspace
    qtbot.waitUntil(lambda: program.context is not None, timeout=SOON)
    assert program.context is not None
    assert program.context.workspace.name == "Flights of 2013"


def test_the_flights_show_their_figures_and_their_speed(qtbot: QtBot) -> None:
    panel = GuidePanel()
    qtbot.addWidget(panel)
    panel.show_story(Story(at=5))
    panel.show_flights(Progress(flights=1234, flights_lost=3, labels=900), 3.0, held=False, over=False)
    panel.show()
    words = "\n".join(label.text() for label in panel.findChildren(QLabel) if label.isVisible())
    assert "1,237" in words
    assert "259,200 times real time" in words
    with qtbot.waitSignal(panel.speed_wanted) as wanted:
        qtbot.keyClick(panel.flights.slider, Qt.Key.Key_Home)
    assert wanted.args == [1 / 86400]
    assert "real time" in panel.flights._speed.text()
    with qtbot.waitSignal(panel.hold_wanted) as held:
        qtbot.keyClick(panel.flights.pause_button, Qt.Key.Key_Return)
    assert held.args == [True]
    assert_accessible(panel)


def test_what_was_skipped_is_caught_up_when_a_later_step_needs_it(tmp_path: Path) -> None:
    taken: list[str] = []
    tour = Tour(tmp_path / "never")
    with pytest.raises(Conflict):
        scenario.catch_up(tour, STEPS[4], _Counting(taken), on_start=lambda step: taken.append(step.id))
    assert taken[0] == "workspace"
    assert not (tmp_path / "never").exists()


class _Counting(JobContext):
    """Stops at the first step that would do something."""

    def __init__(self, taken: list[str]) -> None:
        super().__init__()
        self._taken = taken

    def progress(self, fraction: float | None, message: str = "") -> None:
        raise Conflict("Enough.", "")


def _silent() -> JobContext:
    return JobContext.silent()
