"""What can be changed of a model: what it is for, how it is judged, its tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.ui.screens.model.facts import ModelFacts
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.ui.widgets.forms import Form, area_field, choice_field

NO_METRIC = "none"


@dataclass(frozen=True, slots=True)
class Changes:
    """Only what was changed: what somebody else changed meanwhile stays."""

    description: str | None = None
    key_metric: str | None = None
    tags: Mapping[str, str] | None = None

    def __bool__(self) -> bool:
        return self != Changes()


class EditDialog(Dialog):
    """Stays open until it is saved; a refusal is told here, and what was typed stays."""

    save_wanted = Signal(object)  # Changes

    def __init__(self, facts: ModelFacts, parent: QWidget | None = None) -> None:
        super().__init__(f"Edit {facts.model.name}", "", "Save", parent=parent)
        self._before = facts
        self.problem = Banner()
        self.form = Form()
        self.form.add("description", area_field("Description and goals", "What it predicts, for whom, and how well."))
        metrics = list(dict.fromkeys([NO_METRIC, *facts.metric_names, *filter(None, [facts.key_metric])]))
        self.form.add(
            "key_metric", choice_field("Key metric", metrics, "By this metric the model's versions are judged.")
        )
        self.form.add("tags", area_field("Tags", "A line each: name = value.", "team = blue", 3))
        self.form.fields["description"].set_text(facts.model.description)
        self.form.fields["key_metric"].set_text(facts.key_metric or NO_METRIC)
        self.form.fields["tags"].set_text(write_tags(facts.model.tags))
        self.body.addWidget(self.problem)
        self.body.addWidget(self.form)
        self.form.fields["description"].input.setFocus()

    def on_accept(self) -> None:
        try:
            changes = self._changes()
        except InvalidInput as error:
            self.form.show_problem("tags", str(error))
            return
        if not changes:
            self.accept()
            return
        self.accept_button.setEnabled(False)
        self.save_wanted.emit(changes)

    def show_refused(self, error: BaseException) -> None:
        self.accept_button.setEnabled(True)
        self.problem.show_problem(error, can_retry=False)

    def _changes(self) -> Changes:
        model, key_metric = self._before.model, self.form.text("key_metric")
        key_metric = "" if key_metric == NO_METRIC else key_metric
        description, tags = self.form.text("description").strip(), read_tags(self.form.text("tags"))
        return Changes(
            description if description != model.description else None,
            key_metric if key_metric != self._before.key_metric else None,
            tags if tags != dict(model.tags) else None,
        )


def write_tags(tags: Mapping[str, str]) -> str:
    return "\n".join(f"{name} = {value}" if value else name for name, value in tags.items())


def read_tags(text: str) -> dict[str, str]:
    """`name = value` or `name`, a line each; InvalidInput names a line that is neither."""
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, _, value = (part.strip() for part in line.partition("="))
        if not name:
            raise InvalidInput(f"“{line[:40]}” has no name.", "Write name = value.")
        if name in found:
            raise InvalidInput(f"The tag {name[:40]} is there twice.", "Give each name once.")
        found[name] = value
    return found
