"""Reads two versions and compares them; what is found is the same as the command line's `compare`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtGui import QGuiApplication

from mlops_desktop.domain.comparison import FeatureComparison
from mlops_desktop.domain.errors import InvalidInput, NotFound
from mlops_desktop.domain.events import DeploymentEvent, TrafficSwitched, VersionFoundDamaged, VersionFoundIntact
from mlops_desktop.domain.registry import Comparison, ModelVersion, VersionSummary, parse_label
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.compare.picker import FOUND
from mlops_desktop.ui.screens.compare.report import to_markdown, write_report
from mlops_desktop.ui.screens.compare.view import CompareView


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison, and for which two it was asked."""

    sides: tuple[str, str]
    comparison: Comparison


class ComparePresenter(Presenter):
    """Versions never change, so only where they answer is read again."""

    def __init__(self, view: CompareView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self._sides = {"left": "", "right": ""}
        self._comparison: Comparison | None = None
        self._features_of: tuple[str, str] | None = None
        view.side_chosen.connect(self._choose)
        view.search_wanted.connect(self._search)
        view.swap_wanted.connect(self._swap)
        view.copy_wanted.connect(self._copy)
        view.export_chosen.connect(self._export)
        view.tabs.opened.connect(lambda _: self._read_features())
        self.listen(self.refresh, DeploymentEvent, TrafficSwitched, VersionFoundDamaged, VersionFoundIntact)

    @property
    def sides(self) -> tuple[str, str]:
        return self._sides["left"], self._sides["right"]

    def open(self, params: dict[str, Any]) -> None:
        sides = (str(params.get("left") or ""), str(params.get("right") or ""))
        if sides == self.sides or not any(sides):
            self.refresh()
            return
        self._set_sides(*sides)

    def refresh(self) -> None:
        for side in self._sides:
            self._read_side(side)
        left, right = sides = self.sides
        if not left or not right or left == right:
            return

        def compared() -> Compared:
            return Compared(sides, self.context.workspace.registry.compare(left, right))

        self.read(compared, self._on_compared, self._on_failed)

    # Choosing

    def _choose(self, side: str, label: str) -> None:
        try:
            parse_label(label)
        except InvalidInput as error:
            self.view.pickers[side].show_problem(str(error))
            return
        self._set_sides(**{**self._sides, side: label})
        self.context.navigator.replace_params(left=self._sides["left"], right=self._sides["right"])

    def _swap(self) -> None:
        left, right = self.sides
        self._set_sides(right, left)
        self.context.navigator.replace_params(left=right, right=left)

    def _set_sides(self, left: str, right: str) -> None:
        self._sides = {"left": left, "right": right}
        self._comparison = None
        self._features_of = None
        self.view.banner.clear()
        self.view.show_sides(left, right)
        self.view.training.show_reading()
        if not left or not right or left == right:
            self.view.show_nothing()
        self.refresh()

    def _search(self, side: str, text: str) -> None:
        registry, picker = self.context.workspace.registry, self.view.pickers[side]
        words = text.replace("@", " ")

        def search() -> list[VersionSummary]:
            return registry.versions(search=words, limit=FOUND)

        self.read(search, picker.show_found, name=f"search {side}")

    # Reading

    def _environments(self, model: str, number: int) -> tuple[str, ...]:
        workspace = self.context.workspace
        answering = {
            p.environment: workspace.registry.current(model, p.environment) for p in workspace.policies.policies()
        }
        return tuple(e for e, version in answering.items() if version is not None and version.number == number)

    def _on_compared(self, compared: Compared) -> None:
        if compared.sides == self.sides:
            self.view.banner.clear()
            self._comparison = compared.comparison
            self.view.show_comparison(compared.comparison)
            self._read_features()

    def _on_failed(self, error: BaseException) -> None:
        """A label that names nothing is told where it was chosen."""
        if not isinstance(error, NotFound):
            self.view.show_problem(error)
        elif self._comparison is None:
            self.view.show_nothing()

    def _read_side(self, side: str) -> None:
        """What is known of one version, also while the other side is empty."""
        registry, label, picker = self.context.workspace.registry, self._sides[side], self.view.pickers[side]
        if not label:
            return

        def version() -> tuple[ModelVersion, tuple[str, ...]]:
            found = registry.version(label)
            return found, self._environments(found.model, found.number)

        def show(found: tuple[ModelVersion, tuple[str, ...]]) -> None:
            if picker.label == label:
                picker.show_version(*found)

        def failed(error: BaseException) -> None:
            if picker.label == label:
                picker.show_problem(str(error))

        self.read(version, show, failed, name=f"side {side}")

    def _read_features(self) -> None:
        """Read when they are looked at: it takes numpy, and two files."""
        if self._comparison is None or self.view.tabs.current != "training" or self._features_of == self.sides:
            return
        left, right = sides = self.sides
        self._features_of = sides

        def features() -> tuple[tuple[str, str], tuple[FeatureComparison, ...]]:
            return sides, self.context.workspace.registry.compare_training_data(left, right)

        def show(found: tuple[tuple[str, str], tuple[FeatureComparison, ...]]) -> None:
            if found[0] == self.sides:
                self.view.show_features(found[1])

        def failed(error: BaseException) -> None:
            if sides == self.sides:
                self._features_of = None
                self.view.training.show_nothing(error)

        self.read(features, show, failed, name="features")

    # Taking along

    def _copy(self) -> None:
        if self._comparison is not None:
            QGuiApplication.clipboard().setText(to_markdown(self._comparison, self.view.shown()))
            self.context.toast("Copied as Markdown.")

    def _export(self, path: str) -> None:
        comparison, rows = self._comparison, self.view.shown()
        if comparison is None:
            return

        def exported(written: Path) -> None:
            self.context.toast(f"Written to {written.name}.")

        self.read(lambda: write_report(Path(path), comparison, rows), exported)


def create(context: ScreenContext) -> Screen:
    view = CompareView()
    ComparePresenter(view, context)
    return view
