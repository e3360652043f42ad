"""The name of a new environment."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.names import check_name
from mlops_desktop.ui.widgets.asking import AskingDialog
from mlops_desktop.ui.widgets.forms import text_field


class EnvironmentDialog(AskingDialog):
    """A new place where models may serve."""

    add_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        text = "It begins with all checks and one reviewer, which can be changed at once. It can't be removed later."
        super().__init__("Add an environment", text, "Add", parent)
        self.form.add("name", text_field("Name", "Part of the address of its models, such as canary"))

    def on_accept(self) -> None:
        name = self.form.text("name").strip()
        try:
            check_name(name, "environment")
        except InvalidInput as error:
            self.form.show_problem("name", f"{error.message} {error.hint}")
            return
        self.show_busy(True)
        self.add_wanted.emit(name)
