"""Reads a model, its standing in the environments, and pages of its versions."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlops_desktop.domain.alerts import AlertState
from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.events import AlertEvent, ModelChanged, ModelCreated, PolicyChanged, VersionEvent
from mlops_desktop.domain.monitoring import DriftState
from mlops_desktop.domain.promotions import Promotion
from mlops_desktop.domain.registry import Model
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.model.dialogs import Changes, EditDialog
from mlops_desktop.ui.screens.model.facts import PRODUCTION, ModelFacts, Standing, VersionRow
from mlops_desktop.ui.screens.model.view import ModelView

HISTORY = 100  # versions in the picture of the key metric


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading gave: the facts, and the ids of the wanted versions in order."""

    facts: ModelFacts
    wanted: tuple[str, str, str, bool]
    ids: array[int]


class ModelPresenter(Presenter):
    """Shows one model at a time; answers about another one are dropped."""

    def __init__(self, view: ModelView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self._model = ""
        self._facts: ModelFacts | None = None
        self._ids: array[int] = array("q")
        self._order = view.order
        navigator = context.navigator
        view.version_opened.connect(lambda n: navigator.open("version", model=self._model, version=n))
        view.request_wanted.connect(lambda n: navigator.open("version", model=self._model, version=n, tab="reviews"))
        view.compare_wanted.connect(self._compare)
        view.register_wanted.connect(lambda path: navigator.open("models", files=[path], model=self._model))
        view.standing_opened.connect(self._open_standing)
        view.edit_wanted.connect(self._edit)
        view.copied.connect(lambda: context.toast("Copied."))
        view.rows.page_wanted.connect(self._read_page)
        view.rows.order_wanted.connect(self._on_order)
        view.table.filter_changed.connect(lambda _: self.refresh())
        self.listen(self.refresh, ModelCreated, ModelChanged, VersionEvent, AlertEvent, PolicyChanged)

    def open(self, params: dict[str, Any]) -> None:
        model = str(params["model"])
        if model != self._model:
            self._model, self._facts, self._ids = model, None, array("q")
            self.view.banner.clear()
            self.view.show_unread()
            self.view.table.set_filter("")  # words that were meant for another model
        self.view.show_title(model)
        self.refresh()

    def refresh(self) -> None:
        if self._model:
            wanted = (self._model, self.view.table.filter_box.text(), *self._order)
            self.read(lambda: self._read(wanted), self._on_read)

    # Reading, on a reading thread

    def _read(self, wanted: tuple[str, str, str, bool]) -> Reading:
        workspace, (name, search, column, descending) = self.context.workspace, wanted
        registry = workspace.registry
        model, key_metric = registry.model(name), registry.key_metric(name)
        newest = registry.versions(name, limit=HISTORY)
        answering = registry.current(name, PRODUCTION)
        serving = None
        if answering is not None:
            after = (name, answering.number + 1)
            serving = next((v for v in newest if v.number == answering.number), None)
            if serving is None:
                serving = next(iter(registry.versions(name, sort="number", limit=1, after=after)), None)
        requests: defaultdict[int, list[Promotion]] = defaultdict(list)
        for promotion in workspace.promotions.promotions(model=name):
            if promotion.state.open:
                requests[promotion.version].append(promotion)
        facts = ModelFacts(
            model,
            key_metric,
            registry.metric_names(name),
            registry.count_versions(name),
            self._standings(name),
            [v for v in reversed(newest) if key_metric in v.metrics],
            serving,
            dict(requests),
        )
        return Reading(facts, wanted, self._sorted_ids(name, search, column, descending, key_metric))

    def _sorted_ids(self, model: str, search: str, column: str, descending: bool, key_metric: str) -> array[int]:
        registry = self.context.workspace.registry
        if column == "metric" and key_metric:
            ids = registry.version_ids(model, search, f"metric:{key_metric}")
            if descending:
                return ids
            # The workspace puts those without the metric last; turned around they would come first.
            having = bisect_left(
                range(len(ids)), True, key=lambda i: key_metric not in registry.summaries_of([ids[i]])[0].metrics
            )
            return array("q", [*reversed(ids[:having]), *ids[having:]])
        ascending = column == "number" and not descending
        return registry.version_ids(model, search, "oldest" if ascending else "newest")

    def _standings(self, model: str) -> list[Standing]:
        workspace = self.context.workspace
        live = workspace.delivery.deployments(model=model, live_only=True)
        drift = {found.deployment: found.drift for found in workspace.monitoring.live()} if live else {}
        firing = Counter(a.environment for a in workspace.alerts.alerts(AlertState.FIRING) if a.model == model)
        found = []
        for environment in (policy.environment for policy in workspace.policies.policies()):
            here = sorted((d for d in live if d.environment == environment), key=_standing_order)
            one = here[0] if here else None
            state = drift.get(one.id, DriftState.UNKNOWN) if one is not None else DriftState.UNKNOWN
            found.append(Standing(environment, one, firing[environment], state))
        return found

    def _rows(self, ids: Sequence[int], facts: ModelFacts) -> list[VersionRow]:
        summaries = self.context.workspace.registry.summaries_of(ids)
        return [VersionRow(s, facts.key_metric, facts.serving, facts.requests.get(s.number, ())) for s in summaries]

    # Showing

    def _on_read(self, reading: Reading) -> None:
        if reading.wanted != (self._model, self.view.table.filter_box.text(), *self._order):
            return
        self._facts = reading.facts
        self.view.show_facts(reading.facts)
        if reading.ids == self._ids:
            self.view.rows.forget_pages()  # the order stays, what the rows say may not
        else:
            self._ids = reading.ids
            self.view.rows.set_ids(reading.ids)

    def _read_page(self, first: int, ids: Sequence[int]) -> None:
        facts, whole = self._facts, self._ids
        if facts is None:
            return

        def show(rows: list[VersionRow]) -> None:
            if whole is self._ids:
                self.view.rows.set_page(first, rows)

        self.read(lambda: self._rows(ids, facts), show, name=f"page {first}")

    def _on_order(self, column: str, descending: bool) -> None:
        self._order = (column, descending)
        self.refresh()

    # Doing

    def _compare(self, rows: list[VersionRow]) -> None:
        """The older one on the left; one alone is compared with production, which is the one to beat."""
        if len(rows) == 1 and self._facts is not None and self._facts.serving is not None:
            left, right = self._facts.serving.label, rows[0].label
        elif len(rows) == 2:
            left, right = (row.label for row in sorted(rows, key=lambda row: row.number))
        else:
            return
        self.context.navigator.open("compare", left=left, right=right)

    def _open_standing(self, standing: Standing) -> None:
        if standing.deployment is not None:
            self.context.navigator.open("deployments", deployment=standing.deployment.id)
        else:
            self.context.navigator.open("deployments", model=self._model, environment=standing.environment)

    def _edit(self) -> None:
        dialog = self.view.open_edit()
        if dialog is not None:
            dialog.save_wanted.connect(lambda changes: self._save(dialog, changes))

    def _save(self, dialog: EditDialog, changes: Changes) -> None:
        registry, session, name = self.context.workspace.registry, self.context.session, self._model

        def save() -> Model:
            return registry.update_model(
                session, name, description=changes.description, tags=changes.tags, key_metric=changes.key_metric
            )

        def saved(_: Model) -> None:
            if dialog is self.view.dialog:
                dialog.accept()
            self.context.toast("Saved.")
            self.refresh()

        def failed(error: BaseException) -> None:
            if dialog is self.view.dialog:
                dialog.show_refused(error)
            else:
                self.view.show_problem(error, can_retry=False)

        self.read(save, saved, failed, name="save")


def _standing_order(deployment: Deployment) -> tuple[int, float]:
    """What carries most traffic first, then the newest."""
    return -deployment.weight, -deployment.created_at.timestamp()


def create(context: ScreenContext) -> Screen:
    view = ModelView(context.account)
    ModelPresenter(view, context)
    return view
