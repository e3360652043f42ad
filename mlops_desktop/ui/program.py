"""The program behind the window: opens workspaces, signs people in and out, and ends without losing anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from mlops_desktop.domain.accounts import Account, Session
from mlops_desktop.ui.error_reporter import problem_of
from mlops_desktop.ui.main_window import MainWindow
from mlops_desktop.ui.screens.catalogue import BY_KEY, SCREENS
from mlops_desktop.ui.screens.sign_in.presenter import SignInPresenter
from mlops_desktop.ui.screens.sign_in.view import SignInView
from mlops_desktop.ui.task_runner import TaskRunner
from mlops_desktop.ui.theme import Appearance, choose_appearance
from mlops_desktop.ui.window_state import config_folder, window_state

if TYPE_CHECKING:
    from mlops_desktop.ui.incidents import Incidents
    from mlops_desktop.ui.screen import ScreenContext
    from mlops_desktop.ui.screens.first_run.presenter import FirstRunPresenter
    from mlops_desktop.ui.shell.presenter import DeskPresenter
    from mlops_desktop.ui.single_instance import SingleInstance
    from mlops_desktop.workspace import Workspace

USER_VARIABLE = "MLOPS_DESKTOP_USER"
PASSWORD_VARIABLE = "MLOPS_DESKTOP_PASSWORD"  # noqa: S105  the name of a variable
BACKGROUND_AFTER_MS = 800


class Program(QObject):
    """One window with at most one workspace and one person. `entered(context)` when somebody sits down at the desk."""

    entered = Signal(object)
    tour_wanted = Signal()
    ended = Signal()  # the window was closed; everything is still open

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        self.tasks = TaskRunner(parent=self)
        self.window = MainWindow()
        self.window.may_close = self._may_close
        self.window.closed.connect(self.shut_down)
        self.window.lock_wanted.connect(self.lock)
        self.workspace: Workspace | None = None
        self.context: ScreenContext | None = None
        self._desk_presenter: DeskPresenter | None = None
        self._first_run: FirstRunPresenter | None = None
        self._gate: SignInPresenter | None = None
        self._gate_view: SignInView | None = None
        self._instance: SingleInstance | None = None
        self._incidents: Incidents | None = None
        self._idle: QObject | None = None
        self._lock_minutes: float | None = None  # as it was changed since the workspace was opened
        self._has_guide = False

    # Beginning

    def begin(self, path: Path | None) -> None:
        """Show the right gate. The workspace is opened after the first paint."""
        if path is None:
            self.show_first_run()
        else:
            self.show_sign_in(path)

    def after_first_paint(self) -> None:
        """What nobody sees: the log, and what a start with variables asks for."""
        from mlops_desktop.ui.incidents import Incidents

        self._incidents = Incidents(Path(config_folder()) / "logs", self)
        self._incidents.install()
        self._incidents.happened.connect(self.show_incident)

    def show_first_run(self) -> None:
        from mlops_desktop.ui.screens.first_run.presenter import FirstRunPresenter
        from mlops_desktop.ui.screens.first_run.view import FirstRunView

        if self._first_run is None:
            view = FirstRunView()
            self._first_run = FirstRunPresenter(view, self.tasks)
            self._first_run.made.connect(self.enter)
            self._first_run.open_wanted.connect(self.show_sign_in)
            self._first_run.tour_wanted.connect(self.tour_wanted)
            self._first_run.offer_tour(self._has_guide)
        view_of = self._first_run.parent()
        if isinstance(view_of, FirstRunView):
            self.window.show_gate(view_of)
        self._first_run.begin()

    def show_sign_in(self, path: Path) -> None:
        """Ask who is there, for a workspace that isn't open yet."""
        from mlops_desktop.ui.single_instance import SingleInstance

        self.close_workspace()
        instance = SingleInstance(self)
        if not instance.take(path):
            self.show_first_run()
            # Once the window is there: a question before it could end nothing, as nothing runs yet.
            QTimer.singleShot(0, self, lambda: self._tell_second_window(path))
            return
        instance.asked.connect(self.window.raise_up)
        self._instance = instance
        name = window_state().value(f"people/{path}", "")
        presenter, view = self._sign_in()
        self.window.show_gate(view)
        presenter.begin(path, path.name, os.environ.get(USER_VARIABLE) or (name if isinstance(name, str) else ""))

    def offer_tour(self) -> None:
        """There is a guide who hears `tour_wanted`."""
        self._has_guide = True
        if self._first_run is not None:
            self._first_run.offer_tour(True)

    def _sign_in(self) -> tuple[SignInPresenter, SignInView]:
        if self._gate is None or self._gate_view is None:
            self._gate_view = SignInView()
            self._gate = SignInPresenter(self._gate_view, self.tasks)
            self._gate.signed_in.connect(self.enter)
            self._gate.unlocked.connect(self._on_unlocked)
            self._gate.workspace_opened.connect(self._on_opened)
            self._gate_view.others_wanted.connect(self.change_workspace)
            self._gate_view.person_wanted.connect(self.switch_person)
        return self._gate, self._gate_view

    def _on_opened(self, workspace: Workspace) -> None:
        self.workspace = workspace
        user, password = os.environ.get(USER_VARIABLE), os.environ.get(PASSWORD_VARIABLE)
        if user and password and self._gate is not None:
            self._gate.submit(user, password)

    # At the desk

    def enter(self, workspace: Workspace, session: Session, account: Account) -> None:
        """Sit down: a new desk for this person, or the old one when it is the same person again."""
        from mlops_desktop.ui.event_bridge import EventBridge
        from mlops_desktop.ui.navigator import Navigator
        from mlops_desktop.ui.screen import ScreenContext, WindowActions
        from mlops_desktop.ui.shell.commands import window_commands
        from mlops_desktop.ui.shell.presenter import DeskPresenter
        from mlops_desktop.ui.single_instance import SingleInstance

        if self._instance is None:
            self._instance = SingleInstance(self)
            self._instance.asked.connect(self.window.raise_up)
            self._instance.take(workspace.path)
        self._leave_desk()
        self.workspace = workspace
        events = EventBridge(workspace.events, self)
        desk = self.window.desk
        self.context = ScreenContext(
            workspace,
            session,
            account,
            TaskRunner(workspace.jobs, self),
            events,
            Navigator(self),
            desk.toast.show_text,
            WindowActions(
                self.lock, self.sign_out, self.change_workspace, self.open_again, self.choose_theme, self.lock_after
            ),
        )
        desk.enter(self.context)
        self._desk_presenter = DeskPresenter(desk, self.context, window_commands(self))
        self._desk_presenter.account_changed.connect(self._on_roles_changed)
        self._fill_account_menu()
        self._connect_desk_once()
        self.window.setWindowTitle(f"{workspace.name} – MLOps Desktop")
        self.window.show_desk()
        window_state().setValue(f"people/{workspace.path}", account.name)
        last = window_state().value(f"places/{workspace.id}/{account.name}", "overview")
        known = {spec.key for spec in SCREENS if spec.available}
        self.context.navigator.open(last if last in known else "overview")
        self._watch_idleness()
        # Collecting imports the engine's library; the screen comes first.
        tasks = self.context.tasks
        QTimer.singleShot(
            BACKGROUND_AFTER_MS, self, lambda: tasks.start(self, workspace.start_background, self._on_background)
        )
        self.entered.emit(self.context)

    def _on_background(self, _nothing: object) -> None:
        # What another process did between the first reading and the first watching was told to nobody.
        if self._desk_presenter is not None:
            self._desk_presenter.refresh()
            self.window.desk.refresh()

    def _connect_desk_once(self) -> None:
        desk = self.window.desk
        if desk.property("connected"):
            return
        desk.setProperty("connected", True)
        desk.rail.workspace_wanted.connect(self.change_workspace)
        desk.screen_shown.connect(self._remember_place)

    def _remember_place(self, key: str) -> None:
        if self.context is not None and BY_KEY[key].rail:
            state = window_state()
            state.setValue(f"places/{self.context.workspace.id}/{self.context.account.name}", key)

    def _on_roles_changed(self, account: Account) -> None:
        """Buttons were allowed or forbidden when their screens were built, so they are built anew."""
        if self.context is not None:
            self.enter(self.context.workspace, self.context.session, account)

    def _fill_account_menu(self) -> None:
        from mlops_desktop.ui.shell.commands import fill_account_menu

        if self.context is not None:
            fill_account_menu(self.window.desk.bar.account.menu(), self, self.context.account)

    @property
    def appearance(self) -> Appearance:
        """What the person chose."""
        return Appearance(str(self._application.property("appearance")))

    def choose_theme(self, appearance: Appearance) -> None:
        choose_appearance(appearance)
        window_state().setValue("window/appearance", appearance.value)
        if self.context is not None:
            self._fill_account_menu()

    # Locking and leaving

    def lock(self) -> None:
        """Cover everything; jobs and charts go on behind it."""
        if self.context is None or not self.window.at_desk:
            return
        presenter, view = self._sign_in()
        presenter.lock(self.context.workspace, self.context.session, self.context.account)
        self.window.show_gate(view)

    def _on_unlocked(self) -> None:
        self.window.show_desk()

    def switch_person(self) -> None:
        self.sign_out()

    def sign_out(self) -> None:
        """End the session; the workspace stays open for the next person."""
        if self.context is None:
            return
        workspace, session = self.context.workspace, self.context.session
        self._leave_desk()
        self.tasks.start(self, lambda: workspace.accounts.sign_out(session))
        presenter, view = self._sign_in()
        presenter.begin_again(workspace)
        self.window.show_gate(view)

    def change_workspace(self) -> None:
        if self._may_close():
            self.close_workspace()
            self.show_first_run()

    def open_again(self, path: Path) -> None:
        """Close what is open and ask who is there, for this workspace."""
        if self._may_close():
            self.show_sign_in(path)

    def close_workspace(self, *, wait: bool = False) -> None:
        """Let go of everything that belongs to the workspace; it may take as long as a job takes to stop."""
        self._leave_desk(wait=wait)
        self._lock_minutes = None
        workspace, self.workspace = self.workspace, None
        if workspace is not None:
            if wait:
                workspace.close()
            else:
                self.tasks.start(self, workspace.close)
        if self._instance is not None:
            self._instance.release()
            self._instance = None

    def _leave_desk(self, *, wait: bool = False) -> None:
        if self.context is None:
            return
        if self._desk_presenter is not None:
            self._desk_presenter.deleteLater()
            self._desk_presenter = None
        self.window.desk.leave()
        self.context.events.close()
        self.context.tasks.close(wait=wait)
        self.context = None

    def _may_close(self) -> bool:
        """A running job can't go on without the window: say what will happen."""
        running = self.context.tasks.running if self.context is not None else []
        if not running:
            return True
        from mlops_desktop.ui.widgets.dialogs import ask

        titles = ", ".join(job.title for job in running[:3])
        return ask(
            self.window,
            "A job is still running" if len(running) == 1 else f"{len(running)} jobs are still running",
            f"{titles}. Closing cancels what runs and tidies up what it had begun; "
            "what is deployed keeps serving. You can start it again later.",
            "Cancel it and close" if len(running) == 1 else "Cancel them and close",
            danger=True,
            cancel="Stay here",
        )

    def end(self) -> None:
        """Close without asking, as nobody is there to answer: the session ends."""
        self.window.may_close = lambda: True
        self.window.close()

    def shut_down(self) -> None:
        self.ended.emit()
        self.window.hide()
        self.close_workspace(wait=True)
        self.tasks.close()
        if self._incidents is not None:
            self._incidents.remove()
        self._application.quit()

    # Incidents

    def show_incident(self, error: BaseException) -> None:
        from mlops_desktop.ui.widgets.dialogs import BugReportDialog

        problem = problem_of(error)
        if problem.bug:
            BugReportDialog(problem, self.window).show()
        elif self.window.at_desk:
            self.window.desk.banner.show_problem(error, can_retry=False)

    def _tell_second_window(self, path: Path) -> None:
        from mlops_desktop.ui.widgets.dialogs import ask

        text = f"The window that has {path} was asked to come forward. Work there, or open another workspace here."
        if not ask(self.window, "This workspace is open already", text, "Stay here", cancel="Close this window"):
            self.window.close()

    def lock_after(self, minutes: float) -> None:
        """Another time without a touch, from now on."""
        self._lock_minutes = minutes
        self._watch_idleness()

    def _watch_idleness(self) -> None:
        from mlops_desktop.ui.idleness import Idleness

        if self._idle is not None:
            self._idle.deleteLater()
            self._idle = None
        if self.workspace is None:
            return
        changed = self._lock_minutes
        idle = Idleness((self.workspace.settings.lock_minutes if changed is None else changed) * 60, self)
        idle.passed.connect(self.lock)
        idle.watch(self._application)
        self._idle = idle
