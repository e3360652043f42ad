"""Reads a version with everything that is known of it, and follows what happens to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlops_desktop.domain.deployments import EngineStatus
from mlops_desktop.domain.errors import NotFound, StorageError, WorkstationError
from mlops_desktop.domain.events import AccountEvent, ModelChanged, PolicyChanged, VersionEvent
from mlops_desktop.domain.promotions import PromotionState
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.version.facts import VersionFacts
from mlops_desktop.ui.screens.version.view import VersionView
from mlops_desktop.ui.screens.version.work import VersionWork

TOLD = {PromotionState.VOID, PromotionState.EXPIRED, PromotionState.WITHDRAWN}


class VersionPresenter(Presenter):
    """Shows one version at a time; answers about another one are dropped."""

    def __init__(self, view: VersionView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self.work = VersionWork(self, view)
        self._model, self._number = "", 0
        self._facts: VersionFacts | None = None
        navigator, header = context.navigator, view.header
        view.models_wanted.connect(lambda: navigator.open("models"))
        header.request_wanted.connect(self._open_request)
        header.deploy_wanted.connect(self._open_deploy)
        header.compare_wanted.connect(self._compare)
        header.copied.connect(lambda text: context.toast(f"Copied {text[:40]}."))
        header.refused.connect(context.toast)
        view.tabs.opened.connect(self._on_tab)
        view.overview.model_wanted.connect(lambda: navigator.open("model", model=self._model))
        view.lineage.parent_opened.connect(lambda n: navigator.open("version", model=self._model, version=n))
        view.reviews.promotion_opened.connect(lambda n: navigator.open("inbox", promotion=n))
        view.deployments.table.opened.connect(lambda d: navigator.open("deployments", deployment=d.id))
        view.files.verify_wanted.connect(self._verify)
        view.files.export_chosen.connect(self._export)
        view.checks.run_wanted.connect(self.work.run_checks)
        view.card.copied.connect(lambda: context.toast("The card was copied."))
        view.card.saved.connect(self._save_card)
        self.listen(self.refresh, VersionEvent, ModelChanged, PolicyChanged, AccountEvent)

    def open(self, params: dict[str, Any]) -> None:
        model, number = str(params.get("model") or ""), _number(params.get("version"))
        if (model, number) != (self._model, self._number):
            self._model, self._number, self._facts = model, number, None
            self.view.show_title(model or "Version", number)
            self.view.tabs.open("overview")
            self.work.turn_to((model, number))
        if tab := params.get("tab"):
            self.view.tabs.open(str(tab))
        if not model or not number:
            self.view.show_nothing("No version was chosen", "Choose one on the page of its model.")
            return
        self.refresh()

    def refresh(self) -> None:
        if self._model and self._number:
            model, number = self._model, self._number
            self.read(
                lambda: self._read(model, number), self._on_facts, lambda error: self._on_unread(model, number, error)
            )

    def _read(self, model: str, number: int) -> VersionFacts:
        """On a reading thread."""
        workspace = self.context.workspace
        registry = workspace.registry
        version = registry.version(model, number)
        policies = workspace.policies.policies()
        current = {p.environment: found for p in policies if (found := registry.current(model, p.environment))}
        promotions = [p for p in workspace.promotions.promotions(model=model) if p.version == number]
        return VersionFacts(
            version=version,
            model=registry.model(model),
            key_metric=registry.key_metric(model),
            versions=registry.count_versions(model),
            policies=policies,
            current=current,
            promotions=promotions,
            closed=self._closed(version.label) if any(p.state in TOLD for p in promotions) else {},
            runs=workspace.checks.runs(model, number),
            deployments=[d for d in workspace.delivery.deployments(model=model) if d.version == number],
            account=workspace.accounts.account(self.context.session),
        )

    def _closed(self, label: str) -> dict[int, str]:
        """Why requests were closed: the audit trail knows."""
        events = self.context.workspace.audit.events(subject=label, event="PromotionClosed", limit=200)
        return {int(str(e.details["promotion"])): str(e.details["reason"]) for e in reversed(events)}

    def _on_facts(self, facts: VersionFacts) -> None:
        if (facts.version.model, facts.version.number) == (self._model, self._number):
            self._facts = facts
            self.view.banner.clear()
            self.view.show_facts(facts)

    def _on_unread(self, model: str, number: int, error: BaseException) -> None:
        if (model, number) != (self._model, self._number):
            return
        if self._facts is None and isinstance(error, NotFound):
            self.view.show_nothing(error.message, error.hint)
            return
        if self._facts is None:
            hint = error.hint if isinstance(error, WorkstationError) else "The banner says more."
            self.view.show_nothing("The version could not be read", hint)
        self.view.show_problem(error)

    def _on_tab(self, key: str) -> None:
        here = self.context.navigator.here
        if here is not None and here.key == "version":
            self.context.navigator.replace_params(tab=key)

    # Actions

    def _open_request(self) -> None:
        dialog = self.view.open_request()
        if dialog is not None:
            self.work.ask(dialog)

    def _open_deploy(self) -> None:
        dialog = self.view.open_deploy()
        if dialog is not None:
            workspace = self.context.workspace

            def status() -> EngineStatus:
                return workspace.delivery.engine_status()

            dialog.accepted.connect(lambda: self.work.deploy(dialog.environment))
            self.read(status, self.view.show_engine)

    def _verify(self) -> None:
        if self._facts is not None:
            self.work.verify(self._facts.version)

    def _export(self, folder: str) -> None:
        if self._facts is None:
            return
        registry, version = self.context.workspace.registry, self._facts.version

        def export() -> str:
            files = registry.export_files(version, Path(folder))
            return f"{len(files)} files exported to {Path(folder).name}."

        self.work.save(f"Export {version.label}", export)

    def _save_card(self, path: str) -> None:
        text, target = self.view.card.page.source_text, Path(path)

        def write() -> str:
            try:
                target.write_text(text, encoding="utf-8")
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise StorageError(f"The card could not be written: {reason}.", "Choose another file.") from None
            return f"Saved {target.name}."

        self.work.save(f"Save the card of {self._model}@{self._number}", write)

    def _compare(self) -> None:
        facts = self._facts
        if facts is None:
            return
        other = facts.against(facts.home)
        number = other.number if other is not None else self._number - 1 or self._number + 1
        self.context.navigator.open("compare", left=f"{self._model}@{number}", right=f"{self._model}@{self._number}")


def _number(value: object) -> int:
    """The version's number; 0 for what is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def create(context: ScreenContext) -> Screen:
    view = VersionView()
    VersionPresenter(view, context)
    return view
