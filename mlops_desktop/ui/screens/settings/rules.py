"""The policies page: rules as the workspace has them, and new versions of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mlops_desktop.domain.errors import Conflict
from mlops_desktop.domain.events import PolicyChanged
from mlops_desktop.domain.policy import Policy
from mlops_desktop.ui.screen import Presenter, ScreenContext
from mlops_desktop.ui.screens.settings.dialogs import EnvironmentDialog
from mlops_desktop.ui.screens.settings.view import SettingsView
from mlops_desktop.ui.words import ago

LOOKED_AT = 500  # changes of policies among which those of one environment are found
SHOWN = 6
WORDS = {
    "required_checks": "required checks",
    "approval_hours": "hours of an approval",
    "answer_tolerance": "tolerance of answers",
    "thresholds": "least values",
    "tolerances": "may be worse by",
}


class RulesPresenter(Presenter):
    """Saving is refused when somebody else saved meanwhile, so that nobody's rules are lost unseen."""

    def __init__(self, view: SettingsView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view, self.page = view, view.policies
        self.dialog: EnvironmentDialog | None = None
        self._wanted = ""
        self.page.save_wanted.connect(self._save)
        self.page.add_wanted.connect(self._ask_add)
        self.page.history_wanted.connect(self._read_history)
        self.listen(self.refresh, PolicyChanged)

    def open(self, params: dict[str, Any]) -> None:
        """The presenter of the whole screen says when."""

    def refresh(self) -> None:
        if self.view.current is self.page:
            self.read(self.context.workspace.policies.policies, self._show_policies)

    def _show_policies(self, policies: list[Policy]) -> None:
        self.page.show_policies(policies)
        if self._wanted:
            self.page.open(self._wanted)
            self._wanted = ""
        if self.page.form is not None:
            self._read_history(self.page.form.policy.environment)

    def _read_history(self, environment: str) -> None:
        workspace = self.context.workspace

        def history() -> list[tuple[str, str]]:
            now, found = datetime.now(UTC), []
            for event in workspace.audit.events(event="PolicyChanged", limit=LOOKED_AT):
                if event.details.get("environment") == environment:
                    number, change = event.details.get("version"), in_words(str(event.details.get("change")))
                    when = ago(datetime.fromisoformat(event.at), now)
                    found.append((f"Version {number}: {change}", f"{event.actor}, {when}"))
            return found[:SHOWN]

        def show(entries: list[tuple[str, str]]) -> None:
            if environment in self.page.forms:
                self.page.forms[environment].show_history(entries)

        self.read(history, show, name="history")

    def _save(self, edited: Policy, wished: Policy) -> None:
        policies, session = self.context.workspace.policies, self.context.session
        form = self.page.forms[wished.environment]

        def saving() -> Policy:
            present = policies.policy(wished.environment)
            if present.version != edited.version:
                raise Conflict(
                    f"Somebody made version {present.version} of these rules meanwhile.",
                    "Look at what changed below, then save again.",
                )
            return policies.set_policy(session, wished)

        def done(saved: Policy) -> None:
            form.show_policy(saved)
            self.context.toast(f"Version {saved.version} of the rules of {saved.environment} holds.")
            self._read_history(saved.environment)

        self.context.tasks.start(self, saving, done, form.show_refused)

    def _ask_add(self) -> None:
        self.dialog = EnvironmentDialog(self.page)
        self.dialog.add_wanted.connect(self._add)
        self.dialog.open()

    def _add(self, name: str) -> None:
        policies, session, dialog = self.context.workspace.policies, self.context.session, self.dialog
        if dialog is None:
            return

        def adding() -> Policy:
            if name in policies.environments():
                raise Conflict(f"There is an environment {name} already.", "Choose another name.")
            return policies.set_policy(session, Policy(name))

        def done(added: Policy) -> None:
            dialog.accept()
            self._wanted = added.environment
            self.refresh()

        self.context.tasks.start(self, adding, done, dialog.show_refused)


def in_words(change: str) -> str:
    """A change as the audit trail has it, with the page's own words for the rules."""
    for name, words in WORDS.items():
        change = change.replace(f"{name} ", f"{words} ")
    return change
